"""Answers held against words: the same, the same but for how they are written, or of a pattern."""

import json
import re
import string
import unicodedata
from dataclasses import dataclass
from typing import Any, Final

from copilot_kit.errors import UsageError
from copilot_kit_evals.items import Item
from copilot_kit_evals.scores import RIGHT, WRONG, Output, Score, digest_of

_ARTICLES: Final = re.compile(r"\b(a|an|the)\b")
_MARKS: Final = str.maketrans("", "", string.punctuation + "\u201c\u201d\u2018\u2019\u201e«»¿¡…")
_LONGEST: Final = 200


def targets_of(item: Item) -> list[str]:
    """Return the right answers in words: a target that is a list has several. Raises `UsageError` without any."""
    values: list[Any] = item.target if isinstance(item.target, list) else [item.target]
    found = [one if isinstance(one, str) else json.dumps(one) for one in values if one is not None]
    if not found:
        raise UsageError(f"Item {item.id!r} has no target to hold an answer against. Give it one, or another scorer.")
    return found


def normalised(text: str, *, articles: bool = False) -> str:
    """Return the text in small letters, without marks, accents kept, and with single spaces.

    articles: whether a, an and the stay. As SQuAD's scoring does; full-width letters become usual ones.
    """
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_MARKS)
    if not articles:
        plain = _ARTICLES.sub(" ", plain)
    return " ".join(plain.split())


@dataclass(frozen=True, slots=True)
class Exact:
    """Right if the answer is the target, but for space around it."""

    name: str = "exact"

    @property
    def digest(self) -> str:
        """Over what it does."""
        return digest_of("exact 1")

    async def __call__(self, item: Item, output: Output) -> Score:
        """Return 1 or 0."""
        answer = output.text.strip()
        return RIGHT if any(answer == target.strip() for target in targets_of(item)) else WRONG


@dataclass(frozen=True, slots=True)
class Normalised:
    """Right if the answer is the target but for capitals, marks, articles and spaces.

    within: also right if it holds the target as whole words.
    """

    within: bool = False
    name: str = "normalised"

    @property
    def digest(self) -> str:
        """Over what it does."""
        return digest_of(f"normalised 1 {self.within}")

    async def __call__(self, item: Item, output: Output) -> Score:
        """Return 1 or 0."""
        answer = normalised(output.text)
        for target in map(normalised, targets_of(item)):
            if answer == target or (self.within and target and f" {target} " in f" {answer} "):
                return RIGHT
        return WRONG


@dataclass(frozen=True, slots=True)
class Pattern:
    """Right if a regular expression is found in the answer; without one the item's target is it.

    A group named `answer` is what was taken for the answer, and then must be the item's target.
    """

    pattern: str | None = None
    ignore_case: bool = False
    name: str = "regex"

    @property
    def digest(self) -> str:
        """Over what it does."""
        return digest_of(f"regex 1 {self.pattern} {self.ignore_case}")

    async def __call__(self, item: Item, output: Output) -> Score:
        """Return 1 or 0."""
        flags = re.IGNORECASE if self.ignore_case else 0
        if self.pattern is None:
            return RIGHT if any(re.search(one, output.text, flags) for one in targets_of(item)) else WRONG
        found = list(re.finditer(self.pattern, output.text, flags))
        if not found:
            return Score(value=0.0, reason="the pattern is not in the answer", meta={"unparsed": True})
        if "answer" not in found[-1].groupdict():
            return RIGHT
        answer = (found[-1]["answer"] or "").strip()
        right = any(answer == target.strip() for target in targets_of(item))
        return Score(value=float(right), answer=answer[:_LONGEST])
