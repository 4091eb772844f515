"""What the statistics take: aligned arrays of finite numbers, and labels that say which of them belong together.

Whatever a statistic is not defined for ends in `NotUsable`, never in a silent 0 or NaN. Missing values are not numbers:
they are carried as bounds (`missing.py`), and an array that holds NaN is refused.
"""

from collections.abc import Hashable, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from copilot_kit.errors import UsageError

Floats: TypeAlias = npt.NDArray[np.float64]
Codes: TypeAlias = npt.NDArray[np.int64]
Labels: TypeAlias = Sequence[Hashable] | npt.NDArray[np.generic]
"""One label a value: a sequence of anything that can be a key, or an array."""

NOISE: Final = 1e-12
"""Relative size below which a difference is rounding and not a difference: 2/3 - 1/3 is 1/3."""


class NotUsable(UsageError, ValueError):
    """Numbers that a statistic is not defined for; the text says which ones it would be defined for."""


def vector(values: npt.ArrayLike, name: str = "values", *, least: int = 1) -> Floats:
    """Return the values as one row of finite numbers, at least so many of them."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise NotUsable(f"The {name} are not one row of numbers: {error}. Pass numbers of one shape.") from error
    if array.ndim != 1:
        raise NotUsable(
            f"The {name} have the shape {array.shape!r}; one row is wanted, with one number a unit. "
            "Take the mean over the repeats of each item first: repeats are not independent items."
        )
    if len(array) < least:
        raise NotUsable(f"There are {len(array)!r} {name}; this needs at least {least!r}. Collect more of them.")
    bad = np.flatnonzero(~np.isfinite(array))
    if len(bad):
        raise NotUsable(
            f"The {name} hold {float(array[bad[0]])!r} at position {int(bad[0])!r}; only finite numbers count. "
            "Carry missing values as bounds, with copilot_kit_evals.stats.missing."
        )
    return array


def outcomes(values: npt.ArrayLike, name: str = "outcomes", *, least: int = 1) -> Floats:
    """Return the values as one row of 0 and 1."""
    array = vector(values, name, least=least)
    other = array[(array != 0) & (array != 1)]
    if len(other):
        raise NotUsable(f"The {name} hold {float(other[0])!r}; each must be 0 or 1. Use a mean for graded scores.")
    return array


def pair(a: npt.ArrayLike, b: npt.ArrayLike, *, least: int = 1) -> tuple[Floats, Floats]:
    """Return two rows of numbers, item by item the same items."""
    first, second = vector(a, "scores of a", least=least), vector(b, "scores of b", least=least)
    if len(first) != len(second):
        raise NotUsable(
            f"There are {len(first)!r} scores of a and {len(second)!r} of b; a paired comparison needs one of each an "
            "item. Align them by item, and carry what is missing as bounds."
        )
    return first, second


def differences(a: npt.ArrayLike, b: npt.ArrayLike, *, least: int = 1) -> Floats:
    """Return a - b item by item, with what is only rounding set to 0."""
    first, second = pair(a, b, least=least)
    delta = first - second
    scale = np.maximum(np.abs(first), np.abs(second))
    delta[np.abs(delta) <= NOISE * scale] = 0.0
    return delta


def codes(labels: Labels, size: int) -> tuple[Codes, int]:
    """Return for each value the number of its group, in the order of first appearance, and how many there are."""
    if len(labels) != size:
        raise NotUsable(f"There are {len(labels)!r} labels for {size!r} values; pass one label a value.")
    known: dict[Hashable, int] = {}
    row = labels.tolist() if isinstance(labels, np.ndarray) else labels
    numbers = [known.setdefault(label, len(known)) for label in row]
    if any(label is None or label == "" or label != label for label in known):  # noqa: PLR0124  NaN is not itself
        raise NotUsable("A value has no cluster label; name the cluster of each, or give it a label of its own.")
    return np.array(numbers, dtype=np.int64), len(known)


def cluster_sums(values: Floats, labels: Labels) -> tuple[Floats, Floats]:
    """Return for each cluster the sum of its values and how many they are."""
    numbers, count = codes(labels, len(values))
    sums = np.bincount(numbers, weights=values, minlength=count)
    sizes = np.bincount(numbers, minlength=count)
    return sums.astype(np.float64), sizes.astype(np.float64)


def confident(confidence: float) -> float:
    """Return the confidence if it lies between 0 and 1."""
    if not 0 < confidence < 1:
        raise NotUsable(f"A confidence lies between 0 and 1, not at {confidence!r}. Write 0.95, say.")
    return confidence
