"""A run as others read it: a long table for statistics, JUnit XML for continuous integration."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from copilot_kit.errors import UsageError
from copilot_kit_evals.attempts import MISSING, Attempt, Key
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.items import Item
from copilot_kit_evals.summary import Sheet, sheets

COLUMNS: Final = ("model", "task", "item", "variant", "repeat", "score", "outcome", "cost", "tokens_in", "tokens_out",
                  "latency_s", "served", "error", "tags", "cluster")  # fmt: skip
"""Of the table; `model` is the candidate, `score` that of the task's first scorer, empty where there is none; `item`
has its task in front where there are several. Without any cluster there is no such column; an item that has none is a
cluster of its own."""


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
    clustered = any(item.cluster is not None for item in items.values())
    names = COLUMNS if clustered else COLUMNS[:-1]
    count = len(left)
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(names)
        for attempt in run.settled():
            left.discard(attempt.key)
            cells = [*_key(attempt.key, run), *_found(attempt, run), *_of(items[attempt.task, attempt.item])]
            rows.writerow(cells[: len(names)])
        for key in sorted(left, key=lambda key: (key.task, key.item, key.variant, key.repeat, key.candidate)):
            cells = [*_key(key, run), "", "not_run", *[""] * 6, *_of(items[key.task, key.item])]
            rows.writerow(cells[: len(names)])
    return count


def _key(key: Key, run: RunFolder) -> list[object]:
    item = key.item if len(run.manifest.tasks) == 1 else f"{key.task}/{key.item}"
    return [key.candidate, key.task, item, key.variant, key.repeat]


def _found(attempt: Attempt, run: RunFolder) -> list[object]:
    score = attempt.scores.get(run.manifest.task(attempt.task).primary)
    usage, timings = attempt.usage, attempt.timings
    known = [None if score is None else score.value, attempt.outcome, usage.cost_usd, usage.input, usage.output,
             None if attempt.outcome in MISSING else round(timings.model_s + timings.tools_s, 5),
             attempt.served, None if attempt.trouble is None else attempt.trouble.kind]  # fmt: skip
    return ["" if one is None else one for one in known]


def _of(item: Item) -> list[object]:
    return [";".join(item.tags), f"item {item.id}" if item.cluster is None else item.cluster]


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
