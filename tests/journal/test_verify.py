"""Edited, removed and reordered records are found, in a list and in the file."""

import asyncio
import sqlite3
from dataclasses import replace

import pytest

from copilot_kit.errors import BrokenRecord
from copilot_kit.journal.auditable import Anchor
from copilot_kit.journal.opening import open_store
from copilot_kit.journal.store import Sealed
from copilot_kit.journal.verify import Flaw, Place, Report, Verification, verify, verify_all, verify_run


@pytest.fixture
async def records(store, fact):
    bodies = (fact.started(), fact.said(), fact.proposed("p1"), fact.decided("p1"), fact.ended())
    await store.append("run_1", fact.drafts(*bodies), after=-1)
    return await store.sealed("run_1")


async def test_what_was_written_verifies(store, records):
    assert await verify_run(store, "run_1") == Verification(ok=True, records=5)


async def test_an_edited_body_is_found(records):
    edited = replace(records[2], payload=records[2].payload.replace(b"ann@", b"bob@"))
    found = verify([*records[:2], edited, *records[3:]])
    assert found.first_bad == Flaw(2, "its body was changed after it was written")
    assert (found.ok, found.records) == (False, 2)


async def test_an_edited_head_is_found(records):
    edited = replace(records[3], head=replace(records[3].head, kind="lapsed"))
    assert verify([*records[:3], edited]).first_bad == Flaw(3, "its head was changed after it was written")


async def test_a_record_moved_to_another_run_is_found(records):
    moved = [Sealed(replace(one.head, run_id="run_2"), one.salt, one.payload) for one in records]
    assert verify(moved).first_bad == Flaw(0, "its head was changed after it was written")


async def test_a_removed_record_is_found(records):
    found = verify([*records[:2], *records[3:]])
    assert found.first_bad == Flaw(2, "record 3 stands where 2 should: records were removed or reordered")


async def test_reordered_records_are_found(records):
    assert verify([records[0], records[2], records[1]]).first_bad.seq == 1


async def test_a_record_replaced_by_one_sealed_anew_breaks_the_chain_behind_it(store, records, fact):
    await store.append("run_2", fact.drafts(fact.started(), fact.said("other")), after=-1)
    other = (await store.sealed("run_2"))[1]
    found = verify([records[0], other, *records[2:]])
    assert found.first_bad == Flaw(1, "it does not follow the record before it: one of the two was replaced")


async def test_a_cut_end_is_found_with_an_anchor_only(records):
    assert verify(records[:4]).ok
    anchor = Anchor(4, records[4].head.hash)
    assert verify(records[:4], anchor=anchor).first_bad == Flaw(4, "records 4 to 4 are missing")
    assert verify(records, anchor=anchor).ok


async def test_another_end_than_the_anchor_names_is_found(records):
    assert verify(records, anchor=Anchor(4, "0" * 64)).first_bad.seq == 4
    assert verify(records, anchor=Anchor(3, records[3].head.hash)).first_bad.seq == 4


async def test_a_body_that_was_removed_without_a_record_of_an_erasure_is_found(records):
    found = verify([records[0], Sealed(records[1].head, b"", None), *records[2:]])
    flaw = Flaw(1, "its body was removed, and no record of an erasure names it")
    assert found == Verification(ok=False, records=5, first_bad=flaw, erased=(1,))


BODY = "UPDATE copilot_payloads SET body = replace(body, 'ann@', 'bob@') WHERE seq = 2"
TAMPERING = {
    "edited body": (BODY, 2, "its body was changed"),
    "edited head": ("UPDATE copilot_records SET at = '2020-01-01T00:00:00+00:00' WHERE seq = 1", 1, "its head was"),
    "no time": ("UPDATE copilot_records SET at = 'yesterday' WHERE seq = 1", 1, "its head was"),
    "no path": ("UPDATE copilot_records SET path = '{' WHERE seq = 1", 1, "its head was"),
    "removed": ("DELETE FROM copilot_records WHERE seq = 2", 2, "record 3 stands where 2 should"),
    "body taken away": ("DELETE FROM copilot_payloads WHERE seq = 1", 1, "its body was changed"),
    "cut end": ("DELETE FROM copilot_records WHERE seq = 4", 4, "records 4 to 4 are missing"),
    "swapped": ("UPDATE copilot_records SET seq = CASE seq WHEN 1 THEN 9 ELSE 1 END WHERE seq = 1", 1, "record 2"),
}


