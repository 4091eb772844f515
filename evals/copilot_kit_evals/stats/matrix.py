"""The long table that logs come as, one row an attempt: model, item, score, and if known cluster, cost, repeat.

CSV (or TSV) with a header, or JSON lines with one object a row. Columns are found by name; `Columns.of` says by which.
A row is never dropped: an empty score is a missing one, an item that only one of two models has is missing too, and
what cannot be read is an error with its line.
"""

import csv
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from copilot_kit_evals.stats.arrays import Floats, NotUsable
from copilot_kit_evals.stats.comparison import Side

_NAMES: Final = {
    "model": ("model", "agent"),
    "item": ("item", "task", "item_id", "task_id"),
    "score": ("score", "resolved", "correct", "success", "passed", "reward", "score_binarized"),
    "cluster": ("cluster", "repo", "family", "group"),
    "cost": ("cost_usd", "cost"),
    "repeat": ("repeat", "trial", "run_id", "epoch", "attempt", "sample"),
}
"""Which names a column is known by, the first that there is."""
_MISSING: Final = frozenset({"", "nan", "na", "n/a", "null", "none"})
_WORDS: Final = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column holds what; None for what the table does not have."""

    model: str
    item: str
    score: str
    cluster: str | None = None
    cost: str | None = None
    repeat: str | None = None

    @classmethod
    def of(
        cls, header: Sequence[str], *, score: str | None = None, cluster: str | None = None, cost: str | None = None
    ) -> "Columns":
        """Return the columns of a header: those named, and otherwise the first of the known names that is there.

        cluster: "" for none, also if there is a column of a known name.
        """
        return cls(
            _column(header, "model", None) or _absent(header, "model"),
            _column(header, "item", None) or _absent(header, "item"),
            _column(header, "score", score) or _absent(header, "score"),
            _column(header, "cluster", cluster),
            _column(header, "cost", cost),
            _column(header, "repeat", None),
        )


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text as they stand in the file, with the line of each."""

    header: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]
    name: str

    def models(self, column: str) -> list[str]:
        """Return the models, as they first appear."""
        return list(dict.fromkeys(row[column] for _, row in self.rows))


@dataclass(frozen=True, slots=True)
class Pair:
    """The scores of two models, item by item."""

    items: tuple[str, ...]
    a: Side
    b: Side
    clusters: tuple[str, ...] | None
    elsewhere: int
    """Items of the table that neither of the two has: perhaps another suite, perhaps a crash of both."""


def read_table(path: Path) -> Table:
    """Return the rows of a file; CSV, or TSV or JSON lines by its suffix."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise NotUsable(f"There is no file {str(path)!r}. Name a CSV with model, item and score columns.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise NotUsable(
            f"The file {str(path)!r} cannot be read as text: {error}. Export it as CSV in UTF-8."
        ) from error
    lines = _json_lines(text, path) if path.suffix == ".jsonl" else _csv_lines(text, path)
    rows = tuple(lines)
    if not rows:
        raise NotUsable(f"The file {str(path)!r} holds no rows; a header and one row an attempt are wanted.")
    header = tuple(dict.fromkeys(name for _, row in rows[:1] for name in row))
    return Table(header, rows, path.name)


def pair(table: Table, a: str, b: str, *, columns: Columns) -> Pair:
    """Return the scores of models a and b on all items that either has.

    Several rows of one item are its repeats if a repeat column tells them apart, and an error otherwise: a run that was
    tried again until it passed looks just like that.
    """
    one, two = attempts(table, a, columns=columns), attempts(table, b, columns=columns)
    if a == b:
        raise NotUsable(f"Both models are {a!r}; name two different ones.")
    items = tuple(dict.fromkeys([*one, *two]))
    seen = {row[columns.item] for _, row in table.rows}
    clusters = None if columns.cluster is None else _clusters(table, items, columns)
    return Pair(items, _side(one, items), _side(two, items), clusters, len(seen) - len(items))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One row of a model, as numbers."""

    score: float | None
    cost: float | None


