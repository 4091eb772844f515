"""Which models there are, what they can do, whether they answer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_providers_and_slots_are_listed(copilot: Callable[..., Any], acme: Path, own_folder: Path):
    (own_folder / "frontier.toml").write_text('[slots.default]\nmodel = "acme:large"\n')
    found = copilot("models", "list", "--json").json
    assert {"provider": "acme", "package": "acme_cli_adapter (acme 1.0)"} in found["providers"]
    assert found["slots"] == [
        {"slot": "default", "model": "acme:large", "base_url": None, "file": str(own_folder / "frontier.toml")}
    ]
    assert "acme:large" in copilot("models", "list").out


def test_what_is_known_of_a_model_is_shown(copilot: Callable[..., Any], acme: Path):
    found = copilot("models", "show", "acme:large", "--json").json
    assert found == {"model": "acme:large", "slot": None, "settings": {}, "sources": {},
                     "profile": {"tools": True, "context_window": 8192}}  # fmt: skip


def test_a_model_is_checked_by_one_tiny_question(copilot: Callable[..., Any], acme: Path):
    found = copilot("models", "check", "acme:echo", "--json").json
    assert found["text"] == "you said Answer with the one word: ready"
    assert found["usage"]["input"] == 12
    assert found["took_s"] < 10
    assert copilot("models", "check", "acme:echo").out.splitlines()[1] == "12 in · 3 out · price unknown"


def test_what_a_model_writes_cannot_act_on_the_terminal(copilot: Callable[..., Any], acme: Path):
    assert "⟦U+001B⟧[2J⟦U+202E⟧ done" in copilot("models", "check", "acme:tricky").out


def test_a_missing_key_is_told_by_its_variable(copilot: Callable[..., Any], acme: Path):
    ended = copilot("models", "check", "acme:locked")
    assert (ended.code, ended.err) == (1, "No key for 'acme': set the environment variable ACME_API_KEY.\n")


def test_weights_that_nobody_has_are_refused_with_those_there_are(copilot: Callable[..., Any]):
    ended = copilot("models", "pull", "gpt-2")
    assert ended.code == 64
    assert ended.err.startswith("Cannot pull weights 'gpt-2': write one of those that can be pulled (")
