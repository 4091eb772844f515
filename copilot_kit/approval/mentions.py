"""What a trusted text names: receivers and things, numbers, moments, and what it asks to be done.

A value is named only as a whole word or a whole run of words: `bob@x.com` is not named by `bob@x.com.evil.com`. Doubt
counts against it. Where this module misses what a person meant, somebody is asked; where it finds too much, nobody is.
"""

# ruff: noqa: RUF001, SIM905  signs that look alike are the subject; words read best in a row

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Literal, TypeAlias

from copilot_kit.approval.moments import Moments
from copilot_kit.approval.quotations import own_words
from copilot_kit.approval.words import Word, denied, quotations, words_of
from copilot_kit.display import visible

Standing: TypeAlias = Literal["named", "refused", "absent"]
"""named: the text holds the value in a way that counts; refused: it says not to."""

SHORTEST = 5
"""Fewer characters name no receiver and no thing: too many texts hold them by accident."""

_POSSESSIVE = ("'s", "’s")
_HAS_SHAPE = re.compile(r"[0-9@._/:\\#+-]")
_ONLY_DIGITS = re.compile(r"[\d\s.,:;/()_-]*")
_PHONE = re.compile(r"\+\d[\d ()-]{6,}\d")
_NUMBER = re.compile(
    r"[-+]?[$€£¥]?[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[$€£¥]|(?:usd|eur|gbp|chf|k)(?!\w))?", re.IGNORECASE
)
_MONTHS = frozenset(
    "january february march april may june july august september october november december jan feb mar apr jun jul aug "
    "sep sept oct nov dec".split()
)
_LABELS = _MONTHS | frozenset(
    "id no nr number invoice order ticket room flight page zip account version task step file issue".split()
)
"""A bare number behind one of these says which one, and not how much."""
_LONG_INTEGER = 5
_SUFFIXES = ("ing", "ed", "es", "s", "e")
_SHORTEST_STEM = 3
_TELLING = 4
_NEAR = 4
_DETERMINERS = frozenset({"a", "an", "the", "my", "our", "your", "his", "her", "their", "this", "that", "each", "any"})


def is_clean(value: str) -> bool:
    """Tell whether a value is what it looks like; one with hidden signs or look-alikes never names anything."""
    return visible(value) == value and value == value.strip()


def is_distinctive(value: str) -> bool:
    """Tell whether a value could name a receiver or a thing: no bare number or date, nothing short, nothing hidden."""
    if len(value) < SHORTEST or not is_clean(value):
        return False
    return _ONLY_DIGITS.fullmatch(value) is None or _PHONE.fullmatch(value) is not None


