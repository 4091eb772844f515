"""`copilot-kit memory`: what an agent keeps in its files, who wrote it, what to look at, and taking it back."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from copilot_kit.cli.journals import JsonOption, StoreOption
from copilot_kit.cli.memories import (
    ModelsOption,
    RootOption,
    check_history,
    found_entry,
    me,
    models_in_use,
    open_memory,
)
from copilot_kit.cli.screen import as_json, bold, columns, counted, dim, folded, shown, told, width
from copilot_kit.display import clipped, visible

if TYPE_CHECKING:
    from copilot_kit.cli.memory_lines import Row
    from copilot_kit.memory.concerns import Mark
    from copilot_kit.memory.entries import Block, Entry, Hit
    from copilot_kit.memory.memory import Memory, Page

_MOST_ROWS: Final = 400
_PATH_COLUMNS: Final = 100
_DEEPEST: Final = 64

app = typer.Typer(
    help="An agent's memory: its files, who wrote them, what to look at, and taking it back."
    "\n\nExample: copilot-kit memory show",
    no_args_is_help=True,
)


@app.command("show")
def show(
    path: Annotated[str, typer.Argument(help="A file or a folder of the memory; else all of it.")] = "",
    *,
    depth: Annotated[int, typer.Option(help="How many levels of folders are opened.", min=1)] = 2,
    model: ModelsOption = None,
    root: RootOption = None,
    json: JsonOption = False,
) -> None:
    """Show the files with their size, age and who wrote last; of one file, its lines and who brought which.

    Lines that nobody vouches for are marked: built on untrusted text, changed past the memory, by a model that is in
    use no more (of frontier.toml or --model), or by one that is.

    Example: copilot-kit memory show plans/tuesday.md
    """
    memory, models = open_memory(root), models_in_use(model)
    place = _inside(memory, path)
    if _is_file(memory, place):
        _show_file(memory.page(place), models, json=json)
        return
    rows = _rows(memory, place, depth, models)
    if json:
        as_json({"root": str(memory.root), "path": place, "entries": [_row_json(row) for row in rows]})
        return
    from copilot_kit.cli.memory_lines import tree_lines

    files = [one for one in memory.listing(place, depth=_DEEPEST) if not one.is_folder]
    title = visible(f"{memory.root.name}/{place}".rstrip("/"))
    said = f"{counted(len(files), 'file')}, {sum(one.size for one in files):,} bytes"
    shown(f"{bold(title)} {dim(f'· {said}')}")
    for line in tree_lines(rows[:_MOST_ROWS], above=place, width=width()):
        shown(line)
    if len(rows) > _MOST_ROWS:
        told(f"and {len(rows) - _MOST_ROWS:,} more: name a folder, or a smaller --depth.")
    if not files:
        told("Nothing is in this memory yet.")


@app.command("search")
def search(
    query: Annotated[list[str], typer.Argument(help="Words; files and lines that hold them best come first.")],
    *,
    limit: Annotated[int, typer.Option(help="How many passages.", min=1, max=100)] = 5,
    within: Annotated[str, typer.Option(help="A folder or file to search in.")] = "",
    root: RootOption = None,
    json: JsonOption = False,
) -> None:
    """Find the passages that answer some words best, with file and lines.

    Example: copilot-kit memory search refund deadline
    """
    from copilot_kit.cli.memory_lines import legend
    from copilot_kit.memory.folder import STATE
    from copilot_kit.memory.search import Search

    memory = open_memory(root)
    finding = Search(memory.root, memory.root / STATE / "search.db", max_file_bytes=memory.max_file_bytes, watch=False)
    try:
        hits = finding.search(" ".join(query), limit=limit, within=_inside(memory, within))
    finally:
        finding.close()
    if json:
        as_json([one.model_dump(mode="json") for one in hits])
        return
    marks = {mark for number, hit in enumerate(hits) for mark in _show_hit(memory, hit, is_first=number == 0)}
    for line in legend(marks):
        told(dim(line))
    if not hits:
        told(f"Nothing is found for {visible(repr(' '.join(query)))}.")


@app.command("history")
def history(
    path: Annotated[str, typer.Argument(help="A file or a folder; else all.")] = "",
    *,
    diff: Annotated[bool, typer.Option("--diff", help="Also what each change changed.")] = False,
    last: Annotated[int, typer.Option(help="How many changes, newest first.", min=1)] = 20,
    root: RootOption = None,
    json: JsonOption = False,
) -> None:
    """List the changes, newest first: when, what, by whom; a file that was renamed is followed.

    Example: copilot-kit memory history plans/tuesday.md --diff
    """
    memory = open_memory(root)
    entries = memory.history(_inside(memory, path) or None, last=last)[::-1]
    if json:
        as_json([_entry_json(memory, one, diff=diff) for one in entries])
        return
    from copilot_kit.cli.memory_lines import change_cells, without_leavings

    entries = without_leavings(entries)
    if not entries:
        told("Nothing was ever written here.")
    elif diff:
        for one in entries:
            _show_change(memory, one)
    else:
        columns([change_cells(one) for one in entries], header=("change", "when", "what", "by", "file"))


@app.command("undo")
def undo(
    change: Annotated[str, typer.Argument(help="As `memory history` shows it.")],
    *,
    root: RootOption = None,
    json: JsonOption = False,
) -> None:
    """Take one change back, if nothing was changed at that place since; the undoing is a change like others.

    Example: copilot-kit memory undo 3f9a1c02
    """
    from copilot_kit.cli.memory_lines import short

    memory = open_memory(root)
    entry = memory.undo(found_entry(memory, change).id, by=me())
    if json:
        as_json(_entry_json(memory, entry, diff=True))
        return
    _show_change(memory, entry)
    told(f"To have it again: copilot-kit memory undo {short(entry.id)}")


@app.command("review")
def review(  # noqa: PLR0913  each an option
    *,
    least: Annotated[int, typer.Option(help="How many decisions make a correction.", min=2)] = 3,
    model: ModelsOption = None,
    confirm: Annotated[
        str | None, typer.Option(metavar="PATH", help="Say that all lines of a file as it is now may be relied on.")
    ] = None,
    digest: Annotated[
        str | None, typer.Option(metavar="SHA256", help="With --confirm: how that of the file began when you saw it.")
    ] = None,
    accept: Annotated[
        str | None, typer.Option(metavar="ID", help="Write a proposed correction into the memory.")
    ] = None,
    decline: Annotated[str | None, typer.Option(metavar="ID", help="Do not propose this correction again.")] = None,
    script: Annotated[Path | None, typer.Option(help="Take the keys from this file, one a line.")] = None,
    root: RootOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Go through what a person should look at: y confirms exactly what is shown.

    Lines built on untrusted text, changes past the memory, notes of models that are in use no more, and what people
    keep correcting in the journal's calls. Without a terminal it is only listed.

    Example: copilot-kit memory review --model anthropic:claude-sonnet-4-5
    """
    from copilot_kit.cli.memory_review import Task, reviewed

    memory = open_memory(root)
    task = Task(memory, models_in_use(model), least, store)
    if confirm is not None:
        entry = _confirmed(memory, _inside(memory, confirm), digest)
        shown(f"Confirmed: {clipped(entry.path, _PATH_COLUMNS)}")
    elif accept is not None:
        task.accept(accept)
    elif decline is not None:
        task.decline(decline)
    else:
        reviewed(task, json=json, script=script)


