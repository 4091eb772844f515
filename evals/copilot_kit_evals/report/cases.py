"""The items of a run one by one: how each candidate did, and which ones flip between the incumbent and another."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from copilot_kit.display import visible
from copilot_kit_evals.attempts import FAILED, Attempt, Key
from copilot_kit_evals.items import Item
from copilot_kit_evals.report.facts import Facts

EXCERPT: Final = 160
_BREAKS: Final = re.compile(r"[ \t\r\n]+")
_FORGIVEN: Final = 1e-9


@dataclass(slots=True)
class Cell:
    """One candidate at one item."""

    score: float | None
    seen: int
    """Attempts with a score."""
    attempts: list[Attempt] = field(default_factory=list)
    """Those that count, in the order of variants and repeats."""

    @property
    def outcomes(self) -> list[str]:
        """How its attempts ended, where not simply so."""
        return sorted({one.outcome for one in self.attempts} - {"ok"})

    @property
    def cost(self) -> float | None:
        """Mean cost of an attempt; None where one is not known."""
        costs = [one.usage.cost_usd for one in self.attempts]
        known = [float(one) for one in costs if one is not None]
        return sum(known) / len(known) if known and len(known) == len(costs) else None

    @property
    def seconds(self) -> float | None:
        """Mean of model and tools."""
        times = [one.timings.model_s + one.timings.tools_s for one in self.attempts]
        return sum(times) / len(times) if times else None


@dataclass(frozen=True, slots=True)
class Case:
    """One item of one task."""

    task: str
    item: Item
    wanted: int
    cells: tuple[Cell, ...]
    """One a candidate, in the order of the manifest."""
    bounds: tuple[float, float]

    @property
    def excerpt(self) -> str:
        """The beginning of what is asked, safe to show."""
        return beginning(asked_text(self.item), EXCERPT)

    def change(self, candidate: int) -> float | None:
        """Return how much better a candidate is than the incumbent; None where one of the two lacks a score."""
        mine, other = self.cells[candidate].score, self.cells[0].score
        return None if mine is None or other is None else mine - other

    @property
    def urgency(self) -> tuple[bool, bool, bool]:
        """Sorts first what a reader will open: candidates differ, must-pass items fail, anything short of the top."""
        scores = [cell.score for cell in self.cells]
        low = any(score is None or score < self.bounds[1] for score in scores)
        ended_badly = any(one.outcome in FAILED for cell in self.cells for one in cell.attempts)
        return not len(set(scores)) > 1, not (self.item.must_pass and low), not (low or ended_badly)


def cases_of(facts: Facts) -> list[Case]:
    """Return the items of all tasks, in the seeded order."""
    manifest = facts.manifest
    found: dict[tuple[str, str], Case] = {}
    for task in manifest.tasks:
        sides = [facts.rows(task.name, name) for name in facts.candidates]
        for rows in zip(*sides, strict=True):
            cells = tuple(Cell(row.mean if row.scores else None, len(row.scores)) for row in rows)
            item = rows[0].item
            found[task.name, item.id] = Case(task.name, item, rows[0].wanted, cells, task.bounds)
    places = {name: place for place, name in enumerate(facts.candidates)}
    last: dict[Key, Attempt] = {}
    for attempt in facts.run.attempts():
        last[attempt.key] = attempt
    for key in sorted(last, key=lambda one: (one.variant, one.repeat)):
        found[key.task, key.item].cells[places[key.candidate]].attempts.append(last[key])
    return list(found.values())


def flips(cases: Sequence[Case], candidate: int) -> tuple[list[Case], list[Case]]:
    """Return where a candidate is better than the incumbent, and where it is worse; must-pass items first."""

    def order(case: Case) -> tuple[bool, float, str]:
        return not case.item.must_pass, -abs(case.change(candidate) or 0.0), case.item.id

    changes = [(case, case.change(candidate)) for case in cases]
    won = [case for case, change in changes if change is not None and change > _FORGIVEN]
    lost = [case for case, change in changes if change is not None and change < -_FORGIVEN]
    return sorted(won, key=order), sorted(lost, key=order)


def beginning(text: str, most: int) -> str:
    """Return the beginning of a text on one line, visible; line breaks and tabs are blanks there."""
    line = _BREAKS.sub(" ", text[: 2 * most])
    return visible(line[:most].rstrip()) + ("…" if len(line) > most else "")


def asked_text(item: Item) -> str:
    """Return what is asked in words: the last turn of a conversation, the members of an object."""
    match item.input:
        case str(text):
            return text
        case dict(members):
            return "; ".join(f"{name}: {value}" for name, value in members.items())
        case turns:
            return turns[-1].text if turns else ""
