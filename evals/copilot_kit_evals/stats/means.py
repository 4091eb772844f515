"""Means and their errors: over items, over clusters of items, over differences between two models.

The unit is the item, or the cluster where items belong together (questions on one text, issues of one repository);
repeats of an item are averaged first, since they say more about the item and nothing about other items.
Source: Miller (2024), "Adding Error Bars to Evals" (arXiv 2411.00640). The factor C / (C - 1) for C clusters is not in
the paper; Cameron and Miller (2015) and the usual packages have it, and without it few clusters promise too much.

The plug-in error of values without spread is 0, and says nothing: 30 passes of 30 do not show a rate of 1. Here such an
error is None, and the interval comes from how much of the distribution 30 equal values can have missed.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from copilot_kit.approval.bounds import Interval
from copilot_kit_evals.stats.arrays import (
    NOISE,
    Floats,
    Labels,
    NotUsable,
    cluster_sums,
    confident,
    vector,
)
from copilot_kit_evals.stats.distributions import t_above, t_quantile

Bounds = tuple[float, float]
"""The lowest and the highest value that a score can have; of a difference of two scores in [0, 1]: (-1, 1)."""


ENOUGH_CLUSTERS: Final = 30
"""Effective ones (`effective_clusters`) from which on the clustered t keeps its promise. Below, and with unequal sizes,
it calls equal models different in 6 to 17 of 100 runs instead of 5: see benchmarks/false_positives."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean, and how far off it may be."""

    mean: float
    error: float | None
    """Standard error; None where the values show no spread or are one unit, so that it is not known."""
    interval: Interval | None
    """Two-sided; None where the error is not known and no bounds of the values were given."""
    units: int
    """What counts as independent: the clusters, or the values."""
    values: int

    @property
    def df(self) -> int:
        """Degrees of freedom of the t distribution."""
        return self.units - 1


@dataclass(frozen=True, slots=True)
class TTest:
    """Student's t test of a mean."""

    t: float
    df: int
    p: float
    """Two-sided."""


def item_means(repeats: Iterable[npt.ArrayLike]) -> Floats:
    """Return one mean an item from its repeats; items may have been repeated differently often.

    >>> item_means([[1, 1, 0, 0], [1]]).tolist()
    [0.5, 1.0]
    """
    return np.array([vector(item, f"repeats of item {place}").mean() for place, item in enumerate(repeats)])


def estimate(
    values: npt.ArrayLike,
    *,
    clusters: Labels | None = None,
    confidence: float = 0.95,
    bounds: Bounds | None = None,
) -> Estimate:
    """Return the mean with its error and t interval; clustered, with C - 1 degrees of freedom, if labels are given.

    values: one number an item. bounds: what a value can be at least and at most; the interval is kept within them, and
    where the values show no spread it is the one of `no_spread`.
    """
    array = _within(vector(values), bounds)
    confident(confidence)
    units = len(array) if clusters is None else len(cluster_sums(array, clusters)[0])
    error = standard_error(array) if clusters is None else clustered_error(array, clusters)
    mean = float(array.mean())
    if error is not None:
        half = t_quantile((1 + confidence) / 2, units - 1) * error
        interval: Interval | None = cut(Interval(mean - half, mean + half), bounds)
    elif bounds is not None:
        middle = min(max(mean, bounds[0]), bounds[1])
        interval = no_spread(middle, units, confidence=confidence, bounds=bounds)
    else:
        interval = None
    return Estimate(mean, error, interval, units, len(array))


def standard_error(values: npt.ArrayLike) -> float | None:
    """Return sd / sqrt(n) of independent values; None for one value, or for values without spread."""
    array = vector(values)
    if _flat(array):
        return None
    return float(array.std(ddof=1) / math.sqrt(len(array))) or None


def clustered_error(values: npt.ArrayLike, clusters: Labels, *, corrected: bool = True) -> float | None:
    """Return the standard error of a mean whose values come in clusters; None for one cluster or no spread.

    sqrt(C / (C - 1) * sum over clusters of (sum of deviations from the mean)^2) / n; corrected=False is Miller's own,
    without C / (C - 1).
    """
    array = vector(values)
    sums, _ = cluster_sums(array - array.mean(), clusters)
    if len(sums) == 1 or _flat(array):
        return None
    factor = len(sums) / (len(sums) - 1) if corrected else 1.0
    error = math.sqrt(factor * float(sums @ sums)) / len(array)
    return error if error > NOISE * float(np.abs(array).max()) else None


