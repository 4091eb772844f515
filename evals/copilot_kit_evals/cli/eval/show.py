"""What `copilot-kit eval show` prints, as `eval run` does in the end: means, then differences."""

from pathlib import Path
from typing import Any

from copilot_kit.cli.screen import as_json, counted, shown, told
from copilot_kit.display import visible
from copilot_kit_evals.cli.sheets import number, sheet
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.summary import ALL, summary
from copilot_kit_evals.writing import summarised


def show_run(path: Path, *, json: bool) -> None:
    """Print the summary of a run, and put it beside the log."""
    folder = RunFolder(path)
    show_summary(summarised(folder, summary(folder)), path, json=json)


def show_summary(found: dict[str, Any], folder: Path, *, json: bool) -> None:
    """Print a summary: means, then differences."""
    if json:
        as_json({**found, "folder": str(folder)})
        return
    rows, differences = [], []
    for task, entry in found["tasks"].items():
        for name, one in entry["candidates"].items():
            for scorer, slices in one["scorers"].items():
                rows += [_mean_row(task, name, scorer, tag, told_of, one) for tag, told_of in slices.items()]
        differences += [_difference_row(task, one) for one in entry["differences"]]
    sheet(("task", "candidate", "scorer", "slice", "mean", "95 %", "items", "missing", "cost"), rows)
    if differences:
        shown()
        sheet(("task", "candidate - incumbent", "scorer", "slice", "difference", "95 %", "p", "items"), differences)
    attempts = found["attempts"]
    if not found["complete"]:
        told(
            f"{attempts['ended']:,} of {counted(attempts['wanted'], 'attempt')} have ended; the rest counts as missing."
        )
    told(f"The run is in {folder}")


def _mean_row(task: str, name: str, scorer: str, tag: str, one: dict[str, Any], whole: dict[str, Any]) -> list[str]:
    cost = f"${whole['cost']['total_usd']:.4f}" if tag == ALL and not whole["cost"]["unpriced"] else ""
    interval = _span(one.get("interval_with_missing") or one["interval"])
    return [visible(task), visible(name), scorer, visible(tag), number(one["mean"]), interval,
            f"{one['items']:,}", f"{one['missing']:,}" if one["missing"] else "", cost]  # fmt: skip


def _difference_row(task: str, one: dict[str, Any]) -> list[str]:
    if not one["n_items"]:
        return [visible(task), visible(one["candidate"]), one["scorer"], visible(one["slice"]), "", "", "", "0"]
    worst = one["with_missing"]
    interval, p = (one["interval"], one["p"]) if worst is None else (worst["interval"], worst["p"])
    return [visible(task), visible(one["candidate"]), one["scorer"], visible(one["slice"]), f"{one['difference']:+.4f}",
            _span(interval), number(p), f"{one['n_items']:,}"]  # fmt: skip


def _span(interval: list[float | None] | None) -> str:
    return "" if interval is None else " to ".join("…" if end is None else f"{end:.4f}" for end in interval)
