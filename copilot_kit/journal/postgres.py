"""A journal in PostgreSQL: any number of processes on any number of machines, each with one writing connection.

Writers lock the runs they write to by number, always in ascending order, so that the version check of an append holds
and no two wait for each other. Durable transactions wait for the server's disk; the others do not.
"""

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, PoolProxiedConnection, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from copilot_kit.errors import CopilotError, JournalError, MissingExtra, UsageError
from copilot_kit.journal.heads import lock_number
from copilot_kit.journal.migrations import MIGRATIONS, prepare, version_of
from copilot_kit.journal.sql import READERS
from copilot_kit.journal.tables import CALLS, PAYLOADS, RUNS, WAITING

if TYPE_CHECKING:
    import psycopg

CONNECT_S = 10
BUSY_S = 10.0
"""How long to wait for another process that writes to the same run."""
STALLED_S = 30
"""After so long the server ends a transaction whose process was stopped in the middle of it, and frees its locks."""

_BEGIN = """BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = {durable};
SET LOCAL lock_timeout = {busy_ms}; SET LOCAL idle_in_transaction_session_timeout = {stalled_ms};
SELECT pg_advisory_xact_lock(number) FROM unnest('{{{numbers}}}'::bigint[]) AS number"""
"""All in one message to the server."""
_BY_CODE = {
    "28": "Check the user, the password and the server's pg_hba.conf",
    "3D000": "Make the database first, with: createdb",
    "42501": "Give this user the right to create and write tables there",
    "53100": "Free space on the server's disk, then try again",
    "53300": "Close other connections, or raise the server's max_connections",
    "53": "Give the server more room, then try again",
    "55P03": "Another process keeps writing to the same run: let it finish or end it, then try again",
    "25006": "Name the primary server: this one takes no writes",
    "25P03": "This process stood still in the middle of writing; try again",
    "57P": "Wait until the server is up again, then try again",
    "58": "Check the server's disk, then try again",
    "XX": "Check the server and its disk; restore it from a backup if need be",
}
"""By the SQL standard's code or its class."""
_BY_WORDS = {
    "authentication failed": "Check the user, the password and the server's pg_hba.conf",
    "no pg_hba.conf entry": "Check the user, the password and the server's pg_hba.conf",
    "does not exist": "Check its name, or make it first: createdb for a database, createuser for a user",
    "NUL": "Leave out the NUL character",
    "too many": "Close other connections, or raise the server's max_connections",
}
"""By what the server says while it connects: there it gives no code."""
_UNKNOWN = "See that the server runs and can be reached"


class PostgresDatabase:
    """One database, ready for use; see `Database`. The tables are made in the first schema of its search path."""

    lasting_leases = True
    clock: str | None = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"

    def __init__(self, url: str, *, busy_s: float = BUSY_S) -> None:
        address = _address(url)
        self.busy_s = busy_s
        self.place = address.set(drivername="postgresql", query={}).render_as_string(hide_password=True)
        _need_driver()
        self.engine = create_engine(
            address, paramstyle="format", isolation_level="AUTOCOMMIT", pool_size=READERS + 1, max_overflow=0,
            pool_pre_ping=True,
        )  # fmt: skip
        self.dialect = self.engine.dialect
        try:
            self._prepare()
        except SQLAlchemyError as error:
            self.engine.dispose()
            raise self.failure(error) from error

    def _prepare(self) -> None:
        with self.engine.connect() as connection:
            if version_of(connection) == 1 + len(MIGRATIONS):
                return
            connection.exec_driver_sql("BEGIN")  # of processes that open it together, one prepares it
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (lock_number(),))
            prepare(connection, place=self.place)
            connection.exec_driver_sql("COMMIT")

    def read(self) -> Connection:
        """Return a pooled connection; each single SELECT sees one state of the journal."""
        return self.engine.connect()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Return a pooled connection on which all questions see one state: that at the first of them."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield connection
            connection.exec_driver_sql("ROLLBACK")

    def transactions(self) -> "PostgresTransactions":
        """Return the writer's connection."""
        return PostgresTransactions(self)

    def moved(self) -> int:
        """Return a number for which transactions can be seen."""
        with self.engine.connect() as connection:
            snapshot = connection.exec_driver_sql("SELECT pg_current_snapshot()::text").scalar_one()
        return int.from_bytes(hashlib.blake2b(str(snapshot).encode(), digest_size=7).digest(), "big")

    def scrub(self) -> None:
        """Free the rows that were overwritten; pages and write-ahead log keep their bytes until they are used again."""
        with self.engine.connect() as connection:
            for table in (PAYLOADS, RUNS, WAITING, CALLS):
                connection.exec_driver_sql(f"VACUUM {table.name}")

    def failure(self, error: Exception) -> Exception:
        """Return the one clear error for what the server, the driver or the network said."""
        import psycopg

        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        if isinstance(cause, CopilotError) or not isinstance(cause, psycopg.Error | OSError):
            return cause if isinstance(cause, CopilotError) else error
        said = " ".join(str(cause).split()) or type(cause).__name__
        code = getattr(cause, "sqlstate", None) or ""
        told_apart = _BY_CODE if code else _BY_WORDS
        found = (text for sign, text in told_apart.items() if (code.startswith(sign) if code else sign in said))
        advice = f"{next(found, _UNKNOWN)}; all that was acknowledged before is kept."
        told = JournalError(f"Journal {self.place!r}: {said.rstrip('.?')}. {advice}")
        told.__cause__ = cause
        return told

    def close(self) -> None:
        """Let go of the connections."""
        self.engine.dispose()


