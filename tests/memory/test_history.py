"""What a memory knows of its changes: who, what, what came before; and how they are taken back."""

import json
import shutil

import pytest

from copilot_kit.errors import UsageError
from copilot_kit.memory.entries import Author, Entry
from copilot_kit.memory.memory import Memory
from copilot_kit.memory.problems import AlreadyThere, Changed, NotUndoable
from copilot_kit.messages import Source

ANN = Author(kind="person", id="ann")
BOT = Author(kind="model", run_id="run_1", call_id="call_1", agent="desk", model="big > big-7")
BOT_2 = Author(kind="model", run_id="run_2", call_id="call_2", agent="desk", model="new > new-1")
APP = Author(kind="application")
PAGE = Source(kind="tool", ref="fetch", trusted=False)


def lines_by(memory, path):
    """Return who brought which lines, in short, and whether they may be relied on."""
    return [(b.first, b.last, b.entry and (b.entry.by.id or b.entry.by.run_id or b.entry.by.kind), b.trusted)
            for b in memory.blocks(path)]  # fmt: skip


def test_each_change_says_who_made_it_of_what_and_when(memory):
    memory.write("a.md", "one\n", by=ANN)
    memory.change("a.md", lambda text: text + "two\n", by=BOT, sources=[PAGE])
    first, second = memory.history("a.md")
    assert (first.id, first.before, first.by, first.path) == ("change_1", None, ANN, "a.md")
    assert (second.before, second.by, second.sources) == (first.after, BOT, (PAGE,))
    assert first.after == "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806"
    assert first.at.isoformat() == "2026-11-22T09:00:00+00:00"


def test_changes_are_found_by_file_folder_call_run_and_last(memory):
    memory.write("plans/a.md", "a", by=ANN)
    memory.write("plans/b.md", "b", by=BOT)
    memory.write("other.md", "c", by=BOT_2)
    assert [e.path for e in memory.history()] == ["plans/a.md", "plans/b.md", "other.md"]
    assert [e.path for e in memory.history("plans")] == ["plans/a.md", "plans/b.md"]
    assert [e.path for e in memory.history(run_id="run_2")] == ["other.md"]
    assert [e.path for e in memory.history(call_id="call_1")] == ["plans/b.md"]
    assert [e.path for e in memory.history(last=1)] == ["other.md"]
    assert memory.history(last=0) == []
    assert memory.history("nothing.md") == []


def test_a_diff_reads_as_people_know_it(memory):
    memory.write("a.md", "one\ntwo\n", by=ANN)
    entry = memory.write("a.md", "one\n2", by=BOT)
    assert memory.diff(entry) == "--- a.md\n+++ a.md\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n\\ No newline at end of file\n"
    [gone] = memory.delete("a.md", by=BOT)
    assert memory.diff(gone).startswith("--- a.md\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-one\n-2\n")


def test_undo_puts_back_what_was_there(memory):
    memory.write("a.md", "one\n", by=ANN)
    entry = memory.write("a.md", "two\n", by=BOT)
    undone = memory.undo(entry.id, by=ANN)
    assert memory.read("a.md") == "one\n"
    assert (undone.undoes, undone.before, undone.after, undone.by) == (entry.id, entry.after, entry.before, ANN)


def test_undo_of_a_new_file_deletes_it_and_undo_of_a_deletion_brings_it_back(memory):
    created = memory.write("a.md", "one\n", by=BOT)
    gone = memory.undo(created.id, by=ANN)
    assert memory.listing() == []
    memory.undo(gone.id, by=ANN)
    assert memory.read("a.md") == "one\n"
    [deleted] = memory.delete("a.md", by=BOT)
    memory.undo(deleted.id, by=ANN)
    assert memory.read("a.md") == "one\n"


@pytest.mark.parametrize("which", [0, 1], ids=["of its old path", "of its new path"])
def test_undo_of_a_rename_moves_the_file_back_by_either_of_its_entries(memory, which):
    memory.write("old/a.md", "one\n", by=ANN)
    entries = memory.rename("old/a.md", "new/b.md", by=BOT)
    assert [(e.path, e.moved_from) for e in entries] == [("old/a.md", None), ("new/b.md", "old/a.md")]
    back = memory.undo(entries[which].id, by=ANN)
    assert memory.read("old/a.md") == "one\n"
    assert [one.path for one in memory.listing() if not one.is_folder] == ["old/a.md"]
    assert (back.path, back.moved_from, back.undoes) == ("old/a.md", "new/b.md", entries[which].id)
    assert lines_by(memory, "old/a.md") == [(1, 1, "ann", True)]


