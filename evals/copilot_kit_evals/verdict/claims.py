"""What the differences of a slice show, as p-values: each claim in its least favourable case over what is missing.

Two ways, and the log says which holds:
- a run of a size that was fixed before: sign flips (McNemar's exact test for 0/1 scores), of whole clusters where there
  are any; against a margin Tango's score test for 0/1 scores, the one-sided t for others; of clusters both flips (or t)
  and the score test of as many items as they leave (`means.shared_spread`);
- a run that was looked at before its end: bets (`stats.anytime`), whose wealth E ever reaches 1 / p with a chance of at
  most p under what is claimed against, at whatever moment the run was stopped. 1 / max E is then a p-value of its own
  kind, and goes through Holm's correction like any other.

Bets are made on items in the seeded order, or on whole clusters in the order in which their last item stands in it;
that order depends on nothing that was answered. A cluster's bet is its sum of differences over the size of the largest
cluster, so that it is the mean over items that is tested. Small clusters are whole sooner than large ones and may be
unlike them: while clusters are cut, a claim must hold of all items before the gap, too (`Evidence.reached`).
"""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np

from copilot_kit.approval.bounds import Interval
from copilot_kit_evals.stats.anytime import betting, empirical_bernstein, non_inferiority_betting
from copilot_kit_evals.stats.arrays import Floats
from copilot_kit_evals.stats.means import shared_spread
from copilot_kit_evals.stats.missing import filled
from copilot_kit_evals.stats.noninferiority import non_inferiority
from copilot_kit_evals.stats.paired import score_p
from copilot_kit_evals.stats.permutation import sign_flips
from copilot_kit_evals.verdict.evidence import Evidence

