"""Cost per success and latency of the candidate over the incumbent's, with what shows that a ratio is below a limit.

The logarithm of a ratio of means is linear in small changes: each item has a share in it, and the shares' spread gives
the interval (delta method; Cochran 1977, chapter 6), over whole clusters where there are any. In a run that was looked
at before its end, bets are made on each item's costs instead, (limit * old - new) / max(limit * old, new): that claims
that the candidate is cheaper on the typical item, and has no interval.
"""

import math
from dataclasses import dataclass

import numpy as np

from copilot_kit.approval.bounds import Interval
from copilot_kit_evals.stats.anytime import non_inferiority_betting
from copilot_kit_evals.stats.arrays import Floats, Labels
from copilot_kit_evals.stats.means import ENOUGH_CLUSTERS, effective_clusters, estimate
from copilot_kit_evals.stats.missing import filled
from copilot_kit_evals.stats.permutation import flips_interval
from copilot_kit_evals.verdict.evidence import Evidence

_LEAST_S = 0.05
"""Differences of latency below this are those of the machine that measures."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """Of two positive means, new over old."""

    value: float
    interval: Interval | None
    below: bool
    """Shown to be at most the limit, with half of alpha as chance to be wrong."""
    above: bool
    """Shown to be over it."""


@dataclass(frozen=True, slots=True)
class _Plan:
    limit: float
    confidence: float
    sequential: bool
    seed: int


def cost_ratio(evidence: Evidence, *, limit: float, confidence: float) -> Ratio | None:
    """Return the ratio of costs per success; None where a cost is not known, is 0, or nothing succeeded.

    What has no score counts against the candidate on both sides; an unknown cost counts like the side's mean.
    """
    old = evidence.incumbent
    if old is None or not evidence.bounded or not len(evidence.cases):
        return None
    costs = [_known(side.costs()) for side in (evidence.candidate, old)]
    if costs[0] is None or costs[1] is None:
        return None
    won = (filled(evidence.candidate.scores(), 0.0, seen=evidence.candidate.seen()),
           filled(old.scores(), 1.0, seen=old.seen()))  # fmt: skip
    plan = _Plan(limit, confidence, evidence.sequential, evidence.seed)
    return _ratio((costs[0], costs[1]), won, evidence.labels(), plan)


def latency_ratio(evidence: Evidence, *, limit: float, confidence: float) -> Ratio | None:
    """Return the ratio of mean latencies; None where they are not known, or too short to be the models' own."""
    old = evidence.incumbent
    if old is None or not len(evidence.cases):
        return None
    seconds = [_known(side.latencies()) for side in (evidence.candidate, old)]
    if seconds[0] is None or seconds[1] is None or abs(seconds[0].mean() - seconds[1].mean()) < _LEAST_S:
        return None
    ones = np.ones(len(evidence.cases))
    plan = _Plan(limit, confidence, evidence.sequential, evidence.seed)
    return _ratio((seconds[0], seconds[1]), (ones, ones), evidence.labels(), plan)


def _known(values: Floats) -> Floats | None:
    """Return the values, unknown ones at the mean of the others; None where too few are known, or all are 0."""
    gaps = np.isnan(values)
    if gaps.mean() > 0.25 or not np.nansum(values) > 0:  # noqa: PLR2004
        return None
    return np.where(gaps, np.nanmean(values), values)


def _ratio(
    spent: tuple[Floats, Floats], won: tuple[Floats, Floats], labels: Labels | None, plan: _Plan
) -> Ratio | None:
    means = [float(one.mean()) for one in (*spent, *won)]
    if min(means) <= 0:
        return None
    new, old, new_won, old_won = means
    value = (new / new_won) / (old / old_won)
    if plan.sequential:
        return Ratio(value, None, below=_bet_on(spent, labels, plan) and value <= plan.limit,
                     above=_bet_on(spent, labels, plan, above=True) and value > plan.limit)  # fmt: skip
    shares = spent[0] / new - won[0] / new_won - spent[1] / old + won[1] / old_won
    ends = _interval(math.log(value) + shares, labels, plan)
    if ends is None:  # the same ratio on every item, as of two prices: who is cheaper on all of n items by chance?
        sure = len(shares if labels is None else set(labels)) > math.log2(2 / (1 - plan.confidence))
        return Ratio(value, None, below=sure and value <= plan.limit, above=sure and value > plan.limit)
    interval = Interval(math.exp(ends.lower), math.exp(ends.upper))
    return Ratio(value, interval, below=interval.upper <= plan.limit, above=interval.lower > plan.limit)


def _bet_on(spent: tuple[Floats, Floats], labels: Labels | None, plan: _Plan, *, above: bool = False) -> bool:
    """Tell whether bets show that the new side spends less than the limit on the typical item, or more."""
    if labels is not None:
        return False
    small = plan.limit * spent[1]
    bets = (small - spent[0]) / np.maximum(np.maximum(small, spent[0]), 1e-300)
    wealth = non_inferiority_betting(-bets if above else bets, margin=0.0)
    return float(wealth.max()) >= 2 / (1 - plan.confidence)


def _interval(logs: Floats, labels: Labels | None, plan: _Plan) -> Interval | None:
    found = estimate(logs, clusters=labels, confidence=plan.confidence)
    if found.interval is None:
        return None
    if labels is not None and effective_clusters(labels) < ENOUGH_CLUSTERS:
        return flips_interval(logs, clusters=labels, confidence=plan.confidence, seed=plan.seed)
    return found.interval
