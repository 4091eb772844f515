"""How many more items an open verdict takes, at the spread and the difference seen so far.

(z_{1 - a} + z_power)^2 * variance / distance^2 items show a mean that is this far from what is claimed against: the
formula of `stats.power` with one tail for a margin. The nearest decision counts, whichever way it goes.
"""

import math
from typing import Final

import numpy as np

from copilot_kit_evals.stats.arrays import Floats
from copilot_kit_evals.stats.distributions import normal_quantile
from copilot_kit_evals.stats.means import clustered_error, standard_error
from copilot_kit_evals.tasks import Rule
from copilot_kit_evals.verdict.evidence import Evidence
from copilot_kit_evals.verdict.gates import counting, named_in
from copilot_kit_evals.verdict.verdicts import Finding

POWER: Final = 0.8
_CLUSTERS: Final = 6
"""The fewest whose signs, flipped in all ways, show a two-sided p below 0.05."""
_FAR: Final = 1e3
"""A ratio nearer to its limit than this share of its interval is at the limit: no number of items tells."""
_WATCHED: Final = 1.8
"""How many times as many items bets take for this power as one look does: 1.5 to 1.9 in simulations."""


def items_needed(evidence: Evidence, rule: Rule, findings: list[Finding]) -> int | None:
    """Return how many more items of the same mix decide, or None where nothing has been scored by both."""
    gained = rule.gain == "none" or any(
        one.state == "pass" and one.name in _GAINS[rule.gain == "quality"] for one in findings
    )
    whole = _wanted(evidence, rule, margin=rule.margin, gained=gained)
    if whole is None:
        return None
    total = whole if gained or rule.gain == "quality" else max(whole, _of_ratios(evidence, rule, findings))
    slices = evidence.slices(named=named_in(rule))
    held = rule.alpha / max(1, len(counting(slices, rule)))  # what Holm's correction asks of the first of them
    for one in findings:
        if one.name == "non_inferiority" and one.state == "open" and one.slice in slices:
            places = slices[one.slice]
            part = _wanted(evidence.at(places), rule, margin=rule.margin_of(one.slice), gained=True, alpha=held)
            if part is not None:
                total = max(total, part * len(evidence.cases) / len(places))
    return max(_least(evidence), math.ceil(total * (_WATCHED if evidence.sequential else 1)) - len(evidence.cases))


def _least(evidence: Evidence) -> int:
    """Return the items of one cluster more, or of as many as it takes to show anything: five show nothing."""
    labels = evidence.labels()
    if labels is None:
        return 1
    count = len(set(labels))
    return math.ceil(len(labels) / count) * max(1, _CLUSTERS - count)


def _of_ratios(evidence: Evidence, rule: Rule, findings: list[Finding]) -> float:
    """Return how many items show on which side of the limit those costs or latencies lie that are open; or 0."""
    found = [0.0]
    for one in findings:
        ends, ratio = one.figures.get("interval"), one.figures.get("ratio")
        if one.name not in ("cost", "latency") or one.state != "open" or not isinstance(ends, list) or not ratio:
            continue
        low, high = (end if isinstance(end, float) else 0.0 for end in ends)
        if low <= 0 or high <= 0:  # an end that is open
            continue
        away = abs(math.log(float(str(ratio)) / rule.gain_ratio))
        wide = math.log(high / low) / 2 * (1 + normal_quantile(POWER) / normal_quantile(1 - rule.alpha / 2))
        if away > wide / _FAR:
            found.append(len(evidence.cases) * (wide / away) ** 2)
    return max(found)


_GAINS: Final = {False: ("improvement", "cost", "latency"), True: ("improvement",)}


def _wanted(
    evidence: Evidence, rule: Rule, *, margin: float, gained: bool, alpha: float | None = None
) -> float | None:  # fmt: skip
    """Return how many items in all show the nearest decision."""
    if evidence.incumbent is None:
        return None
    delta = evidence.candidate.scores() - evidence.incumbent.scores()
    known = ~np.isnan(delta)
    if not known.any():
        return None
    mean = float(delta[known].mean())
    variance = _variance(delta[known]) * _together(evidence, delta, known)
    one = rule.alpha if alpha is None else alpha
    two = one / 2
    no_worse, better = _items(variance, mean + margin, one), _items(variance, mean, two)
    worse, no_better = _items(variance, -mean, two), _items(variance, margin - mean, one)
    ways = [worse, no_worse] if gained else [worse, max(no_worse, better), max(no_worse, no_better)]
    found = min(ways)
    return found if math.isfinite(found) else None


def _items(variance: float, distance: float, tail: float) -> float:
    if distance <= 0:
        return math.inf
    return (normal_quantile(1 - tail) + normal_quantile(POWER)) ** 2 * variance / distance**2


def _variance(delta: Floats) -> float:
    """Return the variance of the differences, with half a win and half a loss more than were seen."""
    count = len(delta) + 1
    mean = float(delta.sum()) / count
    return (float((delta * delta).sum()) + 1) / count - mean * mean


def _together(evidence: Evidence, delta: Floats, known: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> float:
    """Return by how much clusters multiply the variance of a mean."""
    labels = evidence.labels()
    if labels is None:
        return 1.0
    kept = [label for label, there in zip(labels, known, strict=True) if there]
    alone, grouped = standard_error(delta[known]), clustered_error(delta[known], kept)
    return 1.0 if alone is None or grouped is None else max(1.0, (grouped / alone) ** 2)
