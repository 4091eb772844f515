"""What `copilot-kit eval run`, `plan` and `show` do."""

import asyncio
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

from copilot_kit.cli.screen import as_json, counted, shown, told
from copilot_kit.display import visible
from copilot_kit.errors import CopilotError, UsageError
from copilot_kit_evals import runner
from copilot_kit_evals.candidates import candidates_of, prompt_in
from copilot_kit_evals.cli.eval.report import reported
from copilot_kit_evals.cli.eval.run_on_ray import Spread, begin_on_ray, check_shards, go_on_on_ray, manifest_of
from copilot_kit_evals.cli.progress import Progress
from copilot_kit_evals.cli.sheets import number, sheet
from copilot_kit_evals.drafts import drafted_by
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.interim import Looking
from copilot_kit_evals.manifest import Shard
from copilot_kit_evals.plan import plan
from copilot_kit_evals.runner import Finished, Options
from copilot_kit_evals.scores import BROKEN
from copilot_kit_evals.sending import check_planned
from copilot_kit_evals.shards.fleet import SHARDS, Allowed
from copilot_kit_evals.spending import Spending
from copilot_kit_evals.suites import SHIPPED, Reference, Suite, load_all, read_names, written
from copilot_kit_evals.summary import ALL, summary
from copilot_kit_evals.tasks import Rule
from copilot_kit_evals.verdict.looks import look_of
from copilot_kit_evals.writing import summarised

