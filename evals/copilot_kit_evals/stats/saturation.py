"""Can this suite still tell models apart? If not, retire or extend it."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from copilot_kit_evals.stats.arrays import NOISE, NotUsable, pair

_FEW: Final = 0.1
"""Share of informative items below which a suite is spent."""


@dataclass(frozen=True, slots=True)
class Saturation:
    """How much room a suite leaves."""

    saturated: bool
    reasons: tuple[str, ...]
    """Empty where it is not saturated."""
    headroom: float
    """What the better model could still gain: 1 - its mean - label noise."""
    smallest_difference: float
    informative: float
    """Share of items on which a model is neither always right nor always wrong, or the two disagree."""


def saturation(
    a: npt.ArrayLike, b: npt.ArrayLike, *, smallest_difference: float, label_noise: float = 0.0
) -> Saturation:
    """Return whether two models' pass rates, one an item in [0, 1], leave the suite anything to show.

    smallest_difference: what the suite can see (`power.smallest_difference`). label_noise: share of items whose target
    is wrong, which nobody should pass.
    """
    first, second = pair(a, b)
    if min(first.min(), second.min()) < 0 or max(first.max(), second.max()) > 1:
        raise NotUsable("A pass rate lies between 0 and 1, and one of these does not. Divide scores by their maximum.")
    if smallest_difference <= 0 or not 0 <= label_noise < 1:
        raise NotUsable(
            f"A smallest difference above 0 and a label noise in [0, 1) are wanted, not {smallest_difference!r} and "
            f"{label_noise!r}. Take the first from power.smallest_difference."
        )
    headroom = 1 - max(float(first.mean()), float(second.mean())) - label_noise
    unsure = ((first > 0) & (first < 1)) | ((second > 0) & (second < 1)) | (np.abs(first - second) > NOISE)
    informative = float(unsure.mean())
    reasons = []
    if headroom < smallest_difference:
        reasons.append(f"the room above the better model, {headroom:.3g}, is below the smallest visible difference")
    if informative < _FEW:
        reasons.append(f"only {informative:.1%} of the items tell the two models apart or are in doubt")
    return Saturation(bool(reasons), tuple(reasons), headroom, smallest_difference, informative)
