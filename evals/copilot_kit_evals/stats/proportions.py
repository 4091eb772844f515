"""Rates of 0/1 outcomes: intervals for independent trials, and for trials that come in clusters or as repeats.

For independent trials the formulas are those of `copilot_kit.approval.bounds` (Wilson 1927; Clopper and Pearson 1934;
the zero-failure bound 1 - alpha^(1/n), near 3 / n of Hanley and Lippman-Hand 1983), which the gate stands on; they are
named here again so that all rates are found in one place.
Trials that belong together count less: Korn and Graubard (1998, Survey Methodology 24) put p (1 - p) / SE^2, the number
of independent trials with the same error, into the exact interval. Never more than the trials that there were.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from copilot_kit.approval.bounds import (
    Interval,
    anytime,
    cases_once,
    cases_watched,
    clopper_pearson,
    wilson,
    zero_failures_upper,
)
from copilot_kit_evals.stats.arrays import Floats, Labels, NotUsable, cluster_sums, confident, outcomes
from copilot_kit_evals.stats.distributions import beta_quantile, normal_quantile, t_quantile
from copilot_kit_evals.stats.means import clustered_error

__all__ = [
    "Interval", "wilson", "clopper_pearson", "zero_failures_upper", "anytime", "cases_once", "cases_watched",
    "Rate", "clustered_rate", "effective_trials", "reliability",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate with an interval that knows which trials belong together."""

    rate: float
    error: float | None
    """Clustered standard error; None where all outcomes are alike or there is one cluster."""
    interval: Interval
    trials: int
    effective_trials: float
    """How many independent trials would say as much."""


def clustered_rate(
    values: npt.ArrayLike,
    clusters: Labels,
    *,
    confidence: float = 0.95,
    method: Literal["wilson", "exact"] = "wilson",
) -> Rate:
    """Return the rate of 0/1 outcomes that come in clusters; repeats of one item are a cluster.

    The interval of Wilson or of Clopper and Pearson with the effective number of trials in place of the number of
    trials; a row of clean repeats of one item is one clean case.
    """
    array = outcomes(values)
    confident(confidence)
    rate, size = float(array.mean()), effective_trials(array, clusters)
    interval = _wilson(rate, size, confidence) if method == "wilson" else _exact(rate, size, confidence)
    return Rate(rate, clustered_error(array, clusters), interval, len(array), size)


def effective_trials(values: npt.ArrayLike, clusters: Labels) -> float:
    """Return p (1 - p) / SE^2 with the clustered error, at most the number of trials.

    Where the error is not known (all outcomes alike, one cluster) nothing shows how much the trials of a cluster have
    in common, so that each cluster counts as one.
    """
    array = outcomes(values)
    rate = float(array.mean())
    error = clustered_error(array, clusters)
    if error is None:
        count = len(cluster_sums(array, clusters)[0])
        return float(count)
    return min(float(len(array)), rate * (1 - rate) / error**2)


def reliability(values: npt.ArrayLike, clusters: Labels, *, confidence: float = 0.95) -> float:
    """Return the rate that the outcomes show at least, one-sided: what a claim of reliability rests on.

    The lower end of Clopper and Pearson for the effective trials, fewer by what the clusters leave unknown of their
    error: the squared ratio of two t quantiles, as Korn and Graubard have it. Their degrees of freedom, clusters - 1,
    are too many where a few clusters hold all failures: with 30 items of 10 repeats 6 of 100 claims were false, and 4
    with the degrees of freedom of `_df_of_spread` (benchmarks/false_positives). Trials that are each a cluster of
    their own are a plain binomial, whose error nobody has to estimate.
    """
    if not 0.5 < confidence < 1:  # noqa: PLR2004
        raise NotUsable(f"A claim has a confidence between 0.5 and 1, not {confidence!r}. Write 0.95, say.")
    array = outcomes(values)
    if len(set(clusters)) == len(array):
        return _exact_lower(float(array.mean()), len(array), 1 - confidence)
    size = effective_trials(array, clusters)
    error = clustered_error(array, clusters)
    if error is not None:
        rate = float(array.mean())
        size = min(size, rate * (1 - rate) / (error * error * _hidden(clusters)))
        few = t_quantile(confidence, _df_of_spread(array, clusters))
        size *= (t_quantile(confidence, len(array) - 1) / few) ** 2
    return _exact_lower(float(array.mean()), size, 1 - confidence)


def _hidden(clusters: Labels) -> float:
    """Return by how much a few large clusters hide their own spread, as they pull the mean towards them.

    If the outcomes of a cluster are alike, the squared error is 1 / this of what it should be: C / (C - 1), which
    `clustered_error` has, is right for clusters of one size. With 150 of 350 trials in one cluster 14 of 100 claims
    were false, and 5 with this.
    """
    _, sizes = cluster_sums(np.zeros(len(clusters)), clusters)
    total, squares, cubes = float(sizes.sum()), float(sizes @ sizes), float((sizes**3).sum())
    left = squares - 2 * cubes / total + squares * squares / total**2
    return squares / left * (len(sizes) - 1) / len(sizes)


def _df_of_spread(array: Floats, clusters: Labels) -> float:
    """Return 2 C / (kurtosis - 1) of the sums over C clusters, the degrees of freedom of their variance; at most C - 1.

    Delta method: the variance of a variance estimate is (kurtosis - 1) / C times its square, 2 / df for normal sums.
    """
    sums, _ = cluster_sums(array - array.mean(), clusters)
    squares = sums * sums
    kurtosis = float((squares * squares).mean() / squares.mean() ** 2)
    return max(1.0, min(len(sums) - 1.0, 2 * len(sums) / max(kurtosis - 1, 1e-9)))


def _wilson(rate: float, size: float, confidence: float) -> Interval:
    z = normal_quantile((1 + confidence) / 2)
    spread = z * z / size
    middle = (rate + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(rate * (1 - rate) / size + spread / (4 * size))
    return Interval(middle - half if rate > 0 else 0.0, middle + half if rate < 1 else 1.0)


def _exact(rate: float, size: float, confidence: float) -> Interval:
    tail = (1 - confidence) / 2
    return Interval(_exact_lower(rate, size, tail), 1 - _exact_lower(1 - rate, size, tail))


def _exact_lower(rate: float, size: float, tail: float) -> float:
    return beta_quantile(tail, rate * size, (1 - rate) * size + 1) if rate > 0 else 0.0
