"""Which of several short texts say the same, by the words that they share: no model is asked, and order is none.

Two texts say the same if at least half of all their content words are in both, at least two of them or all, if both or
neither hold a `not`, and if no word of one is the opposite of a word of the other. In a group each says the same as
each other, so that no chain of small differences joins what is far apart.
"""

# ruff: noqa: SIM905  words read best in a row

import re
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

_WORD = re.compile(r"[^\W_]+(?:['.][^\W_]+)*")
_ENDING = re.compile(r"(?:ing|ed|en|es|er|s|n|e)$")
_SHORTEST, _STEM = 3, 6
_ALIKE: Final = 0.5
_ENOUGH: Final = 2
_EMPTY = frozenset(
    "a an the this that these those it its is are was were be been being am i we you he she they them our your my me "
    "us to of for in on at by with from as and or but so do does did has have had will would should could can may "
    "please just there here yes ok der die das den dem des ein eine einen einem einer ist sind war und oder aber zu "
    "zum zur für mit von im auf wir ich sie es bitte le la les un une du et est je il el los las que por para".split()
)
_NOT = frozenset(
    "no not never none don't doesn't won't can't isn't didn't wasn't "
    "cannot without nicht nie kein keine keinen ohne ne pas sans jamais sin nunca nope nein non".split()
)
_OPPOSITES = tuple(
    frozenset(pair.split("/"))
    for pair in "high/low early/late more/less before/after long/short much/little many/few big/small old/new "
    "first/last up/down add/remove open/closed cheap/expensive fast/slow formal/informal".split()
)
_OPPOSED = {word: other for pair in _OPPOSITES for word in pair for other in pair - {word}}


def words_of(text: str) -> list[str]:
    """Return the words of a text in small letters."""
    return [word.casefold() for word in _WORD.findall(text.replace("\u2019", "'"))]


def tells(word: str) -> bool:
    """Tell whether a word in small letters says anything by itself."""
    return len(word) > 1 and word not in _EMPTY and not word.isdigit()


def groups(texts: Sequence[str], *, but: Sequence[Collection[str]] = ()) -> list[list[int]]:
    """Return which texts say the same, as groups of their places; those that say nothing are in none.

    but: for each text, words that differ from case to case, such as the name of the one it is about.
    """
    places: dict[_Gist, list[int]] = {}
    for place, text in enumerate(texts):
        gist = _gist(text, frozenset(but[place]) if but else frozenset())
        if gist.stems:
            places.setdefault(gist, []).append(place)
    gists = sorted(places, key=lambda gist: (sorted(gist.stems), gist.denies))
    found = [[gist] for gist in gists]
    for _, one, other in sorted(_pairs(gists)):
        mine = next(group for group in found if gists[one] in group)
        theirs = next(group for group in found if gists[other] in group)
        if mine is not theirs and all(_shared(a, b) >= _ALIKE for a in mine for b in theirs):
            mine += theirs
            found.remove(theirs)
    return sorted(sorted(place for gist in group for place in places[gist]) for group in found)


class _Gist(NamedTuple):
    stems: frozenset[str]
    denies: bool


def _gist(text: str, but: frozenset[str]) -> _Gist:
    words = words_of(text)
    stems = frozenset(_stem(word) for word in words if word not in but and word not in _NOT and tells(word))
    return _Gist(stems, any(word in _NOT for word in words))


def _pairs(gists: list[_Gist]) -> list[tuple[float, int, int]]:
    """Return places of gists that say the same; sorted, the most alike come first."""
    return [
        (-shared, one, other)
        for one, gist in enumerate(gists)
        for other in range(one + 1, len(gists))
        if (shared := _shared(gist, gists[other])) >= _ALIKE
    ]


def _shared(one: _Gist, other: _Gist) -> float:
    """Return which share of all their words both hold; 0 where they cannot say the same."""
    both, either = one.stems & other.stems, one.stems | other.stems
    if one.denies != other.denies or (len(both) < _ENOUGH and both != either):
        return 0.0
    apart = one.stems ^ other.stems
    if any(_OPPOSED.get(word) in apart for word in apart):
        return 0.0
    return len(both) / len(either)


def _stem(word: str) -> str:
    """Return the beginning of a word, by which its forms are the same word; opposites stay as they are."""
    if word in _OPPOSED:
        return word
    stem = _ENDING.sub("", word)
    return (stem if len(stem) >= _SHORTEST else word)[:_STEM]
