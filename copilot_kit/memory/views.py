"""What a model is shown of a memory: folders as listings, files as numbered lines, each with where it came from."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from copilot_kit.memory import answers
from copilot_kit.memory.commands import ROOT, Replace, View
from copilot_kit.memory.entries import Block
from copilot_kit.memory.memory import Memory, Page
from copilot_kit.memory.paths import place_of
from copilot_kit.memory.problems import MemoryProblem, NotAFile, NotFound
from copilot_kit.messages import Source, Text

MOST_SHOWN: Final = 40_000
"""Characters of one view; the rest is asked for by lines."""
MOST_LISTED: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Line:
    shown: str
    block: Block | None

    @property
    def trusted(self) -> bool:
        return self.block is not None and self.block.trusted


def view(memory: Memory, command: View) -> list[Text]:
    """Return a file's lines, or what is in a folder; raises `ToolError` in the documented words."""
    try:
        if command.path == ROOT:
            return _listing(memory, command.path)
        page = memory.page(command.path)
    except NotFound as problem:
        raise answers.not_there(command.path, "view") from problem
    except NotAFile:
        return _listing(memory, command.path)
    lines = answers.lines_of(page.text)
    return _numbered(
        page, answers.content_head(command.path), answers.shown_lines(len(lines), command.lines, command.path)
    )


def changed_view(memory: Memory, command: Replace, before: str) -> list[Text]:
    """Return the lines that a replacement changed, as they are now."""
    head = answers.replaced_head()
    after = answers.with_replacement(before, command)
    try:
        page = memory.page(command.path)
    except MemoryProblem:  # gone again already
        return [Text(text=head)]
    return _numbered(page, head, answers.snippet_lines(before, command, after))


def untrusted_of(memory: Memory, path: str, lines: Callable[[str], range]) -> tuple[Source, ...]:
    """Return the untrusted things that these lines of a file were built on."""
    page = memory.page(path)
    wanted = lines(page.text)
    return _built_on(block for block in page.blocks if wanted and block.first <= wanted[-1] and block.last >= wanted[0])


def _listing(memory: Memory, path: str) -> list[Text]:
    found = [one for one in memory.listing(path, depth=answers.LISTED_DEPTH) if answers.is_listed(one.path)]
    above = place_of(path).path
    direct = len(above) + 1 if above else 0
    total = sum(one.size for one in found if "/" not in one.path[direct:])
    lines = [f"{answers.size(total)}\t{path}"]
    lines += [
        f"{answers.size(one.size)}\t{ROOT}/{one.path}{'/' if one.is_folder else ''}" for one in found[:MOST_LISTED]
    ]
    if len(found) > MOST_LISTED:
        lines.append(f"[{len(found) - MOST_LISTED:,} more are not listed. View the folders below one by one.]")
    return [Text(text=answers.listing_head(path) + "\n".join(lines))]


def _numbered(page: Page, head: str, numbers: range) -> list[Text]:
    """Return the head and the lines; lines that people vouch for are parts of their own."""
    texts = answers.lines_of(page.text)
    blocks = _by_line(page.blocks, len(texts))
    lines, length = list[_Line](), 0
    for number in numbers:
        line = _Line(answers.numbered(texts[number - 1], number), blocks[number - 1])
        length += len(line.shown)
        if lines and length > MOST_SHOWN:
            rest = f"[{number - numbers[0]:,} lines are shown. Go on with view_range [{number}, {numbers[-1]}].]"
            return _parts(page.path, head, lines, rest)
        lines.append(line)
    return _parts(page.path, head, lines, "")


def _by_line(blocks: Sequence[Block], count: int) -> list[Block | None]:
    found: list[Block | None] = [None] * count
    for block in blocks:
        for number in range(block.first, min(block.last, count) + 1):
            found[number - 1] = block
    return found


def _parts(path: str, head: str, lines: Sequence[_Line], rest: str) -> list[Text]:
    """Return head, lines of one trust joined, and rest; nobody vouches for head and rest: a model named the file."""
    parts = [Text(text=head, source=Source(kind="memory", ref=path))]
    for trusted, group in groupby(lines, lambda line: line.trusted):
        parts = _joined(parts, _part(path, list(group), trusted=trusted))
    return _joined(parts, Text(text=rest, source=Source(kind="memory", ref=path))) if rest else parts


def _part(path: str, lines: Sequence[_Line], *, trusted: bool) -> Text:
    of = () if trusted else _built_on(line.block for line in lines)
    source = Source(kind="memory", ref=path, trusted=trusted, of=of)
    return Text(text="".join(line.shown for line in lines), source=source)


def _joined(parts: list[Text], part: Text) -> list[Text]:
    """Return the parts with one more, joined to the last where nobody vouches for either."""
    last = parts[-1]
    if last.source is None or part.source is None or last.source.trusted or part.source.trusted:
        return [*parts, part]
    of = tuple(dict.fromkeys([*last.source.of, *part.source.of]))
    source = last.source.model_copy(update={"of": of})
    return [*parts[:-1], Text(text=last.text + part.text, source=source)]


def _built_on(blocks: Iterable[Block | None]) -> tuple[Source, ...]:
    return tuple(dict.fromkeys(_sources(blocks)))


def _sources(blocks: Iterable[Block | None]) -> Iterator[Source]:
    for block in blocks:
        if block is not None and block.entry is not None and not block.trusted:
            yield from block.entry.sources
