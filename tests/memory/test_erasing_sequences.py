"""After any sequence of operations, erasing a run takes away all that it wrote, and nothing else."""

import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot_kit.memory.entries import Author
from copilot_kit.memory.memory import Memory
from copilot_kit.memory.problems import MemoryProblem

ANN = Author(kind="person", id="ann")
GONE = Author(kind="model", run_id="run_1")
KEPT = Author(kind="model", run_id="run_2")
WORDS = {"person": "anns", "run_1": "secret", "run_2": "kept"}
NAMES = st.sampled_from(["a.md", "b.md", "x/a.md"])
STEPS = st.tuples(
    st.sampled_from(["append", "insert", "drop", "copy", "rename", "delete", "undo", "confirm", "by hand"]),
    st.sampled_from([ANN, GONE, KEPT]),
    NAMES,
    NAMES,
    st.integers(0, 9),
)


def do(memory, step, number):
    """Do one step, if it can be done; what is written is a line that nobody wrote before."""
    what, by, name, other, place = step
    line = f"{WORDS[by.run_id or by.kind]} {number}\n"

    def inserted(text):
        lines = text.splitlines(keepends=True)
        return "".join([*lines[:place], line, *lines[place:]])

    def dropped(text):
        lines = text.splitlines(keepends=True)
        return "".join(lines[:place] + lines[place + 1 :])

    match what:
        case "append" | "insert":
            if any(one.path == name for one in memory.listing()):
                memory.change(name, inserted if what == "insert" else lambda text: text + line, by=by)
            else:
                memory.write(name, line, by=by)
        case "drop":
            memory.change(name, dropped, by=by)
        case "copy":
            memory.write(other, memory.read(name), by=ANN)
        case "rename":
            memory.rename(name, other, by=by)
        case "delete":
            memory.delete(name, by=by)
        case "undo":
            memory.undo(memory.history()[-1 - place].id, by=by)
        case "confirm":
            memory.confirm(name, by=ANN)
        case "by hand":
            path = memory.root / name
            path.write_text(path.read_text() + f"hand {number}\n")


def owned(memory):
    """Return the files as lists of lines, each with the entry that brought it and whether it may be relied on."""
    files = {}
    for one in memory.listing(depth=9):
        if not one.is_folder:
            page = memory.page(one.path)
            owners = [b for b in page.blocks for _ in range(b.first, b.last + 1)]
            files[one.path] = list(zip(page.text.splitlines(), owners, strict=True))
    return files


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, max_size=14))
def test_all_that_a_run_wrote_is_gone_and_all_that_others_wrote_is_theirs(steps):
    check(steps)


@pytest.mark.slow
@settings(max_examples=1500, deadline=None)
@given(st.lists(STEPS, max_size=16))
def test_so_it_is_after_1500_sequences(steps):
    check(steps)


def check(steps):
    """Do these steps, erase the run, and look at everything that is left."""
    with tempfile.TemporaryDirectory() as folder:
        memory = Memory(Path(folder, "notes"))
        for number, step in enumerate(steps):
            with contextlib.suppress(MemoryProblem, IndexError, FileNotFoundError):
                do(memory, step, number)
        before = owned(memory)
        memory.erase(["run_1"])
        expected = {
            path: [(line, b.entry and b.entry.id, b.trusted) for line, b in lines
                   if not (b.entry and b.entry.by.run_id == "run_1")]
            for path, lines in before.items()
        }  # fmt: skip
        after = {
            path: [(line, b.entry and b.entry.id, b.trusted) for line, b in lines]
            for path, lines in owned(Memory(memory.root)).items()
        }
        assert after == {path: lines for path, lines in expected.items() if lines or not before[path]}
        copied = {line for lines in after.values() for line, _, _ in lines if line.startswith("secret")}
        everything = [f.read_bytes().decode() for f in memory.root.rglob("*") if f.is_file()]
        left = {line for text in everything for line in text.splitlines() if line.startswith("secret")}
        assert left <= copied | _copies(steps)
        assert memory.doctor() == []


def _copies(steps):
    """Return what a person copied from one file to another: that is theirs, and stays."""
    return {f"secret {n}" for n in range(len(steps))} if any(what == "copy" for what, *_ in steps) else set()
