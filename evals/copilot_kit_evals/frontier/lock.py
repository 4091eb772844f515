"""`frontier.lock.jsonl`: every promotion of a project's slots, a line each, only ever appended to.

A promotion's frontier.toml is prepared beside the one that counts; then its line is appended and flushed; then the two
files change places. Whoever dies in between leaves the prepared file, and a line that nothing follows yet: the next one
who takes the lock finishes it. Without the prepared file it was a person who changed the slot, and that stays. One
writer at a time, by an advisory lock on the record itself.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import BinaryIO, Final

from pydantic import ValidationError

from copilot_kit.errors import UsageError
from copilot_kit.slots import read_frontier
from copilot_kit_evals.frontier.editing import edited, flip, flush_folder, placement_in, prepare, prepared
from copilot_kit_evals.frontier.hunks import Edit
from copilot_kit_evals.frontier.promotions import Change, Fault, Placement, Promotion, last_change, unlike
from copilot_kit_evals.locking import lock

FILE_NAME: Final = "frontier.lock.jsonl"
_MARK: Final = 16


class BadLock(UsageError):
    """The record of promotions is not what was written."""

    exit_code = 3


class FileLedger:
    """The slots of a frontier.toml, and the record of their promotions beside it."""

    def __init__(self, frontier: Path) -> None:
        self.frontier = frontier
        self._real = frontier.resolve()
        """A link stays one; the record lies beside the file that it leads to, one record for one file."""
        self.path = lock_of(frontier)

    @property
    def home(self) -> Path:
        """The folder that runs are named from."""
        return self.frontier.parent

    async def promotions(self) -> list[Promotion]:
        """Return all promotions, oldest first; raises `BadLock` for a line that cannot be read."""
        return read_lock(self.path)

    async def placement(self, slot: str, models: tuple[str, ...] = ()) -> Placement:
        """Return what the slot gives now, with the overlays of these models; finishes what a dead process began."""
        promotions = read_lock(self.path)
        if promotions and self._is_unfinished(promotions[-1], self._text()):
            with self._locked() as file:
                self._finish(_lines(file))
        return placement_in(self._text(), slot, models)

    def check(self, slot: str, after: Placement) -> None:
        """Raise `UsageError` if the file cannot be edited so, or cannot be written by this user."""
        edited(self._text(), slot, after)
        self._check_writable()

    def _check_writable(self) -> None:
        for place in (self._real.parent, self._real, self.path):
            if place.exists() and not os.access(place, os.W_OK):
                raise UsageError(
                    f"{str(place)!r} cannot be written by this user, so that nothing could be promoted. Let those who "
                    "may promote write it, or judge with --dry-run."
                )

    async def write(self, change: Change) -> Promotion:
        """Append the change and make it so; raises `Conflict`, with nothing changed, if the slot is not as it says."""
        self._check_writable()
        with self._locked() as file:
            promotions = _lines(file)
            self._finish(promotions)
            text = self._text()
            found = placement_in(text, change.slot, change.before.overlays)
            change.check(promotions, found)
            made = edited(text, change.slot, change.after, draft=_restored(change, promotions, text))
            promotion = change.behind(promotions[-1] if promotions else None, Edit.of(text, made))
            self._tidy()
            beside = prepare(self._real, made, mark=_mark(promotion))
            _append(file, promotion)
            flush_folder(self.path.parent)
            flip(beside, self._real)
            return promotion

    async def faults(self, *, repair: bool = False) -> list[Fault]:
        """Return where the file is not what the last promotions say. repair: finish what a dead process began."""
        promotions = read_lock(self.path)
        if repair and self.path.exists():
            with self._locked() as file:
                promotions = _lines(file)
                self._finish(promotions)
        return self._differences(promotions)

    def _differences(self, promotions: list[Promotion]) -> list[Fault]:
        faults, text = [], self._text()
        last = {one.slot: one for one in promotions}
        for slot, one in last.items():
            found = placement_in(text, slot, one.after.overlays)
            if found == one.after:
                continue
            begun = one is promotions[-1] and self._is_unfinished(one, text)
            why = ("promoted, and frontier.toml does not follow yet: a process died in between; "
                   "copilot-kit frontier verify --repair finishes it") if begun else (
                   f"{unlike(found, one.after)}: edited by hand")  # fmt: skip
            faults.append(Fault(n=one.n, slot=slot, text=f"slot {slot!r}: {why}"))
        if self.path.exists() and _unfinished(self.path.read_bytes(), promotions):
            faults.append(Fault(n=len(promotions), text="the last line was never finished; it does not count",
                                fails=False))  # fmt: skip
        return faults

    def _finish(self, promotions: list[Promotion]) -> None:
        """Let frontier.toml follow the last promotion, if all that is missing is this step."""
        if not promotions:
            return
        last, text = promotions[-1], self._text()
        if self._is_unfinished(last, text):  # what else was edited since then stays
            draft = None if last.edit is None else last.edit.made_in(text)
            made = edited(text, last.slot, last.after, draft=draft)
            flip(prepare(self._real, made, mark=_mark(last)), self._real)
        self._tidy()

    def _is_unfinished(self, last: Promotion, text: str) -> bool:
        waits = prepared(self._real, _mark(last)).exists()
        return waits and placement_in(text, last.slot, last.before.overlays) == last.before

    def _tidy(self) -> None:
        """Remove what was prepared and never came to count."""
        for left in self._real.parent.glob(escape(prepared(self._real, "").name) + "[0-9a-f]" * _MARK):
            left.unlink()

    def _text(self) -> str:
        read_frontier(self.frontier)  # says what is wrong with it, and where
        return self.frontier.read_bytes().decode()  # its mark and the ends of its lines are as they are

    @contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        try:
            opened = self.path.open("a+b")
        except OSError as error:
            raise UsageError(
                f"The record of promotions {str(self.path)!r} cannot be written: {error.strerror}. Let those who may "
                "promote write it and its folder; nothing was changed."
            ) from error
        with opened as file:
            lock(file.fileno(), FILE_NAME)
            yield file


def _restored(change: Change, promotions: list[Promotion], text: str) -> str | None:
    """Return the text with the edits of the last change undone, where this change takes it back."""
    if change.kind not in ("back", "rollback"):
        return None
    for one in reversed(last_change(promotions, change.slot)):
        text = text if one.edit is None else one.edit.undone.made_in(text)
    return text


def _mark(promotion: Promotion) -> str:
    return promotion.hash[:_MARK]


def lock_of(frontier: Path) -> Path:
    """Return where the record of this frontier.toml lies, or would; beside the file that a link leads to."""
    return frontier.resolve().with_name(FILE_NAME)


def read_lock(path: Path) -> list[Promotion]:
    """Return the promotions in a file, none where there is no file; a last line that is not whole does not count."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        return _lines(file)


