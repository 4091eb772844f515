"""What people change in the arguments of calls, as patterns that can be looked for in other calls.

A pattern says how a call would have to be for it to apply, and how it is once it holds. So the same words count what
people changed, and what they let stand.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from pydantic import JsonValue

from copilot_kit.arguments import compact
from copilot_kit.memory.sayings import tells

Form: TypeAlias = Literal[
    "removed", "at_most", "at_least", "set", "given", "item_removed", "item_added", "replaced",
    "words_replaced", "words_removed", "words_added",
]  # fmt: skip
"""removed: it was emptied; set: whatever it was, it became this; given: it was empty and was given this."""
Place: TypeAlias = tuple[str, ...]

_TOKEN = re.compile(r"\w+(?:['.@-]\w+)*|[^\w\s]")
_LONGEST_PHRASE: Final = 8
_MOST_TOKENS: Final = 600
_MOST_IN_A_ROW: Final = 60
_MOST_PAIRS: Final = 600
_BROADEST_FIRST: Final[tuple[Form, ...]] = (
    "removed", "at_most", "at_least", "set", "given", "item_removed", "item_added", "replaced",
    "words_replaced", "words_removed", "words_added",
)  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """A pattern of changes to one argument. Values are canonical JSON; words are joined by spaces, in small letters."""

    form: Form
    place: Place
    """Names from the arguments down to the value."""
    before: str = ""
    after: str = ""

    @property
    def is_of_words(self) -> bool:
        """It is about words within a text, and not about a whole value."""
        return self.form.startswith("words")

    @property
    def rank(self) -> int:
        """The lower, the more calls it speaks of: where two patterns say the same of the same calls, this one."""
        return _BROADEST_FIRST.index(self.form)

    def value(self, arguments: Mapping[str, JsonValue]) -> JsonValue:
        """Return what stands at its place; None where nothing does."""
        return _value_at(arguments, self.place)

    def applies(self, arguments: Mapping[str, JsonValue]) -> bool:
        """Tell whether the call is one that it would have changed."""
        value = self.value(arguments)
        match self.form:
            case "removed":
                return not _is_empty(value)
            case "given":
                return _is_empty(value)
            case "set":
                return compact(value) != self.after
            case "replaced":
                return compact(value) == self.before
            case "at_most":
                return _is_number(value) and _float(value) > float(self.after)
            case "at_least":
                return _is_number(value) and _float(value) < float(self.after)
            case "item_removed":
                return isinstance(value, list) and self.before in map(compact, value)
            case "item_added":
                return isinstance(value, list) and self.after not in map(compact, value)
            case "words_added":
                return isinstance(value, str) and not _holds(value, self.after)
            case "words_removed" | "words_replaced":
                return isinstance(value, str) and _holds(value, self.before)

    def made(self, before: Mapping[str, JsonValue], after: Mapping[str, JsonValue]) -> bool:
        """Tell whether this is what was done to the call."""
        if not self.applies(before) or self.applies(after):
            return False
        value = self.value(after)
        match self.form:
            case "replaced" | "given":
                return compact(value) == self.after
            case "words_replaced":
                return isinstance(value, str) and _holds(value, self.after)
            case "words_removed" | "words_added":
                return isinstance(value, str) and isinstance(self.value(before), str)
            case _:
                return True


def changes(before: Mapping[str, JsonValue], after: Mapping[str, JsonValue]) -> set[Change]:
    """Return all patterns that this edit may be a case of."""
    found: set[Change] = set()
    for place in {*_leaves(before), *_leaves(after)}:
        old, new = _value_at(before, place), _value_at(after, place)
        if compact(old) != compact(new):
            found |= _changed(place, old, new)
    return found


def within(one: Change, other: Change) -> bool:
    """Tell whether one says nothing of its own beside the other, where both are of the same calls."""
    if one.place != other.place:
        return False
    if not other.is_of_words or not one.is_of_words:
        return not other.is_of_words
    pairs = ((one.before, other.before), (one.after, other.after))
    return any(a and b and _overlap(a.split(" "), b.split(" ")) for a, b in pairs)


def spelt(text: str, phrase: str) -> str:
    """Return a phrase as this text writes it, with its capitals and spaces."""
    tokens = list(_TOKEN.finditer(text))
    sought = phrase.split(" ")
    for first in range(len(tokens) - len(sought) + 1):
        run = tokens[first : first + len(sought)]
        if [token[0].casefold() for token in run] == sought:
            return text[run[0].start() : run[-1].end()]
    return phrase


def _changed(place: Place, old: JsonValue, new: JsonValue) -> set[Change]:
    before, after = compact(old), compact(new)
    if _is_empty(new):
        return {Change("removed", place), Change("replaced", place, before, after)} | _items(place, old, new)
    if _is_empty(old):
        return {Change("given", place, "", after), Change("set", place, "", after)} | _items(place, old, new)
    if isinstance(old, list) and isinstance(new, list):
        return _items(place, old, new)
    found = {Change("set", place, "", after), Change("replaced", place, before, after)}
    if _is_number(old) and _is_number(new):
        found.add(Change("at_most" if _float(old) > _float(new) else "at_least", place, "", after))
    if isinstance(old, str) and isinstance(new, str):
        found |= _words(place, old, new)
    return found


def _items(place: Place, old: JsonValue, new: JsonValue) -> set[Change]:
    before = set(map(compact, old)) if isinstance(old, list) else set()
    after = set(map(compact, new)) if isinstance(new, list) else set()
    gone = {Change("item_removed", place, item) for item in before - after}
    return gone | {Change("item_added", place, "", item) for item in after - before}


def _words(place: Place, old: str, new: str) -> set[Change]:
    """Return phrases that went, came, or took each other's place: all parts of each run of changed words."""
    found: set[Change] = set()
    for gone, come in _runs(_tokens(old), _tokens(new)):
        if max(len(gone), len(come)) > _MOST_IN_A_ROW:  # a passage was written anew: nothing of it will recur
            continue
        removed = {phrase for phrase in _phrases(gone) if not _holds(new, phrase)}
        added = {phrase for phrase in _phrases(come) if not _holds(old, phrase)}
        found |= {Change("words_removed", place, phrase) for phrase in removed}
        found |= {Change("words_added", place, "", phrase) for phrase in added}
        if len(removed) * len(added) <= _MOST_PAIRS:
            found |= {Change("words_replaced", place, one, other) for one in removed for other in added}
    return found


