"""`copilot-kit stats`: published statistics from plain files, as JSON or as a table."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from copilot_kit.cli.journals import JsonOption
from copilot_kit.errors import CopilotError, MissingExtra
from copilot_kit_evals.tables import BadTable, read_table

app: Final = typer.Typer(name="stats", no_args_is_help=True, help="Statistics over plain files: CSV or JSON lines.")

File = Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a header, or JSON lines.", show_default=False)]
_MOST_CASES: Final = 10**12
"""Beyond it the digits of a number of this machine do not hold what the exact bounds would have to tell apart."""
Confidence = Annotated[float, typer.Option(help="Of the intervals.", min=0.5, max=0.9999)]
Seed = Annotated[int, typer.Option(help="Of what is drawn at random.", min=0)]
Score = Annotated[str | None, typer.Option(help="Column of the score; else score, resolved, correct, …")]
Cluster = Annotated[
    str | None, typer.Option(help="Column of items that hang together, '' for none; else cluster, repo, …")
]
Repeated = Annotated[bool, typer.Option("--repeated", help="Several rows of an item are its repeats.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


class TieRule(StrEnum):
    """What a tie is worth."""

    half = "half"
    davidson = "davidson"


@contextmanager
def _numerics() -> Iterator[None]:
    """Tell a person which packages are missing, and blame data that a statistic is not defined for on the file."""
    try:
        from copilot_kit_evals.stats.arrays import NotUsable
    except ImportError as error:
        raise MissingExtra("A statistic", "evals") from error
    try:
        yield
    except NotUsable as error:
        raise BadTable(str(error)) from error
    except CopilotError:
        raise
    except MemoryError as error:
        raise BadTable("The file does not fit into memory. Keep only the columns and rows that are needed.") from error


@app.command()
def horizon(
    file: File,
    *,
    agent: Annotated[list[str] | None, typer.Option(help="Only this one; may be repeated.")] = None,
    penalty: Annotated[float, typer.Option(help="L2 on the slope; older releases of METR's code: 0.1.", min=0)] = 1e-5,
    draws: Annotated[int, typer.Option(help="Of the bootstrap.", min=1, max=20_000)] = 1000,
    seed: Seed = 0,
    confidence: Confidence = 0.95,
    json: JsonOption = False,
) -> None:
    """Fit METR's time horizon: how long the tasks are that an agent solves half of the time, and 80 % of the time.

    FILE has agent, task, family and human_minutes, with n_successes and n_runs (a row a task), or with
    score_binarized (a row a run); weight is optional.
    Who solves all has no number but '> longest task'; null is an end of an interval that the data leave open.

    Example: copilot-kit stats horizon task_counts.csv --json
    """
    from copilot_kit_evals.cli.stats.horizon import Fit, show_horizons

    with _numerics():
        fit = Fit(penalty=penalty, draws=draws, seed=seed, confidence=confidence)
        show_horizons(read_table(file), agents=agent or (), fit=fit, json=json)


@app.command()
def trend(
    file: File,
    *,
    every: Annotated[bool, typer.Option("--all", help="Count all models, not only the best of their day.")] = False,
    since: Day = None,
    until: Day = None,
    reach: Annotated[
        float | None, typer.Option(help="Minutes: when does the trend come to them?", min=1e-9, max=1e12)
    ] = None,
    confidence: Confidence = 0.95,
    json: JsonOption = False,
) -> None:
    """Tell how many days it takes until the horizon has doubled.

    FILE has release_date and p50_min (or p50); is_sota, where it stands there, says which models were the best of their
    day.

    The interval of the doubling time is that of the line; of --reach, that of a single model around it, if the trend
    goes on as it has gone.

    Example: copilot-kit stats trend published.csv --since 2023-01-01
    """
    from copilot_kit_evals.cli.stats.trend import Window, show_trend

    with _numerics():
        days = [None if one is None else one.date() for one in (since, until)]
        window = Window(every=every, since=days[0], until=days[1], confidence=confidence, level=reach)
        show_trend(read_table(file), window=window, json=json)


@app.command()
def bt(
    file: File,
    *,
    ties: Annotated[TieRule, typer.Option(help="Half a win for each, or Davidson's own weight.")] = TieRule.half,
    online_elo: Annotated[bool, typer.Option("--online-elo", help="Elo in the order of the votes.")] = False,
    k: Annotated[float, typer.Option(help="Points of online Elo at stake in a vote.", min=0.001, max=1000)] = 4.0,
    anchor: Annotated[str | None, typer.Option(help="Who stands at 1000; else the mean of all.")] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Column whose votes hang together, '' for none; else prompt, if there is one.")
    ] = None,
    penalty: Annotated[float, typer.Option(help="L2 on the strengths, where votes do not chain them.", min=0)] = 0.0,
    json: JsonOption = False,
) -> None:
    """Rate models by votes between two at a time: Bradley-Terry, on the scale of Elo.

    FILE has left, right and winner (left, right or tie).
    Intervals take votes on one prompt together. Exits with 2 if the votes do not chain all models together.

    Example: copilot-kit stats bt votes.csv --anchor gpt-4
    """
    from copilot_kit_evals.cli.stats.bt import Rules, show_strengths

    with _numerics():
        rules = Rules(ties=ties.value, online=online_elo, k=k, anchor=anchor, cluster=cluster, penalty=penalty)
        show_strengths(read_table(file), rules=rules, json=json)


@app.command()
def judge(
    human: Annotated[Path, typer.Argument(metavar="HUMAN", help="Verdicts of people.", show_default=False)],
    judge: Annotated[Path, typer.Argument(metavar="JUDGE", help="Verdicts of the judge.", show_default=False)],
    *,
    column: Annotated[str | None, typer.Option(help="Column of the verdicts; else winner, verdict, label, …")] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Column of HUMAN whose items hang together, '' for none; else prompt, if any.")
    ] = None,
    threshold: Annotated[float | None, typer.Option(help="A number above it is a yes.")] = None,
    confidence: Confidence = 0.95,
    json: JsonOption = False,
) -> None:
    """Tell how far a judge agrees with people: kappa, both kinds of errors, leaning to a place, corrected rates.

    Both files have an item (or id) and a verdict: left, right, tie; 0, 1; true, false; steps of a scale; other words.
    A file may instead have a column for each model.

    Example: copilot-kit stats judge people.csv judge.csv --json
    """
    from copilot_kit_evals.cli.stats.judge import show_judge
    from copilot_kit_evals.cli.stats.judge_verdicts import gather

    with _numerics():
        found = gather(read_table(human), read_table(judge), column=column, cluster=cluster, threshold=threshold)
        show_judge(found, confidence=confidence, json=json)


@app.command()
def rate(
    k: Annotated[int, typer.Argument(metavar="K", help="Successes.", min=0, max=_MOST_CASES, show_default=False)],
    n: Annotated[int, typer.Argument(metavar="N", help="Cases.", min=0, max=_MOST_CASES, show_default=False)],
    *,
    confidence: Confidence = 0.95,
    json: JsonOption = False,
) -> None:
    """Tell what k successes in n independent cases show of a rate, looked at once and looked at all the time.

    Repeats of one item are not independent cases.

    Example: copilot-kit stats rate 98 100
    """
    from copilot_kit_evals.cli.stats.rates import show_rate

    show_rate(k, n, confidence=confidence, json=json)


@app.command()
def passk(
    file: File,
    *,
    model: Annotated[str | None, typer.Option(help="Only this one, where the file has several.")] = None,
    k: Annotated[int | None, typer.Option(help="The highest k; else the fewest trials of a task.", min=1)] = None,
    json: JsonOption = False,
) -> None:
    """Tell how often all of k trials of a task pass (pass^k), and how often any does (pass@k).

    FILE has task, trial and reward (0 or 1), a row a trial.

    Example: copilot-kit stats passk trials.csv --json
    """
    from copilot_kit_evals.cli.stats.rates import show_passk

    with _numerics():
        show_passk(read_table(file), model=model, most=k, json=json)


@app.command()
def compare(
    file: File,
    *,
    a: Annotated[str, typer.Option("--a", help="A model.", show_default=False)],
    b: Annotated[str, typer.Option("--b", help="Another; what is shown is a - b.", show_default=False)],
    score: Score = None,
    cluster: Cluster = None,
    repeated: Repeated = False,
    confidence: Confidence = 0.95,
    json: JsonOption = False,
) -> None:
    """Compare two models on the same items: difference, paired and clustered error, interval, exact p.

    FILE has model, item and a score, and may have a cluster, a cost and a repeat; or item and a column for each model.

    Example: copilot-kit stats compare results.csv --a big --b small
    """
    from copilot_kit_evals.cli.long_tables import Chosen
    from copilot_kit_evals.cli.stats.compare import show_comparison

    with _numerics():
        chosen = Chosen(score=score, cluster=cluster, repeated=repeated, ends_early=_ends_early(file))
        show_comparison(read_table(file), (a, b), chosen=chosen, confidence=confidence, json=json)


def _ends_early(file: Path) -> bool:
    """Tell whether a file is a run that what it found could end."""
    if not (file / "run.json").is_file():
        return False
    from copilot_kit_evals.folder import RunFolder

    return RunFolder(file).manifest.rule.stops


@app.command()
def means(
    file: File,
    *,
    score: Score = None,
    cluster: Cluster = None,
    repeated: Repeated = False,
    by: Annotated[str | None, typer.Option(help="Take each value of this column apart, as in --by task.")] = None,
    preferences: Annotated[
        bool, typer.Option("--preferences", help="Scores are AlpacaEval's, from 1 (reference) to 2 (model).")
    ] = False,
    published: Annotated[Path | None, typer.Option(help="Published totals to hold against the rows.")] = None,
    json: JsonOption = False,
) -> None:
    """Show each model's mean over items with its error, and what it cost; --published finds totals that are not so.

    FILE is as for compare. Exits with 1 if a published total differs from its rows.

    Example: copilot-kit stats means results.csv --published models.csv
    """
    from copilot_kit_evals.cli.long_tables import Chosen
    from copilot_kit_evals.cli.stats.means import show_means

    with _numerics():
        chosen = Chosen(score=score, cluster=cluster, by=by, repeated=repeated)
        totals = None if published is None else read_table(published)
        show_means(read_table(file), chosen=chosen, preferences=preferences, published=totals, json=json)
