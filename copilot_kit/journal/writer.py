"""A thread that writes for many: what is submitted while it is busy shares its next transaction (group commit)."""

import asyncio
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

from copilot_kit.errors import JournalError

T = TypeVar("T")
MOST_TOGETHER = 512
"""Works in one transaction: bounds how long the first waits for the last."""


class Cursor(Protocol):
    """What of a database cursor (PEP 249) the works use."""

    @property
    def rowcount(self) -> int:
        """Rows that the last statement changed."""
        ...

    def execute(self, sql: str, values: Sequence[Any] = ..., /) -> Any:
        """Run a statement."""
        ...

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> Any:
        """Run a statement once for each row."""
        ...

    def fetchone(self) -> Any:
        """Return the next row of the answer, or None."""
        ...

    def fetchall(self) -> Any:
        """Return all rows of the answer that are left."""
        ...


class Transactions(Protocol):
    """A connection that the writer alone uses; all methods are called in its thread."""

    def begin(self, *, durable: bool, runs: Sequence[str]) -> Cursor:
        """Begin a transaction with which no other writer to these runs can interleave."""
        ...

    def commit(self) -> None:
        """Commit; on return a durable transaction survives a power cut."""
        ...

    def rollback(self) -> bool:
        """Undo what is open, after an error; must not raise. Returns False if it may have been committed after all."""
        ...

    def failure(self, error: Exception) -> Exception:
        """Return what the caller is told of an error of the database."""
        ...

    def close(self) -> None:
        """Let go of the connection; must not raise."""
        ...


Work: TypeAlias = Callable[[Cursor], T]
"""Runs inside a transaction, maybe more than once; raises `JournalError` only before it has written anything."""


@dataclass(slots=True)
class _Job:
    work: Work[Any]
    run_id: str
    durable: bool
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    value: Any = None
    error: Exception | None = None

    def deliver(self) -> None:
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.value)
        else:
            self.future.set_exception(self.error)


class Writer:
    """Runs works one after the other in a thread of its own, many to a transaction."""

    def __init__(self, transactions: Transactions, *, name: str) -> None:
        self._transactions = transactions
        self._inbox: queue.SimpleQueue[list[_Job] | None] = queue.SimpleQueue()
        self._gathering: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def submit(self, work: Work[T], *, run_id: str, durable: bool) -> T:
        """Run the work and return its result once it is committed.

        A caller who is cancelled meanwhile does not know whether it was.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        job = _Job(work, run_id, durable, loop, future)
        gathered = self._gathering.get(loop)
        if gathered is None:
            # Handed over after everything that is ready now has run: tasks that woke together commit together.
            self._gathering[loop] = [job]
            loop.call_soon(self._hand_over, loop)
        else:
            gathered.append(job)
        return await future

    def close(self) -> None:
        """Finish what was handed over and end the thread; later works are refused."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._inbox.put(None)
        self._thread.join()

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        jobs = self._gathering.pop(loop)
        with self._closing:
            if not self._closed:
                self._inbox.put(jobs)
                return
        for job in jobs:
            job.error = JournalError("The journal was closed. Open it again to write.")
            job.deliver()

    def _run(self) -> None:
        while True:
            jobs = self._inbox.get()
            while jobs is not None and len(jobs) < MOST_TOGETHER and not self._inbox.empty():
                more = self._inbox.get()
                if more is None:
                    self._inbox.put(None)  # nothing comes after it: finish these first
                    break
                jobs += more
            if jobs is None:
                self._transactions.close()
                return
            for together in _apart(jobs):
                self._transact(together)
                _deliver(together)

    def _transact(self, jobs: list[_Job]) -> None:
        try:
            runs = list({job.run_id: None for job in jobs})
            cursor = self._transactions.begin(durable=any(job.durable for job in jobs), runs=runs)
        except Exception as error:  # noqa: BLE001  whatever it is, it goes to those who wait
            for job in jobs:
                job.error = self._transactions.failure(error)
            return
        try:
            for job in jobs:
                try:
                    job.value = job.work(cursor)
                except JournalError as error:
                    job.error = error
            self._transactions.commit()
        except Exception as error:  # noqa: BLE001
            undone = self._transactions.rollback()
            if len(jobs) == 1 or not undone:
                for job in jobs:
                    job.error = self._transactions.failure(error)
                return
            for job in jobs:  # one of them is at fault; the others must not suffer from it
                job.error = None
                self._transact([job])


def _apart(jobs: list[_Job]) -> Iterable[list[_Job]]:
    """Put those that need no fsync first, so that they do not wait for one; the order within a run stays."""
    light: list[_Job] = []
    heavy: list[_Job] = []
    held: set[str] = set()
    for job in jobs:
        if job.future.cancelled():
            continue
        if job.durable or job.run_id in held:
            heavy.append(job)
            held.add(job.run_id)
        else:
            light.append(job)
    return [part for part in (light, heavy) if part]


def _deliver(jobs: list[_Job]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in jobs:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, theirs in by_loop.items():
        try:
            loop.call_soon_threadsafe(_wake, theirs)
        except RuntimeError:  # the loop is closed: nobody waits any more
            continue


def _wake(jobs: list[_Job]) -> None:
    for job in jobs:
        job.deliver()