class PostgresTransactions:
    """The writer's connection; see `copilot_kit.journal.writer.Transactions`."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._pooled: PoolProxiedConnection | None = None
        self._cursor: psycopg.Cursor[Any] | None = None
        self._committing = False

    def begin(self, *, durable: bool, runs: Sequence[str]) -> Any:
        """Begin a transaction and lock its runs; a connection that the server has dropped meanwhile is opened anew."""
        import psycopg

        numbers = sorted({lock_number("run", run_id) for run_id in runs})
        begin = _BEGIN.format(
            durable="on" if durable else "off",
            busy_ms=int(self._database.busy_s * 1000),
            stalled_ms=STALLED_S * 1000,
            numbers=",".join(map(str, numbers)),
        )
        self._committing = False
        cursor = self._cursor or self._connect()
        try:
            cursor.execute(begin)
        except psycopg.OperationalError:
            self.rollback()
            if self._cursor is not None:  # it is not the connection: another writer did not let go
                raise
            cursor = self._connect()
            cursor.execute(begin)
        return cursor

    def commit(self) -> None:
        """Commit; on return a durable transaction is on the server's disk."""
        cursor = self._cursor
        if cursor is None:
            return
        self._committing = True
        cursor.execute("COMMIT")
        self._committing = False
        if cursor.statusmessage != "COMMIT":
            raise JournalError(f"Journal {self._database.place!r} answered COMMIT with {cursor.statusmessage!r}. "
                               "Nothing was added; try again.")  # fmt: skip

    def rollback(self) -> bool:
        """Roll back; returns False where the connection was lost while the server was asked to commit."""
        import psycopg

        cursor = self._cursor
        if cursor is None:
            return True
        with contextlib.suppress(psycopg.Error):
            cursor.execute("ROLLBACK")
        if not cursor.connection.closed:
            self._committing = False
            return True
        self._drop()
        return not self._committing

    def failure(self, error: Exception) -> Exception:
        """Return what the caller is told."""
        told = self._database.failure(error)
        if self._committing and isinstance(told, JournalError):
            unsure = JournalError(f"{told} Whether this was written is not known: read the run again to see.")
            unsure.__cause__ = told.__cause__
            return unsure
        return told

    def close(self) -> None:
        """Close the connection."""
        self._drop()

    def _connect(self) -> "psycopg.Cursor[Any]":
        self._pooled = self._database.engine.raw_connection()
        cursor: psycopg.Cursor[Any] = self._pooled.cursor()  # type: ignore[assignment]
        self._cursor = cursor
        return cursor

    def _drop(self) -> None:
        if self._pooled is not None:
            with contextlib.suppress(Exception):
                self._pooled.invalidate()
        self._pooled = self._cursor = None


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise UsageError(
            "Cannot open this journal: its address cannot be read. Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE,"
            " with what is special in a password as %XX."
        ) from error
    ours = {"connect_timeout": str(CONNECT_S), "application_name": "copilot-kit"}
    return address.set(drivername="postgresql+psycopg", query={**ours, **address.query})


def _need_driver() -> None:
    try:
        import psycopg
    except ImportError as error:
        raise MissingExtra("A journal in PostgreSQL", "postgres") from error
    del psycopg
