"""Word problems with a number as the answer: GSM8K (Cobbe et al. 2021, arXiv:2110.14168) and MGSM (Shi et al. 2022).

The answer is taken, first of these: behind `####`; in a LaTeX box; behind words that announce it, in English, German or
Chinese, and GSM8K's `A:`; else the last number of the text. Of several marks the last counts, of several numbers behind
it the first. Equality is exact, so 18.0 is 18 and 17.99 is not.
What it cannot score: numbers in words, and whether the way to the number was right.
"""

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal, TypeAlias

from copilot_kit.errors import UsageError
from copilot_kit_evals.items import Item
from copilot_kit_evals.scorers.editions import edition
from copilot_kit_evals.scorers.matching import targets_of
from copilot_kit_evals.scorers.numerals import Language, numbers_of
from copilot_kit_evals.scores import Output, Score

Form: TypeAlias = Literal["hash", "box", "words", "last"]

_MARKS: Final[dict[Form, re.Pattern[str]]] = {
    "hash": re.compile(r"####\s*([^\n]*)"),
    "box": re.compile(r"\\boxed\s*\{((?:[^{}]|\{[^{}]*\})*)\}"),
    "words": re.compile(
        r"^[ \t]*+\**A[ \t]*:[ \t]*([^\n]*)"
        r"|(?i:\banswers?\b(?:\s+is|\s*[:=])+|\bantwort\b(?:\s+(?:ist|lautet)|\s*:)+|\bdie lösung (?:ist|lautet)\b"
        r"|答案\s*(?:是|为|為|[:：])+)\W*([^\n]*)",  # noqa: RUF001  the wide colon is meant
        re.MULTILINE,
    ),
}
_LATEX: Final = re.compile(r"\\[dt]?frac\s*\{(-?\d+)\}\s*\{(\d+)\}")


@dataclass(frozen=True, slots=True)
class Found:
    """A number that an answer gives, and how it was marked."""

    number: Fraction
    form: Form


@dataclass(frozen=True, slots=True)
class WordProblem:
    """Right if the number that the answer gives is the target; an answer without a number is wrong, and marked so.

    marked_only: a number that nothing announces counts as none, as for the published figures of GSM8K.
    """

    language: Language = "en"
    """Says how points and commas are read."""
    marked_only: bool = False
    name: str = "word_problem"

    @property
    def digest(self) -> str:
        """Of the rules and their setting."""
        return edition("word_problem", 1, language=self.language, marked_only=self.marked_only)

    async def __call__(self, item: Item, output: Output) -> Score:
        """Return 1 or 0, with the number and the form it was found in."""
        wanted = {number for target in targets_of(item) for number in list(numbers_of(target))[-1:]}
        if not wanted:
            raise UsageError(f"The target of item {item.id!r} is {item.target!r}, which holds no number. Write one.")
        found = extract(output.text, language=self.language)
        if found is None or (self.marked_only and found.form == "last"):
            return Score(value=0.0, reason="the answer gives no number", meta={"unparsed": True})
        return Score(value=float(found.number in wanted), answer=written(found.number), meta={"form": found.form})


def extract(text: str, *, language: Language = "en") -> Found | None:
    """Return the number that a text gives as its answer; None where there is none."""
    text = _LATEX.sub(r"\1/\2", text).replace("\\$", "$").replace("{,}", ",")
    for form, pattern in _MARKS.items():
        for mark in reversed(list(pattern.finditer(text))):
            behind = next((one for one in mark.groups() if one), "")
            for number in numbers_of(behind, language=language):
                return Found(number, form)
    numbers = list(numbers_of(text, language=language))
    return Found(numbers[-1], "last") if numbers else None


def written(number: Fraction) -> str:
    """Return the number as people write it: with decimals where they end, else as a fraction."""
    rest, digits = number.denominator, 0
    while rest > 1 and (rest % 2 == 0 or rest % 5 == 0):
        rest = rest // math.gcd(rest, 10)
        digits += 1
    if rest > 1 or digits == 0:
        return str(number)
    scaled = str(abs(number.numerator) * 10**digits // number.denominator).rjust(digits + 1, "0")
    return f"{'-' * (number < 0)}{scaled[:-digits]}.{scaled[-digits:]}"
