"""The figures as a table."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.long_task.figures import Figures
from benchmarks.long_task.task import Task

_COLUMNS = ("", "window", "right", "obeyed", "booked", "doubled", "re-read", "needless", "windows", "closings",
            "cleared", "requests", "k in", "k out", "% to close", "% cached", "largest", "opening", "shortest",
            "guess", "wall s", "CPU s")  # fmt: skip


def show(rows: Sequence[Figures], task: Task) -> None:
    """Print the figures, a row for each run."""
    console = Console(width=220)
    table = Table(title=f"{len(task.records)} records, {len(task.questions)} questions", box=None, pad_edge=False)
    for name in _COLUMNS:
        table.add_column(name, justify="right" if name else "left")
    for one in rows:
        table.add_row(*_cells(one, task))
    console.print(table)
    for one in rows:
        for words in [
            *one.wrong[:3],
            *([] if one.ok else ["its journal does not hold"]),
            *([one.gave_up] if one.gave_up else []),
        ]:
            console.print(f"{one.name}: {words}")
        if one.told_of_old is not None:
            console.print(f"{one.name}: the new model was told which notes the old one wrote: {one.told_of_old}")
        if one.wordy:
            console.print(f"{one.name}: {one.wordy} wrong answers hold the right one among other words")
        if one.kills:
            console.print(f"{one.name}: {one.kills} kills")


def _cells(one: Figures, task: Task) -> list[str]:
    closing = one.tokens_to_close / max(1, one.tokens_in + one.tokens_out)
    closings = ", ".join(f"{count} {kind}" for kind, count in sorted(one.closings.items())) or "-"
    return [
        one.name, "all" if one.window is None else f"{one.window:,}", f"{one.right}/{one.answers}",
        f"{one.obeyed}/{one.corrections}", f"{one.booked}/{len(task.records)}", f"{one.doubled}", f"{one.reread}",
        f"{one.needless}", f"{one.windows}", closings, f"{one.cleared}", f"{one.requests}",
        f"{one.tokens_in / 1e3:,.0f}", f"{one.tokens_out / 1e3:,.0f}", f"{closing:.1%}",
        f"{one.cacheable / max(1, one.tokens_in):.0%}", f"{one.largest:,}", f"{one.opening:,}", f"{one.shortest}",
        f"-{one.off:.1%} +{one.over:.1%}", f"{one.wall_s:.1f}", f"{one.cpu_s:.1f}",
    ]  # fmt: skip
