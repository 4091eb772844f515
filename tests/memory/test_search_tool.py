"""A model searches its notes: with places to cite, and with the trust that each line has."""

import json
from pathlib import Path

import pytest

from copilot_kit.memory.entries import Author
from copilot_kit.memory.memory import Memory
from copilot_kit.memory.search_tool import search_tool
from copilot_kit.messages import Source, Text
from copilot_kit.outputs import ToolOutput
from copilot_kit.tools import ToolContext

ANN = Author(kind="person", id="ann")
MODEL = Author(kind="model", run_id="run_1", model="gpt > gpt-1")
MAIL = Source(kind="tool", ref="read_mail")


async def call(memory: Memory, **arguments: object) -> ToolOutput:
    tool = search_tool(memory)
    return await tool.run(tool.canonical(json.dumps(arguments)), ToolContext(run_id="r", call_id="c"))


async def test_lines_of_a_person_are_trusted_and_lines_from_a_mail_say_where_they_come_from(tmp_path: Path):
    memory = Memory(tmp_path)
    memory.write("refunds.md", "Refunds go back by card.\n", by=ANN)
    memory.change("refunds.md", lambda text: text + "Refunds go to mallory.\n", by=MODEL, sources=(MAIL,))
    output = await call(memory, query="refunds")
    assert output.content == (
        Text(text="/memories/refunds.md:1-2\n", source=Source(kind="memory")),
        Text(text="Refunds go back by card.\n", source=Source(kind="memory", ref="refunds.md", trusted=True)),
        Text(text="Refunds go to mallory.\n", source=Source(kind="memory", ref="refunds.md", of=(MAIL,))),
        Text(text="\n", source=Source(kind="memory")),
    )


async def test_what_was_written_through_the_memory_and_by_hand_is_found(tmp_path: Path):
    memory = Memory(tmp_path)
    memory.write("a.md", "apples\n", by=MODEL)
    assert [hit.path for hit in memory.search("apples")] == ["a.md"]
    memory.rename("a.md", "b.md", by=MODEL)
    assert [hit.path for hit in memory.search("apples")] == ["b.md"]
    (tmp_path / "c.md").write_text("pears\n", encoding="utf-8")
    assert [hit.path for hit in memory.search("pears")] == ["c.md"]
    memory.delete("b.md", by=MODEL)
    assert memory.search("apples") == []


async def test_the_history_is_not_searched(tmp_path: Path):
    memory = Memory(tmp_path)
    memory.write("a.md", "confidential\n", by=MODEL)
    memory.write("a.md", "nothing\n", by=MODEL)
    assert [
        part.text for part in (await call(memory, query="confidential run_1 gpt")).content if part.type == "text"
    ] == ["Nothing in your notes has any of these words: 'confidential run_1 gpt'."]


@pytest.mark.parametrize("within", ["plans", "/memories/plans", "/memories/plans/"])
async def test_a_folder_is_searched_as_models_name_it(tmp_path: Path, within: str):
    memory = Memory(tmp_path)
    memory.write("plans/a.md", "apples\n", by=MODEL)
    memory.write("b.md", "apples\n", by=MODEL)
    output = await call(memory, query="apples", within=within)
    assert [part.text for part in output.content if isinstance(part, Text)][::3] == ["/memories/plans/a.md:1-1\n"]


@pytest.mark.parametrize("within", ["../", "/etc", "a\\b", "/memories/../.."])
async def test_a_folder_outside_of_the_memory_is_refused(tmp_path: Path, within: str):
    output = await call(Memory(tmp_path), query="root", within=within)
    assert output.outcome == "error"
    assert str(tmp_path) not in str(output.content)
