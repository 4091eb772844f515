"""Documents are searched and read by models: cited line by line, never written, and nothing else of the machine."""

import json
import os
from pathlib import Path

import pytest

from copilot_kit.errors import UsageError
from copilot_kit.memory.knowledge import Knowledge
from copilot_kit.messages import Source, Text
from copilot_kit.outputs import ToolOutput
from copilot_kit.tools import ToolContext


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(text.encode())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "docs/refunds.md", "# Refunds\n\nWithin 30 days.\n\n## Gift cards\n\nNever refunded.\n")
    write(tmp_path, "docs/shipping/germany.txt", "Three days.\nFree from 50 euro.\n")
    return tmp_path / "docs"


@pytest.fixture
def docs(folder: Path) -> Knowledge:
    return Knowledge(folder, index=folder.parent / "index.db")


async def call(knowledge: Knowledge, name: str, **arguments: object) -> ToolOutput:
    tools = {tool.name: tool for tool in knowledge.tools()}
    tool = tools[name]
    return await tool.run(tool.canonical(json.dumps(arguments)), ToolContext(run_id="r", call_id="c"))


def words(output: ToolOutput) -> str:
    return "".join(part.text for part in output.content if isinstance(part, Text))


async def test_a_result_begins_with_what_it_cites_and_is_not_trusted(docs: Knowledge):
    output = await call(docs, "search_docs", query="gift cards")
    assert output.content == (
        Text(
            text="docs/refunds.md:5-7\n## Gift cards\n\nNever refunded.",
            source=Source(kind="document", ref="docs/refunds.md:5-7", trusted=False),
        ),
    )


async def test_documents_that_the_application_vouches_for_are_trusted(folder: Path):
    policies = Knowledge(folder, name="policies", trusted=True, index=folder.parent / "index.db")
    assert [tool.name for tool in policies.tools()] == ["search_policies", "read_policies"]
    (part,) = (await call(policies, "search_policies", query="euro")).content
    assert part == Text(
        text="policies/shipping/germany.txt:1-2\nThree days.\nFree from 50 euro.",
        source=Source(kind="document", ref="policies/shipping/germany.txt:1-2", trusted=True),
    )


def test_both_tools_only_read(docs: Knowledge):
    assert [tool.effect for tool in docs.tools()] == ["read", "read"]


async def test_words_that_stand_nowhere_are_said_to_with_what_was_searched(folder: Path, docs: Knowledge):
    (folder / "logo.png").write_bytes(b"\x89PNG\0")
    write(folder, "huge.txt", "x" * 5_000_000)
    output = await call(docs, "search_docs", query="bicycles")
    assert words(output) == (
        "No passage in docs has any of these words: 'bicycles'. Searched: 2 files. Not searched: 1 no text, 1 too big. "
        "Try other words for the same thing."
    )
    assert docs.counts() == {"read": 2, "binary": 1, "huge": 1}


async def test_results_are_as_many_as_asked_for(folder: Path, docs: Knowledge):
    for number in range(30):
        write(folder, f"{number}.md", "bicycles\n")
    assert len((await call(docs, "search_docs", query="bicycles", limit=3)).content) == 3
    assert len((await call(docs, "search_docs", query="bicycles")).content) == 5


async def test_an_endless_line_is_cut_in_results_and_in_reading(folder: Path, docs: Knowledge):
    write(folder, "min.json", "bicycle " * 100_000)
    assert len(words(await call(docs, "search_docs", query="bicycle"))) < 4_200
    output = await call(docs, "read_docs", path="docs/min.json")
    assert words(output).endswith(" [cut: 770000 more characters in this line]")


@pytest.mark.parametrize("path", ["docs/shipping/germany.txt", "shipping/germany.txt", "/docs/shipping/germany.txt"])
async def test_a_document_is_read_by_its_citation_or_its_path(docs: Knowledge, path: str):
    output = await call(docs, "read_docs", path=path, first_line=2, last_line=2)
    assert output.content == (
        Text(
            text="docs/shipping/germany.txt:2-2\nFree from 50 euro.",
            source=Source(kind="document", ref="docs/shipping/germany.txt:2-2", trusted=False),
        ),
    )


async def test_a_long_document_is_read_in_pages(folder: Path, docs: Knowledge):
    write(folder, "long.txt", "".join(f"line {n}\n" for n in range(1, 1001)))
    text = words(await call(docs, "read_docs", path="long.txt", first_line=301))
    assert text.startswith("docs/long.txt:301-700\nline 301\n")
    assert text.endswith("\nline 700\n[docs/long.txt has 1000 lines; go on with first_line=701]")


