"""The ways to search a folder that are compared, each as one would write it without the others."""

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from copilot_kit.memory.search import Search


class Contender(Protocol):
    """Searches a folder.

    Contract:
    - `find` returns files of passages that hold some of the words, at most ten where it ranks; it sees every change
      that was made before it was asked.
    - `told` is called with a file that was written by the application itself.
    """

    def find(self, query: str) -> list[str]: ...
    def told(self, path: str) -> None: ...


class Ours:
    """`copilot_kit.memory.search`: ranked passages with their lines."""

    def __init__(self, root: Path, index: Path) -> None:
        self._search = Search(root, index)

    def find(self, query: str) -> list[str]:
        return [hit.path for hit in self._search.search(query)]

    def told(self, path: str) -> None:
        self._search.updated(path)


class Plain:
    """A script over FTS5 as its manual shows it: a row per file, ranked; files, not lines; all looked at each time."""

    def __init__(self, root: Path, index: Path) -> None:
        self._root = root
        self._database = sqlite3.connect(index)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(
            "CREATE TABLE IF NOT EXISTS files(id INTEGER PRIMARY KEY, path TEXT UNIQUE, changed_ns INTEGER);"
            "CREATE VIRTUAL TABLE IF NOT EXISTS texts USING fts5(path, body);"
        )

    def find(self, query: str) -> list[str]:
        known = {path: (file, changed) for file, path, changed in self._database.execute("SELECT * FROM files")}
        for folder, _, names in os.walk(self._root):
            for name in names:
                path = f"{folder}/{name}"
                changed = os.stat(path).st_mtime_ns  # noqa: PTH116  a Path for each would cost as much again
                if known.get(path, (0, 0))[1] != changed:
                    self._take(path, changed, known.get(path, (None, 0))[0])
        self._database.commit()
        words = " OR ".join(f'"{word}"' for word in query.split())
        found = "SELECT path FROM texts WHERE texts MATCH ? ORDER BY rank LIMIT 10"
        return [os.path.relpath(row[0], self._root) for row in self._database.execute(found, (words,))]

    def told(self, path: str) -> None:
        pass

    def _take(self, path: str, changed_ns: int, file: int | None) -> None:
        text = Path(path).read_text(encoding="utf-8")
        if file is not None:
            self._database.execute("UPDATE files SET changed_ns = ? WHERE id = ?", (changed_ns, file))
            self._database.execute("UPDATE texts SET body = ? WHERE rowid = ?", (text, file))
            return
        new = self._database.execute("INSERT INTO files(path, changed_ns) VALUES(?, ?)", (path, changed_ns)).lastrowid
        self._database.execute("INSERT INTO texts(rowid, path, body) VALUES(?, ?, ?)", (new, path, text))


class Ripgrep:
    """`rg`: no index and no ranking; up to five lines of every file that holds one of the words."""

    def __init__(self, root: Path, _: Path) -> None:
        self._root = root
        self._program = shutil.which("rg") or "rg"

    def find(self, query: str) -> list[str]:
        words = [argument for word in query.split() for argument in ("-e", word)]
        command = [self._program, "-n", "-i", "-w", "-F", "--max-count", "5", "--no-heading", *words, "."]
        done = subprocess.run(command, cwd=self._root, capture_output=True, text=True, check=False)
        return list(dict.fromkeys(line.partition(":")[0].removeprefix("./") for line in done.stdout.splitlines()))

    def told(self, path: str) -> None:
        pass


CONTENDERS: dict[str, Callable[[Path, Path], Contender]] = {
    "copilot_kit": Ours,
    "plain FTS5": Plain,
    "ripgrep": Ripgrep,
}


def installed() -> list[str]:
    """Those that can be measured here, ours first."""
    return [name for name in CONTENDERS if name != "ripgrep" or shutil.which("rg")]


def seconds(contender: Contender, query: str) -> float:
    """How long one query takes."""
    started = time.perf_counter()
    contender.find(query)
    return time.perf_counter() - started
