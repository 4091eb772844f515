"""Who brought which lines of a file: each version compared with the one before it, renames and undoing followed.

Nobody gains trust for lines that others wrote: what cannot be found out counts as not known, and a line that a person
moves or copies stays with whoever wrote it.
"""

import difflib
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Final

from copilot_kit.memory.entries import Block, Entry
from copilot_kit.memory.history import Index
from copilot_kit.memory.transaction import Transaction

_CONTEXT_LINES: Final = 3
_MOST_PAIRS: Final = 50_000
"""Equal pairs of lines in what two versions do not share at their ends; with more, order is not looked at."""
_MOST_KEPT: Final = 16
_OFTEN: Final = 200
"""After so many versions it is written down who brought which lines: the next process begins there."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who stands for a line."""

    entry: str | None
    """Id of the change that brought it; None: not known."""
    confirmed: str | None = None
    """Id of the change by which a person confirmed it."""


@dataclass(frozen=True, slots=True)
class Version:
    """A file after a change."""

    lines: tuple[str, ...] = ()
    owners: tuple[Owner, ...] = ()
    digest: str | None = None
    """SHA-256 of its bytes; None: there is no file."""
    known: bool = True
    """Whether its content could be had."""


NOBODY: Final = Owner(None)
_UNKNOWN: Final = Version(known=False)


@dataclass(slots=True)
class Blame:
    """Keeps what was found out, by the change that a version came from."""

    _kept: OrderedDict[str, Version] = field(default_factory=OrderedDict)
    _trusted: dict[str, bool] = field(default_factory=dict)

    def blocks(self, transaction: Transaction, path: str) -> tuple[Block, ...]:
        """Return who brought which lines of the file at a path, as the history has it."""
        owners = self.version(transaction, path).owners
        ids = {one for owner in owners for one in (owner.entry, owner.confirmed) if one}
        index = transaction.index
        numbers = sorted(index.of_id[one] for one in ids if one in index.of_id)
        entries = {entry.id: entry for entry in transaction.entries([index.lines[number] for number in numbers])}
        blocks: list[Block] = []
        first = 1
        for number, owner in enumerate(owners, start=1):
            if number == len(owners) or owners[number] != owner:
                blocks.append(_block(owner, first, number, entries))
                first = number + 1
        return tuple(blocks)

    def version(self, transaction: Transaction, path: str) -> Version:
        """Return the file at a path after its last change."""
        index = transaction.index
        chain = _chain(index, path)
        begin, version = self._begin(transaction, chain)
        if begin < len(chain):
            state = {index.lines[chain[begin - 1]].path: version} if begin else {}
            entries = transaction.entries([index.lines[number] for number in chain[begin:]])
            *_, (_, version) = self.versions(transaction, entries, state)
            self._kept[entries[-1].id] = version
            if len(entries) > _OFTEN and entries[-1].after is not None and version.known:
                transaction.note(entries[-1].id, runs_of(version))
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return version

    def versions(
        self, transaction: Transaction, entries: Sequence[Entry], state: dict[str, Version]
    ) -> Iterator[tuple[Entry, Version]]:
        """Yield each change with the version that it made; `state` has the versions of paths before, and after."""
        undone = {entry.undoes for entry in entries if entry.undoes}
        before: dict[str, Version] = {}
        left: dict[str, Version] = {}
        for entry in entries:
            self._trusted[entry.id] = entry.trusted
            old = state.get(entry.path, Version())
            if entry.moved_from is not None:
                old = left.pop(entry.moved_from, _UNKNOWN)
            if entry.id in undone:
                before[entry.id] = old
            if entry.after is None:
                left[entry.path] = old
            state[entry.path] = self._after(transaction, old, entry, before)
            yield entry, state[entry.path]

    def forget(self) -> None:
        """Forget what was found out, as after contents were erased."""
        self._kept.clear()

    def _begin(self, transaction: Transaction, chain: Sequence[int]) -> tuple[int, Version]:
        """Return how many changes are looked at already, and the version after them."""
        index = transaction.index
        earliest = len(chain)  # what undoes a change needs the version before that change
        for place in range(len(chain) - 1, -1, -1):
            line = index.lines[chain[place]]
            if place < earliest and line.after is not None:
                kept = self._kept.get(line.id) or self._written_down(transaction, line.id, line.after)
                if kept:
                    return place + 1, kept
            undone = index.of_id.get(line.undoes or "")
            if undone in chain:
                earliest = min(earliest, chain.index(undone))
        return 0, Version()

    def _written_down(self, transaction: Transaction, entry_id: str, digest: str | None) -> Version | None:
        """Return a version whose lines' owners are in the history itself, as where something before it was erased."""
        runs = transaction.index.blames.get(entry_id)
        data = transaction.found_content(digest) if runs is not None and digest else None
        if runs is None or data is None:
            return None
        lines = lines_of(data.decode("utf-8", "replace"))
        if sum(count for count, _, _ in runs) != len(lines):
            return None
        owners = tuple(Owner(one, confirmed) for count, one, confirmed in runs for _ in range(count))
        return Version(lines, owners, digest)

    def _after(self, transaction: Transaction, old: Version, entry: Entry, before: Mapping[str, Version]) -> Version:
        """Return the version that a change made of another."""
        if known := self._written_down(transaction, entry.id, entry.after):
            return known
        undone = before.get(entry.undoes or "")
        if undone and undone.digest == entry.after:
            return undone
        if entry.confirms:
            return replace(old, owners=tuple(Owner(o.entry, o.confirmed or entry.id) for o in old.owners))
        if entry.after is None:
            return Version()
        if entry.after == old.digest:
            return old
        data = transaction.found_content(entry.after)
        if data is None:
            return Version(digest=entry.after, known=False)
        lines = lines_of(data.decode("utf-8", "replace"))
        if not old.known or entry.before != old.digest:
            return Version(lines, (NOBODY,) * len(lines), entry.after)
        return Version(lines, tuple(self._owners(transaction, old, lines, entry)), entry.after)

    def _owners(self, transaction: Transaction, old: Version, lines: Sequence[str], entry: Entry) -> list[Owner]:
        mine = Owner(entry.id)
        owners: list[Owner | None] = [None] * len(lines)
        for first, start, size in _shared(old.lines, lines):
            owners[start : start + size] = old.owners[first : first + size]
        if not entry.trusted or None not in owners:
            return [owner or mine for owner in owners]
        theirs = {  # an editor ends or indents a line anew: whoever wrote its words still stands for it
            words: owner
            for line, owner in zip(old.lines, old.owners, strict=True)
            if (words := _words(line)) and not self._is_trusted(transaction, owner)
        }
        return [owner or theirs.get(_words(line), mine) for line, owner in zip(lines, owners, strict=True)]

    def _is_trusted(self, transaction: Transaction, owner: Owner) -> bool:
        if owner.confirmed:
            return True
        if owner.entry is not None and owner.entry not in self._trusted:
            index = transaction.index
            number = index.of_id.get(owner.entry)
            found = transaction.entries([index.lines[number]]) if number is not None else []
            self._trusted[owner.entry] = bool(found) and found[0].trusted
        return owner.entry is not None and self._trusted[owner.entry]