async def test_wide_lines_make_the_pages_shorter(folder: Path, docs: Knowledge):
    write(folder, "wide.txt", ("x" * 999 + "\n") * 100)
    text = words(await call(docs, "read_docs", path="wide.txt"))
    assert text.startswith("docs/wide.txt:1-25\n")
    assert text.endswith("go on with first_line=26]")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            {"path": "docs/refund.md"},
            "There is no document 'docs/refund.md' in docs. There are: docs/refunds.md, docs/shipping/germany.txt.",
        ),
        (
            {"path": "docs/shipping"},
            "There is no document 'docs/shipping' in docs. There are: docs/shipping/germany.txt.",
        ),
        (
            {"path": "refunds.md", "first_line": 9},
            (
                "docs/refunds.md has lines 1-7, so there is nothing in 9-. Ask for lines between those, the first one "
                "first."
            ),
        ),
        (
            {"path": "refunds.md", "first_line": 3, "last_line": 2},
            (
                "docs/refunds.md has lines 1-7, so there is nothing in 3-2. Ask for lines between those, the first one "
                "first."
            ),
        ),
    ],
)
async def test_what_is_not_there_is_said_with_what_is(docs: Knowledge, arguments: dict[str, object], said: str):
    output = await call(docs, "read_docs", **arguments)
    assert (output.outcome, words(output)) == ("error", said)


@pytest.mark.parametrize(
    "path",
    ["../secret.txt", "docs/../../secret.txt", "/etc/passwd", "docs/..%2f..%2fsecret.txt", "..\\secret.txt",
     "//etc/passwd", "link.txt", "outside/secret.txt", "pipe", "", "/", ".", "docs", "\x00", "a\x00b", "\ud800",
     "\uff0e\uff0e/secret.txt",
     "~/.ssh/id_rsa", "file:///etc/passwd", ".hidden", "C:\\secret.txt", "x" * 10_000],
)  # fmt: skip
async def test_no_path_leads_outside_and_no_answer_names_the_machine(folder: Path, docs: Knowledge, path: str):
    write(folder.parent, "secret.txt", "forbidden\n")
    write(folder, ".hidden", "forbidden\n")
    (folder / "link.txt").symlink_to(folder.parent / "secret.txt")
    (folder / "outside").symlink_to(folder.parent)
    os.mkfifo(folder / "pipe")
    read = docs.tools()[1]
    output = await read.run(json.dumps({"path": path, "first_line": 1, "last_line": None}), ToolContext("r", "c"))
    assert output.outcome == "error"
    assert "forbidden" not in words(output)
    assert str(folder.parent) not in words(output)
    assert "link.txt," not in words(output)
    assert (await call(docs, "search_docs", query="forbidden")).content[0].type == "text"
    assert docs.search("forbidden") == []


async def test_a_binary_document_is_not_read(folder: Path, docs: Knowledge):
    (folder / "logo.png").write_bytes(b"\x89PNG\0")
    output = await call(docs, "read_docs", path="logo.png")
    assert (output.outcome, words(output)) == ("error", "'logo.png' cannot be read: it is no text.")


async def test_an_empty_document_is_said_to_be_empty(folder: Path, docs: Knowledge):
    write(folder, "empty.md", "")
    assert words(await call(docs, "read_docs", path="empty.md")) == "docs/empty.md is empty."


def test_nothing_is_written_into_the_folder(folder: Path, docs: Knowledge):
    before = sorted(folder.rglob("*"))
    assert [hit.path for hit in docs.search("euro")] == ["shipping/germany.txt"]
    assert sorted(folder.rglob("*")) == before
    assert (folder.parent / "index.db").exists()


def test_a_document_that_has_another_name_too_is_searched(folder: Path, docs: Knowledge):
    os.link(folder / "refunds.md", folder.parent / "elsewhere.md")
    assert [hit.path for hit in docs.search("gift")] == ["refunds.md"]


def test_a_folder_that_is_missing_is_wrong_use(tmp_path: Path):
    with pytest.raises(UsageError, match=r"there is no such folder\. Name one that exists\."):
        Knowledge(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["", "two words", "../docs", "9docs", "x" * 60])
def test_a_name_that_tools_cannot_have_is_wrong_use(folder: Path, name: str):
    with pytest.raises(UsageError, match="Documents cannot be called"):
        Knowledge(folder, name=name)
