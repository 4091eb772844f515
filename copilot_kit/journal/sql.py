"""A journal in SQL: one file of SQLite, written by one thread for many tasks, read by several."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Row, select
from sqlalchemy import bindparam as bind
from sqlalchemy.exc import SQLAlchemyError

from copilot_kit.errors import BrokenRecord, JournalError, NotOwner
from copilot_kit.journal.database import BUSY_S, READERS, SqliteFile, SqliteTransactions, failure_of
from copilot_kit.journal.ledger import Ledger, Statements
from copilot_kit.journal.rows import micros, run_row, sealed_of
from copilot_kit.journal.store import GENESIS, Draft, Entry, RunRow, Sealed, unseal
from copilot_kit.journal.tables import PAYLOADS, RECORDS, RUNS
from copilot_kit.journal.verify import Anchor, flaw_in
from copilot_kit.journal.writer import Cursor, Writer

T = TypeVar("T")


class SqlStore:
    """Keeps records in a file of SQLite; see `Store`. Of several processes that append after the same record one wins.

    Lists come from rows that each append keeps up, never from folding journals.
    """

    shared = True

    def __init__(
        self,
        path: Path,
        *,
        tenant: str = "local",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        busy_s: float = BUSY_S,
    ) -> None:
        self._tenant = tenant
        self._clock = clock
        self._file = SqliteFile(path, busy_s=busy_s)
        self._say = Statements(self._file.engine.dialect)
        self._writer = Writer(SqliteTransactions(self._file), name=f"journal {path.name}")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix=f"journal {path.name}")
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
        rows = select(RUNS).where(RUNS.c.tenant == self._tenant).order_by(RUNS.c.updated_us.desc()).limit(limit)
        if waiting:
            rows = rows.where(RUNS.c.status == "waiting")

        def found() -> list[RunRow]:
            with self._file.read() as connection:
                return [run_row(row) for row in connection.execute(rows)]

        return await self._reading(found)

    async def acquire(self, run_id: str, *, owner: str, ttl_s: float) -> int:
        """Take the lease of a run; see `Store`.

        Not synced: a power cut ends every holder of a lease on this disk, and the next durable append keeps it.
        """

        def work(cursor: Cursor) -> int:
            key = (self._tenant, run_id)
            now = micros(self._clock())
            cursor.execute(self._say.lease, key)
            epoch, holder, until = cursor.fetchone() or (0, "", 0)
            if holder and holder != owner and until > now:
                raise NotOwner(f"Run {run_id!r} is being worked on by {holder!r}. Wait for it, or stop that process.")
            if holder != owner:
                epoch += 1
            cursor.execute(self._say.drop_lease, key)
            cursor.execute(self._say.add_lease, (*key, epoch, owner, now + int(ttl_s * 1e6)))
            return int(epoch)

        return await self._writer.submit(work, run_id=run_id, durable=False)

    async def release(self, run_id: str, *, epoch: int) -> None:
        """Give the lease back, if it is still this one."""

        def work(cursor: Cursor) -> None:
            cursor.execute(self._say.free_lease, ("", 0, self._tenant, run_id, epoch))

        await self._writer.submit(work, run_id=run_id, durable=False)

    async def close(self) -> None:
        """Finish what was submitted and let go of the file."""
        self.closed = True
        await asyncio.sleep(0)  # appends begun in this turn of the loop are handed over first
        await asyncio.to_thread(self._let_go)

    async def sealed(self, run_id: str) -> list[Sealed]:
        """Return all records of a run as they are kept, unchecked."""
        return await self._reading(lambda: [sealed_of(row) for row in self._select(run_id, -1)])

    async def anchor(self, run_id: str) -> Anchor | None:
        """Return seq and hash of the run's last record, from the run's own row."""
        last = select(RUNS.c.seq, RUNS.c.head).where(RUNS.c.tenant == self._tenant, RUNS.c.run_id == run_id)

        def found() -> Anchor | None:
            with self._file.read() as connection:
                row = connection.execute(last).one_or_none()
                return None if row is None else Anchor(row[0], row[1])

        return await self._reading(found)

    def _select(self, run_id: str, after: int) -> Sequence[Row[Any]]:
        with self._file.read() as connection:
            return connection.execute(_READ, {"t": self._tenant, "r": run_id, "after": after}).all()

    async def _reading(self, work: Callable[[], T]) -> T:
        if self.closed:
            raise JournalError("The journal was closed. Open it again to read.")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, work)
        except SQLAlchemyError as error:
            raise failure_of(error, self._file.place) from error

    def _let_go(self) -> None:
        self._writer.close()
        self._readers.shutdown()
        self._file.close()


_READ = (
    select(RECORDS, PAYLOADS.c.run_id, PAYLOADS.c.salt, PAYLOADS.c.body)
    .join(
        PAYLOADS,
        (PAYLOADS.c.tenant == RECORDS.c.tenant)
        & (PAYLOADS.c.run_id == RECORDS.c.run_id)
        & (PAYLOADS.c.seq == RECORDS.c.seq),
        isouter=True,
    )
    .where(RECORDS.c.tenant == bind("t"), RECORDS.c.run_id == bind("r"), RECORDS.c.seq > bind("after"))
    .order_by(RECORDS.c.seq)
)


def _entries(run_id: str, rows: Sequence[Row[Any]], after: int) -> list[Entry]:
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
