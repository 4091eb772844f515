"""Lists over all runs, as questions to the tables that each append keeps up, and rows of their answers."""

import hashlib
import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from copilot_kit.journal.calls import JUDGED, RAN
from copilot_kit.journal.folding import RECENT, Counted, Key, counted
from copilot_kit.journal.index import CallRow, Evidence, Order, Waiting
from copilot_kit.journal.rows import bytes_of
from copilot_kit.journal.store import body_of
from copilot_kit.journal.tables import (
    CALLS,
    CLAIMS,
    HAS_FATE,
    HEADS,
    IS_READY,
    IS_WAITING,
    LEASES,
    PAYLOADS,
    RECORDS,
    RUNS,
    WAITING,
)
from copilot_kit.journal.tally import search_forms
from copilot_kit.journal.times import NEVER_US, moment
from copilot_kit.records import Proposal, Proposed

_SHOWN = [column for column in WAITING.c if column.name != "words"]


_KEY = (CALLS.c.tool, CALLS.c.tool_version, CALLS.c.model, CALLS.c.prompt_version)


def runs_page(tenant: str, *, limit: int, waiting: bool) -> Select[Any]:
    """Return the question for the runs that were written to last."""
    page = select(RUNS).where(RUNS.c.tenant == tenant, func.substr(RUNS.c.run_id, 1, 1) != "@")
    page = page.where(IS_WAITING) if waiting else page
    return page.order_by(RUNS.c.updated_us.desc()).limit(limit)


def waiting_page(
    tenant: str, *, order: Order, search: str, tool: str | None, assigned_to: str | None, limit: int, offset: int,
    now_us: ColumnElement[int],
) -> Select[Any]:  # fmt: skip
    """Return the question for what waits. The page is found first and only its rows are joined."""
    page = select(*_SHOWN).where(WAITING.c.tenant == tenant)
    page = page if tool is None else page.where(WAITING.c.tool == tool)
    page = page if assigned_to is None else page.where(WAITING.c.assigned_to == assigned_to)
    for forms in search_forms(search):
        page = page.where(or_(*[WAITING.c.words.contains(form, autoescape=True) for form in forms]))
    found = page.order_by(*_order(WAITING.c, order)).limit(limit).offset(offset).subquery("page")
    key = (found.c.tenant, found.c.run_id)
    shown = select(found, RUNS.c.title, RECORDS.c.body_digest, PAYLOADS.c.salt, PAYLOADS.c.body, CLAIMS.c.by,
                   CLAIMS.c.until_us, now_us.label("now_us"))  # fmt: skip
    return (
        shown.join(RUNS, and_(RUNS.c.tenant == key[0], RUNS.c.run_id == key[1]))
        .outerjoin(RECORDS, and_(RECORDS.c.tenant == key[0], RECORDS.c.run_id == key[1], RECORDS.c.seq == found.c.seq))
        .outerjoin(
            PAYLOADS, and_(PAYLOADS.c.tenant == key[0], PAYLOADS.c.run_id == key[1], PAYLOADS.c.seq == found.c.seq)
        )
        .outerjoin(CLAIMS, and_(CLAIMS.c.tenant == key[0], CLAIMS.c.id == found.c.id))
        .order_by(*_order(found.c, order))
    )


def _order(columns: ReadOnlyColumnCollection[str, Any], order: Order) -> tuple[ColumnElement[Any], ...]:
    match order:
        case "queued":
            return (columns.queued_us, columns.run_id, columns.seq)
        case "due":
            return (columns.expires_us, columns.queued_us, columns.run_id, columns.seq)
        case "newest":
            return (columns.asked_us.desc(), columns.run_id.desc(), columns.seq.desc())


def waiting_of(row: Row[Any]) -> Waiting:
    """Return a row of `waiting_page` with the time it was asked at."""
    claimed = row.by is not None and row.until_us > row.now_us
    return Waiting(
        kind=row.kind,
        run_id=row.run_id,
        id=row.id,
        path=tuple(json.loads(row.path)) if row.path else (),
        seq=row.seq,
        title=row.title,
        agent=row.agent,
        tool=row.tool,
        queued_at=moment(row.queued_us),
        expires_at=None if row.expires_us == NEVER_US else moment(row.expires_us),
        assigned_to=row.assigned_to,
        claimed_by=row.by if claimed else None,
        claimed_until=moment(row.until_us) if claimed else None,
        proposal=_proposal(row) if row.kind == "proposal" else None,
    )


