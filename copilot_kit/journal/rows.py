"""Records and runs as rows of tables, and back."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select
from sqlalchemy import bindparam as bind

from copilot_kit.journal.auditable import Anchor, Rows, Whole
from copilot_kit.journal.calls import path_text
from copilot_kit.journal.store import Head, RunRow, Sealed
from copilot_kit.journal.tables import CALLS, PAYLOADS, RECORDS, RUNS, WAITING
from copilot_kit.journal.times import moment

_HEAD = len(RECORDS.c)
READ = (
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
"""The question for the records of a run, as `sealed_of` takes them."""
_LISTED = {
    table.name: select(*[column for column in table.c if column.name not in {"tenant", "run_id"}]).where(
        table.c.tenant == bind("t"), table.c.run_id == bind("r")
    )
    for table in (RUNS, CALLS, WAITING)
}
"""The questions for the rows that lists are made of."""


def sealed_of(row: Sequence[Any]) -> Sealed:
    """Return a record from a row of `RECORDS` with run_id, salt and body of its payload.

    What others put there and cannot be read becomes what cannot have been written, so that its hash says so.
    """
    tenant, run_id, seq, schema, path, epoch, at, kind, digest, prev, link = row[:_HEAD]
    head = Head(schema, tenant, run_id, seq, _path(path), epoch, _time(at), kind, digest, prev, link)
    there, salt, body = row[_HEAD:]
    if there is None:  # not erased, which leaves the row: taken away
        return Sealed(head, b"", b"")
    return Sealed(head, bytes_of(salt) or b"", bytes_of(body))


def _path(text: str) -> tuple[str, ...]:
    try:
        return tuple(map(str, json.loads(text))) if text else ()
    except (ValueError, TypeError):
        return ("unreadable", str(text))


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return moment(0)


def bytes_of(value: bytes | str | None) -> bytes | None:
    """Return the bytes of a cell, also where somebody has put text."""
    return value.encode(errors="surrogatepass") if isinstance(value, str) else value


def cells_of(head: Head) -> tuple[Any, ...]:
    """Return a head as a row of `RECORDS`."""
    return (head.tenant, head.run_id, head.seq, head.schema, path_text(head.path), head.epoch, head.at.isoformat(),
            head.kind, head.body_digest, head.prev, head.hash)  # fmt: skip


def run_row(row: Row[Any]) -> RunRow:
    """Return a row of `RUNS` as a line of a list."""
    return RunRow(row.run_id, row.agent, row.title, row.status, row.seq, row.pending, moment(row.started_us),
                  moment(row.updated_us), row.purpose)  # fmt: skip


def whole_of(connection: Connection, tenant: str, run_id: str) -> Whole:
    """Return all that is kept of a run, as this connection sees it."""
    key = {"t": tenant, "r": run_id}
    records = [sealed_of(row) for row in connection.execute(READ, {**key, "after": -1})]
    rows: Rows = {}
    for table, question in _LISTED.items():
        for row in connection.execute(question, key).mappings():
            cells = dict(row)
            kind = cells.pop("kind", "")
            name = cells.pop("id" if table == WAITING.name else "call_id", "") if table != RUNS.name else ""
            rows[table, kind, name] = cells
    end = rows.get((RUNS.name, "", ""))
    return Whole(records, None if end is None else Anchor(end["seq"], end["head"]), rows)
