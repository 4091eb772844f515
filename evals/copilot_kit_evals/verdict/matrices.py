"""Evidence from a long table: a row an attempt, with model, item, score, and whatever else of the usual columns.

Besides those of `stats.matrix`: task, variant, latency_s, tags (or slice), must_pass, required_reliability. An item
that only one of the two models has is missing for the other, and an empty score is a missing one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from copilot_kit.errors import UsageError
from copilot_kit_evals.stats.matrix import Columns
from copilot_kit_evals.tables import BadTable, Table
from copilot_kit_evals.verdict.evidence import Case, Evidence, Mark, Side

_TAGS: Final = ("tags", "slice", "category")
_LATENCY: Final = ("latency_s", "seconds", "duration_s")
_MUST: Final = "must_pass"
_REQUIRED: Final = "required_reliability"
_PARKED: Final = "parked"
"""The tag of items that were set aside."""
_ALONE: Final = ("", "null", "[]")
_SHOWN: Final = 20
_WIDE: Final = 0.05
"""Share of items of other models that neither of the two has, from which on a reader is told."""
_Cell = TypeVar("_Cell", str, float)


@dataclass(frozen=True, slots=True)
class _Row:
    model: str
    item: str
    repeat: str
    variant: str
    score: float | None
    cost: float | None
    latency: float | None
    line: int


def of_table(
    table: Table,
    incumbent: str | None,
    candidate: str,
    *,
    columns: Columns | None = None,
    required: float | None = None,
) -> Evidence:
    """Return the evidence of two models of a table, or of one for a launch.

    required: the reliability that items need for which the table says nothing.

    Raises `UsageError` for a model that is not there, and `BadTable` where an item has two scores that no column tells
    apart: a run that was tried again until it passed looks just like that.
    """
    columns = columns or Columns.of(table)
    names = [candidate] if incumbent is None else [incumbent, candidate]
    if incumbent == candidate:
        raise UsageError(f"Incumbent and candidate are both {candidate!r}. Name two different ones.")
    rows = _rows(table, columns, names)
    items = sorted({row.item for row in rows})
    marks = {name: _marks(table, rows, name) for name in names}
    cases = tuple(one if one.required or required is None else replace(one, required=required)
                  for one in _cases(table, columns, items))  # fmt: skip
    sides = [Side(name, tuple(marks[name].get(item) or Mark() for item in items)) for name in names]
    bounded = all(0 <= row.score <= 1 for row in rows if row.score is not None)
    elsewhere = len(set(_items(table, columns))) - len(items)
    notes = []
    if elsewhere > _WIDE * len(items):
        notes.append(f"{elsewhere} items of the file belong to neither of the two: another suite, or a crash of both.")
    notes += _uneven(sides)
    return Evidence(
        cases=cases,
        candidate=sides[-1],
        incumbent=None if incumbent is None else sides[0],
        bounded=bounded,
        rivals=_rivals(table, columns, items, names),
        notes=tuple(notes),
    )


def _uneven(sides: Sequence[Side]) -> list[str]:
    """Return that one side was tried less often at the items of both; rows that nobody wrote are not known to miss."""
    shared = [marks for marks in zip(*(side.marks for side in sides), strict=True) if all(one.wanted for one in marks)]
    tries = [sum(one.wanted for one in marks) for marks in zip(*shared, strict=True)]
    if len(sides) == 1 or len(set(tries)) <= 1:
        return []
    told = " and ".join(f"{count} of {side.name!r}" for count, side in zip(tries, sides, strict=True))
    return [f"The items of both have {told} attempts: a row that is not there does not count as missing."]


def _rivals(table: Table, columns: Columns, items: list[str], names: list[str]) -> int:
    """Return how many other models the table has on most of these items."""
    wanted, found = set(items), dict[str, set[str]]()
    for model, item in zip(table.text(columns.model), _items(table, columns), strict=True):
        if model not in names and item in wanted:
            found.setdefault(model, set()).add(item)
    return sum(2 * len(own) > len(wanted) for own in found.values())


def _rows(table: Table, columns: Columns, names: list[str]) -> list[_Row]:
    models = table.text(columns.model)
    for name in names:
        if name not in models:
            known = list(dict.fromkeys(models))
            more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
            raise UsageError(
                f"{table.name} has no model {name!r}. It has {', '.join(map(repr, known[:_SHOWN]))}{more}."
            )
    places = [place for place, model in enumerate(models) if model in names]
    kept = table.rows(places)
    empty: list[float | None] = [None] * len(kept)
    blank = [""] * len(kept)
    repeats = kept.text(columns.repeat) if columns.repeat else blank
    variants = kept.columns[kept.called("variant")] if kept.has("variant") and columns.model != "variant" else blank
    return [
        _Row(*cells)
        for cells in zip(
            [models[place] for place in places],
            _items(kept, columns),
            repeats,
            variants,
            kept.numbers_or_none(columns.score),
            kept.numbers_or_none(columns.cost, least=0) if columns.cost else empty,
            kept.numbers_or_none(*_LATENCY, least=0) if kept.has(*_LATENCY) else empty,
            kept.lines,
            strict=True,
        )
    ]


def _items(table: Table, columns: Columns) -> list[str]:
    """Return the items, each with its task in front where the table has several tasks."""
    items = table.text(columns.item)
    if not table.has("task") or table.called("task") == columns.item:
        return items
    tasks = table.text("task")
    if len(set(tasks)) == 1:
        return items
    return [item if item.startswith(f"{task}/") else f"{task}/{item}" for task, item in zip(tasks, items, strict=True)]


def _marks(table: Table, rows: list[_Row], name: str) -> dict[str, Mark]:
    found: dict[str, Mark] = {}
    seen: set[tuple[str, str, str]] = set()
    for row in rows:
        if row.model != name:
            continue
        key = (row.item, row.variant, row.repeat)
        if key in seen:
            raise BadTable(
                f"{table.name}, line {row.line}: item {row.item!r} of {name!r} is scored again. Keep one row an "
                "attempt, and tell repeats apart in a column 'repeat'."
            )
        seen.add(key)
        mark = found.setdefault(row.item, Mark(wanted=0))
        mark.wanted += 1
        if row.score is not None:
            mark.scores.setdefault(row.variant, []).append(row.score)
        if row.cost is None:
            mark.unpriced += 1
        else:
            mark.costs.append(row.cost)
        if row.latency is not None:
            mark.latencies.append(row.latency)
    return found


def _cases(table: Table, columns: Columns, items: list[str]) -> tuple[Case, ...]:
    names = _items(table, columns)
    clusters = _single(table, columns.cluster or "cluster", names, items, _labels(table, columns.cluster))
    slices: dict[str, list[str]] = {}
    if table.has(*_TAGS):
        for item, cell in zip(names, table.columns[table.called(*_TAGS)], strict=True):
            slices.setdefault(item, []).extend(_tags(cell))
    if table.has("task") and table.called("task") != columns.item and len(set(table.text("task"))) > 1:
        for item, task in zip(names, table.text("task"), strict=True):
            slices.setdefault(item, []).append(task)
    must = _single(table, "must_pass", names, items, _flags(table))
    required = _single(table, _REQUIRED, names, items, _levels(table))
    return tuple(
        Case(
            id=item,
            slices=tuple(dict.fromkeys(slices.get(item, ()))),
            cluster=clusters.get(item),
            must_pass=must.get(item) == 1,
            required=required.get(item),
            parked=_PARKED in slices.get(item, ()),
        )
        for item in items
    )


def _single(
    table: Table, column: str, names: list[str], wanted: list[str], cells: Sequence[_Cell | None]
) -> dict[str, _Cell]:
    """Return what each wanted item has in a column, which must be one thing in all of its rows."""
    found: dict[str, _Cell] = {}
    kept = set(wanted)
    for item, value, line in zip(names, cells, table.lines, strict=True):
        if item not in kept or value is None:
            continue
        if found.setdefault(item, value) != value:
            raise BadTable(
                f"{table.name}, line {line}: item {item!r} has the {column} {value!r}, where another row says "
                f"{found[item]!r}. Give each item one."
            )
    return found


def _labels(table: Table, column: str | None) -> list[str | None]:
    cells = [""] * len(table) if column is None else table.columns[table.called(column)]
    return [cell.strip() or None for cell in cells]


def _flags(table: Table) -> list[float | None]:
    """Return 1 for must-pass rows; a word that nobody knows is no quiet no."""
    if not table.has(_MUST):
        return [None] * len(table)
    found = table.numbers_or_none(_MUST)
    for flag, line in zip(found, table.lines, strict=True):
        if flag not in (None, 0, 1):
            raise BadTable(f"{table.name}, line {line}: must_pass is {flag!r}. Write 1 where an item must pass, or 0.")
    return found


def _levels(table: Table) -> list[float | None]:
    if not table.has(_REQUIRED):
        return [None] * len(table)
    found = table.numbers_or_none(_REQUIRED)
    for level, line in zip(found, table.lines, strict=True):
        if level is not None and not 0 < level < 1:
            raise BadTable(
                f"{table.name}, line {line}: a required reliability of {level!r} is none. Write a rate such as 0.98."
            )
    return found


def _tags(cell: str) -> list[str]:
    bare = cell.strip()
    if bare in _ALONE:
        return []
    if bare.startswith("["):
        bare = bare.strip("[]").replace('"', "").replace("'", "").replace(",", ";")
    return [one.strip() for one in bare.replace("|", ";").split(";") if one.strip()]
