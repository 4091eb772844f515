"""How fast a horizon doubles: a straight line through log2(horizon) over the days of release.

Kwa et al. 2025 (arXiv:2503.14499) fit it by ordinary least squares to the models that were the best when they came
out. The interval is the usual one of the slope (t with n - 2 degrees of freedom), turned into days; it takes the
horizons as they are, so that it is about the scatter around the line and not about each horizon's own error.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.distributions import t_quantile

_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Trend:
    """The line, in days and doublings."""

    doubling_days: float
    """Days until the horizon has doubled; infinite on a level line, below 0 where it halves."""
    lower: float | None
    """Ends of the interval in days; None with only two points, which leave no scatter to judge by."""
    upper: float | None
    """Infinite where the interval of the slope reaches 0: then nothing shows that it grows at all."""
    r_squared: float
    slope: float
    """Doublings a day."""
    intercept: float
    """log2(horizon) on day 0."""
    n: int
    middle: float
    """Mean of the days."""
    square: float
    """Sum of the squared distances of the days from their mean."""
    noise: float | None
    """Standard deviation around the line, in doublings; None with two points."""


@dataclass(frozen=True, slots=True)
class Reach:
    """When the line comes to a horizon."""

    day: float
    """Infinite where it never does."""
    lower: float | None
    """Ends of the interval; None where the scatter is not known, infinite where nothing shows that it comes there."""
    upper: float | None


def trend(days: Sequence[float], horizons: Sequence[float], *, confidence: float = 0.95) -> Trend:
    """Return the doubling time of horizons (any unit, above 0) over days, with its interval.

    Raises `NotUsable` for fewer than two points, for all on one day, and for horizons that have no logarithm.
    """
    x, y = np.asarray(days, dtype=np.float64), np.asarray(horizons, dtype=np.float64)
    if x.size != y.size or x.size < _FEWEST or float(np.ptp(x)) == 0:
        raise NotUsable(
            f"A trend needs at least two days with a horizon each; here are {x.size} and {y.size}. Add some."
        )
    if not np.all((y > 0) & np.isfinite(y)):
        raise NotUsable("A horizon of 0 or without end has no logarithm. Leave out what has none; say how many.")
    z, x_mean = np.log2(y), float(x.mean())
    away = x - x_mean
    square = float(away @ away)
    slope = float(away @ z) / square
    left = z - z.mean() - slope * away
    scatter = float((z - z.mean()) @ (z - z.mean()))
    lower = upper = None
    if x.size > _FEWEST:
        half = t_quantile((1 + confidence) / 2, x.size - 2) * math.sqrt(float(left @ left) / (x.size - 2) / square)
        lower, upper = _days(slope + half), _days(slope - half)
    return Trend(
        doubling_days=1 / slope if slope else math.inf,
        lower=lower,
        upper=upper,
        r_squared=1 - float(left @ left) / scatter if scatter else 0.0,
        slope=slope,
        intercept=float(z.mean()) - slope * x_mean,
        n=int(x.size),
        middle=x_mean,
        square=square,
        noise=math.sqrt(float(left @ left) / (x.size - 2)) if x.size > _FEWEST else None,
    )


def reach(line: Trend, horizon: float, *, confidence: float = 0.95) -> Reach:
    """Return when a line reaches a horizon, with Fieller's interval (1954) for a model of that day.

    The interval holds where the line may lie and how far single models scatter around it. It goes on as the line has
    gone: that the trend itself may bend is in no interval.
    """
    if not 0 < horizon < math.inf:
        raise NotUsable(f"A horizon of {horizon!r} is never reached or always was. Ask for one above 0.")
    level = math.log2(horizon)
    day = (level - line.intercept) / line.slope if line.slope > 0 else math.inf
    if line.noise is None:
        return Reach(day, None, None)
    t = t_quantile((1 + confidence) / 2, line.n - 2)
    doubt = (t * line.noise) ** 2
    lean = line.slope**2 - doubt / line.square
    if lean <= 0 or line.slope <= 0:
        return Reach(day, None, math.inf)
    rise = level - line.intercept - line.slope * line.middle
    half = t * line.noise * math.sqrt(rise**2 / line.square + lean * (1 + 1 / line.n))
    middle = line.middle + line.slope * rise / lean
    return Reach(day, middle - half / lean, middle + half / lean)


def leading(days: Sequence[float], horizons: Sequence[float]) -> list[bool]:
    """Tell of each model whether its horizon is not below that of any released on the same day or before."""
    best: dict[float, float] = {}
    so_far = -math.inf
    for day, one in sorted(zip(days, horizons, strict=True)):
        so_far = max(so_far, one)
        best[day] = so_far  # of one day the last is the highest
    return [mine >= best[day] for day, mine in zip(days, horizons, strict=True)]


def _days(slope: float) -> float:
    """Return the doubling time at an end of the slope's interval."""
    return 1 / slope if slope > 0 else math.inf
