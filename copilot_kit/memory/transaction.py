"""A change, from looking at the file to the last fsync: killed at any point it has happened wholly or not at all.

The order is: the intent noted in the lock, contents kept, new files staged beside their places (on the disk), the
history's lines (on the disk: from here on it happens), the files put in place, the intent taken back. Whoever takes the
lock next finds an intent that was not taken back and ends it: without its lines nothing happened, with them it does.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from copilot_kit.ids import NewId
from copilot_kit.memory import objects
from copilot_kit.memory.entries import Author, Entry
from copilot_kit.memory.folder import Folder, Found, translated
from copilot_kit.memory.history import History, Index, Line
from copilot_kit.memory.lock import Held
from copilot_kit.memory.paths import Place, place_of
from copilot_kit.memory.problems import AlreadyThere, Changed, MemoryProblem, NotFound, NotUndoable
from copilot_kit.memory.standing import TEMPORARY

OUTSIDE = Author(kind="outside")


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one file that is to happen."""

    entry: Entry
    place: Place
    seen: Found | None = None
    """The file as it was looked at; None: there was none."""
    data: bytes | None = None
    """Its new content; None: it gets none."""
    looked: bool = True
    """Whether it must still be as it was seen."""


class Transaction:
    """What can be done while the lock is held."""

    def __init__(
        self, folder: Folder, history: History, held: Held, *, clock: Callable[[], datetime], new_id: NewId
    ) -> None:
        self.folder = folder
        self.state = held.state
        self._history = history
        self._held = held
        self._clock = clock
        self._new_id = new_id
        self.recovered = self._recover()
        """Whether something was ended here that another one had begun."""

    @property
    def index(self) -> Index:
        """All entries so far."""
        return self._history.index(self.state)

    def entry(self, path: str, *, by: Author, **rest: Any) -> Entry:
        """Return a new entry; it is not yet written down."""
        return Entry(id=self._new_id("change"), at=self._clock(), path=path, by=by, **rest)

    def entries(self, lines: Sequence[Line]) -> list[Entry]:
        """Return whole entries; the lines are in the order of the history."""
        return self._history.entries(self.state, lines)

    def last(self, path: str) -> Line | None:
        """Return the last change of a path."""
        index = self.index
        of_path = index.of_path.get(path)
        return index.lines[of_path[-1]] if of_path else None

    def numbers_of(self, path: str) -> list[int]:
        """Return which entries are about a path, or about what is below it, under earlier names too; in their order."""
        index = self.index
        inside = f"{path}/"
        todo = [(one, len(index.lines)) for one in index.of_path if one == path or one.startswith(inside)]
        found: set[int] = set()
        while todo:
            one, before = todo.pop()
            for number in index.of_path.get(one, ()):
                if number < before and number not in found:
                    found.add(number)
                    if earlier := index.lines[number].moved_from:
                        todo.append((earlier, number))
        return sorted(found)

    def current(self, place: Place) -> Found | None:
        """Return the file as it is now, None if there is none; what was changed past the memory is written down.

        Its content is kept, so that the next change loses nothing.
        """
        found = self._found(place)
        last = self.last(place.path)
        known = last.after if last else None
        digest = found.digest if found else None
        if digest != known:
            with translated(place):
                if found:
                    objects.keep(self.state, found.digest, found.data, lasting=True)
                self._history.append(self.state, [self.entry(place.path, by=OUTSIDE, before=known, after=digest)])
        return found

    def content(self, digest: str) -> bytes:
        """Return a content by its digest; raises `NotUndoable` if it is not kept any more."""
        data = self.found_content(digest)
        if data is None:
            raise NotUndoable("The content of that time is not kept any more: it was erased or lost. Write it anew.")
        return data

    def found_content(self, digest: str) -> bytes | None:
        """Return a content by its digest; None if it is not kept any more."""
        return objects.content(self.state, digest)

    def note(self, entry_id: str, runs: Sequence[Sequence[Any]]) -> None:
        """Write down who brought which lines as of an entry."""
        self._history.note(self.state, entry_id, runs)

    def rewrite(self, changed: Callable[[dict[str, Any]], dict[str, Any]], more: Sequence[dict[str, Any]]) -> None:
        """Write the history anew, each line as `changed` returns it, with these lines after them."""
        self._history.rewrite(self.state, changed, more)

    def commit(self, changes: Sequence["Change"], *, move: tuple[Place, Place] | None = None) -> list[Entry]:
        """Make these changes happen, all of them; raises `Changed` if somebody wrote one of the files since."""
        entries = [change.entry for change in changes]
        with translated(changes[0].place):
            end = self._history.size(self.state)
            try:
                self._held.intend(_intent(entries, move, end))
                for change in changes:
                    self._prepare(change)
                self._check_unchanged(changes)
                self._history.append(self.state, entries)
            except BaseException:
                for change in changes:
                    if change.data is not None:
                        self.folder.unstage(change.place, TEMPORARY + change.entry.id)
                self._held.intend(b"")
                raise
            problems = self._carry_out(entries, move)
            self._held.intend(b"")
        if problems:
            raise problems[0]
        return entries

    def _check_unchanged(self, changes: Sequence["Change"]) -> None:
        for change in changes:
            if change.looked and not self.folder.is_as(change.place, change.seen):
                raise Changed(f"{change.place.shown} was written by somebody else just now. Look at it, try again.")

    def _prepare(self, change: "Change") -> None:
        if change.seen and change.entry.before and change.looked:
            objects.keep(self.state, change.entry.before, change.seen.data, lasting=True)
        if change.data is not None and change.entry.after and change.entry.after != change.entry.before:
            objects.keep(self.state, change.entry.after, change.data, lasting=False)
            self.folder.stage(change.place, change.data, TEMPORARY + change.entry.id)

    def _found(self, place: Place) -> Found | None:
        try:
            return self.folder.read(place)
        except NotFound:
            return None

    def _recover(self) -> bool:
        """End what somebody had begun when they were killed."""
        index = self.index
        torn = self._history.size(self.state) > index.end
        if torn:
            self._history.cut(self.state, index.end)
        raw = self._held.intent()
        if not raw:
            return torn
        try:
            intent = json.loads(raw)
            entries = [Entry.model_validate(one) for one in intent["entries"]]
            end = int(intent["end"])
            move = (place_of(intent["move"][0]), place_of(intent["move"][1])) if intent["move"] else None
            places = [place_of(entry.path) for entry in entries]
        except (ValueError, KeyError, TypeError, RecursionError, MemoryProblem):  # torn: nothing had begun after it
            self._held.intend(b"")
            return True
        if entries and all(entry.id in index.of_id for entry in entries):
            self._carry_out(entries, move)
        else:
            for entry, place in zip(entries, places, strict=True):
                self.folder.unstage(place, TEMPORARY + entry.id)
            if any(entry.id in index.of_id for entry in entries):
                self._history.cut(self.state, end)
        self._held.intend(b"")
        return True

    def _carry_out(self, entries: Sequence[Entry], move: tuple[Place, Place] | None) -> list[MemoryProblem]:
        """Put in place what the history says; can be done again. What cannot come true is taken back in the history.

        Returns why, of each entry that could not.
        """
        moved = self._moved(*move) if move else None
        void: list[Entry] = []
        problems: list[MemoryProblem] = []
        for entry in entries:
            if problem := moved if move else self._settled(entry):
                problems.append(problem)
                last = self.last(entry.path)
                if last is None or last.undoes != entry.id:
                    back = {"before": entry.after, "after": entry.before, "undoes": entry.id}
                    void.append(self.entry(entry.path, by=OUTSIDE, **back))
        if void:
            self._history.append(self.state, void)
        return problems

    def _moved(self, old: Place, new: Place) -> MemoryProblem | None:
        """Move it unless that is done; return why it cannot be done."""
        try:
            if self.folder.kind(old) is None:
                return None
            self.folder.make_way(old, new)
            if self.folder.kind(new) is None:
                self.folder.move(old, new)
                return None
        except MemoryProblem as problem:
            return problem
        return AlreadyThere(f"There is something at {new.shown} since just now. Choose another path.")

    def _settled(self, entry: Entry) -> MemoryProblem | None:
        """Carry out one entry unless that is done, and return why it cannot be done."""
        place, temporary = place_of(entry.path), TEMPORARY + entry.id
        problem: MemoryProblem = Changed(f"{place.shown} was written by somebody else just now. Look at it, try again.")
        try:
            if entry.before == entry.after:
                return None
            found = self._found(place)
            digest = found.digest if found else None
            if entry.after is None:
                if digest == entry.before:
                    self.folder.remove(place)
                return None
            staged = self.folder.staged(place, temporary)
            if staged is None:
                return None
            if digest == entry.before and staged.digest == entry.after:
                self.folder.settle(place, temporary)
                return None
        except MemoryProblem as error:
            problem = error
        self.folder.unstage(place, temporary)
        return problem


def _intent(entries: Sequence[Entry], move: tuple[Place, Place] | None, end: int) -> bytes:
    what = {
        "entries": [entry.model_dump(mode="json", exclude_defaults=True) for entry in entries],
        "move": move and (move[0].path, move[1].path),
        "end": end,
    }
    return json.dumps(what).encode()
