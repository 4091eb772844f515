"""What earlier runs on the same items tell: how releases of a candidate's line did, and how many were tried before."""

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import TypeAlias

from copilot_kit.errors import UsageError
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.frontier.catalogues import line_of
from copilot_kit_evals.frontier.promotions import VERDICT
from copilot_kit_evals.manifest import TaskEntry
from copilot_kit_evals.summary import sheets
from copilot_kit_evals.tasks import Task

Line: TypeAlias = tuple[tuple[float, float], ...]
"""Day (as `date.toordinal`) and mean score of each release, oldest first."""


def line_before(
    candidate: str, runs: Iterable[Path], tasks: Sequence[Task], *, released: Callable[[str], date | None]
) -> Line:
    """Return the releases of the candidate's line that did all of these tasks, with the same items and scorers.

    runs: folders; one that is not there, or is no run, says nothing. released: when a model came, None if unknown.
    A model in several runs counts as in the last of them.
    """
    found: dict[str, tuple[float, float]] = {}
    for place in runs:
        try:
            run = RunFolder(place)
        except UsageError:
            continue
        if not _same(run.manifest.tasks, tasks):
            continue
        models = {one.name: one.model for one in run.manifest.candidates}
        for name, mean in _means(run).items():
            day = released(models[name])
            if models[name] != candidate and _of_one_line(models[name], candidate) and day is not None:
                found[models[name]] = (float(day.toordinal()), mean)
    return tuple(sorted(found.values()))


def tries_before(slot: str, folder: Path, tasks: Sequence[Task]) -> int:
    """Return how many runs in this folder asked these very items for this slot and came to a verdict."""
    count = 0
    for verdict in folder.glob(f"*/{VERDICT}"):
        try:
            manifest = RunFolder(verdict.parent).manifest
        except UsageError:
            continue
        count += manifest.rule.slot == slot and _same(manifest.tasks, tasks)
    return count


def _same(entries: Sequence[TaskEntry], tasks: Sequence[Task]) -> bool:
    """Tell whether a run has asked these very items, and scored them in the same way."""
    asked = {one.name: (one.fingerprint, one.scorers[one.primary]) for one in entries}
    return all(asked.get(one.name) == (one.dataset.fingerprint, one.scorers[0].digest) for one in tasks)


def _means(run: RunFolder) -> dict[str, float]:
    """Return each candidate's mean over all items that have a score."""
    scores: dict[str, list[float]] = {}
    for sheet in sheets(run):
        low, high = sheet.task.bounds
        rows = [row.mean for row in sheet.rows[sheet.task.primary] if row.scores]
        scores.setdefault(sheet.candidate, []).extend((one - low) / (high - low) for one in rows)
    return {name: math.fsum(some) / len(some) for name, some in scores.items() if some}


def _of_one_line(one: str, other: str) -> bool:
    provider, _, name = one.partition(":")
    its_provider, _, its_name = other.partition(":")
    return provider == its_provider and line_of(name)[0] == line_of(its_name)[0]
