"""Claims of reliability: what is shown at least, and how many clean cases are missing for a claim.

An item is one case, clean if all of its attempts scored as high as a score can be; repeats are no further cases. Items
of one cluster count as fewer. A case that lacks a score is not clean: nothing shows that it is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from copilot_kit_evals.report.facts import Facts
from copilot_kit_evals.stats.proportions import cases_once, effective_trials, reliability
from copilot_kit_evals.summary import ItemRow, clusters_of

RUNGS: Final = (0.70, 0.98, 0.999)
"""An assistant that is checked, one that is trusted, one that acts alone."""


@dataclass(frozen=True, slots=True)
class Rung:
    """A claim, and how far the cases carry it."""

    target: float
    required: bool
    """Whether items of the suite ask for it."""
    reached: bool
    needed: int | None
    """Cases in all that would show it if no further one fails; None where these contradict it already."""
    missing: int | None
    """Clean cases still to come."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """One candidate in one task."""

    task: str
    candidate: str
    cases: int
    clean: int
    independent: float
    """How many independent cases say as much."""
    shown: float
    """The rate that is shown at least, one-sided."""
    rungs: tuple[Rung, ...]

    @property
    def rate(self) -> float:
        """Share of clean cases."""
        return self.clean / self.cases


def ladders(facts: Facts) -> list[Ladder]:
    """Return one for each task and candidate; none where a shard holds no item of a task."""
    confidence = facts.manifest.rule.confidence
    return [ladder(sheet.task.name, sheet.candidate, sheet.rows[sheet.task.primary], top=sheet.task.bounds[1],
                   confidence=confidence) for sheet in facts.sheets if sheet.rows[sheet.task.primary]]  # fmt: skip


def ladder(task: str, candidate: str, rows: Sequence[ItemRow], *, top: float, confidence: float) -> Ladder:
    """Return how reliable a candidate is shown to be, and what each claim still needs."""
    clean = [float(len(row.scores) == row.wanted and min(row.scores) >= top) for row in rows]
    labels = clusters_of(rows) or [row.item.id for row in rows]
    shown = reliability(clean, labels, confidence=confidence)
    size = effective_trials(clean, labels) if len(set(labels)) < len(labels) else float(len(labels))
    most = 1 - reliability([1 - one for one in clean], labels, confidence=confidence)
    asked = {row.item.required_reliability for row in rows if row.item.required_reliability is not None}
    rungs = tuple(
        _rung(
            target, clean, required=target in asked, shown=(shown, most), share=size / len(rows), confidence=confidence
        )
        for target in sorted({*RUNGS, *asked})
    )
    return Ladder(task, candidate, len(rows), int(sum(clean)), size, shown, rungs)


def _rung(
    target: float,
    clean: Sequence[float],
    *,
    required: bool,
    shown: tuple[float, float],
    share: float,
    confidence: float,
) -> Rung:
    """Return a rung; `shown`: the rate at least, and at most; `share`: how much of an independent case a case is.

    A claim above the most is contradicted: it asks for a better candidate, and not for a longer suite.
    """
    cases, failed = len(clean), len(clean) - int(sum(clean))
    least, most = shown
    if least >= target:
        return Rung(target, required=required, reached=True, needed=cases, missing=0)
    failures = math.ceil(failed * share)
    if most < target:
        return Rung(target, required=required, reached=False, needed=None, missing=None)
    needed = max(cases + 1, math.ceil(cases_once(target, failures=failures, confidence=confidence) / share))
    return Rung(target, required=required, reached=False, needed=needed, missing=needed - cases)
