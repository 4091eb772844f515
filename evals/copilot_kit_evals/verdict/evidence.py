"""What a log shows of an incumbent and a candidate, item by item: all that a verdict looks at.

It comes from runs (`of_run`, `of_runs`), from tables that others wrote (`of_table`), or from a run that still goes on
(`looking`). Scores of tasks with bounds are scaled to lie between 0 and 1, so that items of several tasks go together.
"""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from copilot_kit_evals.stats.arrays import Floats
from copilot_kit_evals.verdict.habits import Habits
from copilot_kit_evals.verdict.verdicts import ALL

if TYPE_CHECKING:
    from copilot_kit_evals.folder import RunFolder
    from copilot_kit_evals.tables import Table

_NONE: Final = float("nan")


@dataclass(frozen=True, slots=True)
class Case:
    """One item, as far as verdicts care."""

    id: str
    """Its task in front where there are several."""
    slices: tuple[str, ...] = ()
    """Its tags, and its task where there are several."""
    cluster: str | None = None
    must_pass: bool = False
    required: float | None = None
    """How often it must succeed."""
    parked: bool = False
    """Set aside as too hard or too expensive."""

    @property
    def unit(self) -> str:
        """What counts as independent: its cluster, or itself."""
        return f"item {self.id}" if self.cluster is None else f"cluster {self.cluster}"


@dataclass(slots=True)
class Mark:
    """What one side made of one item."""

    wanted: int = 1
    """Attempts that were planned; 0 where nothing was ever asked of this side here."""
    scores: dict[str, list[float]] = field(default_factory=dict)
    """By variant, of the attempts that have a score."""
    costs: list[float] = field(default_factory=list)
    """In USD, of attempts whose cost is known."""
    latencies: list[float] = field(default_factory=list)
    """In seconds, of attempts that ended by themselves."""
    unpriced: int = 0
    reason: str | None = None
    """What the scorer said of the worst attempt."""

    @property
    def all(self) -> list[float]:
        """Return every score."""
        return [score for scores in self.scores.values() for score in scores]

    @property
    def tries(self) -> int:
        """How many attempts have a score."""
        return sum(map(len, self.scores.values()))

    @property
    def mean(self) -> float:
        """NaN where there is no score."""
        scores = self.all
        return math.fsum(scores) / len(scores) if scores else _NONE

    @property
    def seen(self) -> float:
        """Share of the planned attempts that have a score."""
        return min(1.0, self.tries / self.wanted) if self.wanted else 0.0

    @property
    def cost(self) -> float:
        """Mean cost of an attempt; NaN where one is not known."""
        return _NONE if self.unpriced or not self.costs else math.fsum(self.costs) / len(self.costs)

    @property
    def latency(self) -> float:
        """Mean seconds of an attempt; NaN where none ended."""
        return math.fsum(self.latencies) / len(self.latencies) if self.latencies else _NONE

    def fails(self, pass_score: float) -> int:
        """Return how many scored attempts are below the score that passes."""
        return sum(score < pass_score for score in self.all)

    def is_clean(self, pass_score: float) -> bool:
        """Tell whether every planned attempt has passed."""
        return self.seen == 1 and self.fails(pass_score) == 0


@dataclass(frozen=True, slots=True)
class Side:
    """One model over all cases, in their order."""

    name: str
    marks: tuple[Mark, ...]
    habits: Habits = field(default_factory=Habits)
    """How it answers, where the log says."""

    def scores(self) -> Floats:
        """Return one mean a case; NaN where there is none."""
        return np.array([mark.mean for mark in self.marks], dtype=np.float64)

    def seen(self) -> Floats:
        """Return the share of attempts of each case that have a score."""
        return np.array([mark.seen for mark in self.marks], dtype=np.float64)

    def costs(self) -> Floats:
        """Return the mean cost of an attempt at each case; NaN where it is not known."""
        return np.array([mark.cost for mark in self.marks], dtype=np.float64)

    def latencies(self) -> Floats:
        """Return the mean seconds of an attempt at each case; NaN where they are not known."""
        return np.array([mark.latency for mark in self.marks], dtype=np.float64)

    def total_usd(self) -> float | None:
        """Return what all attempts cost together; None where a cost is not known."""
        if any(mark.unpriced for mark in self.marks) or not any(mark.costs for mark in self.marks):
            return None
        return math.fsum(cost for mark in self.marks for cost in mark.costs)

    def at(self, places: Sequence[int]) -> "Side":
        """Return only these cases."""
        return replace(self, marks=tuple(self.marks[place] for place in places))


