"""What stands beside the word of a swap's verdict: the difference with its interval and its p, wins and losses."""

from dataclasses import dataclass

import numpy as np

from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.comparison import Side as Row
from copilot_kit_evals.stats.comparison import compare
from copilot_kit_evals.tasks import Rule
from copilot_kit_evals.verdict.claims import Differences
from copilot_kit_evals.verdict.evidence import Evidence
from copilot_kit_evals.verdict.gains import finite
from copilot_kit_evals.verdict.verdicts import Ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """Candidate - incumbent over the items that both have a score of."""

    n_items: int
    difference: float
    interval: Ends | None
    p_exact: float | None
    """None in a run that could end early: a p for a fixed number of items would promise too much."""
    p: float
    wins: int
    losses: int
    mean_incumbent: float
    mean_candidate: float
    clusters: int | None = None
    effective_clusters: float | None = None

    @property
    def clustered(self) -> str:
        """Say why single items and whole clusters say different things."""
        return (
            f"single items would say p = {self.p_exact:.2g}, but they come in {self.clusters} clusters, which count "
            f"like {self.effective_clusters:.1f}: over whole ones p = {self.p:.2g}"
        )


def measured(evidence: Evidence, rule: Rule) -> Measure | None:
    """Return the difference; None where no item has a score of both."""
    if evidence.incumbent is None or not evidence.cases:
        return None
    return _watched(evidence, rule) if evidence.sequential else _once(evidence, rule)


def _once(evidence: Evidence, rule: Rule) -> Measure | None:
    old, new = evidence.incumbent, evidence.candidate
    if old is None:
        return None
    sides = [Row(side.scores(), seen=side.seen()) for side in (new, old)]
    bounds = (0.0, 1.0) if evidence.bounded else None
    try:
        found = compare(*sides, clusters=evidence.labels(), confidence=rule.confidence, bounds=bounds,
                        seed=evidence.seed)  # fmt: skip
    except NotUsable:
        return None
    ends = found.interval
    return Measure(
        n_items=found.n_items,
        difference=found.difference,
        interval=None if ends is None else (finite(ends.lower), finite(ends.upper)),
        p_exact=found.p_exact,
        p=found.p,
        wins=found.wins,
        losses=found.losses,
        mean_incumbent=found.mean_b,
        mean_candidate=found.mean_a,
        clusters=found.clusters,
        effective_clusters=found.effective_clusters,
    )


def _watched(evidence: Evidence, rule: Rule) -> Measure | None:
    """Return what holds at every moment: an interval and a p that may be looked at again and again."""
    old, new = evidence.incumbent, evidence.candidate
    if old is None:
        return None
    one, other = new.scores(), old.scores()
    both = ~np.isnan(one) & ~np.isnan(other)
    if not both.any():
        return None
    delta, differences = (one - other)[both], Differences.of(evidence)
    ends = differences.band(rule.confidence)
    return Measure(
        n_items=len(delta),
        difference=float(delta.mean()),
        interval=None if ends is None else (finite(ends.lower), finite(ends.upper)),
        p_exact=None,
        p=min(differences.better(), differences.worse()),
        wins=int((delta > 0).sum()),
        losses=int((delta < 0).sum()),
        mean_incumbent=float(other[both].mean()),
        mean_candidate=float(one[both].mean()),
    )
