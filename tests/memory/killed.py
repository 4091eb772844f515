"""Kills processes that change a memory: before each system call of each operation, or at any moment.

    python -m tests.memory.killed calls          # every operation, before each call of the system in turn
    python -m tests.memory.killed moments 100    # two writers on one file, one of them killed 100 times

Prints what was done and ends with 1 if anything is left half done, lost, or told wrongly by the history.
"""

import itertools
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import Any

from copilot_kit.memory.entries import Author
from copilot_kit.memory.memory import Memory

ANN = Author(kind="person", id="ann")
BOT = Author(kind="model", run_id="run_1", call_id="call_1")
FILES = {"a.md": "one\n", "x/b.md": "two\n", "x/y/c.md": "three\n", "z.md": "changed by hand\n"}
OPERATIONS = {
    "create": lambda memory: memory.write("new/deep/file.md", "new\n", by=BOT),
    "replace": lambda memory: memory.write("a.md", "more\n" * 2000, by=BOT),
    "replace with the same": lambda memory: memory.write("a.md", "one\n", by=BOT),
    "change": lambda memory: memory.change("x/b.md", lambda text: text + "more\n", by=BOT),
    "write what was changed by hand": lambda memory: memory.write("z.md", "more\n", by=BOT),
    "delete": lambda memory: memory.delete("a.md", by=BOT),
    "delete a folder": lambda memory: memory.delete("x", by=BOT),
    "rename": lambda memory: memory.rename("a.md", "w/d.md", by=BOT),
    "rename a folder": lambda memory: memory.rename("x", "v/x", by=BOT),
    "undo a creation": lambda memory: memory.undo(memory.history("x/y/c.md")[0].id, by=BOT),
    "undo a change": lambda memory: memory.undo(memory.history("x/b.md")[1].id, by=BOT),
    "confirm": lambda memory: memory.confirm("a.md", by=ANN),
    "erase": lambda memory: memory.erase(["run_0"]),
}
RUN_0 = Author(kind="model", run_id="run_0")
FAST = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  what is killed is never the machine
CHANGING = ("write", "ftruncate", "fsync", "rename", "unlink", "rmdir", "mkdir")
"""Calls that change what is on disk; to be killed before another one is to be killed after one of these."""


def prepared(root: Path) -> None:
    """Make a memory with some files and some history."""
    memory = Memory(root)
    memory.write("a.md", "one\n", by=ANN)
    memory.write("x/b.md", "2\n", by=ANN)
    memory.write("x/b.md", "two\n", by=RUN_0)
    memory.write("x/y/c.md", "three\n", by=RUN_0)
    memory.write("z.md", "at first\n", by=ANN)
    (root / "z.md").write_text("changed by hand\n")


def contents(root: Path) -> dict[str, str]:
    """Return the files of a memory, hidden ones too, without its state."""
    return {
        str(path.relative_to(root)): path.read_text()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".copilot-kit" not in path.relative_to(root).parts
    }


def killed_before_call(root: Path, operation: Any, number: int) -> bool:
    """Do this in a process that is killed before its call of this number; whether it came so far."""
    child = os.fork()
    if child == 0:
        memory = Memory(root)
        numbers = itertools.count(1)

        def profile(_frame: FrameType, event: str, function: Any) -> None:
            is_one = event == "c_call" and function.__module__ == "posix" and function.__name__ in CHANGING
            if is_one and next(numbers) == number:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(profile)
        operation(memory)
        sys.setprofile(None)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the operation failed by itself"
    return os.WIFSIGNALED(status)


def check(root: Path, before: dict[str, str], after: dict[str, str], name: str) -> str:
    """Check what a killed process left behind, and return whether its change happened."""
    memory = Memory(root)
    history = memory.history()
    there = contents(root)
    assert there in (before, after), (name, there)
    for path in there:
        memory.blocks(path)
    chain: dict[str, str | None] = {}
    for entry in memory.history():
        assert entry.moved_from is not None or entry.before == chain.get(entry.path), (name, entry)
        chain[entry.path] = entry.after
    assert {path for path, digest in chain.items() if digest} == set(there), name
    kinds = {finding.kind for finding in memory.doctor(repair=True)}
    assert kinds <= {"unused"}, (name, kinds)
    assert memory.doctor() == [], name
    memory.write("a.md", "still works\n", by=ANN)
    return "after" if there == after and len(history) else "before"


