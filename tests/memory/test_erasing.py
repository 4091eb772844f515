"""Erasing what runs brought: from files, from earlier versions and from the history; what others wrote stays theirs."""

import json

import pytest

from copilot_kit.journal.memory import MemoryStore
from copilot_kit.journal.store import Draft
from copilot_kit.memory.entries import Author
from copilot_kit.memory.eraser import erase_runs
from copilot_kit.memory.memory import Memory
from copilot_kit.memory.problems import NotUndoable
from copilot_kit.messages import Source
from copilot_kit.records import RunStarted

ANN = Author(kind="person", id="ann")
BOT = Author(kind="model", run_id="run_1", call_id="call_1")
BOT_2 = Author(kind="model", run_id="run_2", call_id="call_2")


def all_bytes(memory):
    """Return all that is in the folder, names too."""
    return b"\n".join(
        str(path.relative_to(memory.root)).encode() + b"\n" + (path.read_bytes() if path.is_file() else b"")
        for path in memory.root.rglob("*")
    )


def lines_by(memory, path):
    """Return who brought which lines, and whether they may be relied on."""
    return [(b.first, b.last, b.entry and (b.entry.by.id or b.entry.by.run_id), b.trusted) for b in memory.blocks(path)]


def test_lines_of_a_run_go_and_those_of_others_stay_theirs(memory):
    memory.write("a.md", "anns\n", by=ANN)
    memory.change("a.md", lambda text: text + "secret of run one\n", by=BOT)
    memory.change("a.md", lambda text: "second\n" + text + "third\n", by=BOT_2)
    assert memory.erase(["run_1"]) == 1
    assert memory.read("a.md") == "second\nanns\nthird\n"
    expected = [(1, 1, "run_2", False), (2, 2, "ann", True), (3, 3, "run_2", False)]
    assert lines_by(memory, "a.md") == expected
    assert lines_by(Memory(memory.root), "a.md") == expected
    assert b"secret" not in all_bytes(memory)
    assert memory.doctor() == []


def test_a_file_that_only_the_run_wrote_goes_with_its_name(memory):
    memory.write("customers/ada-lovelace.md", "secret\n", by=BOT)
    memory.write("b.md", "kept\n", by=ANN)
    assert memory.erase(["run_1", "run_9"]) == 1
    assert [one.path for one in memory.listing() if not one.is_folder] == ["b.md"]
    assert b"secret" not in all_bytes(memory)
    history = (memory.root / ".copilot-kit/history.jsonl").read_text()
    assert "ada-lovelace" not in history
    assert [e.path for e in memory.history()] == ["b.md"]
    assert memory.doctor() == []


def test_a_tombstone_says_that_a_run_changed_something_and_when_and_no_more(memory):
    memory.write("a.md", "secret\n", by=BOT)
    memory.erase(["run_1"])
    lines = [json.loads(line) for line in (memory.root / ".copilot-kit/history.jsonl").read_text().splitlines()]
    assert lines[0] == {"erased": {"id": "change_1", "at": "2026-11-22T09:00:00Z", "run_id": "run_1"}}


def test_versions_that_held_the_lines_go_also_where_others_wrote_them(memory):
    memory.write("a.md", "secret\n", by=BOT)
    kept = memory.write("a.md", "secret\nmore\n", by=ANN)
    memory.write("a.md", "more\n", by=ANN)
    memory.rename("a.md", "b.md", by=BOT_2)
    assert memory.erase(["run_1"]) == 1
    assert memory.read("b.md") == "more\n"
    assert b"secret" not in all_bytes(memory)
    history = (memory.root / ".copilot-kit/history.jsonl").read_text()
    assert kept.after not in history
    assert lines_by(memory, "b.md") == [(1, 1, "ann", True)]
    assert memory.doctor() == []


def test_content_that_a_run_deleted_or_brought_back_is_not_its_own(memory):
    memory.write("a.md", "anns\n", by=ANN)
    [gone] = memory.delete("a.md", by=BOT)
    memory.undo(gone.id, by=BOT)
    memory.erase(["run_1"])
    assert memory.read("a.md") == "anns\n"
    assert lines_by(memory, "a.md") == [(1, 1, "ann", True)]
    assert memory.doctor() == []


def test_erasing_again_erases_nothing_more(memory):
    memory.write("a.md", "secret\n", by=BOT)
    memory.write("b.md", "kept\n", by=ANN)
    assert memory.erase(["run_1"]) == 1
    before = (memory.root / ".copilot-kit/history.jsonl").read_bytes()
    assert memory.erase(["run_1"]) == 0
    assert memory.erase([]) == 0
    assert (memory.root / ".copilot-kit/history.jsonl").read_bytes() == before