def _runs(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """Yield the runs of words that differ; of texts that differ nearly everywhere, nothing."""
    first, last = 0, 0
    shorter = min(len(old), len(new))
    while first < shorter and old[first] == new[first]:
        first += 1
    while last < shorter - first and old[-1 - last] == new[-1 - last]:
        last += 1
    old, new = old[first : len(old) - last], new[first : len(new) - last]
    if max(len(old), len(new)) > _MOST_TOKENS:
        return
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            yield old[a:b], new[c:d]


def _phrases(tokens: Sequence[str]) -> Iterator[str]:
    """Yield runs of words that say something, and that begin and end with a word; of long runs only the whole."""
    for first, token in enumerate(tokens):
        if token[0].isalnum():
            ends = range(first + 1, min(len(tokens), first + _LONGEST_PHRASE) + 1)
            for end in {*ends, len(tokens)} if first == 0 else ends:
                run = tokens[first:end]
                if run[-1][-1].isalnum() and any(map(tells, run)):
                    yield " ".join(run)


def _overlap(one: list[str], other: list[str]) -> bool:
    """Tell whether a phrase is in the other, or half of the shorter one ends one and begins the other."""
    short, long = sorted((one, other), key=len)
    if _in(" ".join(short), " ".join(long)):
        return True
    half = (len(short) + 1) // 2
    both = ((one, other), (other, one))
    return any(a[-size:] == b[:size] for a, b in both for size in range(half, len(short)))


@lru_cache(maxsize=4096)
def _tokens(text: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(text.casefold()))


def _holds(text: str, phrase: str) -> bool:
    return _in(phrase, _joined(text))


@lru_cache(maxsize=4096)
def _joined(text: str) -> str:
    return " ".join(_tokens(text))


def _in(phrase: str, text: str) -> bool:
    return f" {phrase} " in f" {text} "


def _leaves(value: Mapping[str, JsonValue], place: Place = ()) -> Iterator[Place]:
    """Yield where values stand that are no objects; a list is one value."""
    for name, member in value.items():
        if isinstance(member, dict) and member:
            yield from _leaves(member, (*place, name))
        else:
            yield (*place, name)


def _value_at(arguments: Mapping[str, JsonValue], place: Place) -> JsonValue:
    """Return the value; None where there is none, as for an argument that was left out."""
    value: JsonValue = dict(arguments)
    for name in place:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _is_empty(value: JsonValue) -> bool:
    return value is None or value in ([], {}) or (isinstance(value, str) and not value.strip())


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _float(value: JsonValue) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
