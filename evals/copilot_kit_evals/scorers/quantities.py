"""Answers that are numbers, however they are written."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from copilot_kit.errors import UsageError
from copilot_kit_evals.items import Item
from copilot_kit_evals.scorers.matching import targets_of
from copilot_kit_evals.scores import Output, Score, digest_of

_NUMBER: Final = re.compile(r"[-+\u2212]?(?:\d{1,3}(?:[,\u202f\u00a0']\d{3})+|\d+)?(?:\.\d+)?(?:[eE][-+]?\d{1,4})?")
_MARKED: Final = re.compile(r"####\s*(.+)|\\boxed\{([^{}]*)\}|(?i:answer\s*(?:is|:|=)+)[\s*]*(.+)")
_LONGEST: Final = 200
_SPACES: Final = re.compile(r"[,\u202f\u00a0']")


def numbers_in(text: str) -> list[Decimal]:
    """Return the numbers of a text in order; groups of thousands may be set apart, and 50% is 50."""
    found = []
    for match in _NUMBER.finditer(text):
        written = _SPACES.sub("", match[0]).replace("\u2212", "-")
        if any(one.isdigit() for one in written):
            try:
                found.append(Decimal(written))
            except InvalidOperation:
                continue
    return found


@dataclass(frozen=True, slots=True)
class Quantity:
    """Right if the number that the answer ends in is the target's.

    It is looked for after a mark (`####`, a LaTeX box, `answer is`), the last one counting, and else is the last number
    of the text. tolerance: of the target, relative; 0 means equal, where 18 and 18.0 are.
    """

    tolerance: float = 0.0
    name: str = "number"

    @property
    def digest(self) -> str:
        """Over what it does."""
        return digest_of(f"number 1 {self.tolerance}")

    async def __call__(self, item: Item, output: Output) -> Score:
        """Return 1 or 0."""
        wanted = [number for target in targets_of(item) for number in numbers_in(target)[-1:]]
        if not wanted:
            raise UsageError(f"The target of item {item.id!r} is {item.target!r}, which is no number. Write one.")
        answer = said_number(output.text)
        if answer is None:
            return Score(value=0.0, reason="there is no number in the answer", meta={"unparsed": True})
        allowed = Decimal(str(self.tolerance))
        right = any(abs(answer - target) <= allowed * abs(target) for target in wanted)
        return Score(value=float(right), answer=str(answer)[:_LONGEST])


def said_number(text: str) -> Decimal | None:
    """Return the number that a text ends in; None where there is none."""
    marked = _MARKED.findall(text)
    if marked:
        after = numbers_in(next(one for one in marked[-1] if one) if any(marked[-1]) else "")
        if after:
            return after[0]
    numbers = numbers_in(text)
    return numbers[-1] if numbers else None
