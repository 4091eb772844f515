"""Erasing: the words are gone from the store and its files, and the chain still tells what was written."""

import sqlite3
import sys

import pytest

from copilot_kit.errors import JournalError, UsageError
from copilot_kit.journal.erasure import Erasure, erase
from copilot_kit.journal.opening import open_store
from copilot_kit.journal.sql import SqlStore
from copilot_kit.journal.sqlite import SqliteFile
from copilot_kit.journal.state import RunState
from copilot_kit.journal.verify import verify_all, verify_run
from copilot_kit.records import Principal

ANN = Principal(id="ann")
CANARY = "Zebra-4711-canary"


async def finished(store, fact, run="run_1", *, subject="customer-9", call="c1"):
    """Append a run in which everything is about the canary."""
    bodies = (
        fact.started(f"Write to {CANARY}", subject=subject), fact.said(f"Write to {CANARY}" * 400),
        fact.answered(call), fact.proposed(f"p_{run}", call, arguments=f'{{"to":"{CANARY}"}}'),
        fact.decided(f"p_{run}"), fact.intended(call, arguments=f'{{"to":"{CANARY}"}}'),
        fact.received(call, words=CANARY), fact.ended(),
    )  # fmt: skip
    await store.append(run, fact.drafts(*bodies), after=-1)


async def test_erased_bodies_are_gone_and_named_and_the_chain_stands(store, fact):
    await finished(store, fact)
    assert await erase(store, run_id="run_1", by=ANN, reason="They asked for it") == Erasure(("run_1",), 8)
    entries = await store.read("run_1")
    assert [entry.body is None for entry in entries] == [True] * 8 + [False]
    tombstone = entries[-1].body
    assert (tombstone.kind, tombstone.seqs, tombstone.by.id) == ("erased", tuple(range(8)), "ann")
    assert (tombstone.reason, tombstone.agent, tombstone.status) == ("They asked for it", "support", "done")
    assert all((one.salt or b"", one.payload) == (b"", None) for one in (await store.sealed("run_1"))[:8])
    found = await verify_run(store, "run_1")
    assert (found.ok, found.erased) == (True, tuple(range(8)))
    assert (await verify_all(store)).erased == {"run_1": tuple(range(8))}


async def test_an_erased_run_stays_in_lists_without_its_words(store, fact):
    await finished(store, fact)
    before = await store.calls()
    await erase(store, run_id="run_1", by=ANN)
    (row,) = await store.runs()
    assert (row.title, row.agent, row.status, row.pending) == ("", "support", "done", 0)
    assert row == RunState.of(await store.read("run_1")).row()
    assert await store.calls() == before
    assert [one.clean for one in await store.evidence()] == [1]
    assert (await store.waiting(), await store.ready()) == ([], [])


async def test_a_subject_is_erased_from_all_its_runs_and_from_no_other(store, fact):
    await finished(store, fact, "run_1")
    await finished(store, fact, "run_2", call="c2")
    await finished(store, fact, "run_3", subject="customer-10", call="c3")
    assert await erase(store, subject="customer-9", by=ANN) == Erasure(("run_1", "run_2"), 16)
    assert (await store.read("run_3"))[0].body is not None
    assert await erase(store, subject="customer-9", by=ANN) == Erasure((), 0)
    assert (await verify_all(store)).ok


async def test_erasing_again_erases_only_what_came_since(store, fact):
    await finished(store, fact)
    await erase(store, run_id="run_1", by=ANN)
    assert await erase(store, run_id="run_1", by=ANN) == Erasure((), 0)
    await store.append("run_1", fact.drafts(fact.undone("c1")), after=8)
    assert await erase(store, run_id="run_1", by=ANN) == Erasure(("run_1",), 1)
    assert (await verify_run(store, "run_1")).erased == (*range(8), 9)


