"""`copilot-kit snap SLOT`: the slot's suites on incumbent and candidate, one verdict, and what follows from it."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from copilot_kit.cli.screen import as_json, counted, shown, told
from copilot_kit.display import visible
from copilot_kit.errors import CopilotError, ModelError, ModelGone, UsageError
from copilot_kit.sending import NotAllowed
from copilot_kit.slots import slot_of
from copilot_kit_evals import runner
from copilot_kit_evals.cli.eval.report import reported
from copilot_kit_evals.cli.progress import Progress
from copilot_kit_evals.cli.verdict_sheet import show
from copilot_kit_evals.folder import MANIFEST, RunFolder, free_folder
from copilot_kit_evals.frontier.ledger import (
    Ledger,
    ask_people_anew,
    journal_of,
    open_ledger,
    promote,
    take_back,
    who,
)
from copilot_kit_evals.frontier.promotions import VERDICT, Promotion, proof_of
from copilot_kit_evals.frontier.trial import Trial, check_evaluated, parked_of, placements_of, trial_of
from copilot_kit_evals.frontier.verdict import PARKED, verdict_in
from copilot_kit_evals.frontier.wanted import Snap
from copilot_kit_evals.plan import plan
from copilot_kit_evals.runner import Finished, Options
from copilot_kit_evals.sending import check_planned
from copilot_kit_evals.spending import Spending
from copilot_kit_evals.suites import Suite, load_all, read_names, written
from copilot_kit_evals.tally import Look
from copilot_kit_evals.tasks import Rule, Task
from copilot_kit_evals.verdict.looks import look_of
from copilot_kit_evals.verdict.verdicts import Verdict

DONE, INTERRUPTED = 0, 130
_BACK: Final = "--back takes back what was promoted last, and evaluates nothing: leave {} out."
_RESUME: Final = "--resume goes on with a run, which knows what it compares and what would follow: leave {} out."


def snap_slot(wanted: Snap) -> int:
    """Snap a slot, print the verdict, and return the exit code: 0 promote, 1 hold, 2 inconclusive, 3 invalid."""
    ledger = open_ledger()
    if wanted.back:
        return _back(ledger, wanted)
    if wanted.resume is not None:
        return _go_on(ledger, wanted)
    trial = asyncio.run(trial_of(ledger, wanted))
    if wanted.plan:
        return _plan(trial, wanted)
    if not wanted.dry_run:
        ledger.check(wanted.slot, trial.after)  # what would stop it behind the work is told of before
        journal_of(ledger, wanted.store)
    folder = wanted.out or free_folder(wanted.runs, wanted.slot, datetime.now().astimezone())
    with Progress(spending := _spending(ledger, wanted)) as progress:
        options = _options(trial, wanted, progress, spending)
        work = _both(trial, folder, options)
        finished = _worked(work, wanted, folder)
    return INTERRUPTED if finished is None else _judged(ledger, wanted, finished)


async def _both(trial: Trial, folder: Path, options: Options) -> Finished:
    """Run what decides, and then what was parked: the first may end early, and all of the second is asked."""
    finished = await runner.run(trial.suite.tasks, trial.candidates, folder, options)
    await _retry_parked(trial.parked, finished, options)
    return finished


async def _retry_parked(tasks: Sequence[Task], finished: Finished, options: Options) -> None:
    path = finished.folder.path / PARKED
    if not tasks or finished.why == "budget":
        return
    manifest = finished.folder.manifest
    again = replace(options, look=None, rule=manifest.rule.model_copy(update={"look_every": 0, "stops": False}))
    if path.exists():
        await runner.resume(path, tasks, again)
    else:
        await runner.run(tasks, manifest.candidates, path, again)


def _worked(work: Any, wanted: Snap, folder: Path) -> Finished | None:
    try:
        with redirect_stdout(sys.stderr):  # what tools and scorers print is no verdict
            finished: Finished = asyncio.run(work)
    except KeyboardInterrupt:
        told(f"Interrupted. What has ended is kept. Go on with: copilot-kit snap {wanted.slot} --resume {folder}")
        return None
    except ModelGone:
        told(f"If that was the model that the slot has, judge the candidate alone: copilot-kit snap {wanted.slot} --to "
             f"{wanted.to or 'provider:name'} --launch")  # fmt: skip
        raise
    except (ModelError, NotAllowed):
        if (folder / MANIFEST).exists():
            told(f"What has ended is kept. Go on with: copilot-kit snap {wanted.slot} --resume {folder}")
        raise
    return finished


def _go_on(ledger: Ledger, wanted: Snap) -> int:
    """Take a run to its end; what it compares, and under which rule, it knows itself."""
    _refuse(wanted, ("to", "vary", "share", "launch", "plan", "out", "margin"), _RESUME)
    folder = RunFolder(wanted.resume or Path())
    manifest = folder.manifest
    _refuse_evidence(ledger, folder)
    if manifest.rule.slot != wanted.slot:
        raise UsageError(
            f"The run {str(folder.path)!r} is not of slot {wanted.slot!r}. Name the run of an earlier snap."
        )
    suite = _suite_of(wanted, folder)
    parked = parked_of(suite, slot_of(wanted.slot, ledger.frontier), ledger.home)
    with Progress(spending := _spending(ledger, wanted)) as progress:
        options = Options(spending=spending, look=_look(manifest.rule), watch=progress.heard, paused=progress.paused,
                          most=wanted.concurrency, opening=suite.opening,
                          again=frozenset({"cancelled", "infra_error"}))  # fmt: skip

        async def work() -> Finished:
            finished = await runner.resume(folder.path, suite.tasks, options)
            await _retry_parked(parked, finished, options)
            return finished

        finished = _worked(work(), wanted, folder.path)
    return INTERRUPTED if finished is None else _judged(ledger, wanted, finished)


def _suite_of(wanted: Snap, folder: RunFolder) -> Suite:
    """Return the suite that a run was begun with."""
    suite = load_all(wanted.suites or read_names(folder.manifest.suite or ""))
    repeats = {one.repeats for one in folder.manifest.tasks}
    return suite.repeated(repeats.pop() if len(repeats) == 1 else None)


def _judged(ledger: Ledger, wanted: Snap, finished: Finished) -> int:
    """Find the verdict of a run, keep it beside the log, and on promote flip the slot."""
    folder = finished.folder
    verdict = _with_budget(verdict_in(folder), finished)
    (folder.path / VERDICT).write_text(verdict.model_dump_json(indent=1) + "\n", encoding="utf-8")
    report = reported(folder)
    promotion: Promotion | None = None
    asked: list[str] = []
    failed: CopilotError | None = None
    if verdict.verdict == "promote" and not wanted.dry_run:
        try:
            promotion, asked = asyncio.run(_promoted(ledger, wanted, folder, verdict))
        except CopilotError as error:  # what was found was paid for: it is told before what kept it from being done
            failed = error
    if wanted.json:
        as_json({**verdict.model_dump(mode="json"), "run": str(folder.path),
                 "report": None if report is None else str(report), "stopped": finished.why,
                 "promotion": None if promotion is None else promotion.model_dump(mode="json"),
                 "asked_anew": asked, "goes_on": _going_on(wanted, finished)})  # fmt: skip
    else:
        show(verdict)
        told(f"The run is in {folder.path}{'' if report is None else f', its report in {report}'}")
        if (command := _going_on(wanted, finished)) is not None:
            told(f"Its budget is spent. What has ended is kept; with a larger one it goes on: {command}")
        _show_promotion(promotion, asked, wanted)
    if failed is not None:
        raise failed
    return verdict.exit_code


def _with_budget(verdict: Verdict, finished: Finished) -> Verdict:
    """Return the verdict with the budget as its first reason, where that ended the run before it could be decided."""
    if finished.why != "budget" or verdict.verdict != "inconclusive":
        return verdict
    why = f"the budget of the run is spent: {finished.reason.partition('. ')[0]}"
    return verdict.model_copy(update={"reasons": (why, *verdict.reasons)})


def _going_on(wanted: Snap, finished: Finished) -> str | None:
    """Return the command that goes on with a run whose budget is spent; each session has a budget of its own."""
    if finished.why != "budget":
        return None
    given = {
        "--budget-tokens": wanted.budget_tokens,
        "--budget-minutes": wanted.budget_s,
        "--budget-usd": wanted.budget_usd,
    }
    names = [name for name, value in given.items() if value is not None] or ["--budget-usd"]
    return f"copilot-kit snap {wanted.slot} --resume {finished.folder.path} {' '.join(f'{name} …' for name in names)}"


async def _promoted(
    ledger: Ledger, wanted: Snap, folder: RunFolder, verdict: Verdict
) -> tuple[Promotion, list[str]]:  # fmt: skip
    found = placements_of(folder.manifest.rule)
    if found is None:  # pragma: no cover  only runs of a slot come here
        raise UsageError(f"The run {str(folder.path)!r} is of no slot. Promote what a snap of this slot has found.")
    before, after = found
    evaluated = next(one for one in folder.manifest.candidates if one.name == verdict.candidate)
    check_evaluated(ledger, wanted.slot, after, evaluated)
    proof = proof_of(folder.path, verdict=verdict.verdict, home=ledger.home)
    promotion = await promote(ledger, wanted.slot, after, before=before, by=who(wanted.by), evidence=proof)
    return promotion, await _asked_anew(ledger, promotion, wanted)


async def _asked_anew(ledger: Ledger, promotion: Promotion, wanted: Snap) -> list[str]:
    """Put what waits before people once more; the promotion stands, whatever becomes of this."""
    try:
        return await ask_people_anew(ledger, promotion, journal_of(ledger, wanted.store))
    except (CopilotError, OSError) as error:
        told(f"What waits was not asked anew: {error} The gate asks when each run goes on.")
        return []


def _back(ledger: Ledger, wanted: Snap) -> int:
    _refuse(wanted, ("to", "vary", "share", "launch", "plan", "resume", "dry_run"), _BACK)
    journal_of(ledger, wanted.store)

    async def work() -> tuple[Promotion, list[str]]:
        promotion = await take_back(ledger, wanted.slot, by=who(wanted.by))
        return promotion, await _asked_anew(ledger, promotion, wanted)

    promotion, asked = asyncio.run(work())
    if wanted.json:
        as_json({"promotion": promotion.model_dump(mode="json"), "asked_anew": asked})
    else:
        _show_promotion(promotion, asked, wanted)
    return DONE


def _refuse(wanted: Snap, names: Sequence[str], words: str) -> None:
    given = [name for name in names if getattr(wanted, name) not in (None, False, ())]
    if given:
        raise UsageError(words.format(f"--{given[0].replace('_', '-')}"))


def _refuse_evidence(ledger: Ledger, folder: RunFolder) -> None:
    """Raise `UsageError` for a run that a promotion rests on: more of it would be other evidence than was recorded."""
    run_id = folder.manifest.run_id
    for one in asyncio.run(ledger.promotions()):
        if one.evidence is not None and one.evidence.run_id == run_id:
            raise UsageError(
                f"Promotion {one.n} rests on the run {str(folder.path)!r}, which stays as it is. Begin another one: "
                f"copilot-kit snap {one.slot} --to provider:name"
            )


def _plan(trial: Trial, wanted: Snap) -> int:
    check_planned((*trial.suite.tasks, *trial.parked), trial.candidates, trial.suite.opening, rule=trial.rule)
    found = plan(trial.suite.tasks, trial.candidates, rule=trial.rule)
    if wanted.json:
        as_json(found)
        return DONE
    for one in found["tasks"]:
        shown(f"{visible(one['task'])}: {counted(one['items'], 'item')}, sees differences of "
              f"{one['smallest_difference']:.3f} or more; {one['items_needed'] or 0:,} needed for a margin of "
              f"{one['margin']:g}")  # fmt: skip
    cost = found["cost_usd"]
    names = ", ".join(visible(one.name) for one in trial.candidates)
    ends = "; it stops as soon as the evidence is enough" if trial.rule.stops else ""
    price = "unknown, as no price is known of a model" if cost is None else f"${cost:.2f}"
    shown(f"{counted(found['attempts'], 'attempt')} of {names}; expected cost {price}{ends}.")
    return DONE


def _options(trial: Trial, wanted: Snap, progress: Progress, spending: Spending) -> Options:
    return Options(seed=wanted.seed, rule=trial.rule, suite=written(trial.suites), spending=spending,
                   most=wanted.concurrency, look=_look(trial.rule), watch=progress.heard, paused=progress.paused,
                   opening=trial.suite.opening)  # fmt: skip


def _look(rule: Rule) -> Look | None:
    return look_of(rule) if rule.stops else None


def _spending(ledger: Ledger, wanted: Snap) -> Spending:
    usd = wanted.budget_usd or slot_of(wanted.slot, ledger.frontier).budget_usd
    return Spending(cost_usd=usd, tokens=wanted.budget_tokens, seconds=wanted.budget_s, allow_unpriced=usd is None)


def _show_promotion(promotion: Promotion | None, asked: list[str], wanted: Snap) -> None:
    if promotion is None:
        told(f"Slot {visible(wanted.slot)} stays as it is.")
        return
    stage = promotion.after.stage
    has = visible(promotion.after.model or "no model") if stage is None else (
        f"{visible(stage.to)} for {stage.share:.0%} of new runs")  # fmt: skip
    same = promotion.after.model == promotion.before.model and stage is None
    other = ", with other words or settings" if same else ""
    told(f"Slot {visible(promotion.slot)} has {has} from now on{other}. Runs that have begun keep what they have.")
    if asked:
        told(f"{counted(len(asked), 'proposal')} of the old model must be decided anew: copilot-kit inbox")
