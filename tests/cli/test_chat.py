"""Talking to a model, and to another one in mid-conversation."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def test_each_answer_comes_with_its_cost(
    copilot: Callable[..., Any], acme: Path, monkeypatch: pytest.MonkeyPatch
):  # fmt: skip
    typed(monkeypatch, "hello there", "", "and again")
    ended = copilot("chat", "--model", "acme:echo")
    assert ended.code == 0
    assert ended.out == "you said hello there\nyou said and again\n"
    assert ended.err.count("12 in · 3 out · price unknown") == 2


def test_a_conversation_goes_on_with_another_model(
    copilot: Callable[..., Any], acme: Path, monkeypatch: pytest.MonkeyPatch
):
    typed(monkeypatch, "one", "/model acme:second", "two", "/usage")
    ended = copilot("chat", "--model", "acme:echo")
    assert "the next answer comes from acme:second" in ended.err
    assert "now acme:second" in ended.err
    assert ended.err.splitlines()[-1] == "24 in · 6 out · price unknown"
    rows = copilot("runs", "list", "--json").json
    assert len(rows) == 1
    kinds = [record["kind"] for record in copilot("runs", "show", rows[0]["run_id"], "--json").json["records"]]
    assert kinds.count("model_switched") == 1
    assert kinds.count("responded") == 2


def test_a_model_that_is_not_there_leaves_the_conversation_as_it_is(
    copilot: Callable[..., Any], acme: Path, monkeypatch: pytest.MonkeyPatch
):
    typed(monkeypatch, "one", "/model gemini", "two")
    ended = copilot("chat", "--model", "acme:echo")
    assert "Cannot open model 'gemini'" in ended.err
    assert ended.out == "you said one\nyou said two\n"


def test_an_error_of_the_model_does_not_end_the_chat(
    copilot: Callable[..., Any], acme: Path, monkeypatch: pytest.MonkeyPatch
):
    typed(monkeypatch, "one", "/model acme:denied", "two", "/model acme:echo", "three")
    ended = copilot("chat", "--model", "acme:echo")
    assert ended.out == "you said one\nyou said three\n"
    assert "The key is not allowed to use this model." in ended.err
    assert ended.code == 0


def test_a_model_whose_weights_are_not_there_does_not_end_the_chat(
    copilot: Callable[..., Any], acme: Path, monkeypatch: pytest.MonkeyPatch
):
    typed(monkeypatch, "one", "/model acme:unfit", "two", "/model acme:echo", "three")
    ended = copilot("chat", "--model", "acme:echo")
    assert ended.out == "you said one\nyou said three\n"
    assert "There are no weights of this name. Pull them." in ended.err
    assert ended.code == 0


def test_what_a_model_writes_cannot_act_on_the_terminal(copilot: Callable[..., Any], acme: Path):
    ended = copilot("chat", "hi", "--model", "acme:tricky")
    assert ended.out == "all fine ⟦U+001B⟧[2J⟦U+202E⟧ done\n"


def test_unknown_commands_are_not_sent_to_the_model(
    copilot: Callable[..., Any], acme: Path, monkeypatch: pytest.MonkeyPatch
):
    typed(monkeypatch, "/modle acme:x", "/quit", "never said")
    ended = copilot("chat", "--model", "acme:echo")
    assert ended.out == ""
    assert "There is no command '/modle'" in ended.err


def test_an_answer_can_be_had_as_json_alone(copilot: Callable[..., Any], acme: Path):
    ended = copilot("chat", "hi", "--model", "acme:echo", "--json")
    assert ended.json["text"] == "you said hi"
    assert ended.json["usage"]["input"] == 12
    assert ended.json["run_id"].startswith("run_")


def test_a_question_from_a_pipe_that_gets_no_answer_exits_with_1(copilot: Callable[..., Any], acme: Path):
    ended = copilot("chat", "hi", "--model", "acme:denied")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.splitlines() == ["The key is not allowed to use this model. Use another."]
