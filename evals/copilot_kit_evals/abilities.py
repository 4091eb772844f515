"""What models can do of one's own work: a time horizon for each, how it grows from release to release, what is parked.

Items say how long a person takes (`human_minutes`); the runs of all releases so far say which of them each model did.
A parked item waits for a longer horizon, or for a lower price: `meta.max_usd` says what one success may cost.
Methods: `stats.horizon` and `stats.trend` (Kwa et al. 2025, arXiv:2503.14499); clusters are the families.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from copilot_kit_evals.attempts import MISSING
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.items import Item
from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.horizon import Horizon, horizon, trials
from copilot_kit_evals.stats.trend import Trend, leading, reach, trend

_PASSED: Final = 0.5
"""A score above it counts as done."""
_FEWEST: Final = 3
"""Releases that a trend is drawn through, so that their scatter is known."""


@dataclass(slots=True)
class _Done:
    """What one model did of one item, over all runs."""

    minutes: float
    family: str
    successes: int = 0
    runs: int = 0
    cost_usd: float = 0.0
    priced: int = 0


@dataclass(slots=True)
class Ability:
    """One model on one's own items."""

    model: str
    released: date | None
    items: int
    runs: int
    horizon: Horizon
    cost_per_success: float | None
    """None where a cost is not known or nothing succeeded."""
    per_item: dict[str, float] = field(default_factory=dict)
    """Mean cost of a success by item, where it is known."""

    @property
    def rises(self) -> bool:
        """Whether it does no worse on longer tasks, so that it has no horizon here."""
        return self.horizon.curve.coefficient >= 0 and math.isfinite(self.horizon.curve.intercept)

    def minutes(self, share: float) -> float:
        """Return how long the tasks are of which this share succeeds; NaN where it has no horizon."""
        return math.nan if self.rises else self.horizon.curve.horizon(share)


@dataclass(frozen=True, slots=True)
class Opening:
    """When a parked item opens."""

    item: Item
    now: str | None
    """A model whose horizon reaches it today; None: none does."""
    on: date | None = None
    """When the trend reaches it; None: it never does, or there is no trend."""
    between: tuple[date | None, date | None] | None = None
    price_ratio: float | None = None
    """Its allowed cost by what its cheapest success costs today; below 1: prices must fall to this share."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """All models, oldest release first; those without a date come last."""

    models: tuple[Ability, ...]
    trend: Trend | None
    through: tuple[str, ...]
    """The models that the trend goes through: those that were the best when they came out."""
    share: float
    left_out: int
    """Attempts without a score, or at items that say no human minutes."""


def abilities(
    runs: Iterable[RunFolder], released: Mapping[str, date], *, share: float = 0.5, draws: int = 1000, seed: int = 0
) -> Abilities:
    """Return what the models in these runs can do.

    released: by model name, as `provider:model`. share: which horizon the trend is of. A model in several runs counts
    with all its attempts. Raises `NotUsable` where no item says how long a person takes.
    """
    done, left_out = _collected(runs)
    if not done:
        raise NotUsable("No item of these runs says how long a person takes. Give the items `human_minutes`.")
    found = [_ability(model, items, released.get(model), draws=draws, seed=seed) for model, items in done.items()]
    found.sort(key=lambda one: (one.released is None, one.released or date.max, one.model))
    dated = [one for one in found if one.released is not None and 0 < one.minutes(share) < math.inf]
    best = leading([_day(one) for one in dated], [one.minutes(share) for one in dated])
    through = [one for one, is_best in zip(dated, best, strict=True) if is_best]
    line = None
    if len({one.released for one in through}) >= _FEWEST:
        line = trend([_day(one) for one in through], [one.minutes(share) for one in through])
    return Abilities(tuple(found), line, tuple(one.model for one in through), share, left_out)


def openings(parked: Iterable[Item], known: Abilities) -> list[Opening]:
    """Return when each parked item opens: by ability, by the trend of it, and by price."""
    return [_opening(item, known) for item in parked]


def _collected(runs: Iterable[RunFolder]) -> tuple[dict[str, dict[str, _Done]], int]:
    done: dict[str, dict[str, _Done]] = {}
    left_out = 0
    for run in runs:
        items = {task.name: {one.id: one for one in run.dataset(task)} for task in run.manifest.tasks}
        models = {one.name: one.model for one in run.manifest.candidates}
        for attempt in run.settled():
            item = items[attempt.task][attempt.item]
            score = attempt.scores.get(run.manifest.task(attempt.task).primary)
            if item.human_minutes is None or attempt.outcome in MISSING or score is None or score.value is None:
                left_out += 1
                continue
            family = f"{attempt.task}/{item.cluster or item.id}"
            mine = done.setdefault(models[attempt.candidate], {})
            one = mine.setdefault(f"{attempt.task}/{item.id}", _Done(item.human_minutes, family))
            one.runs += 1
            one.successes += score.value > _PASSED
            if attempt.usage.cost_usd is not None:
                one.cost_usd += float(attempt.usage.cost_usd)
                one.priced += 1
    return done, left_out


def _ability(model: str, items: Mapping[str, _Done], released: date | None, *, draws: int, seed: int) -> Ability:
    rows = list(items.values())
    tasks = trials(minutes=[one.minutes for one in rows], successes=[one.successes for one in rows],
                   runs=[one.runs for one in rows], families=[one.family for one in rows])  # fmt: skip
    won = sum(one.successes for one in rows)
    priced = all(one.priced == one.runs for one in rows)
    return Ability(
        model=model,
        released=released,
        items=len(rows),
        runs=sum(one.runs for one in rows),
        horizon=horizon(tasks, draws=draws, seed=seed),
        cost_per_success=sum(one.cost_usd for one in rows) / won if priced and won else None,
        per_item={name.partition("/")[2]: one.cost_usd / one.successes
                  for name, one in items.items() if one.successes and one.priced == one.runs},
    )  # fmt: skip


def _opening(item: Item, known: Abilities) -> Opening:
    price = _price_ratio(item, known.models)
    if item.human_minutes is None:
        return Opening(item, None, price_ratio=price)
    minutes = item.human_minutes
    able = [one for one in known.models if one.minutes(known.share) >= minutes]
    if able:
        return Opening(item, able[-1].model, price_ratio=price)
    if known.trend is None:
        return Opening(item, None, price_ratio=price)
    when = reach(known.trend, minutes)
    between = None if when.lower is None and when.upper is None else (_date(when.lower), _date(when.upper))
    return Opening(item, None, _date(when.day), between, price)


def _price_ratio(item: Item, models: Sequence[Ability]) -> float | None:
    allowed = item.meta.get("max_usd")
    paid = [one.per_item[item.id] for one in models if item.id in one.per_item]
    if not isinstance(allowed, int | float) or isinstance(allowed, bool) or not paid or not min(paid):
        return None
    return float(allowed) / min(paid)


def _day(one: Ability) -> float:
    return float((one.released or date.min).toordinal())


def _date(day: float | None) -> date | None:
    if day is None or not date.min.toordinal() < day < date.max.toordinal():
        return None
    return date.min + timedelta(days=round(day) - 1)