@dataclass(frozen=True, slots=True)
class Evidence:
    """A log, ready to be judged. Nothing in it depends on the order of the files."""

    cases: tuple[Case, ...]
    """In the seeded order of the run where there is one, which sequential evidence needs."""
    candidate: Side
    incumbent: Side | None = None
    """None at a launch."""
    without: tuple[Side, ...] = ()
    """The candidate with a crutch left out, under the names that the rule's `crutches` have."""
    bounded: bool = True
    """Scores lie between 0 and 1; otherwise nothing is known of what missing ones could be."""
    seed: int = 0
    """Of what is drawn."""
    sequential: bool = False
    """A look could end the run: only evidence that allows for it counts."""
    tasks: tuple[str, ...] = ()
    """Whose items these are; one task alone is no slice."""
    ahead: tuple[Case, ...] = ()
    """Cases of the suite that a run which may end early has not reached."""
    reached: "Evidence | None" = None
    """Of a run that may end early and has cut some clusters: all items before the first gap, each by itself. Small
    clusters are whole sooner than large ones, so that whole clusters alone may be no fair sample."""
    rivals: int = 0
    """Other candidates, and earlier tries, on these items; the best of many looks better than it is."""
    problems: tuple[str, ...] = ()
    """What makes the log no evidence, in lines for a person."""
    notes: tuple[str, ...] = ()
    """What a reader should know beside, and decides nothing."""

    @classmethod
    def of_run(cls, run: "RunFolder", incumbent: str | None, candidate: str) -> "Evidence":
        """Return the evidence of a run in which both took part."""
        from copilot_kit_evals.verdict.runs import of_runs

        return of_runs([run], incumbent, candidate)

    @classmethod
    def of_table(cls, table: "Table", incumbent: str | None, candidate: str) -> "Evidence":
        """Return the evidence of a long table with the usual columns; `matrices.of_table` takes others."""
        from copilot_kit_evals.verdict.matrices import of_table

        return of_table(table, incumbent, candidate)

    def at(self, places: Sequence[int]) -> "Evidence":
        """Return only these cases."""
        return replace(
            self,
            cases=tuple(self.cases[place] for place in places),
            candidate=self.candidate.at(places),
            incumbent=None if self.incumbent is None else self.incumbent.at(places),
            without=tuple(side.at(places) for side in self.without),
            reached=None,
        )

    def part(self, name: str, places: Sequence[int]) -> "Evidence":
        """Return only these cases, which are those of a slice."""
        return self._with_reached(self.at(places), lambda case: name in case.slices)

    def compared(self) -> "Evidence":
        """Return what the comparison is about: all but parked items."""
        kept = self.at([place for place, case in enumerate(self.cases) if not case.parked])
        return self._with_reached(kept, lambda case: not case.parked)

    def _with_reached(self, part: "Evidence", wanted: Callable[[Case], bool]) -> "Evidence":
        if self.reached is None:
            return part
        places = [place for place, case in enumerate(self.reached.cases) if wanted(case)]
        return replace(part, reached=self.reached.at(places))

    def with_single_items(self, cases: Sequence[Case], candidate: Side, incumbent: Side | None) -> "Evidence":
        """Return this evidence of whole clusters beside that of all items that were reached, where those are more."""
        if len(cases) == len(self.cases):
            return self
        single = tuple(replace(case, cluster=None) for case in cases)
        return replace(self, reached=Evidence(single, candidate, incumbent, bounded=self.bounded, sequential=True))

    def slices(self, *, named: Collection[str] = ()) -> dict[str, list[int]]:
        """Return the places of each slice.

        One that holds every case is none, and neither is another's twin; unless a rule has named it: it is told of by
        that name then, and a twin that nobody named makes way.
        """
        found: dict[str, list[int]] = {}
        for place, case in enumerate(self.cases):
            for name in dict.fromkeys(case.slices):
                found.setdefault(name, []).append(place)
        told = {name: found[name] for name in sorted(set(named) & set(found)) if name != ALL}
        for name in sorted(set(found) - set(told)):
            if name != ALL and len(found[name]) < len(self.cases) and found[name] not in told.values():
                told[name] = found[name]
        return dict(sorted(told.items()))

    def labels(self) -> list[str] | None:
        """Return the cluster of each case; one without any stands alone. None where no case has one."""
        if all(case.cluster is None for case in self.cases):
            return None
        return [case.unit for case in self.cases]