@app.command("doctor")
def doctor(
    *,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended without losing anything.")] = False,
    root: RootOption = None,
    json: JsonOption = False,
) -> int:
    """Look for what is wrong with the folder and its history, and mend it with --repair.

    Exits with 1 if something is wrong that is not mended.

    Example: copilot-kit memory doctor --repair
    """
    if repair:
        check_history(root)
    found = open_memory(root).doctor(repair=repair)
    left = sum(not one.repaired for one in found)
    if json:
        as_json({"ok": not left, "findings": [asdict(one) for one in found]})
        return 1 if left else 0
    for one in found:
        place = clipped(one.path, _PATH_COLUMNS) if one.path else "the history"
        shown(f"{bold(one.kind)}{' (mended)' if one.repaired else ''}  {place}")
        shown(folded(visible(one.text), indent="  "))
    told(f"{counted(left, 'thing')} to look at." if left else "The memory is in order.")
    return 1 if left else 0


def _confirmed(memory: "Memory", path: str, digest: str | None) -> "Entry":
    """Write down that a file may be relied on, if its digest begins as that of the one that the person saw."""
    if digest is None:
        return memory.confirm(path, by=me())
    now = memory.page(path).digest
    return memory.confirm(path, by=me(), expect=now if digest and now.startswith(digest.lower()) else digest)


def _inside(memory: "Memory", given: str) -> str:
    """Return a path of the memory; one that the shell completed, from this folder on, is it too."""
    there = Path(given).resolve() if given else memory.root
    if given and there.exists() and there.is_relative_to(memory.root):
        return there.relative_to(memory.root).as_posix().removeprefix(".")
    return given.strip("/")


def _is_file(memory: "Memory", path: str) -> bool:
    from copilot_kit.memory.problems import NotAFile

    try:
        memory.listing(path, depth=1)
    except NotAFile:
        return True
    return False


