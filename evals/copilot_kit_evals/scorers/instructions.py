"""Whether an answer follows the instructions of its item, strictly and loosely, as IFEval scores it.

Zhou et al. 2023 (arXiv:2311.07911), section 2.2: strict looks at the answer as it is; loose at it and at what is left
without its first line, its last line, both, each also without stars, since models wrap what was asked for in a
greeting or in bold. Prompt level: all instructions are followed; instruction level: which share of them.
What it cannot score: whether the answer is any good otherwise, and what language a few words are in (no value then).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from copilot_kit_evals.items import BadDataset, Item
from copilot_kit_evals.scorers.editions import edition
from copilot_kit_evals.scorers.instruction_checks import follows
from copilot_kit_evals.scores import Output, Score


@dataclass(frozen=True, slots=True)
class Instructions:
    """Scores 1 where every instruction of `meta.instructions` is followed, 0 where one is not.

    `parts` has the other three figures of the paper, `strict` and `loose` (prompt level) and `instructions_strict` and
    `instructions_loose` (shares of this item), and each instruction by its id and place. `level` says how the value
    itself is found. A set's accuracy at instruction level is `instruction_level` of its scores, not the mean of shares.
    """

    level: Literal["strict", "loose"] = "strict"
    name: str = "instructions"

    @property
    def digest(self) -> str:
        """Of the rules and the level."""
        return edition("instructions", 1, level=self.level)

    async def __call__(self, item: Item, output: Output) -> Score:
        """Return the score of the answer's words."""
        given = instructions_of(item)
        strict = [follows(one, output.text) for one in given]
        loose = [_any(follows(one, form) for form in forms(output.text)) for one in given]
        parts: dict[str, float | None] = {
            "strict": _all(strict),
            "loose": _all(loose),
            "instructions_strict": _share(strict),
            "instructions_loose": _share(loose),
        }
        counted = strict if self.level == "strict" else loose
        for place, (one, said) in enumerate(zip(given, counted, strict=True), 1):
            parts[f"{place}.{one['id']}"] = _number(said)
        missed = [str(one["id"]) for one, said in zip(given, counted, strict=True) if said is False]
        untold = [str(one["id"]) for one, said in zip(given, counted, strict=True) if said is None]
        told = [f"not followed: {', '.join(missed)}"] * bool(missed) + [f"cannot be told: {', '.join(untold)}"] * bool(
            untold
        )
        return Score(value=parts[self.level], reason="; ".join(told) or None, parts=parts)


def instructions_of(item: Item) -> list[Mapping[str, Any]]:
    """Return the instructions of an item; raises `BadDataset` where it has none."""
    given = item.meta.get("instructions")
    found = [one for one in given if isinstance(one, dict) and "id" in one] if isinstance(given, list) else []
    if not found or not isinstance(given, list) or len(found) != len(given):
        raise BadDataset(
            f"Item {item.id!r} has the instructions {str(given)[:80]!r}. Write a list of objects, each with an id and "
            "its arguments, in meta.instructions."
        )
    return list(found)


def forms(answer: str) -> Sequence[str]:
    """Return the eight forms of an answer that the loose level looks at."""
    lines = answer.split("\n")
    cut = [answer, *("\n".join(one).strip() for one in (lines[1:], lines[:-1], lines[1:-1]))]
    return [*cut, *(one.replace("*", "") for one in cut)]


def instruction_level(scores: Iterable[Score]) -> float | None:
    """Return the share of followed instructions over all items; those that cannot be told are left out."""
    each = [
        value for score in scores for name, value in score.parts.items() if name[:1].isdigit() and value is not None
    ]
    return sum(each) / len(each) if each else None


def _any(said: Iterable[bool | None]) -> bool | None:
    answers = list(said)
    return True if True in answers else None if None in answers else False


def _all(said: Sequence[bool | None]) -> float | None:
    return 0.0 if False in said else None if None in said else 1.0


def _share(said: Sequence[bool | None]) -> float | None:
    return None if None in said else sum(map(bool, said)) / len(said)


def _number(said: bool | None) -> float | None:  # noqa: FBT001
    return None if said is None else float(said)
