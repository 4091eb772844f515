"""The tables of a journal in SQL.

Bodies lie apart from the records that name their digests, so that a body can be erased while the chain stays whole.
Everything but records, payloads, leases, heads and claims is derived from the records and kept up with each append,
so that no list has to fold a journal; `copilot_kit.journal.migrations` can build it anew.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, Double, Index, Integer, LargeBinary, MetaData, Table, Text, text
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement
from sqlalchemy.types import TypeEngine

METADATA = MetaData()
_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Compared by its bytes, in every database."""


def _key(name: str, kind: TypeEngine[Any] = _TEXT) -> Column[object]:
    return Column(name, kind, primary_key=True, autoincrement=False)


def _field(name: str, kind: TypeEngine[Any] = _TEXT) -> Column[object]:
    return Column(name, kind, nullable=False)


META = Table("copilot_meta", METADATA, _key("name"), _field("value"))
RUNS = Table(
    "copilot_runs", METADATA, _key("tenant"), _key("run_id"), _field("status"), _field("agent"), _field("title"),
    _field("ended"), _field("broken", Integer()), _field("pending", Integer()), _field("unknown", Integer()),
    _field("running", Integer()), _field("fresh", Integer()), _field("purpose"), Column("subject", _TEXT),
    _field("ready", Integer()), _field("started_us", BigInteger()), _field("updated_us", BigInteger()),
    _field("seq", BigInteger()), _field("head"),
    sqlite_with_rowid=False,
)  # fmt: skip
"""What lists show; ended, broken, unknown, running and fresh only serve to keep it up; head is the last record's hash.

A stream has a row too, for its seq and head; no list shows it.
"""
Index("copilot_runs_by_time", RUNS.c.tenant, RUNS.c.updated_us)
Index(
    "copilot_runs_waiting", RUNS.c.tenant, RUNS.c.updated_us,
    sqlite_where=RUNS.c.status == "waiting", postgresql_where=RUNS.c.status == "waiting",
)  # fmt: skip
IS_WAITING = text("copilot_runs.status = 'waiting'")
IS_READY = text("copilot_runs.ready = 1")  # as plain text, so that SQLite sees that the index serves the question
Index("copilot_runs_ready", RUNS.c.tenant, RUNS.c.updated_us, sqlite_where=text("ready = 1"),
      postgresql_where=text("ready = 1"))  # fmt: skip
Index("copilot_runs_by_subject", RUNS.c.tenant, RUNS.c.subject, sqlite_where=RUNS.c.subject.is_not(None),
      postgresql_where=RUNS.c.subject.is_not(None))  # fmt: skip
RECORDS = Table(
    "copilot_records", METADATA, _key("tenant"), _key("run_id"), _key("seq", BigInteger()), _field("schema", Integer()),
    _field("path"), _field("epoch", BigInteger()), _field("at"), _field("kind"), _field("body_digest"), _field("prev"),
    _field("hash"),
    sqlite_with_rowid=False,
)  # fmt: skip
# With a rowid: SQLite packs bodies of up to a page densely there, where a keyed tree would spill them at a quarter.
PAYLOADS = Table(
    "copilot_payloads", METADATA, _key("tenant"), _key("run_id"), _key("seq", BigInteger()),
    Column("salt", LargeBinary), Column("body", LargeBinary),
)  # fmt: skip
"""salt and body are null where they were erased; a missing row is damage."""
LEASES = Table(
    "copilot_leases", METADATA, _key("tenant"), _key("run_id"), _field("epoch", BigInteger()), _field("owner"),
    _field("until_us", BigInteger()),
    sqlite_with_rowid=False,
)  # fmt: skip
HEADS = Table(
    "copilot_heads", METADATA, _key("tenant"), _key("nr", BigInteger()), _field("run_id"), _field("seq", BigInteger()),
    _field("head"), _field("prev"), _field("hash"),
    sqlite_with_rowid=False,
)  # fmt: skip
"""The chain over all runs; see `copilot_kit.journal.heads`."""
WAITING = Table(
    "copilot_waiting", METADATA, _key("tenant"), _key("run_id"), _key("kind"), _key("id"), _field("path"),
    _field("seq", BigInteger()), _field("call_id"), _field("agent"), _field("tool"), _field("queued_us", BigInteger()),
    _field("asked_us", BigInteger()), _field("expires_us", BigInteger()), Column("assigned_to", _TEXT), _field("words"),
    sqlite_with_rowid=False,
)  # fmt: skip
"""One row for each pending proposal and each call whose outcome is unknown, with the record that says so.

words: what a search looks through; expires_us: far away where it does not expire.
"""
Index("copilot_waiting_queued", WAITING.c.tenant, WAITING.c.queued_us, WAITING.c.run_id, WAITING.c.seq)
Index("copilot_waiting_due", WAITING.c.tenant, WAITING.c.expires_us, WAITING.c.queued_us)
CLAIMS = Table(
    "copilot_claims", METADATA, _key("tenant"), _key("id"), _field("by"), _field("until_us", BigInteger()),
    sqlite_with_rowid=False,
)  # fmt: skip
"""Who has a card open."""
CALLS = Table(
    "copilot_calls", METADATA, _key("tenant"), _key("run_id"), _key("call_id"), Column("proposal_id", _TEXT),
    _field("seq", BigInteger()), _field("agent"), _field("tool"), _field("tool_version"), _field("effect"),
    _field("model"), _field("prompt_version"), _field("state"), Column("outcome", _TEXT), _field("edited"),
    Column("by", _TEXT), Column("looked_s", Double), _field("asked_us", BigInteger()),
    Column("decided_us", BigInteger()), _field("undoable", Integer()), _field("fate"),
    sqlite_with_rowid=False,
)  # fmt: skip
"""One row for each call that passed the gate; fate: as what it counts for trust, empty for nothing."""
Index("copilot_calls_by_time", CALLS.c.tenant, CALLS.c.asked_us)
Index("copilot_calls_by_tool", CALLS.c.tenant, CALLS.c.tool, CALLS.c.asked_us)
Index(
    "copilot_calls_by_fate", CALLS.c.tenant, CALLS.c.tool, CALLS.c.tool_version, CALLS.c.model,
    CALLS.c.prompt_version, CALLS.c.asked_us, CALLS.c.run_id, CALLS.c.call_id,
    CALLS.c.fate, sqlite_where=text("fate <> ''"), postgresql_where=text("fate <> ''"),
)  # fmt: skip
HAS_FATE = text("copilot_calls.fate <> ''")


def text_of(statement: ClauseElement, dialect: Dialect, *names: str) -> str:
    """Return the SQL of a statement whose parameters are, in this order, `names`."""
    compiled = statement.compile(dialect=dialect)
    order = tuple(getattr(compiled, "positiontup", None) or ())
    if order != names:
        raise TypeError(f"{compiled} takes {order}, not {names}. Order the columns as the caller binds them.")
    return str(compiled)
