"""How sure one can be of a rate: intervals that hold when looked at once, and one that holds however often one looks.

Wilson (1927, "Probable inference") inverts the score test; Clopper and Pearson (1934) invert the exact binomial test;
both are for a number of cases that was fixed beforehand. `anytime` is for cases that keep coming: it keeps each rate p
against which a mixture of all rates, weighted by Beta(1/2, 1/2), is less than 1 / (1 - confidence) times as likely.
That ratio is a martingale if p is the true rate, so that by Ville's inequality (1939) the true rate is ever left out
with a probability of at most 1 - confidence, over all looks together.

One side or two: an interval here is two-sided. Wilson and Clopper-Pearson give half of the error to each end. `anytime`
gives neither end a half: all of 1 - confidence may fall on one of them, so its lower end is also the one-sided bound at
the same confidence, and `cases_watched` asks for that end. `cases_once` is one-sided in the usual way: the lower end of
a Clopper-Pearson interval with all of the error below. Hence 9 cases at once and 14 watched for a rate of 0.70.

Only the standard `math`: a gate that asks for a bound must not load a numerics library.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from copilot_kit.errors import UsageError

_LOG_PI: Final = math.log(math.pi)
"""Logarithm of the beta function at (1/2, 1/2)."""
_TINY: Final = 1e-300
_HALVINGS: Final = 200
"""More than enough to reach two neighbouring numbers between 0 and 1; the search ends when it has."""


class Interval(NamedTuple):
    """The rates that the cases leave possible."""

    lower: float
    upper: float


def wilson(successes: int, trials: int, *, confidence: float = 0.95) -> Interval:
    """Return the score interval of a rate; close to its promise on average, and never of no width."""
    _check(successes, trials, confidence)
    if not trials:
        return Interval(0.0, 1.0)
    z = _normal_quantile(confidence)
    rate, spread = successes / trials, z * z / trials
    middle = (rate + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(rate * (1 - rate) / trials + spread / (4 * trials))
    lower = middle - half if successes else 0.0  # where the rounding of a subtraction would not be
    return Interval(lower, middle + half if successes < trials else 1.0)


def clopper_pearson(successes: int, trials: int, *, confidence: float = 0.95) -> Interval:
    """Return the exact interval of a rate; it never promises too much, and often too little."""
    _check(successes, trials, confidence)
    tail, failures = (1 - confidence) / 2, trials - successes
    lower = _beta_quantile(tail, successes, failures + 1) if successes else 0.0
    upper = 1 - _beta_quantile(tail, failures, successes + 1) if failures else 1.0
    return Interval(lower, upper)


def zero_failures_upper(trials: int, *, confidence: float = 0.95) -> float:
    """Return the highest failure rate that a row of cases without any failure leaves possible (near 3 / trials)."""
    _check(0, trials, confidence)
    return -math.expm1(math.log1p(-confidence) / trials) if trials else 1.0


@lru_cache(maxsize=4096)
def anytime(successes: int, trials: int, *, confidence: float = 0.95) -> Interval:
    """Return the interval of a rate that still holds when one looks after each case and stops when one likes."""
    _check(successes, trials, confidence)
    rate = successes / trials if trials else 0.0
    most = -math.log1p(-confidence)

    def possible(p: float) -> bool:
        return _log_ratio(successes, trials, p) < most

    lower = _crossing(0.0, rate, possible) if successes else 0.0
    upper = 1 - _crossing(0.0, 1 - rate, lambda q: possible(1 - q)) if successes < trials else 1.0
    return Interval(lower, upper)


def reached(successes: int, trials: int, target: float, *, confidence: float = 0.95) -> bool:
    """Tell whether the lower end of `anytime` is at the target or above it, without looking for that end."""
    _check(successes, trials, confidence)
    enough = successes > target * trials
    return enough and _log_ratio(successes, trials, target) >= -math.log1p(-confidence)


def cases_once(target: float, *, failures: int = 0, confidence: float = 0.95) -> int:
    """Return how many cases show a rate of at least the target if so many of them fail, and one looks once."""
    _check_target(target, confidence)

    def shown(trials: int) -> bool:
        return _beta_share(target, trials - failures, failures + 1) <= 1 - confidence

    return _first(shown, failures + 1)


@lru_cache(maxsize=4096)
def cases_watched(target: float, *, failures: int = 0, confidence: float = 0.95) -> int:
    """Return how many cases show a rate of at least the target if so many of them fail, and one looks all the time."""
    _check_target(target, confidence)
    return _first(lambda trials: reached(trials - failures, trials, target, confidence=confidence), failures + 1)


def so_many(failures: int, trials: int, rate: float) -> float:
    """Return how probable so many failures or more are in so many trials, each of which fails at the rate."""
    _check(trials - failures, trials, rate)
    return _beta_share(rate, failures, trials - failures + 1) if failures else 1.0


def _check(successes: int, trials: int, confidence: float) -> None:
    if not 0 <= successes <= trials:
        raise UsageError(
            f"There cannot be {successes!r} successes in {trials!r} trials. Pass 0 <= successes <= trials."
        )
    if not 0 < confidence < 1:
        raise UsageError(f"A confidence lies between 0 and 1, not at {confidence!r}. Write 0.95, say.")


def _check_target(target: float, confidence: float) -> None:
    _check(0, 0, confidence)
    if not 0 < target < 1:
        raise UsageError(
            f"A rate of {target!r} cannot be shown by counting: no number of cases rules the rest out. "
            "Choose a target above 0 and below 1, such as 0.98."
        )


def _log_ratio(successes: int, trials: int, p: float) -> float:
    """Return the logarithm of how much likelier the mixture makes the cases than p does."""
    if not 0 < p < 1:  # rounded there: the cases that brought it so far rule it out
        return math.inf
    failures = trials - successes
    mixture = _log_beta(successes + 0.5, failures + 0.5) - _LOG_PI
    return mixture - successes * math.log(p) - failures * math.log1p(-p)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _crossing(low: float, high: float, holds: Callable[[float], bool]) -> float:
    """Return the point between low and high behind which something holds; at high it does, at low it does not."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _first(shown: Callable[[int], bool], least: int) -> int:
    """Return the first number from `least` on at which something holds, that holds for all higher ones."""
    high = least
    while not shown(high):
        high *= 2
    low = max(least - 1, high // 2)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if shown(middle) else (middle, high)
    return high


def _normal_quantile(confidence: float) -> float:
    """Return how many standard deviations to both sides hold this share of a normal distribution."""
    return _crossing(0.0, 40.0, lambda z: math.erfc(z / math.sqrt(2)) <= 1 - confidence)


def _beta_quantile(share: float, a: int, b: int) -> float:
    """Return below which point this share of a Beta(a, b) distribution lies."""
    return _crossing(0.0, 1.0, lambda x: _beta_share(x, a, b) >= share)


def _beta_share(x: float, a: int, b: int) -> float:
    """Return the share of a Beta(a, b) distribution below x: the regularised incomplete beta function."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # where the fraction converges slowly, its mirror image does not
        return 1 - _beta_share(1 - x, b, a)
    scale = math.exp(a * math.log(x) + b * math.log1p(-x) - _log_beta(a, b)) / a
    return scale / _fraction(x, a, b)


def _fraction(x: float, a: int, b: int) -> float:
    """Return the continued fraction of the incomplete beta function (DLMF 8.17.22), evaluated from the front.

    Lentz's way (1976): numerator and denominator are kept as ratios of neighbours, so that neither overflows.
    """
    value = above = 1.0
    below = 0.0
    for step in range(1, 100_000):
        half = step // 2
        if step % 2:
            term = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            term = half * (b - half) * x / ((a + step - 1) * (a + step))
        below = 1 / (1 + term * below or _TINY)
        above = 1 + term / above or _TINY
        value *= above * below
        if abs(above * below - 1) < 1e-16:  # noqa: PLR2004  nothing changes any more
            break
    return value
