"""docs/memory.md says what is so: its Python runs, and its commands print what stands there, one after the other."""

import ast
import getpass
import inspect
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from copilot_kit import Agent, Memory, Principal, decide, open_store, tool
from copilot_kit.cli.program import run
from copilot_kit.memory.entries import Author
from copilot_kit.sync import wait
from copilot_kit.testing import ScriptedModel, call

DOC = (Path(__file__).parents[2] / "docs" / "memory.md").read_text()
PYTHON = re.findall(r"^```python\n(.*?)^```", DOC, re.MULTILINE | re.DOTALL)
CONSOLE = re.findall(r"^```console\n(.*?)^```", DOC, re.MULTILINE | re.DOTALL)
COMMANDS = [block for blocks in CONSOLE for block in re.split(r"^\$ copilot-kit ", blocks, flags=re.MULTILINE)[1:]]
NOTE = "Order 1077 can be refunded until 14 March 2027."
ADA = Principal(id="ada")


async def executed(code: str, **names: Any) -> dict[str, Any]:
    """Run a block of the document, with a model in the place of the one that it names."""
    compiled = compile(code.replace('model="default"', "model=model"), "memory.md", "exec",
                       flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)  # fmt: skip
    working = eval(compiled, names)  # noqa: S307  our own document
    if inspect.isawaitable(working):
        await working
    return names


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("COPILOT_KIT_JOURNAL", raising=False)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "refunds.md").write_text(f"# Refunds\n\n{NOTE}\n")
    return tmp_path


async def noted() -> None:
    """Do what the first block does, in a folder where a person has pinned a note."""
    Memory("notes").write(
        "pinned/preferences.md", "Amounts in euros, no dollars.\n", by=Author(kind="person", id="ada")
    )
    script = [
        call("search_docs", {"query": "refund order 1077"}),
        call("memory", {"command": "create", "path": "/memories/orders/1077.md", "file_text": NOTE + "\n"}),
        "It is noted.",
    ]
    names = await executed(PYTHON[0], model=ScriptedModel(*script, id="acme:big"))
    assert names["run"].status == "done"
    await names["agent"].store.close()


async def corrected_three_times() -> None:
    """Let a model send three mails with a `cc` that a person takes out of each."""

    @tool(effect="external", version="1")
    def send(to: str, cc: str = "") -> str:
        return "sent"

    store = open_store()
    for name in ("bob", "eve", "joe"):
        model = ScriptedModel(call("send", {"to": name, "cc": "all@shop.example"}), "Sent.", id="acme:big")
        agent = Agent(model, tools=[send], store=store)
        asked = await agent.run(f"Write to {name}")
        wanted = json.dumps({"cc": "", "to": name}, separators=(",", ":"))
        await decide(store, asked.id, asked.proposals[0].id, "edit", by=ADA, arguments=wanted)
    await store.close()


def plain(text: str) -> str:
    """Return the text without what differs from run to run: ids, times, ages, and where long lines are folded."""
    text = re.sub(r"\n *│?…", " ", text)
    text = re.sub(r"\b\d{4}-\d\d-\d\d( \d\d:\d\d)?", lambda found: "DAY TIME" if found[1] else "DAY", text)
    text = re.sub(r"\b(run|prop)_(\w+)", r"\1", text)
    text = re.sub(r"\b\d+ s\b", "0 s", text).replace(getpass.getuser(), "you")
    text = re.sub(r"\b[0-9a-f]{8}\b", "CHANGE", text)
    return re.sub(r"\s+", " ", text).strip()


def test_the_commands_print_what_stands_there(folder: Path, capsys: pytest.CaptureFixture[str]):
    wait(noted())
    memory = Memory("notes")
    wants_corrections = next(place for place, block in enumerate(COMMANDS) if block.startswith("memory review\n"))
    proposed = ""
    for place, block in enumerate(COMMANDS):
        if place == wants_corrections:
            wait(corrected_three_times())
        command, _, output = block.partition("\n")
        first = next(entry.id for entry in memory.history() if entry.path.startswith("pinned"))
        words = command.replace("9e8d7c6b", first[-8:]).replace("c-02537799", proposed)
        assert run(shlex.split(words)) == 0, command
        said = capsys.readouterr().out
        assert plain(said) == plain(output), command
        if place == wants_corrections:
            proposed = said.split()[0]
    assert "leave `cc` empty" in memory.read("pinned/corrections.md")


async def test_a_long_task_runs_as_written_and_the_check_sends_it_back_once(folder: Path):
    @tool(effect="read")
    def read_report(region: str) -> str:
        return f"All is well in the {region}."

    script = [call("read_report", {"region": "north"}), "The north is well.", "The north and the south are well."]
    model = ScriptedModel(*script)
    names = await executed(PYTHON[1], model=model, read_report=read_report)
    assert (names["run"].status, names["run"].text) == ("done", "The north and the south are well.")
    assert "The answer does not name ['south']." in model.last_request.messages[-1].text
    assert [one.passed for one in names["run"].checks] == [False, True]


def test_the_marks_and_the_keys_are_those_of_the_command():
    from copilot_kit.cli import memory_review
    from copilot_kit.cli.memory_lines import MARKS

    for mark in MARKS:
        assert f"`{mark[:1]}`" in DOC, mark
    source = inspect.getsource(memory_review)
    for key in re.findall(r"`([a-z])` (?:confirms|opens|takes|leaves)", DOC):
        assert f'case "{key}"' in source or f'| "{key}"' in source, key


def test_it_is_short():
    assert len(DOC.splitlines()) <= 140
