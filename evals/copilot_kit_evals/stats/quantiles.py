"""Medians and tails (latency, cost, length) with intervals that assume nothing about the distribution."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from copilot_kit_evals.stats.arrays import NotUsable, confident, vector
from copilot_kit_evals.stats.distributions import binomial_below


@dataclass(frozen=True, slots=True)
class Ranks:
    """Between which of the sorted values a quantile lies, counted from 1."""

    lower: int | None
    """None where too few values lie below to bound it."""
    upper: int | None
    coverage: float
    """How probable it is that the two hold the quantile between them; at least the confidence asked for."""


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile of the sample with its interval; an end without a bound is infinite."""

    value: float
    lower: float
    upper: float
    coverage: float


def quantile_ranks(values: int, share: float, *, confidence: float = 0.95) -> Ranks:
    """Return the ranks of so many sorted values that hold a quantile between them, with half of the error to each side.

    Order statistics: Thompson (1936). The number of values below the quantile is binomial.

    >>> quantile_ranks(100, 0.5).lower, quantile_ranks(100, 0.5).upper
    (40, 61)
    """
    confident(confidence)
    if values < 1:
        raise NotUsable(f"There are {values!r} values; a quantile needs at least one.")
    if not 0 < share < 1:
        raise NotUsable(f"A quantile lies between 0 and 1, not at {share!r}. Write 0.95 for the slowest twentieth.")
    tail = (1 - confidence) / 2
    lower = next((rank for rank in _downwards(values, share) if binomial_below(rank - 1, values, share) <= tail), None)
    upper = next(
        (rank for rank in _upwards(values, share) if 1 - binomial_below(rank - 1, values, share) <= tail), None
    )
    held = 1.0 if upper is None else binomial_below(upper - 1, values, share)
    missed = 0.0 if lower is None else binomial_below(lower - 1, values, share)
    return Ranks(lower, upper, held - missed)


def quantile(values: npt.ArrayLike, share: float, *, confidence: float = 0.95) -> Quantile:
    """Return a quantile (the smallest value with at least this share at or below it) with its interval."""
    array = np.sort(vector(values))
    ranks = quantile_ranks(len(array), share, confidence=confidence)
    here = float(array[max(1, math.ceil(share * len(array) - 1e-9)) - 1])
    lower = -math.inf if ranks.lower is None else float(array[ranks.lower - 1])
    upper = math.inf if ranks.upper is None else float(array[ranks.upper - 1])
    return Quantile(here, lower, upper, ranks.coverage)


def _downwards(values: int, share: float) -> range:
    return range(math.floor(values * share) + 1, 0, -1)


def _upwards(values: int, share: float) -> range:
    return range(max(1, math.floor(values * share)), values + 1)
