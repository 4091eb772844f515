"""One append inside a transaction: the version check, the records, what lists show of the run, and its link."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from copilot_kit.errors import BrokenRecord, Conflict, NotOwner
from copilot_kit.journal.agreement import is_vague
from copilot_kit.journal.auditable import Anchor
from copilot_kit.journal.calls import Where, follow
from copilot_kit.journal.cells import run_cells
from copilot_kit.journal.heads import is_stream, link_after, lock_number, needs_link
from copilot_kit.journal.rows import cells_of, sealed_of
from copilot_kit.journal.shelf import Shelf
from copilot_kit.journal.statements import Statements
from copilot_kit.journal.store import GENESIS, Draft, Entry, Head, Sealed, seal, unseal
from copilot_kit.journal.tally import Tally
from copilot_kit.journal.times import micros
from copilot_kit.journal.verify import verify
from copilot_kit.journal.writer import Cursor
from copilot_kit.records import Body, Erased


class Ledger:
    """One append inside a transaction: checks first, then the records, then everything that is derived from them."""

    def __init__(self, say: Statements, cursor: Cursor, tenant: str, run_id: str) -> None:
        self._say = say
        self._cursor = cursor
        self._key = (tenant, run_id)

    def add(self, drafts: Sequence[Draft], after: int, epoch: int, at: datetime) -> list[Entry]:
        """Add the drafts; see `Store`."""
        say, cursor, key = self._say, self._cursor, self._key
        cursor.execute(say.run, key + key)
        row = cursor.fetchone()
        seq, prev = (-1, GENESIS) if row is None else row[-2:]
        if epoch and epoch != (self._epoch() if row is None else row[0]):
            raise NotOwner(f"Run {key[1]!r} was taken over by another owner. Let it finish, or resume it there.")
        if seq != after:
            raise Conflict(f"Run {key[1]!r} is at record {seq}, not {after}. Read it again and retry.")
        sealed = self._seal(drafts, seq, prev, epoch, at)
        if not sealed:
            return []
        self._insert(say.add_record, [cells_of(one.head) for one in sealed])
        self._insert(say.add_payload, [(*key, s.head.seq, s.salt, s.payload) for s in sealed])
        last = sealed[-1].head
        tally = Tally() if row is None else Tally(*(*row[2:12], row[13]))
        self._tally(tally, [(one.head, draft.body) for draft, one in zip(drafts, sealed, strict=True)])
        self._keep(tally, last, new=row is None)
        if needs_link(key[1], (one.head.kind for one in sealed), new=row is None):
            self.link(last)
        return [Entry(one.head, draft.body) for draft, one in zip(drafts, sealed, strict=True)]

    def link(self, head: Head) -> None:
        """Name this record in the chain over all runs."""
        tenant, run_id = self._key
        if self._say.lock_links:
            self._cursor.execute(self._say.lock_links, (lock_number(tenant),))
        self._cursor.execute(self._say.last_link, (tenant, tenant))
        link = link_after(self._cursor.fetchone(), tenant=tenant, run_id=run_id, seq=head.seq, head=head.hash)
        self._cursor.execute(self._say.add_link, (tenant, link.nr, run_id, link.seq, link.head, link.prev, link.hash))

    def blank(self, erased: Erased, after: int, at: datetime) -> Entry:
        """Append the record of an erasure, which takes their words from lists, and remove the bodies that it names."""
        (entry,) = self.add([Draft(erased)], after, 0, at)
        self._cursor.executemany(self._say.blank, [(*self._key, seq) for seq in erased.seqs])
        return entry

    def reindex(self) -> None:
        """Derive the run's rows anew from its records, whatever they say now; refuses if the records are not sound."""
        self._cursor.execute(self._say.run, self._key + self._key)
        row = self._cursor.fetchone()
        self._cursor.execute(self._say.records, (*self._key, -1))
        records = [sealed_of(one) for one in self._cursor.fetchall()]
        flaw = verify(records, anchor=None if row is None else Anchor(*row[-2:])).first_bad
        if flaw is not None:
            raise BrokenRecord(
                f"Record {flaw.seq} of run {self._key[1]!r} is not as it was written: {flaw.cause}. Restore the "
                "journal from a backup; its lists were left as they are."
            )
        entries = [unseal(one.head, one.payload) for one in records]
        self._cursor.execute(self._say.drop_run, self._key)
        self._cursor.execute(self._say.drop_waiting, self._key)
        if not is_vague(records):  # else nothing else knows which calls there were
            self._cursor.execute(self._say.drop_calls, self._key)
        if records:
            self.rebuild(entries, records[-1].head)

    def rebuild(self, entries: Sequence[Entry], last: Head) -> None:
        """Derive the run's rows from its records, where there are none yet."""
        tally = Tally(started_us=micros(entries[0].head.at) if entries else 0)
        self._tally(tally, [(one.head, one.body) for one in entries if one.body is not None])
        self._keep(tally, last, new=True)

    def _tally(self, tally: Tally, records: Sequence[tuple[Head, Body]]) -> None:
        if is_stream(self._key[1]):
            return
        shelf = Shelf(self._say, self._cursor, self._key)
        for head, body in records:
            where = Where.of(head)
            known = body if isinstance(body, Erased) else tally  # of an erased run its erasure alone knows what it was
            shelf.counts = known.purpose == "task"
            tally.running += follow(body, where, shelf, underway=tally.running)
            tally.take(body, where, shelf)

    def _keep(self, tally: Tally, last: Head, *, new: bool) -> None:
        stand = run_cells(tally, last).values()
        if new:
            self._cursor.execute(self._say.add_run, (*self._key, *stand))
        else:
            self._cursor.execute(self._say.keep_run, (*stand, *self._key))

    def _epoch(self) -> int | None:
        """Return the epoch of the newest lease of a run that has no row yet."""
        self._cursor.execute(self._say.epoch, self._key)
        newest = self._cursor.fetchone()
        return None if newest is None else int(newest[0])

    def _insert(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if len(rows) == 1:  # several at once cost a server more than one
            self._cursor.execute(sql, rows[0])
        else:
            self._cursor.executemany(sql, rows)

    def _seal(self, drafts: Sequence[Draft], seq: int, prev: str, epoch: int, at: datetime) -> list[Sealed]:
        tenant, run_id = self._key
        sealed: list[Sealed] = []
        for draft in drafts:
            seq += 1
            one = seal(draft, tenant=tenant, run_id=run_id, seq=seq, epoch=epoch, at=at, prev=prev)
            sealed.append(one)
            prev = one.head.hash
        return sealed
