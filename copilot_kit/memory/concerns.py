"""Lines of a memory that a person should look at: built on untrusted text, changed past the memory, by a model of old.

A file is opened for this only if its history, or its content, gives reason to.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from copilot_kit.memory.entries import Block, Entry
from copilot_kit.memory.memory import Memory, Page
from copilot_kit.memory.problems import MemoryProblem, NotAFile

Mark: TypeAlias = Literal["untrusted", "outside", "retired", "model", ""]
"""untrusted: built on text that nobody vouches for; outside: changed past the memory, or nobody knows by whom;
retired: by a model that is asked no more; model: by one that is; empty: a person wrote or confirmed it, or it quotes
what persons decided."""
_ODD: Final = frozenset({"untrusted", "outside", "retired"})
_DEEPEST: Final = 64


@dataclass(frozen=True, slots=True)
class Concern:
    """A file with lines that a person should look at."""

    page: Page
    blocks: tuple[Block, ...]
    """The lines, by the change that brought them."""
    marks: tuple[Mark, ...]
    """What is the matter with each of them."""


def mark_of(block: Block, models: Collection[str] | None) -> Mark:
    """Return what is to be known of these lines; models: those that are asked now, None where nobody said."""
    if block.trusted:
        return ""
    if block.entry is None or block.entry.by.kind == "outside":
        return "outside"
    if _quotes_decisions(block.entry):
        return ""  # our own list of people's decisions: nothing to confirm, and nothing that calls are built on
    if block.entry.sources:
        return "untrusted"
    return "retired" if _is_retired(block.entry, models) else "model"


def _quotes_decisions(entry: Entry) -> bool:
    of_no_run = entry.by.kind == "application" and entry.by.run_id is None
    return of_no_run and all(one.kind == "person" for one in entry.sources)


def asked_name(entry: Entry) -> str:
    """Return the name by which the model was asked that wrote this; empty if no model did."""
    return (entry.by.model or "").partition(" > ")[0]


def concerns(memory: Memory, *, models: Collection[str] | None = None, within: str = "") -> list[Concern]:
    """Return the files with lines that a person should look at, by path.

    models: names of all that are asked now; without them no model counts as retired. within: a folder or a file.
    """
    of_path: dict[str, list[Entry]] = {}
    for entry in memory.history():
        of_path.setdefault(entry.path, []).append(entry)
    found: list[Concern] = []
    for path in _files(memory, within):
        try:
            page = _page(memory, path, of_path.get(path, []), models)
        except MemoryProblem:  # gone meanwhile, or no text: the doctor tells of it
            continue
        odd = [] if page is None else [(one, mark) for one in page.blocks if (mark := mark_of(one, models)) in _ODD]
        if page is not None and odd:
            found.append(Concern(page, tuple(one for one, _ in odd), tuple(mark for _, mark in odd)))
    return found


def _files(memory: Memory, within: str) -> list[str]:
    try:
        return [one.path for one in memory.listing(within, depth=_DEEPEST) if not one.is_folder]
    except NotAFile:
        return [within]


def _page(memory: Memory, path: str, changes: Sequence[Entry], models: Collection[str] | None) -> Page | None:
    """Return a file that something may be the matter with; None: it is as it was left, by whom is no concern.

    One that the history does not know yet is shown as it is: a folder that was there before may have thousands.
    """
    text = memory.read(path)
    digest = hashlib.sha256(text.encode()).hexdigest()
    if not changes:
        last = text.count("\n") + (not text.endswith("\n"))
        return Page(path, text, digest, (Block(first=1, last=last, entry=None),)) if text else None
    confirmed = max((place for place, entry in enumerate(changes) if entry.confirms), default=-1)
    is_quiet = all(_is_quiet_change(entry, models) for entry in changes[confirmed + 1 :])
    return None if is_quiet and digest == changes[-1].after else memory.page(path)


def _is_quiet_change(entry: Entry, models: Collection[str] | None) -> bool:
    if entry.moved_from is not None or entry.by.kind == "outside" or entry.sources or entry.undoes is not None:
        return False
    return not _is_retired(entry, models)


def _is_retired(entry: Entry, models: Collection[str] | None) -> bool:
    asked = asked_name(entry)
    return models is not None and bool(asked) and asked not in models
