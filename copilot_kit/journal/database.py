"""What a journal in SQL needs of the database that it lies in."""

from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection
from sqlalchemy.engine import Dialect

from copilot_kit.journal.writer import Transactions


class Database(Protocol):
    """A database with the journal's tables, ready for use."""

    @property
    def place(self) -> str:
        """Where it is, without a password: for errors."""
        ...

    @property
    def dialect(self) -> Dialect:
        """Its words; values are bound by position."""
        ...

    @property
    def lasting_leases(self) -> bool:
        """Whether a lease must survive a crash of the database: its owners may."""
        ...

    @property
    def clock(self) -> str | None:
        """What asks it for the time in microseconds; None where all owners of leases share the machine's clock."""
        ...

    def read(self) -> AbstractContextManager[Connection]:
        """Return a pooled connection; each single SELECT sees one state of the journal."""
        ...

    def snapshot(self) -> AbstractContextManager[Connection]:
        """Return a pooled connection on which all questions see one and the same state of the journal."""
        ...

    def transactions(self) -> Transactions:
        """Return the writer's connection, not yet opened."""
        ...

    def moved(self) -> int:
        """Return a number that changes whenever somebody has committed something."""
        ...

    def scrub(self) -> None:
        """Drop what is left of erased bytes in logs and free pages, as far as the database can."""
        ...

    def failure(self, error: Exception) -> Exception:
        """Return the one clear error for what the database or the disk said."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...
