"""Texts of a conversation that nobody vouches for, or that tools vouch for, and which of them held a value first."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from copilot_kit.messages import Source

_WORD = re.compile(r"[\w.@+-]+")
_SLOTS = 8192
_MOST_WORDS = 6


@dataclass(frozen=True, slots=True)
class Found:
    """Where a value stood first."""

    order: int
    source: Source


@dataclass(frozen=True, slots=True)
class _Passage:
    order: int
    source: Source
    text: Callable[[], str]


class Passages:
    """Texts in the order in which they came; a text is read once, and again only where it may hold a value.

    Which texts may hold a word is kept as one bit a text for each of a fixed number of slots that words fall into: a
    kilobyte for a text of ten, and a long conversation is searched by joining a few numbers.
    """

    def __init__(self) -> None:
        self._waiting: list[_Passage] = []
        self._passages: list[_Passage] = []
        self._slots: dict[int, int] = {}

    def add(self, order: int, source: Source, text: Callable[[], str]) -> None:
        """Add a text; it is read when somebody first looks for a value."""
        self._waiting.append(_Passage(order, source, text))

    def first(self, value: str) -> Found | None:
        """Return where the value stood first, in any case and spacing."""
        plain, word = _plain(value), max(_words(value), key=len, default="")
        return self._first(value, lambda text: word in text.casefold() and plain in _plain(text))

    def listed(self, argument: str, value: str) -> Found | None:
        """Return where a field of this argument's name held exactly this value first: `id: 7`, `"id": "7"`."""
        return self._first(value, lambda text: _field(argument, value).search(text) is not None)

    def _first(self, value: str, holds: Callable[[str], bool]) -> Found | None:
        self._read()
        words = sorted(set(_words(value)), key=len)[-_MOST_WORDS:]
        may = (1 << len(self._passages)) - 1 if words else 0
        for word in words:
            may &= self._slots.get(hash(word) % _SLOTS, 0)
        while may:
            lowest = may & -may
            passage = self._passages[lowest.bit_length() - 1]
            if holds(passage.text()):
                return Found(passage.order, passage.source)
            may ^= lowest
        return None

    def _read(self) -> None:
        for passage in self._waiting:
            bit = 1 << len(self._passages)
            for slot in {hash(word) % _SLOTS for word in _words(passage.text())}:
                self._slots[slot] = self._slots.get(slot, 0) | bit
            self._passages.append(passage)
        self._waiting.clear()


def _words(text: str) -> list[str]:
    return [word for raw in _WORD.findall(text.casefold()) if (word := raw.strip(".-+"))]


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


@lru_cache(maxsize=256)
def _field(argument: str, value: str) -> re.Pattern[str]:
    names = "|".join(re.escape(name) for name in {argument, argument.rpartition("_")[2]})
    key = rf"(?:^[ \t]*(?:- )?[\"']?(?:{names})_?[\"']?|[{{,]\s*\"(?:{names})_?\")"
    field = rf"{key}[ \t]*:[ \t]*([\"']?){re.escape(value)}\1[ \t]*(?:[,}}\]\n]|$)"
    return re.compile(field, re.MULTILINE)
