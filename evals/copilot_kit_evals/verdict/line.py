"""Where the line of earlier releases leads, so that a release far below it is looked at twice."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.distributions import t_quantile

_FEWEST: Final = 3
_EDGE: Final = 0.005
"""Means of 0 and 1 have no logit."""


def below_line(
    line: Sequence[tuple[float, float]], day: float, mean: float, *, confidence: float = 0.95
) -> tuple[float, float] | None:
    """Return between which means a release of this day was to be expected, if this one lies below; None otherwise.

    Least squares of the logits of (day, mean) and the usual interval of a single new value, Student's t with n - 2
    degrees of freedom. Raises `NotUsable` for fewer than three releases, or all of one day.
    """
    days, levels = np.array([one for one, _ in line]), np.array([_logit(one) for _, one in line])
    if len(line) < _FEWEST or float(np.ptp(days)) == 0:
        raise NotUsable(f"A line needs at least {_FEWEST} releases on different days; here are {len(line)}. Add some.")
    away = days - days.mean()
    square = float(away @ away)
    slope = float(away @ levels) / square
    rest = levels - levels.mean() - slope * away
    noise = math.sqrt(float(rest @ rest) / (len(line) - 2))
    here = float(levels.mean()) + slope * (day - float(days.mean()))
    half = t_quantile((1 + confidence) / 2, len(line) - 2) * noise
    half *= math.sqrt(1 + 1 / len(line) + (day - float(days.mean())) ** 2 / square)
    lower, upper = _rate(here - half), _rate(here + half)
    return (lower, upper) if mean < lower else None


def _logit(mean: float) -> float:
    kept = min(1 - _EDGE, max(_EDGE, mean))
    return math.log(kept / (1 - kept))


def _rate(level: float) -> float:
    return 0.5 * (1 + math.tanh(level / 2))
