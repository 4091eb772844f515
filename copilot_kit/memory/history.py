"""Every change, a line of JSON each, in one file that only grows.

Read once, then as far as it has grown; what was read is kept as an index that is small beside the entries themselves.
Erasing is the one thing that writes it anew.
"""

import json
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from copilot_kit.descriptors import FILE
from copilot_kit.memory.entries import Entry
from copilot_kit.memory.folder import new_file, written
from copilot_kit.memory.problems import Unusable

NAME: Final = "history.jsonl"
ERASED: Final = "erased"
"""Stands where the digest of something erased stood."""
_TAIL_BYTES: Final = 200
_MANY: Final = 50
"""Of more entries than this the file is read at once."""
_APPENDING: Final = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True, slots=True)
class Line:
    """What is kept in mind of an entry."""

    id: str
    path: str
    before: str | None
    after: str | None
    moved_from: str | None
    undoes: str | None
    run_id: str | None
    call_id: str | None
    outside: bool
    """Made past the memory, or not come true."""
    start: int
    """Where it begins in the file."""
    size: int


@dataclass(slots=True)
class Index:
    """What was read of the file so far."""

    file: tuple[int, int] = (0, 0)
    end: int = 0
    """Whole lines were read up to here."""
    tail: bytes = b""
    """What stood right before that; a file that was written anew has something else there."""
    lines: list[Line] = field(default_factory=list)
    of_path: dict[str, list[int]] = field(default_factory=dict)
    of_id: dict[str, int] = field(default_factory=dict)
    blames: dict[str, list[tuple[int, str | None, str | None]]] = field(default_factory=dict)
    """By entry, who brought which lines as of then: written down where it cannot be found out any more."""
    damaged: list[int] = field(default_factory=list)
    """Where lines begin that cannot be read."""


class History:
    """The entries of a memory, in their order."""

    def __init__(self) -> None:
        self._index = Index()

    def index(self, state: int) -> Index:
        """Return all that is in the file by now; to be looked at, not changed."""
        file = _opened_to_read(state)
        if file is None:
            self._index = Index()
            return self._index
        try:
            status = os.fstat(file)
            if (status.st_dev, status.st_ino) != self._index.file or not _goes_on(file, self._index):
                self._index = Index(file=(status.st_dev, status.st_ino))
            if status.st_size > self._index.end:
                _take_in(self._index, os.pread(file, status.st_size - self._index.end, self._index.end))
            return self._index
        finally:
            os.close(file)

    def entries(self, state: int, lines: Sequence[Line]) -> list[Entry]:
        """Return the entries of these lines, which are in the order of the file."""
        file = _opened_to_read(state)
        if file is None:
            return []
        try:
            if len(lines) > _MANY:
                raw = os.pread(file, lines[-1].start + lines[-1].size, 0)
                return [Entry.model_validate_json(raw[line.start : line.start + line.size]) for line in lines]
            return [Entry.model_validate_json(os.pread(file, line.size, line.start)) for line in lines]
        finally:
            os.close(file)

    def note(self, state: int, entry_id: str, runs: Sequence[Sequence[Any]]) -> None:
        """Write down who brought which lines as of this entry; it could be found out again, so nobody waits for it."""
        file = _opened(state, _APPENDING)
        try:
            written(file, _dumped({"blame": {"entry": entry_id, "lines": runs}}))
        finally:
            os.close(file)

    def append(self, state: int, entries: Sequence[Entry]) -> None:
        """Write entries down for good, all or none."""
        file = _opened(state, _APPENDING)
        try:
            size = os.fstat(file).st_size
            try:
                written(file, b"".join(line_of(entry) for entry in entries))
                os.fsync(file)
            except OSError:
                os.ftruncate(file, size)
                raise
            if size == 0:
                os.fsync(state)
        finally:
            os.close(file)

    def cut(self, state: int, end: int) -> None:
        """Take off what a process that ended wrote after `end`."""
        file = _opened(state, _APPENDING)
        try:
            os.ftruncate(file, end)
            os.fsync(file)
        finally:
            os.close(file)

    def size(self, state: int) -> int:
        """Return how many bytes the file has, a torn line included."""
        try:
            return os.stat(NAME, dir_fd=state, follow_symlinks=False).st_size
        except FileNotFoundError:
            return 0

    def rewrite(
        self, state: int, changed: Callable[[dict[str, Any]], dict[str, Any]], more: Sequence[dict[str, Any]]
    ) -> None:
        """Write the whole file anew, each line as `changed` returns it, and these after them; damaged lines go."""
        file = _opened_to_read(state)
        raw = b""
        if file is not None:
            with os.fdopen(file, "rb") as reader:
                raw = reader.read()
        lines = [line for line in (_parsed(one) for one in raw.split(b"\n")) if line is not None]
        temporary = f".{NAME}"
        new = new_file(state, temporary)
        try:
            written(new, b"".join(_dumped(line) for line in [*map(changed, lines), *more]))
            os.fsync(new)
        finally:
            os.close(new)
        os.rename(temporary, NAME, src_dir_fd=state, dst_dir_fd=state)
        os.fsync(state)


def line_of(entry: Entry) -> bytes:
    """Return the line that an entry is written as: ASCII, so that nothing in it ends the line for any reader."""
    return _dumped(entry.model_dump(mode="json", exclude_defaults=True))


def _dumped(line: dict[str, Any]) -> bytes:
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def _parsed(raw: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):  # brackets in brackets without end are no line of ours
        return None
    return line if isinstance(line, dict) else None


def _is_run(run: Any) -> bool:
    """Whether this says who brought so many lines: how many, by which change, confirmed by which."""
    match run:
        case [int(count), str() | None, str() | None]:
            return count > 0
        case _:
            return False


def _opened_to_read(state: int) -> int | None:
    try:
        return _opened(state, FILE)
    except FileNotFoundError:
        return None


def _opened(state: int, flags: int) -> int:
    try:
        file = os.open(NAME, flags, 0o600, dir_fd=state)
    except FileNotFoundError:
        raise
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise Unusable(f"The memory's history cannot be opened: {why}. Ask a person to look.") from error
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        os.close(file)
        raise Unusable(f"The memory's history is no file of its own. Ask a person to look at .copilot-kit/{NAME}.")
    return file


def _goes_on(file: int, index: Index) -> bool:
    return os.pread(file, len(index.tail), index.end - len(index.tail)) == index.tail


def _take_in(index: Index, raw: bytes) -> None:
    *lines, torn = raw.split(b"\n")  # the last one has no end yet: somebody writes it, or was killed doing so
    if lines:
        index.tail = raw[: len(raw) - len(torn)][-_TAIL_BYTES:]
    for line in lines:
        start, index.end = index.end, index.end + len(line) + 1
        if line:
            _take_in_line(index, line, start)


def _take_in_line(index: Index, raw: bytes, start: int) -> None:
    try:
        entry = Entry.model_validate_json(raw)
    except ValueError:
        match _parsed(raw):
            case {"blame": {"entry": str(id_), "lines": list(runs)}} if all(map(_is_run, runs)):
                index.blames[id_] = runs
            case {"erased": dict()}:
                pass
            case _:
                index.damaged.append(start)
        return
    by = entry.by
    line = Line(entry.id, entry.path, entry.before, entry.after, entry.moved_from, entry.undoes, by.run_id, by.call_id,
                by.kind == "outside", start, len(raw))  # fmt: skip
    index.of_path.setdefault(line.path, []).append(len(index.lines))
    index.of_id[line.id] = len(index.lines)
    index.lines.append(line)
