"""What the report of a run says, as data. Means, differences, costs and times are those of `summary.py`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from copilot_kit_evals.folder import BadRun, RunFolder
from copilot_kit_evals.manifest import Manifest, TaskEntry
from copilot_kit_evals.stats.means import clustered_error, standard_error
from copilot_kit_evals.stats.power import items_needed
from copilot_kit_evals.summary import ALL, ItemRow, Sheet, clusters_of, sheets, summary
from copilot_kit_evals.verdict.verdicts import Verdict

VERDICT: Final = "verdict.json"
Standing: TypeAlias = Literal["better", "within", "worse", "open"]
"""better: shown. worse: shown. within: shown to be no worse than the margin. open: none of these."""
Ends: TypeAlias = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Difference:
    """A later candidate against the incumbent, in one slice."""

    task: str
    scorer: str
    slice: str
    candidate: str
    against: str
    n_items: int
    difference: float | None
    interval: Ends | None
    outer: Ends | None
    """Whatever the missing scores would have been; the same as `interval` where none are missing."""
    p: float | None
    wins: int
    losses: int
    ties: int
    missing: int
    """Items that one of the two lacks scores of."""
    margin: float
    bounds: tuple[float, float]
    primary: bool

    @property
    def standing(self) -> Standing:
        """What is shown, the missing ones at their worst."""
        low, high = (None, None) if self.outer is None else self.outer
        if low is not None and low > 0:
            return "better"
        if low is not None and low > -self.margin:
            return "within"
        return "worse" if high is not None and high < 0 else "open"


@dataclass(frozen=True, slots=True)
class Mean:
    """One candidate in one slice."""

    task: str
    scorer: str
    slice: str
    candidate: str
    items: int
    missing: int
    mean: float | None
    interval: Ends | None
    outer: Ends | None
    """Whatever the missing scores would have been."""
    limits: Ends
    """Between what the mean of these items lies: the missing ones at the worst and at the best."""
    bounds: tuple[float, float]
    primary: bool


@dataclass(frozen=True, eq=False)
class Facts:
    """A run with its summary and its verdict, read once; equal to itself alone, so that what follows can be kept."""

    run: RunFolder
    sheets: tuple[Sheet, ...]
    summary: dict[str, Any]
    verdict: Verdict | None

    @property
    def manifest(self) -> Manifest:
        """What the run is of."""
        return self.run.manifest

    @property
    def candidates(self) -> tuple[str, ...]:
        """Their names; the first one is the incumbent."""
        return tuple(one.name for one in self.manifest.candidates)

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        """All of them, scorer by scorer and slice by slice."""
        return tuple(_difference(self.manifest, name, one) for name, entry in self.summary["tasks"].items()
                     for one in entry["differences"])  # fmt: skip

    @cached_property
    def means(self) -> tuple[Mean, ...]:
        """All of them."""
        return tuple(_means(self.manifest, self.summary))

    def overall(self, candidate: str) -> tuple[Difference, ...]:
        """Return what the candidate's primary scores show over all items, a difference a task."""
        return tuple(one for one in self.differences if one.candidate == candidate and one.primary and one.slice == ALL)

    def sheet(self, task: str, candidate: str) -> Sheet:
        """Return what a candidate did in a task."""
        return next(one for one in self.sheets if (one.task.name, one.candidate) == (task, candidate))

    def rows(self, task: str, candidate: str) -> list[ItemRow]:
        """Return its items with their primary scores."""
        sheet = self.sheet(task, candidate)
        return sheet.rows[sheet.task.primary]


def facts_of(run: RunFolder) -> Facts:
    """Read a run."""
    found = sheets(run)
    return Facts(run, tuple(found), summary(run, found), verdict_in(run))


def verdict_in(run: RunFolder) -> Verdict | None:
    """Return the verdict that lies beside the log; raises `BadRun` if it cannot be read."""
    try:
        text = (run.path / VERDICT).read_bytes()
    except FileNotFoundError:
        return None
    try:
        return Verdict.model_validate_json(text)
    except ValueError as error:
        raise BadRun(
            f"{str(run.path / VERDICT)!r} is no verdict that this version reads. Remove it, or find the verdict anew."
        ) from error


def margin_of(manifest: Manifest, task: TaskEntry, tag: str) -> float:
    """Return how much worse counts as no worse in a slice."""
    rule = manifest.rule
    return rule.margins.get(tag, rule.margin if task.margin is None else task.margin)


def _difference(manifest: Manifest, name: str, one: dict[str, Any]) -> Difference:
    task = manifest.task(name)
    missing = one.get("missing") or {"candidate": 0, "against": 0}
    outer = one.get("with_missing")
    return Difference(
        task=name,
        scorer=one["scorer"],
        slice=one["slice"],
        candidate=one["candidate"],
        against=one["against"],
        n_items=one["n_items"],
        difference=one.get("difference"),
        interval=one.get("interval"),
        outer=one.get("interval") if outer is None else outer["interval"],
        p=one.get("p") if outer is None else outer["p"],
        wins=one.get("wins", 0),
        losses=one.get("losses", 0),
        ties=one.get("ties", 0),
        missing=max(missing["candidate"], missing["against"]),
        margin=margin_of(manifest, task, one["slice"]),
        bounds=task.bounds,
        primary=one["scorer"] == task.primary,
    )


def _means(manifest: Manifest, found: dict[str, Any]) -> Iterator[Mean]:
    for name, entry in found["tasks"].items():
        task = manifest.task(name)
        for candidate, one in entry["candidates"].items():
            for scorer, slices in one["scorers"].items():
                for tag, told in slices.items():
                    yield Mean(
                        task=name,
                        scorer=scorer,
                        slice=tag,
                        candidate=candidate,
                        items=told["items"],
                        missing=told["missing"],
                        mean=told["mean"],
                        interval=told["interval"],
                        outer=told.get("interval_with_missing"),
                        limits=told["bounds"],
                        bounds=task.bounds,
                        primary=scorer == task.primary,
                    )


def more_items(facts: Facts, one: Difference) -> int | None:
    """Return how many further items would show a difference as small as the margin, at the spread seen here.

    None where there is no margin, or too little to know the spread by.
    """
    pairs = [(a, b) for a, b in zip(facts.rows(one.task, one.candidate), facts.rows(one.task, one.against), strict=True)
             if a.scores and b.scores]  # fmt: skip
    deltas = np.array([a.mean - b.mean for a, b in pairs])
    alone = standard_error(deltas) if len(deltas) > 1 else None
    if not one.margin or not alone:
        return None
    labels = clusters_of([a for a, _ in pairs])
    clustered = None if labels is None else clustered_error(deltas, labels)
    effect = 1.0 if clustered is None else max(1.0, (clustered / alone) ** 2)
    needed = items_needed(one.margin, between=float(deltas.var(ddof=1)), alpha=facts.manifest.rule.alpha,
                          design_effect=effect)  # fmt: skip
    return max(0, int(np.ceil(needed)) - len(pairs))
