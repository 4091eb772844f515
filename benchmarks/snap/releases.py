"""The releases of a matrix, in order of their date, each as challenger of the one before and of the one in use."""

import csv
import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.snap.stopping import stopped
from copilot_kit_evals.cli.snap_logs import Logged, snap_of
from copilot_kit_evals.stats.matrix import Columns
from copilot_kit_evals.tables import Table, read_table
from copilot_kit_evals.tasks import Rule
from copilot_kit_evals.verdict.evidence import Evidence
from copilot_kit_evals.verdict.matrices import of_table
from copilot_kit_evals.verdict.verdicts import Verdict

ALPHA = 0.05


def replayed(data: Path, *, margin: float, seed: int) -> list[dict[str, Any]]:
    """Print both sequences and return their rows."""
    table = read_table(data / "results.csv")
    names = by_date(data / "models.csv", table)
    contradicted = _contradicted(data, names, margin)
    print(f"{len(names)} models with items, by date; margin {margin:g}.")
    for name in sorted(contradicted):
        print(f"Published totals contradict the rows of {name}: invalid with it, which is left out below.")
    names = [name for name in names if name not in contradicted]
    rows = []
    print("\nEach release against the one before")
    _header()
    for old, new in itertools.pairwise(names):
        rows.append(_row(table, old, new, margin=margin, seed=seed))
    print("\nEach release against the one in use")
    _header()
    used = names[0]
    for new in names[1:]:
        row = _row(table, used, new, margin=margin, seed=seed)
        rows.append(row)
        used = new if row["verdict"] == "promote" else used
    _totals(rows)
    return rows


def by_date(path: Path, table: Table) -> list[str]:
    """Return the models that have rows, the earliest run first."""
    there = set(table.text(Columns.of(table).model))
    with path.open(newline="", encoding="utf-8") as file:
        dated = sorted((row["run_date"], row["model"]) for row in csv.DictReader(file) if row["model"] in there)
    return [name for _, name in dated]


def _contradicted(data: Path, names: list[str], margin: float) -> set[str]:
    """Return the models whose rows are not those that their totals were published of, by the product's own words."""
    found = set()
    for old, new in itertools.pairwise(names):
        logged = Logged((data / "results.csv",), old, new, published=data / "models.csv", margin=margin)
        verdict = snap_of(logged)
        if verdict.verdict == "invalid":
            found |= {name for name in (old, new) if any(repr(name) in reason for reason in verdict.reasons)}
    return found


def _row(table: Table, old: str, new: str, *, margin: float, seed: int) -> dict[str, Any]:
    logged = Logged((Path(),), old, new, margin=margin)
    verdict = snap_of(logged, table)
    single = replace(Columns.of(table), cluster=None)
    alone = of_table(table, old, new, columns=single)
    quick = [stopped(shuffled(alone, seed + n), Rule(margin=margin, gain="quality")) for n in range(5)]
    paid = sum(cost for cost in verdict.cost_usd.values() if cost is not None)
    row = {
        "incumbent": old, "challenger": new, "verdict": verdict.verdict, "difference": verdict.difference,
        "p_exact": verdict.p_exact, "p_clusters": verdict.p, "items": verdict.n_items, "cost_usd": paid,
        "watched_items": float(np.mean([one.items for one in quick])),
        "watched_verdicts": sorted(one.word for one in quick), "items_needed": verdict.items_needed,
        "agrees_clusters": agrees(verdict, verdict.p), "agrees_items": agrees(verdict, verdict.p_exact),
        "contradicts": contradicts(verdict, verdict.p_exact) or contradicts(verdict, verdict.p),
    }  # fmt: skip
    words = "/".join(dict.fromkeys(row["watched_verdicts"]))
    print(f"{old[:22]:<22} {new[:22]:<22} {row['difference']:+7.3f} {row['p_exact']:9.2g} {row['p_clusters']:9.2g}  "
          f"{row['verdict']:<12} {paid:8.0f}  {row['watched_items']:6.0f} {words}")  # fmt: skip
    return row


def agrees(verdict: Verdict, p: float | None) -> bool:
    """Tell whether the verdict is what the exact paired test alone would say: ahead, behind, or not decided."""
    if p is None or verdict.difference is None or p > ALPHA:
        return verdict.verdict == "inconclusive"
    return verdict.verdict == ("promote" if verdict.difference > 0 else "hold")


def contradicts(verdict: Verdict, p: float | None) -> bool:
    """Tell whether the verdict says the opposite of the exact paired test."""
    if p is None or verdict.difference is None or p > ALPHA:
        return False
    return verdict.verdict == ("hold" if verdict.difference > 0 else "promote")


def shuffled(evidence: Evidence, seed: int) -> Evidence:
    """Return the cases in a random order that the seed fixes, as evidence that is looked at while it comes."""
    order = np.random.default_rng(seed).permutation(len(evidence.cases)).tolist()
    return replace(evidence.at(order), sequential=True)


def _header() -> None:
    print(f"{'incumbent':<22} {'challenger':<22} {'differ.':>7} {'p items':>9} {'p clust.':>9}  {'verdict':<12} "
          f"{'cost $':>8}  watched, items without clusters")  # fmt: skip


def _totals(rows: list[dict[str, Any]]) -> None:
    count = len(rows)
    print(f"\n{sum(row['agrees_clusters'] for row in rows)} of {count} verdicts agree with the exact paired test over "
          f"clusters, {sum(row['agrees_items'] for row in rows)} with that over items; "
          f"{sum(row['contradicts'] for row in rows)} contradict one of the two.")  # fmt: skip
    items, watched = sum(row["items"] for row in rows), sum(row["watched_items"] for row in rows)
    money = sum(row["cost_usd"] for row in rows)
    spared = sum(row["cost_usd"] * row["watched_items"] / row["items"] for row in rows)
    print(f"Watched, without clusters: {watched:,.0f} of {items:,} items, about ${spared:,.0f} of ${money:,.0f}.")
