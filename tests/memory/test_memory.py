"""Notes that are read, written, listed, moved and deleted."""

import threading

import pytest

from copilot_kit.errors import UsageError
from copilot_kit.memory.entries import Author
from copilot_kit.memory.memory import Listed, Memory
from copilot_kit.memory.problems import AlreadyThere, BadName, Changed, NotAFile, NotFound

ANN = Author(kind="person", id="ann")
BOT = Author(kind="model", run_id="run_1", call_id="call_1")


def test_what_is_written_is_a_plain_file_and_can_be_read(memory):
    memory.write("/memories/plans/tuesday.md", "Call Ada.\n", by=BOT)
    assert (memory.root / "plans" / "tuesday.md").read_text() == "Call Ada.\n"
    assert memory.read("plans/tuesday.md") == "Call Ada.\n"


def test_a_folder_lists_what_stands_in_it_with_sizes_two_levels_deep(memory):
    memory.write("a.md", "12345", by=BOT)
    memory.write("x/y/z.md", "123", by=BOT)
    memory.write("x/b.md", "1", by=BOT)
    assert memory.listing() == [
        Listed("a.md", 5),
        Listed("x", 4, is_folder=True),
        Listed("x/b.md", 1),
        Listed("x/y", 3, is_folder=True),
    ]
    assert memory.listing("x", depth=1) == [Listed("x/b.md", 1), Listed("x/y", 3, is_folder=True)]
    assert memory.listing("/memories/x/y/") == [Listed("x/y/z.md", 3)]


def test_what_is_not_there_is_said_with_the_path_as_it_was_given(memory):
    for operation in (
        lambda: memory.read("/memories/no/such.md"),
        lambda: memory.change("/memories/no/such.md", str, by=BOT),
        lambda: memory.delete("/memories/no/such.md", by=BOT),
        lambda: memory.rename("/memories/no/such.md", "a.md", by=BOT),
        lambda: memory.listing("/memories/no/such.md"),
        lambda: memory.blocks("/memories/no/such.md"),
        lambda: memory.confirm("/memories/no/such.md", by=ANN),
    ):
        with pytest.raises(NotFound, match=r"'/memories/no/such\.md'"):
            operation()
    assert memory.listing() == []
    assert memory.history() == []


def test_a_new_file_can_be_kept_from_replacing_another(memory):
    memory.write("a.md", "one\n", by=ANN, create_only=True)
    with pytest.raises(AlreadyThere, match=r"something at 'a\.md' already"):
        memory.write("a.md", "two\n", by=BOT, create_only=True)
    with pytest.raises(AlreadyThere):
        memory.write("/memories//a.md", "two\n", by=BOT, create_only=True)
    assert memory.read("a.md") == "one\n"


def test_a_write_can_expect_the_file_to_be_as_it_was_seen(memory):
    entry = memory.write("a.md", "one\n", by=ANN, expect=None)
    with pytest.raises(Changed, match=r"'a\.md' is not as it was"):
        memory.write("a.md", "two\n", by=BOT, expect=None)
    second = memory.write("a.md", "two\n", by=BOT, expect=entry.after)
    with pytest.raises(Changed):
        memory.write("a.md", "three\n", by=BOT, expect=entry.after)
    (memory.root / "a.md").write_text("by hand\n")
    with pytest.raises(Changed):
        memory.write("a.md", "three\n", by=BOT, expect=second.after)
    assert memory.read("a.md") == "by hand\n"


def test_a_change_gets_the_text_as_it_is_now_and_an_error_in_it_changes_nothing(memory):
    memory.write("a.md", "one\n", by=ANN)

    def broken(text):
        raise ValueError(text)

    with pytest.raises(ValueError, match="one"):
        memory.change("a.md", broken, by=BOT)
    memory.change("a.md", str.upper, by=BOT)
    assert memory.read("a.md") == "ONE\n"


def test_a_change_within_a_change_is_refused_and_not_waited_for(memory):
    memory.write("a.md", "one\n", by=ANN)

    def nested(text):
        memory.write("b.md", text, by=BOT)
        return text

    with pytest.raises(UsageError, match="changed while it is being changed"):
        memory.change("a.md", nested, by=BOT)
    memory.write("a.md", "two\n", by=BOT)