def test_undo_refuses_when_something_came_after_and_says_what(memory):
    first = memory.write("a.md", "one\n", by=BOT)
    memory.write("a.md", "two\n", by=ANN)
    with pytest.raises(NotUndoable, match=r"'a\.md' cannot be taken back: after it came change_2 by person ann"):
        memory.undo(first.id, by=ANN)
    assert memory.read("a.md") == "two\n"


def test_undo_refuses_when_the_file_was_changed_past_the_memory(memory):
    entry = memory.write("a.md", "one\n", by=BOT)
    (memory.root / "a.md").write_text("by hand\n")
    with pytest.raises(NotUndoable, match="by somebody past the memory"):
        memory.undo(entry.id, by=BOT)
    assert memory.read("a.md") == "by hand\n"


def test_undo_refuses_to_move_a_file_over_another(memory):
    memory.write("a.md", "one\n", by=ANN)
    _, moved = memory.rename("a.md", "b.md", by=BOT)
    memory.write("a.md", "new\n", by=ANN)
    with pytest.raises(AlreadyThere, match=r"'b\.md' cannot go back to 'a\.md'"):
        memory.undo(moved.id, by=ANN)


def test_undo_of_what_is_not_in_the_history_says_so(memory):
    with pytest.raises(NotUndoable, match="no change 'change_99' in this memory"):
        memory.undo("change_99", by=ANN)


def test_each_line_belongs_to_the_change_that_brought_it(memory):
    memory.write("a.md", "one\ntwo\nthree\n", by=ANN)
    memory.write("a.md", "one\n2\nthree\nfour\n", by=BOT)
    memory.write("a.md", "zero\none\n2\nthree\nfour\n", by=BOT_2)
    assert lines_by(memory, "a.md") == [
        (1, 1, "run_2", False),
        (2, 2, "ann", True),
        (3, 3, "run_1", False),
        (4, 4, "ann", True),
        (5, 5, "run_1", False),
    ]


def test_lines_keep_their_author_through_renames_deletion_and_undo(memory):
    memory.write("a.md", "one\n", by=ANN)
    entry = memory.write("a.md", "one\ntwo\n", by=BOT)
    expected = [(1, 1, "ann", True), (2, 2, "run_1", False)]
    memory.rename("a.md", "b/c.md", by=BOT_2)
    assert lines_by(memory, "b/c.md") == expected
    memory.rename("b", "d", by=BOT_2)
    assert lines_by(memory, "d/c.md") == expected
    [gone] = memory.delete("d/c.md", by=BOT_2)
    memory.undo(gone.id, by=BOT_2)
    assert lines_by(memory, "d/c.md") == expected
    assert memory.history("d/c.md")[1].id == entry.id


def test_a_model_gains_no_trust_by_undoing_and_a_person_gives_none(memory):
    memory.write("a.md", "told by a page\n", by=BOT, sources=[PAGE])
    entry = memory.write("a.md", "", by=BOT)
    memory.undo(entry.id, by=ANN)
    assert lines_by(memory, "a.md") == [(1, 1, "run_1", False)]


def test_a_person_who_moves_or_copies_a_models_line_did_not_write_it(memory):
    memory.write("a.md", "pay to 17\n\nend\n", by=BOT)
    memory.write("a.md", "end\n\nmine\npay to 17\n\npay to 17\n", by=ANN)
    by = [(b.entry.by.kind) for b in memory.blocks("a.md") for _ in range(b.first, b.last + 1)]
    text = memory.read("a.md").splitlines()
    assert {line: who for line, who in zip(text, by, strict=True) if line} == {
        "end": "model", "mine": "person", "pay to 17": "model",
    }  # fmt: skip


