"""Ranked full text search over a folder of text files, with the lines that answer.

    search = Search(Path("notes"), Path("notes/.copilot-kit/search.db"))
    for hit in search.search("refund deadline"):
        print(f"{hit.path}:{hit.first}-{hit.last}", hit.text)

The files are the truth. The index beside them follows them by itself, whoever changes them; what a search returns is
read from the file at that moment. An index that is missing, broken or made by another version is built anew.
"""

import contextlib
import os
import shutil
import sqlite3
import tempfile
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from copilot_kit.memory.changes import Changed, Changes
from copilot_kit.memory.entries import Hit
from copilot_kit.memory.index import BUILD_WAIT_S, Busy, Found, Index, is_broken
from copilot_kit.memory.passages import lines_of
from copilot_kit.memory.query import questions
from copilot_kit.memory.tree import MAX_FILE_BYTES, Content, Tree

MOST_HITS: Final = 100
_T = TypeVar("_T")
_PATIENCE_S = 0.1
"""For another process that writes, where the index can already answer."""
_FRESH_S = 0.025
"""Without news from the kernel, a look at all files serves for so long."""
_EVERY_S = 60.0
"""With news, all files are looked at nevertheless so often: what is written through a memory map is no news."""
_ROUNDS = 3
_SPARE = 20
"""More passages are asked for than wanted: some may have gone from their files."""
_FEW = 20
_BELOW = 0.99
_DIGITS = 3
"""Scores that are the same in so many digits are equal."""
_INHERITED: list[object] = []


