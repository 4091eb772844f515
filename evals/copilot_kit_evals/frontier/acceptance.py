"""Whether people accept less of a model that takes over than of the one beside it, watched all the time.

A case is what agents of the slot did in one run, and people judged: which share of these calls was approved unchanged
and worked. A call counts for the agent that made it, the run's own or a nested one, with the model that this agent
began with; agents of other slots in the same run say nothing. Which model a run has was drawn by its id, so that both
get the same kinds of work at the same time; behind a switch by hand nothing was drawn, and nothing counts. Cases are
taken in the order in which they were judged; each case of the new model is set against the mean of the old model's
cases since the one before it, and where there is none, it waits for one. These differences (old - new) lie in [-1,
1], and their mean is not above 0 as long as the new model is accepted as often. `stats.anytime` bets that it is above
(`non_inferiority_betting` at margin 0); the new model is taken back when the bet has made 1 / alpha of 1. By Ville's
inequality that happens to a model that is no worse with a chance of at most alpha, however often one looks; the tests
simulate it.

What it rests on: cases of one model are alike but for chance, or drift slowly. A call that is undone later changes a
case that was counted before; the record is read anew at each look, and the rule then decides on what is known by then.
Calls that ran without a question are no cases, unless they failed or were taken back.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from copilot_kit.journal.index import CallRow, Journal
from copilot_kit.journal.store import Entry
from copilot_kit.records import ModelSwitched, RunStarted

ALPHA: Final = 0.05
_MANY: Final = 100_000


@dataclass(frozen=True, slots=True)
class Case:
    """A run that people have judged."""

    is_new: bool
    accepted: float
    """Share of its judged calls that were approved unchanged and worked."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """How the two models stand side by side."""

    old: int
    new: int
    """Cases."""
    old_rate: float | None
    new_rate: float | None
    evidence: float
    """What a bet that the new one is accepted less has made of 1, at its highest."""
    alpha: float = ALPHA

    @property
    def fell(self) -> bool:
        """Whether it is shown that people accept less of the new model."""
        return self.evidence >= 1 / self.alpha

    def __str__(self) -> str:
        """Return it in words."""
        rates = [f"{'unknown' if rate is None else f'{rate:.0%}'} of {cases:,} runs"
                 for rate, cases in ((self.new_rate, self.new), (self.old_rate, self.old))]  # fmt: skip
        return (
            f"accepted unchanged and worked: new {rates[0]}, old {rates[1]}; evidence of a fall {self.evidence:.3g}:1"
        )


def acceptance(cases: Sequence[Case], *, alpha: float = ALPHA) -> Acceptance:
    """Return how two models stand after these cases, which are in the order in which they were judged."""
    from copilot_kit_evals.stats.anytime import non_inferiority_betting

    pairs = differences(cases)
    wealth = non_inferiority_betting(pairs, margin=0.0).max() if pairs else 1.0
    rates = [_mean([one.accepted for one in cases if one.is_new is side]) for side in (False, True)]
    counts = [sum(one.is_new is side for one in cases) for side in (False, True)]
    return Acceptance(counts[0], counts[1], rates[0], rates[1], float(max(1.0, wealth)), alpha)


def differences(cases: Iterable[Case]) -> list[float]:
    """Return old - new for each case of the new model that has some of the old one beside it."""
    found: list[float] = []
    waiting: list[float] = []
    beside: list[float] = []
    for one in cases:
        (waiting if one.is_new else beside).append(one.accepted)
        if waiting and beside:
            found.append(sum(beside) / len(beside) - waiting.pop(0))
            beside = []
    return found


async def cases_of(journal: Journal, *, slot: str, old: str, new: str, since: datetime) -> list[Case]:
    """Return what agents of a slot that began after a moment did in each run, in the order in which it was judged."""
    rows: dict[str, list[CallRow]] = {}
    for row in await journal.calls(limit=_MANY):
        if row.asked_at >= since:
            rows.setdefault(row.run_id, []).append(row)
    found: list[tuple[datetime, str, Case]] = []
    for run_id, calls in rows.items():
        models = _models_of(await journal.read(run_id), slot, since)
        for model in (old, new):
            own = [row for row in calls if models.get(row.seq) == model]
            judged = [(row.decided_at or row.asked_at, fate) for row in own if (fate := judged_as(row)) is not None]
            if judged and not any(row.state == "pending" for row in own):
                share = sum(fate for _, fate in judged) / len(judged)
                found.append((max(at for at, _ in judged), run_id, Case(model == new, share)))
    return [case for _, _, case in sorted(found, key=lambda one: one[:2])]


def judged_as(row: CallRow) -> float | None:
    """Return 1 for a call that was approved unchanged and worked, 0 for one that was not, None where nobody knows."""
    fates: Mapping[str, Literal[0, 1]] = {"done": 1, "failed": 0, "unknown": 0, "undone": 0}
    if row.state in ("edited", "rejected", "answered"):
        return 0.0
    if row.state == "approved":
        return None if row.outcome is None else float(fates[row.outcome])
    if row.state == "allowed" and row.outcome in ("failed", "undone"):
        return 0.0
    return None


def _models_of(entries: Iterable[Entry], slot: str, since: datetime) -> dict[int, str]:
    """Return by number, for each record of agents of the slot that began since then, the model they began with."""
    begun: dict[tuple[str, ...], str] = {}
    found: dict[int, str] = {}
    for entry in entries:
        head, body = entry.head, entry.body
        if isinstance(body, RunStarted) and body.slot == slot and head.at >= since:
            begun[head.path] = body.model
        elif isinstance(body, RunStarted | ModelSwitched):
            begun.pop(head.path, None)
        if head.path in begun:
            found[head.seq] = begun[head.path]
    return found


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
