"""Whether lists say of a run what its records say: the rows that are kept for them, against those a fold makes anew."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from copilot_kit.journal.auditable import Rows, Whole
from copilot_kit.journal.cells import call_cells, item_cells, run_cells
from copilot_kit.journal.folding import Folded
from copilot_kit.journal.heads import is_stream
from copilot_kit.journal.store import Entry, Sealed, unseal
from copilot_kit.journal.times import micros
from copilot_kit.records import Erased

RUN: Final = "copilot_runs"
CALL: Final = "copilot_calls"
WAITING: Final = "copilot_waiting"
_OWED: Final = frozenset({"broken", "running", "fresh", "ready"})
"""What an erasure that says nothing of the run's calls leaves nobody to tell."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where a list says something else than the records of the run."""

    run_id: str
    table: str
    call_id: str | None
    """None: it is said of the run."""
    column: str | None
    """None: of the whole row, which is there and should not be, or the other way round."""
    listed: str | float | None
    recorded: str | float | None
    seq: int
    """Of the record that the row is about."""

    def __str__(self) -> str:
        """Return it as a sentence."""
        of = f" of call {self.call_id!r}" if self.call_id is not None else ""
        if self.column is None:
            return f"the row{of} in {self.table} is {self.listed}, and by the records it should be {self.recorded}"
        return f"{self.table}.{self.column}{of} says {self.listed!r}, and the records say {self.recorded!r}"


def differences(run_id: str, whole: Whole) -> list[Difference]:
    """Return where lists are not what the records say; raises `BrokenRecord` where one of these cannot be read."""
    if whole.rows is None:
        return []
    entries = [unseal(record.head, record.payload) for record in whole.records]
    right = rows_of(run_id, entries)
    last = entries[-1].head.seq if entries else 0
    return list(_differences(run_id, whole.rows, right, vague=_is_vague(entries), last=last))


def rows_of(run_id: str, entries: Sequence[Entry]) -> Rows:
    """Return the rows that lists should have of a run with these records; none of one without any."""
    if not entries:
        return {}
    folded = Folded(run_id)
    if not is_stream(run_id):
        folded.take(entries)
    tally = folded.tally
    tally.started_us = tally.started_us or micros(entries[0].head.at)
    rows: Rows = {(RUN, "", ""): run_cells(tally, entries[-1].head)}
    for call in folded.calls.values():
        rows[CALL, "", call.call_id] = call_cells(call, counts=tally.purpose == "task")
    for item in folded.items.values():
        rows[WAITING, item.kind, item.id] = item_cells(item)
    return rows


def is_vague(records: Sequence[Sealed]) -> bool:
    """Return whether these records do not say any more which calls there were."""
    marks = (record for record in records if record.head.kind == "erased")
    return _is_vague([unseal(mark.head, mark.payload) for mark in marks])


def _is_vague(entries: Sequence[Entry]) -> bool:
    return any(isinstance(entry.body, Erased) and entry.body.calls is None for entry in entries)


def _differences(run_id: str, listed: Rows, right: Rows, *, vague: bool, last: int) -> Iterator[Difference]:
    for key in sorted(listed.keys() | right.keys()):
        table, _, name = key
        if vague and table == CALL:
            continue
        kept, due = listed.get(key), right.get(key)
        row = due or kept or {}
        call_id = name if table == CALL else row.get("call_id")
        seq = last if table == RUN else _whole_number(row["seq"], last)
        if kept is None or due is None:
            there, away = ("there", "missing") if due is None else ("missing", "there")
            yield Difference(run_id, table, call_id, None, there, away, seq)
            continue
        for column in due:
            if vague and column in _OWED:
                continue
            if kept[column] != due[column]:
                yield Difference(run_id, table, call_id, column, _shown(kept[column]), _shown(due[column]), seq)


def _whole_number(value: Any, other: int) -> int:
    return value if isinstance(value, int) else other


def _shown(value: Any) -> str | float | None:
    """Return a cell as JSON can hold it, also where somebody has put bytes."""
    return value if value is None or isinstance(value, str | int | float) else repr(value)
