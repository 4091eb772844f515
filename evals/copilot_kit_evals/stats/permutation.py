"""Exact tests of a paired difference: sign flips (Fisher 1935) and Wilcoxon's signed ranks (1945).

If two models are alike, each difference is as likely to point the other way, and so is the sum over each cluster. How
often would flipping the signs at random bring a sum as far from 0 as the one seen? All 2^C ways are counted: sums of
scores lie on a lattice (0/1 scores, means of K repeats), where counting takes C passes instead of 2^C; off the lattice
2^C are listed up to C = 20, and beyond that signs are drawn from a seed, which the answer says.
For 0/1 scores without clusters this is the exact McNemar test.
"""

import math
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from copilot_kit.approval.bounds import Interval
from copilot_kit_evals.stats.arrays import NOISE, Codes, Floats, Labels, NotUsable, cluster_sums, confident, vector
from copilot_kit_evals.stats.distributions import binomial_below

_LISTED: Final = 20
"""Up to so many units all sign patterns are listed: a million of them."""
_DENOMINATORS: Final = (*range(1, 721), 1000, 10_000, 100_000, 1_000_000)
"""Tried for a lattice: means of repeats (720 is divisible by all counts up to 6, by 8, 9 and 10), then decimals."""
_WORK: Final = 200_000_000
"""Cells that counting on a lattice may touch: under a second."""
_CHUNK: Final = 4_000_000
_COINS: Final = 200_000_000
"""Tossed at most for one test, a second or two: many units are drawn less often than asked, never less than this."""
_FEWEST_DRAWS: Final = 1999
_SUBSETS: Final = 18
_DRAWN_SUBSETS: Final = 19_999

Tail = Literal["both", "above"]


@dataclass(frozen=True, slots=True)
class Flips:
    """How often chance alone gives a sum as far from 0."""

    p: float
    units: int
    """Items or clusters whose difference is not 0; the others have no sign to flip."""
    method: Literal["exact", "monte_carlo"]


def sign_flips(
    differences: npt.ArrayLike,
    *,
    clusters: Labels | None = None,
    tail: Tail = "both",
    seed: int = 0,
    draws: int = 99_999,
) -> Flips:
    """Return the sign-flip test of differences, one an item; over cluster sums if labels are given.

    tail: "above" counts only sums at least as large, and none that are as far below 0.

    The smallest p that C units can show is 2^(1 - C): four clusters never show 0.05, and that is the truth about them.
    Drawn signs count the observed one among them, (1 + hits) / (1 + draws), so that p is never 0: Phipson and Smyth
    (2010, doi 10.2202/1544-6115.1585).

    >>> sign_flips([1, 1, 1, 1, 0, 0]).p
    0.125
    """
    array = vector(differences, "differences")
    sums = array if clusters is None else cluster_sums(array, clusters)[0]
    scale = float(np.abs(array).max())
    moved = np.abs(sums) > NOISE * scale * len(array)
    if not moved.any():
        return Flips(1.0, 0, "exact")
    return _flips(sums[moved], tail, seed, draws)


def flips_interval(
    differences: npt.ArrayLike, *, clusters: Labels | None = None, confidence: float = 0.95, seed: int = 0
) -> Interval:
    """Return the mean differences that the two-sided `sign_flips` does not reject at 1 - confidence.

    Each end is an order statistic of the means of all subsets of units: the typical values of Hartigan (1969, JASA 64).
    Few units leave an end infinite, as five clusters do at 95 %; beyond 18 units subsets are drawn from the seed.
    """
    array = vector(differences, "differences")
    sums, sizes = (array, np.ones_like(array)) if clusters is None else cluster_sums(array, clusters)
    if len(sums) > 1 and np.ptp(sums / sizes) <= NOISE * np.abs(array).max():
        raise NotUsable(
            f"All {len(sums)!r} units have the mean {float(array.mean())!r}, and no spread to make an interval of. "
            "Use means.no_spread with the bounds of a difference."
        )
    means = np.sort(_subset_means(sums, sizes, seed))
    rank = math.floor((len(means) + 1) * (1 - confident(confidence)) / 2 + NOISE)
    return Interval(float(means[rank - 1]), float(means[-rank])) if rank else Interval(-math.inf, math.inf)


def wilcoxon(differences: npt.ArrayLike, *, tolerance: float = 1e-9, seed: int = 0) -> Flips:
    """Return the signed-rank test: the sign flips of the ranks of the differences that are not 0.

    Sizes no further apart than `tolerance` of the largest share their mean rank; with 0 the last bit of a division
    decides over ranks, as it does in packages that rank what they are given.
    """
    array = vector(differences, "differences")
    scale = float(np.abs(array).max())
    moved = array[np.abs(array) > max(tolerance, NOISE) * scale] if scale else array[:0]
    if not len(moved):
        return Flips(1.0, 0, "exact")
    return _flips(np.sign(moved) * _mid_ranks(np.abs(moved), tolerance * scale), "both", seed, draws=99_999)


def _mid_ranks(sizes: Floats, tolerance: float) -> Floats:
    order = np.argsort(sizes, kind="stable")
    starts = np.diff(sizes[order], prepend=-np.inf) > tolerance
    group = np.cumsum(starts) - 1
    places = np.arange(1, len(sizes) + 1, dtype=np.float64)
    means = np.bincount(group, weights=places) / np.bincount(group)
    ranks = np.empty_like(sizes)
    ranks[order] = means[group]
    return ranks


