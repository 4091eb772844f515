"""`copilot-kit eval view`, `prefer` and `label`: runs in a browser, and what people say of their answers."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from copilot_kit.cli.screen import told
from copilot_kit.errors import MissingExtra, UsageError

if TYPE_CHECKING:
    from copilot_kit_evals.web.desk import Wish
    from copilot_kit_evals.web.shelf import Shelf

_NEEDED = ("numpy", "scipy", "starlette", "uvicorn", "jinja2")
PORT = 8322

Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.", show_default=False)]
Port = Annotated[int, typer.Option(help="On 127.0.0.1; 0 takes a free one.", min=0, max=65535)]
Open = Annotated[bool, typer.Option("--open", help="Open it in this machine's browser.")]
Rater = Annotated[str | None, typer.Option(help="Whose judgments these are; else the page asks.")]
Seed = Annotated[int | None, typer.Option(help="Of what is drawn; else the run's.", min=0)]


def view(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of runs, or one run.")] = Path("runs"),
    *,
    port: Port = PORT,
    open_browser: Open = False,
) -> None:
    """Show runs in a browser: what each has shown so far, its report, and what was said in every attempt.

    On this machine alone; the address that is printed signs in one browser. A run that still goes on grows on the page.

    Example: copilot-kit eval view runs
    """
    _needs_web()
    from copilot_kit_evals.web.desk import Wish
    from copilot_kit_evals.web.serving import serve
    from copilot_kit_evals.web.shelf import Shelf

    serve(Shelf.at(folder), wish=Wish(), port=port, open_browser=open_browser, tell=told)


def prefer(  # noqa: PLR0913  what is compared, by whom, and where
    run: Run,
    *,
    a: Annotated[str | None, typer.Option("--a", help="A candidate; else all are compared with each other.")] = None,
    b: Annotated[str | None, typer.Option("--b", help="The other one.")] = None,
    rater: Rater = None,
    pairs: Annotated[int | None, typer.Option(help="How many pairs are drawn; else all.", min=1)] = None,
    share: Annotated[
        float, typer.Option(help="Part of the pairs shown twice, to measure the rater's own agreement.", min=0, max=1)
    ] = 0.0,
    seed: Seed = None,
    port: Port = PORT,
    open_browser: Open = False,
) -> None:
    """Let a person say which of two answers is better, without knowing whose they are.

    Pairs come in a random order, the sides are drawn anew for each, and every judgment is kept at once in
    RUN/preferences.jsonl, which copilot-kit stats bt and stats judge read. Keys: left and right arrow (or a and b),
    t tie, n neither, s skip, u undo, r reason.

    Example: copilot-kit eval prefer runs/suite-1 --a openai:gpt-5.2 --b openai:gpt-5.4 --rater anna --pairs 100
    """
    _needs_web()
    from copilot_kit_evals.people.pairing import Draw
    from copilot_kit_evals.web.desk import Wish

    if (a is None) != (b is None):
        raise UsageError("One candidate alone is named. Name both, --a and --b, or none to compare all.")
    between = () if a is None or b is None else (a, b)
    shelf, own = _one(run)
    draw = Draw(seed=own if seed is None else seed, twice=share, most=pairs, between=between)
    draw.checked(shelf.book(run.resolve().name).run)
    _judge(shelf, Wish(draw=draw, rater=rater), page="compare", port=port, open_browser=open_browser)


def label(
    run: Run,
    *,
    task: Annotated[str | None, typer.Option(help="Only answers of this task.")] = None,
    rater: Rater = None,
    answers: Annotated[int | None, typer.Option(help="How many answers are drawn; else all.", min=1)] = None,
    seed: Seed = None,
    port: Port = PORT,
    open_browser: Open = False,
) -> None:
    """Let a person say of single answers whether they are right, without knowing whose they are.

    Answers come in a random order; labels are kept in RUN/labels.jsonl, which the scorer HumanLabels and
    copilot-kit stats judge read. Keys: y right, n wrong, s skip, u undo, r reason, v what would be right.

    Example: copilot-kit eval label runs/suite-1 --task support --rater anna --answers 60
    """
    _needs_web()
    from copilot_kit_evals.people.labelling import Sample
    from copilot_kit_evals.web.desk import Wish

    shelf, own = _one(run)
    sample = Sample(seed=own if seed is None else seed, most=answers, task=task)
    sample.checked(shelf.book(run.resolve().name).run)
    _judge(shelf, Wish(sample=sample, rater=rater), page="label", port=port, open_browser=open_browser)


def _one(run: Path) -> "tuple[Shelf, int]":
    """Return the shelf of one run, and the run's seed; raises `BadRun` for a folder that is none."""
    from copilot_kit_evals.folder import RunFolder
    from copilot_kit_evals.web.shelf import Shelf

    return Shelf.at(run), RunFolder(run).manifest.seed


def _judge(shelf: "Shelf", wish: "Wish", *, page: str, port: int, open_browser: bool) -> None:
    from copilot_kit.inbox.incoming import segment
    from copilot_kit_evals.web.desk import checked_rater
    from copilot_kit_evals.web.serving import serve

    name = segment(shelf.only or "")
    rater = "" if wish.rater is None else f"/{segment(checked_rater(wish.rater))}"
    serve(shelf, wish=wish, path=f"/runs/{name}/{page}{rater}", port=port, open_browser=open_browser, tell=told)


def _needs_web() -> None:
    if any(find_spec(name) is None for name in _NEEDED):
        raise MissingExtra("A page of runs", "evals,inbox")
