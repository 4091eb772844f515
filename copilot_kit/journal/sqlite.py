"""A journal's file in SQLite: opened, prepared, written by one connection and read by others.

The writer's statements go to the driver as ready text: SQLAlchemy's own execution would cost four times the CPU of
an append (measured: 76 against 20 us). It compiles that text, pools the readers and keeps the tables.
"""

import contextlib
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, PoolProxiedConnection, create_engine, event
from sqlalchemy.exc import DBAPIError

from copilot_kit.errors import CopilotError, JournalError
from copilot_kit.journal.migrations import MIGRATIONS, prepare, version_of

BUSY_S = 10.0
"""How long to wait for another process that is writing."""
READERS = 4

_ADVICE = {
    "SQLITE_FULL": "Free space on its disk, then try again",
    "SQLITE_IOERR": "Check its disk, then try again",
    "SQLITE_BUSY": "Another process keeps writing to it: let it finish or end it, then try again",
    "SQLITE_LOCKED": "Another process keeps writing to it: end that one, then try again",
    "SQLITE_READONLY": "Make the file and its folder writable",
    "SQLITE_CANTOPEN": "Make its folder first, and let this user read and write there",
    "SQLITE_PERM": "Let this user read and write the file and its folder",
    "SQLITE_CORRUPT": "Restore it from a backup; it was left as it is",
}


def failure_of(error: Exception, place: str) -> Exception:
    """Return the one clear error for what the database or the disk said; ours pass through."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, CopilotError):
        return cause
    if not isinstance(cause, sqlite3.Error | OSError):
        return error
    name = "SQLITE_CANTOPEN" if isinstance(cause, FileNotFoundError) else getattr(cause, "sqlite_errorname", "")
    if name.startswith("SQLITE_NOTADB"):
        other = JournalError(f"{place!r} is no journal: it is a file of another kind, not one of SQLite. Name the file "
                             "of a journal, or one that is not there yet; this one was left as it is.")  # fmt: skip
        other.__cause__ = cause
        return other
    said = cause.strerror if isinstance(cause, OSError) else cause
    advice = next((text for prefix, text in _ADVICE.items() if name.startswith(prefix)), "See that it can be written")
    told = JournalError(f"Journal {place!r}: {said}. {advice}; all that was acknowledged before is kept.")
    told.__cause__ = cause
    return told


class SqliteFile:
    """One journal file, ready for use; made readable for its owner only if it is new. See `Database`."""

    lasting_leases = False
    clock: str | None = None

    def __init__(self, path: Path, *, busy_s: float = BUSY_S) -> None:
        self.place = str(path)
        self._path = path
        self._busy_s = busy_s
        self._watch: sqlite3.Connection | None = None
        self._watching = threading.Lock()
        self._since = 0
        try:
            with contextlib.suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            self.engine = _engine(path, busy_s)
            self.dialect = self.engine.dialect
            self._prepare()
        except (DBAPIError, sqlite3.Error, OSError) as error:
            raise failure_of(error, self.place) from error

    def _prepare(self) -> None:
        with self.engine.connect() as connection:
            if version_of(connection) == 1 + len(MIGRATIONS):
                return
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # of processes that open it together, one prepares it
            prepare(connection, place=self.place)
            connection.commit()

    def read(self) -> Connection:
        """Return a pooled connection; each single SELECT sees one state of the journal."""
        return self.engine.connect()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Return a pooled connection on which all questions see one state: that at the first of them."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            yield connection
            connection.exec_driver_sql("ROLLBACK")

    def transactions(self) -> "SqliteTransactions":
        """Return the writer's connection."""
        return SqliteTransactions(self)

    def moved(self) -> int:
        """Return SQLite's own count of commits by other connections, as one that never writes sees it."""
        try:
            with self._watching:
                if self._watch is None:
                    self._watch = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
                    self._since = time.time_ns() >> 16 << 32  # another connection's count begins somewhere else
                return self._since + int(self._watch.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error as error:
            raise self.failure(error) from error

    def scrub(self) -> None:
        """Move the log into the file and empty it; what was overwritten there is gone then."""
        with contextlib.closing(sqlite3.connect(self._path, isolation_level=None, timeout=self._busy_s)) as connection:
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise JournalError(
                f"Journal {self.place!r}: the bodies are erased, but its log still holds them while another process "
                "reads. End that one, then erase again."
            )

    def failure(self, error: Exception) -> Exception:
        """Return the one clear error for what SQLite or the disk said."""
        return failure_of(error, self.place)

    def close(self) -> None:
        """Let go of the file."""
        if self._watch is not None:
            self._watch.close()
        self.engine.dispose()


class SqliteTransactions:
    """The writer's connection; see `copilot_kit.journal.writer.Transactions`."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._connection: PoolProxiedConnection | None = None
        self._durable: bool | None = None

    def begin(self, *, durable: bool, runs: Sequence[str]) -> Any:
        """Begin a transaction; waits for another process that is writing, to whatever run.

        In WAL, synchronous FULL syncs the log at each commit, and with it all earlier ones; NORMAL leaves that to the
        operating system: safe from kill -9, not from a power cut. It may change between transactions only.
        """
        del runs
        connection = self._connection
        if connection is None:
            connection = self._connection = self._file.engine.raw_connection()
        cursor = connection.cursor()
        if durable is not self._durable:
            cursor.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable
        cursor.execute("BEGIN IMMEDIATE")
        return cursor

    def commit(self) -> None:
        """Commit."""
        if self._connection is not None:
            self._connection.commit()

    def rollback(self) -> bool:
        """Roll back, on the same connection if it can be.

        A commit whose sync failed has left its frames in the log, and only this connection knows that they do not
        count: opened anew, SQLite would recover them, and what was reported as failed would be there.
        """
        connection = self._connection
        if connection is None:
            return True
        try:
            connection.rollback()
        except sqlite3.Error:
            self._connection = self._durable = None
            connection.invalidate()
        return True

    def failure(self, error: Exception) -> Exception:
        """Return what the caller is told."""
        return failure_of(error, self._file.place)

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _engine(path: Path, busy_s: float) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)), pool_size=READERS + 1, max_overflow=0,
        connect_args={"timeout": busy_s, "check_same_thread": False, "isolation_level": None},
    )  # fmt: skip
    first = threading.Lock()

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: object) -> None:
        with first:
            _to_wal(connection, busy_s)
        connection.execute("PRAGMA secure_delete = ON")  # what is erased is overwritten, not only unlinked
        if sys.platform == "darwin":  # there, fsync alone does not reach the disk
            connection.execute("PRAGMA fullfsync = ON")
            connection.execute("PRAGMA checkpoint_fullfsync = ON")

    return engine


def _to_wal(connection: sqlite3.Connection, busy_s: float) -> None:
    """Turn on the write-ahead log; SQLite does not wait by itself while another process does the same."""
    until = time.monotonic() + busy_s
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            busy = getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY")
            if not busy or time.monotonic() > until:
                raise
            time.sleep(0.01)
            continue
        if mode != "wal":
            raise JournalError(f"A journal needs SQLite's write-ahead log, and here it gives {mode!r}. "
                               "Put the file on a local disk.")  # fmt: skip
        return
