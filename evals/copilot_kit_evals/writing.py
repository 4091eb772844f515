"""The folder of a run, to write: lines that survive whatever kills the process, and no half of one left behind."""

import asyncio
import contextlib
import errno
import json
import os
import time
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeAlias

from copilot_kit.errors import CopilotError, UsageError
from copilot_kit_evals.attempts import Attempt
from copilot_kit_evals.folder import (
    ATTEMPTS,
    BLOBS,
    CALLS,
    DECISIONS,
    LOCK,
    MANIFEST,
    SESSIONS,
    SUMMARY,
    Asker,
    BadRun,
    Call,
    Decision,
    RunFolder,
    Session,
)
from copilot_kit_evals.items import Dataset
from copilot_kit_evals.locking import lock
from copilot_kit_evals.manifest import Manifest

FLUSH_S: Final = 0.2
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_CHUNK: Final = 1 << 20
Kept: TypeAlias = dict[str, dict[Asker | None, dict[int, Call]]]
"""Answers that were paid for: by the attempt's digest, by who asked (None: the candidate), by number."""
_OPTIONAL: Final = ("settings_used", "dropped", "warnings", "attempts", "extra")


class NotWritten(CopilotError):
    """What was measured could not be kept; all that was written before is whole, and the run can go on later."""


class FolderFull(NotWritten):
    """There is no room for it."""


