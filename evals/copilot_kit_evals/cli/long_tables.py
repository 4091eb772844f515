"""Tables of scores as a row an attempt, whichever way others wrote them: what `stats` and `snap` read."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from copilot_kit_evals.tables import Table

_VARIANT: Final = "variant"
_INDEX: Final = ("index", "id")


@dataclass(frozen=True, slots=True)
class Chosen:
    """Columns that a person named: None for the usual names; '' for no cluster."""

    score: str | None = None
    cluster: str | None = None
    by: str | None = None
    """Each value of this column makes a model of its own."""
    repeated: bool = False
    """Several rows of an item are its repeats, though no column tells them apart."""
    ends_early: bool = False
    """What was found could end the run, so that its number of items was not fixed beforehand."""


def as_long(table: Table, chosen: Chosen) -> Table:
    """Return a row an attempt with the columns model, item, score, and if there are any cluster, cost and repeat.

    A table with a column for each model is turned; items that are numbered anew in each task carry the task's name.
    """
    from copilot_kit_evals.stats.matrix import CLUSTER, COST, ITEM, MODEL, REPEAT, SCORE

    columns = _model_columns(table, chosen)
    if columns:
        return _turned(table, columns, chosen.cluster)
    models = table.text(*MODEL, _VARIANT)
    by = [] if chosen.by is None else table.text(chosen.by)
    scores = table.called(*(SCORE if chosen.score is None else (chosen.score,)))
    found = {
        "model": [f"{model} {group}" for model, group in zip(models, by, strict=True)] if by else models,
        "item": _items(table, ITEM),
        "score": table.columns[scores],
    }
    if chosen.cluster or (chosen.cluster is None and table.has(*CLUSTER)):
        found["cluster"] = table.text(*((chosen.cluster,) if chosen.cluster else CLUSTER))
    for kind, usual in (("cost", COST), ("repeat", REPEAT)):
        if table.has(*usual):
            found[kind] = table.columns[table.called(*usual)]
    if chosen.repeated:
        found["repeat"] = _counted(zip(found["model"], found["item"], strict=True))
    return Table(table.name, found, table.lines)


def _counted(attempts: Iterable[tuple[str, str]]) -> list[str]:
    """Return of each attempt which one of its model at its item it is."""
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for one in attempts:
        seen[one] += 1
        found.append(str(seen[one]))
    return found


def _items(table: Table, usual: tuple[str, ...]) -> list[str]:
    numbered = next((name for name in _INDEX if table.has(name)), None)
    if numbered is None or table.has("item"):
        return table.text(*usual)
    if not table.has("task"):
        return table.text(numbered)
    return [f"{task}/{index}" for task, index in zip(table.text("task"), table.text(numbered), strict=True)]


def _model_columns(table: Table, chosen: Chosen) -> dict[str, str]:
    """Return the column of each model, where models have columns instead of rows."""
    from copilot_kit_evals.stats.matrix import CLUSTER, ITEM, MODEL, SCORE

    if table.has(*MODEL, _VARIANT):
        return {}
    if chosen.score is not None:  # a record a model, as in {"big": {"correct": true}}
        end = f".{chosen.score}"
        return {name.removesuffix(end): name for name in table.columns if name.endswith(end)}
    if table.has(*SCORE):
        return {}
    own = {table.called(*ITEM, *_INDEX), *(table.called(one) for one in (chosen.cluster, *CLUSTER)
                                            if one and table.has(one))}  # fmt: skip
    return {name: name for name in table.columns if name not in own}


def _turned(table: Table, columns: dict[str, str], cluster: str | None) -> Table:
    from copilot_kit_evals.stats.matrix import CLUSTER, ITEM

    items = table.text(*ITEM, *_INDEX)
    found: dict[str, list[str]] = {"model": [], "item": [], "score": []}
    for model, column in columns.items():
        found["model"] += [model] * len(table)
        found["item"] += items
        found["score"] += table.columns[column]
    if cluster or (cluster is None and table.has(*CLUSTER)):
        found["cluster"] = table.text(*((cluster,) if cluster else CLUSTER)) * len(columns)
    return Table(table.name, found, table.lines * len(columns))
