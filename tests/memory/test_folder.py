"""What may stand in a memory's folder, and what is done with everything else: it is left alone and named."""

import contextlib
import os
import shutil
import socket
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from copilot_kit.errors import UsageError
from copilot_kit.memory.entries import Author
from copilot_kit.memory.memory import Listed, Memory
from copilot_kit.memory.problems import (
    AlreadyThere,
    MemoryProblem,
    NotAFile,
    NotFound,
    NotText,
    TooBig,
    Unusable,
)

BOT = Author(kind="model", run_id="run_1")
SECRET = "the secret outside\n"


@pytest.fixture
def outside(tmp_path):
    """A folder beside the memory, with a file that must stay as it is."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "x.md").write_text(SECRET)
    return folder


def names(folder):
    """Return what stands in a folder."""
    return sorted(one.name for one in folder.iterdir())


def all_refused(memory, path, problem):
    """Check that no operation works on this path."""
    for operation in (
        lambda: memory.read(path),
        lambda: memory.write(path, "planted\n", by=BOT),
        lambda: memory.change(path, lambda text: text + "planted\n", by=BOT),
        lambda: memory.delete(path, by=BOT),
        lambda: memory.rename(path, "mine.md", by=BOT),
        lambda: memory.blocks(path),
        lambda: memory.confirm(path, by=Author(kind="person")),
    ):
        with pytest.raises(problem) as refused:
            operation()
        assert str(memory.root.parent) not in str(refused.value)
        assert path in str(refused.value)


def test_a_link_to_a_file_outside_is_no_file(memory, outside):
    (memory.root / "link.md").symlink_to(outside / "x.md")
    all_refused(memory, "link.md", NotAFile)
    assert memory.listing() == []
    assert (outside / "x.md").read_text() == SECRET


def test_nothing_goes_through_a_link_to_a_folder(memory, outside):
    (memory.root / "folder").symlink_to(outside)
    all_refused(memory, "folder/x.md", NotAFile)
    for path in ("folder", "folder/"):
        with pytest.raises(NotAFile):
            memory.listing(path)
    memory.write("a.md", "mine\n", by=BOT)
    with pytest.raises(NotAFile):
        memory.rename("a.md", "folder/a.md", by=BOT)
    assert names(outside) == ["x.md"]


def test_a_link_that_leads_in_circles_or_nowhere_is_no_file(memory):
    (memory.root / "circle").symlink_to("circle")
    (memory.root / "nowhere.md").symlink_to("not_there.md")
    all_refused(memory, "circle", NotAFile)
    all_refused(memory, "nowhere.md", NotAFile)


def test_a_file_with_another_name_outside_is_left_alone(memory, outside):
    os.link(outside / "x.md", memory.root / "hard.md")
    all_refused(memory, "hard.md", NotAFile)
    assert (outside / "x.md").read_text() == SECRET
    assert memory.listing() == []


def test_pipes_sockets_and_devices_are_left_alone_and_nobody_waits_for_them(memory):
    os.mkfifo(memory.root / "pipe.md")
    all_refused(memory, "pipe.md", NotAFile)
    here = Path.cwd()
    os.chdir(memory.root)  # the name of a socket must be short
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("socket.md")
            all_refused(memory, "socket.md", NotAFile)
    finally:
        os.chdir(here)
    if os.geteuid() == 0:
        os.mknod(memory.root / "device.md", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        all_refused(memory, "device.md", NotAFile)
    assert memory.listing() == []


@pytest.mark.parametrize(
    ("name", "why"),
    [("a.md", "a file is in the way"), ("a.md/b", "a file is in the way"), ("\0", "can have this name")],
)
def test_what_cannot_be_a_memory_is_told_with_its_name(tmp_path, name, why):
    (tmp_path / "a.md").write_text("one\n")
    with pytest.raises(UsageError, match=f"Cannot open a memory in .*{why}"):
        Memory(tmp_path / name)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that not even root can write to")
def test_a_folder_that_cannot_be_written_to_is_told_with_its_name():
    with pytest.raises(UsageError, match=r"Cannot open a memory in '/proc': .* that can be written to"):
        Memory("/proc")


def test_a_path_through_a_file_says_so(memory):
    memory.write("a.md", "one\n", by=BOT)
    with pytest.raises(NotAFile, match=r"'a\.md/b\.md' goes through something that is no folder"):
        memory.write("a.md/b.md", "two\n", by=BOT)
    with pytest.raises(NotAFile, match="is a folder, not a file"):
        memory.read("a.md/")
    with pytest.raises(NotAFile, match="is a file, not a folder"):
        memory.listing("a.md")


@pytest.mark.parametrize("data", [b"\xff\xfe", b"caf\xe9", b"a\0b", b"\x89PNG\r\n"])
def test_what_is_no_text_is_named_and_kept_untouched(memory, data):
    (memory.root / "a.bin").write_bytes(data)
    with pytest.raises(NotText, match="left alone"):
        memory.read("a.bin")
    with pytest.raises(NotText):
        memory.write("a.bin", "text", by=BOT)
    with pytest.raises(NotText):
        memory.change("a.bin", lambda text: text, by=BOT)
    assert (memory.root / "a.bin").read_bytes() == data


@pytest.mark.parametrize("text", ["a\0b", "half \ud800 of a character"])
def test_what_is_no_text_is_not_written(memory, text):
    with pytest.raises(NotText, match="Leave it out"):
        memory.write("a.md", text, by=BOT)
    assert memory.listing() == []


def test_text_is_kept_byte_for_byte(memory):
    text = "\ufeffone\r\ntwo\x0cthree\u2028four\x85\n\nno end"
    memory.write("a.md", text, by=BOT)
    assert (memory.root / "a.md").read_bytes() == text.encode()
    assert memory.read("a.md") == text


def test_a_file_a_number_of_files_and_all_together_have_limits(tmp_path):
    memory = Memory(tmp_path / "notes", max_file_bytes=10, max_files=3, max_bytes=25)
    with pytest.raises(TooBig, match="has 11 bytes; a file has at most 10"):
        memory.write("a.md", "é" * 5 + "x", by=BOT)
    for name in "abc":
        memory.write(f"{name}.md", "12345678", by=BOT)
    with pytest.raises(TooBig, match="has 3 files, and may have 3"):
        memory.write("d.md", "1", by=BOT)
    with pytest.raises(TooBig, match="has 24 bytes, and may have 25"):
        memory.write("a.md", "1234567890", by=BOT)
    memory.write("a.md", "123456789", by=BOT)
    memory.delete("b.md", by=BOT)
    memory.write("d.md", "1", by=BOT)


def test_what_others_put_there_or_take_away_counts_against_the_limits(tmp_path):
    memory = Memory(tmp_path / "notes", max_files=4, max_bytes=30)
    other = Memory(tmp_path / "notes")
    (memory.root / "c.md").write_text("by hand\n")
    memory.write("a.md", "one\n", by=BOT)
    other.write("b.md", "12345678901234567", by=BOT)
    with pytest.raises(TooBig, match="has 29 bytes"):
        memory.write("d.md", "12", by=BOT)
    other.write("b.md", "1", by=BOT)
    other.rename("b.md", "e.md", by=BOT)
    memory.write("d.md", "12", by=BOT)
    with pytest.raises(TooBig, match="has 4 files"):
        memory.write("f.md", "1", by=BOT)
    other.delete("e.md", by=BOT)
    memory.write("f.md", "1", by=BOT)
    with pytest.raises(TooBig, match="has 4 files"):
        memory.write("g.md", "1", by=BOT)


def test_a_file_too_large_to_read_is_named_and_kept_untouched(tmp_path):
    memory = Memory(tmp_path / "notes", max_file_bytes=10)
    (memory.root / "large.md").write_text("12345678901")
    all_refused(memory, "large.md", TooBig)
    assert (memory.root / "large.md").read_text() == "12345678901"


def test_names_that_cannot_be_told_apart_are_refused_wherever_they_stand(memory):
    memory.write("Plans/Readme.md", "one\n", by=BOT)
    memory.write("a.md", "one\n", by=BOT)
    for operation in (
        lambda: memory.write("Plans/README.md", "two\n", by=BOT),
        lambda: memory.write("plans/new.md", "two\n", by=BOT),
        lambda: memory.rename("a.md", "Plans/readme.md", by=BOT),
        lambda: memory.rename("a.md", "plans", by=BOT),
    ):
        with pytest.raises(AlreadyThere, match="only in upper and lower case"):
            operation()
    with pytest.raises(NotFound):
        memory.read("plans/Readme.md")
    assert [one.path for one in memory.listing()] == ["Plans", "Plans/Readme.md", "a.md"]


def test_a_file_may_change_the_case_of_its_own_name(memory):
    memory.write("readme.md", "one\n", by=BOT)
    memory.rename("readme.md", "README.md", by=BOT)
    assert memory.listing() == [Listed("README.md", 4)]


def test_hidden_files_are_neither_listed_nor_reached(memory):
    (memory.root / ".env").write_text("KEY=1")
    (memory.root / ".git").mkdir()
    assert memory.listing() == []
    for path in (".env", ".git/config", ".copilot-kit/lock", ".copilot-kit"):
        all_refused(memory, path, MemoryProblem)


def test_a_changed_file_keeps_its_rights(memory):
    memory.write("a.md", "one\n", by=BOT)
    (memory.root / "a.md").chmod(0o640)
    memory.write("a.md", "two\n", by=BOT)
    assert stat.S_IMODE((memory.root / "a.md").stat().st_mode) == 0o640


def test_only_the_owner_can_read_the_history(memory):
    memory.write("a.md", "one\n", by=BOT)
    assert stat.S_IMODE((memory.root / ".copilot-kit").stat().st_mode) == 0o700


def test_a_root_that_was_replaced_is_not_used(memory, outside):
    memory.write("a.md", "one\n", by=BOT)
    memory.root.rename(memory.root.with_name("moved"))
    with pytest.raises(Unusable, match="cannot be opened"):
        memory.read("a.md")
    memory.root.symlink_to(outside)
    with pytest.raises(Unusable, match="cannot be opened"):
        memory.write("x.md", "planted\n", by=BOT)
    memory.root.unlink()
    memory.root.mkdir()
    with pytest.raises(Unusable, match="it was replaced meanwhile"):
        memory.write("x.md", "planted\n", by=BOT)
    assert (outside / "x.md").read_text() == SECRET
    assert names(memory.root) == []


def test_a_root_that_is_a_link_when_it_is_opened_means_the_folder_it_leads_to(tmp_path, outside):
    (tmp_path / "notes").symlink_to(outside)
    memory = Memory(tmp_path / "notes")
    assert memory.root == outside
    assert memory.read("x.md") == SECRET


def test_a_history_or_lock_that_is_a_link_is_not_followed(memory, outside):
    memory.write("a.md", "one\n", by=BOT)
    for name in ("history.jsonl", "lock"):
        own = memory.root / ".copilot-kit" / name
        own.unlink()
        own.symlink_to(outside / "x.md")
        with pytest.raises(Unusable):
            memory.write("a.md", "two\n", by=BOT)
        own.unlink()
    state = memory.root / ".copilot-kit"
    (state / "objects").rename(state / "elsewhere")
    (state / "objects").symlink_to(outside)
    with pytest.raises(MemoryProblem):
        memory.write("a.md", "three\n", by=BOT)
    state.rename(memory.root / "elsewhere")
    state.symlink_to(outside)
    with pytest.raises(Unusable):
        memory.write("a.md", "two\n", by=BOT)
    assert (outside / "x.md").read_text() == SECRET
    assert names(outside) == ["x.md"]


def test_git_is_told_to_keep_the_history_and_nothing_else_of_it(memory):
    memory.write("a.md", "one\n", by=BOT)
    (memory.root / ".copilot-kit" / "search.db").write_text("x")
    git = ["git", "-C", str(memory.root)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    added = subprocess.run([*git, "ls-files"], check=True, capture_output=True, text=True).stdout.splitlines()
    assert [one.rpartition("/")[0] if "objects" in one else one for one in added] == [
        ".copilot-kit/.gitignore",
        ".copilot-kit/history.jsonl",
        ".copilot-kit/objects/2c",
        "a.md",
    ]


def test_a_folder_that_is_swapped_for_a_link_again_and_again_never_leads_outside(memory, outside):
    memory.write("folder/x.md", "inside\n", by=BOT)
    (memory.root / ".link").symlink_to(outside)
    stop = threading.Event()

    def put(name, place):
        while True:
            try:
                (memory.root / name).rename(memory.root / place)
            except OSError:  # a write made a new folder there in the moment in which there was none
                shutil.rmtree(memory.root / place, ignore_errors=True)
            else:
                return

    def swap():
        while not stop.is_set():
            put("folder", ".aside")
            put(".link", "folder")
            put("folder", ".link")
            put(".aside", "folder")

    swapping = threading.Thread(target=swap)
    swapping.start()
    read = set()
    try:
        for n in range(30_000):
            if n >= 300 and read:  # both go in step for a while, now and then
                break
            with contextlib.suppress(MemoryProblem):
                read.add(memory.read("folder/x.md"))
                if n % 10 == 0:
                    memory.write("folder/x.md", "inside\n" * (n % 3), by=BOT)
                    memory.write(f"folder/new{n}.md", "new\n", by=BOT)
    finally:
        stop.set()
        swapping.join()
    assert SECRET not in read
    assert read
    assert (outside / "x.md").read_text() == SECRET
    assert names(outside) == ["x.md"]


def test_a_folder_is_deleted_with_its_notes_and_what_is_no_note_stays(memory, outside):
    memory.write("a/b/c.md", "one\n", by=BOT)
    memory.write("a/d.md", "two\n", by=BOT)
    (memory.root / "a" / "link").symlink_to(outside)
    assert [e.path for e in memory.delete("a", by=BOT)] == ["a/b/c.md", "a/d.md"]
    assert (memory.root / "a" / "link").is_symlink()
    assert names(outside) == ["x.md"]
    memory.write("e/f.md", "three\n", by=BOT)
    memory.delete("e", by=BOT)
    assert not (memory.root / "e").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_a_folder_without_rights_is_named_without_its_place_on_this_machine(memory):
    memory.write("a/b.md", "one\n", by=BOT)
    (memory.root / "a").chmod(0)
    try:
        with pytest.raises(Unusable, match=r"'a/b\.md' cannot be used: this program has no right to"):
            memory.read("a/b.md")
    finally:
        (memory.root / "a").chmod(0o700)