class Search:
    """Search over the text files below a folder; any thread and any number of processes may use one index."""

    def __init__(
        self,
        root: Path,
        database: Path | None = None,
        *,
        max_file_bytes: int = MAX_FILE_BYTES,
        shared: bool = False,
        watch: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is read before the first search.

        database: where the index is kept; without one, or where it cannot be kept, it is in a folder that goes away.
        shared: files that have another name too are searched; that name may stand outside of the folder.
        watch: without it, the kernel is not asked what changed; all files are looked at instead.
        """
        self._tree = Tree(root, max_file_bytes=max_file_bytes, shared=shared)
        self._database = database
        self._watch = watch
        self._monotonic = monotonic
        self._opening, self._following = threading.RLock(), threading.Lock()
        self._index: Index | None = None
        self._begin()

    def search(self, query: str, *, limit: int = 10, within: str = "") -> list[Hit]:
        """Return the passages that answer plain words best, the best first; among equals the latest file's.

        within: a folder or a file, from the root on; only what is in it is searched.
        """
        limit = max(0, min(limit, MOST_HITS))
        if not limit or not query.strip():
            return []
        for _ in range(_ROUNDS):
            found = self._asked(lambda index: self._answered(index, query, limit=limit, within=within.strip("/")))
            hits, stale = self._hits(found, limit)
            if not stale:
                break
            with self._following:
                self._todo.files |= stale
        return hits

    def updated(self, path: str) -> None:
        """Say that a file was written, renamed or deleted; it costs nothing until the next search."""
        with self._following:
            self._todo.files.add(path)

    def refresh(self) -> None:
        """Bring the index up to what the files are now."""
        self._asked(lambda _: None)

    def rebuild(self) -> None:
        """Throw the index away and build it anew: nothing of files that are gone is left in it."""
        with self._opening:
            self._discard()
        self.refresh()

    def counts(self) -> dict[str, int]:
        """Return how many files were read (under `read`) and how many were skipped, by the reason."""
        return self._asked(Index.counts)

    def close(self) -> None:
        """Let files and memory go; the next search opens them again."""
        with self._opening, self._following:
            if self._index is not None:
                self._index.close()
            self._index = None
            self._changes.close()

    def _answered(self, index: Index, query: str, *, limit: int, within: str) -> list[Found]:
        """Return the best passages; what a later question finds stands below what an earlier one found."""
        best: dict[int, Found] = {}
        for question in questions(query, index.common()):
            newest = None if within else question.newest
            rows = index.ranked(question.match, limit=limit + _SPARE, within=within, newest=newest)
            new = [row for row in rows if row.id not in best]
            if best and new and new[0].score > 0:
                ratio = min(1.0, _BELOW * min(row.score for row in best.values()) / new[0].score)
                new = [replace(row, score=row.score * ratio) for row in new]
            best |= {row.id: row for row in new}
            if len(best) >= limit:
                break
        return sorted(best.values(), key=lambda row: (-float(f"{row.score:.{_DIGITS}g}"), -row.changed_ns, row.first))

    def _hits(self, found: list[Found], limit: int) -> tuple[list[Hit], set[str]]:
        """Return the passages with their lines as they are in the files, and files that the index does not know so."""
        hits, stale, contents = list[Hit](), set[str](), dict[str, Content | None]()
        for row in found:
            if len(hits) == limit:
                break
            if row.path not in contents:
                contents[row.path] = self._tree.read(row.path)
            content = contents[row.path]
            if content is None or content.digest != row.digest:
                stale.add(row.path)
                continue
            text = "\n".join(lines_of(content.text)[row.first - 1 : row.last])
            hits.append(Hit(path=row.path, first=row.first, last=row.last, text=text, score=row.score))
        return hits, stale

    def _begin(self) -> None:
        """Know nothing yet: neither which files there are, nor what changes."""
        self._process = os.getpid()
        self._changes = Changes(self._tree.root, self._tree.folders, ask=self._watch)
        self._todo = Changed()
        self._followed: Index | None = None
        self._looked_at = -_EVERY_S

    def _asked(self, ask: Callable[[Index], _T]) -> _T:
        """Return what an index that is up to date says; a broken one is replaced."""
        for _ in range(_ROUNDS):
            index = None
            try:
                index = self._opened()
                self._follow(index)
                return ask(index)
            except Busy:
                continue
            except sqlite3.Error as error:
                if is_broken(error):
                    self._replace(index)
        with self._opening:  # neither the file nor a new one in its place can be used: rights, a full disk
            self._index, self._database = None, None
        index = self._opened()
        self._follow(index)
        return ask(index)

    def _opened(self) -> Index:
        with self._opening:
            if self._process != os.getpid():  # a fork: what the parent has open is the parent's, and stays so
                _INHERITED.append(self._index)
                self._index, self._following = None, threading.Lock()
                self._begin()
            if self._index is not None and not self._index.is_in_place():
                self._index.close()
                self._index = None
            if self._index is None:
                if self._database is None:
                    self._database = _passing_place(self)
                with contextlib.suppress(OSError):
                    self._database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._index = Index(self._database)
            return self._index

    def _replace(self, broken: Index | None) -> None:
        with self._opening:
            if self._index is broken:  # no other thread has replaced it
                self._discard()

    def _discard(self) -> None:
        """Remove the index, unless another process has put a new one into its place already."""
        index, self._index = self._index, None
        mine = index is None or index.is_in_place()
        if index is not None:
            index.close()
        if mine and self._database is not None:
            for ending in ("", "-wal", "-shm", "-journal"):
                with contextlib.suppress(OSError):
                    self._database.with_name(self._database.name + ending).unlink()

    def _follow(self, index: Index) -> None:
        """Take in what changed; if another writes meanwhile, an index that can answer does so as it is."""
        patience_s = _PATIENCE_S if index.is_complete() else BUILD_WAIT_S
        if not self._following.acquire(timeout=patience_s):
            return
        try:
            self._todo.add(self._changed())
            if index is not self._followed:  # it was opened just now, and knows what another process told it at best
                self._todo.folders.add("")
            if self._todo:
                self._take_in(index, patience_s)
                self._todo, self._followed = Changed(), index
        except Busy:
            if patience_s == BUILD_WAIT_S:
                raise
        finally:
            self._following.release()

    def _take_in(self, index: Index, wait_s: float) -> None:
        paths = self._differing(index)
        read: Callable[[str], Content | None] = self._tree.read
        if len(paths) <= _FEW:
            contents = {path: self._tree.read(path) for path in paths}
            paths = {path for path, content in contents.items() if _differs(content, index.known(path))}
            read = contents.__getitem__
        if paths or not index.is_complete():
            index.update(sorted(paths), read, wait_s=wait_s)

    def _differing(self, index: Index) -> set[str]:
        """Return the files that may have changed, as far as names and stamps tell."""
        paths = set(self._todo.files)
        for folder in {""} if "" in self._todo.folders else self._todo.folders:
            known, now = index.stamps(folder), dict(self._tree.files(folder))
            paths |= known.keys() - now.keys()
            paths |= {path for path, stamp in now.items() if known.get(path) != stamp}
        return paths

    def _changed(self) -> Changed:
        """Return what may have changed."""
        now = self._monotonic()
        changed = self._changes.take()
        if changed.folders == {""} and not self._changes.told and now - self._looked_at < _FRESH_S:
            return Changed()
        if now - self._looked_at >= _EVERY_S:
            changed.folders.add("")
        if "" in changed.folders:
            self._looked_at = now
        return changed


def _differs(content: Content | None, known: tuple[str, bytes] | None) -> bool:
    """Return whether an index is to be told what is in a file now."""
    return known != (None if content is None else (content.stamp, content.digest))


def _passing_place(owner: object) -> Path:
    """Return a place for an index that goes away with its owner."""
    folder = tempfile.mkdtemp(prefix="copilot-kit-search-")
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return Path(folder) / "search.db"
