"""Whether a candidate is not worse than the incumbent by a margin that was fixed before the run.

Not significantly worse is not the same as not worse: with few items nothing is significant. Here the null hypothesis is
"worse by the margin or more", and the candidate has to show that it is not: one-sided t of Schuirmann (1987), or sign
flips of whole clusters where these are too few or too unequal for t.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy.typing as npt

from copilot_kit_evals.stats.arrays import Floats, Labels, NotUsable, confident, vector
from copilot_kit_evals.stats.distributions import t_above, t_quantile
from copilot_kit_evals.stats.means import (
    ENOUGH_CLUSTERS,
    Bounds,
    effective_clusters,
    estimate,
    no_spread,
)
from copilot_kit_evals.stats.permutation import flips_interval, sign_flips


@dataclass(frozen=True, slots=True)
class NonInferiority:
    """What the differences say about the margin."""

    mean: float
    lower: float
    """The mean difference is at least this, one-sided."""
    p: float
    """Of "worse by the margin or more"."""
    t: float | None
    """None where another method counts."""
    method: Literal["t", "clustered_flips", "no_spread"]
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
    seed: int = 0,
) -> NonInferiority:
    """Return whether differences (candidate - incumbent, one an item) rule out a loss of the margin or more.

    bounds: what a difference can be; they decide where all differences are alike, which shows no error but is no proof:
    300 items without any change leave a loss of up to 1 % possible. seed: for flips that are drawn.
    """
    if not margin >= 0:
        raise NotUsable(f"A margin is at least 0, not {margin!r}. Write 0.02 for two points of a hundred.")
    array = vector(differences, "differences")
    found = estimate(array, clusters=clusters, confidence=confident(confidence), bounds=bounds)
    t = None
    method: Literal["t", "clustered_flips", "no_spread"] = "t"
    if found.error is None:
        method, p = "no_spread", _unseen_loss(found.mean, found.units, margin, bounds[0])
        lower = no_spread(found.mean, found.units, confidence=confidence, bounds=bounds).lower
    elif clusters is not None and effective_clusters(clusters) < ENOUGH_CLUSTERS:
        method = "clustered_flips"
        p, lower = _flipped(array, clusters, margin, confidence, seed)
    else:
        t = (found.mean + margin) / found.error
        p, lower = t_above(t, found.df), found.mean - t_quantile(confidence, found.df) * found.error
    lower = max(lower, bounds[0])
    return NonInferiority(found.mean, lower, p, t, method, margin, lower > -margin)


def _flipped(array: Floats, clusters: Labels, margin: float, confidence: float, seed: int) -> tuple[float, float]:
    if confidence <= 0.5:  # noqa: PLR2004
        raise NotUsable(f"A one-sided bound at a confidence of {confidence!r} bounds nothing. Write 0.95, say.")
    p = sign_flips(array + margin, clusters=clusters, tail="above", seed=seed).p
    return p, flips_interval(array, clusters=clusters, confidence=2 * confidence - 1, seed=seed).lower


def _unseen_loss(mean: float, units: int, margin: float, lowest: float) -> float:
    """Return how probable it is that a share just large enough for a loss of the margin was missed by all units."""
    if mean + margin <= 0:
        return 1.0
    if mean == lowest:  # which is above -margin
        return 0.0
    share = (mean + margin) / (mean - lowest)
    return math.pow(max(0.0, 1 - share), units)
