"""`copilot-kit adapters check`: recorded traffic judges the adapters."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from copilot_kit.cli.screen import as_json, shown, told

if TYPE_CHECKING:
    from copilot_kit.conformance import Report, Verdict

app = typer.Typer(
    help="Adapters: what knows the providers.\n\nExample: copilot-kit adapters check --corpus recordings",
    no_args_is_help=True,
)
_MOST_LINES = 8


@app.callback()
def _group() -> None:
    """Judge what knows the providers."""


@app.command()
def check(
    *,
    corpus: Annotated[Path, typer.Option(help="A folder with index.json and exchanges/.")],
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> int:
    """Replay recorded exchanges through the installed adapters: requests equal, answers understood, errors typed.

    Exits with 0 if none failed, 1 if one did, 3 if the corpus cannot be read.

    Example: copilot-kit adapters check --corpus recordings --json
    """
    import asyncio

    from copilot_kit.conformance import check_corpus

    report = asyncio.run(check_corpus(corpus, told=_tell))
    if json:
        as_json(report.as_json())
    else:
        _print(report)
    return report.exit_code


def _tell(verdict: "Verdict") -> None:
    if verdict.status == "failed":
        told(f"failed {verdict.id}")
        for line in verdict.differences[:_MOST_LINES]:
            told(f"    {line}")


def _print(report: "Report") -> None:
    passed, failed, unclaimed = (report.count(status) for status in ("passed", "failed", "not_claimed"))
    shown(f"{passed} passed, {failed} failed, {unclaimed} not claimed by any installed adapter")