def _lines(file: BinaryIO) -> list[Promotion]:
    file.seek(0)
    found: list[Promotion] = []
    for n, line in enumerate(file):
        try:
            one = Promotion.model_validate_json(line)
        except ValidationError as error:
            if not line.endswith(b"\n"):
                break
            raise BadLock(
                f"Line {n + 1} of {FILE_NAME} cannot be read: {error.errors()[0]['msg']}. Take the file from where it "
                "was last right; nothing was changed."
            ) from error
        if not line.endswith(b"\n") and one.sealed().hash != one.hash:
            break
        found.append(one)  # an editor may have taken the end of the last line, and nothing else
    return found


def _unfinished(content: bytes, promotions: list[Promotion]) -> bytes:
    """Return what stands behind the last whole record: the beginning of one, or nothing."""
    tail = content[content.rfind(b"\n") + 1 :]
    return b"" if promotions and promotions[-1].hash.encode() in tail else tail


def _append(file: BinaryIO, promotion: Promotion) -> None:
    """Write the line behind the last whole one, and wait until it lasts; what was half written is kept beside."""
    promotions = _lines(file)
    file.seek(0)
    content = file.read()
    torn = _unfinished(content, promotions)
    if torn:
        with Path(file.name).with_suffix(".torn").open("ab") as beside:
            beside.write(torn + b"\n")
        file.truncate(len(content) - len(torn))
    ended = content[: len(content) - len(torn)]
    file.write((b"" if not ended or ended.endswith(b"\n") else b"\n") + promotion.model_dump_json().encode() + b"\n")
    file.flush()
    os.fsync(file.fileno())
