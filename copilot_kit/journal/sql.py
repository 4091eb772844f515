"""A journal in SQL: written by one thread for many tasks, read by several."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Executable, literal, literal_column, select, union
from sqlalchemy.exc import SQLAlchemyError

from copilot_kit.errors import BrokenRecord, JournalError, NotOwner
from copilot_kit.journal import lists
from copilot_kit.journal.auditable import Whole
from copilot_kit.journal.cells import plain
from copilot_kit.journal.database import Database
from copilot_kit.journal.heads import Link
from copilot_kit.journal.index import CallRow, Claim, Evidence, Order, Waiting
from copilot_kit.journal.ledger import Ledger
from copilot_kit.journal.rows import READ, run_row, sealed_of, whole_of
from copilot_kit.journal.statements import Statements
from copilot_kit.journal.store import GENESIS, Draft, Entry, RunRow, Sealed, unseal
from copilot_kit.journal.tables import CALLS, RECORDS, RUNS, WAITING
from copilot_kit.journal.times import micros, moment
from copilot_kit.journal.verify import flaw_in
from copilot_kit.journal.writer import Cursor, Writer
from copilot_kit.records import Erased, Principal

READERS = 4
CLAIMS = "@claims"
"""All claims wait for each other, in all processes: each of them also drops those that have ended."""
TOGETHER = 200
"""Records, or runs, after which a check of many runs is handed what was read so far."""
T = TypeVar("T")


class SqlStore:
    """Keeps records in a database; see `Store`. Of several processes that append after the same record one wins.

    Lists come from rows that each append keeps up, never from folding journals; see `Index`.
    """

    shared = True

    def __init__(
        self, database: Database, *, tenant: str = "local", clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._tenant = tenant
        self._clock = clock
        self._database = database
        self._say = Statements(database.dialect)
        name = f"journal {database.place}"
        self._writer = Writer(database.transactions(), name=name)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix=name)
        self.closed = False

    async def append(
        self, run_id: str, drafts: Sequence[Draft], *, after: int, epoch: int = 0, durable: bool = True
    ) -> list[Entry]:
        """Add records to a run; see `Store`."""

        def work(cursor: Cursor) -> list[Entry]:
            return Ledger(self._say, cursor, self._tenant, run_id).add(drafts, after, epoch, self._clock())

        return await self._writer.submit(work, run_id=run_id, durable=durable)

    async def read(self, run_id: str, *, after: int = -1) -> list[Entry]:
        """Return the records of a run behind `after`, with digests and chain checked."""
        return await self._reading(lambda: _entries(run_id, self._select(run_id, after), after))

    async def runs(self, *, limit: int = 50, waiting: bool = False) -> list[RunRow]:
        """Return the runs that were written to last."""
        return [run_row(row) for row in await self._ask(lists.runs_page(self._tenant, limit=limit, waiting=waiting))]

    async def acquire(self, run_id: str, *, owner: str, ttl_s: float) -> int:
        """Take the lease of a run; see `Store`.

        Synced only where an owner can outlive a crash of the database; a power cut ends every holder of a lease on a
        disk of their own, and the next durable append keeps it.
        """

        def work(cursor: Cursor) -> int:
            key = (self._tenant, run_id)
            now = self._now_us(cursor)
            cursor.execute(self._say.lease, key)
            epoch, holder, until = cursor.fetchone() or (0, "", 0)
            if holder and holder != owner and until > now:
                raise NotOwner(f"Run {run_id!r} is being worked on by {holder!r}. Wait for it, or stop that process.")
            if holder != owner:
                epoch += 1
            cursor.execute(self._say.drop_lease, key)
            cursor.execute(self._say.add_lease, (*key, epoch, owner, now + int(ttl_s * 1e6)))
            return int(epoch)

        return await self._writer.submit(work, run_id=run_id, durable=self._database.lasting_leases)

    async def release(self, run_id: str, *, epoch: int) -> None:
        """Give the lease back, if it is still this one."""

        def work(cursor: Cursor) -> None:
            cursor.execute(self._say.free_lease, ("", 0, self._tenant, run_id, epoch))

        await self._writer.submit(work, run_id=run_id, durable=False)

    async def run_ids(self) -> list[str]:
        """Return the ids of all runs and streams of which there is any record, or any row for lists."""
        tables = (RUNS, RECORDS, CALLS, WAITING)
        known = [select(table.c.run_id).where(table.c.tenant == self._tenant) for table in tables]
        return [row[0] for row in await self._ask(union(*known))]

    async def links(self) -> list[Link]:
        """Return the chain over all runs."""
        return [Link(*row) for row in await self._ask(lists.chain(self._tenant))]

    async def runs_of(self, subject: str) -> list[str]:
        """Return the runs whose data is about this subject."""
        runs = select(RUNS.c.run_id).where(RUNS.c.tenant == self._tenant, RUNS.c.subject == plain(subject))
        return [row[0] for row in await self._ask(runs.order_by(RUNS.c.run_id))]

    async def blank(self, run_id: str, erased: Erased, *, after: int) -> Entry:
        """Append the record of an erasure and remove the bodies that it names; see `Erasable`."""

        def work(cursor: Cursor) -> Entry:
            return Ledger(self._say, cursor, self._tenant, run_id).blank(erased, after, self._clock())

        return await self._writer.submit(work, run_id=run_id, durable=True)

    async def scrub(self) -> None:
        """Drop what is left of erased bytes in logs and free pages; see `Erasable`."""
        await self._reading(self._database.scrub)

    async def waiting(
        self,
        *,
        order: Order = "queued",
        search: str = "",
        tool: str | None = None,
        assigned_to: str | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> list[Waiting]:
        """Return what waits; see `Index`."""
        page = lists.waiting_page(
            self._tenant, order=order, search=search, tool=tool, assigned_to=assigned_to, limit=limit, offset=offset,
            now_us=self._now(),
        )  # fmt: skip
        return [lists.waiting_of(row) for row in await self._ask(page)]

    async def waiting_count(self) -> int:
        """Return how many things wait."""
        return int((await self._ask(lists.waiting_count(self._tenant)))[0][0])

    async def calls(self, *, tool: str | None = None, limit: int = 50) -> list[CallRow]:
        """Return the calls that passed the gate, last asked first."""
        rows = await self._ask(lists.calls_page(self._tenant, tool=tool).limit(limit))
        return [lists.call_row(row) for row in rows]

    async def evidence(self, *, tool: str | None = None) -> list[Evidence]:
        """Return how calls fared."""

        def answer() -> list[Evidence]:
            with self._database.read() as connection:
                return lists.evidence(connection, self._tenant, tool=tool)

        return await self._reading(answer)

    async def ready(self, *, limit: int = 50) -> list[str]:
        """Return runs that can go on and that nobody holds, longest untouched first."""
        rows = await self._ask(lists.ready_runs(self._tenant, self._now()).limit(limit))
        return [row.run_id for row in rows]

    async def claim(self, proposal_id: str, *, by: Principal, ttl_s: float) -> Claim:
        """Claim a card; see `Index`."""

        def work(cursor: Cursor) -> Claim:
            now = self._now_us(cursor)
            cursor.execute(self._say.drop_old_claims, (self._tenant, now))
            cursor.execute(self._say.claim, (self._tenant, proposal_id))
            known = cursor.fetchone()
            if known is not None and known[0] != by.id:
                return Claim(known[0], moment(known[1]))
            until = now + int(ttl_s * 1e6)
            cursor.execute(self._say.drop_claim, (self._tenant, proposal_id))
            cursor.execute(self._say.add_claim, (self._tenant, proposal_id, by.id, until))
            return Claim(by.id, moment(until))

        return await self._writer.submit(work, run_id=CLAIMS, durable=False)

    async def unclaim(self, proposal_id: str, *, by: Principal) -> None:
        """Let go of a card, if the claim is this person's."""

        def work(cursor: Cursor) -> None:
            cursor.execute(self._say.drop_own_claim, (self._tenant, proposal_id, by.id))

        await self._writer.submit(work, run_id=CLAIMS, durable=False)

    async def moved(self) -> int:
        """Return a number that changes whenever anybody has written to the journal."""
        return await self._reading(self._database.moved)

    async def close(self) -> None:
        """Finish what was submitted and let go of the file."""
        self.closed = True
        await asyncio.sleep(0)  # appends begun in this turn of the loop are handed over first
        await asyncio.to_thread(self._let_go)

    async def sealed(self, run_id: str) -> list[Sealed]:
        """Return all records of a run as they are kept, unchecked."""
        return await self._reading(lambda: [sealed_of(row) for row in self._select(run_id, -1)])

    async def whole(self, run_ids: Sequence[str]) -> list[Whole]:
        """Return all that is kept of the first of these runs, as of one moment; see `Auditable`."""

        def answer() -> list[Whole]:
            found: list[Whole] = []
            with self._database.snapshot() as connection:
                for run_id in run_ids:
                    found.append(whole_of(connection, self._tenant, run_id))
                    if sum(len(one.records) for one in found) >= TOGETHER or len(found) >= TOGETHER:
                        break
            return found

        return await self._reading(answer)

    async def reindex(self, run_id: str) -> None:
        """Derive what lists show of a run anew from its records, in one transaction."""

        def work(cursor: Cursor) -> None:
            Ledger(self._say, cursor, self._tenant, run_id).reindex()

        await self._writer.submit(work, run_id=run_id, durable=True)

    def _now_us(self, cursor: Cursor) -> int:
        """Return the time by the clock that all owners of leases share."""
        if self._database.clock is None:
            return micros(self._clock())
        cursor.execute(f"SELECT {self._database.clock}")
        return int(cursor.fetchone()[0])

    def _now(self) -> ColumnElement[int]:
        """Return the same for a question."""
        clock = self._database.clock
        return literal(micros(self._clock())) if clock is None else literal_column(clock)

    async def _ask(self, question: Executable) -> Sequence[Any]:
        def answer() -> Sequence[Any]:
            with self._database.read() as connection:
                return connection.execute(question).all()

        return await self._reading(answer)

    def _select(self, run_id: str, after: int) -> Sequence[Any]:
        with self._database.read() as connection:
            return connection.execute(READ, {"t": self._tenant, "r": run_id, "after": after}).all()

    async def _reading(self, work: Callable[[], T]) -> T:
        if self.closed:
            raise JournalError("The journal was closed. Open it again to read.")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, work)
        except SQLAlchemyError as error:
            raise self._database.failure(error) from error

    def _let_go(self) -> None:
        self._writer.close()
        self._readers.shutdown()
        self._database.close()


def _entries(run_id: str, rows: Sequence[Any], after: int) -> list[Entry]:
    entries: list[Entry] = []
    prev = GENESIS if after < 0 else None
    for seq, row in enumerate(rows, start=after + 1):
        one = sealed_of(row)
        entry = unseal(one.head, one.payload)
        flaw = flaw_in(one, seq=seq, prev=prev)
        if flaw is not None:
            raise BrokenRecord(
                f"Record {seq} of run {run_id!r} is not as it was written: {flaw}. "
                "Restore the journal from a backup; it was left as it is."
            )
        entries.append(entry)
        prev = one.head.hash
    return entries
