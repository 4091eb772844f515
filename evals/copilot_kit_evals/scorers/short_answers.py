"""Short answers that stand alone or behind `Answer:`: a name, a number, a code.

Taken is what stands behind the last `Answer:` (`Antwort:`), else the whole of a short text, else its last line. Right
is one that holds the target as whole words and nothing that speaks against it: none of `meta.rivals`, and, where the
target is a number, no other number. So neither a list of all that could be right nor a hedge is right. What it cannot
score: a right answer in other words than the target's; a target that is a list has several.
"""

import re
from dataclasses import dataclass
from typing import Final

from copilot_kit_evals.items import Item
from copilot_kit_evals.scorers.editions import edition
from copilot_kit_evals.scorers.matching import normalised, targets_of
from copilot_kit_evals.scores import Output, Score

_MARK: Final = re.compile(r"\b(?:answer|antwort)\b[*_ ]{0,4}:", re.IGNORECASE)
_NUMBER: Final = re.compile(r"\d+")
_GROUPED: Final = re.compile(r"(?<=\d)[,.\u202f ](?=\d{3}\b)")
_SHORT: Final = 25
"""Words that a text may have to be an answer as a whole."""
_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class ShortAnswer:
    """Right if the answer is the target, or one of them, and nothing else that could be one."""

    name: str = "short_answer"

    @property
    def digest(self) -> str:
        """Of the rules."""
        return edition("short_answer", 1)

    async def __call__(self, item: Item, output: Output) -> Score:
        """Return 1 or 0."""
        said = taken(output.text)
        words = f" {normalised(said, articles=True)} "
        rivals = item.meta.get("rivals")
        for rival in rivals if isinstance(rivals, list) else []:
            if f" {normalised(str(rival), articles=True)} " in words:
                return Score(value=0.0, answer=said[:_SHOWN], reason=f"it names {str(rival)!r}")
        right = any(_holds(words, said, target) for target in targets_of(item))
        return Score(value=float(right), answer=said[:_SHOWN])


def taken(text: str) -> str:
    """Return what of a text is the answer."""
    marks = list(_MARK.finditer(text))
    lines = [one.strip() for one in text[marks[-1].end() if marks else 0 :].splitlines() if one.strip()]
    if not lines:
        return ""
    if marks:
        return lines[0]
    return text.strip() if len(text.split()) <= _SHORT else lines[-1]


def _holds(words: str, said: str, target: str) -> bool:
    if _NUMBER.fullmatch(target):
        return {int(one) for one in _NUMBER.findall(_GROUPED.sub("", said))[:_SHORT]} == {int(target)}
    return f" {normalised(target, articles=True)} " in words
