"""Cost against quality: what an item costs, what it scores, and who lies on the front that nothing beats."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from copilot_kit_evals.manifest import TaskEntry
from copilot_kit_evals.report.facts import Ends, Facts
from copilot_kit_evals.stats.means import estimate
from copilot_kit_evals.stats.resources import pareto_front, pareto_shares
from copilot_kit_evals.summary import ALL, Sheet, clusters_of


@dataclass(frozen=True, slots=True)
class Priced:
    """A candidate in a task."""

    task: str
    candidate: str
    cost: float
    """Mean of an attempt, in dollars."""
    cost_interval: Ends | None
    mean: float
    interval: Ends | None
    per_success: float | None
    per_success_interval: Ends | None
    front: bool
    share: float | None
    """In which share of resampled suites it lies on the front; None where items lack a score or a cost."""
    bounds: tuple[float, float]


@lru_cache(maxsize=1)  # page and chart need the same
def priced(facts: Facts) -> list[Priced]:
    """Return those whose every cost is known, task by task; none where nothing costs anything."""
    return [one for task in facts.manifest.tasks for one in _of_task(facts, task)]


def _of_task(facts: Facts, task: TaskEntry) -> list[Priced]:
    known = [sheet for sheet in facts.sheets if sheet.task is task and sheet.costs and not sheet.unpriced]
    told = facts.summary["tasks"][task.name]["candidates"]
    known = [sheet for sheet in known if told[sheet.candidate]["scorers"][task.primary][ALL]["mean"] is not None]
    costs = {sheet.candidate: _cost(sheet, facts.manifest.rule.confidence) for sheet in known}
    if not any(mean for mean, _ in costs.values()):
        return []
    means = {name: told[name]["scorers"][task.primary][ALL] for name in costs}
    front = pareto_front({name: (costs[name][0], means[name]["mean"]) for name in costs})
    shares = _shares(known, facts.manifest.seed)
    return [Priced(task.name, name, *costs[name], means[name]["mean"], means[name]["interval"],
                   **_per_success(told[name]), front=name in front, share=shares.get(name), bounds=task.bounds)
            for name in costs]  # fmt: skip


def _per_success(told: dict[str, Any]) -> dict[str, Any]:
    found = told["cost"]["per_success"]
    return {"per_success": found and found["usd"], "per_success_interval": found and found["interval"]}


def _cost(sheet: Sheet, confidence: float) -> tuple[float, Ends | None]:
    rows = [row for row in sheet.rows[sheet.task.primary] if row.item.id in sheet.costs]
    each = [sum(sheet.costs[row.item.id]) / len(sheet.costs[row.item.id]) for row in rows]
    found = estimate(each, clusters=clusters_of(rows), confidence=confidence)
    ends = None if found.interval is None else (max(0.0, float(found.interval.lower)), float(found.interval.upper))
    return found.mean, ends


def _shares(known: Sequence[Sheet], seed: int) -> dict[str, float]:
    """Return in which share of resampled suites each lies on the front, over the items that all have done."""
    rows = [sheet.rows[sheet.task.primary] for sheet in known]
    places = [
        place
        for place, row in enumerate(rows[0])
        if all(each[place].scores and row.item.id in sheet.costs for each, sheet in zip(rows, known, strict=True))
    ]
    if len(known) == 1 or not places:
        return {}
    scores = [[each[place].mean for place in places] for each in rows]
    costs = [[sum(spent) / len(spent) for spent in (sheet.costs[rows[0][place].item.id] for place in places)]
             for sheet in known]  # fmt: skip
    shares = pareto_shares(costs, scores, seed=seed, resamples=500)
    return {sheet.candidate: float(share) for sheet, share in zip(known, shares, strict=True)}
