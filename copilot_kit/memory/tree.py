"""The text files below a folder: which there are, and what is in one, without ever leaving the folder.

Every part of a path is opened from the folder before it and no link is followed, so that a name that is swapped for a
link between two looks leads nowhere. Names that a model's path cannot reach are left out, hidden ones among them.
"""

import contextlib
import hashlib
import os
import re
import stat
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from copilot_kit.descriptors import FOLDER, file_below, folder_below
from copilot_kit.errors import UsageError
from copilot_kit.memory.paths import is_name

MAX_FILE_BYTES: Final = 4_000_000
Skipped: TypeAlias = Literal["binary", "huge", "unreadable"]

_PLAIN = re.compile(r"(?!(?:con|prn|aux|nul|com\d|lpt\d) *(?:\.|$))\w[\w. -]{0,60}[\w-]", re.ASCII | re.IGNORECASE)
"""Names that can be used for sure, and that are known to be so fifty times faster."""
_NOT_SETTLED_S = 2.0
"""A file that changed so lately may change again without another time stamp."""


@dataclass(frozen=True, slots=True)
class Content:
    """What was in a file when it was read."""

    path: str
    text: str
    stamp: str
    """As `Tree.files` gives it; empty while the file may change without its stamp changing."""
    changed_ns: int
    digest: bytes
    skipped: Skipped | None = None
    """Why there is no text."""


class Tree:
    """The files below a folder, for reading."""

    def __init__(self, root: Path, *, max_file_bytes: int = MAX_FILE_BYTES, shared: bool = False) -> None:
        """`shared`: files that have another name too are read; that name may stand outside of the folder."""
        if sys.platform == "win32":
            raise UsageError(
                f"Cannot search {str(root)!r}: Windows has no way to open files without following links that is "
                "proved here. Use the Windows Subsystem for Linux (WSL)."
            )
        self.root = root.resolve()
        self._max_file_bytes = max_file_bytes
        self._most_names = sys.maxsize if shared else 1

    def folders(self, under: str = "") -> Iterator[str]:
        """Yield the folders from `under` on, itself among them, each before it is looked into."""
        with contextlib.suppress(OSError), self._opened(under) as folder:
            yield from self._folders(folder, under)

    def files(self, under: str = "") -> Iterator[tuple[str, str]]:
        """Yield path and stamp of the files below a folder; a changed file has another stamp, or will have."""
        with contextlib.suppress(OSError), self._opened(under) as folder:
            yield from self._files(folder, f"{under}/" if under else "")

    def read(self, path: str) -> Content | None:
        """Return what is in the file; None: there is no such file, or none that may be read here."""
        parts = path.split("/")
        if not all(map(_is_name, parts)):
            return None
        try:
            with self._opened("") as root:
                file = file_below(root, parts)
        except PermissionError:
            return Content(path, "", "", 0, b"", "unreadable")
        except OSError:
            return None
        try:
            return self._content(path, file)
        except OSError:
            return None
        finally:
            os.close(file)

    def _content(self, path: str, file: int) -> Content | None:
        status = os.fstat(file)
        if not self._is_ours(status):
            return None
        settled = time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) > _NOT_SETTLED_S * 1e9
        stamp = _stamp(status) if settled else ""
        data = b"" if status.st_size > self._max_file_bytes else _all_of(file, self._max_file_bytes + 1)
        if max(status.st_size, len(data)) > self._max_file_bytes:
            return Content(path, "", stamp, status.st_mtime_ns, b"", "huge")
        digest = hashlib.blake2b(data, digest_size=16).digest()
        try:
            text = data.decode() if b"\0" not in data else None
        except UnicodeDecodeError:
            text = None
        skipped: Skipped | None = "binary" if text is None else None
        return Content(path, text or "", stamp, status.st_mtime_ns, digest, skipped)

    @contextlib.contextmanager
    def _opened(self, path: str) -> Iterator[int]:
        """Give a descriptor of the folder, reached without a link."""
        parts = path.split("/") if path else []
        if not all(map(_is_name, parts)):
            raise FileNotFoundError(path)
        root = os.open(self.root, FOLDER)
        try:
            folder = folder_below(root, parts)
        finally:
            os.close(root)
        try:
            yield folder
        finally:
            os.close(folder)

    def _files(self, folder: int, before: str) -> Iterator[tuple[str, str]]:
        for entry in _entries(folder):
            try:
                if entry.is_dir(follow_symlinks=False):
                    with _inner(folder, entry.name) as inner:
                        yield from self._files(inner, f"{before}{entry.name}/")
                elif self._is_ours(status := entry.stat(follow_symlinks=False)):
                    yield before + entry.name, _stamp(status)
            except OSError:  # gone, or not ours to read
                continue

    def _folders(self, folder: int, path: str) -> Iterator[str]:
        yield path
        for entry in _entries(folder):
            with contextlib.suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    with _inner(folder, entry.name) as inner:
                        yield from self._folders(inner, f"{path}/{entry.name}" if path else entry.name)

    def _is_ours(self, status: os.stat_result) -> bool:
        return stat.S_ISREG(status.st_mode) and status.st_nlink <= self._most_names


def _is_name(name: str) -> bool:
    return _PLAIN.fullmatch(name) is not None or is_name(name)


def _entries(folder: int) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return [entry for entry in entries if _is_name(entry.name)]


@contextlib.contextmanager
def _inner(folder: int, name: str) -> Iterator[int]:
    inner = folder_below(folder, (name,))
    try:
        yield inner
    finally:
        os.close(inner)


def _stamp(status: os.stat_result) -> str:
    return f"{status.st_size}.{status.st_mtime_ns}.{status.st_ctime_ns}.{status.st_ino}"


def _all_of(file: int, most: int) -> bytes:
    pieces = list[bytes]()
    while most > 0 and (piece := os.read(file, most)):
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)