class Log:
    """A file of lines to append to; the end of a write that broke off is cut when it is opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._size = whole(self._fd)
        os.ftruncate(self._fd, self._size)
        self._dirty = False

    def append(self, line: bytes) -> None:
        """Hand the line to the operating system; raises `FolderFull` and leaves no half of it behind."""
        data = line + b"\n"
        try:
            written = os.write(self._fd, data)
            while written < len(data):  # the rest says why
                written += os.write(self._fd, data[written:])
        except OSError as error:
            os.ftruncate(self._fd, self._size)
            raise _no_room(self._path, error) from error
        self._size += len(data)
        self._dirty = True

    def flush(self) -> None:
        """Have the disk keep what was appended."""
        if self._dirty:
            self._dirty = False
            try:
                os.fsync(self._fd)
            except OSError as error:
                raise _no_room(self._path, error) from error

    def close(self) -> None:
        """Flush and close."""
        try:
            self.flush()
        finally:
            os.close(self._fd)


def whole(fd: int) -> int:
    """Return the size up to and with the last line end."""
    end = os.fstat(fd).st_size
    while end > 0:
        begin = max(0, end - _CHUNK)
        found = os.pread(fd, end - begin, begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0


def add_line(fd: int, line: bytes) -> None:
    """Have the disk keep the line behind the whole ones of a locked file; where it cannot, all is as it was before.

    Raises `OSError` for what the system says.
    """
    size, data = whole(fd), line + b"\n"
    os.ftruncate(fd, size)
    try:
        while data:
            data = data[os.write(fd, data) :]
        os.fsync(fd)
    except OSError:
        os.ftruncate(fd, size)
        raise


def _no_room(path: Path, error: OSError) -> NotWritten:
    kind, mend = (FolderFull, "Make room") if error.errno in _FULL else (NotWritten, "Mend that")
    slot = RunFolder(path.parent).manifest.rule.slot
    command = "eval run" if slot is None else f"snap {slot}"
    return kind(
        f"{str(path)!r} cannot be written: {error.strerror}. All that ended before is kept. {mend}, then go on with: "
        f"copilot-kit {command} --resume {path.parent}"
    )


def _not_begun(path: Path, error: OSError) -> CopilotError:
    """Return what is wrong with a folder that a run was to have."""
    if error.errno in _FULL:
        return FolderFull(f"There is no room for the run {str(path)!r}: {error.strerror}. Make room, then begin again.")
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        file = next((one for one in (path, *path.parents) if one.is_file()), path)
        return UsageError(
            f"{str(path)!r} cannot be the folder of a run: {str(file)!r} is a file. Name another folder with --out."
        )
    return UsageError(
        f"{str(path)!r} cannot be the folder of a run: {error.strerror}. Name one that you may write to with --out."
    )


class RunWriter:
    """A run on disk, to go on with; one process at a time."""

    def __init__(self, path: Path) -> None:
        self.folder = RunFolder(path)
        self._lock = _locked(path)
        self._attempts, self._calls = Log(path / ATTEMPTS), Log(path / CALLS)
        self._decisions, self._sessions = Log(path / DECISIONS), Log(path / SESSIONS)
        self._flushing: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    @classmethod
    def begin(cls, path: Path, manifest: Manifest, datasets: Iterable[Dataset]) -> "RunWriter":
        """Make the folder; raises `BadRun` if there is a run in it already."""
        lay_out(path, manifest, datasets)
        return cls(path)

    def begin_session(self) -> None:
        """Keep that work begins now."""
        self._sessions.append(Session(at=round(time.time(), 3)).model_dump_json().encode())

    def append(self, attempt: Attempt) -> None:
        """Keep an attempt that has ended; its calls are there already."""
        self._attempts.append(attempt.model_dump_json(exclude_none=True).encode())
        self._flush_soon()

    def append_call(self, call: Call) -> None:
        """Keep an answer, before anything is made of it."""
        self._calls.append(encoded(call))
        self._flush_soon()

    def append_decision(self, decision: Decision) -> None:
        """Keep an interim look; it is on the disk when this returns."""
        self.flush()
        self._decisions.append(decision.model_dump_json(exclude_none=True).encode())
        self._decisions.flush()

    def put(self, content: bytes) -> str:
        """Keep content and return its digest."""
        try:
            return put(self.folder.path, content)
        except OSError as error:
            raise _no_room(self.folder.path / BLOBS, error) from error

    def flush(self) -> None:
        """Have the disk keep all; calls first, since attempts speak of them."""
        self._calls.flush()
        self._attempts.flush()

    def _flush_soon(self) -> None:
        if self._flushing is None or self._flushing.done():
            if self._flushing is not None:
                self._flushing.result()  # a disk that failed is no secret
            self._flushing = asyncio.get_running_loop().create_task(self._flush_later())

    async def _flush_later(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), FLUSH_S)
        await asyncio.to_thread(self.flush)

    async def close(self) -> None:
        """Flush what is written and let others write."""
        try:
            self._closing.set()
            if self._flushing is not None:
                await self._flushing
        finally:
            for log in (self._calls, self._attempts, self._decisions, self._sessions):
                log.close()
            os.close(self._lock)

    def paid(self, wanted: Callable[[str], bool]) -> Kept:
        """Return the calls of attempts that did not end, by digest, by who asked, and by number."""
        found: Kept = {}
        for call in self.folder.calls():
            if wanted(call.attempt):
                found.setdefault(call.attempt, {}).setdefault(call.scorer, {})[call.n] = call
        return found


def lay_out(path: Path, manifest: Manifest, datasets: Iterable[Dataset]) -> None:
    """Make the folder of a run that has not begun; raises `BadRun` if there is a run in it already."""
    if (path / MANIFEST).exists():
        raise BadRun(
            f"There is a run in {str(path)!r} already. Go on with it (--resume {path}), or choose another folder."
        )
    try:
        path.mkdir(parents=True, exist_ok=True)
        for dataset in datasets:
            _put_lines(path, dataset)
        replace(path / MANIFEST, manifest.model_dump_json(indent=1, exclude_none=True).encode())
    except OSError as error:
        raise _not_begun(path, error) from error


def encoded(call: Call) -> bytes:
    """Return the line of a call, without what is empty."""
    response = call.response
    empty: Any = {name for name in _OPTIONAL if not getattr(response, name)}
    if response.state == "complete":
        empty.add("state")
    return call.model_dump_json(exclude_none=True, exclude={"response": empty}).encode()


def _locked(path: Path) -> int:
    fd = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        lock(fd, "A run", waits=False)
    except UsageError:
        os.close(fd)
        raise
    except OSError as error:
        os.close(fd)
        raise BadRun(f"Another process writes the run {str(path)!r}. Wait for it, or stop it.") from error
    return fd


def summarised(folder: RunFolder, found: dict[str, Any]) -> dict[str, Any]:
    """Put the summary beside the log, where there is room, and return it."""
    with contextlib.suppress(OSError):
        replace(folder.path / SUMMARY, json.dumps(found, indent=1, ensure_ascii=False).encode())
    return found


def put(path: Path, content: bytes) -> str:
    """Keep content under the folder and return its digest."""
    digest = sha256(content).hexdigest()
    file = path / BLOBS / digest[:2] / digest[2:]
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        replace(file, content)
    return digest


def _put_lines(path: Path, dataset: Dataset) -> None:
    digest = dataset.content_digest
    file = path / BLOBS / digest[:2] / digest[2:]
    file.parent.mkdir(parents=True, exist_ok=True)
    replace(file, (line + b"\n" for line in dataset.lines))


def replace(file: Path, content: bytes | Iterable[bytes]) -> None:
    """Write the file so that it is there whole or not at all."""
    partial = file.with_name(f".{file.name[:60]}.{os.getpid()}")
    try:
        with partial.open("wb") as opened:
            opened.writelines([content] if isinstance(content, bytes) else content)
            opened.flush()
            os.fsync(opened.fileno())
        partial.replace(file)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