@pytest.mark.parametrize("kind", TAMPERING)
async def test_tampering_with_the_file_is_found(journal, fact, tmp_path, kind):
    statement, seq, cause = TAMPERING[kind]
    bodies = (fact.started(), fact.said(), fact.proposed("p1"), fact.decided("p1"), fact.ended())
    await journal.append("run_1", fact.drafts(*bodies), after=-1)
    _alter(tmp_path / "journal.db", statement)
    found = (await verify_run(journal, "run_1")).first_bad
    assert found.seq == seq
    assert found.cause.startswith(cause)


async def test_an_edited_record_is_refused_with_place_and_cause_and_kept(journal, fact, tmp_path):
    await journal.append("run_1", fact.drafts(fact.started(), fact.said(), fact.proposed("p1")), after=-1)
    _alter(tmp_path / "journal.db", BODY)
    with pytest.raises(BrokenRecord, match="Record 2 of run 'run_1' is not as it was written: its body was changed"):
        await journal.read("run_1")
    assert b"bob@" in (await journal.sealed("run_1"))[2].payload


async def test_a_record_of_a_newer_schema_is_refused_with_its_place(journal, fact, tmp_path):
    await journal.append("run_1", fact.drafts(fact.started(), fact.said()), after=-1)
    _alter(tmp_path / "journal.db", "UPDATE copilot_records SET schema = 4 WHERE seq = 1")
    with pytest.raises(BrokenRecord, match=r"Record 1 of run 'run_1' has schema 4, newer than 3\. Update copilot-kit"):
        await journal.read("run_1")


async def test_a_body_that_somebody_blanked_in_the_file_is_found_unless_an_erasure_names_it(journal, fact, tmp_path):
    await journal.append("run_1", fact.drafts(fact.started(), fact.said()), after=-1)
    _alter(tmp_path / "journal.db", "UPDATE copilot_payloads SET salt = NULL, body = NULL WHERE seq = 1")
    assert [entry.body is None for entry in await journal.read("run_1")] == [False, True]
    assert (await verify_run(journal, "run_1")).first_bad.seq == 1


async def _journal(store, fact):
    """Three runs, one of them ended, and a stream."""
    await store.append("run_1", fact.drafts(fact.started(), fact.said(), fact.proposed("p1")), after=-1)
    await store.append("run_2", fact.drafts(fact.started(), fact.said()), after=-1)
    await store.append("run_1", fact.drafts(fact.decided("p1")), after=2)
    await store.append("@rules", fact.drafts(fact.said()), after=-1)
    await store.append("@rules", fact.drafts(fact.said()), after=0)
    await store.append("run_3", fact.drafts(fact.started(), fact.said(), fact.ended()), after=-1)


async def test_a_whole_journal_verifies(store, fact):
    await _journal(store, fact)
    found = await verify_all(store)
    assert (found.ok, found.records, found.runs, found.first_bad, found.erased) == (True, 11, 3, None, {})
    assert found.head.seq == 5


async def test_an_empty_journal_verifies(store):
    assert await verify_all(store) == Report(ok=True, records=0, runs=0)


async def test_a_head_kept_elsewhere_verifies_the_journal_as_it_goes_on(store, fact):
    await _journal(store, fact)
    head = (await verify_all(store)).head
    assert (await verify_all(store, anchor=head)).ok
    await store.append("run_2", fact.drafts(fact.ended()), after=1)
    assert (await verify_all(store, anchor=head)).ok


ALL = ("copilot_records", "copilot_payloads", "copilot_runs", "copilot_leases")
REMOVE = "DELETE FROM {} WHERE run_id = '{}'"
REMOVED = [REMOVE.format(table, "run_2") for table in ALL]
CUT_ROW = """UPDATE copilot_runs SET seq = {},
    head = (SELECT hash FROM copilot_records WHERE run_id = '{}' AND seq = {}) WHERE run_id = '{}'"""
