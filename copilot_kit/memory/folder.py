"""Files under one root: opened part by part through descriptors, regular files with one name only, whole or not at all.

Nothing here knows of the history or of locks: who calls has taken the lock, except for reading.
"""

import contextlib
import errno
import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from copilot_kit.descriptors import FOLDER, file_below, folder_below, names_in
from copilot_kit.errors import UsageError
from copilot_kit.memory.paths import MOST_PARTS, Place, check_alone, check_new
from copilot_kit.memory.problems import BadName, MemoryProblem, NotAFile, NotFound, TooBig, Unusable
from copilot_kit.memory.standing import Standing, below

STATE: Final = ".copilot-kit"
"""In the root; hidden from models, as every name that begins with a dot."""
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
_WORDS: Final = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the disk can only be read",
    errno.EACCES: "this program has no right to",
    errno.EPERM: "this program has no right to",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open",
}


@dataclass(frozen=True, slots=True)
class Found:
    """A file as it is now."""

    data: bytes
    digest: str
    signature: tuple[int, ...]
    """Changes when anybody writes the file."""


class Folder:
    """The files of a memory."""

    def __init__(self, root: Path, *, max_file_bytes: int) -> None:
        if sys.platform == "win32":
            raise UsageError(
                "Cannot open a memory: memories are not proved on Windows yet. Run this in WSL, where they are."
            )
        self.root: Final = _made(root)
        self._max_file_bytes = max_file_bytes
        self._identity: tuple[int, int] | None = None
        with self.opened() as at:
            status = os.fstat(at)
            self._identity = (status.st_dev, status.st_ino)
            try:
                _make_state(at)
            except FileExistsError:
                pass
            except OSError as error:
                raise _no_memory(root, _words(error)) from error
            self._folds = _folds_case(at)

    @contextlib.contextmanager
    def opened(self) -> Iterator[int]:
        """Yield a descriptor of the root; raises `Unusable` if another folder stands there by now."""
        try:
            at = os.open(self.root, FOLDER)
        except OSError as error:
            raise Unusable(f"The memory's folder cannot be opened: {_words(error)}. Ask a person to look.") from None
        try:
            status = os.fstat(at)
            if self._identity not in (None, (status.st_dev, status.st_ino)):
                raise Unusable(
                    "The memory's folder is not the one that was opened: it was replaced meanwhile. "
                    "Ask a person to look, and open the memory anew."
                )
            yield at
        finally:
            os.close(at)

    @contextlib.contextmanager
    def state(self) -> Iterator[int]:
        """Yield a descriptor of the folder where the history is kept."""
        with self.opened() as root:
            try:
                at = folder_below(root, (STATE,))
            except OSError as error:
                raise Unusable(
                    f"The history of the memory cannot be opened: {_words(error)}. Ask a person to look."
                ) from error
            try:
                yield at
            finally:
                os.close(at)

    def kind(self, place: Place) -> str | None:
        """Return "file", "folder", or None if there is nothing; raises `NotAFile` for anything else."""
        if not place.parts:
            return "folder"
        with self.opened() as root, translated(place):
            try:
                status = self._status(root, place)
            except FileNotFoundError:
                return None
        if stat.S_ISDIR(status.st_mode):
            return "folder"
        _check_plain(place, status)
        return "file"

    def read(self, place: Place) -> Found:
        """Return a file's bytes; raises `NotFound`, `NotAFile` or `TooBig`."""
        if not place.parts:
            raise NotAFile(f"The path {place.shown} is a folder, not a file. Name a file in it.")
        with self.opened() as root, translated(place):
            _check_plain(place, self._status(root, place))  # a device is not even opened
            file = file_below(root, place.parts)
            try:
                status = os.fstat(file)  # of what was opened, and not of what has this name by now
                _check_plain(place, status)
                if status.st_size > self._max_file_bytes:
                    raise TooBig(
                        f"The file {place.shown} has {status.st_size:,} bytes; at most {self._max_file_bytes:,} are "
                        "read. A person can split it."
                    )
                data = _all_of(file, self._max_file_bytes)
            finally:
                os.close(file)
        return Found(data, hashlib.sha256(data).hexdigest(), _signature(status))

    def is_as(self, place: Place, found: Found | None) -> bool:
        """Whether nobody wrote the file since it was read; None: there was none."""
        with self.opened() as root, translated(place):
            try:
                status = self._status(root, place)
            except (FileNotFoundError, NotADirectoryError):
                return found is None
            return found is not None and _signature(status) == found.signature

    def stage(self, place: Place, data: bytes, temporary: str) -> None:
        """Write new content beside its place, down to the disk; folders on the way are made."""
        with self.opened() as root, translated(place):
            folder = self._made(root, place)
            try:
                check_alone(place, place.parts[-1], () if self._has(folder, place.parts[-1]) else names_in(folder))
                mode = self._mode(folder, place.parts[-1])
                file = os.open(temporary, _NEW, 0o666 if mode is None else mode, dir_fd=folder)
                try:
                    if mode is not None:
                        os.fchmod(file, mode)
                    written(file, data)
                    os.fsync(file)
                finally:
                    os.close(file)
            finally:
                os.close(folder)

    def settle(self, place: Place, temporary: str) -> None:
        """Put staged content in its place, at once and for good."""
        with self.opened() as root, translated(place):
            folder = folder_below(root, place.parts[:-1])
            try:
                os.rename(temporary, place.parts[-1], src_dir_fd=folder, dst_dir_fd=folder)
                os.fsync(folder)
            finally:
                os.close(folder)

    def unstage(self, place: Place, temporary: str) -> bool:
        """Remove staged content; whether there was any."""
        with contextlib.suppress(MemoryProblem):
            self.remove(Place(place.given, (*place.parts[:-1], temporary)))
            return True
        return False

    def staged(self, place: Place, temporary: str) -> Found | None:
        """Return content that was staged and not put in its place."""
        with contextlib.suppress(MemoryProblem):
            return self.read(Place(place.given, (*place.parts[:-1], temporary)))
        return None

    def remove(self, place: Place) -> None:
        """Remove a file, or a folder that is empty."""
        with self.opened() as root, translated(place):
            folder = folder_below(root, place.parts[:-1])
            try:
                if stat.S_ISDIR(os.stat(place.parts[-1], dir_fd=folder, follow_symlinks=False).st_mode):
                    os.rmdir(place.parts[-1], dir_fd=folder)
                else:
                    os.unlink(place.parts[-1], dir_fd=folder)
                os.fsync(folder)
            finally:
                os.close(folder)

    def remove_empty(self, place: Place) -> None:
        """Remove folders that hold nothing, this one and all below it."""
        if self.kind(place) != "folder":
            return
        folders = [one.path for one in self.walk(place) if one.is_folder and not one.fault]
        for path in [*sorted(folders, reverse=True), place.path]:
            with contextlib.suppress(MemoryProblem):
                self.remove(Place(place.given, tuple(path.split("/"))))

    def make_way(self, old: Place, new: Place) -> None:
        """Make the folders that a move needs, and refuse a name that cannot be told from another."""
        with self.opened() as root, translated(new):
            folder = self._made(root, new)
            try:
                same_folder = old.parts[:-1] == new.parts[:-1]
                others = [name for name in names_in(folder) if not (same_folder and name == old.parts[-1])]
                check_new(new, new.parts[-1])
                check_alone(new, new.parts[-1], others)
            finally:
                os.close(folder)

    def move(self, old: Place, new: Place) -> None:
        """Give a file or folder another name, at once and for good."""
        with self.opened() as root, translated(old):
            source = folder_below(root, old.parts[:-1])
            try:
                target = folder_below(root, new.parts[:-1])
                try:
                    os.rename(old.parts[-1], new.parts[-1], src_dir_fd=source, dst_dir_fd=target)
                    os.fsync(source)
                    os.fsync(target)
                finally:
                    os.close(target)
            finally:
                os.close(source)

    def walk(self, place: Place, *, depth: int = MOST_PARTS, leftovers: bool = False) -> Iterator[Standing]:
        """Yield what stands below a folder, folders before what is in them, by name; hidden names are left out.

        Yields too what is no part of the memory, with what is wrong with it.
        leftovers: also what changes that did not end have left behind.
        """
        with self.opened() as root, translated(place):
            at = folder_below(root, place.parts)
            try:
                yield from below(at, place.path, depth=depth, leftovers=leftovers)
            finally:
                os.close(at)

    def _status(self, root: int, place: Place) -> os.stat_result:
        folder = folder_below(root, place.parts[:-1])
        try:
            name = place.parts[-1]
            if self._folds and name not in names_in(folder):
                raise FileNotFoundError(errno.ENOENT, "not under this very name")
            return os.stat(name, dir_fd=folder, follow_symlinks=False)
        finally:
            os.close(folder)

    def _made(self, root: int, place: Place) -> int:
        """Return a descriptor of the folder that a place stands in, made if need be."""
        at = os.dup(root)
        for name in place.parts[:-1]:
            try:
                if not self._has(at, name):
                    check_new(place, name)
                    check_alone(place, name, names_in(at))
                    os.mkdir(name, dir_fd=at)
                    os.fsync(at)
                below = folder_below(at, (name,))
            finally:
                os.close(at)
            at = below
        return at

    def _has(self, folder: int, name: str) -> bool:
        try:
            os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return not self._folds or name in names_in(folder)

    def _mode(self, folder: int, name: str) -> int | None:
        """Return the rights that a file has; None: it is new."""
        with contextlib.suppress(FileNotFoundError):
            return stat.S_IMODE(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
        return None


def _make_state(root: int) -> None:
    """Make the folder of the history; git is to keep the history, and nothing else of it."""
    os.mkdir(STATE, 0o700, dir_fd=root)
    state = folder_below(root, (STATE,))
    try:
        file = new_file(state, ".gitignore")
        try:
            written(file, b"*\n!.gitignore\n!history.jsonl\n!objects/\n!objects/*/\n!objects/*/*\n")
        finally:
            os.close(file)
    finally:
        os.close(state)


def _made(root: Path) -> Path:
    """Return where the folder is, made if there is none; its name is the application's own, so it is told."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        return root.resolve(strict=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise _no_memory(root, "a file is in the way") from error
    except OSError as error:
        raise _no_memory(root, _words(error)) from error
    except ValueError as error:
        raise _no_memory(root, "no folder can have this name") from error


def _no_memory(root: Path, why: str) -> UsageError:
    return UsageError(
        f"Cannot open a memory in {str(root)!r}: {why}. Name a folder that can be written to; it is made if need be."
    )


def new_file(folder: int, name: str) -> int:
    """Return a descriptor of a new file for its owner only; what had this name, a link too, is let go of first."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
    return os.open(name, _NEW, 0o600, dir_fd=folder)


def written(file: int, data: bytes) -> None:
    """Write all of the bytes."""
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _check_plain(place: Place, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode) or place.for_folder:
        raise NotAFile(f"The path {place.shown} is a folder, not a file. Name a file in it.")
    if not stat.S_ISREG(status.st_mode):
        raise NotAFile(f"The path {place.shown} is no regular file, so it is left alone. Choose another name.")
    if status.st_nlink > 1:
        raise NotAFile(
            f"The file {place.shown} has another name too, which may stand outside, so it is left alone. "
            "Choose another name."
        )


def _signature(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _all_of(file: int, most: int) -> bytes:
    pieces, size = [], 0
    while size <= most and (piece := os.read(file, min(1 << 20, most + 1 - size))):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _folds_case(root: int) -> bool:
    """Whether this file system takes upper and lower case for the same; tried on our own folder, if it is there."""
    try:
        os.stat(STATE.upper(), dir_fd=root, follow_symlinks=False)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def translated(place: Place) -> Iterator[None]:
    """Turn what the system says into a problem that names the path as it was given."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(f"There is nothing at {place.shown}. Look at the folder's listing for what there is.") from error
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP, errno.EEXIST, errno.EISDIR, errno.ENXIO):
            raise NotAFile(
                f"The path {place.shown} goes through something that is no folder, or through a link. Look at the "
                "listing for what there is."
            ) from error
        if error.errno == errno.ENAMETOOLONG:
            raise BadName(f"The path {place.shown} is too long for this disk. Use a shorter name.") from error
        raise Unusable(f"The path {place.shown} cannot be used: {_words(error)}. Ask a person to look.") from error


def _words(error: OSError) -> str:
    return _WORDS.get(error.errno or 0) or os.strerror(error.errno or 0).lower()
