"""`copilot-kit eval`: run a suite on models side by side, plan it, merge shards, bring items from elsewhere."""

from pathlib import Path
from typing import Annotated, Final

import typer

from copilot_kit.cli.journals import JsonOption
from copilot_kit.errors import UsageError
from copilot_kit_evals.cli.amounts import dollars
from copilot_kit_evals.cli.eval.draft import draft_command
from copilot_kit_evals.cli.eval.from_journal import from_journal
from copilot_kit_evals.cli.eval.judge import judge
from copilot_kit_evals.cli.eval.report import plot, report
from copilot_kit_evals.cli.eval.trend import trend
from copilot_kit_evals.cli.eval.view import label, prefer, view

app: Final = typer.Typer(name="eval", no_args_is_help=True, help="Evaluate models on a suite of your own.")
app.command("draft")(draft_command)
app.command("report")(report)
app.command("plot")(plot)
app.command("from-journal")(from_journal)
app.command("view")(view)
app.command("prefer")(prefer)
app.command("label")(label)
app.command("judge")(judge)
app.command("trend")(trend)

SuiteNames = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SUITE...",
        help="Python with tasks, a dataset (JSON lines, CSV), suite:NAME, or set:NAME=FILE; @TAG for some items only.",
        show_default=False,
    ),
]
Model = Annotated[
    list[str] | None, typer.Option("--model", "-m", help="provider:name or a slot; the first one is the incumbent.")
]
Vary = Annotated[
    list[str] | None, typer.Option(help="What else makes a candidate: prompt=a.md,b.md, tools=x+y,x, effort=low,high.")
]
Repeats = Annotated[int | None, typer.Option(help="How often each item is asked; else what the task says.", min=1)]
TaskName = Annotated[list[str] | None, typer.Option("--task", help="Only this one; may be repeated.")]
ScorerName = Annotated[str | None, typer.Option("--scorer", help="For a dataset: exact, normalised, choice, number, …")]
PromptFile = Annotated[Path | None, typer.Option("--prompt", help="For a dataset: a file with the instructions.")]
ShardText = Annotated[str | None, typer.Option("--shard", metavar="I/N", help="Only this part of the items.")]
Seed = Annotated[int | None, typer.Option(help="Of the order of the items, and of what solvers draw; else 0.", min=0)]
Margin = Annotated[float | None, typer.Option(help="How much worse counts as no worse.", min=0.0)]


@app.command("run")
def run_command(  # noqa: PLR0913  the options of a run
    suite: SuiteNames = None,
    *,
    model: Model = None,
    vary: Vary = None,
    repeats: Repeats = None,
    task: TaskName = None,
    scorer: ScorerName = None,
    prompt: PromptFile = None,
    out: Annotated[Path | None, typer.Option(help="The folder of the run; else runs/SUITE-TIME.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.")] = None,
    retry_errors: Annotated[
        bool, typer.Option("--retry-errors", help="With --resume: ask again what infrastructure has spoiled.")
    ] = False,
    budget_usd: Annotated[str | None, typer.Option(metavar="USD", help="Most that the whole run may cost.")] = None,
    budget_tokens: Annotated[int | None, typer.Option(min=1, help="Most tokens of the whole run.")] = None,
    budget_minutes: Annotated[float | None, typer.Option(min=0.01, help="Longest time at work, all sessions.")] = None,
    shard: ShardText = None,
    on: Annotated[str | None, typer.Option("--on", metavar="ray", help="Make the shards on a Ray cluster.")] = None,
    shards: Annotated[int | None, typer.Option(min=1, help="With --on: how many; else one a CPU.")] = None,
    seed: Seed = None,
    margin: Margin = None,
    look_every: Annotated[
        int | None, typer.Option(min=0, help="Finished items between interim looks, 0 for none; else fifty looks.")
    ] = None,
    stop_early: Annotated[
        bool,
        typer.Option("--stop-early", help="End when a look finds promote or hold; that takes more evidence."),
    ] = False,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Requests of a model at once; else learned.")] = None,
    json: JsonOption = False,
) -> None:
    """Run a suite on candidates side by side; interrupt it at any time and go on with --resume.

    Each item is asked of all candidates together, in an order that the seed fixes. Exits with 0 when all attempts have
    ended, with 2 when the budget ended first.

    Example: copilot-kit eval run suite.py --model openai:gpt-5.2 --model anthropic:claude-sonnet-5 --budget-usd 5
    """
    from copilot_kit_evals.cli.eval.options import Wanted
    from copilot_kit_evals.cli.eval.run import go_on, start

    wanted = Wanted(
        models=tuple(model or ()),
        vary=tuple(vary or ()),
        tasks=tuple(task or ()),
        repeats=repeats,
        scorer=scorer,
        prompt=prompt,
        budget_usd=dollars(budget_usd),
        budget_tokens=budget_tokens,
        budget_s=None if budget_minutes is None else budget_minutes * 60,
        shard=shard,
        seed=seed,
        margin=margin,
        look_every=look_every,
        stop_early=stop_early,
        most=concurrency,
        retry_errors=retry_errors,
        on=on,
        shards=shards,
    )
    if resume is not None:
        if out is not None:
            raise UsageError("A run that goes on stays in its folder. Leave --out out.")
        code = go_on(resume, suite or (), wanted, json=json)
    elif not suite:
        raise UsageError(
            "Name a suite to run (`copilot-kit eval suites` lists some), or a run to go on with: --resume DIR."
        )
    else:
        code = start(suite, out, wanted, json=json)
    raise typer.Exit(code)