def _proposal(row: Row[Any]) -> Proposal | None:
    """Return the proposal of a row; a damaged one is refused by whoever reads its run, and must not hide the others."""
    payload, salt = bytes_of(row.body), bytes_of(row.salt)
    if payload is None or hashlib.sha256((salt or b"") + payload).hexdigest() != row.body_digest:
        return None
    try:
        body = body_of(payload)
    except ValueError:
        return None
    return body.proposal if isinstance(body, Proposed) else None


def waiting_count(tenant: str) -> Select[Any]:
    """Return the question for how many things wait."""
    return select(func.count()).select_from(WAITING).where(WAITING.c.tenant == tenant)


def calls_page(tenant: str, *, tool: str | None) -> Select[Any]:
    """Return the question for the calls that passed the gate, last asked first."""
    page = select(CALLS).where(CALLS.c.tenant == tenant)
    page = page if tool is None else page.where(CALLS.c.tool == tool)
    return page.order_by(CALLS.c.asked_us.desc(), CALLS.c.run_id.desc(), CALLS.c.seq.desc())


def call_row(row: Row[Any]) -> CallRow:
    """Return a row of `calls_page`."""
    return CallRow(
        row.run_id, row.call_id, row.proposal_id, row.seq, row.agent, row.tool, row.tool_version, row.effect,
        row.model, row.prompt_version, row.state, row.outcome, row.edited == "wording", row.by, row.looked_s,
        moment(row.asked_us), None if row.decided_us is None else moment(row.decided_us), bool(row.undoable),
    )  # fmt: skip


def fates(tenant: str, *, tool: str | None) -> Select[Any]:
    """Return the question for how many calls of each tool, version, model and prompt had which fate."""
    counts = select(*_KEY, CALLS.c.fate, func.count()).where(CALLS.c.tenant == tenant, HAS_FATE)
    counts = counts if tool is None else counts.where(CALLS.c.tool == tool)
    return counts.group_by(*_KEY, CALLS.c.fate)


def last_calls(tenant: str, key: Key, among: Collection[str]) -> Select[Any]:
    """Return the question for the last calls of a key with one of these fates."""
    last = select(CALLS.c.fate, CALLS.c.asked_us, CALLS.c.run_id, CALLS.c.call_id)
    same = [column == value for column, value in zip(_KEY, key, strict=True)]
    last = last.where(CALLS.c.tenant == tenant, *same, HAS_FATE, CALLS.c.fate.in_(sorted(among)))
    return last.order_by(CALLS.c.asked_us.desc(), CALLS.c.run_id.desc(), CALLS.c.call_id.desc()).limit(RECENT)


def evidence(connection: Connection, tenant: str, *, tool: str | None) -> list[Evidence]:
    """Return how calls fared, by tool, version, model and prompt."""
    found: dict[Key, dict[str, int]] = {}
    for name, version, model, prompt, fate, count in connection.execute(fates(tenant, tool=tool)):
        found.setdefault((name, version, model, prompt), {})[fate] = count
    shown = []
    for key in sorted(found):
        recent = [
            Counted(key, *row) for among in (JUDGED, RAN) for row in connection.execute(last_calls(tenant, key, among))
        ]
        shown.append(counted(key, found[key], recent))
    return shown


def chain(tenant: str) -> Select[Any]:
    """Return the question for the chain over all runs."""
    return select(HEADS).where(HEADS.c.tenant == tenant).order_by(HEADS.c.nr)


def ready_runs(tenant: str, now_us: ColumnElement[int]) -> Select[Any]:
    """Return the question for runs that can go on and that nobody holds, longest untouched first."""
    held = and_(LEASES.c.tenant == RUNS.c.tenant, LEASES.c.run_id == RUNS.c.run_id, LEASES.c.owner != "",
                LEASES.c.until_us > now_us)  # fmt: skip
    free = ~select(LEASES.c.epoch).where(held).exists()
    return select(RUNS.c.run_id).where(RUNS.c.tenant == tenant, IS_READY, free).order_by(RUNS.c.updated_us)
