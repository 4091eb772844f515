"""Measuring a judge against people, on answers that they have labelled and that are kept for it.

Whenever the judge changes (its model, prompt, rubric or settings: its digest) the same answers are graded again. What
is measured holds for answers like these: they should be a random sample of what the judge will see.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final, TypeVar

from copilot_kit.errors import UsageError
from copilot_kit_evals.items import Item
from copilot_kit_evals.scorers.judging import Calibration
from copilot_kit_evals.scorers.oversight import Overreach
from copilot_kit_evals.scorers.pairwise import Pairwise
from copilot_kit_evals.scorers.rubric import Rubric
from copilot_kit_evals.scores import Output, Scorer

JudgeT = TypeVar("JudgeT", Rubric, Overreach, Pairwise)
_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class Labelled:
    """An answer, and what people say of it on the scorer's own scale: 1 right, 0 wrong, 0.5 a tie."""

    item: Item
    output: Output
    value: float
    by: str | None = None
    """Who said so."""


def labels_digest(labelled: Sequence[Labelled]) -> str:
    """Return the digest of labelled answers: of items, words, calls and labels, in order."""
    rows = [
        [one.item.id, one.output.text, [[call.name, call.args_json] for call in one.output.calls], one.value]
        for one in labelled
    ]
    return sha256(json.dumps(rows, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()[:16]


async def calibrate(scorer: Scorer, labelled: Sequence[Labelled], *, cut: float | None = 0.5) -> Calibration:
    """Return how the scorer agrees with people on these answers, each graded anew.

    cut: a value above it counts as right, on both sides; None takes values as they are, as categories, for which there
    is no sensitivity. Verdicts at the cut itself, ties, are wrong by it. Raises `UsageError` where nothing was graded.
    """
    from copilot_kit_evals.stats.judges import accuracy, agreement

    lane = asyncio.Semaphore(_AT_ONCE)

    async def graded(one: Labelled) -> float | None:
        async with lane:
            return (await scorer(one.item, one.output)).value

    said = await asyncio.gather(*map(graded, labelled))
    pairs = [(one.value, value) for one, value in zip(labelled, said, strict=True) if value is not None]
    if not pairs:
        raise UsageError(
            f"The judge {scorer.name!r} gave a value to none of {len(labelled)} labelled answers. Look at the reasons "
            "in its scores; without labelled answers nothing can be measured."
        )
    sides = [[value if cut is None else float(value > cut) for value in side] for side in zip(*pairs, strict=True)]
    agreed = agreement(sides[0], sides[1])
    known = None if cut is None else accuracy(sides[0], sides[1])
    return Calibration(
        scorer=scorer.name,
        digest=scorer.digest,
        labels=labels_digest(labelled),
        n=len(pairs),
        unanswered=len(labelled) - len(pairs),
        agreement=agreed.agreement,
        kappa=agreed.kappa,
        kappa_interval=_ends(agreed.interval),
        sensitivity=None if known is None else known.sensitivity,
        sensitivity_interval=None if known is None else _ends(known.sensitivity_interval),
        specificity=None if known is None else known.specificity,
        specificity_interval=None if known is None else _ends(known.specificity_interval),
    )


def _ends(interval: Any) -> tuple[float, float] | None:
    return None if interval is None else (interval.lower, interval.upper)


def measured(scorer: JudgeT, calibration: Calibration) -> JudgeT:
    """Return the scorer with what was measured of it; raises `UsageError` for a measure of another one."""
    if calibration.digest != scorer.digest:
        raise UsageError(
            f"The calibration is of {calibration.scorer!r} as {calibration.digest}, and {scorer.name!r} is "
            f"{scorer.digest}. Grade the labelled answers again with: await calibrate(scorer, labelled)"
        )
    return replace(scorer, calibration=calibration)