@app.command("plan")
def plan_command(  # noqa: PLR0913  the options of a plan
    suite: SuiteNames = None,
    *,
    model: Model = None,
    vary: Vary = None,
    repeats: Repeats = None,
    task: TaskName = None,
    scorer: ScorerName = None,
    prompt: PromptFile = None,
    shard: ShardText = None,
    margin: Margin = None,
    like: Annotated[Path | None, typer.Option(help="An earlier run of the suite: for spread and cost.")] = None,
    json: JsonOption = False,
) -> None:
    """Tell what a run could see, what it needs and what it would cost; nothing is asked of any model.

    Example: copilot-kit eval plan suite.py --model openai:gpt-5.2 --model openai:gpt-5.4 --repeats 3
    """
    from copilot_kit_evals.cli.eval.options import Wanted
    from copilot_kit_evals.cli.eval.plan import show_plan

    wanted = Wanted(models=tuple(model or ()), vary=tuple(vary or ()), tasks=tuple(task or ()), repeats=repeats,
                    scorer=scorer, prompt=prompt, shard=shard, margin=margin)  # fmt: skip
    if not suite:
        raise UsageError("Name a suite to plan; `copilot-kit eval suites` lists those that come with the package.")
    show_plan(suite, wanted, like=like, json=json)


@app.command("suites")
def suites_command(*, json: JsonOption = False) -> None:
    """List the suites that come with the package: their items, and what each tells of a model.

    Example: copilot-kit eval suites
    """
    from copilot_kit_evals.cli.eval.suites import list_suites

    list_suites(json=json)


@app.command("show")
def show_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.", show_default=False)],
    *,
    json: JsonOption = False,
) -> None:
    """Summarise a run from its log: means with intervals, differences, cost, latency, and what is missing.

    Example: copilot-kit eval show runs/suite-1 --json
    """
    from copilot_kit_evals.cli.eval.show import show_run

    show_run(run, json=json)


@app.command("merge")
def merge_command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Shards of one run.", show_default=False)],
    *,
    out: Annotated[Path, typer.Option(help="A new folder for the whole run.", show_default=False)],
    json: JsonOption = False,
) -> None:
    """Make one run of its shards.

    Example: copilot-kit eval merge part-1 part-2 --out whole
    """
    from copilot_kit_evals.cli.eval.show import show_run
    from copilot_kit_evals.shards.merging import merge

    merge(runs, out)
    show_run(out, json=json)


@app.command("export")
def export_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.", show_default=False)],
    out: Annotated[
        Path, typer.Argument(metavar="FILE", help="FILE.csv, .parquet, or .xml for JUnit.", show_default=False)
    ],
) -> None:
    """Write a run as a table for statistics, or as JUnit XML for continuous integration.

    Example: copilot-kit eval export runs/suite-1 attempts.csv
    """
    from copilot_kit.cli.screen import counted, shown
    from copilot_kit_evals.exports import export
    from copilot_kit_evals.folder import RunFolder

    count = export(RunFolder(run), out)
    shown(f"{counted(count, 'case' if out.suffix.lower() == '.xml' else 'row')} in {out}")


@app.command("import")
def import_command(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="What others wrote.", show_default=False)],
    out: Annotated[Path, typer.Argument(metavar="DATASET", help="JSON lines to write.", show_default=False)],
    *,
    format: Annotated[  # noqa: A002  the option's name
        str | None,
        typer.Option(help="jsonl, csv, promptfoo, langsmith, tickets or inspect; else told by what is in it."),
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="How a field is called in the file: input=question; may be repeated.")
    ] = None,
) -> None:
    """Bring items from elsewhere into a dataset: promptfoo, LangSmith, Inspect, tickets that people have answered.

    What cannot be carried over is told on standard error.

    Example: copilot-kit eval import tickets.csv support.jsonl --column input=question --column target=answer
    """
    from copilot_kit_evals.cli.eval.importing import import_file

    import_file(source, out, kind=format, columns=tuple(column or ()))
