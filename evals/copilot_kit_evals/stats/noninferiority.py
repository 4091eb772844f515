"""Whether a candidate is not worse than the incumbent by a margin that was fixed before the run.

Not significantly worse is not the same as not worse: with few items nothing is significant. Here the null hypothesis is
"worse by the margin or more", and the candidate has to show that it is not: one-sided t of Schuirmann (1987).
"""

import math
from dataclasses import dataclass

import numpy.typing as npt

from copilot_kit_evals.stats.arrays import Labels, NotUsable, confident, vector
from copilot_kit_evals.stats.distributions import t_above, t_quantile
from copilot_kit_evals.stats.means import Bounds, estimate, no_spread


@dataclass(frozen=True, slots=True)
class NonInferiority:
    """What the differences say about the margin."""

    mean: float
    lower: float
    """The mean difference is at least this, one-sided."""
    p: float
    """Of "worse by the margin or more"."""
    t: float | None
    """None where the differences show no spread, so that `lower` and `p` come from their bounds."""
    margin: float
    shown: bool
    """The lower bound lies above -margin."""


def non_inferiority(
    differences: npt.ArrayLike,
    *,
    margin: float,
    clusters: Labels | None = None,
    confidence: float = 0.95,
    bounds: Bounds = (-1.0, 1.0),
) -> NonInferiority:
    """Return whether differences (candidate - incumbent, one an item) rule out a loss of the margin or more.

    bounds: what a difference can be; they decide where all differences are alike, which shows no error but is no proof:
    300 items without any change leave a loss of up to 1 % possible.
    """
    if margin < 0:
        raise NotUsable(f"A margin is at least 0, not {margin!r}. Write 0.02 for two points of a hundred.")
    array = vector(differences, "differences")
    confident(confidence)
    found = estimate(array, clusters=clusters, confidence=confidence, bounds=bounds)
    if found.error is None:
        lower = no_spread(found.mean, found.units, confidence=confidence, bounds=bounds).lower
        p, t = _unseen_loss(found.mean, found.units, margin, bounds[0]), None
    else:
        t = (found.mean + margin) / found.error
        p = t_above(t, found.df)
        lower = max(found.mean - t_quantile(confidence, found.df) * found.error, bounds[0])
    return NonInferiority(found.mean, lower, p, t, margin, lower > -margin)


def _unseen_loss(mean: float, units: int, margin: float, lowest: float) -> float:
    """Return how probable it is that a share just large enough for a loss of the margin was missed by all units."""
    if mean + margin <= 0:
        return 1.0
    share = (mean + margin) / (mean - lowest)
    return math.pow(max(0.0, 1 - share), units)
