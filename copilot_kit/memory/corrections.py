"""Corrections become knowledge: what people reject and change again and again is proposed as a note to remember.

Nothing here is used by itself. A proposal is shown with the decisions that it stands on; a person accepts it, and then
it is their entry in the memory, in a file that every window holds; or declines it, and it is proposed again only when
enough new cases have come.
"""

import contextlib
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Final

from copilot_kit.errors import UsageError
from copilot_kit.journal.index import CallRow, Journal
from copilot_kit.memory.entries import Author, Entry
from copilot_kit.memory.judged import read_judged
from copilot_kit.memory.notes import path, pinned, record, without_runs, without_words
from copilot_kit.memory.patterns import Case, Correction, Seen, recurring, worth_reading
from copilot_kit.memory.problems import AlreadyThere, NotFound
from copilot_kit.memory.settled import Settled, forget_cases, keep, settled
from copilot_kit.messages import Source
from copilot_kit.records import Principal

if TYPE_CHECKING:
    from copilot_kit.memory.memory import Memory

__all__ = ["Case", "Correction", "Settled", "accept", "corrections", "decline", "forget", "pinned_file"]

_FILE: Final = "corrections.md"
_QUOTING: Final = Author(kind="application")
_TITLE: Final = "# What people keep correcting\n"
_JUDGED: Final = frozenset({"approved", "edited", "rejected", "answered"})
_CORRECTED: Final = frozenset({"edited", "rejected", "answered"})
_MOST_CORRECTED: Final = 200
"""Corrected calls that are read of one tool: the last ones."""
_MOST_APPROVED: Final = 60
_MOST_READ: Final = 600
"""Of all tools together: of corrected calls, and again of approved ones."""
_SAME: Final = 0.5


