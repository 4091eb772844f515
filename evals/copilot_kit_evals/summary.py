"""What a run shows: by task, candidate and slice, with intervals; what is missing is carried as bounds.

The unit is the item: its score is the mean over its repeats and variants. Derived from the folder alone, at any time.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import numpy as np

from copilot_kit.approval.bounds import Interval
from copilot_kit_evals.attempts import MISSING, Attempt, Outcome
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.items import Item
from copilot_kit_evals.manifest import TaskEntry
from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.comparison import Comparison, Side, compare
from copilot_kit_evals.stats.means import estimate
from copilot_kit_evals.stats.passk import suite_pass_hat_k
from copilot_kit_evals.stats.quantiles import quantile
from copilot_kit_evals.stats.resources import cost_per_success

ALL: Final = "all"
"""The slice of all items; the others are called by their tags."""
FORMAT: Final = "copilot-kit-summary/1"
_QUANTILES: Final = (0.5, 0.95)
_ENOUGH: Final = 5


@dataclass(slots=True)
class ItemRow:
    """One item as one candidate did it, in one task and for one scorer."""

    item: Item
    wanted: int
    """Attempts that the run makes at it."""
    scores: list[float] = field(default_factory=list)
    """Of those that have one."""

    @property
    def mean(self) -> float:
        """NaN where none has a score."""
        return sum(self.scores) / len(self.scores) if self.scores else math.nan

    @property
    def seen(self) -> float:
        """Share of the wanted attempts that have a score."""
        return len(self.scores) / self.wanted


@dataclass(slots=True)
class Sheet:
    """What one candidate did in one task."""

    task: TaskEntry
    candidate: str
    rows: dict[str, list[ItemRow]]
    """By scorer: one row an item, in the seeded order."""
    outcomes: dict[Outcome, int] = field(default_factory=dict)
    costs: dict[str, list[float]] = field(default_factory=dict)
    """By item, of attempts whose cost is known."""
    unpriced: int = 0
    scoring_usd: float = 0.0
    """What scorers spent, as far as it is known; never part of the candidate's cost."""
    latencies: list[float] = field(default_factory=list)
    """Model and tools of each attempt that ended by itself."""
    first_tokens: list[float] = field(default_factory=list)
    tokens_in: int = 0
    tokens_out: int = 0
    retried: int = 0
    truncated: int = 0
    unparsed: int = 0
    again: int = 0
    """Keys that were attempted more than once."""


