"""Times the store of a memory: python -m benchmarks.memory_store [--files N] [--folder DIR].

Beside each write stands the least that a careful program does for one file: a temporary file, fsync, rename, fsync of
the folder. A memory keeps every version and a history on top of that, on the disk before the file changes.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from copilot_kit.memory.entries import Author
from copilot_kit.memory.memory import Memory

BOT = Author(kind="model", run_id="run_1", call_id="call_1", model="a > a-1")
ANN = Author(kind="person", id="ann")
NOTE = "A line of a note, as long as lines of notes are.\n" * 30
VERSIONS = 200
LINES = 5_000


def main() -> None:
    """Measure, and print a row for each thing."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--files", type=int, default=1_000)
    options.add_argument("--folder", help="where to write; by default the system's temporary folder")
    given = options.parse_args()
    folder = Path(tempfile.mkdtemp(dir=given.folder))
    try:
        _measure(folder, given.files)
    finally:
        shutil.rmtree(folder)


def _measure(folder: Path, files: int) -> None:
    memory, plain = Memory(folder / "notes"), folder / "plain"
    plain.mkdir()
    _row(f"plain: create {files}", lambda n: _by_hand(plain / f"{n}.md", NOTE), files)
    _row(f"memory: create {files}", lambda n: memory.write(f"notes/{n}.md", NOTE, by=BOT), files)
    _row("plain: replace one", lambda n: _by_hand(plain / "0.md", f"{NOTE}{n}\n"), files)
    _row("memory: replace one", lambda n: memory.write("notes/0.md", f"{NOTE}{n}\n", by=BOT), files)
    _row("memory: read", lambda n: memory.read(f"notes/{n}.md"), files)
    _row("memory: page, with who brought which lines", lambda n: memory.page(f"notes/{n}.md"), files)
    _row(f"memory: listing of {files}", lambda _: memory.listing(), 10)
    _row(f"memory: opened anew, last of {2 * files} changes", lambda _: Memory(memory.root).history(last=1), 5)
    _row(f"memory: doctor over {files}", lambda _: memory.doctor(), 2)
    lines = [f"line {n} of the list\n" for n in range(LINES)]
    memory.write("long.md", "".join(lines), by=ANN)
    for n in range(VERSIONS):
        lines[n * LINES // VERSIONS] = f"changed {n}\n"
        memory.write("long.md", "".join(lines), by=BOT)
    _row(f"memory: page of {LINES} lines, {VERSIONS} versions", lambda _: Memory(memory.root).page("long.md"), 1)
    _row("memory: the same once more", lambda _: memory.page("long.md"), 5)


def _by_hand(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}")
    with temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    at = os.open(path.parent, os.O_RDONLY)
    os.fsync(at)
    os.close(at)


def _row(name: str, operation: Callable[[int], object], times: int) -> None:
    walls, cpu = [], time.process_time()
    for number in range(times):
        began = time.perf_counter()
        operation(number)
        walls.append(time.perf_counter() - began)
    cpu = time.process_time() - cpu
    median = statistics.median(walls)
    print(f"{name:<48} {median * 1000:8.2f} ms  {1 / median:9,.0f} a second  {cpu / times * 1000:8.2f} ms CPU")


if __name__ == "__main__":
    main()
