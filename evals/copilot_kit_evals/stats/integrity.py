"""Whether published totals are those of the rows they were published with.

A column `published_X_pct` is 100 times the mean of the rows' X, `published_X_total` the sum, `published_X_per_item` and
`published_X` the mean. X is a column of the rows, or the end of one's name (`calls` is `api_calls`); `score`, `rate`
and their like are the score. Numbers agree if rounding explains the difference: half of the last digit published, and
half of the last digit of each row.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from copilot_kit_evals.stats.arrays import Floats
from copilot_kit_evals.stats.matrix import Columns
from copilot_kit_evals.tables import BadTable, Table

Status = Literal["agrees", "other_count", "differs", "no_rows"]
Measure = Literal["percent", "mean", "sum"]

_PREFIX: Final = "published_"
_SUFFIXES: Final[tuple[tuple[str, Measure], ...]] = (
    ("_pct", "percent"), ("_percent", "percent"), ("_total", "sum"), ("_per_item", "mean"), ("_mean", "mean"),
)  # fmt: skip
_SCORES: Final = frozenset({"score", "avg", "average", "mean", "accuracy", "rate", "pct", "percent", "win_rate"})
_LEFT_OUT: Final = 0.05
"""Share of items up to which another denominator is believed to be the explanation."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One published number beside its rows."""

    model: str
    published_column: str
    column: str
    published: float
    from_rows: float | None
    """None where the model has no rows with a value."""
    rows: int
    status: Status
    explanation: str


@dataclass(frozen=True, slots=True)
class Integrity:
    """All that was published of the models, and what could not be checked."""

    findings: tuple[Finding, ...]
    unchecked: tuple[str, ...]
    """Published columns that no column of the rows answers to."""
    unpublished: tuple[str, ...]
    """Models with rows of which nothing was published."""

    def wrong(self, model: str) -> tuple[Finding, ...]:
        """Return what differs for a model beyond rounding and beyond a few items left out."""
        return tuple(finding for finding in self.findings if finding.model == model and finding.status == "differs")


def check_published(table: Table, published: Table, *, columns: Columns, models: Sequence[str] = ()) -> Integrity:
    """Return what each published number says beside the rows; of all models, or of those named.

    The published table has a row a model, with the model's name in the same column as the rows.
    """
    named, rows = published.text(columns.model), _places(table.text(columns.model))
    twice = next((place for place, model in enumerate(named) if model in named[:place]), None)
    if twice is not None:
        raise BadTable(
            f"{published.name}, line {published.lines[twice]}: {named[twice]!r} is there again. Keep one row a model."
        )
    plan = dict(_plan(table, published, columns))
    if not plan:
        raise BadTable(
            f"{published.name} has no published number that the rows of {table.name} could be held against. Name "
            f"columns as {_PREFIX}X_pct, {_PREFIX}X_total or {_PREFIX}X, where X is a column of the rows."
        )
    findings: list[Finding] = []
    for name, (column, measure) in plan.items():
        cells, values = published.columns[name], published.numbers_or_none(name)
        for model, cell, value in zip(named, cells, values, strict=True):
            if value is not None and (not models or model in models):
                claim = _Claim(model, name, column, measure, value, _half_digit(cell))
                findings.append(_finding(claim, table.rows(rows.get(model, ()))))
    if not models and not any(finding.rows for finding in findings):
        raise BadTable(
            f"No model has both rows in {table.name} and numbers in {published.name}. Write their names alike in both."
        )
    order = {model: place for place, model in enumerate(named)}
    findings.sort(key=lambda finding: order[finding.model])
    unchecked = [name for name in published.columns if name.startswith(_PREFIX) and name not in plan]
    return Integrity(tuple(findings), tuple(unchecked), tuple(model for model in rows if model not in order))


@dataclass(frozen=True, slots=True)
class _Claim:
    model: str
    name: str
    column: str
    measure: Measure
    value: float
    slack: float