async def test_a_run_that_was_stopped_and_erased_says_that_it_was_stopped(store, fact):
    await store.append("run_1", fact.drafts(fact.started(), fact.proposed("p1"), fact.stopped()), after=-1)
    await erase(store, run_id="run_1", by=ANN)
    assert [row.status for row in await store.runs()] == ["stopped"]
    assert RunState.of(await store.read("run_1")).erased.by == ANN


async def test_a_run_that_has_not_ended_is_refused_and_nothing_of_its_subject_is_erased(store, fact):
    await finished(store, fact)
    await store.append("run_2", fact.drafts(fact.started(subject="customer-9"), fact.proposed("p2")), after=-1)
    with pytest.raises(JournalError, match=r"'run_2': it has not ended, it is waiting\. Stop it first"):
        await erase(store, subject="customer-9", by=ANN)
    assert (await store.read("run_1"))[0].body is not None


async def test_a_call_of_unknown_outcome_is_never_hidden_by_an_erasure(store, fact):
    bodies = (fact.started(), fact.answered("c1"), fact.intended("c1"), fact.received("c1", "unknown"), fact.stopped())
    await store.append("run_1", fact.drafts(*bodies), after=-1)
    with pytest.raises(JournalError, match=r"what became of its call 'c1' \(send\)\. Settle it first"):
        await erase(store, run_id="run_1", by=ANN)
    assert len(await store.waiting()) == 1


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({}, "either a run or a subject"),
        ({"run_id": "run_1", "subject": "x"}, "either a run or a subject"),
        ({"run_id": "@rules"}, "is no run"),
        ({"run_id": "run_9"}, "has none of that id"),
    ],
)
async def test_what_cannot_be_erased_is_refused(store, wanted, says):
    with pytest.raises(UsageError, match=says):
        await erase(store, by=ANN, **wanted)


async def test_nothing_of_it_is_left_in_the_files_not_even_while_the_journal_is_open(tmp_path, fact):
    store = open_store(str(tmp_path / "j.db"))
    reader = open_store(str(tmp_path / "j.db"))
    await finished(store, fact)
    await reader.read("run_1")
    files = ("j.db", "j.db-wal")
    assert any(CANARY.encode() in (tmp_path / name).read_bytes() for name in files)
    await erase(store, subject="customer-9", by=ANN)
    for name in files:
        held = (tmp_path / name).read_bytes()
        assert CANARY.encode() not in held
        assert CANARY.casefold().encode() not in held
        assert b"customer-9" not in held
    await store.close()
    await reader.close()


async def test_an_erasure_that_a_reader_held_up_is_finished_by_erasing_again(tmp_path, fact):
    store = SqlStore(SqliteFile(tmp_path / "j.db", busy_s=0.05))
    await finished(store, fact)
    reader = sqlite3.connect(tmp_path / "j.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM copilot_records").fetchone()
    with pytest.raises(JournalError, match="its log still holds them while another process reads"):
        await erase(store, run_id="run_1", by=ANN)
    assert CANARY.encode() in (tmp_path / "j.db-wal").read_bytes()
    reader.close()
    await erase(store, run_id="run_1", by=ANN)
    assert CANARY.encode() not in (tmp_path / "j.db-wal").read_bytes() + (tmp_path / "j.db").read_bytes()
    await store.close()


KEEPER = """
told = []

async def erase(run_ids, subject, store):
    told.append((run_ids, subject))
    raise OSError("the disk of the memory is full")
"""


async def test_other_packages_erase_what_they_keep_first_and_if_one_cannot_nothing_is_erased(
    store, fact, tmp_path, monkeypatch
):
    (tmp_path / "keeper.py").write_text(KEEPER)
    installed = tmp_path / "keeper-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: keeper\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[copilot_kit.erasers]\nmemory = keeper:erase\n")
    monkeypatch.syspath_prepend(tmp_path)
    await finished(store, fact)
    with pytest.raises(OSError, match="memory is full"):
        await erase(store, subject="customer-9", by=ANN)
    import keeper

    assert keeper.told == [(["run_1"], "customer-9")]
    assert (await store.read("run_1"))[0].body is not None
    sys.modules.pop("keeper")