DRAWS: Final = 99_999
"""As `stats.comparison` has them, so that a claim and the p that is shown are one."""
FEWER: Final = 9_999
"""For each of many slices."""
_SPAN: Final = (-1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Differences:
    """Candidate - incumbent, one an item, with what is missing filled in both ways."""

    worst: Floats
    """The candidate's gaps at the lowest score, the incumbent's at the highest."""
    best: Floats
    labels: list[str] | None
    bounded: bool
    sequential: bool
    seed: int
    gaps: int
    """Items of which a score is missing on either side."""

    draws: int = DRAWS
    """Of flipped signs, where not all of them can be counted."""
    single: "Differences | None" = None
    """Those of all items that were reached, where some of their clusters are not whole: a claim must hold of both."""

    @classmethod
    def of(cls, evidence: Evidence, *, draws: int = DRAWS) -> "Differences":
        """Return the differences of all cases of the evidence."""
        if evidence.incumbent is None:
            raise ValueError("A launch has no differences: it has no incumbent.")
        new, old = evidence.candidate, evidence.incumbent
        a, b, seen_a, seen_b = new.scores(), old.scores(), new.seen(), old.seen()
        gaps = int(((seen_a < 1) | (seen_b < 1)).sum())
        if evidence.bounded:
            worst = filled(a, 0.0, seen=seen_a) - filled(b, 1.0, seen=seen_b)
            best = filled(a, 1.0, seen=seen_a) - filled(b, 0.0, seen=seen_b)
        else:
            worst = best = (a - b)[~np.isnan(a - b)]
        labels = evidence.labels()
        if labels is not None and len(worst) < len(labels):
            labels = [label for label, kept in zip(labels, ~np.isnan(a - b), strict=True) if kept]
        single = None if evidence.reached is None else cls.of(evidence.reached, draws=draws)
        return cls(worst, best, labels, evidence.bounded, evidence.sequential, evidence.seed, gaps, draws, single)

    @property
    def _is_open(self) -> bool:
        """Nothing can be claimed: no item, or gaps that could hold any number."""
        return not len(self.worst) or (self.gaps > 0 and not self.bounded)

    def no_worse(self, margin: float) -> float:
        """Return the p of "worse by the margin or more"."""
        own = 1.0 if self._is_open else self._above(self.worst, margin)
        return own if self.single is None else max(own, self.single.no_worse(margin))

    def no_better(self, margin: float) -> float:
        """Return the p of "better by the margin or more"."""
        own = 1.0 if self._is_open else self._above(-self.best, margin)
        return own if self.single is None else max(own, self.single.no_better(margin))

    def better(self) -> float:
        """Return the two-sided p of "as good", or 1 where the candidate is not ahead."""
        own = 1.0 if self._is_open else self._ahead(self.worst)
        return own if self.single is None else max(own, self.single.better())

    def worse(self) -> float:
        """Return the two-sided p of "as good", or 1 where the candidate is not behind."""
        own = 1.0 if self._is_open else self._ahead(-self.best)
        return own if self.single is None else max(own, self.single.worse())

    def band(self, confidence: float) -> Interval | None:
        """Return the interval of the mean difference that holds at every moment, as items or clusters come."""
        units = self._units(self.worst), self._units(self.best)
        if self._is_open or not len(units[0]):
            return None
        scale = self._scale()
        low, high = (empirical_bernstein(one, confidence=confidence, bounds=_SPAN) for one in units)
        return Interval(max(-1.0, float(low.lower[-1]) / scale), min(1.0, float(high.upper[-1]) / scale))

    def _above(self, delta: Floats, margin: float) -> float:
        if self.sequential:
            if delta.mean() <= -margin:  # early luck that the rest has taken back
                return 1.0
            units = self._units(delta + margin) - margin  # x + margin, the sum over a cluster for clusters
            return _bet(non_inferiority_betting(np.clip(units, -1, 1), margin=margin)) if margin < 1 else 0.0
        alone = self._by_items(delta, margin)
        if self.labels is None and alone is not None and _is_binary(delta):
            return alone
        bounds = _SPAN if self.bounded else (-math.inf, math.inf)
        found = non_inferiority(delta, margin=margin, clusters=self.labels, bounds=bounds, seed=self.seed)
        if found.method == "no_spread" and not self.bounded and found.mean > 0:  # each is better, by the same
            return sign_flips(delta, clusters=self.labels, tail="above", seed=self.seed).p
        return found.p if alone is None else max(found.p, alone)

    def _by_items(self, delta: Floats, margin: float) -> float | None:
        """Return the p by as many items as there are, or as clusters leave of them; None where nothing bounds a score.

        Whole clusters, too, are deceived by losses that are rare: where hardly an item has moved, t takes one win for
        all the spread that there is, and flips of signs take what is skewed for even.
        """
        if margin >= 1 or not (self.bounded or (self.labels is None and _is_binary(delta))):
            return None
        factor = 1.0 if self.labels is None else shared_spread(delta, self.labels)
        items = len(delta) / factor
        if _is_binary(delta):
            wins, losses = float((delta > 0).sum()), float((delta < 0).sum())
            return score_p(wins / factor, losses / factor, items, null=-margin)
        return _unseen(float(delta.mean()), items, margin)

    def _ahead(self, delta: Floats) -> float:
        if not delta.mean() > 0:
            return 1.0
        if self.sequential:
            return _bet(betting(np.clip(self._units(delta), -1, 1)))
        return sign_flips(delta, clusters=self.labels, seed=self.seed, draws=self.draws).p

    def _units(self, delta: Floats) -> Floats:
        """Return what is bet on, in order: items, or whole clusters at their last item."""
        if self.labels is None:
            return delta
        sums: dict[str, float] = {}
        sizes: dict[str, int] = {}
        for label, value in zip(self.labels, delta, strict=True):
            sums[label] = sums.pop(label, 0.0) + value  # the order of the last items
            sizes[label] = sizes.get(label, 0) + 1
        return np.array(list(sums.values()), dtype=np.float64) / max(sizes.values())

    def _scale(self) -> float:
        """Return by what the mean over items becomes the mean over what is bet on."""
        if self.labels is None:
            return 1.0
        sizes = Counter(self.labels).values()
        return sum(sizes) / len(sizes) / max(sizes)


def _bet(wealth: Floats) -> float:
    return min(1.0, 1 / float(wealth.max())) if len(wealth) else 1.0


def _is_binary(delta: Floats) -> bool:
    """Tell whether these are differences of passes and failures."""
    return bool(np.isin(delta, (-1.0, 0.0, 1.0)).all())


def _unseen(mean: float, items: float, margin: float) -> float:
    """Return the chance that losses so rare and large that they make up the margin were missed by all items.

    The t test takes a single small gain among equal items for spread, and would find fifty items enough.
    """
    if mean + margin <= 0 or mean <= -1:
        return 1.0
    return math.pow(max(0.0, 1 - (mean + margin) / (mean + 1)), items)
