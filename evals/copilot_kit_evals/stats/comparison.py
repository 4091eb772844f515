"""Two models on the same items: difference, errors, interval, exact p, wins and losses, all from one pass.

Which interval: with clusters the clustered t with C - 1 degrees of freedom; without them Tango's for 0/1 scores, and
the paired t for others. With fewer than thirty effective clusters (twelve repositories, one of which holds half of the
items, are four) the t interval promises too much, and the one that goes with sign flips of whole clusters takes its
place; `intervals` has both.
Which p: `p_exact` flips the signs of items (McNemar's exact test for 0/1 scores), `p_exact_clustered` those of whole
clusters. A verdict rests on `p`, the clustered one where there are clusters.
What is missing is not dropped: `with_missing` says what all of it could change.
"""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from copilot_kit.approval.bounds import Interval
from copilot_kit_evals.stats.arrays import Floats, Labels, NotUsable, confident, differences
from copilot_kit_evals.stats.means import (
    ENOUGH_CLUSTERS,
    Bounds,
    Estimate,
    clustered_error,
    correlation,
    cut,
    effective_clusters,
    estimate,
    standard_error,
    t_test,
    unpaired_error,
)
from copilot_kit_evals.stats.missing import filled
from copilot_kit_evals.stats.paired import tango
from copilot_kit_evals.stats.permutation import Flips, flips_interval, sign_flips
from copilot_kit_evals.stats.resources import CostPerSuccess, cost_per_success

Method = Literal["tango", "t", "clustered_t", "clustered_flips", "no_spread"]


@dataclass(frozen=True, slots=True)
class Side:
    """One model's scores, one an item, in the order that both share."""

    scores: npt.ArrayLike
    """NaN where an item has no score; the mean of those there are where it was asked several times."""
    seen: npt.ArrayLike | None = None
    """Share of each item's attempts that have a score; None: all of them."""
    costs: npt.ArrayLike | None = None
    """Mean cost of an attempt at each item; NaN where it is not known."""


@dataclass(frozen=True, slots=True)
class WithMissing:
    """The same, whatever the missing scores would have been."""

    difference: Interval
    interval: Interval | None
    """None where nothing bounds a score."""
    p: float
    """The less favourable of the two extremes; 1 where they differ in sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is known about mean(a) - mean(b) on the items that both have."""

    n_items: int
    missing_a: int
    """Items that a has no score of, or fewer scored attempts than it made."""
    missing_b: int
    mean_a: float
    mean_b: float
    difference: float
    paired_error: float | None
    """None where no difference has spread, so that it is not known."""
    clustered_error: float | None
    """None without clusters too."""
    unpaired_error: float | None
    """What the error would be over different items: the gain of pairing."""
    correlation: float | None
    intervals: Mapping[Method, Interval]
    """All that the data allow, by how they are made."""
    method: Method | None
    """Which of them counts; None where nothing bounds a score and the differences have no spread."""
    p_exact: float
    p_exact_clustered: float | None
    p_method: Literal["exact", "monte_carlo"]
    p_t: float | None
    wins: int
    losses: int
    ties: int
    clusters: int | None
    effective_clusters: float | None
    cost_per_success_a: CostPerSuccess | None
    """None where nothing succeeded or a cost is not known."""
    cost_per_success_b: CostPerSuccess | None
    with_missing: WithMissing | None
    """None where nothing is missing."""

    @property
    def p(self) -> float:
        """What a verdict rests on."""
        return self.p_exact if self.p_exact_clustered is None else self.p_exact_clustered

    @property
    def interval(self) -> Interval | None:
        """The interval that counts."""
        return None if self.method is None else self.intervals[self.method]


