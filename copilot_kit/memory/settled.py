"""What people said to corrections that were proposed: a line each, beside the memory's history."""

import contextlib
import json
import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from copilot_kit.descriptors import FILE, FOLDER, folder_below
from copilot_kit.memory.folder import STATE, written
from copilot_kit.memory.patterns import Correction
from copilot_kit.memory.problems import Unusable
from copilot_kit.records import Principal

NAME: Final = "corrections.jsonl"
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True, slots=True)
class Settled:
    """What a person said to a correction."""

    id: str
    verdict: Literal["accepted", "declined"]
    by: str
    at: str
    kind: str
    tool: str
    cases: tuple[tuple[str, str], ...]
    """Run and proposal of each decision that it stood on then."""
    entry: str | None = None
    """The change of the memory that wrote it down."""

    @classmethod
    def of(
        cls, one: Correction, verdict: Literal["accepted", "declined"], *, by: Principal, at: datetime,
        entry: str | None = None,
    ) -> "Settled":  # fmt: skip
        """Return the verdict on a correction as it stands now."""
        cases = tuple((case.run_id, case.proposal_id) for case in one.cases)
        return cls(one.id, verdict, by.id, at.isoformat(), one.kind, one.tool, cases, entry)


def settled(root: Path) -> list[Settled]:
    """Return what people said so far, oldest first; a line that cannot be read counts as not said."""
    with _state(root) as state:
        try:
            file = os.open(NAME, FILE, dir_fd=state)
        except FileNotFoundError:
            return []
        with open(_plain(file), "rb") as reader:
            lines = reader.read().split(b"\n")
    return [one for one in map(_settled, lines) if one is not None]


def keep(root: Path, one: Settled) -> None:
    """Write down what a person said; it is on the disk when this returns."""
    with _state(root) as state:
        file = _plain(os.open(NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _NO_LINK, 0o600, dir_fd=state))
        try:
            written(file, _line(one))
            os.fsync(file)
        finally:
            os.close(file)


def forget_cases(root: Path, run_ids: Collection[str]) -> None:
    """Drop the decisions of these runs from what is kept; the verdicts stay."""
    before = settled(root)
    after = [replace(one, cases=tuple(case for case in one.cases if case[0] not in run_ids)) for one in before]
    if after == before:
        return
    temporary = f".{NAME}"
    with _state(root) as state:
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _NO_LINK, 0o600, dir_fd=state)
        try:
            written(file, b"".join(map(_line, after)))
            os.fsync(file)
        finally:
            os.close(file)
        os.rename(temporary, NAME, src_dir_fd=state, dst_dir_fd=state)
        os.fsync(state)


def _line(one: Settled) -> bytes:
    return json.dumps(asdict(one), separators=(",", ":")).encode() + b"\n"


def _settled(line: bytes) -> Settled | None:
    try:
        fields: dict[str, Any] = json.loads(line)
        return Settled(**{**fields, "cases": tuple((str(run), str(proposal)) for run, proposal in fields["cases"])})
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _plain(file: int) -> int:
    """Return the descriptor, if it is of a file that has no other name."""
    status = os.fstat(file)
    if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
        return file
    os.close(file)
    raise Unusable(f"What people said to corrections is no file of its own. Ask a person to look at {STATE}/{NAME}.")


@contextlib.contextmanager
def _state(root: Path) -> Iterator[int]:
    try:
        at = os.open(root, FOLDER)
        try:
            state = folder_below(at, (STATE,))
        finally:
            os.close(at)
    except OSError as error:
        words = os.strerror(error.errno or 0)
        raise Unusable(f"The history of the memory cannot be opened: {words}. Ask a person to look.") from error
    try:
        yield state
    finally:
        os.close(state)
