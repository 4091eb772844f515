"""Contents by their SHA-256, each a plain file: every version that a file of the memory ever had."""

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from typing import Final

from copilot_kit.descriptors import file_below, folder_below, names_in
from copilot_kit.memory.folder import new_file, written

NAME: Final = "objects"
_HEX_DIGITS: Final = 64


def keep(state: int, digest: str, data: bytes, *, lasting: bool) -> None:
    """Keep content under its digest, if it is not kept already.

    lasting: it is on the disk when this returns; else the system writes it in its own time.
    """
    with _shelf(state, digest) as shelf:
        name = digest[2:]
        try:
            file = os.open(name, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0), dir_fd=shelf)
        except FileNotFoundError:
            pass
        else:
            try:
                if os.fstat(file).st_size == len(data):
                    if lasting:
                        os.fsync(file)
                    return
            finally:
                os.close(file)
        temporary = f".{name}"
        file = new_file(shelf, temporary)
        try:
            written(file, data)
            if lasting:
                os.fsync(file)
        finally:
            os.close(file)
        os.rename(temporary, name, src_dir_fd=shelf, dst_dir_fd=shelf)


def content(state: int, digest: str) -> bytes | None:
    """Return content by its digest; None if it is not kept, or is not what it was."""
    if len(digest) != _HEX_DIGITS:
        return None
    try:
        file = file_below(state, (NAME, digest[:2], digest[2:]))
    except OSError:
        return None
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            return None
        with os.fdopen(file, "rb", closefd=False) as reader:
            data = reader.read()
    finally:
        os.close(file)
    return data if hashlib.sha256(data).hexdigest() == digest else None


def size_of(state: int, digest: str) -> int | None:
    """Return how many bytes this content has; None if it is not kept."""
    try:
        return os.stat(f"{NAME}/{digest[:2]}/{digest[2:]}", dir_fd=state, follow_symlinks=False).st_size
    except OSError:
        return None


def drop(state: int, digest: str) -> bool:
    """Remove content for good; whether there was any."""
    with contextlib.suppress(OSError), _shelf(state, digest) as shelf:
        os.unlink(digest[2:], dir_fd=shelf)
        os.fsync(shelf)
        return True
    return False


def kept(state: int) -> Iterator[tuple[str, bool]]:
    """Yield the digest of each content that is kept, and of each leftover (True) of a process that ended."""
    with contextlib.suppress(OSError):
        top = folder_below(state, (NAME,))
        try:
            for first in sorted(names_in(top)):
                with contextlib.suppress(OSError):
                    shelf = folder_below(top, (first,))
                    names = sorted(names_in(shelf))
                    os.close(shelf)
                    for name in names:
                        yield first + name, name.startswith(".")
        finally:
            os.close(top)


@contextlib.contextmanager
def _shelf(state: int, digest: str) -> Iterator[int]:
    at = os.dup(state)
    for name in (NAME, digest[:2]):
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=at)
            below = folder_below(at, (name,))
        finally:
            os.close(at)
        at = below
    try:
        yield at
    finally:
        os.close(at)
