"""Evidence that holds however often one looks: e-values by betting, and intervals that are right at every moment.

A test for a fixed number of items, looked at after each of them, finds "significance" between equal models sooner or
later. An e-value does not: it is the money of someone who bets against "the two are alike" at fair odds, so that the
chance that it ever reaches 1 / alpha is at most alpha if they are: Ville (1939); Ramdas, Gruenwald, Vovk and Shafer
(2023, arXiv 2210.01948). Stop when it does, or whenever one likes.

The items must come in a random order that was fixed beforehand (a stored seed): sorted items are no fair game.
`rate` is the interval of a pass rate of this kind.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from copilot_kit.approval.bounds import anytime as rate
from copilot_kit_evals.stats.arrays import NOISE, Floats, NotUsable, vector
from copilot_kit_evals.stats.means import Bounds

__all__ = [
    "rate", "discordant_e_value", "wins_in_a_row", "betting", "non_inferiority_betting", "first_reached",
    "Band", "empirical_bernstein", "sprt_bounds",
]  # fmt: skip

_STAKES: Final = np.arange(1, 10) / 10
"""Shares of the money that the bettors of the mixture put on each item."""


@dataclass(frozen=True, slots=True)
class Band:
    """An interval for each moment: of the mean of all that comes, after the first, second, ... value."""

    lower: Floats
    upper: Floats


def discordant_e_value(wins: int, losses: int) -> float:
    """Return the evidence against "both are as likely to win an item" after so many wins and losses.

    B(wins + 1/2, losses + 1/2) / B(1/2, 1/2) * 2^(wins + losses): the Beta(1/2, 1/2) mixture of Krichevsky and Trofimov
    (1981) as bettor. Items on which both agree move no money. Overflows to inf.

    >>> round(discordant_e_value(6, 0), 4)
    14.4375
    """
    if wins < 0 or losses < 0:
        raise NotUsable(f"Wins and losses are counts from 0 on, not {wins!r} and {losses!r}.")
    mixture = math.lgamma(wins + 0.5) + math.lgamma(losses + 0.5) - math.lgamma(wins + losses + 1)
    log_e = mixture - math.log(math.pi) + (wins + losses) * math.log(2)
    return math.exp(log_e) if log_e < 709 else math.inf  # noqa: PLR2004  the largest that a float holds


def wins_in_a_row(alpha: float = 0.05) -> int:
    """Return how many wins without a loss bring the evidence to 1 / alpha."""
    _check_alpha(alpha)
    wins = 1
    while discordant_e_value(wins, 0) < 1 / alpha:
        wins += 1
    return wins


def betting(differences: npt.ArrayLike) -> Floats:
    """Return the evidence against "the mean difference is 0" after each difference.

    differences: in [-1, 1], one an item, or one a cluster (the difference of its means) where items belong together.
    The mean over stakes of +-0.1 to +-0.9 of prod(1 + stake * x): Waudby-Smith and Ramdas (2024, arXiv 2010.09686),
    with a mixture over fixed stakes. Overflows to inf.
    """
    return _money(_small(differences), np.concatenate([-_STAKES[::-1], _STAKES]))


def non_inferiority_betting(differences: npt.ArrayLike, *, margin: float) -> Floats:
    """Return the evidence against "worse by the margin or more" after each difference (candidate - incumbent).

    Bets on (x + margin) / (1 + margin), upwards only. A margin of 0 tests whether the candidate is better.
    """
    if not 0 <= margin < 1:
        raise NotUsable(f"A margin lies in [0, 1), not at {margin!r}. Write 0.02 for two points of a hundred.")
    return _money((_small(differences) + margin) / (1 + margin), _STAKES)


def first_reached(evidence: npt.ArrayLike, *, alpha: float = 0.05) -> int | None:
    """Return after how many values the evidence first reached 1 / alpha; None if it did not."""
    _check_alpha(alpha)
    hits = np.flatnonzero(np.asarray(evidence, dtype=np.float64) >= 1 / alpha)
    return int(hits[0]) + 1 if len(hits) else None


def empirical_bernstein(values: npt.ArrayLike, *, confidence: float = 0.95, bounds: Bounds = (0.0, 1.0)) -> Band:
    """Return the interval of the mean of bounded values after each of them, valid at all moments together.

    The predictable plug-in of Waudby-Smith and Ramdas (2024, arXiv 2010.09686, theorem 2) with half of the error for
    each side, as in the authors' confseq: a stake comes from the variance before it, where a mean of 1/2 and a variance
    of 1/4 count as one value, and is cut at 1/2; surprise is the distance from the mean before, 0 at first. What was
    ruled out once stays ruled out (running intersection).
    """
    low, high = bounds
    x = (vector(values) - low) / (high - low)
    if x.min() < -NOISE or x.max() > 1 + NOISE:
        raise NotUsable(f"A value does not lie within the bounds {bounds!r}. Pass what a score can be.")
    _check_alpha(1 - confidence)
    log_odds = math.log(2 / (1 - confidence))
    lower, upper = _bernstein_lower(x, log_odds), 1 - _bernstein_lower(1 - x, log_odds)
    return Band(low + (high - low) * lower, low + (high - low) * upper)


def _bernstein_lower(x: Floats, log_odds: float) -> Floats:
    moment, sums = np.arange(1, len(x) + 1), np.cumsum(x)
    mean = (0.5 + sums) / (moment + 1)
    variance = (0.25 + np.cumsum((x - mean) ** 2)) / (moment + 1)
    before = np.append(0.25, variance[:-1])
    stakes = np.minimum(np.sqrt(2 * log_odds / (moment * np.log1p(moment) * before)), 0.5)
    surprise = (x - np.append(0.0, (sums / moment)[:-1])) ** 2 * (-np.log1p(-stakes) - stakes)
    lower: Floats = (np.cumsum(stakes * x) - log_odds - np.cumsum(surprise)) / np.cumsum(stakes)
    return np.maximum.accumulate(np.maximum(lower, 0.0))


def sprt_bounds(alpha: float = 0.05, beta: float = 0.2) -> tuple[float, float]:
    """Return between which log likelihood ratios Wald's test (1945) goes on: log(beta / (1 - alpha)), log((1 - beta) / alpha).

    At the upper one or above the alternative is taken, at the lower one or below the null hypothesis; alpha and beta are
    how often each of them is taken wrongly.
    """  # noqa: E501
    _check_alpha(alpha)
    _check_alpha(beta)
    return math.log(beta / (1 - alpha)), math.log((1 - beta) / alpha)


def _small(differences: npt.ArrayLike) -> Floats:
    x = vector(differences, "differences")
    if np.abs(x).max() > 1 + NOISE:
        raise NotUsable(
            f"The differences reach {float(np.abs(x).max())!r}; bets are fair for differences in [-1, 1]. "
            "Divide the scores by their largest possible value."
        )
    return x


def _money(x: Floats, stakes: Floats) -> Floats:
    """Return the mean over the bettors, in logarithms, since hundreds of wins overflow a float."""
    logs = np.cumsum(np.log1p(np.outer(x, stakes)), axis=0)
    highest = logs.max(axis=1)
    with np.errstate(over="ignore"):
        money: Floats = np.exp(highest) * np.exp(logs - highest[:, np.newaxis]).mean(axis=1)
    return money


def _check_alpha(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise NotUsable(f"An error rate lies between 0 and 1, not at {alpha!r}. Write 0.05, say.")
