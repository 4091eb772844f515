"""What `copilot-kit eval run` does: begins a run, or goes on with one, and says how it ended."""

import asyncio
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from copilot_kit.cli.screen import counted, told
from copilot_kit.display import visible
from copilot_kit.errors import CopilotError, UsageError
from copilot_kit_evals import runner
from copilot_kit_evals.candidates import candidates_of
from copilot_kit_evals.cli.eval.options import Wanted
from copilot_kit_evals.cli.eval.report import reported
from copilot_kit_evals.cli.eval.run_on_ray import Spread, begin_on_ray, check_shards, go_on_on_ray, manifest_of
from copilot_kit_evals.cli.eval.show import show_summary
from copilot_kit_evals.cli.progress import Progress
from copilot_kit_evals.drafts import drafted_by
from copilot_kit_evals.folder import BadRun, RunFolder, free_folder
from copilot_kit_evals.runner import Finished, Options
from copilot_kit_evals.scores import BROKEN
from copilot_kit_evals.shards.fleet import SHARDS, Allowed
from copilot_kit_evals.suites import Reference, Suite, read_names
from copilot_kit_evals.summary import ALL, summary
from copilot_kit_evals.writing import summarised

DONE, UNFINISHED, INTERRUPTED = 0, 2, 130
_RUNS: Final = Path("runs")
_Work: TypeAlias = Callable[[], Finished]


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
    stems = "+".join(Reference.parse(name).stem for name in names)
    folder = out or free_folder(_RUNS, stems, datetime.now().astimezone())
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
    wanted = replace(wanted.as_begun(manifest.rule), tasks=tuple(one.name for one in manifest.tasks),
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
    except BadRun:  # the same command would say the same
        raise
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
        _tell_of_lost(ended.folder, wanted)
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


def _tell_of_lost(folder: RunFolder, wanted: Wanted) -> None:
    """Say what spoiled attempts that tell nothing about a candidate: an empty table alone would not say why."""
    lost: dict[str, Counter[str]] = {}
    for attempt in folder.settled():
        if attempt.outcome == "infra_error" and attempt.trouble is not None:
            lost.setdefault(attempt.candidate, Counter())[attempt.trouble.text or attempt.trouble.kind] += 1
    for candidate, troubles in lost.items():
        (text, _), *_ = troubles.most_common(1)
        told(f"{counted(troubles.total(), 'attempt')} of {visible(candidate)} came to nothing, most often by "
             f"{visible(text)}")  # fmt: skip
    if lost:
        told(f"Ask for them again with: {command(folder.path, wanted)} --retry-errors")


def command(folder: Path, wanted: Wanted) -> str:
    """Return what goes on with a run; a dataset does not say how it was asked and scored."""
    words = ["copilot-kit", "eval", "run", "--resume", str(folder)]
    words += ["--on", wanted.on] if wanted.on is not None else []
    words += ["--scorer", wanted.scorer] if wanted.scorer is not None else []
    words += ["--prompt", str(wanted.prompt)] if wanted.prompt is not None else []
    return shlex.join(words)
