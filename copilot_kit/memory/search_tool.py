"""Search of a memory as a tool: the passages that answer, each line with the trust that it has in the memory.

Agent(..., tools=[memory_tool(memory), search_tool(memory)])
"""

from itertools import groupby
from typing import Annotated, Final

from pydantic import Field

from copilot_kit.display import clipped
from copilot_kit.memory.commands import ROOT
from copilot_kit.memory.entries import Block, Hit
from copilot_kit.memory.memory import Memory, Page
from copilot_kit.memory.passages import lines_of
from copilot_kit.memory.problems import MemoryProblem
from copilot_kit.messages import Source, Text
from copilot_kit.outputs import ToolError
from copilot_kit.tools import Tool, tool

NAME: Final = "search_memory"
MOST_RESULTS: Final = 20
MOST_LINE_CHARS: Final = 2_000
_NOBODYS = Source(kind="memory")


def search_tool(memory: Memory) -> Tool[..., list[Text]]:
    """Return the tool `search_memory`, by which a model finds what stands in this memory."""

    def found(
        query: Annotated[str, "a few words; passages with the rarest of them come first"],
        within: Annotated[str, "a folder or file to search in, as /memories/plans; without it, everywhere"] = "",
        limit: Annotated[int, Field(ge=1, le=MOST_RESULTS)] = 5,
    ) -> list[Text]:
        try:
            hits = memory.search(query, limit=limit, within=within)
        except MemoryProblem as problem:
            raise ToolError(f"Error: {problem}") from problem
        if not hits:
            return [Text(text=f"Nothing in your notes has any of these words: {clipped(query, 100)!r}.")]
        return [part for hit in hits for part in _quoted(memory, hit)]

    return tool(
        effect="read",
        name=NAME,
        description=f"Search your notes below {ROOT}. Each result begins with path:first-last line; view that file "
        "with the memory tool to read on.",
    )(found)


def _quoted(memory: Memory, hit: Hit) -> list[Text]:
    """Return the passage with its place; lines that people vouch for are parts of their own."""
    parts = [Text(text=f"{ROOT}/{hit.path}:{hit.first}-{hit.last}\n", source=_NOBODYS)]
    lines = [(line, _block_of(page, number, line)) for page in _page(memory, hit) for number, line in _numbered(hit)]
    if not lines:  # it was changed just now: nobody knows whose these lines are
        lines = [(line, None) for _, line in _numbered(hit)]
    for trusted, group in groupby(lines, lambda one: one[1] is not None and one[1].trusted):
        together = list(group)
        entries = [block.entry for _, block in together if block is not None and block.entry is not None]
        of = () if trusted else tuple(dict.fromkeys(source for entry in entries for source in entry.sources))
        text = "".join(f"{_shortened(line)}\n" for line, _ in together)
        parts.append(Text(text=text, source=Source(kind="memory", ref=hit.path, trusted=trusted, of=of)))
    return [*parts, Text(text="\n", source=_NOBODYS)]


def _page(memory: Memory, hit: Hit) -> list[Page]:
    """Return the file, if the passage still stands in it where it was found."""
    try:
        page = memory.page(hit.path)
    except MemoryProblem:
        return []
    return [page] if "\n".join(lines_of(page.text)[hit.first - 1 : hit.last]) == hit.text else []


def _numbered(hit: Hit) -> list[tuple[int, str]]:
    return list(enumerate(hit.text.split("\n"), hit.first))


def _block_of(page: Page, number: int, line: str) -> Block | None:
    """Return who brought a line; nobody vouches for one that is cut."""
    if len(line) > MOST_LINE_CHARS:
        return None
    return next((block for block in page.blocks if block.first <= number <= block.last), None)


def _shortened(line: str) -> str:
    if len(line) <= MOST_LINE_CHARS:
        return line
    return f"{line[:MOST_LINE_CHARS]} [cut: {len(line) - MOST_LINE_CHARS} more characters in this line]"
