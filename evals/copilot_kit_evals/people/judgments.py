"""A file of what people said, a line a judgment, to which lines are only added; the format of a line is its record's.

Each line is on the disk before the page says so. Several processes may write: each looks under a lock at what is there,
and adds its line only if the rater has said nothing since the page was made. So what is sent twice, or from two tabs,
is kept once, and no line is ever lost to another.
"""

import os
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, Protocol, Self, TypeVar

from pydantic import ValidationError

from copilot_kit_evals.folder import BadRun
from copilot_kit_evals.locking import lock
from copilot_kit_evals.writing import NotWritten, add_line, whole

_CHUNK = 1 << 20


class Judgment(Protocol):
    """What one rater said of one showing; a pydantic record.

    Contract:
    - `showing` names what was judged: what is said of it later takes the place of what was said before.
    - `is_undone` says that nothing stands of it any more.
    """

    @property
    def rater(self) -> str:
        """Who said it."""
        ...

    @property
    def showing(self) -> str:
        """What it was said of."""
        ...

    @property
    def is_undone(self) -> bool:
        """Whether it takes back what was said before."""
        ...

    @classmethod
    def model_validate_json(cls, json_data: bytes) -> Self:
        """Return it from its line."""
        ...

    def model_dump_json(self, *, exclude_none: bool = ...) -> str:
        """Return its line."""
        ...


J = TypeVar("J", bound=Judgment)


class JudgmentLog(Generic[J]):
    """The judgments of one run, to read and to add to; safe for several threads and processes."""

    def __init__(self, path: Path, kind: type[J]) -> None:
        self.path = path
        self._kind = kind
        self._lock = threading.Lock()
        self._read: list[J] = []
        self._end = 0

    def lines(self) -> list[J]:
        """Return every line so far, in order; a last one that is being written is no line yet."""
        with self._lock:
            try:
                fd = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            except FileNotFoundError:
                return []
            except OSError as error:
                raise self._unusable(error.strerror) from error
            try:
                self._catch_up(fd)
            finally:
                os.close(fd)
            return list(self._read)

    def of(self, rater: str) -> list[J]:
        """Return the lines of one rater."""
        return [one for one in self.lines() if one.rater == rater]

    def append(self, one: J, *, step: int) -> bool:
        """Add a line and have the disk keep it; False, and nothing added, if the rater has another number of lines.

        step: how many lines of this rater whoever decided knew of.
        """
        with self._lock, self._locked() as fd:
            self._check(fd)
            os.ftruncate(fd, whole(fd))
            self._catch_up(fd)
            if sum(line.rater == one.rater for line in self._read) != step:
                return False
            try:
                add_line(fd, one.model_dump_json(exclude_none=True).encode())
            except OSError as error:
                raise NotWritten(
                    f"{str(self.path)!r} cannot be written: {error.strerror}. The last judgment was not kept, all "
                    "before it were. Make room and judge it again."
                ) from error
            self._catch_up(fd)
            return True

    @contextmanager
    def _locked(self) -> Iterator[int]:
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
        except OSError as error:
            raise self._unusable(error.strerror) from error
        try:
            lock(fd, "A file of judgments")
            yield fd
        finally:
            os.close(fd)

    def _catch_up(self, fd: int) -> None:
        """Read what was added since the last time; all of it, if the file is not the one it was."""
        self._check(fd)
        if os.fstat(fd).st_size < self._end:
            self._read, self._end = [], 0
        content = bytearray()
        while chunk := os.pread(fd, _CHUNK, self._end + len(content)):
            content += chunk
        for line in bytes(content[: content.rfind(b"\n") + 1]).split(b"\n")[:-1]:
            try:
                self._read.append(self._kind.model_validate_json(line))
            except ValidationError as error:
                raise BadRun(
                    f"{str(self.path)!r}, line {len(self._read) + 1}: this is no judgment that this version reads "
                    f"({error.errors()[0]['msg']}). Remove it, or read the file with the version that wrote it."
                ) from error
            self._end += len(line) + 1

    def _check(self, fd: int) -> None:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise self._unusable("it is no file")

    def _unusable(self, why: str | None) -> BadRun:
        return BadRun(f"{str(self.path)!r} cannot be used for judgments: {why}. Move it away, and judge again.")


def last_said(lines: Sequence[J]) -> J | None:
    """Return what one rater said last and has not taken back, a skip included: what undo takes back."""
    said: dict[str, J] = {}
    for one in lines:
        said.pop(one.showing, None)
        if not one.is_undone:
            said[one.showing] = one
    return next(reversed(said.values()), None)


def answered(lines: Sequence[J]) -> set[str]:
    """Return the showings that one rater has done with, a skip included."""
    last = {one.showing: one for one in lines}
    return {name for name, one in last.items() if not one.is_undone}
