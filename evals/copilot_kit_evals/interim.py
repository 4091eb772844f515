"""What a run shows while it goes on, as a difference that may be looked at as often as one likes.

The items come in the order that the seed fixed, so that evidence by betting and an interval for all moments are right
at each of them: Waudby-Smith and Ramdas (2024, arXiv 2010.09686), in `stats/anytime.py`. A cluster counts as one item,
once all of its items have ended. Items that one of the two has no score for are left out and counted: what they might
have been is for the summary to say.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from pydantic import JsonValue

from copilot_kit.display import visible
from copilot_kit_evals.folder import Decision
from copilot_kit_evals.stats.anytime import betting, empirical_bernstein
from copilot_kit_evals.tally import Tally

ENOUGH: Final = 5
"""Fewer items say nothing."""
_ONE_TO_ONE: Final = 1.5


@dataclass(frozen=True, slots=True)
class Interim:
    """A candidate against the incumbent so far, in shares of what a score can be."""

    candidate: str
    incumbent: str
    n: int
    """Items, or clusters of items."""
    unscored: int
    """Items without a score on one of the two sides."""
    difference: float
    lower: float
    upper: float
    evidence: float
    """What a fair bettor against "the two are alike" has made of 1; below 1 it has lost."""

    def __str__(self) -> str:
        """Return it in words: `b - a: so far +0.04 (-0.02 to 0.10) on 40 items, evidence 7:1`."""
        gaps = f" ({self.unscored:,} without a score left out)" if self.unscored else ""
        return (
            f"{visible(self.candidate)} - {visible(self.incumbent)}: so far {self.difference:+.3f} "
            f"({self.lower:.3f} to {self.upper:.3f}) on {self.n:,} items{gaps}, {odds(self.evidence)}"
        )

    @property
    def found(self) -> dict[str, JsonValue]:
        """What the log keeps of it."""
        evidence = self.evidence if math.isfinite(self.evidence) else None
        return {"n": self.n, "unscored": self.unscored, "difference": self.difference,
                "interval": [self.lower, self.upper], "evidence": evidence}  # fmt: skip


def odds(evidence: float) -> str:
    """Return evidence as odds: `evidence 7:1`, or that there is none."""
    if evidence < _ONE_TO_ONE:
        return "no evidence that they differ"
    return f"evidence {evidence:,.0f}:1" if evidence < 1_000_000 else "evidence above 1,000,000:1"  # noqa: PLR2004


class Interims:
    """What a tally shows of each candidate against the first, taken further as items end."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._pairs = [_Pairs() for _ in tally.candidates[1:]]
        self._clusters: _Clusters | None = None
        self._seen = 0
        self._last: tuple[int, list[Interim]] = (-1, [])

    def found(self) -> list[Interim]:
        """Return one for each candidate that has enough items."""
        tally = self._tally
        if len(tally.candidates) == 1:
            return []
        self._clusters = self._clusters or _Clusters(tally)
        for place in range(self._seen, tally.items):
            width = tally.width(place)
            for number, pairs in enumerate(self._pairs, 1):
                pairs.add((tally.mean(place, number) - tally.mean(place, 0)) / width, self._clusters.of(place))
        self._seen = tally.items
        if self._last[0] != self._seen:
            self._last = self._seen, [self._one(number, pairs) for number, pairs in enumerate(self._pairs, 1)
                                      if len(pairs.values) >= ENOUGH]  # fmt: skip
        return self._last[1]

    def _one(self, number: int, pairs: "_Pairs") -> Interim:
        values, tally = np.array(pairs.values), self._tally
        band = empirical_bernstein(values, confidence=tally.order.manifest.rule.confidence, bounds=(-1.0, 1.0))
        return Interim(
            candidate=tally.candidates[number],
            incumbent=tally.candidates[0],
            n=len(values),
            unscored=pairs.unscored,
            difference=float(values.mean()),
            lower=float(band.lower[-1]),
            upper=float(band.upper[-1]),
            evidence=float(betting(values)[-1]),
        )


class _Pairs:
    """Differences of one candidate, one a finished cluster; an item without one is a cluster of its own."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.unscored = 0
        self._open: dict[str, list[float]] = {}

    def add(self, delta: float, cluster: tuple[str, bool] | None) -> None:
        """Take in an item; cluster: its name, and whether this is its last item."""
        if math.isnan(delta):
            self.unscored += 1
        if cluster is None:
            self.values += [] if math.isnan(delta) else [delta]
            return
        name, is_last = cluster
        known = self._open.setdefault(name, [])
        known += [] if math.isnan(delta) else [delta]
        if is_last and (ended := self._open.pop(name)):
            self.values.append(sum(ended) / len(ended))


class _Clusters:
    """Which cluster each item belongs to, and where the last one of each stands."""

    def __init__(self, tally: Tally) -> None:
        self._names: dict[int, str] = {}
        self._last: dict[str, int] = {}
        order = tally.order
        for place in range(len(order)):
            cluster = order.item(place).cluster
            if cluster is not None:
                name = f"{order.task(place)} {cluster}"
                self._names[place] = name
                self._last[name] = place

    def of(self, place: int) -> tuple[str, bool] | None:
        name = self._names.get(place)
        return None if name is None else (name, self._last[name] == place)


class Looking:
    """An interim look that keeps what the items show, and never ends a run."""

    def __init__(self) -> None:
        self._interims: Interims | None = None

    def __call__(self, tally: Tally) -> Decision:
        """Return what goes into `decisions.jsonl`."""
        self._interims = self._interims or Interims(tally)
        found: dict[str, JsonValue] = {one.candidate: one.found for one in self._interims.found()}
        told: dict[str, JsonValue] = {"against": tally.candidates[0], "candidates": found}
        return Decision(items=tally.items, verdict="continue", found=told)
