"""Before the first call: what a suite can see at all, how many items it would take, and what it will cost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Final

import numpy as np

from copilot_kit.response import Usage
from copilot_kit_evals.candidates import Candidate, Prices
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.items import conversation
from copilot_kit_evals.manifest import Shard
from copilot_kit_evals.scorers.multiple_choice import Choose
from copilot_kit_evals.stats.power import design_effect, items_needed, smallest_difference
from copilot_kit_evals.summary import ItemRow, Sheet, sheets
from copilot_kit_evals.tasks import Ask, Rule, Task

DISAGREEMENT: Final = 0.2
"""Share of items on which one of two candidates passes and the other does not, where no run says better."""
ICC: Final = 0.2
"""How alike items of one cluster are, where no run says better."""
OUTPUT_TOKENS: Final = 300
POWER: Final = 0.8
_CHARS_PER_TOKEN: Final = 4
_TWO: Final = 2


@dataclass(frozen=True, slots=True)
class Spread:
    """How much the difference of two candidates varies, and who says so."""

    between: float
    """Over items, of what they would show with endless repeats."""
    within: float
    """Over repeats of one item, of one candidate."""
    source: str


def plan(
    tasks: Sequence[Task],
    candidates: Sequence[Candidate],
    *,
    rule: Rule | None = None,
    shard: Shard | None = None,
    like: RunFolder | None = None,
) -> dict[str, Any]:
    """Return as JSON data what the run would be, task by task.

    like: an earlier run of the same tasks, for spread and cost; without one both are assumed, and the plan says so.
    """
    rule, shard = rule or Rule(), shard or Shard()
    seen = {} if like is None else _by_task(sheets(like))
    told = [_task(task, candidates, rule, shard, seen.get(task.name, [])) for task in tasks]
    costs = [cost for one in told for cost in one["cost_usd"].values()]
    return {
        "tasks": told,
        "attempts": sum(one["attempts"] for one in told),
        "cost_usd": None if None in costs else sum(costs),
        "alpha": rule.alpha,
        "power": POWER,
        "candidates": [one.name for one in candidates],
    }


def _by_task(found: Sequence[Sheet]) -> dict[str, list[Sheet]]:
    tasks: dict[str, list[Sheet]] = {}
    for sheet in found:
        tasks.setdefault(sheet.task.name, []).append(sheet)
    return tasks


def _task(
    task: Task, candidates: Sequence[Candidate], rule: Rule, shard: Shard, seen: Sequence[Sheet]
) -> dict[str, Any]:
    items = [item for item in task.dataset if shard.holds(task.name, item.id)]
    asked = [item.asked(variant) for item in items
             for variant in (("", *item.variants) if task.variants else ("",))]  # fmt: skip
    spread = spread_of(task, seen)
    clusters = len({item.cluster or f"item {item.id}" for item in items})
    effect = design_effect(max(1.0, len(items) / max(1, clusters)), icc=ICC)
    margin = rule.margin if task.margin is None else task.margin
    powered = partial(_powered, spread=spread, repeats=task.repeats, alpha=rule.alpha, effect=effect)
    seen_at = powered(smallest_difference, len(items))
    needed = powered(items_needed, margin) if margin else None
    prompt = len(getattr(task.solver, "prompt", "") or "")
    chars = sum(prompt + sum(len(one.text) for one in conversation(_words(input_))) for input_ in asked)
    return {
        "task": task.name,
        "items": len(items),
        "clusters": clusters,
        "repeats": task.repeats,
        "attempts": len(asked) * task.repeats * len(candidates),
        "smallest_difference": min(seen_at, task.bounds[1] - task.bounds[0]),
        "margin": margin,
        "items_needed": None if needed is None else int(np.ceil(needed)),
        "spread": spread.source,
        "cost_usd": {
            one.name: _cost(one, seen, chars=chars * task.repeats, attempts=len(asked) * task.repeats)
            for one in candidates
        },
        "cost_basis": _basis(task, candidates, seen),
    }


def _basis(task: Task, candidates: Sequence[Candidate], seen: Sequence[Sheet]) -> str:
    """Return in words what the cost rests on, since it is no better than that."""
    names = {sheet.candidate for sheet in seen if sheet.costs}
    known = [one.name for one in candidates if one.name in names]
    if len(known) == len(candidates):
        return "what an attempt and its judges cost in the earlier run"
    once = isinstance(task.solver, Ask | Choose)
    guess = f"one request an attempt and answers of {OUTPUT_TOKENS} tokens, where a candidate does not limit them"
    turns = "" if once else "; further turns of an agent are not in it, and may be most of the cost: take --like RUN"
    judges = "; judges are not in it" if any(hasattr(one, "judge") for one in task.scorers) else ""
    return guess + turns + judges


def _powered(
    formula: Callable[..., float], value: float, *, spread: Spread, repeats: int, alpha: float, effect: float
) -> float:
    return formula(value, between=spread.between, within_a=spread.within, within_b=spread.within, repeats_a=repeats,
                   repeats_b=repeats, alpha=alpha, power=POWER, design_effect=effect)  # fmt: skip


def _words(asked: Any) -> Any:
    return asked if not isinstance(asked, dict) else str(asked)


def spread_of(task: Task, seen: Sequence[Sheet]) -> Spread:
    """Return the spread that an earlier run shows, or else what is assumed."""
    if len(seen) >= _TWO:
        first, second = (sheet.rows[sheet.task.primary] for sheet in seen[:2])
        pairs = [(a, b) for a, b in zip(first, second, strict=True) if a.scores and b.scores]
        if len(pairs) > _TWO:
            return _measured(pairs)
    width = task.bounds[1] - task.bounds[0]
    variance = DISAGREEMENT * width * width
    if task.repeats == 1:
        return Spread(variance, 0.0, f"assumed: candidates disagree on {DISAGREEMENT:.0%} of the items")
    half = f"assumed: candidates disagree on {DISAGREEMENT:.0%} of the attempts, half of it by chance"
    return Spread(variance / 2, variance / 4, half)


def _measured(pairs: Sequence[tuple[ItemRow, ItemRow]]) -> Spread:
    differences = np.array([a.mean - b.mean for a, b in pairs])
    total = float(differences.var(ddof=1))
    repeats = [row.scores for pair in pairs for row in pair if len(row.scores) > 1]
    if not repeats:
        return Spread(max(total, 1e-9), 0.0, f"measured on {len(pairs)} items")
    within = float(np.mean([np.var(scores, ddof=1) for scores in repeats]))
    noise = float(np.mean([within / len(a.scores) + within / len(b.scores) for a, b in pairs]))
    return Spread(max(total - noise, 1e-9), within, f"measured on {len(pairs)} items with repeats")


def _cost(candidate: Candidate, seen: Sequence[Sheet], *, chars: int, attempts: int) -> float | None:
    """Return what all attempts of a candidate cost, by what it cost before, or by the length of what is asked."""
    known = next((sheet for sheet in seen if sheet.candidate == candidate.name and sheet.costs), None)
    if known is not None:
        each = [cost for costs in known.costs.values() for cost in costs]
        return (sum(each) + known.scoring_usd) / len(each) * attempts
    if candidate.model.startswith("local:"):
        return 0.0
    prices = candidate.prices or Prices.listed(candidate.model)
    if prices is None:
        return None
    output = (candidate.settings.max_output_tokens or OUTPUT_TOKENS) * attempts
    prompt = len(candidate.prompt or "") * attempts
    cost = prices.cost(Usage(input=(chars + prompt) // _CHARS_PER_TOKEN, output=output))
    return None if cost is None else float(Decimal(cost))
