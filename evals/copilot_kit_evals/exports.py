"""A run as others read it: a long table for statistics, JUnit XML for continuous integration."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from copilot_kit.errors import UsageError
from copilot_kit_evals.attempts import MISSING, Attempt
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.items import Item
from copilot_kit_evals.manifest import TaskEntry
from copilot_kit_evals.summary import Sheet, sheets

COLUMNS: Final = ("model", "task", "item", "variant", "repeat", "score", "cluster", "tags", "outcome", "cost",
                  "tokens_in", "tokens_out", "latency_s", "served", "error")  # fmt: skip
"""Of the table; `model` is the candidate, `score` that of the task's first scorer, empty where there is none."""


def export(run: RunFolder, path: Path) -> int:
    """Write the run in the form that the file's ending names, `.csv` or `.xml`; return its rows or cases."""
    match path.suffix.lower():
        case ".csv":
            return to_csv(run, path)
        case ".xml":
            return to_junit(run, path)
        case other:
            raise UsageError(f"A run is not written as {other!r}. Name a file that ends in .csv, or in .xml for JUnit.")


def to_csv(run: RunFolder, path: Path) -> int:
    """Write an attempt a row: what `copilot-kit stats compare` and `means` read. Planned ones that are missing too."""
    items = {(task.name, item.id): item for task in run.manifest.tasks for item in run.dataset(task)}
    left = {key for task in run.manifest.tasks for _, keys in run.expected(task) for key in keys}
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for attempt in run.settled():
            left.discard(attempt.key)
            rows.writerow(_row(attempt, items[attempt.task, attempt.item], run.manifest.task(attempt.task)))
            count += 1
        for key in sorted(left, key=lambda key: (key.task, key.item, key.variant, key.repeat, key.candidate)):
            item = items[key.task, key.item]
            rows.writerow([key.candidate, key.task, key.item, key.variant, key.repeat, "", item.cluster or "",
                           ";".join(item.tags), "not_run", "", "", "", "", "", ""])  # fmt: skip
    return count + len(left)


def _row(attempt: Attempt, item: Item, task: TaskEntry) -> list[object]:
    score = attempt.scores.get(task.primary)
    usage, timings = attempt.usage, attempt.timings
    return [
        attempt.candidate, attempt.task, attempt.item, attempt.variant, attempt.repeat,
        "" if score is None or score.value is None else score.value,
        item.cluster or "", ";".join(item.tags), attempt.outcome,
        *("" if one is None else one for one in (usage.cost_usd, usage.input, usage.output)),
        "" if attempt.outcome in MISSING else round(timings.model_s + timings.tools_s, 5),
        attempt.served or "", "" if attempt.trouble is None else attempt.trouble.kind,
    ]  # fmt: skip


def to_junit(run: RunFolder, path: Path) -> int:
    """Write a suite for each task and candidate, with an item a case: passed only if all of its attempts were right.

    An item without a score is an error, one whose score is below the highest a failure: what CI shows for each.
    """
    root = ET.Element("testsuites", name=run.manifest.run_id)
    cases = 0
    for sheet in sheets(run):
        suite = ET.SubElement(root, "testsuite", name=f"{sheet.task.name} on {sheet.candidate}")
        for case in _cases(sheet):
            suite.append(case)
        found = list(suite)
        suite.set("tests", str(len(found)))
        suite.set("failures", str(sum(case.find("failure") is not None for case in found)))
        suite.set("errors", str(sum(case.find("error") is not None for case in found)))
        cases += len(found)
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    return cases


def _cases(sheet: Sheet) -> Iterator[ET.Element]:
    best = sheet.task.bounds[1]
    for row in sheet.rows[sheet.task.primary]:
        case = ET.Element("testcase", name=row.item.id, classname=f"{sheet.task.name}.{sheet.candidate}")
        if len(row.scores) < row.wanted:
            words = f"{row.wanted - len(row.scores)} of {row.wanted} attempts have no score"
            ET.SubElement(case, "error", message=words)
        elif min(row.scores) < best:
            words = f"{sheet.task.primary} is {row.mean:.4g} over {row.wanted} attempts, where {best:g} is right"
            ET.SubElement(case, "failure", message=words)
        yield case