class Mentions:
    """What one trusted text names. Quoted mail and other pasted text in it does not count."""

    def __init__(self, text: str) -> None:
        self._text = own_words(text)

    def target(self, value: str, *, argument: str) -> Standing:
        """Return whether the text names this receiver or thing.

        argument: what it is an argument of; a plain word counts only beside that name, in quotes or as a name.
        """
        if not is_distinctive(value):
            return "absent"
        found = [at for form in _forms(value) for at in self._found(form, exact=True)]
        if any(first in self._denied for first, _ in found):
            return "refused"
        return "named" if any(self._counts(first, last, argument) for first, last in found) else "absent"

    def means(self, value: str, *, argument: str, verb: str, verbs: frozenset[str]) -> bool | None:
        """Tell whether the text names this receiver or thing for what the verb says; None: it does not name it.

        verbs: all that could be done. The one before a name in its sentence is the one that it is named for.
        """
        found = (at for form in _forms(value) for at in self._found(form, exact=True) if self._counts(*at, argument))
        meant = [self._is_for(_stem(verb), frozenset(map(_stem, verbs)), first) for first, _ in found]
        return any(meant) if meant else None

    def content(self, value: str) -> bool:
        """Tell whether the text holds these very words, whatever their case and spacing, and all of a quotation."""
        found = self._found(value, exact=False)
        return any(first not in self._denied and self._is_whole(first, last) for first, last in found)

    def number(self, value: float) -> bool:
        """Tell whether the text says this number as an amount; 4 stands for 4.0."""
        return value in self._numbers

    def flag(self, argument: str) -> bool:
        """Tell whether the text speaks of what this argument says yes or no to."""
        return any(self.speaks_of(word) for word in name_words(argument) if len(word) >= _TELLING)

    def moment(self, value: str) -> bool:
        """Tell whether the text says this date, time or both, in whatever form."""
        return self._moments.holds(value)

    def later(self, value: str, moments: list[str]) -> bool:
        """Tell whether a moment is one of these and as much later as the text says that something lasts."""
        return self._moments.later(value, moments)

    def speaks_of(self, word: str) -> bool:
        """Tell whether the text uses the word, in any of its forms, and not after a `not`."""
        return _stem(word.casefold()) in self._stems

    @cached_property
    def _tokens(self) -> list[Word]:
        return list(words_of(self._text))

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        places: dict[str, list[int]] = {}
        for index, token in enumerate(self._tokens):
            for core in {token.core.casefold(), _unowned(token.core).casefold()}:
                places.setdefault(core, []).append(index)
        return places

    @cached_property
    def _stems(self) -> frozenset[str]:
        quoted = {index for begin, end in self._quotations for index in range(begin, end + 1)}
        said = [token.core for index, token in enumerate(self._tokens) if index not in self._denied | quoted]
        return frozenset(_stem(word.casefold()) for core in said for word in re.split(r"[^\w]+", core) if word)

    @cached_property
    def _moments(self) -> Moments:
        sentences: dict[int, list[str]] = {}
        for token in self._tokens:
            sentences.setdefault(token.sentence, []).append(token.core)
        return Moments([" ".join(words) for words in sentences.values()])

    @cached_property
    def _numbers(self) -> frozenset[float]:
        found = set()
        quoted = {index for begin, end in self._quotations if end > begin for index in range(begin, end + 1)}
        for index, token in enumerate(self._tokens):
            before = self._tokens[index - 1] if index else None
            after = self._tokens[index + 1] if index + 1 < len(self._tokens) else None
            labelled = before is not None and not before.tail and before.core.casefold() in _LABELS
            dated = after is not None and not token.tail and after.core.casefold() in _MONTHS
            unfit = labelled or dated or index in self._denied or index in quoted
            if not unfit and (number := _amount(token.core)) is not None:
                found.add(number)
        return frozenset(found)

    @cached_property
    def _quotations(self) -> list[tuple[int, int]]:
        return list(quotations(self._tokens))

    @cached_property
    def _around(self) -> dict[int, tuple[int, int]]:
        """For each quoted word the quotation that it stands in."""
        return {index: (begin, end) for begin, end in self._quotations for index in range(begin, end + 1)}

    @cached_property
    def _denied(self) -> frozenset[int]:
        return denied(self._tokens, self._quotations)

    def _found(self, value: str, *, exact: bool) -> Iterator[tuple[int, int]]:
        """Yield the first and last word of each place that holds the value and nothing but the value."""
        wanted = list(words_of(value))
        if not wanted or not wanted[0].core:
            return
        core = _spaced(value[wanted[0].start : wanted[-1].end], exact=exact)
        for first in self._places.get(wanted[0].core.casefold(), ()):
            last = first + len(wanted) - 1
            if last >= len(self._tokens):
                continue
            start, end = self._tokens[first].start, self._tokens[last].end
            there = _spaced(self._text[start:end], exact=exact)
            if there != core and _unowned(there) != there:
                there = _unowned(there)
                end -= len(_POSSESSIVE[0])
            if not _same(there, core, exact=exact):
                continue
            lead, tail = wanted[0].lead, wanted[-1].tail
            if exact and not (self._text.startswith(lead, start - len(lead)) and self._text.startswith(tail, end)):
                continue
            yield first, last

    def _is_for(self, verb: str, verbs: frozenset[str], place: int) -> bool:
        sentence = self._tokens[place].sentence
        begin = end = place
        while begin and self._tokens[begin - 1].sentence == sentence:
            begin -= 1
            if self._stem_at(begin) in verbs | {verb}:
                return self._stem_at(begin) == verb
        while end + 1 < len(self._tokens) and self._tokens[end + 1].sentence == sentence:
            end += 1
            if self._stem_at(end) == verb:
                return place - begin < _NEAR
        return True

    def _stem_at(self, index: int) -> str | None:
        """Return the stem of a word that says what to do: it is not quoted, and no noun."""
        word = self._tokens[index].core.casefold()
        noun = word in _DETERMINERS or (index > 0 and self._tokens[index - 1].core.casefold() in _DETERMINERS)
        if noun or index in self._around:
            return None
        return _stem(word)

    def _is_whole(self, first: int, last: int) -> bool:
        """Tell whether the words at this place are no part of something longer that is quoted."""
        around = {self._around[index] for index in range(first, last + 1) if index in self._around}
        return all(begin >= first and end <= last for begin, end in around)

    def _counts(self, first: int, last: int, argument: str) -> bool:
        """Tell whether the words at this place name something."""
        if not self._is_whole(first, last):
            return False
        if self._around.get(first) == (first, last):
            return True
        token = self._tokens[first]
        if _HAS_SHAPE.search(token.core):
            return True
        if last > first or token.core[:1].isupper():
            return not self._is_cut(first, last)
        beside = self._tokens[max(0, first - 1) : last + 2]
        return any(_stem(one.core.casefold()) == _stem(word) for one in beside for word in name_words(argument))

    def _is_cut(self, first: int, last: int) -> bool:
        """Tell whether a name goes on beside these words: `Lantern` is not what `Lantern Inn` names."""
        tokens = self._tokens
        before, after = tokens[first - 1] if first else None, tokens[last + 1] if last + 1 < len(tokens) else None
        starts = first < 2 or tokens[first - 2].sentence != tokens[first].sentence  # noqa: PLR2004  the word before it
        goes_before = before is not None and not starts and not before.tail and before.core[:1].isupper()
        goes_on = after is not None and not tokens[last].tail and not after.lead and after.core[:1].isupper()
        return goes_before or goes_on


