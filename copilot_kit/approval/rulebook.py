"""The stream of standing rules: granted, revoked, used; its fold is kept per store and read on from where it ended."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias
from weakref import WeakKeyDictionary

from copilot_kit.errors import Conflict
from copilot_kit.journal.store import Draft, Entry, Store
from copilot_kit.records import Body, Principal, RuleGranted, RuleRevoked, RuleUsed, StandingRule

STREAM: Final = "@rules"
End: TypeAlias = Literal["revoked", "expired", "used-up"]
_NOBODY: Final = Principal(id="unknown")


@dataclass(frozen=True, slots=True)
class Granted:
    """A rule as it stands."""

    rule: StandingRule
    used: int
    revoked: Principal | None
    """Who ended it before its time."""
    ended: End | None
    """Why it is no longer in force; None: it is."""

    @property
    def left(self) -> int:
        """How often it may still be used."""
        return 0 if self.ended is not None else self.rule.uses - self.used


@dataclass(frozen=True, slots=True)
class Found:
    """A rule that fits, as of some record."""

    rule: StandingRule
    seq: int
    is_used: bool = False
    """This very call has used it already."""


@dataclass(slots=True)
class _Kept:
    rule: StandingRule
    used: int = 0
    revoked: Principal | None = None

    def ended(self, now: datetime) -> End | None:
        if self.revoked is not None:
            return "revoked"
        if self.rule.expires_at <= now:
            return "expired"
        return "used-up" if self.used >= self.rule.uses else None


class Rulebook:
    """The rules of one store. Methods that change nothing in the store may be called from any thread.

    A record whose body was erased counts against every rule that it may have been about: what is not known must not
    allow anything.
    """

    def __init__(self) -> None:
        self._seq = -1
        self._latest: datetime | None = None
        self._kept: dict[str, _Kept] = {}
        self._of_tool: dict[str, list[_Kept]] = {}
        self._used_by: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    @property
    def turn(self) -> asyncio.Lock:
        """Held by one task of a loop at a time, so that those of one process do not get into each other's way."""
        return self._turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())

    async def catch_up(self, store: Store) -> int:
        """Take in what was appended since, and return the number of the last record."""
        return self.take(await store.read(STREAM, after=self._seq))

    def take(self, entries: Sequence[Entry]) -> int:
        """Take in records that follow; those that are known already are passed over."""
        with self._lock:
            for entry in entries:
                if entry.head.seq == self._seq + 1:
                    self._seq = entry.head.seq
                    self._latest = max(entry.head.at, self._latest or entry.head.at)
                    self._apply(entry)
            return self._seq

    async def append(self, store: Store, body: Body, *, after: int) -> bool:
        """Append the record if nobody appended since `after`; tells whether it was."""
        try:
            self.take(await store.append(STREAM, [Draft(body)], after=after))
        except Conflict:
            return False
        return True

    def kept(self, rule_id: str, *, now: datetime) -> Granted | None:
        """Return a rule by its id."""
        with self._lock:
            kept = self._kept.get(rule_id)
            return None if kept is None else self._granted(kept, now)

    def all(self, *, now: datetime) -> list[Granted]:
        """Return all rules, as they were granted."""
        with self._lock:
            return [self._granted(kept, now) for kept in self._kept.values()]

    def first(
        self, tool: str, call: tuple[str, str], *, fits: Callable[[StandingRule], bool], now: datetime
    ) -> "Found | None":
        """Return the first rule in force that fits, the one that this call (run, call id) has used before any other."""
        with self._lock:
            moment, mine, seq = self._moment(now), self._used_by.get(call), self._seq
            ended = [(kept.rule, kept.ended(moment)) for kept in self._of_tool.get(tool, ())]
        own = [Found(rule, seq, is_used=True) for rule, end in ended if rule.id == mine and end in (None, "used-up")]
        others = [Found(rule, seq) for rule, end in ended if rule.id != mine and end is None]
        return next((found for found in own + others if fits(found.rule)), None)

    def _granted(self, kept: _Kept, now: datetime) -> Granted:
        return Granted(kept.rule, kept.used, kept.revoked, kept.ended(self._moment(now)))

    def _moment(self, now: datetime) -> datetime:
        """Return the time; a clock that was set back revives nothing."""
        return max(now, self._latest or now)

    def _apply(self, entry: Entry) -> None:
        match entry.body:
            case RuleGranted(rule=rule) if rule.id not in self._kept:
                kept = self._kept[rule.id] = _Kept(rule)
                self._of_tool.setdefault(rule.tool, []).append(kept)
            case RuleRevoked(rule_id=rule_id, by=by) if rule_id in self._kept:
                self._kept[rule_id].revoked = by
            case RuleUsed(rule_id=rule_id, run_id=run_id, call_id=call_id) if rule_id in self._kept:
                self._kept[rule_id].used += 1
                self._used_by[run_id, call_id] = rule_id
            case None:
                for kept in self._kept.values():
                    kept.used += entry.head.kind == "rule_used"
                    kept.revoked = kept.revoked or (_NOBODY if entry.head.kind == "rule_revoked" else None)
            case _:
                pass


_books: WeakKeyDictionary[Store, Rulebook] = WeakKeyDictionary()


def rulebook(store: Store) -> Rulebook:
    """Return the rules of this store as this process knows them; catch up before relying on them."""
    try:
        return _books.setdefault(store, Rulebook())
    except TypeError:  # a store that cannot be referred to weakly is read from its beginning
        return Rulebook()


async def use_first(
    store: Store, tool: str, *, fits: Callable[[StandingRule], bool], run_id: str, call_id: str, now: datetime
) -> StandingRule | None:
    """Use the first rule in force that fits, and return it; a call that has used one uses nothing more.

    Of several that want the last use, one gets it: each use is appended after exactly the records that were looked at.
    """
    book, call = rulebook(store), (run_id, call_id)
    await book.catch_up(store)
    if book.first(tool, call, fits=fits, now=now) is None:
        return None
    async with book.turn:
        while (found := book.first(tool, call, fits=fits, now=now)) is not None:
            body = RuleUsed(rule_id=found.rule.id, run_id=run_id, call_id=call_id)
            if found.is_used or await book.append(store, body, after=found.seq):
                return found.rule
            await book.catch_up(store)
    return None