def _flips(sums: Floats, tail: Tail, seed: int, draws: int) -> Flips:
    sizes = np.abs(sums)
    if np.ptp(sizes) <= NOISE * sizes.max():
        return Flips(_tossed(int((sums > 0).sum()), len(sums), tail), len(sums), "exact")
    steps = _lattice(sums)
    if steps is not None:
        return Flips(_counted(steps, tail), len(sums), "exact")
    if len(sums) <= _LISTED:
        return Flips(_listed(sums, tail), len(sums), "exact")
    if draws < 1:
        raise NotUsable(f"A test by {draws!r} drawn signs says nothing; draw some ten thousands.")
    affordable = max(_FEWEST_DRAWS, _COINS // len(sums))
    return Flips(_drawn(sums, tail, seed, min(draws, affordable)), len(sums), "monte_carlo")


def _tossed(ups: int, units: int, tail: Tail) -> float:
    """Return how probable so many of equal steps upwards are, or a split as uneven."""
    if tail == "above":
        return binomial_below(units - ups, units, 0.5)
    return min(1.0, 2 * binomial_below(min(ups, units - ups), units, 0.5))


def _as_far(sums: npt.NDArray[Any], seen: float, tail: Tail) -> npt.NDArray[np.bool_]:
    """Tell which sums are at least as far out as the one seen."""
    return np.asarray(sums >= seen if tail == "above" else np.abs(sums) >= abs(seen), dtype=np.bool_)


def _lattice(sums: Floats) -> Codes | None:
    """Return the sums as whole multiples of one step, where they are such and few enough to be counted."""
    slack = 1e-9 * float(np.abs(sums).max())
    for denominator in _DENOMINATORS:
        steps = sums * denominator
        whole = np.rint(steps)
        if whole.all() and np.all(np.abs(steps - whole) <= slack * denominator):
            multiples = whole.astype(np.int64)
            multiples //= np.gcd.reduce(multiples)
            return multiples if int(np.abs(multiples).sum()) * len(sums) <= _WORK else None
    return None


def _counted(steps: Codes, tail: Tail) -> float:
    """Return the share of sign patterns whose sum is at least as far out, by adding one unit after the other."""
    total = int(np.abs(steps).sum())
    share = np.zeros(total + 1)
    share[0] = 1.0
    reach = 0
    for step in np.abs(steps).tolist():  # share[s]: how probable it is that the positive ones sum to s
        share[step : reach + step + 1] += share[: reach + 1].copy()
        share *= 0.5
        reach += step
    sums = 2 * np.arange(total + 1) - total
    return min(1.0, float(share[_as_far(sums, int(steps.sum()), tail)].sum()))


def _listed(sums: Floats, tail: Tail) -> float:
    listed = np.zeros(1)
    for size in np.abs(sums):
        listed = np.concatenate([listed + size, listed - size])
    return float(np.mean(_as_far(listed, _least(sums, tail), tail)))


def _drawn(sums: Floats, tail: Tail, seed: int, draws: int) -> float:
    generator = np.random.default_rng(seed)
    least, hits, left = _least(sums, tail), 0, draws
    tables = _by_eights(sums)
    while left:
        rows = min(left, max(1, _CHUNK // len(tables)))
        tossed = _octets(generator, rows, len(tables))
        found = np.zeros(rows)
        for table, octets in zip(tables, tossed.T, strict=True):
            found += table[octets]
        hits += int(np.count_nonzero(_as_far(found, least, tail)))
        left -= rows
    return (1 + hits) / (1 + draws)


def _by_eights(sums: Floats) -> list[Floats]:
    """Return for each eight units what they add up to under each of the 256 ways to flip them: looked up, not added."""
    signs = 2.0 * np.unpackbits(np.arange(256, dtype=np.uint8)[:, np.newaxis], axis=1) - 1.0
    return [signs[:, : len(eight)] @ eight for eight in np.split(sums, range(8, len(sums), 8))]


def _coins(generator: np.random.Generator, rows: int, columns: int) -> Floats:
    """Return fair coins, 0 or 1; eight from each random byte."""
    drawn = _octets(generator, rows, (columns + 7) // 8)
    return np.unpackbits(drawn, axis=1, count=columns).astype(np.float64)


def _octets(generator: np.random.Generator, rows: int, width: int) -> npt.NDArray[np.uint8]:
    return np.frombuffer(generator.bytes(rows * width), dtype=np.uint8).reshape(rows, width)


def _least(sums: Floats, tail: Tail) -> float:
    """Return the sum seen, less what adding in another order may change."""
    slack = NOISE * float(np.abs(sums).sum())
    return float(sums.sum()) - slack if tail == "above" else max(0.0, abs(float(sums.sum())) - slack)


def _subset_means(sums: Floats, sizes: Floats, seed: int) -> Floats:
    """Return the mean over each subset of units but the empty one; over drawn subsets where they are too many."""
    if len(sums) <= _SUBSETS:
        of_sums, of_sizes = np.zeros(1), np.zeros(1)
        for added, size in zip(sums, sizes, strict=True):
            of_sums = np.concatenate([of_sums, of_sums + added])
            of_sizes = np.concatenate([of_sizes, of_sizes + size])
        return np.asarray(of_sums[1:] / of_sizes[1:], dtype=np.float64)
    drawn = _coins(np.random.default_rng(seed), _DRAWN_SUBSETS, len(sums))
    of_sums, of_sizes = (drawn @ np.column_stack([sums, sizes])).T
    return np.asarray(of_sums[of_sizes > 0] / of_sizes[of_sizes > 0], dtype=np.float64)