def test_a_file_and_a_folder_get_other_paths_with_all_that_is_in_them(memory):
    memory.write("a/one.md", "1\n", by=BOT)
    memory.write("a/b/two.md", "2\n", by=BOT)
    entries = memory.rename("a", "/memories/c/d", by=ANN)
    assert [(e.path, e.moved_from, e.after is None) for e in entries] == [
        ("a/b/two.md", None, True),
        ("c/d/b/two.md", "a/b/two.md", False),
        ("a/one.md", None, True),
        ("c/d/one.md", "a/one.md", False),
    ]
    assert memory.read("c/d/b/two.md") == "2\n"
    assert [one.path for one in memory.listing()] == ["c", "c/d"]


def test_an_empty_folder_is_moved_and_deleted_without_a_word_in_the_history(memory):
    entry = memory.write("a/b.md", "one\n", by=BOT)
    memory.undo(entry.id, by=BOT)
    assert memory.rename("a", "c/d", by=BOT) == []
    assert [one.path for one in memory.listing()] == ["c", "c/d"]
    assert memory.delete("c", by=BOT) == []
    assert memory.listing() == []
    assert len(memory.history()) == 2


def test_a_rename_never_replaces_anything_and_never_moves_a_folder_into_itself(memory):
    memory.write("a/one.md", "1\n", by=BOT)
    memory.write("b.md", "2\n", by=BOT)
    for new in ("b.md", "a"):
        with pytest.raises(AlreadyThere, match=f"something at '{new}' already"):
            memory.rename("a/one.md", new, by=BOT)
    for new in ("a", "a/b", "/memories/a/b/c"):
        with pytest.raises(BadName, match="itself, or in it"):
            memory.rename("a", new, by=BOT)
    assert memory.read("a/one.md") == "1\n"
    assert memory.read("b.md") == "2\n"


@pytest.mark.parametrize("path", ["", "/", "/memories", "/memories/"])
def test_the_root_is_neither_deleted_nor_renamed_nor_written(memory, path):
    memory.write("a.md", "one\n", by=BOT)
    for operation in (
        lambda: memory.delete(path, by=BOT),
        lambda: memory.rename(path, "b", by=BOT),
        lambda: memory.rename("a.md", path, by=BOT),
    ):
        with pytest.raises(BadName, match="is the memory itself"):
            operation()
    with pytest.raises(NotAFile):
        memory.write(path, "text", by=BOT)
    with pytest.raises(NotAFile):
        memory.read(path)
    assert memory.read("a.md") == "one\n"


def test_a_write_where_a_folder_stands_is_refused(memory):
    memory.write("a/b.md", "one\n", by=BOT)
    with pytest.raises(NotAFile, match="'a' is a folder"):
        memory.write("a", "two\n", by=BOT)


def test_a_page_is_text_digest_and_authors_of_one_moment(memory):
    entry = memory.write("a.md", "one\n", by=ANN)
    page = memory.page("/memories/a.md")
    assert (page.path, page.text, page.digest) == ("a.md", "one\n", entry.after)
    assert [(b.first, b.last, b.entry) for b in page.blocks] == [(1, 1, entry)]


def test_an_empty_file_is_a_file_without_lines(memory):
    memory.write("a.md", "", by=ANN)
    assert memory.read("a.md") == ""
    assert memory.blocks("a.md") == []
    assert memory.listing() == [Listed("a.md", 0)]


def test_threads_that_change_one_file_lose_nothing(memory):
    memory.write("count.md", "", by=ANN)

    def count(me):
        mine = Memory(memory.root) if me % 2 else memory
        for n in range(10):
            mine.change("count.md", lambda text, n=n: f"{text}{me} {n}\n", by=BOT)

    threads = [threading.Thread(target=count, args=(me,)) for me in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(memory.read("count.md").splitlines()) == sorted(f"{me} {n}" for me in range(4) for n in range(10))
    assert len(memory.history("count.md")) == 41


def test_pinned_paths_are_checked_and_kept_as_paths_from_the_root(tmp_path):
    assert Memory(tmp_path / "a").pinned == ("pinned",)
    assert Memory(tmp_path / "b", pinned=("/memories/me.md", "rules/")).pinned == ("me.md", "rules")
    with pytest.raises(BadName):
        Memory(tmp_path / "c", pinned=(".env",))
