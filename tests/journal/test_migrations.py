"""Journals of older versions: opened, brought up to date once, and whole as before."""

import asyncio
import hashlib
import json
import sqlite3
from datetime import UTC, datetime

import pytest

from copilot_kit.errors import BrokenRecord
from copilot_kit.journal.opening import open_store
from copilot_kit.journal.store import GENESIS, chain_hash
from copilot_kit.journal.verify import verify_run

# The tables of version 1, in which records had schema 1.
VERSION_1 = """
CREATE TABLE copilot_meta (name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name));
INSERT INTO copilot_meta VALUES ('version', '1');
CREATE TABLE copilot_runs (
    tenant TEXT NOT NULL, run_id TEXT NOT NULL, status TEXT NOT NULL, agent TEXT NOT NULL, title TEXT NOT NULL,
    ended TEXT NOT NULL, broken INTEGER NOT NULL, pending INTEGER NOT NULL, unknown INTEGER NOT NULL,
    started_us BIGINT NOT NULL, updated_us BIGINT NOT NULL, seq BIGINT NOT NULL, head TEXT NOT NULL,
    PRIMARY KEY (tenant, run_id)) WITHOUT ROWID;
CREATE INDEX copilot_runs_by_time ON copilot_runs (tenant, updated_us);
CREATE INDEX copilot_runs_waiting ON copilot_runs (tenant, updated_us) WHERE status = 'waiting';
CREATE TABLE copilot_records (
    tenant TEXT NOT NULL, run_id TEXT NOT NULL, seq BIGINT NOT NULL, schema INTEGER NOT NULL, path TEXT NOT NULL,
    epoch BIGINT NOT NULL, at TEXT NOT NULL, kind TEXT NOT NULL, body_digest TEXT NOT NULL, prev TEXT NOT NULL,
    hash TEXT NOT NULL, PRIMARY KEY (tenant, run_id, seq)) WITHOUT ROWID;
CREATE TABLE copilot_payloads (
    tenant TEXT NOT NULL, run_id TEXT NOT NULL, seq BIGINT NOT NULL, salt BLOB, body BLOB,
    PRIMARY KEY (tenant, run_id, seq));
CREATE TABLE copilot_leases (
    tenant TEXT NOT NULL, run_id TEXT NOT NULL, epoch BIGINT NOT NULL, owner TEXT NOT NULL, until_us BIGINT NOT NULL,
    PRIMARY KEY (tenant, run_id)) WITHOUT ROWID;
CREATE TABLE copilot_waiting (
    tenant TEXT NOT NULL, run_id TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, path TEXT NOT NULL,
    seq BIGINT NOT NULL, PRIMARY KEY (tenant, run_id, kind, id)) WITHOUT ROWID;
"""
STARTED = {"kind": "run_started", "agent": "support", "prompt_version": "p1", "model": "test:one", "slot": None,
           "base_url": None, "title": "Refund ticket 17"}  # fmt: skip
PROPOSED = {
    "kind": "proposed",
    "proposal": {
        "id": "p1", "call_id": "call_1", "path": [{"agent": "support", "call_id": None}], "tool": "send",
        "tool_version": "1", "effect": "external", "arguments": '{"to":"ann@example.org"}',
        "preview": {"kind": "text", "title": "A mail", "body": "Dear Ann"}, "model": "one > one",
        "prompt_version": "p1", "reasons": [{"code": "effect", "text": "It leaves the house."}], "may_decide": [],
        "expires_at": None, "call_digest": "c", "shown_digest": "s",
    },
}  # fmt: skip
DECIDED = {
    "kind": "decided",
    "decision": {
        "proposal_id": "p1", "call_digest": "c", "verdict": "approve",
        "by": {"id": "ann", "name": None, "authenticated": "local"}, "at": "2026-10-01T09:00:05Z",
        "arguments": None, "text": None, "looked_s": None, "channel": "terminal",
    },
}  # fmt: skip
INTENDED = {"kind": "intended", "call_id": "call_1", "call_digest": "c", "idempotency_key": "k"}
RECEIVED = {
    "kind": "received", "call_id": "call_1", "tool": "send", "state": "done", "took_s": 0.1, "settled_by": None,
    "result": {"type": "tool_result", "call_id": "call_1", "content": [{"type": "text", "text": "sent"}],
               "outcome": "ok", "executed_by": "client"},
}  # fmt: skip


