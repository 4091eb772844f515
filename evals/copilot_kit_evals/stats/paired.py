"""Two models on the same items, each pass or fail: McNemar's exact test and Tango's interval.

Only the items on which exactly one of them passes tell them apart. The chi-square form of McNemar's test is not here:
it calls four wins and no loss significant (p = 0.0455), which they are not (p = 0.125).
"""

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from copilot_kit.approval.bounds import Interval
from copilot_kit_evals.stats.arrays import NotUsable, confident, outcomes, pair
from copilot_kit_evals.stats.distributions import binomial_below, normal_below, normal_quantile, root

Count = TypeVar("Count", int, float)


@dataclass(frozen=True, slots=True)
class Discordance:
    """On how many items two models agree, and which way they differ."""

    wins: int
    """Only the first passes (b)."""
    losses: int
    """Only the second passes (c)."""
    both: int
    neither: int

    @property
    def items(self) -> int:
        """All items."""
        return self.wins + self.losses + self.both + self.neither


def discordance(a: npt.ArrayLike, b: npt.ArrayLike) -> Discordance:
    """Return the fourfold table of two rows of 0/1 outcomes over the same items."""
    first, second = pair(outcomes(a, "scores of a"), outcomes(b, "scores of b"))
    both, either = int((first * second).sum()), int(np.maximum(first, second).sum())
    wins, losses = int((first > second).sum()), int((first < second).sum())
    return Discordance(wins, losses, both, len(first) - either)


def mcnemar(wins: int, losses: int) -> float:
    """Return the exact two-sided p of so many wins and losses if both were as likely; 1 if there are none.

    min(1, 2 * P(Binomial(wins + losses, 1/2) <= min)): McNemar (1947), exact after Dixon and Mood (1946).
    """
    least, total = _counts(wins, losses)
    return min(1.0, 2 * binomial_below(least, total, 0.5))


def mcnemar_mid_p(wins: int, losses: int) -> float:
    """Return the p of `mcnemar` with half of what was seen counted as not that extreme; less strict, not exact.

    The exact p minus the chance of exactly this split: Fagerland, Lydersen and Laake (2013,
    doi 10.1186/1471-2288-13-91). Even splits give 1 minus half of that chance.
    """
    least, total = _counts(wins, losses)
    point = binomial_below(least, total, 0.5) - binomial_below(least - 1, total, 0.5)
    return 1 - point / 2 if wins == losses else 2 * binomial_below(least, total, 0.5) - point


def tango(wins: int, losses: int, items: int, *, confidence: float = 0.95) -> Interval:
    """Return the score interval of (wins - losses) / items; never of no width, also without any discordant item.

    Tango (1998, Statistics in Medicine 17). items: all items, those on which both agree included.
    """
    _counts(wins, losses)
    confident(confidence)
    if items < 1 or wins + losses > items:
        raise NotUsable(f"{wins!r} wins and {losses!r} losses do not fit into {items!r} items; count all items.")
    z = normal_quantile((1 + confidence) / 2)
    lower = -_upper(losses, wins, items, z)
    return Interval(lower, _upper(wins, losses, items, z))


def score_p(wins: float, losses: float, items: float, *, null: float) -> float:
    """Return the one-sided p of "the difference is `null` or less": the test that `tango` inverts.

    With null = -margin it tests non-inferiority of 0/1 scores, as Tango proposed it. Where items come in clusters, all
    three may be what they count for: divided by how much the clusters multiply the variance.
    """
    _counts(wins, losses)
    if items < 1 or wins + losses > items or not -1 < null < 1:
        raise NotUsable(
            f"{wins!r} wins and {losses!r} losses of {items!r} items against {null!r} cannot be tested; "
            "count all items, and test a difference between -1 and 1."
        )
    return normal_below(_score(losses, wins, items, -null))


def _upper(wins: int, losses: int, items: int, z: float) -> float:
    """Return the highest difference whose score test does not reject."""
    seen = (wins - losses) / items
    if seen == 1:
        return 1.0
    return root(lambda delta: -_score(wins, losses, items, delta) - z, seen, 1.0)


def _score(wins: float, losses: float, items: float, delta: float) -> float:
    """Return the score statistic, with the most likely rate of losses if the difference is `delta`."""
    linear = -wins - losses + (2 * items - wins + losses) * delta
    constant = -losses * delta * (1 - delta)
    lost = (math.sqrt(max(0.0, linear * linear - 8 * items * constant)) - linear) / (4 * items)
    spread = items * (2 * lost + delta * (1 - delta))
    gap = wins - losses - items * delta
    return gap / math.sqrt(spread) if spread > 0 else math.copysign(math.inf, gap) if gap else 0.0


def _counts(wins: Count, losses: Count) -> tuple[Count, Count]:
    if wins < 0 or losses < 0:
        raise NotUsable(f"Wins and losses are counts from 0 on, not {wins!r} and {losses!r}.")
    return min(wins, losses), wins + losses
