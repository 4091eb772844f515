"""What `copilot-kit stats means` prints: the mean of each model, and whether published totals agree with the rows."""

from typing import TYPE_CHECKING, Any, Final

import typer

from copilot_kit.cli.screen import counted, shown, told
from copilot_kit_evals.cli.long_tables import Chosen, as_long
from copilot_kit_evals.cli.sheets import as_json, number, sheet, span
from copilot_kit_evals.tables import BadTable, Table

if TYPE_CHECKING:
    from copilot_kit_evals.stats.integrity import Integrity
    from copilot_kit_evals.stats.matrix import Attempt

_CHECK_FAILED: Final = 1


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
