"""The long table that logs come as, one row an attempt: model, item, score, and if known cluster, cost and repeat.

Columns are found by name; `Columns.of` says by which. No row is dropped: an empty score is a missing one, an item that
only one of two models has is missing for the other, and what cannot be read is an error with its line.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from copilot_kit.errors import UsageError
from copilot_kit_evals.stats.arrays import Floats
from copilot_kit_evals.stats.comparison import Side
from copilot_kit_evals.tables import BadTable, Table

MODEL: Final = ("model", "agent")
ITEM: Final = ("item", "item_id", "task_id", "task")
SCORE: Final = ("score", "resolved", "correct", "success", "passed", "reward", "score_binarized")
CLUSTER: Final = ("cluster", "repo", "family", "group")
COST: Final = ("cost_usd", "cost")
REPEAT: Final = ("repeat", "trial", "run_id", "epoch", "attempt", "sample")
_SHOWN: Final = 20


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
        cls, table: Table, *, score: str | None = None, cluster: str | None = None, cost: str | None = None
    ) -> "Columns":
        """Return the columns that are named here, and otherwise the first of the usual names that is there.

        cluster, cost: "" for none, also where there is a column of a usual name.
        """
        return cls(
            model=table.called(*MODEL),
            item=table.called(*ITEM),
            score=table.called(*(SCORE if score is None else (score,))),
            cluster=_optional(table, CLUSTER, cluster),
            cost=_optional(table, COST, cost),
            repeat=_optional(table, REPEAT, None),
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    """One row of a model; None for what is missing."""

    score: float | None
    cost: float | None


@dataclass(frozen=True, slots=True)
class Pair:
    """The scores of two models, item by item."""

    items: tuple[str, ...]
    a: Side
    b: Side
    clusters: tuple[str, ...] | None
    elsewhere: int
    """Items of the table that neither of the two has: perhaps another suite, perhaps a crash of both."""


def pair(table: Table, a: str, b: str, *, columns: Columns) -> Pair:
    """Return the scores of models a and b on all items that either has, in the order of the rows."""
    if a == b:
        raise UsageError(f"Both models are {a!r}. Name two different ones.")
    one, two = attempts(table, a, columns=columns), attempts(table, b, columns=columns)
    items = tuple(dict.fromkeys([*one, *two]))
    clusters = None if columns.cluster is None else _clusters(table, items, columns)
    elsewhere = len(set(table.text(columns.item))) - len(items)
    return Pair(items, _side(one, items), _side(two, items), clusters, elsewhere)


def attempts(table: Table, model: str, *, columns: Columns) -> dict[str, list[Attempt]]:
    """Return a model's attempts at each item, in the order of the rows.

    Several rows of one item are its repeats if a repeat column tells them apart, and an error otherwise: a run that was
    tried again until it passed looks just like that.
    """
    names = table.text(columns.model)
    rows = table.rows(place for place, name in enumerate(names) if name == model)
    if not len(rows):
        known = list(dict.fromkeys(names))
        more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
        listed = ", ".join(repr(name) for name in known[:_SHOWN])
        raise UsageError(f"{table.name} has no model {model!r}. It has {listed}{more}.")
    scores = rows.numbers_or_none(columns.score)
    costs = rows.numbers_or_none(columns.cost, least=0) if columns.cost else [None] * len(rows)
    repeats = rows.text(columns.repeat) if columns.repeat else [""] * len(rows)
    found: dict[str, dict[str, Attempt]] = {}
    for item, repeat, score, cost, line in zip(
        rows.text(columns.item), repeats, scores, costs, rows.lines, strict=True
    ):
        if repeat in found.setdefault(item, {}):
            raise BadTable(
                f"{table.name}, line {line}: item {item!r} of {model!r} is scored again. Keep one row an attempt, and "
                "tell repeats apart in a column 'repeat'."
            )
        found[item][repeat] = Attempt(score, cost)
    return {item: list(tried.values()) for item, tried in found.items()}


def _side(found: Mapping[str, Sequence[Attempt]], items: Sequence[str]) -> Side:
    rows = [_item(found.get(item, ())) for item in items]
    scores, seen, costs = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    known: Floats | None = None if np.isnan(costs).all() else costs
    return Side(scores, seen, known)


def _item(tried: Sequence[Attempt]) -> tuple[float, float, float]:
    """Return the mean score, the share of attempts that have one, and the mean cost."""
    scored = [attempt.score for attempt in tried if attempt.score is not None]
    paid = [attempt.cost for attempt in tried if attempt.cost is not None]
    score = math.fsum(scored) / len(scored) if scored else math.nan
    cost = math.fsum(paid) / len(paid) if paid and len(paid) == len(tried) else math.nan
    return score, len(scored) / len(tried) if tried else 0.0, cost


def _clusters(table: Table, items: Sequence[str], columns: Columns) -> tuple[str, ...]:
    found: dict[str, str] = {}
    wanted = set(items)
    cells = table.columns[table.called(columns.cluster or "")]
    for item, cell, line in zip(table.text(columns.item), cells, table.lines, strict=True):
        cluster = cell.strip()
        if item in wanted and (not cluster or found.setdefault(item, cluster) != cluster):
            known = f", where another row says {found[item]!r}" if item in found else ""
            raise BadTable(
                f"{table.name}, line {line}: item {item!r} is in cluster {cluster!r}{known}. Give each item one "
                "cluster, or compare without clusters."
            )
    return tuple(found[item] for item in items)


def _optional(table: Table, usual: tuple[str, ...], named: str | None) -> str | None:
    if named is None:
        return table.called(*usual) if table.has(*usual) else None
    return table.called(named) if named else None