def test_a_person_gains_no_lines_and_a_model_no_trust_by_an_erasure(memory):
    memory.write("a.md", "of run two\n", by=BOT_2)
    memory.change("a.md", lambda text: text + "of run one\n", by=BOT)
    memory.change("a.md", lambda text: text + "anns\n", by=ANN)
    memory.erase(["run_1"])
    assert lines_by(memory, "a.md") == [(1, 1, "run_2", False), (2, 2, "ann", True)]
    memory.change("a.md", lambda text: text + "later\n", by=ANN)
    memory.rename("a.md", "b.md", by=BOT_2)
    assert lines_by(memory, "b.md") == [(1, 1, "run_2", False), (2, 2, "ann", True), (3, 3, "ann", True)]


def test_what_was_erased_cannot_be_undone_or_shown(memory):
    memory.write("a.md", "kept\n", by=ANN)
    entry = memory.change("a.md", lambda text: text + "secret\n", by=BOT)
    later = memory.change("a.md", lambda text: text + "more\n", by=ANN)
    memory.erase(["run_1"])
    assert entry.id not in [e.id for e in memory.history()]
    [shown] = [e for e in memory.history() if e.id == later.id]
    assert (shown.before, shown.after) == ("erased", "erased")
    with pytest.raises(NotUndoable, match="its content was erased"):
        memory.undo(later.id, by=ANN)
    with pytest.raises(NotUndoable, match="erased or lost"):
        memory.diff(shown)


def test_a_memory_that_was_open_during_an_erasure_elsewhere_sees_the_new_history(memory):
    memory.write("a.md", "secret\n", by=BOT)
    memory.write("b.md", "one\n", by=ANN)
    other = Memory(memory.root)
    assert len(other.history()) == 2
    memory.erase(["run_1"])
    kept = memory.write("b.md", "two\n", by=ANN)
    assert [e.path for e in other.history()] == ["b.md", "b.md"]
    assert other.blocks("b.md")[0].entry == kept


def test_a_note_that_cites_the_run_loses_its_earlier_versions_and_keeps_what_it_says_now(memory):
    decision = Source(kind="person", ref="run_1/prop_1", trusted=True)
    memory.write("rule.md", "Ask first.\nShe said: secret words\n", by=ANN, sources=[decision])
    memory.write("rule.md", "Ask first.\n", by=ANN)
    assert memory.erase(["run_1"]) == 0
    assert memory.read("rule.md") == "Ask first.\n"
    assert b"secret" not in all_bytes(memory)
    assert lines_by(memory, "rule.md") == [(1, 1, "ann", True)]
    before = (memory.root / ".copilot-kit/history.jsonl").read_bytes()
    memory.erase(["run_1"])
    assert (memory.root / ".copilot-kit/history.jsonl").read_bytes() == before
    assert memory.doctor() == []


def test_the_index_for_searching_goes_too(memory):
    memory.write("a.md", "secret\n", by=BOT)
    (memory.root / ".copilot-kit" / "search.db").write_text("secret")
    (memory.root / ".copilot-kit" / "search.db-wal").write_text("secret")
    memory.erase(["run_1"])
    assert b"secret" not in all_bytes(memory)


async def test_when_runs_are_erased_from_the_journal_their_memories_are_found_in_their_records(memory, tmp_path):
    memory.write("a.md", "secret\n", by=BOT)
    memory.write("b.md", "of run two\n", by=BOT_2)
    store = MemoryStore()
    for run_id, root in (("run_1", str(memory.root)), ("run_3", str(tmp_path / "gone")), ("run_4", None)):
        body = RunStarted(agent="desk", prompt_version="p", model="m", memory=root)
        await store.append(run_id, [Draft(body)], after=-1)
    await erase_runs(["run_1", "run_3", "run_4", "run_5"], None, store)
    assert [one.path for one in memory.listing()] == ["b.md"]
    assert b"secret" not in all_bytes(memory)
    assert not (tmp_path / "gone").exists()


async def test_a_file_that_is_longer_than_memories_usually_take_is_erased_from_too(tmp_path):
    memory = Memory(tmp_path / "notes", max_file_bytes=2_000_000)
    memory.write("a.md", "long\n" * 300_000, by=ANN)
    memory.change("a.md", lambda text: f"{text}the secret\n", by=BOT)
    store = MemoryStore()
    body = RunStarted(agent="desk", prompt_version="p", model="m", memory=str(memory.root))
    await store.append("run_1", [Draft(body)], after=-1)
    await erase_runs(["run_1"], None, store)
    assert b"secret" not in all_bytes(memory)
    assert memory.read("a.md") == "long\n" * 300_000