def test_what_is_confirmed_may_be_relied_on_until_it_changes(memory):
    memory.write("a.md", "one\ntwo\n", by=BOT)
    entry = memory.confirm("a.md", by=ANN)
    assert entry.confirms
    assert lines_by(memory, "a.md") == [(1, 2, "run_1", True)]
    assert memory.blocks("a.md")[0].confirmed == memory.history("a.md")[-1]
    memory.write("a.md", "one\n2\n", by=BOT)
    assert lines_by(memory, "a.md") == [(1, 1, "run_1", True), (2, 2, "run_1", False)]


def test_a_confirmation_can_be_taken_back(memory):
    memory.write("a.md", "one\n", by=BOT)
    entry = memory.confirm("a.md", by=ANN)
    memory.undo(entry.id, by=ANN)
    assert lines_by(memory, "a.md") == [(1, 1, "run_1", False)]


def test_only_a_person_confirms_and_only_what_they_saw(memory):
    entry = memory.write("a.md", "one\n", by=BOT)
    with pytest.raises(UsageError, match="confirmed by a person, not by 'model'"):
        memory.confirm("a.md", by=BOT)
    memory.write("a.md", "two\n", by=BOT)
    with pytest.raises(Changed, match="not as it was when you looked"):
        memory.confirm("a.md", by=ANN, expect=entry.after)
    assert not any(e.confirms for e in memory.history())


@pytest.mark.parametrize("saved", ["a\nb\nmine\n", "a\r\nb\r\nmine\r\n", "  a\n  b\n  mine\n", "a \nb\t\nmine\n"])
def test_a_person_whose_editor_ends_or_indents_lines_anew_does_not_vouch_for_them(memory, saved):
    memory.write("a.md", "a\nb", by=BOT)
    memory.write("a.md", saved, by=ANN)
    assert lines_by(memory, "a.md") == [(1, 2, "run_1", False), (3, 3, "ann", True)]


def test_an_application_is_trusted_only_for_what_it_did_not_take_from_elsewhere(memory):
    memory.write("a.md", "own\n", by=APP)
    memory.change("a.md", lambda text: text + "quoted\n", by=APP, sources=[PAGE])
    assert lines_by(memory, "a.md") == [(1, 1, "application", True), (2, 2, "application", False)]


def test_a_file_changed_by_hand_is_noticed_and_counts_as_not_confirmed(memory):
    memory.write("a.md", "one\n", by=ANN)
    (memory.root / "a.md").write_text("one\nby hand\n")
    assert lines_by(memory, "a.md") == [(1, 1, "ann", True), (2, 2, "outside", False)]
    last = memory.history("a.md")[-1]
    assert (last.by.kind, memory.diff(last)) == ("outside", "--- a.md\n+++ a.md\n@@ -1 +1,2 @@\n one\n+by hand\n")
    memory.undo(last.id, by=ANN)
    assert memory.read("a.md") == "one\n"


def test_a_file_put_there_or_taken_away_by_hand_is_noticed(memory):
    (memory.root / "new.md").write_text("hello\n")
    assert lines_by(memory, "new.md") == [(1, 1, "outside", False)]
    (memory.root / "new.md").unlink()
    assert [(e.by.kind, e.after is None) for e in memory.history("new.md")] == [("outside", False), ("outside", True)]


def test_the_history_of_a_path_is_there_also_if_something_else_stands_in_its_way_by_now(memory):
    memory.write("a/b.md", "one\n", by=ANN)
    memory.delete("a", by=ANN)
    memory.write("a", "a file\n", by=ANN)
    assert [e.after is None for e in memory.history("a/b.md")] == [False, True]


def test_a_write_over_a_change_by_hand_loses_nothing(memory):
    memory.write("a.md", "one\n", by=ANN)
    (memory.root / "a.md").write_text("by hand\n")
    entry = memory.write("a.md", "two\n", by=BOT)
    assert [e.by.kind for e in memory.history("a.md")] == ["person", "outside", "model"]
    memory.undo(entry.id, by=ANN)
    assert memory.read("a.md") == "by hand\n"