def _rows(memory: "Memory", path: str, depth: int, models: frozenset[str] | None) -> "list[Row]":
    """Return what is shown of a folder; folders that are not opened say how much is in them."""
    from copilot_kit.cli.memory_lines import Row, last_changes
    from copilot_kit.memory.concerns import concerns

    listed = memory.listing(path, depth=_DEEPEST)
    last = last_changes(memory.history())
    marks: dict[str, dict[Mark, None]] = {}
    for concern in concerns(memory, models=models, within=path):
        for place in _above(concern.page.path):
            marks.setdefault(place, {}).update(dict.fromkeys(concern.marks))
    files = Counter(place for one in listed if not one.is_folder for place in _above(one.path))
    above = path.count("/") + 1 if path else 0
    rows = []
    for one in listed:
        level = one.path.count("/") - above + 1
        closed = one.is_folder and level == depth
        if level <= depth:
            shown_marks = tuple(marks.get(one.path, ())) if closed or not one.is_folder else ()
            rows.append(Row(one, last.get(one.path), shown_marks, files[one.path], closed))
    return rows


def _above(path: str) -> Iterator[str]:
    """Yield a file's path and those of all folders above it."""
    while path:
        yield path
        path = path.rpartition("/")[0]


def _show_file(page: "Page", models: frozenset[str] | None, *, json: bool) -> None:
    from copilot_kit.cli.memory_lines import block_lines, file_lines, legend
    from copilot_kit.memory.concerns import mark_of

    marks = [mark_of(one, models) for one in page.blocks]
    if json:
        blocks = [{**one.model_dump(mode="json"), "mark": mark, "trusted": one.trusted}
                  for one, mark in zip(page.blocks, marks, strict=True)]  # fmt: skip
        as_json({"path": page.path, "text": page.text, "digest": page.digest, "blocks": blocks})
        return
    said = f"{counted(page.text.count(chr(10)) + (not page.text.endswith(chr(10))), 'line')}, {_size(page.text)}"
    shown(f"{bold(clipped(page.path, _PATH_COLUMNS))} {dim(f'· {said}')}")
    for line in file_lines(page, models=models, width=width()):
        shown(line)
    for line in [*([""] if page.blocks else []), *block_lines(page.blocks, models=models, width=width())]:
        shown(line)
    for line in legend(marks):
        told(dim(line))


def _show_hit(memory: "Memory", hit: "Hit", *, is_first: bool) -> "set[Mark]":
    """Show a passage, and return what is the matter with its lines."""
    from copilot_kit.cli.memory_lines import file_lines
    from copilot_kit.memory.concerns import mark_of
    from copilot_kit.memory.problems import MemoryProblem

    shown(f"{'' if is_first else chr(10)}{bold(f'{clipped(hit.path, _PATH_COLUMNS)}:{hit.first}-{hit.last}')}")
    try:
        page = memory.page(hit.path)
    except MemoryProblem:  # gone since
        return set()
    blocks = _between(page.blocks, hit.first, hit.last)
    for line in file_lines(page, models=None, width=width(), only=blocks, dots=False):
        shown(line)
    return {mark_of(one, None) for one in blocks}


def _between(blocks: "Sequence[Block]", first: int, last: int) -> "list[Block]":
    """Return the blocks of these lines only."""
    return [
        one.model_copy(update={"first": max(one.first, first), "last": min(one.last, last)})
        for one in blocks
        if one.first <= last and one.last >= first
    ]


def _show_change(memory: "Memory", entry: "Entry") -> None:
    """Show one change with what it changed."""
    from copilot_kit.cli.memory_lines import change_cells, origin
    from copilot_kit.cli.preview_lines import body_lines
    from copilot_kit.records import Preview

    change, at, done, by, path = change_cells(entry)
    shown(f"{bold(change)}  {at}  {done} by {visible(by)}: {clipped(path, _PATH_COLUMNS)}")
    if entry.sources:
        shown(dim(f"  built on {clipped(origin(entry), width() - 12)}"))
    diff = "" if entry.moved_from is not None else _diff(memory, entry)
    for line in body_lines(Preview(kind="diff", title="", body=diff), tool="", width=width()) if diff else []:
        shown(line)


def _diff(memory: "Memory", entry: "Entry") -> str:
    from copilot_kit.memory.problems import NotUndoable

    try:
        return "\n".join(memory.diff(entry).split("\n")[2:]).removesuffix("\n")  # no other sign ends a line
    except NotUndoable as problem:
        return str(problem)


def _row_json(row: "Row") -> dict[str, Any]:
    return {
        **asdict(row.listed),
        "last": None if row.last is None else row.last.model_dump(mode="json"),
        "marks": list(row.marks),
    }


def _entry_json(memory: "Memory", entry: "Entry", *, diff: bool) -> dict[str, Any]:
    return entry.model_dump(mode="json") | ({"diff": _diff(memory, entry)} if diff else {})


def _size(text: str) -> str:
    return f"{len(text.encode()):,} bytes"