def _spaced(text: str, *, exact: bool) -> str:
    return text if exact else " ".join(text.split())


def name_words(name: str) -> list[str]:
    """Return the words that a name of a tool or argument is made of: `send_mail`, `sendMail`."""
    return [word.casefold() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+", name)]


def verb_of(tool: str) -> str:
    """Return the word that a tool's name begins with, which says what it does."""
    return next(iter(name_words(tool)), "")


def as_number(value: str) -> float | None:
    """Return the number that a string is, if it is one."""
    return float(value) if re.fullmatch(r"[-+]?\d{1,15}(\.\d{1,10})?", value) else None


def _forms(value: str) -> Iterator[str]:
    """Yield a value in the forms that mean the same receiver: with a sign before a name, or a scheme before a host."""
    yield value
    if re.fullmatch(r"[\w-]+", value):
        yield f"#{value}"
        yield f"@{value}"
    elif re.fullmatch(r"[#@][\w-]+", value):
        yield value[1:]
    for scheme in ("https://", "http://"):
        if value.startswith(scheme):
            yield value.removeprefix(scheme)
            yield value.removeprefix(scheme).removesuffix("/")


def _same(there: str, core: str, *, exact: bool) -> bool:
    if there == core:
        return True
    # Mail and host names do not care for case; paths, ids and what stands behind a slash do.
    caseless = not exact or ("/" not in core and "\\" not in core and "@" in core and core.isascii())
    return caseless and there.casefold() == core.casefold()


def _unowned(word: str) -> str:
    return next((word.removesuffix(end) for end in _POSSESSIVE if word.endswith(end)), word)


def _amount(word: str) -> float | None:
    if _NUMBER.fullmatch(word) is None:
        return None
    digits = re.sub(r"[^\d.+-]", "", word)
    plain = re.fullmatch(r"\d+", word) is not None
    if plain and (len(word) >= _LONG_INTEGER or (word.startswith("0") and word != "0")):
        return None  # reads like the number of something: a zip code, an account
    try:
        return float(digits) * (1000 if word[-1] in "kK" else 1)
    except ValueError:
        return None


def _stem(word: str) -> str:
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            return word.removesuffix(suffix)
    return word
