"""pass@k and pass^k: whether any, or all, of k trials of a task succeed.

pass@k: Chen et al. (2021, arXiv 2107.03374), 1 - C(n - c, k) / C(n, k). pass^k: Yao et al. (2024, tau-bench,
arXiv 2406.12045), C(c, k) / C(n, k). Both are unbiased for c successes in n trials of a task; the plug-in (c / n)^k is
not. Neither is defined for k above n: a task with too few trials is an error here and is never left out in silence.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from copilot_kit_evals.stats.arrays import Codes, NotUsable, codes, outcomes
from copilot_kit_evals.stats.means import standard_error


@dataclass(frozen=True, slots=True)
class PassRate:
    """The mean over tasks, with its error over tasks."""

    k: int
    mean: float
    error: float | None
    """Standard error over tasks; None for one task, or where all tasks are alike."""
    tasks: int


def pass_at_k(trials: int, successes: int, k: int) -> float:
    """Return how probable it is that at least one of k trials of a task succeeds.

    >>> round(pass_at_k(10, 3, 2), 10)
    0.5333333333
    """
    _check(trials, successes, k)
    return 1 - math.comb(trials - successes, k) / math.comb(trials, k)


def pass_hat_k(trials: int, successes: int, k: int) -> float:
    """Return how probable it is that all of k trials of a task succeed (pass^k).

    >>> round(pass_hat_k(10, 3, 2), 10)
    0.0666666667
    """
    _check(trials, successes, k)
    return math.comb(successes, k) / math.comb(trials, k)


def suite_pass_at_k(trials: Sequence[int], successes: Sequence[int], k: int) -> PassRate:
    """Return pass@k over the tasks of a suite; trials and successes hold one count a task."""
    return _suite(pass_at_k, trials, successes, k)


def suite_pass_hat_k(trials: Sequence[int], successes: Sequence[int], k: int) -> PassRate:
    """Return pass^k over the tasks of a suite; trials and successes hold one count a task."""
    return _suite(pass_hat_k, trials, successes, k)


def counts(tasks: Sequence[Hashable], rewards: npt.ArrayLike) -> tuple[list[int], list[int]]:
    """Return the number of trials and of successes of each task, from one row a trial; tasks as they first appear."""
    passed = outcomes(rewards, "rewards")
    numbers, size = codes(tasks, len(passed))
    found: Codes = np.bincount(numbers, minlength=size)
    return found.tolist(), np.bincount(numbers, weights=passed, minlength=size).astype(int).tolist()


def _suite(rate: Callable[[int, int, int], float], trials: Sequence[int], successes: Sequence[int], k: int) -> PassRate:
    if not trials or len(trials) != len(successes):
        raise NotUsable(
            f"There are {len(trials)!r} counts of trials and {len(successes)!r} of successes; pass one of each a task."
        )
    rates = [rate(tried, passed, k) for tried, passed in zip(trials, successes, strict=True)]
    return PassRate(k, math.fsum(rates) / len(rates), standard_error(rates), len(rates))


def _check(trials: int, successes: int, k: int) -> None:
    if not 0 <= successes <= trials:
        raise NotUsable(f"There cannot be {successes!r} successes in {trials!r} trials; pass 0 <= successes <= trials.")
    if not 1 <= k <= trials:
        raise NotUsable(
            f"k = {k!r} is not defined for a task with {trials!r} trials; choose 1 <= k <= trials, or run more trials."
        )
