"""Erasing what runs were about: their bodies go, their heads, the chain and a record of the erasure stay.

What others keep of a run (memory, eval items) they erase themselves: each names a coroutine function
`erase(run_ids, subject, store)` under the entry point group `copilot_kit.erasers`, called before the bodies go.
What stays, in the record of the erasure: who decided which call of which tool, and what became of it, without
arguments; and, elsewhere, the values that a standing rule names, until it is revoked.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import entry_points
from typing import Protocol, TypeAlias

from copilot_kit.errors import Conflict, JournalError, UsageError
from copilot_kit.journal.folding import Folded
from copilot_kit.journal.heads import is_stream
from copilot_kit.journal.state import RunState
from copilot_kit.journal.store import Entry, Store
from copilot_kit.records import CallKept, Erased, Principal

GROUP = "copilot_kit.erasers"
_TRIES = 16
Eraser: TypeAlias = Callable[[Sequence[str], str | None, Store], Awaitable[None]]


class Erasable(Store, Protocol):
    """A store whose bodies can be erased."""

    async def runs_of(self, subject: str) -> list[str]:
        """Return the runs whose data is about this subject."""
        ...

    async def blank(self, run_id: str, erased: Erased, *, after: int) -> Entry:
        """Append this record and, in one transaction with it, remove the bodies that it names and texts in lists.

        Raises `Conflict`, with nothing changed, if the run does not end with `after`.
        """
        ...

    async def scrub(self) -> None:
        """Drop what is left of erased bytes in the store's own files, as far as its database can see to that."""
        ...


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased."""

    runs: tuple[str, ...]
    records: int


async def erase(
    store: Erasable,
    *,
    run_id: str | None = None,
    subject: str | None = None,
    by: Principal,
    reason: str = "",
) -> Erasure:
    """Erase the bodies of one run, or of all runs about a subject, and return which.

    Refuses, with nothing erased, if one of the runs has not ended or has a call of unknown outcome. The reason is kept:
    it should not say what was erased.
    """
    if (run_id is None) == (subject is None):
        raise UsageError("Erase either a run or a subject. Pass run_id=... or subject=...")
    runs = [run_id] if run_id is not None else await store.runs_of(subject or "")
    for one in runs:
        _check(one, await store.read(one))
    for entry_point in entry_points(group=GROUP):
        eraser: Eraser = entry_point.load()
        await eraser(runs, subject, store)
    erased = [(one, await _erase(store, one, by=by, reason=reason)) for one in runs]
    await store.scrub()  # also where nothing was left to erase: an earlier one may not have come so far
    return Erasure(tuple(one for one, count in erased if count), sum(count for _, count in erased))


async def _erase(store: Erasable, run_id: str, *, by: Principal, reason: str) -> int:
    for _ in range(_TRIES):
        entries = await store.read(run_id)
        state = _check(run_id, entries)
        seqs = tuple(entry.head.seq for entry in entries if entry.body is not None and entry.head.kind != "erased")
        if not seqs:
            return 0
        row = state.row()
        if row.status not in {"done", "failed", "stopped"}:  # pragma: no cover  it was checked
            break
        erased = Erased(seqs=seqs, by=by, reason=reason, agent=row.agent, purpose=row.purpose, status=row.status,
                        calls=_calls(run_id, entries))  # fmt: skip
        try:
            await store.blank(run_id, erased, after=state.seq)
        except Conflict:
            continue
        return len(seqs)
    raise Conflict(f"Run {run_id!r} could not be erased: others write to it all the time. Retry.")


def _calls(run_id: str, entries: list[Entry]) -> tuple[CallKept, ...] | None:
    """Return what stays known of the calls; None where an earlier erasure has left nobody to tell."""
    if any(isinstance(entry.body, Erased) and entry.body.calls is None for entry in entries):
        return None
    folded = Folded(run_id)
    folded.take(entries)
    return tuple(CallKept(**asdict(call)) for call in folded.calls.values())


def _check(run_id: str, entries: list[Entry]) -> RunState:
    if is_stream(run_id):
        raise UsageError(f"{run_id!r} is no run, and others stand on it. Revoke what should end, one by one.")
    if not entries:
        raise UsageError(f"Cannot erase run {run_id!r}: the journal has none of that id. See: copilot-kit runs list")
    state = RunState.of(entries)
    if state.ended is None:
        raise JournalError(
            f"Cannot erase run {run_id!r}: it has not ended, it is {state.status}. Stop it first; nothing was erased."
        )
    if state.unknown:
        call = state.unknown[0].call
        raise JournalError(
            f"Cannot erase run {run_id!r}: nobody has said yet what became of its call {call.call_id!r} "
            f"({call.name}). Settle it first; nothing was erased."
        )
    return state
