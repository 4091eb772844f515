"""Turning plain words into the questions that an index is asked, the sharpest first, none of them expensive.

Ranking costs about a microsecond for each passage that matches, so it is the rare words that decide: common ones only
add to the score of passages that a rare one has found. Where all words are common, the latest passages are ranked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from copilot_kit.memory.index import COMMON_FROM
from copilot_kit.memory.words import Term, terms_of, wider

MOST_RANKED: Final = 4_000
"""Passages that are ranked for the words that decide."""
MOST_ADDED: Final = 20_000
"""A word in more passages than this adds nothing."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question to an index."""

    match: str
    newest: int | None = None
    """Rank only so many passages, the last that were indexed."""


def questions(query: str, common: Mapping[str, int]) -> list[Question]:
    """Return what to ask, one after the other until enough was found; nothing for a query without a word."""
    terms = terms_of(query)
    if not terms:
        return []
    rare, rest = _split(terms, common)
    more = wider(query)
    wide = [Question(_any(more), MOST_RANKED)] if more else []
    if not rare:
        return [
            Question(f"{{name headings}} : ({_any(terms)})", MOST_RANKED),
            Question(" AND ".join(map(str, terms)), MOST_RANKED),
            Question(_any(terms), MOST_RANKED),
            *wide,
        ]
    adding = [term for term in rest if _passages(term, common) <= MOST_ADDED]
    match = f"({_any(rare)}) OR (({_any(rare)}) AND ({_any(adding)}))" if adding else _any(rare)
    return [Question(match), *([Question(_any(rest), MOST_RANKED)] if rest else []), *wide]


def _split(terms: Sequence[Term], common: Mapping[str, int]) -> tuple[list[Term], list[Term]]:
    """Return the terms that decide, as many as can be afforded, and the others."""
    rare, rest, left = list[Term](), list[Term](), MOST_RANKED
    for term in sorted(terms, key=lambda term: _passages(term, common)):
        left -= _passages(term, common)
        (rare if left >= 0 else rest).append(term)
    return rare, rest


def _passages(term: Term, common: Mapping[str, int]) -> int:
    """Return in how many passages a term is at most, as far as that is known."""
    counts = [common.get(word, COMMON_FROM // 10) for word in term.words]
    if term.begins:
        begin = term.words[-1]
        counts[-1] = COMMON_FROM + sum(count for word, count in common.items() if word.startswith(begin))
    return min(counts)


def _any(terms: Sequence[Term]) -> str:
    return " OR ".join(map(str, terms))