def sheets(run: RunFolder) -> list[Sheet]:
    """Return what each candidate did in each task; every planned attempt is counted, there or not."""
    found: dict[tuple[str, str], Sheet] = {}
    places: dict[tuple[str, str], int] = {}
    for task in run.manifest.tasks:
        plan = [(item, len(keys) // len(run.manifest.candidates)) for item, keys in run.expected(task)]
        places |= {(task.name, item.id): place for place, (item, _) in enumerate(plan)}
        for candidate in run.manifest.candidates:
            rows = {scorer: [ItemRow(item, wanted) for item, wanted in plan] for scorer in task.scorers}
            found[task.name, candidate.name] = Sheet(task, candidate.name, rows)
    for attempt in run.settled():
        _enter(found[attempt.task, attempt.candidate], attempt, places[attempt.task, attempt.item])
    return list(found.values())


def _enter(sheet: Sheet, attempt: Attempt, place: int) -> None:
    sheet.outcomes[attempt.outcome] = sheet.outcomes.get(attempt.outcome, 0) + 1
    for name, rows in sheet.rows.items():
        score = attempt.scores.get(name)
        if score is not None and score.value is not None:
            rows[place].scores.append(score.value)
    usage, timings = attempt.usage, attempt.timings
    sheet.tokens_in += usage.input or 0
    sheet.tokens_out += usage.output or 0
    sheet.retried += attempt.retried
    sheet.truncated += attempt.stop == "length"
    sheet.unparsed += any(score.meta.get("unparsed") is True for score in attempt.scores.values())
    sheet.again += attempt.tries > 1
    spent = (score.usage.cost_usd for score in attempt.scores.values() if score.usage is not None)
    sheet.scoring_usd += float(sum(cost for cost in spent if cost is not None))
    if usage.cost_usd is None:
        sheet.unpriced += attempt.calls > 0
    else:
        sheet.costs.setdefault(attempt.item, []).append(float(usage.cost_usd))
    if attempt.outcome not in MISSING:
        sheet.latencies.append(timings.model_s + timings.tools_s)
        if timings.first_token_s is not None:
            sheet.first_tokens.append(timings.first_token_s)


def summary(run: RunFolder, found: Sequence[Sheet] | None = None) -> dict[str, Any]:
    """Return the summary as JSON data; `found` are its sheets, for who has them already."""
    found = sheets(run) if found is None else found
    confidence = run.manifest.rule.confidence
    tasks: dict[str, Any] = {}
    for sheet in found:
        entry = tasks.setdefault(sheet.task.name, {"candidates": {}, "differences": []})
        entry["candidates"][sheet.candidate] = _candidate(sheet, confidence)
    for name, entry in tasks.items():
        entry["differences"] = list(_differences([one for one in found if one.task.name == name], run))
    return {
        "format": FORMAT,
        "run_id": run.manifest.run_id,
        "identity": run.manifest.identity,
        "complete": all(_ended(sheet) == _wanted(sheet) for sheet in found),
        "attempts": {"wanted": sum(map(_wanted, found)), "ended": sum(map(_ended, found))},
        "cost_usd": sum(sum(map(sum, sheet.costs.values())) for sheet in found),
        "confidence": confidence,
        "tasks": tasks,
        "decisions": len(run.decisions()),
    }


def _wanted(sheet: Sheet) -> int:
    return sum(row.wanted for row in sheet.rows[sheet.task.primary])


def _ended(sheet: Sheet) -> int:
    return sum(count for outcome, count in sheet.outcomes.items() if outcome != "cancelled")


def _candidate(sheet: Sheet, confidence: float) -> dict[str, Any]:
    slices = {ALL: None, **dict.fromkeys(sorted({tag for row in sheet.rows[sheet.task.primary]
                                                 for tag in row.item.tags}))}  # fmt: skip
    return {
        "outcomes": dict(sorted(sheet.outcomes.items())),
        "not_run": _wanted(sheet) - sum(sheet.outcomes.values()),
        "asked_again": sheet.again,
        "requests_retried": sheet.retried,
        "truncated": sheet.truncated,
        "unparsed": sheet.unparsed,
        "scorers": {
            scorer: {name: slice_of(_in(rows, name), sheet.task, confidence) for name in slices}
            for scorer, rows in sheet.rows.items()
        },
        "pass_hat_k": _pass_hat(sheet),
        "cost": _cost(sheet, confidence),
        "scoring_usd": sheet.scoring_usd,
        "latency_s": _latencies(sheet.latencies, confidence),
        "first_token_s": _latencies(sheet.first_tokens, confidence),
        "tokens": {"input": sheet.tokens_in, "output": sheet.tokens_out},
    }


def _in(rows: Iterable[ItemRow], tag: str) -> list[ItemRow]:
    return [row for row in rows if tag == ALL or tag in row.item.tags]


def slice_of(rows: Sequence[ItemRow], task: TaskEntry, confidence: float) -> dict[str, Any]:
    """Return the mean of a slice with its interval, and between which ends it lies whatever the missing ones are."""
    scored = [row for row in rows if row.scores]
    gaps = sum(row.seen < 1 for row in rows)
    told: dict[str, Any] = {"items": len(rows), "scored": len(scored), "missing": gaps, "mean": None, "error": None,
                            "interval": None, "bounds": list(task.bounds)}  # fmt: skip
    if not scored:
        return told
    means = [row.mean for row in scored]
    known = estimate(means, clusters=clusters_of(scored), confidence=confidence, bounds=task.bounds)
    ends = [_filled(rows, end) for end in task.bounds]
    low, high = (estimate(end, clusters=clusters_of(rows), confidence=confidence, bounds=task.bounds) for end in ends)
    weights = sum(row.item.weight for row in scored)
    return told | {
        "mean": known.mean,
        "weighted_mean": sum(row.item.weight * row.mean for row in scored) / weights,
        "error": known.error,
        "units": known.units,
        "interval": _pair(known.interval),
        "bounds": [low.mean, high.mean],
        "interval_with_missing": _pair(known.interval) if gaps == 0 else _outer(low.interval, high.interval),
    }


def _filled(rows: Sequence[ItemRow], end: float) -> list[float]:
    """Return the means, with what has no score taken as this."""
    return [(sum(row.scores) + (row.wanted - len(row.scores)) * end) / row.wanted for row in rows]


def clusters_of(rows: Sequence[ItemRow]) -> list[str] | None:
    """Return a label an item, of its cluster; items without one stand alone. None where no item has any."""
    if all(row.item.cluster is None for row in rows):
        return None
    return [f"item {row.item.id}" if row.item.cluster is None else f"cluster {row.item.cluster}" for row in rows]


def _pass_hat(sheet: Sheet) -> dict[str, Any]:
    """Return pass^k up to the fewest scored repeats of an item, where there are several and all scores are 0 or 1."""
    rows = [row for row in sheet.rows[sheet.task.primary] if row.scores]
    if sheet.task.repeats == 1 or not rows or any(score not in (0.0, 1.0) for row in rows for score in row.scores):
        return {}
    trials, successes = [len(row.scores) for row in rows], [int(sum(row.scores)) for row in rows]
    found = {}
    for k in range(1, min(trials) + 1):
        rate = suite_pass_hat_k(trials, successes, k)
        found[str(k)] = {"mean": rate.mean, "error": rate.error, "items": rate.tasks}
    return found


def _cost(sheet: Sheet, confidence: float) -> dict[str, Any]:
    total = sum(map(sum, sheet.costs.values()))
    told: dict[str, Any] = {"total_usd": total, "unpriced": sheet.unpriced, "per_success": None}
    rows = [row for row in sheet.rows[sheet.task.primary] if row.scores and row.item.id in sheet.costs]
    if sheet.unpriced or not rows or sheet.task.bounds[0] < 0:
        return told
    costs = [sum(sheet.costs[row.item.id]) / len(sheet.costs[row.item.id]) for row in rows]
    found = cost_per_success(costs, [row.mean for row in rows], clusters=clusters_of(rows), confidence=confidence)
    if found is not None:
        told["per_success"] = {"usd": found.ratio, "error": found.error, "interval": _pair(found.interval)}
    return told


def _latencies(seconds: Sequence[float], confidence: float) -> dict[str, Any]:
    found: dict[str, Any] = {"n": len(seconds)}
    if len(seconds) < _ENOUGH:
        return found
    for share in _QUANTILES:
        one = quantile(seconds, share, confidence=confidence)
        found[f"p{share * 100:.0f}"] = {"value": one.value, "interval": [_end(one.lower), _end(one.upper)]}
    return found


def _differences(found: Sequence[Sheet], run: RunFolder) -> Iterable[dict[str, Any]]:
    """Yield each later candidate against the first one, by scorer and slice."""
    incumbent, *others = found
    for other in others:
        for scorer, rows in other.rows.items():
            tags = sorted({tag for row in rows for tag in row.item.tags})
            for name in (ALL, *tags):
                one = paired(_in(rows, name), _in(incumbent.rows[scorer], name), other.task, run)
                told = {"candidate": other.candidate, "against": incumbent.candidate, "scorer": scorer, "slice": name}
                yield told | (_told(one) if one is not None else {"n_items": 0})


def paired(rows: Sequence[ItemRow], against: Sequence[ItemRow], task: TaskEntry, run: RunFolder) -> Comparison | None:
    """Return rows - against, item by item; None where no item has a score of both."""
    first, second = (Side(np.array([row.mean for row in each]), seen=np.array([row.seen for row in each]))
                     for each in (rows, against))  # fmt: skip
    try:
        return compare(first, second, clusters=clusters_of(rows), confidence=run.manifest.rule.confidence,
                       bounds=task.bounds, seed=run.manifest.seed)  # fmt: skip
    except NotUsable:
        return None


def _told(one: Comparison) -> dict[str, Any]:
    missing = one.with_missing
    return {
        "n_items": one.n_items,
        "difference": one.difference,
        "interval": _pair(one.interval),
        "method": one.method,
        "p": one.p,
        "wins": one.wins,
        "losses": one.losses,
        "ties": one.ties,
        "clusters": one.clusters,
        "missing": {"candidate": one.missing_a, "against": one.missing_b},
        "with_missing": None if missing is None else {
            "difference": _pair(missing.difference), "interval": _pair(missing.interval), "p": missing.p},
    }  # fmt: skip


def _outer(low: Interval | None, high: Interval | None) -> list[float | None] | None:
    return None if low is None or high is None else [_end(low.lower), _end(high.upper)]


def _pair(interval: Interval | None) -> list[float | None] | None:
    return None if interval is None else [_end(interval.lower), _end(interval.upper)]


def _end(value: float | Decimal) -> float | None:
    """Return an end of an interval for JSON, where an open one is null."""
    return float(value) if math.isfinite(value) else None
