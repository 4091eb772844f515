"""How the tables of a journal are made, and how an older one is brought up to date.

What is derived from the records is dropped and built anew; records, payloads and leases are never touched.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TypeAlias, cast

from sqlalchemy import Connection, Table, insert, inspect, select, text, update

from copilot_kit.errors import BrokenRecord, JournalError
from copilot_kit.journal.ledger import Ledger
from copilot_kit.journal.rows import READ, sealed_of
from copilot_kit.journal.statements import Statements
from copilot_kit.journal.store import Entry, Head, unseal
from copilot_kit.journal.tables import CALLS, CLAIMS, HEADS, META, METADATA, RUNS, WAITING
from copilot_kit.journal.times import moment
from copilot_kit.journal.writer import Cursor
from copilot_kit.records import SCHEMA

Migration: TypeAlias = Callable[[Connection], None]


def version_of(connection: Connection) -> int | None:
    """Return the version of the journal's tables; None where there are none yet."""
    if not inspect(connection).has_table(META.name):
        return None
    value = connection.execute(select(META.c.value).where(META.c.name == "version")).scalar_one()
    return int(str(value))


def rebuild(connection: Connection) -> None:
    """Derive from the records what lists show, and begin the chain of heads where there is none.

    From version 1, whose derived tables had another shape. The end of each run is taken from its old row, so that one
    that was cut before is still found.
    """
    ends = connection.execute(text("SELECT tenant, run_id, seq, head FROM copilot_runs ORDER BY started_us")).all()
    for name in (RUNS.name, WAITING.name, CALLS.name):
        connection.execute(text(f"DROP TABLE IF EXISTS {name}"))
    tables: list[Table] = [RUNS, WAITING, CALLS, CLAIMS, HEADS]
    METADATA.create_all(connection, tables=tables)
    say = Statements(connection.dialect)
    with closing(connection.connection.cursor()) as raw:
        cursor = cast("Cursor", raw)
        for tenant, run_id, seq, link in ends:
            entries = _readable(connection, tenant, run_id)
            at = entries[-1].head.at if entries else moment(0)
            last = Head(SCHEMA, tenant, run_id, seq, (), 0, at, "", "", "", link)
            ledger = Ledger(say, cursor, tenant, run_id)
            ledger.rebuild(entries, last)
            ledger.link(last)


MIGRATIONS: tuple[Migration, ...] = (rebuild,)
"""Each brings the tables one version further; append, never change one that was released."""


def prepare(connection: Connection, *, place: str, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Create the tables or bring them up to date, inside the caller's transaction; refuses those of a newer version."""
    newest = 1 + len(migrations)
    version = version_of(connection)
    if version is None:
        METADATA.create_all(connection)
        connection.execute(insert(META).values(name="version", value=str(newest)))
        return
    if version > newest:
        raise JournalError(
            f"Journal {place!r} has version {version}, newer than {newest}. Update copilot-kit; nothing was changed."
        )
    for migrate in migrations[version - 1 :]:
        migrate(connection)
    if version < newest:
        connection.execute(update(META).where(META.c.name == "version").values(value=str(newest)))


def _readable(connection: Connection, tenant: str, run_id: str) -> list[Entry]:
    """Return the records of a run up to the first broken one, which is refused by whoever reads the run."""
    found: list[Entry] = []
    for row in connection.execute(READ, {"t": tenant, "r": run_id, "after": -1}):
        one = sealed_of(row)
        try:
            found.append(unseal(one.head, one.payload))
        except BrokenRecord:
            break
    return found
