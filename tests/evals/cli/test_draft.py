"""`copilot-kit eval draft`: nothing is taken without a person's key at a terminal."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pytest

from copilot_kit_evals.drafts import Draft, Drafts
from copilot_kit_evals.items import Dataset

Copilot = Callable[..., Any]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    path = tmp_path / "support.jsonl"
    Drafts(path).keep(Draft(id=f"d{n}", input=text, target="yes", why="because", model="fake:writer")
                      for n, text in enumerate(("Is A so?", "Is B so?")))  # fmt: skip
    return path


def test_without_a_terminal_drafts_are_counted_and_none_is_taken(copilot: Copilot, dataset: Path):
    ended = copilot("eval", "draft", dataset)
    assert ended.code == 0
    assert "2 drafts in" in ended.out
    assert "that needs a person's key" in ended.err
    assert not dataset.exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("new.jsonl",), 0, "No draft waits for new.jsonl"),
        (("new.jsonl", "--model", "nobody:x"), 64, "has no item to go by"),
        (("new.jsonl", "--model", "nobody:x", "--from", "text.md"), 64, "Cannot open model 'nobody:x'"),
        (("new.jsonl", "--model", "nobody:x", "--from", "empty.md"), 3, "has 0 characters"),
        (("new.jsonl", "--model", "nobody:x", "--from", "nowhere.md"), 64, "'nowhere.md'"),
        (("new.jsonl", "--from", "text.md"), 64, "Name a model"),
        (("new.csv",), 64, "dataset of JSON lines"),
    ],
)
def test_what_is_wrong_is_one_line(
    copilot: Copilot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int, said: str
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.md").write_text("Text.")
    (tmp_path / "empty.md").write_text("")
    ended = copilot("eval", "draft", *words)
    assert (ended.code, ended.err.count("\n")) == (code, 1)
    assert said in ended.err


@pytest.mark.slow
def test_a_person_takes_one_and_leaves_the_other_at_a_real_terminal(dataset: Path):
    env = {**os.environ, "NO_COLOR": "1", "TERM": "xterm"}
    words = ["-m", "copilot_kit", "eval", "draft", str(dataset)]
    child = pexpect.spawn(sys.executable, words, env=env, encoding="utf-8", timeout=20, dimensions=(30, 90))
    child.expect("drafts · 1 of 2")
    child.expect("Is A so")
    child.expect("q leave")
    child.send("y")  # within the first 300 ms: meant for what was there before
    time.sleep(0.5)
    child.send("yes please\r")  # pasted
    time.sleep(0.5)
    assert not dataset.exists()
    child.send("y")
    child.expect("drafts · 1 of 1")
    child.expect("taken: d0")
    child.expect("q leave")
    time.sleep(0.5)
    child.send("q")
    child.expect("1 item taken into support.jsonl, 1 left to decide")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert [item.id for item in Dataset.read(dataset)] == ["d0"]
    assert [draft.id for draft in Drafts(dataset).waiting()] == ["d1"]
