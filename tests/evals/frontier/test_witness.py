"""A record that was cut is found where a journal is at hand: it knows which promotions there were."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from copilot_kit import Principal
from copilot_kit.journal import MemoryStore
from copilot_kit.journal.index import Journal
from copilot_kit.journal.opening import default_store
from copilot_kit.journal.slots import STREAM
from copilot_kit.journal.store import Draft
from copilot_kit.records import SlotMoved
from copilot_kit_evals.frontier.ledger import ask_people_anew, open_ledger, placed, promote, take_back
from copilot_kit_evals.frontier.lock import read_lock
from copilot_kit_evals.frontier.promotions import Promotion
from copilot_kit_evals.frontier.shared import StoreLedger
from copilot_kit_evals.frontier.witness import missing


async def promoted(to: str, journal: Journal | None) -> Promotion:
    ledger = open_ledger()
    before = await ledger.placement("default", (to,))
    promotion = await promote(ledger, "default", placed(before, to, {}, None), before=before, by="anna")
    await ask_people_anew(ledger, promotion, journal)
    return promotion


async def gone(project: Path, journal: Journal) -> list[tuple[int | None, str]]:
    lines = read_lock(project / "frontier.lock.jsonl")
    found = await missing(journal, lines, project / "frontier.toml")
    assert all(one.fails for one in found)
    return [(one.n, one.text.partition(" (")[0] + one.text.rpartition(")")[2]) for one in found]


IN_JOURNAL = "it is in the journal and not in the record here"


async def test_a_record_that_was_cut_together_with_a_reverted_file_is_found(project: Path):
    journal = MemoryStore()
    await promoted("stub:twin", journal)
    lock, frontier = project / "frontier.lock.jsonl", project / "frontier.toml"
    lines, text = lock.read_bytes(), frontier.read_bytes()
    await promoted("stub:new", None)  # where no journal is at hand
    await promoted("stub:poor", journal)
    assert await gone(project, journal) == []
    whole = lock.read_bytes()
    lock.write_bytes(lines)
    frontier.write_bytes(text)
    assert await open_ledger().faults() == []  # the file alone looks right
    assert await gone(project, journal) == [
        (1, f"{IN_JOURNAL}, and 1 more are not: lines were removed, or this copy is behind")
    ]
    lock.unlink()
    assert (await gone(project, journal))[0][0] == 0
    lock.write_bytes(whole)
    assert await gone(project, journal) == []


async def test_what_is_promoted_after_a_cut_does_not_hide_it(project: Path):
    journal = MemoryStore()
    await promoted("stub:twin", journal)
    lock = project / "frontier.lock.jsonl"
    lines = lock.read_bytes()
    await promoted("stub:new", journal)
    lock.write_bytes(lines)
    await promoted("stub:poor", journal)
    assert await gone(project, journal) == [(1, f"{IN_JOURNAL}: lines were removed, or this copy is behind")]


async def test_a_copy_elsewhere_is_held_to_the_same_record_and_another_project_is_not(project: Path, tmp_path: Path):
    journal = MemoryStore()
    await promoted("stub:twin", journal)
    lines = (project / "frontier.lock.jsonl").read_bytes()
    await promoted("stub:new", journal)
    for name, kept, found in (("clone", lines, [1]), ("other", b"", [])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "frontier.toml").write_bytes((project / "frontier.toml").read_bytes())
        (tmp_path / name / "frontier.lock.jsonl").write_bytes(kept)
        assert [n for n, _ in await gone(tmp_path / name, journal)] == found


async def test_what_the_journal_keeps_of_a_file_moves_no_slot(project: Path):
    journal = MemoryStore()
    await promoted("stub:new", journal)
    assert await journal.read(STREAM) == []
    await take_back(open_ledger(), "default", by="anna")
    assert (await open_ledger().placement("default")).model == "stub:old"


def test_verify_says_it_where_the_journal_is_named_or_beside(project: Path, copilot):
    url = f"sqlite:///{project}/journal.db"
    assert copilot("snap", "default", "--to", "stub:new", "--out", "runs/a", "--store", url).code == 0
    assert copilot("frontier", "verify", "--store", url).code == 0
    assert copilot("audit", "verify", "--store", url).code == 0
    (project / "frontier.lock.jsonl").unlink()
    assert copilot("frontier", "verify").code == 0
    ended = copilot("frontier", "verify", "--store", url)
    assert (ended.code, ended.out.splitlines()[0][:38]) == (1, "FAILS  promotion 0: it is in the journ")


def test_what_a_file_had_recorded_before_its_slots_moved_into_a_journal_is_held_to_it(project: Path, copilot):
    asyncio.run(promoted("stub:new", None))
    asyncio.run(promoted("stub:poor", None))
    toml, lock = project / "frontier.toml", project / "frontier.lock.jsonl"
    toml.write_text(f'[frontier]\nstore = "slots.db"\n{toml.read_text()}')
    asyncio.run(promoted("stub:new", None))
    assert copilot("frontier", "verify").code == 0
    lines = lock.read_bytes().splitlines(keepends=True)
    lock.write_bytes(b"".join(lines[:-1]))
    ended = copilot("frontier", "verify", "--json")
    assert (ended.code, ended.json["promotions"]) == (1, 1)
    assert ended.json["faults"][0]["text"].startswith("frontier.lock.jsonl, promotion 1: it is in the journal (promote")
    lock.write_bytes(b"".join(lines[1:]))
    texts = [one["text"] for one in copilot("frontier", "verify", "--json").json["faults"]]
    assert "frontier.lock.jsonl, promotion 0: it does not follow the one before: lines were removed" in texts
    asyncio.run(default_store(str(project / "slots.db")).close())


@pytest.fixture
async def shared(project: Path) -> AsyncIterator[StoreLedger]:
    toml = project / "frontier.toml"
    toml.write_text(f'[frontier]\nstore = "slots.db"\n{toml.read_text()}')
    ledger = open_ledger()
    assert isinstance(ledger, StoreLedger)
    yield ledger
    await default_store(str(project / "slots.db")).close()


async def moved(ledger: StoreLedger, **changes: object) -> None:
    last = (await ledger.store.read(STREAM))[-1]
    assert isinstance(last.body, SlotMoved)
    body = last.body.model_copy(update=changes)
    await ledger.store.append(STREAM, [Draft(body)], after=last.head.seq)


async def test_a_shared_slot_that_was_moved_otherwise_than_its_record_says_is_found(shared: StoreLedger):
    await promoted("stub:new", None)
    assert await shared.faults() == []
    await moved(shared, model="stub:poor")
    (fault,) = await shared.faults()
    assert (fault.fails, fault.text) == (True, "slot 'default' was moved otherwise than this record says")


async def test_a_shared_slot_that_was_moved_without_a_record_is_told(shared: StoreLedger):
    await promoted("stub:new", None)
    await moved(shared, model="stub:poor", entry=None, by=Principal(id="eve"))
    (fault,) = await shared.faults()
    assert (fault.fails, fault.text) == (False, "slot 'default' was given stub:poor by eve, without a promotion")


async def test_a_stream_of_slots_that_was_cut_is_found(shared: StoreLedger, project: Path):
    from sqlite3 import connect

    await promoted("stub:twin", None)
    await promoted("stub:new", None)
    with connect(project / "slots.db") as database:
        database.execute("DELETE FROM copilot_records WHERE run_id = ? AND seq = 1", (STREAM,))
    (fault,) = await shared.faults()
    assert fault.text.startswith("record 1 of @frontier in the journal: ")