async def corrections(
    store: Journal, *, least: int = 3, last: int = 10_000, memory: "Memory | None" = None
) -> list[Correction]:
    """Return what people keep correcting, the most frequent first.

    least: how many decisions must say so. last: how many calls of the journal are looked at. memory: what was accepted
    into this one, or declined there, is left out.
    """
    if least < 2:  # noqa: PLR2004
        raise UsageError(f"least={least!r} would make a rule of a single decision. Ask for at least 2.")
    rows = [row for row in await store.calls(limit=last) if row.state in _JUDGED and row.by is not None]
    by_tool = {tool: list(some) for tool, some in groupby(sorted(rows, key=_tool), key=_tool)}
    corrected = {tool: some for tool, some in by_tool.items() if sum(row.state in _CORRECTED for row in some) >= least}
    found: list[Correction] = []
    for tool, calls in corrected.items():
        found += await _of_tool(store, tool, calls, least=least, most=max(least, _MOST_READ // len(corrected)))
    known = [] if memory is None else settled(memory.root)
    fresh = [one for one in found if not any(_settles(old, one, least) for old in known)]
    return sorted(fresh, key=lambda one: (-len(one.cases), one.id))


def _tool(row: CallRow) -> str:
    return row.tool


async def _of_tool(store: Journal, tool: str, rows: Sequence[CallRow], *, least: int, most: int) -> list[Correction]:
    """Return what recurs in the calls of one tool. Its approvals are read only if something may, and since then."""
    corrected = [row for row in rows if row.state in _CORRECTED][: min(most, _MOST_CORRECTED)]
    calls = await read_judged(store, corrected)
    since = worth_reading(tool, calls, least=least)
    if since is None:
        return []
    approved = [row for row in rows if row.state == "approved" and _decided(row) >= since]
    read = await read_judged(store, approved[: min(most, _MOST_APPROVED)])
    judged_at = [_decided(row) for row in rows]
    seen = Seen(sorted([*calls, *read], key=lambda one: one.at), judged_at, [_decided(row) for row in approved])
    return recurring(tool, seen, least=least)


def _decided(row: CallRow) -> datetime:
    return row.decided_at or row.asked_at


def accept(memory: "Memory", correction: Correction, *, by: Principal) -> Entry:
    """Write the correction into the memory as this person's own note, and return the change of the pinned file.

    Its decisions are written beside it, into a file of its own, so that they cost no window anything. They quote what
    people took out of calls, so that file is nobody's word: a receiver that was struck out is not one to write to.
    Raises `UsageError` if somebody accepted it already.
    """
    for old in settled(memory.root):
        if (old.id, old.verdict) == (correction.id, "accepted"):
            raise UsageError(
                f"Correction {correction.id!r} was accepted already, by {old.by!r}. It stands in {pinned_file(memory)}."
            )
    now = datetime.now(UTC)
    author, on = Author(kind="person", id=by.id), now.date().isoformat()
    decisions = tuple(_source(case) for case in correction.cases)
    memory.write(path(correction.id), record(correction, by=by.id, on=on), by=_QUOTING, sources=decisions)
    entry = _add(memory, pinned(correction, by=by.id, on=on), by=author, sources=decisions)
    keep(memory.root, Settled.of(correction, "accepted", by=by, at=now, entry=entry.id))
    return entry


def pinned_file(memory: "Memory") -> str:
    """Return where accepted corrections are put before the model: in the memory's first pinned folder."""
    folders = [one for one in memory.pinned if "." not in one.rpartition("/")[2]]
    return f"{folders[0] if folders else 'pinned'}/{_FILE}"


def decline(memory: "Memory", correction: Correction, *, by: Principal) -> None:
    """Remember that this is not to be remembered; it is proposed again when as many new cases have come as it takes."""
    keep(memory.root, Settled.of(correction, "declined", by=by, at=datetime.now(UTC)))


def forget(memory: "Memory", run_ids: Sequence[str], *, by: Author) -> list[Entry]:
    """Take the decisions of erased runs out of accepted notes, with words that only they had said.

    A note without any decision left goes. What the files were before stays in the memory's history, until
    `memory.erase` is told of these runs.
    """
    erased = frozenset(run_ids)
    touched = [one for one in settled(memory.root) if any(run_id in erased for run_id, _ in one.cases)]
    forget_cases(memory.root, erased)
    changed: list[Entry] = []
    for one in touched:
        if one.verdict == "accepted":
            changed += _forget_in(memory, one.id, erased, by=by)
    return changed


def _forget_in(memory: "Memory", correction_id: str, erased: Collection[str], *, by: Author) -> list[Entry]:
    try:
        left = without_runs(memory.read(path(correction_id)), erased)
    except NotFound:  # a person took it away, and with it what was kept of the runs
        left = ""
    cited = [line for line in left.split("\n") if line.startswith("- ")]
    entries = []
    with contextlib.suppress(NotFound):
        entries += (
            [memory.write(path(correction_id), left, by=by, sources=(Source(kind="person", ref=correction_id),))]
            if left
            else memory.delete(path(correction_id), by=by)
        )
    with contextlib.suppress(NotFound):
        entries.append(
            memory.change(pinned_file(memory), lambda text: _section_without(text, correction_id, cited), by=by)
        )
    return entries


def _section_without(text: str, correction_id: str, cited: Sequence[str]) -> str:
    """Return the pinned file with this note quoting only what is still cited; if nothing is, without the note."""
    title, *sections = text.split("\n## ")
    kept = [
        without_words(section, cited) if path(correction_id) in section else section
        for section in sections
        if cited or path(correction_id) not in section
    ]
    return "\n## ".join([title.rstrip("\n") + "\n" if kept else title, *kept])


def _settles(old: Settled, one: Correction, least: int) -> bool:
    """Tell whether a person has said all that is to be said to this correction, or to what it was before."""
    known = set(old.cases)
    mine = {(case.run_id, case.proposal_id) for case in one.cases}
    same = old.id == one.id or ((old.kind, old.tool) == (one.kind, one.tool) and one.change is None
                                and len(mine & known) >= _SAME * min(len(mine), len(known)))  # fmt: skip
    return same and (old.verdict == "accepted" or len(mine - known) < least)


def _add(memory: "Memory", text: str, *, by: Author, sources: tuple[Source, ...]) -> Entry:
    """Write the note behind those that are there; two people at once lose neither."""
    try:
        return memory.change(pinned_file(memory), lambda now: f"{now.rstrip()}\n\n{text}", by=by, sources=sources)
    except NotFound:
        pass
    try:
        return memory.write(pinned_file(memory), f"{_TITLE}\n{text}", by=by, sources=sources, create_only=True)
    except AlreadyThere:
        return memory.change(pinned_file(memory), lambda now: f"{now.rstrip()}\n\n{text}", by=by, sources=sources)


def _source(case: Case) -> Source:
    """Return a decision as what the note is built on."""
    return Source(kind="person", ref=f"{case.run_id}/{case.proposal_id}", trusted=True)