def check_erased(root: Path) -> None:
    """Check that an erasure which was killed is whole when it is done again."""
    memory = Memory(root)
    memory.erase(["run_0"])
    assert contents(root) == {"a.md": "one\n", "z.md": "changed by hand\n"}
    memory.doctor(repair=True)
    assert memory.doctor() == []
    kept = b"".join(path.read_bytes() for path in (root / ".copilot-kit" / "objects").rglob("*") if path.is_file())
    assert b"two" not in kept
    assert b"three" not in kept


def at_each_call() -> int:
    """Kill before each system call of each operation."""
    kills = 0
    with tempfile.TemporaryDirectory(dir=FAST) as folder:
        template = Path(folder, "template")
        prepared(template)
        for name, operation in OPERATIONS.items():
            done = Path(folder, "done")
            shutil.copytree(template, done)
            operation(Memory(done))
            before, after = contents(template), contents(done)
            shutil.rmtree(done)
            outcomes = []
            for number in itertools.count(1):
                root = Path(folder, "notes")
                shutil.copytree(template, root)
                went_on = killed_before_call(root, operation, number)
                if name == "erase":
                    check_erased(root)
                else:
                    outcomes.append(check(root, before, after, f"{name}, before call {number}"))
                shutil.rmtree(root)
                if not went_on:
                    break
                kills += 1
            if before != after and outcomes:
                assert outcomes == sorted(outcomes, reverse=True), (name, outcomes)
                assert outcomes[0] == "before", name
                assert outcomes[-1] == "after", name
    return kills


def at_any_moment(kills: int, seed: int = 1) -> int:
    """Two writers add numbered lines to one file; one is killed again and again, and begins anew."""
    moments = random.Random(seed)
    with tempfile.TemporaryDirectory(dir=FAST) as folder:
        root = Path(folder, "notes")
        Memory(root).write("list.md", "", by=ANN)
        told = [Path(folder, f"told_{me}") for me in range(2)]
        steady = _writer(root, 0, told[0])
        for _ in range(kills):
            child = _writer(root, 1, told[1])
            time.sleep(moments.uniform(0.001, 0.05))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        os.kill(steady, signal.SIGKILL)
        os.waitpid(steady, 0)
        memory = Memory(root)
        entries = memory.history("list.md")
        lines = memory.read("list.md").splitlines()
        for file in told:
            said = file.read_text().splitlines()
            assert set(said) <= set(lines), "an acknowledged line was lost"
        assert len(lines) == len(set(lines)), "a line is there twice"
        assert all(one.after == other.before for one, other in itertools.pairwise(entries)), "the history has a gap"
        assert len([e for e in entries if not e.undoes]) - 1 == len(lines), "the history has more or fewer changes"
        assert not {f.kind for f in memory.doctor(repair=True)} - {"unused"}
        return len(lines)


def _writer(root: Path, me: int, told: Path) -> int:
    child = os.fork()
    if child:
        return child
    memory = Memory(root)
    with told.open("a") as log:
        for number in itertools.count():
            line = f"{me}-{os.getpid()}-{number}"
            memory.change("list.md", lambda text, line=line: f"{text}{line}\n", by=BOT)
            log.write(line + "\n")
            log.flush()
            if me == 0:
                time.sleep(0.002)
    raise AssertionError


if __name__ == "__main__":
    if sys.argv[1] == "calls":
        print(f"{at_each_call()} kills, nothing half done")
    else:
        print(f"{sys.argv[2]} kills, {at_any_moment(int(sys.argv[2]))} lines, none lost")
