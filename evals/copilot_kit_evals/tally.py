"""What a run has shown so far, item by item, in some bytes an item: for progress and for interim looks."""

import math
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias

from copilot_kit_evals.attempts import MISSING, Attempt
from copilot_kit_evals.folder import Decision
from copilot_kit_evals.order import Order


@dataclass(slots=True)
class Standing:
    """One candidate so far, over all tasks."""

    ended: int = 0
    missing: int = 0
    failing: int = 0
    """Ended without an answer, or with the lowest score."""
    unscored: int = 0
    """There is an answer, and its scorer could not tell."""
    cost_usd: Decimal = field(default=Decimal(0))
    unpriced: int = 0


class Tally:
    """Means of the primary score by item and candidate, as attempts end."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.candidates = tuple(one.name for one in order.manifest.candidates)
        self.standings = [Standing() for _ in self.candidates]
        size = len(order) * len(self.candidates)
        self._sums = array("d", bytes(8 * size))
        self._scored = array("I", bytes(4 * size))
        self._ended = array("I", bytes(4 * size))
        self._wanted = array("I", (order.attempts_of(place) for place in range(len(order))))
        self._prefix = 0

    @property
    def total(self) -> int:
        """How many attempts the run makes in all."""
        return sum(self._wanted) * len(self.candidates)

    @property
    def ended(self) -> int:
        """How many have ended."""
        return sum(one.ended for one in self.standings)

    @property
    def items(self) -> int:
        """How many items, from the first one of the order on without a gap, all candidates have finished."""
        while self._prefix < len(self.order) and self._is_finished(self._prefix):
            self._prefix += 1
        return self._prefix

    def add(self, attempt: Attempt, place: int, candidate: int) -> None:
        """Take in an attempt that has ended."""
        task = self.order.tasks[self.order.task(place)]
        here = place * len(self.candidates) + candidate
        standing = self.standings[candidate]
        standing.ended += 1
        self._ended[here] += 1
        cost = attempt.usage.cost_usd
        standing.cost_usd += cost or 0
        standing.unpriced += cost is None
        score = attempt.scores.get(task.scorers[0].name)
        if attempt.outcome in MISSING:
            standing.missing += 1
        elif score is None or score.value is None:
            standing.unscored += 1
        else:
            self._sums[here] += score.value
            self._scored[here] += 1
            standing.failing += score.value <= task.bounds[0]

    def scores(self, candidate: int, *, task: str | None = None) -> list[float]:
        """Return one mean an item for the items that are finished, in the seeded order; NaN where none was scored."""
        numbers = [number for number, one in enumerate(self.order.tasks) if task in (None, one.name)]
        return [self.mean(place, candidate) for place in range(self.items) if self.order.task(place) in numbers]

    def width(self, place: int) -> float:
        """Return how far apart the lowest and the highest score of the item at this place are."""
        low, high = self.order.tasks[self.order.task(place)].bounds
        return high - low

    def mean(self, place: int, candidate: int) -> float:
        """Return the mean score of a candidate at the item of this place; NaN where none was scored."""
        here = place * len(self.candidates) + candidate
        return self._sums[here] / self._scored[here] if self._scored[here] else math.nan

    def seen(self, place: int, candidate: int) -> float:
        """Return the share of a candidate's attempts at the item of this place that have a score."""
        return self._scored[place * len(self.candidates) + candidate] / self._wanted[place]

    def _is_finished(self, place: int) -> bool:
        first = place * len(self.candidates)
        return all(self._ended[first + n] >= self._wanted[place] for n in range(len(self.candidates)))


Look: TypeAlias = Callable[[Tally], Decision]
"""An interim look: it reads the tally and says whether the run goes on. Called after every `Rule.look_every` items."""
