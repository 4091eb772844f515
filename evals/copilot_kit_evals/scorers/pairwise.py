"""Which of two answers is better, judged in both orders by a model.

Judges lean to a place (Zheng et al. 2023, arXiv:2306.05685, section 3.3), so each pair is judged twice with the answers
exchanged; where the two verdicts differ it is a tie, and marked as one that the orders made. What it cannot score:
whether either is good.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from copilot_kit.errors import UsageError
from copilot_kit.messages import Record
from copilot_kit.response import Usage
from copilot_kit_evals.items import Item
from copilot_kit_evals.scorers.editions import edition
from copilot_kit_evals.scorers.judging import Calibration, Judge, Signed, marked, prompt_digest, spent, task_of
from copilot_kit_evals.scores import Output, Score

Side: TypeAlias = Literal["left", "right", "tie"]

PROMPT: Final = (
    "You compare two answers to one task, first and second. Say which one serves better whoever asked: first, second, "
    "or tie. Their order says nothing. Length and format count only as far as the task asks for them."
)
RIVAL: Final = "rival"
_TURNED: Final[dict[Side, Side]] = {"left": "right", "right": "left", "tie": "tie"}
_VALUE: Final[dict[Side, float]] = {"left": 1.0, "tie": 0.5, "right": 0.0}


class Better(Record):
    """What the judge says of a pair."""

    evidence: str
    better: Literal["first", "second", "tie"]


@dataclass(frozen=True, slots=True)
class Compared:
    """How a pair was judged: `plain` with left first, `swapped` with right first, both told as left, right or tie."""

    plain: Side | None
    swapped: Side | None
    usage: Usage
    served: str | None
    told: str

    @property
    def winner(self) -> Side | None:
        """The side that both orders name, else a tie; None where one of the two is missing."""
        if self.plain is None or self.swapped is None:
            return None
        return self.plain if self.is_consistent else "tie"

    @property
    def is_consistent(self) -> bool:
        """Whether both orders say the same."""
        return self.plain is not None and self.plain == self.swapped


async def compare(judge: Judge, item: Item, left: str, right: str, *, prompt: str = PROMPT) -> Compared:
    """Return how a judge sees two answers to an item; two calls, at once."""
    plain, swapped = await asyncio.gather(
        judge.ask(prompt, _material(item, left, right), Better), judge.ask(prompt, _material(item, right, left), Better)
    )
    back = _side(swapped.verdict)
    told = [one.trouble or (one.verdict.evidence if one.verdict else "") for one in (plain, swapped)]
    return Compared(
        plain=_side(plain.verdict),
        swapped=None if back is None else _TURNED[back],
        usage=spent(plain.usage, swapped.usage),
        served=plain.served or swapped.served,
        told=f"in this order: {told[0]}\nexchanged: {told[1]}",
    )


def _side(verdict: Better | None) -> Side | None:
    places: dict[str, Side] = {"first": "left", "second": "right", "tie": "tie"}
    return None if verdict is None else places[verdict.better]


def _material(item: Item, first: str, second: str) -> str:
    return "\n\n".join([task_of(item), marked("first", first), marked("second", second)])


@dataclass(frozen=True, slots=True)
class Pairwise:
    """Scores 1 where the answer beats the rival in both orders, 0 where it loses in both, and 0.5 for a tie.

    The rival is `meta.rival`, and else the target. `parts` has the value of each order and whether they agree; a tie
    that the orders made is marked `meta.tie = "orders_disagree"`, one that both gave `"both_orders"`.
    """

    judge: Judge
    prompt: str = PROMPT
    calibration: Calibration | None = None
    name: str = "pairwise"

    @property
    def digest(self) -> str:
        """Of judge and prompt."""
        return edition("pairwise", 1, judge=self.judge.identity, prompt=prompt_digest(self.prompt, Better))

    async def __call__(self, item: Item, output: Output) -> Score:
        """Return the score; without value where the judge does not answer in one of the orders."""
        found = await compare(self.judge, item, output.text, rival_of(item), prompt=self.prompt)
        winner = found.winner
        parts = {
            "shown_first": None if found.plain is None else _VALUE[found.plain],
            "shown_second": None if found.swapped is None else _VALUE[found.swapped],
            "consistent": None if winner is None else float(found.is_consistent),
        }
        value = None if winner is None else _VALUE[winner]
        tie = "both_orders" if found.is_consistent else "orders_disagree"
        score = Score(value=value, reason=found.told, parts=parts, meta={"tie": tie} if winner == "tie" else {})
        signed = Signed(self.judge, self.digest, prompt_digest(self.prompt, Better), self.calibration)
        return signed.score(score, found.usage, found.served)


def rival_of(item: Item) -> str:
    """Return the answer that an item's answers are compared with; raises `UsageError` without one."""
    rival = item.meta.get(RIVAL, item.target)
    if rival is None:
        raise UsageError(f"Item {item.id!r} has no answer to compare with. Give it a target, or meta.rival.")
    return rival if isinstance(rival, str) else json.dumps(rival, ensure_ascii=False)
