"""One at a time: a lock on a file that all processes share, which also keeps what its holder is about to do."""

import contextlib
import os
import stat
import sys
import threading
import time
from collections.abc import Iterator
from typing import Final

from copilot_kit.errors import UsageError
from copilot_kit.memory.folder import Folder, written
from copilot_kit.memory.problems import Unusable

if sys.platform != "win32":
    import fcntl

NAME: Final = "lock"
_PAUSE_S: Final = (0.0005, 0.02)
_OPENING: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class Held:
    """The lock, while it is held."""

    def __init__(self, state: int, file: int) -> None:
        self.state: Final = state
        """Descriptor of the folder where the history is kept."""
        self._file = file

    def intent(self) -> bytes:
        """Return what a holder was about to do when it ended; empty: nothing."""
        return os.pread(self._file, os.fstat(self._file).st_size, 0)

    def intend(self, intent: bytes) -> None:
        """Keep what is about to be done; empty: it is done."""
        os.ftruncate(self._file, 0)
        if intent:
            os.lseek(self._file, 0, os.SEEK_SET)
            written(self._file, intent)


class Lock:
    """Keeps all others out: threads, processes, other objects on the same folder."""

    def __init__(self, folder: Folder, *, patience_s: float) -> None:
        self._folder = folder
        self._patience_s = patience_s
        self._mine = threading.Lock()  # waits its turn; between processes one asks again and again
        self._holder: int | None = None

    @contextlib.contextmanager
    def held(self) -> Iterator[Held]:
        """Hold the lock; raises `Unusable` if another process does not let go of it."""
        if self._holder == threading.get_ident():
            raise UsageError("A memory is changed while it is being changed. Return the new text and change it after.")
        until = time.monotonic() + self._patience_s
        if not self._mine.acquire(timeout=self._patience_s):
            raise self._stuck()
        try:
            self._holder = threading.get_ident()
            with self._folder.state() as state:
                file = _locked(state, until)
                if file is None:
                    raise self._stuck()
                try:
                    yield Held(state, file)
                finally:
                    fcntl.flock(file, fcntl.LOCK_UN)  # also for a process that was forked meanwhile
                    os.close(file)
        finally:
            self._holder = None
            self._mine.release()

    def _stuck(self) -> Unusable:
        return Unusable(
            f"The memory is being changed by somebody else for more than {self._patience_s:g} seconds. Try again; if "
            "it stays so, a person should look for a process that was stopped."
        )


def _locked(state: int, until: float) -> int | None:
    """Return a descriptor of the lock, held; None if it was not let go in time."""
    pause = _PAUSE_S[0]
    while True:
        try:
            file = os.open(NAME, _OPENING, 0o600, dir_fd=state)
        except OSError as error:
            raise Unusable(f"The memory cannot be locked: {os.strerror(error.errno or 0)}. Ask a person.") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            if time.monotonic() > until:
                return None
            time.sleep(pause)
            pause = min(2 * pause, _PAUSE_S[1])
            continue
        if _is_it(state, file):
            return file
        os.close(file)  # it was removed, and made anew, while we waited
        if time.monotonic() > until:
            return None


def _is_it(state: int, file: int) -> bool:
    mine = os.fstat(file)
    try:
        there = os.stat(NAME, dir_fd=state, follow_symlinks=False)
    except FileNotFoundError:
        return False
    same = (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)
    if not stat.S_ISREG(mine.st_mode) or mine.st_nlink > 1:
        raise Unusable("The memory's lock is no file of its own. Ask a person to remove .copilot-kit/lock.")
    return same