def _plan(table: Table, published: Table, columns: Columns) -> Iterator[tuple[str, tuple[str, Measure]]]:
    """Return for each published column that can be checked the column of the rows and what is made of it."""
    for name in published.columns:
        if not name.startswith(_PREFIX):
            continue
        stem, measure = name.removeprefix(_PREFIX), None
        for suffix, made in _SUFFIXES:
            if stem.endswith(suffix) and measure is None:
                stem, measure = stem.removesuffix(suffix), made
        ends = [column for column in table.columns if column == stem or column.endswith(f"_{stem}")]
        column = stem if stem in ends else ends[0] if len(ends) == 1 else None
        if column is None and stem in _SCORES:
            column = columns.score
            measure = measure or ("percent" if stem in {"pct", "percent"} else "mean")
        if column is not None:
            yield name, (column, measure or _unnamed(table.numbers_or_none(column), published.numbers_or_none(name)))


def _unnamed(rows: Sequence[float | None], published: Sequence[float | None]) -> Measure:
    """Return what is made of rows where no suffix says it: no mean of numbers from 0 to 1 is above 1."""
    within = all(0 <= value <= 1 for value in rows if value is not None)
    most = max((value for value in published if value is not None), default=0.0)
    return "percent" if within and 1 < most <= 100 else "mean"  # noqa: PLR2004  a hundred per cent


def _places(models: Sequence[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for place, model in enumerate(models):
        found.setdefault(model, []).append(place)
    return found


def _finding(claim: _Claim, rows: Table) -> Finding:
    cells = zip(rows.columns[claim.column], rows.numbers_or_none(claim.column), strict=True)
    there = [(cell, value) for cell, value in cells if value is not None]
    if not there:
        return _found(claim, None, 0, "no_rows", "the model has no rows with this value")
    values = np.array([value for _, value in there], dtype=np.float64)
    scale = {"percent": 100.0 / len(values), "mean": 1.0 / len(values), "sum": 1.0}[claim.measure]
    total, digits = math.fsum(values), _row_slack([text for text, _ in there])
    mine = scale * total
    slack = claim.slack + scale * digits * len(values) + 1e-9 * abs(mine)
    if abs(mine - claim.value) <= slack:
        return _found(claim, mine, len(values), "agrees", "")
    other = None if claim.measure == "sum" else _other_count(claim, values, digits)
    if other is not None:
        text = (
            f"the sum over {other} and not over {len(values)} items, as if {abs(len(values) - other)} had not counted"
        )
        return _found(claim, mine, len(values), "other_count", text)
    text = f"the rows say {mine:.6g} where {claim.value:.6g} is published"
    return _found(claim, mine, len(values), "differs", text)


def _found(claim: _Claim, mine: float | None, rows: int, status: Status, text: str) -> Finding:
    return Finding(claim.model, claim.name, claim.column, claim.value, mine, rows, status, text)


def _other_count(claim: _Claim, values: Floats, digits: float) -> int | None:
    """Return the nearest number of items, not far from the real one, with which the published mean is right."""
    factor = 100.0 if claim.measure == "percent" else 1.0
    size, total = len(values), math.fsum(values)
    most = max(1, math.floor(_LEFT_OUT * size))
    for step in range(1, most + 1):
        for count in (size - step, size + step):
            slack = claim.slack + factor * digits + 1e-9
            if count > 0 and abs(factor * total / count - claim.value) <= slack:
                return count
    return None


def _row_slack(texts: Sequence[str]) -> float:
    """Return by how much rounding may have moved a row: half of its last digit, nothing for whole numbers."""
    return max((_half_digit(text) if "." in text else 0.0) for text in texts)


def _half_digit(text: str) -> float:
    """Return half a unit of the last digit that is written."""
    mantissa, _, exponent = text.strip().lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return 0.5 * 10.0 ** (int(exponent or 0) - decimals)
