"""Quantiles and tails that the tests stand on, from scipy.special alone: scipy.stats takes a second to import."""

from collections.abc import Callable

from scipy import special  # type: ignore[import-untyped]


def normal_quantile(share: float) -> float:
    """Return below which point this share of the standard normal distribution lies."""
    return float(special.ndtri(share))


def normal_below(z: float) -> float:
    """Return how probable a standard normal number of this size or less is."""
    return float(special.ndtr(z))


def t_quantile(share: float, df: float) -> float:
    """Return below which point this share of Student's t distribution lies."""
    return float(special.stdtrit(df, share))


def t_above(t: float, df: float) -> float:
    """Return how probable a t of this size or more is."""
    return float(special.stdtr(df, -t))


def noncentral_t_below(t: float, df: float, shift: float) -> float:
    """Return how probable a noncentral t of this size or less is."""
    return float(special.nctdtr(df, shift, t))


def binomial_below(count: int, trials: int, rate: float) -> float:
    """Return how probable so many successes or fewer are; 0 for fewer than none."""
    return 0.0 if count < 0 else 1.0 if count >= trials else float(special.bdtr(float(count), trials, rate))


def beta_quantile(share: float, a: float, b: float) -> float:
    """Return below which point this share of the Beta(a, b) distribution lies."""
    return float(special.betaincinv(a, b, share))


def root(rises: Callable[[float], float], low: float, high: float) -> float:
    """Return where a rising function passes 0 between low and high, to the last digit that a float holds."""
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if rises(middle) < 0 else (low, middle)
    return (low + high) / 2
