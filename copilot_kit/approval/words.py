"""A text as words: without the quotes and stops around them, with what is quoted and what is said no to."""

# ruff: noqa: RUF001, SIM905  signs that look alike are the subject; words read best in a row

import re
from collections.abc import Iterator
from dataclasses import dataclass

_OPENING = "'\"`“”‘’«»„‚([{<"
_CLOSING = "'\"`“”‘’«»)]}>.,;:!?…"
_QUOTES = {"'": "'", '"': '"', "`": "`", "“": "”", "‘": "’", "«": "»", "»": "«", "„": "“", "‚": "‘"}
_LONGEST_QUOTATION = 400
_WORD = re.compile(r"[^\s—]+")
_ENDS = re.compile(r"[.!?;…]")
_ABBREVIATED = frozenset({"dr", "mr", "mrs", "ms", "prof", "st", "no", "nr", "inc", "ltd", "co", "vs", "e.g", "i.e"})
_NOT = frozenset(
    "not never don't don’t dont doesn't doesn’t won't won’t mustn't mustn’t shouldn't shouldn’t cannot can't can’t "
    "without except avoid neither nor no stop instead rather unlike ignore nicht nie niemals kein keine keinen ohne "
    "statt ne pas jamais sans nunca jamás sin senza niet geen".split()
)
_NOT_A_NOT = frozenset({"forget", "hesitate", "only", "worry"})
_BLANK_LINE = 2


@dataclass(frozen=True, slots=True)
class Word:
    """A word, without the quotes and stops around it."""

    core: str
    start: int
    end: int
    lead: str
    tail: str
    sentence: int
    lines: int
    """Line breaks before it."""


def words_of(text: str) -> Iterator[Word]:
    """Yield the words of a text; a link in Markdown is what it says and where it leads."""
    text = text.replace("](", "]\n")
    sentence, last_end, previous = 0, 0, ""
    for match in _WORD.finditer(text):
        raw = match[0]
        core = raw.lstrip(_OPENING)
        lead, core = raw[: len(raw) - len(core)], core.rstrip(_CLOSING)
        tail = raw[len(lead) + len(core) :]
        lines = text.count("\n", last_end, match.start())
        if lines or (_ENDS.search(previous) and not (previous == "." and core[:1].islower())):
            sentence += 1
        start = match.start() + len(lead)
        yield Word(core, start, start + len(core), lead, tail, sentence, lines)
        last_end, previous = match.end(), "" if tail == "." and core.casefold() in _ABBREVIATED else tail


def quotations(tokens: list[Word]) -> Iterator[tuple[int, int]]:
    """Yield the first and last word of what stands in quotes; a quote that is never closed is none."""
    index = 0
    while index < len(tokens):
        opening = next((char for char in tokens[index].lead if char in _QUOTES), None)
        end = None if opening is None else _closed(tokens, index, _QUOTES[opening])
        if end is None:
            index += 1
            continue
        yield index, end
        index = end + 1


def _closed(tokens: list[Word], begin: int, closing: str) -> int | None:
    for index in range(begin, min(len(tokens), begin + _LONGEST_QUOTATION)):
        if closing in tokens[index].tail:
            return index
    return None


def denied(words: list[Word], quoted: list[tuple[int, int]]) -> frozenset[int]:
    """Return which words stand behind a `not` in their sentence, or in the list that it introduces.

    A `not` in a quotation is about what is quoted with it.
    """
    around = {index: (begin, end) for begin, end in quoted for index in range(begin, end + 1)}
    found: set[int] = set()
    nots: set[tuple[int, int]] = set()
    listed = False
    for index, word in enumerate(words):
        if index and word.sentence != words[index - 1].sentence:
            listed = 0 < word.lines < _BLANK_LINE and (listed or (bool(nots) and words[index - 1].tail.endswith(":")))
            nots = nots if listed else set()
        plain = word.core.casefold()
        if plain in _NOT_A_NOT:
            nots = set()
        if any(begin <= index <= end for begin, end in nots):
            found.add(index)
        if plain in _NOT:
            nots.add(around.get(index, (0, len(words))))
    return frozenset(found)
