"""Time horizons of a run: how long, for a person, the items are that a candidate does half of the time.

Over all items that say `human_minutes`, of all tasks whose primary scores are 0 or 1. A family is a cluster.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise
from typing import Final

from copilot_kit_evals.report.facts import Facts
from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.horizon import Horizon, Trials, horizon, trials
from copilot_kit_evals.stats.trend import Trend, trend

FEWEST: Final = 8
"""Items below which no curve is drawn."""
_DRAWS: Final = 400
_FEWEST_DRAWS: Final = 100
_CELLS: Final = 1_000_000
"""Draws times items: with more, fewer draws are made. `stats horizon` takes 1,000 always."""
_BINS: Final = 8


@dataclass(frozen=True, slots=True)
class Reach:
    """A candidate's horizon with what its curve is drawn of."""

    candidate: str
    items: int
    draws: int
    """Resamples that the intervals rest on."""
    found: Horizon
    bins: tuple[tuple[float, float, int], ...]
    """Minutes (geometric mean), share of successes, items: shortest first."""
    shortest: float
    longest: float


@dataclass(frozen=True, slots=True)
class Trended:
    """Horizons over release dates."""

    points: tuple[tuple[str, date, float], ...]
    line: Trend


@lru_cache(maxsize=1)  # page, curve and trend need the same
def reaches(facts: Facts) -> list[Reach]:
    """Return the horizon of each candidate; none where too few items say how long a person takes."""
    found = [(name, _trials(facts, name)) for name in facts.candidates]
    return [_reach(facts, name, one) for name, one in found if one is not None]


def _reach(facts: Facts, candidate: str, tasks: Trials) -> Reach:
    items = len(tasks.minutes)
    draws = max(_FEWEST_DRAWS, min(_DRAWS, _CELLS // items))
    found = horizon(tasks, draws=draws, seed=facts.manifest.seed, confidence=facts.manifest.rule.confidence)
    return Reach(candidate, items, draws, found, _binned(tasks), float(tasks.minutes.min()), float(tasks.minutes.max()))


def trended(found: list[Reach], released: Mapping[str, date]) -> Trended | None:
    """Return the trend of the horizons over release dates; None with fewer than two that can be placed."""
    points = tuple((one.candidate, released[one.candidate], one.found.p50) for one in found
                   if one.candidate in released and 0 < one.found.p50 < math.inf)  # fmt: skip
    try:
        return Trended(points, trend([day.toordinal() for _, day, _ in points], [minutes for *_, minutes in points]))
    except NotUsable:
        return None


def _trials(facts: Facts, candidate: str) -> Trials | None:
    rows = [(task.name, row) for task in facts.manifest.tasks for row in facts.rows(task.name, candidate)
            if row.item.human_minutes is not None and row.scores and set(row.scores) <= {0.0, 1.0}]  # fmt: skip
    if len(rows) < FEWEST or len({row.item.human_minutes for _, row in rows}) == 1:
        return None
    return trials(
        minutes=[row.item.human_minutes or 0.0 for _, row in rows],
        successes=[sum(row.scores) for _, row in rows],
        runs=[len(row.scores) for _, row in rows],
        families=[f"cluster {row.item.cluster}" if row.item.cluster else f"{task} {row.item.id}" for task, row in rows],
    )


def _binned(tasks: Trials) -> tuple[tuple[float, float, int], ...]:
    """Return shares of success in bins of about as many items each."""
    order = sorted(range(len(tasks.minutes)), key=lambda place: float(tasks.minutes[place]))
    bins = min(_BINS, max(2, len(order) // 4))
    edges = [round(number * len(order) / bins) for number in range(bins + 1)]
    told = []
    for low, high in pairwise(edges):
        places = order[low:high]
        middle = sum(math.log2(float(tasks.minutes[place])) for place in places) / len(places)
        share = sum(float(tasks.successes[place] / tasks.runs[place]) for place in places) / len(places)
        told.append((2.0**middle, share, len(places)))
    return tuple(told)