def test_the_history_is_lines_of_json_that_git_and_people_can_read(memory):
    memory.write("grüße.md", "one\n", by=ANN)
    memory.write("grüße.md", "two\n", by=BOT)
    state = memory.root / ".copilot-kit"
    lines = (state / "history.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["path"] for line in lines] == ["grüße.md", "grüße.md"]
    assert all(line.isascii() for line in lines)
    digest = Entry.model_validate_json(lines[0]).after
    assert (state / "objects" / digest[:2] / digest[2:]).read_text() == "one\n"


def test_another_process_or_object_sees_the_same_history(memory):
    entry = memory.write("a.md", "one\n", by=BOT)
    other = Memory(memory.root)
    assert other.history() == [entry]
    other.write("a.md", "two\n", by=ANN)
    assert [e.by for e in memory.history()] == [BOT, ANN]
    assert lines_by(memory, "a.md") == [(1, 1, "ann", True)]


def test_lines_whose_content_was_lost_are_still_there_and_nobodys(memory):
    memory.write("a.md", "one\ntwo\n", by=ANN)
    shutil.rmtree(memory.root / ".copilot-kit" / "objects")
    assert lines_by(Memory(memory.root), "a.md") == [(1, 2, None, False)]


@pytest.mark.parametrize("pinned", ["", "/memories", "/memories/"])
def test_a_memory_is_not_pinned_as_a_whole(tmp_path, pinned):
    with pytest.raises(UsageError, match="holds the memory itself"):
        Memory(tmp_path, pinned=(pinned,))


def test_lost_versions_make_lines_unknown_and_never_trusted(memory):
    memory.write("a.md", "planted\n", by=BOT)
    memory.write("a.md", "planted\nmore\n", by=ANN)
    for entry in memory.history():
        (memory.root / ".copilot-kit/objects" / entry.after[:2] / entry.after[2:]).unlink()
    fresh = Memory(memory.root)
    fresh.write("a.md", "planted\nmore\nand more\n", by=ANN)
    assert lines_by(fresh, "a.md") == [(1, 2, None, False), (3, 3, "ann", True)]
    with pytest.raises(NotUndoable, match="not kept any more"):
        fresh.diff(memory.history()[0])


@pytest.mark.parametrize("versions", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_the_authors_of_5000_lines_are_found_through_all_versions(memory, versions):
    lines = [f"line {n} of the list\n" for n in range(5000)]
    memory.write("long.md", "".join(lines), by=ANN)
    for n in range(versions):
        lines[n * 25] = f"changed {n}\n"
        memory.write("long.md", "".join(lines), by=BOT)
    assert [b.first for b in memory.blocks("long.md") if not b.trusted] == [n * 25 + 1 for n in range(versions)]


def test_versions_that_share_thousands_of_equal_lines_in_another_order_are_compared_in_a_moment(memory):
    memory.write("a.md", "x\ny\n" * 2500, by=BOT)
    memory.write("a.md", "y\nz\nx\n" * 1600, by=ANN)
    text, blocks = memory.read("a.md").splitlines(), memory.blocks("a.md")
    mine = {line for b in blocks if b.trusted for line in text[b.first - 1 : b.last]}
    assert mine == {"z"}
    assert memory.diff(memory.history("a.md")[1]).startswith("--- a.md\n+++ a.md\n@@ -1,")


def test_who_brought_which_lines_is_written_down_now_and_then_so_that_a_new_process_need_not_look_at_all(memory):
    memory.write("log.md", "begun\n", by=ANN)
    for n in range(201):
        memory.change("log.md", lambda text, n=n: f"{text}step {n}\n", by=BOT)
    expected = memory.blocks("log.md")
    assert [b.trusted for b in expected] == [True] + [False] * 201
    assert b'{"blame":' in (memory.root / ".copilot-kit/history.jsonl").read_bytes()
    first = memory.history("log.md")[0]
    (memory.root / ".copilot-kit/objects" / first.after[:2] / first.after[2:]).unlink()
    assert Memory(memory.root).blocks("log.md") == expected


def test_the_last_change_of_each_path_is_known(memory):
    memory.write("a.md", "one\n", by=ANN)
    memory.write("b.md", "one\n", by=ANN)
    second = memory.write("a.md", "two\n", by=BOT)
    [gone] = memory.delete("b.md", by=BOT)
    assert memory.latest() == {"a.md": second, "b.md": gone}
