"""What a doctor finds in a memory's folder, and what it mends."""

import os

import pytest

from copilot_kit.memory.entries import Author
from copilot_kit.memory.memory import Memory

ANN = Author(kind="person", id="ann")
BOT = Author(kind="model", run_id="run_1")


@pytest.fixture
def used(memory):
    """A memory with two files, one of them changed once."""
    memory.write("a.md", "one\n", by=ANN)
    memory.write("a.md", "two\n", by=BOT)
    memory.write("x/b.md", "three\n", by=BOT)
    return memory


def found(memory, *, repair=False):
    """Return what the doctor finds, in short."""
    return [(one.kind, one.path, one.repaired) for one in memory.doctor(repair=repair)]


def kept(memory, text):
    """Return the file in which this content is kept."""
    [file] = [f for f in (memory.root / ".copilot-kit/objects").rglob("*") if f.is_file() and f.read_text() == text]
    return file


def test_nothing_is_found_in_a_memory_that_is_well(used):
    assert used.doctor() == []


def test_files_changed_put_or_taken_past_the_memory_are_found_and_written_down(used):
    (used.root / "a.md").write_text("by hand\n")
    (used.root / "new.md").write_text("new\n")
    (used.root / "x" / "b.md").unlink()
    expected = [("outside", "a.md"), ("outside", "new.md"), ("outside", "x/b.md")]
    assert found(used) == [(*one, False) for one in expected]
    assert len(used.history()) == 3
    assert found(used, repair=True) == [(*one, True) for one in expected]
    assert found(used) == []
    assert [e.by.kind for e in used.history()[3:]] == ["outside"] * 3


def test_links_pipes_and_other_foreign_things_are_named_and_left_alone(used, tmp_path):
    (tmp_path / "outside.md").write_text("secret")
    (used.root / "link.md").symlink_to(tmp_path / "outside.md")
    os.link(tmp_path / "outside.md", used.root / "hard.md")
    os.mkfifo(used.root / "pipe")
    (used.root / "trailing.").write_text("x")
    (used.root / "cafe\u0301.md").write_text("not composed")
    foreign = ["cafe\u0301.md", "hard.md", "link.md", "pipe", "trailing."]
    assert found(used, repair=True) == [("foreign", name, False) for name in foreign]
    assert sorted(one.name for one in used.root.iterdir() if one.name in foreign) == foreign
    texts = {one.path: one.text for one in used.doctor()}
    assert texts["link.md"] == "It is a link. It is no part of the memory; move or rename it."
    assert "secret" not in str(used.doctor())


def test_names_that_cannot_be_told_apart_are_named_both(used):
    (used.root / "A.md").write_text("other\n")
    (used.root / "X").mkdir()
    assert [one for one in found(used) if one[0] == "alike"] == [
        ("alike", "A.md", False),
        ("alike", "X", False),
        ("alike", "a.md", False),
        ("alike", "x", False),
    ]


def test_what_is_no_text_or_too_large_is_named(tmp_path):
    memory = Memory(tmp_path / "notes", max_file_bytes=10)
    (memory.root / "a.png").write_bytes(b"\x89PNG\r\n")
    (memory.root / "b.md").write_text("12345678901")
    (memory.root / "c.md").write_bytes(b"a\0b")
    assert found(memory, repair=True) == [
        ("not text", "a.png", False),
        ("large", "b.md", False),
        ("not text", "c.md", False),
    ]


def test_a_lost_or_damaged_content_is_found_and_kept_again_if_the_file_still_has_it(used):
    kept(used, "one\n").unlink()
    kept(used, "two\n").write_text("2!!\n")
    assert found(used) == [("missing", "a.md", False), ("missing", "a.md", False)]
    assert found(used, repair=True) == [("missing", "a.md", False), ("missing", "a.md", True)]
    assert found(used) == [("missing", "a.md", False)]
    assert kept(used, "two\n").is_file()


def test_leftovers_are_swept(used):
    (used.root / "x" / ".copilot-kit-change_9").write_text("half")
    (used.root / ".copilot-kit/objects/ab").mkdir(exist_ok=True)
    (used.root / ".copilot-kit/objects/ab/cd").write_text("of no change")
    expected = [("leftover", "x/.copilot-kit-change_9"), ("unused", "")]
    assert found(used) == [(*one, False) for one in expected]
    assert found(used, repair=True) == [(*one, True) for one in expected]
    assert found(used) == []


def test_damaged_lines_of_the_history_are_named_and_all_others_serve(used):
    path = used.root / ".copilot-kit" / "history.jsonl"
    first, second, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + b'{"id": 17}\nno json\n\n' + second + third)
    fresh = Memory(used.root)
    [one] = fresh.doctor()
    assert (one.kind, one.repaired) == ("damaged", False)
    assert one.text == f"2 lines of history.jsonl cannot be read, the first at byte {len(first)}; left as it is."
    assert len(fresh.history()) == 3
    assert fresh.undo(fresh.history("a.md")[1].id, by=ANN)


def test_a_torn_end_of_the_history_is_cut_off_and_said(used):
    path = used.root / ".copilot-kit" / "history.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"id":"change_4","at":"2026')
    assert found(used) == [("unfinished", "", True)]
    assert path.read_bytes() == whole