def compare(
    a: Side,
    b: Side,
    *,
    clusters: Labels | None = None,
    confidence: float = 0.95,
    bounds: Bounds | None = None,
    seed: int = 0,
) -> Comparison:
    """Return what the scores of two models on the same items say about their difference, a - b.

    clusters: one label an item. bounds: what a score can be; (0, 1) by default if all scores lie there, and otherwise
    not known, so that missing scores, and differences without spread, leave no interval. seed: for a p that is drawn.
    """
    first, second = _row(a.scores, "a"), _row(b.scores, "b")
    both = ~np.isnan(first) & ~np.isnan(second) if len(first) == len(second) else np.zeros(1, dtype=np.bool_)
    if not both.any():
        raise NotUsable(
            f"Nothing can be paired: among {len(first)!r} items of a and {len(second)!r} of b none has two scores. "
            "Align the scores by item, with NaN for what is missing."
        )
    limits = _limits(first, second, bounds)
    plan = _Plan(confident(confidence), limits, seed)
    labels = None if clusters is None else _chosen(clusters, both)
    one, two = first[both], second[both]
    found = _measure(one, two, labels, plan)
    delta = differences(one, two)
    t = t_test(delta, clusters=labels)
    gaps_a, gaps_b = _gaps(first, a.seen), _gaps(second, b.seen)
    return Comparison(
        n_items=len(one),
        missing_a=int(gaps_a.sum()),
        missing_b=int(gaps_b.sum()),
        mean_a=float(one.mean()),
        mean_b=float(two.mean()),
        difference=found.difference,
        paired_error=standard_error(delta),
        clustered_error=None if labels is None else clustered_error(delta, labels),
        unpaired_error=unpaired_error(one, two),
        correlation=correlation(one, two) if len(one) > 1 else None,
        intervals=found.intervals,
        method=found.method,
        p_exact=found.flips.p,
        p_exact_clustered=None if found.flips_clustered is None else found.flips_clustered.p,
        p_method=(found.flips_clustered or found.flips).method,
        p_t=None if t is None else t.p,
        wins=int((delta > 0).sum()),
        losses=int((delta < 0).sum()),
        ties=int((delta == 0).sum()),
        clusters=None if labels is None else len(set(labels)),
        effective_clusters=None if labels is None else effective_clusters(labels),
        cost_per_success_a=_cost(a.costs, first, both, labels),
        cost_per_success_b=_cost(b.costs, second, both, labels),
        with_missing=_with_missing(Side(first, a.seen), Side(second, b.seen), clusters, plan)
        if (gaps_a | gaps_b).any()
        else None,
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    confidence: float
    limits: Bounds | None
    seed: int

    @property
    def span(self) -> Bounds | None:
        """What a difference can be."""
        return None if self.limits is None else (self.limits[0] - self.limits[1], self.limits[1] - self.limits[0])


@dataclass(frozen=True, slots=True)
class _Measured:
    difference: float
    intervals: Mapping[Method, Interval]
    method: Method | None
    flips: Flips
    flips_clustered: Flips | None

    @property
    def p(self) -> float:
        return (self.flips_clustered or self.flips).p

    @property
    def interval(self) -> Interval | None:
        return None if self.method is None else self.intervals[self.method]


def _measure(a: Floats, b: Floats, labels: Labels | None, plan: _Plan) -> _Measured:
    """Return the difference of two rows without gaps."""
    delta = differences(a, b)
    intervals: dict[Method, Interval] = {}
    if not np.setdiff1d(np.concatenate([a, b]), (0.0, 1.0)).size:
        wins, losses = int((delta > 0).sum()), int((delta < 0).sum())
        intervals["tango"] = tango(wins, losses, len(delta), confidence=plan.confidence)
    _add(intervals, "t", estimate(delta, confidence=plan.confidence, bounds=plan.span))
    flips, grouped = sign_flips(delta, seed=plan.seed), None
    if labels is not None:
        grouped = sign_flips(delta, clusters=labels, seed=plan.seed)
        found = estimate(delta, clusters=labels, confidence=plan.confidence, bounds=plan.span)
        _add(intervals, "clustered_t", found)
        if found.error is not None and effective_clusters(labels) < ENOUGH_CLUSTERS:
            flipped = flips_interval(delta, clusters=labels, confidence=plan.confidence, seed=plan.seed)
            intervals["clustered_flips"] = cut(flipped, plan.span)
    return _Measured(float(delta.mean()), intervals, _method(intervals, labels), flips, grouped)


def _add(intervals: dict[Method, Interval], method: Method, found: Estimate) -> None:
    if found.interval is not None:
        intervals["no_spread" if found.error is None else method] = found.interval


def _method(intervals: Mapping[Method, Interval], labels: Labels | None) -> Method | None:
    order: tuple[Method, ...] = ("tango", "t", "no_spread")
    if labels is not None:
        order = ("clustered_flips", "clustered_t", "no_spread")
    return next((method for method in order if method in intervals), None)


def _with_missing(a: Side, b: Side, clusters: Labels | None, plan: _Plan) -> WithMissing:
    """Return the extremes over all values that the missing scores could have."""
    if plan.limits is None:
        return WithMissing(Interval(-math.inf, math.inf), None, 1.0)
    low, high = plan.limits
    worst, best = (
        _measure(
            filled(a.scores, lowest, seen=a.seen, bounds=plan.limits),
            filled(b.scores, highest, seen=b.seen, bounds=plan.limits),
            clusters,
            plan,
        )
        for lowest, highest in ((low, high), (high, low))
    )
    p = max(worst.p, best.p)
    same_sign = worst.difference > 0 or best.difference < 0
    ends = None
    if worst.interval is not None and best.interval is not None:
        ends = Interval(worst.interval.lower, best.interval.upper)
    return WithMissing(Interval(worst.difference, best.difference), ends, p if same_sign else 1.0)


def _row(scores: npt.ArrayLike, name: str) -> Floats:
    array = np.asarray(scores, dtype=np.float64)
    if array.ndim != 1 or np.isinf(array).any():
        raise NotUsable(f"The scores of {name} are not one row of finite numbers (NaN for missing). Pass one an item.")
    return array


def _limits(a: Floats, b: Floats, bounds: Bounds | None) -> Bounds | None:
    """Return what a score can be, if that is said or plain."""
    low, high = float(min(np.nanmin(a), np.nanmin(b))), float(max(np.nanmax(a), np.nanmax(b)))
    if bounds is None:
        return (0.0, 1.0) if low >= 0 and high <= 1 else None
    if low < bounds[0] or high > bounds[1]:
        raise NotUsable(f"The scores reach from {low!r} to {high!r}, beyond {bounds!r}. Pass what a score can be.")
    return bounds


def _chosen(labels: Labels, wanted: npt.NDArray[np.bool_]) -> list[Hashable]:
    if len(labels) != len(wanted):
        raise NotUsable(f"There are {len(labels)!r} cluster labels for {len(wanted)!r} items; pass one label an item.")
    return [label for label, kept in zip(labels, wanted, strict=True) if kept]


def _gaps(scores: Floats, seen: npt.ArrayLike | None) -> npt.NDArray[np.bool_]:
    gaps: npt.NDArray[np.bool_] = np.isnan(scores)
    return gaps if seen is None else gaps | (np.asarray(seen, dtype=np.float64) < 1)


def _cost(
    costs: npt.ArrayLike | None, scores: Floats, wanted: npt.NDArray[np.bool_], labels: Labels | None
) -> CostPerSuccess | None:
    if costs is None:
        return None
    row = np.asarray(costs, dtype=np.float64)
    if row.shape != scores.shape:
        raise NotUsable(f"There are {row.size!r} costs for {scores.size!r} items; pass one an item.")
    spent, won = row[wanted], scores[wanted]
    if np.isnan(spent).any() or won.min() < 0:
        return None
    return cost_per_success(spent, won, clusters=labels)
