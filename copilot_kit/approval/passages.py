"""Texts of a conversation that nobody vouches for, or that tools vouch for, and which of them held a value first."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from copilot_kit.messages import Source

_WORD = re.compile(r"[\w.@+-]+")
_FEWEST_BITS, _MOST_BITS = 256, 8192


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
    sieve: bytes
    """A bit for each word's hash: a word whose bit is not set is not in the text."""


class Passages:
    """Texts in the order in which they came; a text is read once, and again only where its sieve lets a value pass.

    The sieve of a text of 10 kB is 1 kB: a long conversation is searched in microseconds a text, and not copied.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[int, Source, Callable[[], str]]] = []
        self._passages: list[_Passage] = []

    def add(self, order: int, source: Source, text: Callable[[], str]) -> None:
        """Add a text; it is read when somebody first looks for a value."""
        self._waiting.append((order, source, text))

    def first(self, value: str) -> Found | None:
        """Return where the value stood first, in any case and spacing."""
        plain = _plain(value)
        return self._first(value, lambda text: plain in _plain(text)) if plain else None

    def listed(self, argument: str, value: str) -> Found | None:
        """Return where a field of this argument's name held exactly this value first: `id: 7`, `"id": "7"`."""
        pattern = _field(argument, value)
        return self._first(value, lambda text: pattern.search(text) is not None)

    def _first(self, value: str, holds: Callable[[str], bool]) -> Found | None:
        self._passages += [_Passage(order, source, text, _sieve(text())) for order, source, text in self._waiting]
        self._waiting.clear()
        word = max(_words(value), key=len, default="")
        if not word:
            return None
        number = hash(word)
        for passage in self._passages:
            bit = number & (len(passage.sieve) * 8 - 1)
            if passage.sieve[bit >> 3] & (1 << (bit & 7)) and holds(passage.text()):
                return Found(passage.order, passage.source)
        return None


def _sieve(text: str) -> bytes:
    bits = _FEWEST_BITS
    while bits < min(len(text), _MOST_BITS):
        bits *= 2
    sieve = bytearray(bits // 8)
    for number in map(hash, set(_words(text))):
        bit = number & (bits - 1)
        sieve[bit >> 3] |= 1 << (bit & 7)
    return bytes(sieve)


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
