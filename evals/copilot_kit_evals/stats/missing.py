"""Missing scores as bounds: what the result would be if all that is missing had turned out worst, or best.

A crashed attempt is not a 0 and must not vanish either: models crash on the hard items. Bounds after Manski (1990).
Missing values are NaN here, and only here.
"""

import numpy as np
import numpy.typing as npt

from copilot_kit.approval.bounds import Interval
from copilot_kit_evals.stats.arrays import Floats, NotUsable, differences
from copilot_kit_evals.stats.means import Bounds


def mean_bounds(total: float, items: int, missing: int, *, bounds: Bounds = (0.0, 1.0)) -> Interval:
    """Return between what the mean of all items lies if `missing` of them have no score: [S / n, (S + m) / n].

    total: the sum of the scores that are there. items: all items, the missing ones included.

    >>> mean_bounds(80, 100, 10)
    Interval(lower=0.8, upper=0.9)
    """
    if items < 1 or not 0 <= missing <= items:
        raise NotUsable(f"{missing!r} of {items!r} items cannot be missing; pass 0 <= missing <= items, items >= 1.")
    low, high = bounds
    there = items - missing
    slack = 1e-9 * (abs(low) + abs(high)) * items
    if not there * low - slack <= total <= there * high + slack:
        raise NotUsable(f"{there!r} scores within {bounds!r} cannot sum to {total!r}. Pass what a score can be.")
    return Interval((total + missing * low) / items, (total + missing * high) / items)


def filled(
    values: npt.ArrayLike, missing_as: float, *, seen: npt.ArrayLike | None = None, bounds: Bounds = (0.0, 1.0)
) -> Floats:
    """Return one row of numbers in which whatever is missing counts as this value.

    values: one an item, NaN where nothing was scored; otherwise the mean of the attempts that were. seen: the share of
    each item's attempts that were scored; by default all, where there is a value.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not len(array):
        raise NotUsable(f"The scores have the shape {array.shape!r}; one row with at least one item is wanted.")
    outside = array[(array < bounds[0]) | (array > bounds[1])]
    if len(outside):
        raise NotUsable(f"The score {float(outside[0])!r} lies outside {bounds!r}. Pass what a score can be.")
    gaps = np.isnan(array)
    share = np.where(gaps, 0.0, 1.0 if seen is None else np.asarray(seen, dtype=np.float64))
    if share.shape != array.shape or share.min() < 0 or share.max() > 1 or np.any((share == 0) & ~gaps):
        raise NotUsable(
            "A share of attempts seen lies above 0 and up to 1 for each item with a score; pass one an item."
        )
    return np.where(gaps, missing_as, share * np.where(gaps, 0.0, array) + (1 - share) * missing_as)


def difference_bounds(a: npt.ArrayLike, b: npt.ArrayLike, *, bounds: Bounds = (0.0, 1.0)) -> Interval:
    """Return between what mean(a) - mean(b) over all items lies, whatever the missing scores (NaN) would have been.

    The lower end is the worst case of a candidate `a`: its own gaps at the lowest score, those of `b` at the highest.
    """
    low, high = bounds
    worst = differences(filled(a, low, bounds=bounds), filled(b, high, bounds=bounds))
    best = differences(filled(a, high, bounds=bounds), filled(b, low, bounds=bounds))
    return Interval(float(worst.mean()), float(best.mean()))