def runs_of(version: Version) -> list[list[Any]]:
    """Return who brought which lines as it is written down: how many, by which change, confirmed by which."""
    return [[len(list(group)), owner.entry, owner.confirmed] for owner, group in groupby(version.owners)]


def lines_of(text: str) -> tuple[str, ...]:
    """Return the lines with their ends; no sign but a line feed ends one."""
    *whole, last = text.split("\n")
    return (*(f"{line}\n" for line in whole), *((last,) if last else ()))


def _words(line: str) -> str:
    return " ".join(line.split())


def unified(old: bytes, new: bytes, *, old_name: str | None, new_name: str | None) -> str:
    """Return what changed from one content to the other; a name is None where there is no file."""
    before, after = (lines_of(data.decode("utf-8", "replace")) for data in (old, new))
    if before == after:
        return ""
    heading = [f"--- {old_name or '/dev/null'}\n", f"+++ {new_name or '/dev/null'}\n"]
    if _pairs(before, after) > _MOST_PAIRS:
        first, start, last = _ends(before, after)
        body = [f"@@ -{first + 1},{len(before) - last - first} +{start + 1},{len(after) - last - start} @@\n"]
        body += [f"-{line}" for line in before[first : len(before) - last]]
        body += [f"+{line}" for line in after[start : len(after) - last]]
    else:
        body = list(difflib.unified_diff(before, after, n=_CONTEXT_LINES))[2:]
    whole = [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in body]
    return "".join(heading + whole)


def _block(owner: Owner, first: int, last: int, entries: Mapping[str, Entry]) -> Block:
    confirmed = entries.get(owner.confirmed) if owner.confirmed else None
    return Block(first=first, last=last, entry=entries.get(owner.entry or ""), confirmed=confirmed)


def _chain(index: Index, path: str) -> list[int]:
    """Return which entries led to the file at a path, through its renames, in their order."""
    chain: list[int] = []
    before = len(index.lines)
    looked: str | None = path
    while looked is not None:
        numbers = [number for number in index.of_path.get(looked, ()) if number < before]
        looked = None
        for number in reversed(numbers):
            chain.append(number)
            looked = index.lines[number].moved_from
            if looked is not None:
                before = number
                break
    return chain[::-1]


def _shared(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int, int]]:
    """Return which lines two versions share: where in the old one, where in the new one, how many."""
    first, start, last = _ends(old, new)
    shared = [(0, 0, first), (len(old) - last, len(new) - last, last)]
    before, after = old[first : len(old) - last], new[start : len(new) - last]
    if not before or not after:
        return shared
    if _pairs(before, after) <= _MOST_PAIRS:
        blocks = difflib.SequenceMatcher(None, before, after).get_matching_blocks()
        return shared + [(first + block.a, start + block.b, block.size) for block in blocks]
    places: dict[str, deque[int]] = {}
    for number, line in enumerate(before, start=first):
        places.setdefault(line, deque()).append(number)
    for number, line in enumerate(after, start=start):
        if there := places.get(line):
            shared.append((there.popleft(), number, 1))
    return shared


def _ends(old: Sequence[str], new: Sequence[str]) -> tuple[int, int, int]:
    """Return how many lines are the same at the beginning (twice, for both), and at the end."""
    most = min(len(old), len(new))
    first = next((n for n in range(most) if old[n] != new[n]), most)
    last = next((n for n in range(most - first) if old[-1 - n] != new[-1 - n]), most - first)
    return first, first, last


def _pairs(old: Sequence[str], new: Sequence[str]) -> int:
    counts = Counter(old)
    return sum(counts[line] for line in new)
