"""`copilot-kit snap`: shall a slot take a candidate? Its suites on both models, or logs that are there already."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, ClassVar, Final

import typer
from typer.exceptions import TyperException

from copilot_kit.cli.journals import JsonOption
from copilot_kit.errors import CopilotError, MissingExtra, UsageError
from copilot_kit_evals.cli.amounts import dollars

_HOLD: Final = 1

Slot = Annotated[
    str | None, typer.Argument(metavar="SLOT", help="Of frontier.toml: default, fast, judge, …", show_default=False)
]
To = Annotated[str | None, typer.Option("--to", help="provider:model of the candidate; else the slot's own model.")]
Vary = Annotated[
    list[str] | None, typer.Option(help="What else it is: prompt=b.md, tools=b.toml, hides=find, effort=low.")
]
Logs = Annotated[
    list[Path] | None,
    typer.Option(
        "--from-logs", metavar="FILE", help="A table, a run, or Inspect's .eval; once, or once for each side."
    ),
]
Incumbent = Annotated[str | None, typer.Option(help="With --from-logs: the model in use; without one: a launch.")]
Candidate = Annotated[str | None, typer.Option(help="With --from-logs: the model that may take its place.")]
Score = Annotated[str | None, typer.Option(help="Column of the score; else score, resolved, correct, …")]
Cluster = Annotated[str | None, typer.Option(help="Column of items that hang together, '' for none.")]
Published = Annotated[Path | None, typer.Option(help="Totals published of the rows: where they differ, invalid.")]
Margin = Annotated[
    float | None,
    typer.Option(help="How much worse counts as no worse, in units of the score; else 0.03.", min=0.0, max=1e6),
]
Required = Annotated[
    float | None, typer.Option("--reliability", help="How often items must succeed: 0.98.", min=0.001, max=0.9999)
]
Back = Annotated[bool, typer.Option("--back", help="Take back the last promotion of the slot.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Judge, and change nothing.")]
Plan = Annotated[bool, typer.Option("--plan", help="Tell what it would take; no model is asked.")]
Share = Annotated[float | None, typer.Option(help="On promote, of new runs to begin with.", min=0.0, max=1.0)]
Launch = Annotated[bool, typer.Option("--launch", help="The candidate alone: the model in use is gone.")]
Suites = Annotated[list[str] | None, typer.Option("--suite", help="In the place of the slot's own; may be repeated.")]
Usd = Annotated[str | None, typer.Option(metavar="USD", help="Most that it may cost.")]


def snap(  # noqa: PLR0913  the options of a command
    slot: Slot = None,
    *,
    to: To = None,
    vary: Vary = None,
    from_logs: Logs = None,
    incumbent: Incumbent = None,
    candidate: Candidate = None,
    score: Score = None,
    cluster: Cluster = None,
    published: Published = None,
    margin: Margin = None,
    reliability: Required = None,
    back: Back = False,
    dry_run: DryRun = False,
    plan: Plan = False,
    share: Share = None,
    launch: Launch = False,
    suite: Suites = None,
    repeats: Annotated[int | None, typer.Option(help="How often each item is asked.", min=1)] = None,
    budget_usd: Usd = None,
    budget_tokens: Annotated[int | None, typer.Option(min=1, help="Most tokens of the whole run.")] = None,
    budget_minutes: Annotated[float | None, typer.Option(min=0.01, help="Longest time at work.")] = None,
    seed: Annotated[int, typer.Option(help="Of the order of the items.", min=0)] = 0,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Requests of a model at once; else learned.")] = None,
    out: Annotated[Path | None, typer.Option(help="The folder of the run; else runs/SLOT-TIME.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.")] = None,
    by: Annotated[str | None, typer.Option(help="Who promotes; else the user of this machine.")] = None,
    store: Annotated[str | None, typer.Option(help="The journal whose waiting proposals are asked anew.")] = None,
    json: JsonOption = False,
) -> None:
    """Give one verdict on a candidate: promote, hold, inconclusive with the number of items missing, or invalid.

    Of a slot: runs its suites on the incumbent and the candidate, stops when the evidence is enough or the budget is
    spent, and takes the candidate on promote. Of logs: a table of model, item and score, runs, or Inspect's .eval;
    nothing is asked and nothing is changed.

    Exits with 0 promote, 1 hold, 2 inconclusive, 3 invalid.

    Example: copilot-kit snap --from-logs results.csv --incumbent old --candidate new
    """
    if find_spec("numpy") is None or find_spec("scipy") is None:
        raise MissingExtra("A verdict", "evals")
    of_logs = {"--incumbent": incumbent, "--candidate": candidate, "--score": score, "--cluster": cluster,
               "--published": published, "--reliability": reliability}  # fmt: skip
    of_slots = {"--to": to, "--vary": vary, "--back": back, "--dry-run": dry_run, "--plan": plan, "--share": share,
                "--launch": launch,
                "--suite": suite, "--repeats": repeats, "--budget-usd": budget_usd, "--budget-tokens": budget_tokens,
                "--budget-minutes": budget_minutes, "--concurrency": concurrency, "--out": out, "--resume": resume,
                "--by": by, "--store": store}  # fmt: skip
    if from_logs:
        from copilot_kit_evals.cli.snap_logs import Logged, snap_logs

        _refuse([*([slot] if slot else []), *_given(of_slots)], "--from-logs", "It judges what is there already.")
        if candidate is None:
            raise UsageError("Nothing says which model is the candidate. Name it with --candidate, as the log does.")
        logged = Logged(tuple(from_logs), incumbent, candidate, score, cluster, published, margin, reliability, json)
        with _judging():
            code = snap_logs(logged)
        raise typer.Exit(code)
    if slot is None:
        raise UsageError("Name a slot (copilot-kit snap default --to provider:model), or logs with --from-logs FILE.")
    from copilot_kit_evals.cli.snap_slot import snap_slot
    from copilot_kit_evals.frontier.wanted import Snap

    _refuse(_given(of_logs), "a slot", "They belong to --from-logs.")
    if margin is not None and margin > 1:
        raise UsageError(f"--margin {margin:g} is more than everything. Write {margin / 100:g} for {margin:g} points.")
    wanted = Snap(
        slot=slot, to=to, vary=tuple(vary or ()), back=back, dry_run=dry_run, plan=plan, share=share, launch=launch,
        suites=tuple(suite or ()), repeats=repeats, margin=margin, budget_usd=dollars(budget_usd),
        budget_tokens=budget_tokens, budget_s=None if budget_minutes is None else 60 * budget_minutes, seed=seed,
        concurrency=concurrency, out=out, resume=resume, by=by, store=store, json=json,
    )  # fmt: skip
    with _judging():
        code = snap_slot(wanted)
    raise typer.Exit(code)


class _Unjudged(CopilotError):
    """There is no verdict: a key, the disk, a provider, a fault of ours."""

    exit_code: ClassVar[int] = 3


@contextmanager
def _judging() -> Iterator[None]:
    """End with 3 whatever breaks before there is a verdict; with 1 a script would take it for hold."""
    try:
        yield
    except (typer.Exit, typer.Abort, TyperException, BrokenPipeError):
        raise
    except CopilotError as error:
        if error.exit_code != _HOLD:
            raise
        raise _Unjudged(str(error)) from error
    except Exception as error:
        raise _Unjudged(f"{type(error).__name__}: {error} (--debug shows the traceback)") from error


def _given(options: Mapping[str, object]) -> list[str]:
    return [name for name, value in options.items() if value not in (None, False, [])]


def _refuse(given: Sequence[str], where: str, why: str) -> None:
    if given:
        raise UsageError(f"{', '.join(given)} cannot go together with {where}. {why}")