DONE, UNFINISHED, INTERRUPTED = 0, 2, 130
_RUNS: Final = Path("runs")
_Work: TypeAlias = Callable[[], Finished]
_LOOKS, _LOOK_AFTER = 50, 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options say."""

    models: tuple[str, ...] = ()
    vary: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    repeats: int | None = None
    scorer: str | None = None
    prompt: Path | None = None
    budget_usd: Decimal | None = None
    budget_tokens: int | None = None
    budget_s: float | None = None
    shard: str | None = None
    seed: int | None = None
    margin: float | None = None
    look_every: int | None = None
    stop_early: bool = False
    most: int | None = None
    retry_errors: bool = False
    on: str | None = None
    shards: int | None = None

    def suite(self, names: Sequence[str]) -> Suite:
        """Return the tasks of all suites that are named, with the tasks and repeats that are wanted."""
        given = [f"--{name}" for name in ("scorer", "prompt") if getattr(self, name) is not None]
        if given and not any(_is_data(name) for name in names):
            raise UsageError(
                f"{' and '.join(given)} is for a dataset or a public set; {', '.join(map(str, names))} says itself how "
                "to ask and score. Leave it out, or vary what is asked: --vary prompt=a.md,b.md"
            )
        prompt = "" if self.prompt is None else prompt_in(self.prompt)
        return load_all(names, scorer=self.scorer, prompt=prompt).chosen(self.tasks).repeated(self.repeats)

    def rule(self, suite: Suite) -> Rule:
        """Return the rule of the verdict: each task must hold; interim looks are fifty or less, unless asked for."""
        items = sum(len(task.dataset) for task in suite.tasks)
        every = self.look_every if self.look_every is not None else max(_LOOK_AFTER, items // _LOOKS)
        rule = Rule(look_every=every, stops=self.stop_early, slices=tuple(task.name for task in suite.tasks))
        return rule if self.margin is None else rule.model_copy(update={"margin": self.margin})

    def check_goes_on(self) -> None:
        """Raise `UsageError` for what a run that goes on has from its begin."""
        fixed = {"--model": self.models, "--vary": self.vary, "--task": self.tasks, "--repeats": self.repeats,
                 "--shard": self.shard, "--seed": self.seed, "--margin": self.margin,
                 "--look-every": self.look_every, "--stop-early": self.stop_early or None,
                 "--shards": self.shards}  # fmt: skip
        given = [name for name, value in fixed.items() if value not in (None, ())]
        if given:
            raise UsageError(
                f"A run that goes on keeps what it was begun with, and {', '.join(given)} cannot change it. Leave that "
                "out, or begin another run."
            )

    def options(self, rule: Rule, suite: Suite, names: Sequence[str], progress: Progress) -> Options:
        """Return how the run goes."""
        return Options(
            seed=self.seed or 0,
            rule=rule,
            shard=Shard() if self.shard is None else Shard.parse(self.shard),
            suite=written(names),
            spending=progress.spending,
            most=self.most,
            again=frozenset({"cancelled", "infra_error"} if self.retry_errors else {"cancelled"}),
            look=look_of(rule) if rule.stops else Looking(),
            watch=progress.heard,
            opening=suite.opening,
        )

    def spending(self) -> Spending:
        """Return the budget."""
        return Spending(cost_usd=self.budget_usd, tokens=self.budget_tokens, seconds=self.budget_s,
                        allow_unpriced=self.budget_usd is None)  # fmt: skip


def start(names: Sequence[str], out: Path | None, wanted: Wanted, *, json: bool) -> int:
    """Begin a run and return the exit code."""
    check_shards(on=wanted.on, shards=wanted.shards, shard=wanted.shard)
    if wanted.stop_early and (wanted.shard is not None or wanted.look_every == 0):
        raise UsageError("--stop-early needs looks at all items: leave --shard and --look-every 0 out.")
    if wanted.retry_errors:
        raise UsageError("--retry-errors asks again what a run has lost. Say which: --resume RUN --retry-errors")
    suite = wanted.suite(names)
    candidates = candidates_of(wanted.models, wanted.vary)
    _warn_of_own_items(suite, wanted.models)
    folder = (
        out
        or _RUNS
        / f"{'+'.join(Reference.parse(name).stem for name in names)}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
    )
    with Progress(wanted.spending()) as progress:
        options = wanted.options(wanted.rule(suite), suite, names, progress)
        if wanted.on is None:
            work: _Work = lambda: asyncio.run(runner.run(suite.tasks, candidates, folder, options))  # noqa: E731
        else:
            work = partial(begin_on_ray, _spread(folder, names, wanted, options), suite, candidates,
                           shards=wanted.shards)  # fmt: skip
        ended = _worked(work, folder, wanted)
    return _told(ended, folder, wanted, json=json)


def _warn_of_own_items(suite: Suite, models: Sequence[str]) -> None:
    for task in suite.tasks:
        for model, count in drafted_by(task.dataset, models).items():
            told(f"{visible(model)} drafted {counted(count, 'item')} of {visible(task.name)} and is measured by them "
                 "here. Leave them out (copilot_kit_evals.drafts.independent), or measure it by others.")  # fmt: skip


def go_on(folder: Path, names: Sequence[str], wanted: Wanted, *, json: bool) -> int:
    """Go on with a run and return the exit code."""
    check_shards(on=wanted.on, shards=None, shard=None)
    wanted.check_goes_on()
    manifest = manifest_of(folder, on=wanted.on)
    names = names or (() if manifest.suite is None else read_names(manifest.suite))
    if not names:
        raise UsageError(
            f"The run {str(folder)!r} does not say which suite it is of. Name it: eval run SUITE --resume …"
        )
    repeats = {one.repeats for one in manifest.tasks}
    wanted = replace(wanted, tasks=tuple(one.name for one in manifest.tasks),
                     repeats=repeats.pop() if len(repeats) == 1 else None)  # fmt: skip
    suite = wanted.suite(names)
    with Progress(wanted.spending()) as progress:
        options = wanted.options(manifest.rule, suite, names, progress)
        if wanted.on is None:
            work: _Work = lambda: asyncio.run(runner.resume(folder, suite.tasks, options))  # noqa: E731
        else:
            work = partial(go_on_on_ray, _spread(folder, names, wanted, options), suite)
        ended = _worked(work, folder, wanted)
    return _told(ended, folder, wanted, json=json)


def _spread(folder: Path, names: Sequence[str], wanted: Wanted, options: Options) -> Spread:
    allowed = Allowed(wanted.budget_usd, wanted.budget_tokens, wanted.budget_s)
    return Spread(folder, partial(wanted.suite, tuple(names)), options, allowed)


def _worked(work: _Work, folder: Path, wanted: Wanted) -> Finished | None:
    try:
        with redirect_stdout(sys.stderr):  # what tools and scorers print is no result
            ended = work()
    except KeyboardInterrupt:
        return None
    except CopilotError as error:
        if _has_begun(folder) and (wanted.on is not None or "--resume" not in str(error)):
            told(f"What has ended is kept. Go on with: {command(folder, wanted)}")
        raise
    return ended


def _has_begun(folder: Path) -> bool:
    return (folder / "run.json").exists() or (folder / SHARDS).exists()


def _told(ended: Finished | None, folder: Path, wanted: Wanted, *, json: bool) -> int:
    if ended is None and not _has_begun(folder):
        told("Interrupted, before anything was asked.")
        return INTERRUPTED
    if ended is None:
        told(f"Interrupted. What has ended is kept. Go on with: {command(folder, wanted)}")
        return INTERRUPTED
    found = summarised(ended.folder, summary(ended.folder))
    if ended.why == "decision":
        told(f"Ended by an interim look, as the rule of the run says: {ended.reason or 'see decisions.jsonl'}")
    if ended.why == "budget":
        told(f"{ended.reason} What has ended is kept. With a larger budget it goes on: "
             f"{command(folder, wanted)} --budget-usd …")  # fmt: skip
    show_summary(found, folder, json=json)
    if any(tags[ALL]["missing"] for entry in found["tasks"].values() for one in entry["candidates"].values()
           for tags in one["scorers"].values()):  # fmt: skip
        _tell_of_scorers(ended.folder)
    if (report := reported(ended.folder)) is not None:
        told(f"The report is {visible(str(report))}")
    return UNFINISHED if ended.why == "budget" else DONE


def _tell_of_scorers(folder: RunFolder) -> None:
    """Say which scorers broke, or gave what is no score: their values are missing, though the run has ended."""
    broken, why = Counter[str](), dict[str, str]()
    for attempt in folder.settled():
        for name, score in attempt.scores.items():
            if score.value is None and (score.reason or "").startswith(BROKEN):
                broken[name] += 1
                why.setdefault(name, (score.reason or "").splitlines()[0])
    for name, count in broken.items():
        told(f"Scorer {visible(name)} has no value for {counted(count, 'answer')}: {visible(why[name])}")


def command(folder: Path, wanted: Wanted) -> str:
    """Return what goes on with a run; a dataset does not say how it was asked and scored."""
    words = ["copilot-kit", "eval", "run", "--resume", str(folder)]
    words += ["--on", wanted.on] if wanted.on is not None else []
    words += ["--scorer", wanted.scorer] if wanted.scorer is not None else []
    words += ["--prompt", str(wanted.prompt)] if wanted.prompt is not None else []
    return shlex.join(words)


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


def show_plan(names: Sequence[str], wanted: Wanted, *, like: Path | None, json: bool) -> None:
    """Print what a run would be."""
    suite, candidates = wanted.suite(names), candidates_of(wanted.models, wanted.vary)
    check_planned(suite.tasks, candidates, suite.opening)
    found = plan(
        suite.tasks,
        candidates,
        rule=wanted.rule(suite),
        shard=Shard() if wanted.shard is None else Shard.parse(wanted.shard),
        like=None if like is None else RunFolder(like),
    )
    if json:
        as_json(found)
        return
    sheet(
        ("task", "items", "clusters", "attempts", "smallest difference", "margin", "items needed"),
        [[visible(one["task"]), f"{one['items']:,}", f"{one['clusters']:,}", f"{one['attempts']:,}",
          number(one["smallest_difference"]), number(one["margin"]), f"{one['items_needed'] or 0:,}"]
         for one in found["tasks"]],
    )  # fmt: skip
    for one in found["tasks"]:
        told(f"{visible(one['task'])}: {one['spread']}. Cost: {one['cost_basis']}.")
    cost = found["cost_usd"]
    told(f"{counted(found['attempts'], 'attempt')}, expected cost "
         f"{'unknown: no price is known of a model' if cost is None else f'${cost:.2f}'}.")  # fmt: skip


def _is_data(name: str) -> bool:
    source = Reference.parse(str(name)).source
    return not source.startswith(SHIPPED) and Path(source).suffix != ".py"
