"""Which files below a folder were changed, by whomever, since somebody last asked.

On Linux the kernel keeps that list (inotify): looking at it costs microseconds, no thread waits for it, and what was
changed before the question is always on it. Where there is no such list (other systems, folders of other machines,
too few watches allowed) the answer is that anything may have changed.
"""

import ctypes
import os
import re
import struct
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_MODIFY, _CLOSE_WRITE = 0x2, 0x8
_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x40, 0x80, 0x100, 0x200
_DELETE_SELF, _MOVE_SELF, _UNMOUNT, _OVERFLOW, _IGNORED = 0x400, 0x800, 0x2000, 0x4000, 0x8000
_ONLY_FOLDER, _NO_LINK, _IS_FOLDER = 0x01000000, 0x02000000, 0x40000000
_WATCHED: Final = (
    _MODIFY | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF | _MOVE_SELF
) | _ONLY_FOLDER
_EVENT: Final = struct.Struct("iIII")
_READ_BYTES: Final = 1 << 18
_LOCAL: Final = frozenset(
    {"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "tmpfs", "overlay", "ramfs", "reiserfs", "jfs"}
)
"""File systems that nobody but this machine writes to."""


@dataclass(slots=True)
class Changed:
    """What may have changed."""

    files: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    """With all that is below them; the empty name is the whole folder."""

    def add(self, other: "Changed") -> None:
        """Take in what another one names."""
        self.files |= other.files
        self.folders |= other.folders

    def __bool__(self) -> bool:
        return bool(self.files or self.folders)


class Changes:
    """The changes below a folder; `folders` lists the folders to watch from one of them on."""

    def __init__(self, root: Path, folders: Callable[[str], Iterable[str]], *, ask: bool = True) -> None:
        """`ask`: whether the kernel is to be asked at all."""
        self._root = root
        self._folders = folders
        self._watches: dict[int, str] = {}
        self._queue = -1
        self._gone = not (ask and _is_local(root))

    @property
    def told(self) -> bool:
        """Whether the kernel tells what changed."""
        return self._queue >= 0

    def take(self) -> Changed:
        """Return what may have changed since the last call: at the first, everything."""
        if self._queue < 0:
            self._begin()
            return Changed(folders={""})
        found = Changed()
        while events := self._read():
            for watch, mask, name in events:
                self._note(watch, mask, name, found)
                if self._queue < 0:  # no longer complete: begin anew
                    self._begin()
                    return Changed(folders={""})
        return found

    def close(self) -> None:
        """Let the kernel's list go."""
        if self._queue >= 0:
            os.close(self._queue)
        self._queue = -1
        self._watches.clear()

    def __del__(self) -> None:
        self.close()

    def _begin(self) -> None:
        if self._gone:
            return
        self._queue = _libc().inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._queue < 0:
            self._gone = True
        else:
            self._watch("")

    def _watch(self, under: str) -> None:
        """Watch a folder and those in it; a folder is watched before it is looked into, so that nothing slips by."""
        if not self._add(under):
            return
        for folder in self._folders(under):
            if folder != under and not self._add(folder):
                return

    def _add(self, folder: str) -> bool:
        flags = _WATCHED | (_NO_LINK if folder else 0)
        watch = _libc().inotify_add_watch(self._queue, os.fsencode(self._root / folder), flags)
        if watch >= 0:
            self._watches[watch] = folder
        elif not folder or (self._root / folder).is_dir():  # no more watches allowed
            self._gone = True
            self.close()
        return self._queue >= 0

    def _read(self) -> list[tuple[int, int, str]]:
        try:
            data = os.read(self._queue, _READ_BYTES)
        except BlockingIOError:
            return []
        events, at = list[tuple[int, int, str]](), 0
        while at < len(data):
            watch, mask, _, length = _EVENT.unpack_from(data, at)
            at += _EVENT.size
            events.append((watch, mask, os.fsdecode(data[at : at + length].rstrip(b"\0"))))
            at += length
        return events

    def _note(self, watch: int, mask: int, name: str, found: Changed) -> None:
        if mask & (_OVERFLOW | _UNMOUNT):
            self.close()
            return
        folder = self._watches.get(watch)
        if folder is None:
            return
        if mask & (_DELETE_SELF | _MOVE_SELF | _IGNORED):
            if not folder:
                self.close()
            return
        path = f"{folder}/{name}" if folder else name
        if not mask & _IS_FOLDER:
            found.files.add(path)
        elif mask & (_CREATE | _MOVED_TO | _DELETE | _MOVED_FROM):
            self._forget(path)
            found.folders.add(path)
            if mask & (_CREATE | _MOVED_TO) and not name.startswith("."):
                self._watch(path)

    def _forget(self, path: str) -> None:
        """Stop to watch a folder and those in it: under this path there is another one now, or none."""
        for watch, folder in list(self._watches.items()):
            if folder == path or folder.startswith(path + "/"):
                del self._watches[watch]
                _libc().inotify_rm_watch(self._queue, watch)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _is_local(root: Path) -> bool:
    """Return whether the kernel of this machine sees every change below the folder."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        with Path("/proc/self/mountinfo").open(encoding="utf-8", errors="surrogateescape") as lines:
            kinds = dict(map(_mount, lines))
        place = os.path.realpath(root)
    except (OSError, IndexError):
        return False
    holding = max((mount for mount in kinds if _holds(mount, place)), key=len, default="")
    below = [mount for mount in kinds if _holds(place, mount)]
    return {kinds.get(mount) for mount in (holding, *below)} <= _LOCAL


def _mount(line: str) -> tuple[str, str]:
    """Return where a file system is mounted, and of what kind it is."""
    place = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), line.split()[4])
    return place, line.partition(" - ")[2].split()[0]


def _holds(folder: str, place: str) -> bool:
    return place == folder or place.startswith(folder.rstrip("/") + "/")
