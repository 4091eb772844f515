"""What a success costs, and which models nothing beats on cost and quality at once; with uncertainty.

The price of failures is part of the price of a success: sum of costs / sum of successes, a ratio whose two sides vary
together. Error by the delta method (Cochran 1977, chapter 6), interval by Fieller (1954), which stays right where few
attempts succeed, and then has no upper end.
Only the model's own cost belongs here: a judge's calls are the evaluation's expense.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from copilot_kit.approval.bounds import Interval
from copilot_kit_evals.stats.arrays import Floats, Labels, NotUsable, cluster_sums, confident, vector
from copilot_kit_evals.stats.distributions import t_quantile
from copilot_kit_evals.stats.means import standard_error


@dataclass(frozen=True, slots=True)
class CostPerSuccess:
    """A ratio in the unit of the costs."""

    ratio: float
    error: float | None
    """Standard error; None where it is not known: one attempt, or all attempts alike."""
    interval: Interval | None
    """None where the error is; the upper end is infinite where the data do not show that anything succeeds."""


def cost_per_success(
    costs: npt.ArrayLike, successes: npt.ArrayLike, *, clusters: Labels | None = None, confidence: float = 0.95
) -> CostPerSuccess | None:
    """Return what one success (or one full point of graded scores) costs; None where nothing succeeded.

    costs, successes: one an item or attempt, aligned, both at least 0.
    """
    spent, won = vector(costs, "costs"), vector(successes, "successes")
    confident(confidence)
    if len(spent) != len(won) or min(spent.min(), won.min()) < 0:
        raise NotUsable(
            f"{len(spent)!r} costs and {len(won)!r} successes do not fit together, or one is below 0; "
            "pass one of each an item."
        )
    if not won.any():
        return None
    ratio = float(spent.sum() / won.sum())
    if standard_error(spent) is None and standard_error(won) is None:
        return CostPerSuccess(ratio, None, None)
    spent_sums, won_sums = _centred_sums(spent, clusters), _centred_sums(won, clusters)
    units = len(spent_sums)
    if units == 1:
        return CostPerSuccess(ratio, None, None)
    factor = units / (units - 1) / len(spent) ** 2
    rest = spent_sums - ratio * won_sums
    error = math.sqrt(factor * float(rest @ rest)) / float(won.mean())
    t = t_quantile((1 + confidence) / 2, units - 1)
    products = (float(spent_sums @ spent_sums), float(spent_sums @ won_sums), float(won_sums @ won_sums))
    terms = [factor * t * t * product for product in products]
    interval = _fieller(float(spent.mean()), float(won.mean()), terms)
    if standard_error(won) is None:  # a row of successes does not show that all succeed
        missed = -math.expm1(math.log1p(-confidence) / units)
        interval = Interval(interval.lower, interval.upper / (1 - missed))
    return CostPerSuccess(ratio, error or None, interval)


def pareto_front(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """Return the names of the points (cost, quality) that no other beats, in the order given.

    One point beats another if it costs no more and is no worse, and one of the two is strict: equals both stay.
    """
    if not points:
        return []
    names, pairs = list(points), np.array([[float(cost), float(quality)] for cost, quality in points.values()])
    vector(pairs.ravel(), "costs and qualities")
    return [name for name, kept in zip(names, _kept(pairs[:, 0], pairs[:, 1]), strict=True) if kept]


def pareto_shares(costs: npt.ArrayLike, scores: npt.ArrayLike, *, seed: int, resamples: int = 2000) -> Floats:
    """Return for each model in which share of resampled suites it lies on the front.

    costs, scores: [model, item], the same items in the same columns; items are resampled for all models together.
    """
    spent, won = np.asarray(costs, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if spent.shape != won.shape or spent.ndim != 2 or not spent.size or resamples < 1:  # noqa: PLR2004
        raise NotUsable(
            f"Costs and scores have the shapes {spent.shape!r} and {won.shape!r}; [model, item] is wanted of both, "
            "and at least one resample."
        )
    vector(spent.ravel(), "costs")
    vector(won.ravel(), "scores")
    items = spent.shape[1]
    chosen = np.random.default_rng(seed).multinomial(items, np.full(items, 1 / items), size=resamples)
    kept = [_kept(row, quality) for row, quality in zip(chosen @ spent.T, chosen @ won.T, strict=True)]
    shares: Floats = np.array(kept, dtype=np.float64).mean(axis=0)
    return shares


def _centred_sums(values: Floats, clusters: Labels | None) -> Floats:
    centred = values - values.mean()
    return centred if clusters is None else cluster_sums(centred, clusters)[0]


def _fieller(spent: float, won: float, terms: list[float]) -> Interval:
    """Return the ratios r that spent - r * won = 0 leaves possible, at least 0; terms are t^2 times (co)variances."""
    square, middle, rest = won * won - terms[2], spent * won - terms[1], spent * spent - terms[0]
    root = math.sqrt(max(0.0, middle * middle - square * rest))
    if square > 0:
        return Interval(max(0.0, (middle - root) / square), (middle + root) / square)
    if square == 0 or middle * middle < square * rest:
        return Interval(0.0, math.inf)
    lower, upper = sorted(((middle - root) / square, (middle + root) / square))
    return Interval(upper if lower < 0 < upper else 0.0, math.inf)


def _kept(costs: Floats, qualities: Floats) -> npt.NDArray[np.bool_]:
    no_dearer = costs[:, np.newaxis] <= costs[np.newaxis, :]
    no_worse = qualities[:, np.newaxis] >= qualities[np.newaxis, :]
    beats = no_dearer & no_worse & ~(no_dearer.T & no_worse.T)
    return np.logical_not(beats.any(axis=0))
