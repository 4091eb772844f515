"""What repeats of the same items buy: the variance split of Miller (2024, arXiv 2411.00640), and seeded bootstrap.

An item that is asked K times gives one number, the mean of its repeats. More repeats lower the part of the variance
that comes from the model's own chance, never the part that comes from which items the suite holds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from copilot_kit_evals.stats.arrays import Floats, Labels, NotUsable, cluster_sums, vector
from copilot_kit_evals.stats.means import item_means, standard_error


@dataclass(frozen=True, slots=True)
class Variance:
    """Where the variance of item means comes from."""

    of_item_means: float
    within: float
    """Of one repeat around its item's expectation: the mean of the sample variances."""
    between: float
    """Of the items' expectations; an unbiased estimate, so that chance can bring it below 0."""
    items: int


def variance(repeats: Sequence[npt.ArrayLike]) -> Variance:
    """Return the variance between items and within them.

    repeats: one row an item, at least two repeats in each; the rows may differ in length.
    """
    if len(repeats) < 2:  # noqa: PLR2004
        raise NotUsable(f"There are {len(repeats)!r} items; a variance between items needs at least two.")
    rows = [vector(row, f"repeats of item {place}", least=2) for place, row in enumerate(repeats)]
    inner = np.array([row.var(ddof=1) for row in rows])
    of_means = float(item_means(rows).var(ddof=1))
    noise = float(np.mean([share / len(row) for share, row in zip(inner, rows, strict=True)]))
    return Variance(of_means, float(inner.mean()), of_means - noise, len(rows))


def error_with(split: Variance, *, repeats: int, items: int | None = None) -> float:
    """Return the standard error that a run with so many repeats (and items) can expect."""
    size = split.items if items is None else items
    if repeats < 1 or size < 1:
        raise NotUsable(f"A run has at least one repeat and one item, not {repeats!r} and {size!r}.")
    return math.sqrt((max(split.between, 0.0) + split.within / repeats) / size)


def bootstrap_error(
    values: npt.ArrayLike, *, seed: int, clusters: Labels | None = None, resamples: int = 2000
) -> float | None:
    """Return the standard deviation of the mean over resampled items, or clusters; None where there is no spread.

    The seed has no default: two readers of one log must see one number. Efron (1979). It tends to
    `bootstrap_limit` and not to `standard_error`, so that it is a little too small for few items.
    """
    array = vector(values)
    if resamples < 2:  # noqa: PLR2004
        raise NotUsable(f"A bootstrap of {resamples!r} resamples has no spread; take some thousands.")
    if standard_error(array) is None:
        return None
    sums, sizes = (array, np.ones_like(array)) if clusters is None else cluster_sums(array, clusters)
    if len(sums) == 1:
        return None
    chosen = np.random.default_rng(seed).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=resamples)
    means: Floats = (chosen @ sums) / (chosen @ sizes)
    return float(means.std(ddof=1))


def bootstrap_limit(values: npt.ArrayLike) -> float | None:
    """Return what the bootstrap error of a mean tends to with ever more resamples: sd with n in place of n - 1."""
    array = vector(values)
    error = standard_error(array)
    return None if error is None else error * math.sqrt((len(array) - 1) / len(array))
