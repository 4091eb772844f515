"""Memory in a folder of plain files: read, written, undone, with a history that says who brought which line.

    memory = Memory("notes")
    memory.write("plans/tuesday.md", "Call Ada.", by=Author(kind="person", id="ann"))

All of it is synchronous, and safe among threads and processes. Whoever can write to the folder itself can forge its
history: models get to it through this class only.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from copilot_kit.errors import UsageError
from copilot_kit.ids import NewId, new_id
from copilot_kit.memory.blocks import Blame, lines_of, unified
from copilot_kit.memory.doctor import Finding, findings
from copilot_kit.memory.entries import Author, Block, Entry, Hit
from copilot_kit.memory.erasing import erased
from copilot_kit.memory.folder import STATE, Folder, Found, translated
from copilot_kit.memory.history import History
from copilot_kit.memory.lock import Lock
from copilot_kit.memory.paths import PREFIX, Place, place_of
from copilot_kit.memory.problems import (
    AlreadyThere,
    BadName,
    Changed,
    MemoryProblem,
    NotAFile,
    NotFound,
    NotText,
    TooBig,
)
from copilot_kit.memory.room import Room
from copilot_kit.memory.transaction import Change, Transaction
from copilot_kit.memory.undoing import undoing
from copilot_kit.messages import Source

if TYPE_CHECKING:
    from copilot_kit.memory.search import Search

ANY: Final = object()
"""For `expect`: whatever the file is now."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A file or folder of a memory."""

    path: str
    size: int
    """Bytes; of a folder: of all files in it."""
    is_folder: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A file as it is at one moment."""

    path: str
    text: str
    digest: str
    """SHA-256 of its bytes."""
    blocks: tuple[Block, ...]
    """Who brought which lines."""


class Memory:
    """A folder that models and people keep notes in."""

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        pinned: Sequence[str] = ("pinned",),
        max_file_bytes: int = 1_000_000,
        max_files: int = 20_000,
        max_bytes: int = 200_000_000,
        patience_s: float = 30.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_id: NewId = new_id,
    ) -> None:
        """Open the folder, made if there is none.

        pinned: files and folders whose content is always before the model.
        patience_s: how long a change waits for others to end theirs.
        """
        self._folder = Folder(Path(root), max_file_bytes=max_file_bytes)
        self._lock = Lock(self._folder, patience_s=patience_s)
        self._history = History()
        self._blame = Blame()
        self._clock = clock
        self._new_id = new_id
        self.pinned: Final = tuple(place_of(path).path for path in pinned)
        if "" in self.pinned:
            raise UsageError(f"pinned={list(pinned)!r} holds the memory itself. Name files and folders in it.")
        self.max_file_bytes: Final = max_file_bytes
        self._room = Room(max_files=max_files, max_bytes=max_bytes)

    @property
    def root(self) -> Path:
        """The folder itself."""
        return self._folder.root

    def read(self, path: str) -> str:
        """Return a file's text; line ends are as they are in the file."""
        place = place_of(path)
        return _text(place, self._folder.read(place).data)

    def listing(self, path: str = "", depth: int = 2) -> list[Listed]:
        """Return what stands below a folder, so many levels deep, by path; hidden names are left out."""
        place = place_of(path)
        if self._folder.kind(place) == "file":
            raise NotAFile(f"The path {place.shown} is a file, not a folder. Read it instead.")
        sizes: dict[str, int] = {}
        listed: list[Listed] = []
        for one in self._folder.walk(place):
            if one.fault:
                continue
            level = one.path.count("/") - (place.path.count("/") + 1 if place.parts else 0)
            if level < depth:
                listed.append(Listed(one.path, one.size, one.is_folder))
            if not one.is_folder:
                above = one.path
                while above := above.rpartition("/")[0]:
                    sizes[above] = sizes.get(above, 0) + one.size
        return [Listed(one.path, sizes.get(one.path, 0), True) if one.is_folder else one for one in listed]

    def write(
        self,
        path: str,
        text: str,
        *,
        by: Author,
        expect: Any = ANY,
        sources: Sequence[Source] = (),
        create_only: bool = False,
    ) -> Entry:
        """Write a whole file, new or not, and return the entry of its history.

        expect: the SHA-256 that it must have now, None if it must not be there; else raises `Changed`.
        create_only: raises `AlreadyThere` if there is anything at the path.
        """
        place = place_of(path)
        data = self._data(place, text)
        with self._transaction() as transaction:
            if create_only and self._folder.kind(place):
                raise AlreadyThere(f"There is something at {place.shown} already. Change it, or choose another path.")
            found = transaction.current(place)
            _check_expected(place, expect, found)
            return self._written(transaction, place, found, data, by=by, sources=sources)

    def change(self, path: str, function: Callable[[str], str], *, by: Author, sources: Sequence[Source] = ()) -> Entry:
        """Write what the function makes of a file's text; nobody else can write in between."""
        place = place_of(path)
        with self._transaction() as transaction:
            found = transaction.current(place)
            if found is None:
                raise NotFound(f"There is no file {place.shown}. Look at the listing, or create it.")
            data = self._data(place, function(_text(place, found.data)))
            return self._written(transaction, place, found, data, by=by, sources=sources)

    def delete(self, path: str, *, by: Author) -> list[Entry]:
        """Delete a file, or a folder with all files in it; return an entry for each file. What is no note stays."""
        place = place_of(path)
        _check_not_root(place)
        with self._transaction() as transaction:
            changes = [
                Change(transaction.entry(one.path, by=by, before=found.digest), one, seen=found)
                for one, found in self._files(transaction, place)
            ]
            if changes:
                transaction.commit(changes)
            self._folder.remove_empty(place)
            return [change.entry for change in changes]

    def rename(self, old: str, new: str, *, by: Author) -> list[Entry]:
        """Give a file or folder another path; return two entries for each file, of its old and of its new path."""
        source, target = place_of(old), place_of(new.rstrip("/"))
        _check_not_root(source)
        _check_not_root(target)
        if target.parts[: len(source.parts)] == source.parts:
            raise BadName(f"{target.shown} is {source.shown} itself, or in it. Choose another path.")
        with self._transaction() as transaction:
            files = self._files(transaction, source)
            if self._folder.kind(target):
                raise AlreadyThere(f"There is something at {target.shown} already. Delete it, or choose another path.")
            return self._moved(transaction, files, (source, target), by=by)

    def search(self, query: str, *, limit: int = 10, within: str = "") -> list[Hit]:
        """Return the passages that answer some plain words best, with their lines; within: a folder or file."""
        return self._search.search(query, limit=limit, within=place_of(within).path)

    @cached_property
    def _search(self) -> "Search":
        from copilot_kit.memory.search import Search  # SQLite is imported by those who search

        return Search(self.root, self.root / STATE / "search.db", max_file_bytes=self.max_file_bytes)

    def history(
        self, path: str | None = None, *, call_id: str | None = None, run_id: str | None = None, last: int | None = None
    ) -> list[Entry]:
        """Return changes in their order: of a file or of all in a folder, of a call, of a run, the last few.

        A file that was renamed is followed to its earlier paths.
        """
        place = None if path is None else place_of(path)
        with self._transaction() as transaction:
            index = transaction.index
            numbers: Sequence[int] = range(len(index.lines))
            if place is not None and place.parts:
                with suppress(MemoryProblem):  # something else may stand there by now: the history is as it was
                    if self._folder.kind(place) != "folder":
                        transaction.current(place)
                numbers = transaction.numbers_of(place.path)
            lines = [
                line
                for line in map(index.lines.__getitem__, numbers)
                if call_id in (None, line.call_id) and run_id in (None, line.run_id)
            ]
            return transaction.entries(lines if last is None else lines[max(0, len(lines) - last) :])

    def latest(self) -> dict[str, Entry]:
        """Return the last change of each path that the history knows, of deleted files too."""
        with self._transaction() as transaction:
            index = transaction.index
            numbers = sorted(of_path[-1] for of_path in index.of_path.values())
            return {entry.path: entry for entry in transaction.entries([index.lines[number] for number in numbers])}

    def diff(self, entry: Entry) -> str:
        """Return what a change changed, in unified form; empty if it left the content as it was.

        Raises `NotUndoable` if a content of that time is not kept any more.
        """
        with self._transaction() as transaction:
            old, new = (transaction.content(digest) if digest else b"" for digest in (entry.before, entry.after))
        return unified(old, new, old_name=entry.path if entry.before else None,
                       new_name=entry.path if entry.after else None)  # fmt: skip

    def page(self, path: str) -> Page:
        """Return a file's text with who brought which lines, all of one moment."""
        place = place_of(path)
        with self._transaction() as transaction:
            found = self._existing(transaction, place)
            text = _text(place, found.data)
            blocks = self._blame.blocks(transaction, place.path)
        if text and not blocks:  # the content of that time is lost: nobody stands for what is there
            blocks = (Block(first=1, last=len(lines_of(text)), entry=None),)
        return Page(place.path, text, found.digest, blocks)

    def blocks(self, path: str) -> list[Block]:
        """Return who brought which lines of a file, as it is now."""
        return list(self.page(path).blocks)

    def confirm(self, path: str, *, by: Author, expect: Any = ANY) -> Entry:
        """Write down that a person relies on all lines of a file as it is now.

        expect: the SHA-256 of what the person saw; raises `Changed` if it is another by now.
        """
        if by.kind != "person":
            raise UsageError(f"A memory is confirmed by a person, not by {by.kind!r}. Pass by=Author(kind='person').")
        place = place_of(path)
        with self._transaction() as transaction:
            found = self._existing(transaction, place)
            _check_expected(place, expect, found)
            entry = transaction.entry(place.path, by=by, before=found.digest, after=found.digest, confirms=True)
            return transaction.commit([Change(entry, place, seen=found)])[0]

    def undo(self, entry_id: str, *, by: Author) -> Entry:
        """Take one change back, and return the entry that does so.

        Raises `NotUndoable` if the file is not as that change left it; the text says what came after.
        """
        with self._transaction() as transaction:
            plan = undoing(transaction, entry_id, by=by)
            if plan.data is not None:
                found = plan.changes[0].seen
                self._room.check(transaction, plan.changes[0].place, len(plan.data), found)
            transaction.commit(plan.changes, move=plan.move)
            return plan.changes[-1].entry

    def doctor(self, *, repair: bool = False) -> list[Finding]:
        """Return what is wrong with the folder, and mend it where that loses nothing if `repair` says so."""
        with self._transaction() as transaction:
            return findings(transaction, repair=repair)

    def erase(self, run_ids: Sequence[str]) -> int:
        """Erase what these runs brought, from files and history, and return how many changes of theirs there were.

        Files keep the lines that others wrote; a file of which nothing is left is deleted. It can be called again.
        """
        with self._transaction() as transaction:
            return erased(transaction, self._blame, run_ids)

    def _existing(self, transaction: Transaction, place: Place) -> Found:
        self._folder.read(place)  # says what is wrong with the path, before anything is written down
        found = transaction.current(place)
        if found is None:
            raise NotFound(f"There is no file {place.shown}. Look at the listing for what there is.")
        return found

    def _files(self, transaction: Transaction, place: Place) -> list[tuple[Place, Found]]:
        """Return a file, or all files below a folder, as they are now."""
        kind = self._folder.kind(place)
        if kind is None:
            raise NotFound(f"There is nothing at {place.shown}. Look at the listing for what there is.")
        if kind == "file":
            places = [place]
        else:
            below = self._folder.walk(place)
            places = [place_of(one.path) for one in below if not one.is_folder and not one.fault]
        return [(one, found) for one in places if (found := transaction.current(one))]

    def _written(
        self,
        transaction: Transaction,
        place: Place,
        found: Found | None,
        data: bytes,
        *,
        by: Author,
        sources: Sequence[Source],
    ) -> Entry:
        if found:
            _text(place, found.data)
        self._room.check(transaction, place, len(data), found)
        before, after = found.digest if found else None, hashlib.sha256(data).hexdigest()
        entry = transaction.entry(place.path, by=by, before=before, after=after, sources=tuple(sources))
        transaction.commit([Change(entry, place, seen=found, data=data)])
        return entry

    def _moved(
        self, transaction: Transaction, files: list[tuple[Place, Found]], move: tuple[Place, Place], *, by: Author
    ) -> list[Entry]:
        self._folder.make_way(*move)
        changes = []
        for one, found in files:
            new = place_of(_path_after(one, *move))
            leaving = transaction.entry(one.path, by=by, before=found.digest)
            coming = transaction.entry(new.path, by=by, after=found.digest, moved_from=one.path)
            changes += [Change(leaving, one, seen=found), Change(coming, new, looked=False)]
        if not changes:  # an empty folder: nothing that the history would know of
            self._folder.move(*move)
            return []
        return transaction.commit(changes, move=move)

    def _data(self, place: Place, text: str) -> bytes:
        try:
            data = text.encode()
        except UnicodeEncodeError as error:
            raise NotText(
                f"The text for {place.shown} has half of a character, at {error.start}. Leave it out."
            ) from error
        if b"\0" in data:
            raise NotText(f"The text for {place.shown} has a zero byte. Leave it out: files are plain text.")
        if len(data) > self.max_file_bytes:
            raise TooBig(
                f"The text for {place.shown} has {len(data):,} bytes; a file has at most {self.max_file_bytes:,}. "
                "Split it into several files."
            )
        return data

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        with self._lock.held() as held:
            with translated(Place(f"/{PREFIX}", ())):
                transaction = Transaction(self._folder, self._history, held, clock=self._clock, new_id=self._new_id)
            yield transaction


def _text(place: Place, data: bytes) -> str:
    """Return a file's bytes as text; raises `NotText`."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise NotText(f"The file {place.shown} is no UTF-8 text, so it is left alone. A person can look.") from error
    if "\0" in text:
        raise NotText(f"The file {place.shown} is no text: it has a zero byte. It is left alone; a person can look.")
    return text


def _check_expected(place: Place, expect: Any, found: Found | None) -> None:
    if expect is not ANY and expect != (found.digest if found else None):
        raise Changed(f"{place.shown} is not as it was when you looked at it. Look at it again, then do so.")


def _check_not_root(place: Place) -> None:
    if not place.parts:
        raise BadName(f"The path {place.shown} is the memory itself. Name a file or folder in it.")


def _path_after(one: Place, old: Place, new: Place) -> str:
    return "/".join((*new.parts, *one.parts[len(old.parts) :]))