def attempts(table: Table, model: str, *, columns: Columns) -> dict[str, list[Attempt]]:
    """Return a model's attempts at each item, in the order of the rows."""
    found: dict[str, dict[str, Attempt]] = {}
    for line, row in table.rows:
        if row[columns.model] != model:
            continue
        repeats = found.setdefault(row[columns.item], {})
        key = row[columns.repeat] if columns.repeat else ""
        if key in repeats:
            raise NotUsable(
                f"Line {line} of {table.name!r} scores item {row[columns.item]!r} of {model!r} again. Keep one row an "
                "attempt, and tell repeats apart in a column 'repeat'."
            )
        score = number(row[columns.score], f"{columns.score!r} in line {line} of {table.name!r}")
        cost = number(row[columns.cost], f"{columns.cost!r} in line {line} of {table.name!r}") if columns.cost else None
        repeats[key] = Attempt(score, cost)
    if not found:
        known = ", ".join(repr(name) for name in table.models(columns.model)[:20])
        raise NotUsable(f"The table {table.name!r} has no model {model!r}. It has: {known}.")
    return {item: list(repeats.values()) for item, repeats in found.items()}


def number(text: str, where: str) -> float | None:
    """Return the number that a cell holds; None for an empty one."""
    word = text.strip().lower()
    if word in _MISSING:
        return None
    try:
        value = _WORDS[word] if word in _WORDS else float(word.replace("_", "?"))
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise NotUsable(f"{where} holds {text!r}, which is no number. Write 0, 1 or a decimal, or leave it empty.")
    return value


def _side(found: dict[str, list[Attempt]], items: Iterable[str]) -> Side:
    scores, seen, costs = [], [], []
    for item in items:
        tried = found.get(item, [])
        scored = [attempt.score for attempt in tried if attempt.score is not None]
        paid = [attempt.cost for attempt in tried if attempt.cost is not None]
        scores.append(math.fsum(scored) / len(scored) if scored else math.nan)
        seen.append(len(scored) / len(tried) if tried else 0.0)
        costs.append(math.fsum(paid) / len(paid) if paid and len(paid) == len(tried) else math.nan)
    known = not np.isnan(costs).all()
    return Side(_floats(scores), _floats(seen), _floats(costs) if known else None)


def _floats(values: Sequence[float]) -> Floats:
    return np.array(values, dtype=np.float64)


def _clusters(table: Table, items: tuple[str, ...], columns: Columns) -> tuple[str, ...]:
    assert columns.cluster is not None  # noqa: S101  the caller's question
    wanted, found = set(items), dict[str, str]()
    for line, row in table.rows:
        item, cluster = row[columns.item], row[columns.cluster]
        if item not in wanted:
            continue
        if not cluster.strip() or found.setdefault(item, cluster) != cluster:
            raise NotUsable(
                f"Line {line} of {table.name!r} puts item {item!r} into cluster {cluster!r}, and others into "
                f"{found.get(item)!r}. Give each item one cluster, or compare without clusters."
            )
    return tuple(found[item] for item in items)


def _column(header: Sequence[str], kind: str, named: str | None) -> str | None:
    if named == "":
        return None
    if named is not None:
        if named not in header:
            raise NotUsable(f"There is no column {named!r} for the {kind}. The columns are: {', '.join(header)}.")
        return named
    return next((name for name in _NAMES[kind] if name in header), None)


def _absent(header: Sequence[str], kind: str) -> str:
    raise NotUsable(
        f"No column is known as the {kind} (looked for {', '.join(_NAMES[kind])}) among: {', '.join(header)}. "
        f"Name it{' with --score' if kind == 'score' else ' so'}."
    )


def _csv_lines(text: str, path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(
        text.splitlines(keepends=True), delimiter="\t" if path.suffix == ".tsv" else ",", strict=True
    )
    try:
        names = list(reader.fieldnames or ())
        if len(set(names)) != len(names):
            raise NotUsable(f"The header of {str(path)!r} names a column twice: {', '.join(names)}. Rename one.")
        for row in reader:
            if None in row or None in row.values():
                raise NotUsable(
                    f"Line {reader.line_num} of {str(path)!r} has another number of fields than its header "
                    f"({len(names)}). Quote fields that hold a comma."
                )
            yield reader.line_num, row
    except csv.Error as error:
        raise NotUsable(
            f"Line {reader.line_num} of {str(path)!r} is not CSV: {error}. Export the file again."
        ) from error


def _json_lines(text: str, path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    for line, row in enumerate(text.splitlines(), start=1):
        if not row.strip():
            continue
        try:
            value = json.loads(row)
        except ValueError as error:
            raise NotUsable(f"Line {line} of {str(path)!r} is not JSON: {error}. Write one object a line.") from error
        if not isinstance(value, dict):
            raise NotUsable(f"Line {line} of {str(path)!r} holds {row[:60]!r}, no object. Write one object a line.")
        yield line, {str(name): "" if cell is None else str(cell) for name, cell in value.items()}
