"""A run as others read it: a long table for statistics, JUnit XML for continuous integration."""

import csv
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple
from xml.etree import ElementTree as ET

from copilot_kit.display import visible
from copilot_kit.errors import UsageError
from copilot_kit_evals.attempts import MISSING, Attempt, Key
from copilot_kit_evals.folder import BadRun, RunFolder
from copilot_kit_evals.summary import Sheet, sheets
from copilot_kit_evals.tables import Table

_NOT_RUN: Final = "not_run"


class Row(NamedTuple):
    """A row of the table, in the order of its columns; None for what is not known."""

    model: str
    """The candidate."""
    task: str
    item: str
    """With its task in front where there are several."""
    variant: str
    repeat: int
    score: float | None = None
    """Of the task's first scorer."""
    outcome: str = _NOT_RUN
    """That, for what was planned and has no attempt."""
    cost: float | None = None
    """USD."""
    tokens_in: int | None = None
    tokens_out: int | None = None
    latency_s: float | None = None
    served: str | None = None
    error: str | None = None
    tags: tuple[str, ...] = ()
    cluster: str = ""
    """An item without one is a cluster of its own. The last column, which is left out where no item has a cluster."""


def export(run: RunFolder, path: Path) -> int:
    """Write the run in the form that the file's ending names: `.csv`, `.parquet`, `.xml`; return its rows or cases."""
    writers = {".csv": to_csv, ".parquet": _to_parquet, ".xml": to_junit}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise UsageError(
            f"A run is not written as {path.suffix!r}. Name a file that ends in .csv or .parquet, or in .xml for JUnit."
        )
    try:
        return writer(run, path)
    except OSError as error:
        raise UsageError(
            f"{str(path)!r} cannot be written: {error.strerror or error}. Name a file in a folder that is there."
        ) from error


def columns(run: RunFolder) -> tuple[str, ...]:
    """Return the names of the columns that the run's table has."""
    clustered = any(b'"cluster"' in line for task in run.manifest.tasks for line in run.dataset(task).lines)
    return Row._fields if clustered else Row._fields[:-1]


def rows(run: RunFolder) -> Iterator[Row]:
    """Yield an attempt a row, in the order they ended, then those that were planned and are missing.

    Raises `BadRun` for an attempt that the run never planned.
    """
    many = len(run.manifest.tasks) > 1
    of = {(task.name, item.id): (f"{task.name}/{item.id}" if many else item.id, item.tags,
                                 f"item {item.id}" if item.cluster is None else item.cluster)
          for task in run.manifest.tasks for item in run.dataset(task)}  # fmt: skip
    done: set[str] = set()
    for attempt in run.settled():
        if (attempt.task, attempt.item) not in of:
            raise BadRun(
                f"{str(run.path)!r} has an attempt at {attempt.item!r} of {attempt.task!r}, which the run does not "
                "have. Take the folder from where it was made."
            )
        done.add(attempt.key.digest)
        yield _row(attempt.key, of[attempt.task, attempt.item], attempt, run)
    left = (key for task in run.manifest.tasks for _, keys in run.expected(task) for key in keys
            if key.digest not in done)  # fmt: skip
    for key in sorted(left, key=lambda key: (key.task, key.item, key.variant, key.repeat, key.candidate)):
        yield _row(key, of[key.task, key.item], None, run)


def _row(key: Key, of: tuple[str, tuple[str, ...], str], attempt: Attempt | None, run: RunFolder) -> Row:
    name, tags, cluster = of
    if attempt is None:
        return Row(key.candidate, key.task, name, key.variant, key.repeat, tags=tags, cluster=cluster)
    score = attempt.scores.get(run.manifest.task(attempt.task).primary)
    usage, timings, trouble = attempt.usage, attempt.timings, attempt.trouble
    return Row(
        key.candidate,
        key.task,
        name,
        key.variant,
        key.repeat,
        score=None if score is None else score.value,
        outcome=attempt.outcome,
        cost=None if usage.cost_usd is None else float(usage.cost_usd),
        tokens_in=usage.input,
        tokens_out=usage.output,
        latency_s=None if attempt.outcome in MISSING else round(timings.model_s + timings.tools_s, 5),
        served=attempt.served,
        error=None if trouble is None else trouble.kind,
        tags=tags,
        cluster=cluster,
    )


def table_of(folder: Path) -> Table:
    """Return the table of the run in a folder, like one that was read from CSV."""
    run = RunFolder(folder)
    names = columns(run)
    cells = [_texts(row)[: len(names)] for row in rows(run)]
    by_name = {name: list(column) for name, column in zip(names, zip(*cells, strict=True), strict=True)}
    return Table(visible(folder.name), by_name, list(range(1, len(cells) + 1)))


def _texts(row: Row) -> list[str]:
    return [";".join(cell) if isinstance(cell, tuple) else "" if cell is None else str(cell) for cell in row]


def to_csv(run: RunFolder, path: Path) -> int:
    """Write the table that `copilot-kit stats compare` and `means` read; tags have `;` between them."""
    names, count = columns(run), 0
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(names)
        for count, row in enumerate(rows(run), 1):  # noqa: B007  what it ends at
            table.writerow(_texts(row)[: len(names)])
    return count


def _to_parquet(run: RunFolder, path: Path) -> int:
    from copilot_kit_evals.parquet import to_parquet

    return to_parquet(run, path)


def to_junit(run: RunFolder, path: Path) -> int:
    """Write a suite for each task and candidate, with an item a case: passed only if all of its attempts were right.

    An item without a score is an error, one whose score is below the highest a failure: what CI shows for each. Its
    time is that of its attempts, in seconds, without waiting and without judges.
    """
    seconds = _seconds(run)
    root = ET.Element("testsuites", name=run.manifest.run_id)
    cases = 0
    for sheet in sheets(run):
        suite = ET.SubElement(root, "testsuite", name=_xml(f"{sheet.task.name} on {sheet.candidate}"))
        for case in _cases(sheet, seconds):
            suite.append(case)
        found = list(suite)
        suite.set("time", f"{sum(float(case.attrib['time']) for case in found):.3f}")
        suite.set("tests", str(len(found)))
        suite.set("failures", str(sum(case.find("failure") is not None for case in found)))
        suite.set("errors", str(sum(case.find("error") is not None for case in found)))
        cases += len(found)
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    return cases


_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _xml(text: str) -> str:
    """Return a text with what XML 1.0 cannot hold written out."""
    return _NOT_XML.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _seconds(run: RunFolder) -> dict[tuple[str, str, str], float]:
    found: defaultdict[tuple[str, str, str], float] = defaultdict(float)
    for one in run.settled():
        found[one.task, one.candidate, one.item] += one.timings.model_s + one.timings.tools_s
    return found


def _cases(sheet: Sheet, seconds: Mapping[tuple[str, str, str], float]) -> Iterator[ET.Element]:
    best = sheet.task.bounds[1]
    for row in sheet.rows[sheet.task.primary]:
        case = ET.Element("testcase", name=_xml(row.item.id), classname=_xml(f"{sheet.task.name}.{sheet.candidate}"),
                          time=f"{seconds.get((sheet.task.name, sheet.candidate, row.item.id), 0.0):.3f}")  # fmt: skip
        if len(row.scores) < row.wanted:
            words = f"{row.wanted - len(row.scores)} of {row.wanted} attempts have no score"
            ET.SubElement(case, "error", message=words)
        elif min(row.scores) < best:
            words = f"{sheet.task.primary} is {row.mean:.4g} over {row.wanted} attempts, where {best:g} is right"
            ET.SubElement(case, "failure", message=_xml(words))
        yield case
