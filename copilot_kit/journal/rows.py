"""Records and runs as rows of tables, and back."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row

from copilot_kit.journal.store import Head, RunRow, Sealed
from copilot_kit.journal.tables import RECORDS

_ZERO = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
_HEAD = len(RECORDS.c)


def sealed_of(row: Sequence[Any]) -> Sealed:
    """Return a record from a row of `RECORDS` with run_id, salt and body of its payload.

    What others put there and cannot be read becomes what cannot have been written, so that its hash says so.
    """
    tenant, run_id, seq, schema, path, epoch, at, kind, digest, prev, link = row[:_HEAD]
    head = Head(schema, tenant, run_id, seq, _path(path), epoch, _time(at), kind, digest, prev, link)
    there, salt, body = row[_HEAD:]
    if there is None:  # not erased, which leaves the row: taken away
        return Sealed(head, b"", b"")
    return Sealed(head, _bytes(salt) or b"", _bytes(body))


def _path(text: str) -> tuple[str, ...]:
    try:
        return tuple(map(str, json.loads(text))) if text else ()
    except (ValueError, TypeError):
        return ("unreadable", str(text))


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return _ZERO


def _bytes(value: bytes | str | None) -> bytes | None:
    return value.encode(errors="surrogatepass") if isinstance(value, str) else value


def cells_of(head: Head) -> tuple[Any, ...]:
    """Return a head as a row of `RECORDS`."""
    return (head.tenant, head.run_id, head.seq, head.schema, path_text(head.path), head.epoch, head.at.isoformat(),
            head.kind, head.body_digest, head.prev, head.hash)  # fmt: skip


def path_text(path: tuple[str, ...]) -> str:
    """Return a path as it is stored."""
    return json.dumps(path) if path else ""


def micros(at: datetime) -> int:
    """Return a time as microseconds since 1970."""
    return (at - _ZERO) // _US


def run_row(row: Row[Any]) -> RunRow:
    """Return a row of `RUNS` as a line of a list."""
    return RunRow(row.run_id, row.agent, row.title, row.status, row.seq, row.pending, _ZERO + row.started_us * _US,
                  _ZERO + row.updated_us * _US)  # fmt: skip
