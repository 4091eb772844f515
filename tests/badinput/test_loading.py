"""Contents that try to run code or to grant rights, put before everything that reads a file: they are only text."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from copilot_kit.approval.gate_file import read_gate
from copilot_kit.cli.keys import read_script
from copilot_kit.cli.program import run
from copilot_kit.errors import CopilotError
from copilot_kit.journal import Draft, MemoryStore
from copilot_kit.journal.store import unseal
from copilot_kit.records import RunStarted
from copilot_kit.slots import read_frontier
from copilot_kit.tools import tool


@tool
def act(name: str = "") -> str:
    """Act."""
    return name


def as_record(content: bytes) -> None:
    async def one() -> Any:
        store = MemoryStore()
        started = RunStarted(agent="a", prompt_version="p", model="m")
        return (await store.append("run_1", [Draft(started)], after=-1))[0]

    head = asyncio.run(one()).head
    unseal(head, content)
    unseal(replace(head, schema=999_999), content)


READERS: dict[str, Callable[[Path], Any]] = {
    "gate": read_gate,
    "slots": read_frontier,
    "script": read_script,
    "arguments": lambda path: act.canonical(path.read_bytes().decode("utf-8", "replace")),
    "record": lambda path: as_record(path.read_bytes()),
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_it_is_read_as_text_or_refused_in_words_and_runs_nothing(
    reader: Callable[[Path], Any], loaded: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    for content in loaded:
        path = tmp_path / "content"
        path.write_bytes(content)
        with contextlib.suppress(CopilotError):  # any other error is a fault
            reader(path)
        assert not (tmp_path / "CANARY").exists(), content


@pytest.mark.parametrize("command", [("audit", "verify"), ("inbox", "--json"), ("runs", "list")])
def test_a_file_that_is_no_journal_is_refused_in_a_line_and_left_as_it_is(
    command: tuple[str, ...], loaded: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for content in loaded:
        path = tmp_path / "content"
        path.write_bytes(content)
        code = run([*command, "--store", str(path)])
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        assert not (tmp_path / "CANARY").exists()
        if content:  # an empty file is a journal that nothing was written to yet
            assert code != 0
            assert path.read_bytes() == content
