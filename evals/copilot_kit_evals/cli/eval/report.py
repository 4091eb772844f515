"""`copilot-kit eval report` and `eval plot`: a run as one HTML file, and its charts as PNG or SVG."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from copilot_kit.cli.screen import shown, told
from copilot_kit.display import visible
from copilot_kit.errors import MissingExtra, UsageError
from copilot_kit_evals.report.drawing import can_draw

if TYPE_CHECKING:
    from copilot_kit_evals.folder import RunFolder

_KINDS: Final = ("forest", "means", "cost", "latency", "ladder", "horizon", "trend")
_SEVEN: Final = "forest, means, cost, latency, ladder, horizon or trend"

Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.", show_default=False)]
Released = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=DATE", help="When a candidate came out, for the trend; may be repeated."),
]


def report(
    run: Run,
    *,
    out: Annotated[Path | None, typer.Option(help="The file to write; else report.html in the folder.")] = None,
    released: Released = None,
) -> None:
    """Write a run as one HTML file that opens without network: verdict, differences, flips, cost, claims, transcripts.

    Example: copilot-kit eval report runs/suite-1 --out report.html
    """
    _needs_plots()
    from copilot_kit_evals.folder import RunFolder
    from copilot_kit_evals.report.page import write_report
    from copilot_kit_evals.report.wording import size

    try:
        file = write_report(RunFolder(run), out, released=_dates(released or ()))
    except OSError as error:
        raise UsageError(f"The report cannot be written: {error.strerror}. Name another file with --out.") from error
    shown(f"{visible(str(file))} ({size(file.stat().st_size)})")


def plot(
    run: Run,
    kind: Annotated[str, typer.Argument(metavar="KIND", help=_SEVEN, show_default=False)],
    out: Annotated[Path, typer.Argument(metavar="FILE", help="FILE.png or FILE.svg.", show_default=False)],
    *,
    dark: Annotated[bool, typer.Option("--dark", help="On a dark ground.")] = False,
    released: Released = None,
) -> None:
    """Draw a chart of a run's report into a file; no browser is needed.

    Example: copilot-kit eval plot runs/suite-1 forest differences.svg
    """
    _needs_plots()
    from copilot_kit_evals.folder import RunFolder
    from copilot_kit_evals.report.colours import Scheme
    from copilot_kit_evals.report.drawing import png, stacked, svg
    from copilot_kit_evals.report.facts import facts_of
    from copilot_kit_evals.report.figures import figures_of

    if kind not in _KINDS or out.suffix.lower() not in (".png", ".svg"):
        raise UsageError(
            f"Cannot draw {visible(kind)!r} into {visible(out.name)!r}. "
            f"Kinds are {', '.join(_KINDS)}, and files end in .png or .svg."
        )
    found = figures_of(facts_of(RunFolder(run)), kind, released=_dates(released or ()))
    if not found:
        raise UsageError(f"The run has nothing for a chart {kind!r}. {_WANTS[kind]}")
    spec = stacked([one.spec for one in found], [visible(one.title) for one in found])
    scheme: Scheme = "dark" if dark else "light"
    content = png(spec, scheme=scheme) if out.suffix.lower() == ".png" else svg(spec, scheme=scheme).encode()
    try:
        out.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{str(out)!r} cannot be written: {error.strerror}. Name another file.") from error
    shown(visible(str(out)))


_WANTS: Final = {
    "forest": "It takes two candidates or more.",
    "means": "It takes an item with a score.",
    "cost": "It takes answers with a price above 0.",
    "latency": "It takes five attempts of a candidate or more.",
    "ladder": "It takes an item.",
    "horizon": "It takes eight items or more with human_minutes, and scores of 0 and 1.",
    "trend": "It takes --released of two candidates or more, and items with human_minutes.",
}


def reported(folder: "RunFolder") -> Path | None:
    """Write the report of a run that has ended, and return the file; None, and a line why, where there is none."""
    if not can_draw():
        told("For a report with charts and transcripts: pip install 'copilot-kit[report]'")
        return None
    from copilot_kit_evals.report.page import write_report

    try:
        return write_report(folder)
    except Exception as error:  # noqa: BLE001  the run is whole; a page that cannot be drawn must not say otherwise
        told(f"No report was written: {type(error).__name__}: {visible(str(error))}. Try again with: "
             f"copilot-kit eval report {visible(str(folder.path))}")  # fmt: skip
        return None


def _dates(told: Sequence[str]) -> dict[str, date]:
    found = {}
    for text in told:
        name, _, day = text.rpartition("=")
        try:
            found[name] = date.fromisoformat(day)
        except ValueError as error:
            raise UsageError(f"--released is {text!r}. Write a candidate and a day: NAME=2026-09-01.") from error
    return found


def _needs_plots() -> None:
    if not can_draw():
        raise MissingExtra("A report", "report")
