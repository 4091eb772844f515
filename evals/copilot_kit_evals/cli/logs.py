"""Long logs of several models: two compared on the same items, and the mean of each, from a file."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import typer

from copilot_kit.cli.screen import counted, shown, told
from copilot_kit_evals.cli.sheets import as_json, number, sheet, span
from copilot_kit_evals.tables import BadTable, Table

if TYPE_CHECKING:
    from copilot_kit_evals.stats.integrity import Integrity
    from copilot_kit_evals.stats.matrix import Attempt

_VARIANT: Final = "variant"
_INDEX: Final = ("index", "id")
_CHECK_FAILED: Final = 1


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


def show_comparison(table: Table, models: tuple[str, str], *, chosen: Chosen, confidence: float, json: bool) -> None:
    """Print what two models' scores on the same items say about their difference."""
    from copilot_kit_evals.stats.comparison import compare
    from copilot_kit_evals.stats.matrix import Columns, pair

    long = as_long(table, chosen)
    both = pair(long, *models, columns=Columns.of(long))
    result = compare(both.a, both.b, clusters=both.clusters, confidence=confidence)
    costs = zip(models, (result.cost_per_success_a, result.cost_per_success_b), strict=True)
    found = {
        "a": models[0], "b": models[1], "n_items": result.n_items, "mean_a": result.mean_a, "mean_b": result.mean_b,
        "difference": result.difference, "paired_error": result.paired_error,
        "clustered_error": result.clustered_error, "unpaired_error": result.unpaired_error,
        "correlation": result.correlation, "interval": result.interval, "method": result.method,
        "p_exact": result.p_exact, "p_exact_clustered": result.p_exact_clustered, "p_method": result.p_method,
        "p_t": result.p_t, "p": result.p, "wins": result.wins, "losses": result.losses, "ties": result.ties,
        "clusters": result.clusters, "effective_clusters": result.effective_clusters,
        "missing_a": result.missing_a, "missing_b": result.missing_b, "with_missing": result.with_missing,
        "items_elsewhere": both.elsewhere, "cost_per_success": dict(costs), "confidence": confidence,
        "could_end_early": chosen.ends_early,
    }  # fmt: skip
    if chosen.ends_early:
        told("What it found could end this run: interval and p are for a number of items that was fixed beforehand, "
             "and say too much here. Those for all moments: copilot-kit snap --from-logs RUN.")  # fmt: skip
    if json:
        as_json(found)
        return
    sheet(
        (f"{models[0]} - {models[1]}", "value"),
        [
            ("difference", number(result.difference)),
            (f"{confidence:.0%} interval ({(result.method or 'unknown').replace('_', ' ')})", span(result.interval)),
            ("paired error", number(result.paired_error)),
            ("clustered error", number(result.clustered_error)),
            ("exact p over clusters" if result.clusters else "exact p", number(result.p)),
            ("wins, losses, ties", f"{result.wins}, {result.losses}, {result.ties}"),
            ("means", f"{number(result.mean_a)}, {number(result.mean_b)}"),
        ],
    )
    told(f"{counted(result.n_items, 'item')} of both{f', {result.clusters} clusters' if result.clusters else ''}.")
    if result.missing_a or result.missing_b:
        told(f"Missing: {result.missing_a} scores of {models[0]!r} and {result.missing_b} of {models[1]!r}.")


def show_means(table: Table, *, chosen: Chosen, preferences: bool, published: Table | None, json: bool) -> None:
    """Print each model's mean with its error and cost; ends with 1 where published totals differ from their rows."""
    from copilot_kit_evals.stats.integrity import check_published
    from copilot_kit_evals.stats.matrix import Columns, attempts

    long = as_long(table, chosen)
    columns = Columns.of(long)
    clusters = dict(zip(long.columns["item"], long.columns["cluster"], strict=True)) if columns.cluster else None
    found = {
        model: _mean(
            attempts(long, model, columns=columns), clusters, preferences=preferences, where=(long.name, model)
        )
        for model in dict.fromkeys(long.columns["model"])
    }
    checked = None if published is None else check_published(table, published, columns=Columns.of(table))
    if json:
        as_json({"models": found} | ({} if checked is None else {"published": checked}))
    else:
        _show_means(found)
        if checked is not None:
            _show_checked(checked)
    if checked is not None and any(one.status == "differs" for one in checked.findings):
        raise typer.Exit(_CHECK_FAILED)


def _mean(
    tried: "dict[str, list[Attempt]]", clusters: dict[str, str] | None, *, preferences: bool, where: tuple[str, str]
) -> dict[str, Any]:
    """Return the mean over items of the mean over attempts, its errors and the cost."""
    from copilot_kit_evals.stats.judges import preference
    from copilot_kit_evals.stats.means import estimate

    scores = {item: [one.score for one in attempts if one.score is not None] for item, attempts in tried.items()}
    kept = {item: sum(one) / len(one) for item, one in scores.items() if one}
    if not kept:
        raise BadTable(f"{where[0]}: {where[1]!r} has no score at all. Leave it out.")
    values = [value - preferences for value in kept.values()]  # preferences lie between 1 and 2
    labels = None if clusters is None else [clusters[item] for item in kept]
    within = (0.0, 1.0) if min(values) >= 0 and max(values) <= 1 else None
    alone, result = estimate(values, bounds=within), estimate(values, clusters=labels, bounds=within)
    costs = [one.cost for attempts in tried.values() for one in attempts if one.cost is not None]
    extra: dict[str, Any] = {}
    if preferences:
        votes = preference(list(kept.values()))
        extra = {"wins": votes.wins, "losses": votes.losses, "draws": votes.draws,
                 "discrete_win_rate": votes.discrete_win_rate}  # fmt: skip
    return {
        "mean": result.mean, "standard_error": alone.error,
        "clustered_error": None if labels is None else result.error, "interval": result.interval,
        "n_items": len(kept), "clusters": None if labels is None else result.units,
        "n_attempts": sum(map(len, tried.values())), "n_missing": sum(map(len, tried.values())) - sum(
            map(len, scores.values())),
        "cost_total": sum(costs) if costs else None, "cost_per_attempt": sum(costs) / len(costs) if costs else None,
    } | extra  # fmt: skip


def _show_means(found: dict[str, dict[str, Any]]) -> None:
    sheet(
        ("model", "mean", "error", "clustered", "95% interval", "items", "missing", "cost"),
        [
            (name, number(one["mean"]), number(one["standard_error"]), number(one["clustered_error"]),
             span(one["interval"]), str(one["n_items"]), str(one["n_missing"]), number(one["cost_total"]))
            for name, one in found.items()
        ],
    )  # fmt: skip


def _show_checked(checked: "Integrity") -> None:
    odd = [one for one in checked.findings if one.status != "agrees"]
    shown()
    sheet(
        ("published", "of", "says", "rows say", "which is"),
        [(one.model, one.published_column, number(one.published), number(one.from_rows), one.status) for one in odd],
    )
    told(f"{len(checked.findings) - len(odd)} of {counted(len(checked.findings), 'published number')} agree.")
