"""The tables of a journal in SQL, and how an older one is brought up to date.

Bodies lie apart from the records that name their digests, so that a body can be erased while the chain stays whole.
The row of a run and the table of what waits are kept up with each append, so that no list has to fold a journal.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement

from copilot_kit.errors import JournalError

METADATA = MetaData()


def _key(name: str, kind: type[Text | BigInteger] = Text) -> Column[object]:
    return Column(name, kind, primary_key=True, autoincrement=False)


def _field(name: str, kind: type[Text | BigInteger | Integer | LargeBinary] = Text) -> Column[object]:
    return Column(name, kind, nullable=False)


META = Table("copilot_meta", METADATA, _key("name"), _field("value"))
RUNS = Table(
    "copilot_runs", METADATA, _key("tenant"), _key("run_id"), _field("status"), _field("agent"), _field("title"),
    _field("ended"), _field("broken", Integer), _field("pending", Integer), _field("unknown", Integer),
    _field("started_us", BigInteger), _field("updated_us", BigInteger), _field("seq", BigInteger), _field("head"),
    sqlite_with_rowid=False,
)  # fmt: skip
"""What lists show; ended, broken and unknown only serve to keep the status up; head is the last record's hash."""
Index("copilot_runs_by_time", RUNS.c.tenant, RUNS.c.updated_us)
Index(
    "copilot_runs_waiting", RUNS.c.tenant, RUNS.c.updated_us,
    sqlite_where=RUNS.c.status == "waiting", postgresql_where=RUNS.c.status == "waiting",
)  # fmt: skip
RECORDS = Table(
    "copilot_records", METADATA, _key("tenant"), _key("run_id"), _key("seq", BigInteger), _field("schema", Integer),
    _field("path"), _field("epoch", BigInteger), _field("at"), _field("kind"), _field("body_digest"), _field("prev"),
    _field("hash"),
    sqlite_with_rowid=False,
)  # fmt: skip
# With a rowid: SQLite packs bodies of up to a page densely there, where a keyed tree would spill them at a quarter.
PAYLOADS = Table(
    "copilot_payloads", METADATA, _key("tenant"), _key("run_id"), _key("seq", BigInteger),
    Column("salt", LargeBinary), Column("body", LargeBinary),
)  # fmt: skip
"""salt and body are null where they were erased; a missing row is damage."""
LEASES = Table(
    "copilot_leases", METADATA, _key("tenant"), _key("run_id"), _field("epoch", BigInteger), _field("owner"),
    _field("until_us", BigInteger),
    sqlite_with_rowid=False,
)  # fmt: skip
WAITING = Table(
    "copilot_waiting", METADATA, _key("tenant"), _key("run_id"), _key("kind"), _key("id"), _field("path"),
    _field("seq", BigInteger),
    sqlite_with_rowid=False,
)  # fmt: skip
"""One row for each pending proposal and each call whose outcome is unknown, with the record that says so."""

Migration: TypeAlias = Callable[[Connection], None]
MIGRATIONS: tuple[Migration, ...] = ()
"""Each brings the tables one version further; append, never change one that was released."""


def version_of(connection: Connection) -> int | None:
    """Return the version of the journal's tables; None where there are none yet."""
    if not inspect(connection).has_table(META.name):
        return None
    value = connection.execute(select(META.c.value).where(META.c.name == "version")).scalar_one()
    return int(str(value))


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


def text_of(statement: ClauseElement, dialect: Dialect, *names: str) -> str:
    """Return the SQL of a statement whose parameters are, in this order, `names`."""
    compiled = statement.compile(dialect=dialect)
    order = tuple(getattr(compiled, "positiontup", None) or ())
    if order != names:
        raise TypeError(f"{compiled} takes {order}, not {names}. Order the columns as the caller binds them.")
    return str(compiled)
