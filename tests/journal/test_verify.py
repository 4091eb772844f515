"""Edited, removed and reordered records are found, in a list and in the file."""

import sqlite3
from dataclasses import replace

import pytest

from copilot_kit.errors import BrokenRecord
from copilot_kit.journal.store import Sealed
from copilot_kit.journal.verify import Anchor, Flaw, Verification, verify, verify_run


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


async def test_an_erased_body_is_named_and_the_chain_stands(records):
    erased = Sealed(records[1].head, b"", None)
    assert verify([records[0], erased, *records[2:]]) == Verification(ok=True, records=5, erased=(1,))


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
    _alter(tmp_path / "journal.db", "UPDATE copilot_records SET schema = 3 WHERE seq = 1")
    with pytest.raises(BrokenRecord, match=r"Record 1 of run 'run_1' has schema 3, newer than 2\. Update copilot-kit"):
        await journal.read("run_1")


async def test_an_erased_body_is_read_as_none_and_named(journal, fact, tmp_path):
    await journal.append("run_1", fact.drafts(fact.started(), fact.said()), after=-1)
    _alter(tmp_path / "journal.db", "UPDATE copilot_payloads SET salt = NULL, body = NULL WHERE seq = 1")
    assert [entry.body is None for entry in await journal.read("run_1")] == [False, True]
    assert await verify_run(journal, "run_1") == Verification(ok=True, records=2, erased=(1,))


def _alter(path, statement):
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()