def write(connection, run_id, bodies):
    """Write a run as version 1 did, and its row."""
    prev = GENESIS
    for seq, body in enumerate(bodies):
        payload, salt = json.dumps(body).encode(), b"0123456789abcdef"
        at = datetime(2026, 10, 1, 9, 0, seq, tzinfo=UTC)
        digest = hashlib.sha256(salt + payload).hexdigest()
        link = chain_hash("local", run_id, seq, (), 0, at, body["kind"], digest, prev, 1)
        row = ("local", run_id, seq, 1, "", 0, at.isoformat(), body["kind"], digest, prev, link)
        connection.execute("INSERT INTO copilot_records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        connection.execute("INSERT INTO copilot_payloads VALUES ('local', ?, ?, ?, ?)", (run_id, seq, salt, payload))
        prev = link
    times = (1_790_000_000_000_000, 1_790_000_000_000_000 + len(bodies))
    row = ("local", run_id, "running", "support", "Refund ticket 17", "", 0, 0, 0, *times, len(bodies) - 1, prev)
    connection.execute("INSERT INTO copilot_runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


@pytest.fixture
def old(tmp_path):
    connection = sqlite3.connect(tmp_path / "j.db")
    connection.executescript(VERSION_1)
    write(connection, "run_1", [STARTED, PROPOSED])
    write(connection, "run_2", [STARTED, PROPOSED, DECIDED, INTENDED, RECEIVED])
    connection.commit()
    yield connection
    connection.close()


async def test_a_journal_of_version_1_is_opened_with_its_lists(old, tmp_path):
    store = open_store(str(tmp_path / "j.db"))
    assert [(row.run_id, row.status, row.seq) for row in await store.runs()] == [
        ("run_2", "running", 4), ("run_1", "waiting", 1),
    ]  # fmt: skip
    (waiting,) = await store.waiting(search="refund ann@example")
    assert (waiting.run_id, waiting.id, waiting.proposal.preview.body) == ("run_1", "p1", "Dear Ann")
    assert {(row.run_id, row.state, row.outcome) for row in await store.calls()} == {
        ("run_1", "pending", None), ("run_2", "approved", "done"),
    }  # fmt: skip
    assert [(one.tool, one.clean) for one in await store.evidence()] == [("send", 1)]
    assert [(await verify_run(store, run)).ok for run in ("run_1", "run_2")] == [True, True]
    await store.close()


async def test_a_run_of_version_1_goes_on(old, tmp_path, fact):
    store = open_store(str(tmp_path / "j.db"))
    await store.append("run_1", fact.drafts(fact.decided("p1", "reject")), after=1)
    await store.close()
    again = open_store(str(tmp_path / "j.db"))
    assert await again.waiting() == []
    assert [entry.head.schema for entry in await again.read("run_1")] == [1, 1, 3]
    assert (await verify_run(again, "run_1")).ok
    await again.close()


async def test_a_run_that_was_cut_before_is_still_found_after(old, tmp_path):
    with old:
        old.execute("DELETE FROM copilot_records WHERE run_id = 'run_2' AND seq = 4")
    store = open_store(str(tmp_path / "j.db"))
    found = await verify_run(store, "run_2")
    assert (found.ok, found.first_bad.seq, found.first_bad.cause) == (False, 4, "records 4 to 4 are missing")
    await store.close()


async def test_a_broken_record_does_not_keep_the_journal_from_opening_and_is_refused_as_before(old, tmp_path):
    with old:
        old.execute("UPDATE copilot_payloads SET body = '{' WHERE run_id = 'run_1' AND seq = 1")
    store = open_store(str(tmp_path / "j.db"))
    assert len(await store.read("run_2")) == 5
    with pytest.raises(BrokenRecord, match=r"Record 1 \(proposed\) of run 'run_1'"):
        await store.read("run_1")
    await store.close()


async def test_of_several_that_open_an_old_journal_at_once_one_prepares_it(old, tmp_path):
    opening = [asyncio.to_thread(open_store, str(tmp_path / "j.db")) for _ in range(3)]
    stores = await asyncio.gather(*opening)
    assert [await store.waiting_count() for store in stores] == [1, 1, 1]
    assert old.execute("SELECT value FROM copilot_meta").fetchall() == [("2",)]
    for store in stores:
        await store.close()
