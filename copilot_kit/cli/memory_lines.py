"""A memory as lines for the screen: folders, files with who brought which line, changes; others' text is escaped."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from copilot_kit.cli.screen import bold, counted, dim, warned
from copilot_kit.display import block, clipped, visible, width_of
from copilot_kit.memory.concerns import Mark, asked_name, mark_of
from copilot_kit.memory.entries import Author, Block, Entry
from copilot_kit.memory.memory import Listed, Page

MARKS: Final[dict[Mark, str]] = {
    "untrusted": "built on text that nobody vouches for",
    "outside": "changed past the memory, or nobody knows by whom",
    "retired": "by a model that is asked no more",
    "model": "by a model, confirmed by nobody",
}
"""What a mark says; its letter is its first one."""
ID_DIGITS: Final = 8
"""Of a change's id, from its end: enough to name it by."""
_WHO, _NAME, _NUMBER = 28, 34, 5
_INDENT = "  "


@dataclass(frozen=True, slots=True)
class Row:
    """A file or folder in the tree."""

    listed: Listed
    last: Entry | None
    """The change that brought it to what it is."""
    marks: tuple[Mark, ...] = ()
    files: int = 0
    """Of a folder: how many files are in it."""
    closed: bool = False
    """Of a folder: what is in it is not shown."""


def tree_lines(rows: Sequence[Row], *, above: str, width: int) -> list[str]:
    """Return a line for each file and folder, those in a folder below it; above: the folder that is shown."""
    names = [_name(row, above) for row in rows]
    room = min(max([width_of(name) for name in names] + [8]), max(_NAME, width - 46))
    return [_tree_line(row, name, room, width) for row, name in zip(rows, names, strict=True)]


def file_lines(
    page: Page, *, models: Collection[str] | None, width: int, only: Sequence[Block] = (), dots: bool = True
) -> list[str]:
    """Return the file's lines with number and mark; only: those of these blocks, with dots for the others."""
    texts = page.text.split("\n")
    texts = texts[:-1] if texts[-1] == "" else texts
    lines: list[str] = []
    end = 0
    for one in only or page.blocks or [Block(first=1, last=len(texts), entry=None)]:
        if one.first > end + 1 and dots:
            lines.append(dim(f"{'⋮':>{_NUMBER}}"))
        mark = mark_of(one, models)
        for number in range(one.first, min(one.last, len(texts)) + 1):
            margin = f"{number:>{_NUMBER}} {mark[:1] or ' '} │ "
            pieces = block(texts[number - 1], margin=margin, width=width)
            lines += map(warned, pieces) if mark in {"untrusted", "outside", "retired"} else pieces
        end = one.last
    if only and dots and end < len(texts):
        lines.append(dim(f"{'⋮':>{_NUMBER}}"))
    return lines


def block_lines(blocks: Sequence[Block], *, models: Collection[str] | None, width: int) -> list[str]:
    """Return who brought which lines, when, from what, and who confirmed them."""
    return [line for one in blocks for line in _block_lines(one, mark_of(one, models), width)]


def legend(marks: Collection[Mark]) -> list[str]:
    """Return what the letters beside the lines say, of those that stand there."""
    return [f"{_INDENT}{mark[:1]}  {words}" for mark, words in MARKS.items() if mark in marks]


def change_cells(entry: Entry) -> tuple[str, ...]:
    """Return a change as a row: its id, when, what, by whom, which file."""
    path = entry.path if entry.moved_from is None else f"{entry.moved_from} → {entry.path}"
    return (short(entry.id), when(entry.at), what(entry), clipped(who(entry.by, brief=True), _WHO), path)


def without_leavings(entries: Sequence[Entry]) -> list[Entry]:
    """Return changes, newest first, without those by which a renamed file left its old path: the next one says so."""
    later = [None, *entries]
    return [one for one, next_ in zip(entries, later, strict=False) if next_ is None or next_.moved_from != one.path]


