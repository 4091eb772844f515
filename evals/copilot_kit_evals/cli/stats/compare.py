"""What `copilot-kit stats compare` prints of two models on the same items."""

from copilot_kit.cli.screen import counted, told
from copilot_kit_evals.cli.long_tables import Chosen, as_long
from copilot_kit_evals.cli.sheets import as_json, number, sheet, span
from copilot_kit_evals.tables import Table


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