CUT = [
    "DELETE FROM copilot_records WHERE run_id = 'run_3' AND seq = 2",
    "DELETE FROM copilot_payloads WHERE run_id = 'run_3' AND seq = 2",
    CUT_ROW.format(1, "run_3", 1, "run_3"),
]
ALTERED = {
    "a run removed": (REMOVED, "run_2", 0, "the run was removed: the chain over all runs names record 1"),
    "a run removed, its link too": ([*REMOVED, "DELETE FROM copilot_heads WHERE run_id = 'run_2'"], None, 1, "link 2"),
    "a run's end cut, its row too": (CUT, "run_3", 2, "records 2 to 2 are missing: the chain over all runs names"),
    "links removed": (["DELETE FROM copilot_heads WHERE nr = 0"], None, 0, "link 1 stands where 0 should"),
    "a link changed": (["UPDATE copilot_heads SET seq = 1 WHERE nr = 0"], None, 0, "it was changed after"),
    "the chain removed": (["DELETE FROM copilot_heads"], "@rules", 0, "the chain over all runs does not know it"),
    "a stream's end cut": (
        ["DELETE FROM copilot_records WHERE run_id = '@rules' AND seq = 1",
         CUT_ROW.format(0, "@rules", 0, "@rules")],
        "@rules", 1, "records 1 to 1 are missing",
    ),
    "a body edited": ([BODY.replace("seq = 2", "run_id = 'run_1' AND seq = 2")], "run_1", 2, "its body was changed"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ALTERED)
async def test_what_was_done_to_whole_runs_in_the_file_is_found(journal, fact, tmp_path, kind):
    statements, run_id, seq, cause = ALTERED[kind]
    await _journal(journal, fact)
    for statement in statements:
        _alter(tmp_path / "journal.db", statement)
    found = await verify_all(journal)
    assert not found.ok
    assert (found.first_bad.run_id, found.first_bad.seq) == (run_id, seq)
    assert found.first_bad.cause.startswith(cause)


async def test_a_run_slipped_in_is_found(journal, fact, tmp_path):
    await _journal(journal, fact)
    forged = open_store(str(tmp_path / "other.db"))
    await forged.append("run_9", fact.drafts(fact.started(), fact.said("never said")), after=-1)
    await forged.close()
    copy = "INSERT INTO {0} SELECT * FROM other.{0}"
    _alter(tmp_path / "journal.db", f"ATTACH '{tmp_path / 'other.db'}' AS other", *[copy.format(name) for name in ALL])
    assert (await verify_run(journal, "run_9")).ok
    found = (await verify_all(journal)).first_bad
    assert (found.run_id, found.seq) == ("run_9", 0)


async def test_runs_cut_off_the_end_with_their_links_are_found_with_a_head_kept_elsewhere(journal, fact, tmp_path):
    await _journal(journal, fact)
    head = (await verify_all(journal)).head
    for table in (*ALL, "copilot_heads"):
        _alter(tmp_path / "journal.db", REMOVE.format(table, "run_3"))
    assert (await verify_all(journal)).ok
    found = (await verify_all(journal, anchor=head)).first_bad
    assert found == Place(None, 5, "links 5 to 5 are missing")


async def test_a_chain_written_anew_is_found_with_a_head_kept_elsewhere(store, fact):
    await _journal(store, fact)
    found = (await verify_all(store, anchor=Anchor(2, "0" * 64))).first_bad
    assert (found.run_id, found.seq) == (None, 2)


async def test_a_journal_that_is_written_to_meanwhile_is_not_taken_for_a_damaged_one(journal, fact):
    await _journal(journal, fact)

    async def write():
        for seq in range(1, 60):
            await journal.append("run_2", fact.drafts(fact.said()), after=seq, durable=False)
            await journal.append(f"run_new_{seq}", fact.drafts(fact.started()), after=-1, durable=False)

    writing = asyncio.create_task(write())
    while not writing.done():
        assert (await verify_all(journal)).first_bad is None
    await writing


def _alter(path, *statements):  # noqa: ANN002
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()