def effective_clusters(clusters: Labels) -> float:
    """Return how many clusters of equal size would count as much: (sum of sizes)^2 / sum of squared sizes.

    Far below the number of clusters, a few of them rule the mean, and t with C - 1 degrees of freedom promises too
    much: Carter, Schnepel and Steigerwald (2017). Go by the sign flips over clusters then (`permutation.sign_flips`).
    """
    size = len(clusters)
    if not size:
        raise NotUsable("There are no cluster labels; pass one for each value.")
    _, sizes = cluster_sums(np.zeros(size), clusters)
    return float(sizes.sum() ** 2 / (sizes @ sizes))


def shared_spread(values: npt.ArrayLike, clusters: Labels) -> float:
    """Return by how much clusters multiply the variance of a mean of differences in [-1, 1]; 1 at the least.

    Seen among items that hardly move, the factor is no more than a guess: one loss among two hundred items shows
    nothing of whether losses come by whole clusters. So one item more is counted, that takes its whole cluster with it:
    the squared differences weigh what is seen, and 1 weighs the factor of whole clusters.
    """
    array = vector(values)
    away = array - array.mean()
    sums, sizes = cluster_sums(away, clusters)
    moved, spread = float(array @ array), float(away @ away)
    seen = float(sums @ sums) / spread if spread > NOISE * max(moved, NOISE) else 1.0
    whole = float(sizes @ sizes) / len(array)
    return max(1.0, (seen * moved + whole) / (moved + 1))


def t_test(values: npt.ArrayLike, *, clusters: Labels | None = None, null: float = 0.0) -> TTest | None:
    """Return the test of the mean against a value; None where the error is not known."""
    found = estimate(values, clusters=clusters)
    if found.error is None:
        return None
    t = (found.mean - null) / found.error
    return TTest(t, found.df, min(1.0, 2 * t_above(abs(t), found.df)))


def unpaired_error(a: npt.ArrayLike, b: npt.ArrayLike) -> float | None:
    """Return the error of the difference of two means over different items; None where one of the two is not known."""
    first, second = standard_error(a), standard_error(b)
    return None if first is None or second is None else math.hypot(first, second)


def correlation(a: npt.ArrayLike, b: npt.ArrayLike) -> float | None:
    """Return Pearson's correlation of the scores of two models, which is what pairing saves; None without spread."""
    first, second = vector(a, least=2), vector(b, least=2)
    if len(first) != len(second):
        raise NotUsable(f"There are {len(first)!r} scores of a and {len(second)!r} of b; pass the same items for both.")
    if _flat(first) or _flat(second):
        return None
    return float(np.corrcoef(first, second)[0, 1])


def no_spread(value: float, units: int, *, confidence: float = 0.95, bounds: Bounds) -> Interval:
    """Return the interval of a mean after so many independent units that all had this one value.

    Exact for whatever the distribution: if a share q of it were elsewhere, all units would miss it with the chance
    (1 - q)^units, so that q is at most 1 - alpha^(1 / units); that share may lie at either bound. For passes of all
    trials this is the one-sided bound of Clopper and Pearson (1934).

    >>> [round(end, 4) for end in no_spread(1.0, 30, bounds=(0.0, 1.0))]
    [0.905, 1.0]
    """
    confident(confidence)
    if units < 1:
        raise NotUsable(f"There are {units!r} units; at least one must have been seen.")
    low, high = bounds
    if not low <= value <= high or low == high:
        raise NotUsable(f"The value {value!r} does not lie within the bounds {bounds!r}. Pass what a score can be.")
    missed = -math.expm1(math.log1p(-confidence) / units)
    return Interval(value - missed * (value - low), value + missed * (high - value))


def cut(interval: Interval, bounds: Bounds | None) -> Interval:
    """Return the part of an interval that lies within the bounds."""
    lower, upper = interval
    return interval if bounds is None else Interval(max(lower, bounds[0]), min(upper, bounds[1]))


def _flat(array: Floats) -> bool:
    """Tell whether the values differ by no more than rounding."""
    return bool(np.ptp(array) <= NOISE * np.abs(array).max())


def _within(array: Floats, bounds: Bounds | None) -> Floats:
    if bounds is not None and (array.min() < bounds[0] - NOISE or array.max() > bounds[1] + NOISE):
        outside = float(array.min() if array.min() < bounds[0] else array.max())
        raise NotUsable(f"The value {outside!r} does not lie within the bounds {bounds!r}. Pass what a score can be.")
    return array
