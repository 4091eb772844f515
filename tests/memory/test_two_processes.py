"""Two processes on one memory, and processes killed with kill -9: nothing is lost, half done or told wrongly."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from copilot_kit.memory.entries import Author
from copilot_kit.memory.memory import Memory
from copilot_kit.memory.problems import Unusable

ROOT = Path(__file__).parents[2]
COUNTING = """
import sys
from copilot_kit.memory.entries import Author
from copilot_kit.memory.memory import Memory

memory = Memory(sys.argv[1])
for number in range(int(sys.argv[3])):
    memory.change("count.md", lambda text: f"{text}{sys.argv[2]} {number}\\n", by=Author(kind="model"))
"""

FILLING = """
import resource, sys
from copilot_kit.memory.entries import Author
from copilot_kit.memory.memory import Memory
from copilot_kit.memory.problems import Unusable

memory = Memory(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, 8_000))
for number in range(100):
    try:
        memory.write("count.md", f"{number}" * int(sys.argv[2]), by=Author(kind="model"))
    except Unusable as problem:
        print(number, problem)
        break
"""


def run(*arguments: str) -> str:
    """Run the kill loop and return its report; it ends with 1 if anything is left half done or lost."""
    command = [sys.executable, "-m", "tests.memory.killed", *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.mark.parametrize("times", [20, pytest.param(100, marks=pytest.mark.slow)])
def test_two_processes_that_change_one_file_lose_nothing_and_the_history_has_no_gap(memory, times):
    memory.write("count.md", "", by=Author(kind="person"))
    command = [sys.executable, "-c", COUNTING, str(memory.root)]
    counters = [subprocess.Popen([*command, name, str(times)], cwd=ROOT) for name in "ab"]
    assert [one.wait() for one in counters] == [0, 0]
    lines = memory.read("count.md").splitlines()
    assert sorted(lines) == sorted(f"{name} {number}" for name in "ab" for number in range(times))
    entries = memory.history("count.md")
    assert len(entries) == 2 * times + 1
    assert all(one.after == other.before for one, other in pairwise(entries))
    assert memory.doctor() == []


def test_a_process_killed_before_any_of_its_system_calls_has_changed_all_or_nothing():
    assert "kills, nothing half done" in run("calls")


def test_of_a_writer_killed_10_times_while_another_writes_on_no_line_is_lost():
    assert "none lost" in run("moments", "10")


@pytest.mark.slow
def test_of_a_writer_killed_300_times_while_another_writes_on_no_line_is_lost():
    assert "none lost" in run("moments", "300")


def test_who_waits_too_long_for_another_is_told_so_and_nothing_is_changed(memory):
    memory.write("a.md", "one\n", by=Author(kind="person"))
    other = Memory(memory.root, patience_s=0.05)

    def slow(text):
        with pytest.raises(Unusable, match=r"changed by somebody else for more than 0\.05 seconds"):
            other.write("a.md", "two\n", by=Author(kind="person"))
        return text + "more\n"

    memory.change("a.md", slow, by=Author(kind="person"))
    assert other.read("a.md") == "one\nmore\n"
    other.write("a.md", "two\n", by=Author(kind="person"))


@pytest.mark.parametrize("kept", range(0, 400, 40))
def test_a_torn_last_line_of_the_history_is_cut_off_and_the_change_is_found_anyway(memory, kept):
    memory.write("a.md", "one\n", by=Author(kind="person"))
    memory.write("a.md", "two\n", by=Author(kind="model"))
    path = memory.root / ".copilot-kit" / "history.jsonl"
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + second[: min(kept, len(second) - 1)])
    fresh = Memory(memory.root)
    assert [e.by.kind for e in fresh.history("a.md")] == ["person", "outside"]
    assert path.read_bytes().startswith(first)
    assert [f.kind for f in fresh.doctor()] == []


class Killed:
    """A memory as a process leaves it that was killed after it wrote the history, before it put the file in place."""

    def __init__(self, memory):
        memory.write("a.md", "one\n", by=Author(kind="person"))
        entry = memory.write("a.md", "two\n", by=Author(kind="model"))
        self.root = memory.root
        self.staged = memory.root / f".copilot-kit-{entry.id}"
        (memory.root / "a.md").write_text("one\n")
        self.staged.write_text("two\n")
        intent = {"entries": [entry.model_dump(mode="json")], "move": None, "end": 0}
        (memory.root / ".copilot-kit" / "lock").write_text(json.dumps(intent))


def test_a_change_that_the_history_tells_of_is_put_in_place_by_whoever_comes_next(memory):
    killed = Killed(memory)
    fresh = Memory(killed.root)
    assert [e.undoes for e in fresh.history("a.md")] == [None, None]
    assert fresh.read("a.md") == "two\n"
    assert not killed.staged.exists()
    assert fresh.doctor() == []


def test_a_change_that_can_not_come_true_any_more_is_taken_back_in_the_history(memory):
    killed = Killed(memory)
    (killed.root / "a.md").write_text("by hand\n")
    fresh = Memory(killed.root)
    entries = fresh.history("a.md")
    assert [(e.by.kind, e.undoes) for e in entries] == [
        ("person", None), ("model", None), ("outside", "change_2"), ("outside", None),
    ]  # fmt: skip
    assert all(one.after == other.before for one, other in pairwise(entries))
    assert fresh.read("a.md") == "by hand\n"
    assert not killed.staged.exists()
    assert fresh.doctor() == []


@pytest.mark.parametrize("intent", ["", "{", "[]", '{"entries":[{"id":1}],"end":0,"move":null}', "\0\0\0"])
def test_a_torn_or_strange_intent_changes_nothing(memory, intent):
    memory.write("a.md", "one\n", by=Author(kind="person"))
    (memory.root / ".copilot-kit" / "lock").write_text(intent)
    fresh = Memory(memory.root)
    assert len(fresh.history()) == 1
    assert fresh.read("a.md") == "one\n"
    fresh.write("a.md", "two\n", by=Author(kind="person"))


def test_of_changes_that_belong_together_and_are_half_in_the_history_none_happens(memory):
    for name in ("x/a.md", "x/b.md"):
        memory.write(name, "one\n", by=Author(kind="person"))
    path = memory.root / ".copilot-kit" / "history.jsonl"
    end = path.stat().st_size
    entries = memory.delete("x", by=Author(kind="model"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]) + lines[3][:50])
    (memory.root / "x").mkdir()
    for name in ("x/a.md", "x/b.md"):
        (memory.root / name).write_text("one\n")
    intent = {"entries": [one.model_dump(mode="json") for one in entries], "move": None, "end": end}
    (memory.root / ".copilot-kit" / "lock").write_text(json.dumps(intent))
    fresh = Memory(memory.root)
    assert [e.by.kind for e in fresh.history()] == ["person", "person"]
    assert fresh.read("x/a.md") == fresh.read("x/b.md") == "one\n"
    assert fresh.doctor() == []


@pytest.mark.parametrize(("size", "full"), [(1, "the history"), (9_000, "the file")], ids=["history", "file"])
def test_where_nothing_more_can_be_written_the_last_change_did_not_happen_and_that_is_said(memory, size, full):
    memory.write("count.md", "before", by=Author(kind="person"))
    command = [sys.executable, "-c", FILLING, str(memory.root), str(size)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    number = int(said.split()[0])
    assert said.endswith("'count.md' cannot be used: file too large. Ask a person to look.\n")
    assert (number > 10) == (full == "the history")
    assert memory.read("count.md") == (f"{number - 1}" if number else "before")
    assert len(memory.history()) == number + 1
    assert {one.kind for one in memory.doctor(repair=True)} <= {"unused"}
    memory.write("count.md", "after", by=Author(kind="person"))
