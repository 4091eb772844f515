"""Journals by URL, and the one that is used where none is named."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from copilot_kit.errors import JournalError, UsageError
from copilot_kit.journal.memory import MemoryStore

if TYPE_CHECKING:
    from copilot_kit.journal.sql import SqlStore

Journal: TypeAlias = "MemoryStore | SqlStore"
POSTGRES = ("postgresql://", "postgresql+psycopg://", "postgres://")
VARIABLE = "COPILOT_KIT_JOURNAL"
FOLDER = ".copilot-kit"
"""In the current folder; holds the journal and ignores itself in git."""

_shared: dict[str, Journal] = {}


def open_store(url: str | None = None, *, tenant: str = "local") -> Journal:
    """Return the journal at a path, `sqlite:///path` or `postgresql://user@host/database`, made ready if it is new.

    `memory` is a throw-away one. None means what the environment variable COPILOT_KIT_JOURNAL names, else
    `.copilot-kit/journal.db` in the current folder. A new file can be read by its owner only.
    """
    where = url or os.environ.get(VARIABLE)
    if where == "memory":
        return MemoryStore(tenant=tenant)
    if where and where.startswith(POSTGRES):
        from copilot_kit.journal.postgres import PostgresDatabase
        from copilot_kit.journal.sql import SqlStore

        return SqlStore(PostgresDatabase(where), tenant=tenant)
    path = _own_folder() / "journal.db" if not where else _path_of(where)
    if sys.platform == "win32":
        raise UsageError(
            f"Cannot open journal {str(path)!r}: journals on disk are not proved on Windows yet. "
            "Use the journal 'memory', or run copilot-kit in WSL."
        )
    from copilot_kit.journal.sql import SqlStore
    from copilot_kit.journal.sqlite import SqliteFile

    return SqlStore(SqliteFile(path), tenant=tenant)


def default_store(url: str | None = None) -> Journal:
    """Return the journal as `open_store` finds it, opened once and shared by all in this process who ask for it."""
    where = str(url or os.environ.get(VARIABLE) or Path(FOLDER, "journal.db").absolute())
    store = _shared.get(where)
    if store is None or store.closed:
        store = _shared[where] = open_store(url)
    return store


def _path_of(where: str) -> Path:
    scheme, mark, rest = where.partition("://")
    if not mark:
        return Path(where).expanduser()
    if scheme == "sqlite" and len(rest) > 1 and rest.startswith("/"):
        return Path(rest[1:]).expanduser()
    raise UsageError(
        f"Cannot open journal {_without_password(where)!r}: write a path, sqlite:///PATH (sqlite:////PATH from the "
        "root), postgresql://USER@HOST/DATABASE, or memory. Other databases are not supported."
    )


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _own_folder() -> Path:
    folder = Path(FOLDER)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
    except OSError as error:
        raise JournalError(
            f"Cannot make folder {str(folder.absolute())!r} for the journal: {error.strerror}. "
            f"Name another place in {VARIABLE}."
        ) from error
    return folder.absolute()