def what(entry: Entry) -> str:
    """Return what a change did."""
    if entry.confirms:
        return "confirmed"
    if entry.undoes is not None:
        return f"undid {short(entry.undoes)}"
    if entry.moved_from is not None:
        return "renamed"
    done = "created" if entry.before is None else "deleted" if entry.after is None else "changed"
    return f"{done}, untrusted" if entry.sources and not entry.trusted else done


def who(author: Author, *, brief: bool = False) -> str:
    """Return who made a change; brief: a model without its provider."""
    match author.kind:
        case "person":
            return author.id or "a person"
        case "model":
            asked = (author.model or "").partition(" > ")[0]
            asked = asked.partition(":")[2] or asked if brief else asked
            return " · ".join(one for one in (author.agent or "a model", asked) if one)
        case "application":
            return author.agent or "the application"
        case "outside":
            return "past the memory"


def origin(entry: Entry) -> str:
    """Return what a change was built on; empty if nothing is known that would have to be said."""
    names = dict.fromkeys(" ".join(one for one in (source.kind, source.ref) if one) for source in entry.sources)
    return ", ".join(names)


def when(at: datetime) -> str:
    """Return a time as the person's clock has it."""
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


def age(at: datetime, now: datetime) -> str:
    """Return how long ago something was, in one unit."""
    seconds = max(0.0, (now - at).total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:,.0f} {unit}"
    return f"{seconds:.0f} s"


def short(change_id: str) -> str:
    """Return as much of a change's id as it takes to name it."""
    return change_id[-ID_DIGITS:]


def last_changes(entries: Sequence[Entry]) -> Mapping[str, Entry]:
    """Return the change that brought each file to what it is; a confirmation changes nothing."""
    return {entry.path: entry for entry in entries if not entry.confirms}


def _name(row: Row, above: str) -> str:
    inner = row.listed.path.removeprefix(f"{above}/") if above else row.listed.path
    return f"{_INDENT * inner.count('/')}{visible(inner.rpartition('/')[2])}{'/' if row.listed.is_folder else ''}"


def _tree_line(row: Row, name: str, room: int, width: int) -> str:
    name = name if width_of(name) <= room else clipped(name, room)
    pad = " " * (room - width_of(name))
    if row.listed.is_folder:
        inside = f"  {row.listed.size:>9,}  {'':6}  {counted(row.files, 'file')}" if row.closed else ""
        marks = f"  {warned(' '.join(row.marks))}" if row.marks else ""
        return f"{bold(name)}{pad}{dim(inside)}{marks}".rstrip()
    now = datetime.now(UTC)
    changed = "" if row.last is None else age(row.last.at, now)
    head = f"{name}{pad}  {row.listed.size:>9,}  {changed:>6}  "
    marks = " ".join(row.marks)
    left = max(8, width - width_of(head) - (len(marks) + 2 if marks else 0) - 1)
    by = clipped("" if row.last is None else who(row.last.by, brief=True), left)
    return f"{head}{dim(by)}{'  ' if marks else ''}{warned(marks) if marks else ''}".rstrip()


def _block_lines(one: Block, mark: Mark, width: int) -> list[str]:
    lines = str(one.first) if one.first == one.last else f"{one.first}-{one.last}"
    if one.entry is None:
        said = "nobody knows by whom"
    else:
        built = f", built on {origin(one.entry)}" if one.entry.sources and not one.entry.trusted else ""
        model = "" if mark != "retired" else f", {asked_name(one.entry)} is asked no more"
        said = f"{who(one.entry.by)}, {when(one.entry.at)}, {short(one.entry.id)}{built}{model}"
    confirmed = "" if one.confirmed is None else f"; confirmed by {who(one.confirmed.by)}"
    head = f"{_INDENT}{lines:>9}  "
    first, *more = block(said + confirmed, margin=" " * len(head), width=width)
    return [f"{dim(head)}{first[len(head) :]}", *more]
