"""Evidence from run folders: one in which both took part, or one of each."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from copilot_kit.errors import UsageError
from copilot_kit.messages import ToolCall
from copilot_kit_evals.attempts import MISSING, Attempt
from copilot_kit_evals.candidates import Candidate
from copilot_kit_evals.folder import BadRun, Call, RunFolder
from copilot_kit_evals.items import Item
from copilot_kit_evals.manifest import TaskEntry, order_of
from copilot_kit_evals.scores import digest_of
from copilot_kit_evals.tasks import Rule
from copilot_kit_evals.verdict.evidence import Case, Evidence, Mark, Side
from copilot_kit_evals.verdict.habits import Habits, Reply
from copilot_kit_evals.verdict.words import counted

Place = tuple[str, str]
"""Task and item."""


@dataclass(slots=True)
class _Sheet:
    """What one candidate of one run did."""

    marks: dict[Place, Mark] = field(default_factory=dict)
    habits: Habits = field(default_factory=Habits)
    ended: Counter[Place] = field(default_factory=Counter)
    """Attempts that have ended, with a score or without."""


def of_runs(runs: Sequence[RunFolder], incumbent: str | None, candidate: str, rule: Rule | None = None) -> Evidence:
    """Return the evidence of one or more runs; the incumbent's is the first that has it, the candidate's the last.

    rule: for what it sets aside and which crutches it names; by default that of the candidate's run.
    Raises `UsageError` for names that no run has.
    """
    new = _run_of(list(reversed(runs)), candidate)
    old = None if incumbent is None else _run_of(runs, incumbent)
    if old is new and incumbent == candidate:
        raise UsageError(f"Incumbent and candidate are both {candidate!r} of one run. Name two different ones.")
    rule = rule or rule_of(new)
    tasks, problems, notes = _shared(old or new, new)
    cases = _cases(new, tasks, rule)
    known = {one.name for one in new.manifest.candidates}
    wanted = [candidate, *(name for name in rule.crutches if name in known)]
    found = _read(new, wanted if old is not new or incumbent is None else [*wanted, incumbent], tasks)
    before = found.get(incumbent or "") if old is new else None
    if old is not None and old is not new and incumbent is not None:
        before = _read(old, [incumbent], tasks)[incumbent]
    sequential = any(run.manifest.rule.stops for run in (old or new, new))
    order = reached = list(cases)
    if sequential:
        reached = _reached(cases, [one for one in (before, found[candidate]) if one is not None])
        order = _whole(cases, reached)
    sides = {name: _side(name, sheet, order) for name, sheet in found.items()}
    mine = None if before is None or incumbent is None else _side(incumbent, before, order)
    if mine is not None and mine.name == candidate:  # one candidate, measured then and now
        mine = Side(f"{mine.name} in {(old or new).path.name}", mine.marks, mine.habits)
    problems += [text for side in (mine, sides[candidate]) if side is not None for text in _copies(side)]
    shown = Evidence(
        cases=tuple(cases[place] for place in order),
        candidate=sides[candidate],
        incumbent=mine,
        without=tuple(sides[name] for name in wanted[1:]),
        bounded=True,
        seed=new.manifest.seed,
        sequential=sequential,
        tasks=tuple(tasks),
        ahead=tuple(case for place, case in cases.items() if place not in set(order)),
        problems=tuple(problems),
        notes=tuple(notes),
        rivals=rule.tries_before,
    )
    old_side = None if before is None or mine is None else _side(mine.name, before, reached)
    return shown.with_single_items(
        [cases[place] for place in reached], _side(candidate, found[candidate], reached), old_side
    )


def _reached(cases: Mapping[Place, Case], sheets: Sequence[_Sheet]) -> list[Place]:
    """Return the places, from the first one on without a gap, at which all attempts have ended.

    What ended beyond the gap is left out: which of those are there depends on how fast the answers came.
    """
    order = list(cases)
    gap = next((n for n, place in enumerate(order) if any(
        sheet.ended[place] < sheet.marks[place].wanted for sheet in sheets)), len(order))  # fmt: skip
    return order[:gap]


def _whole(cases: Mapping[Place, Case], reached: Sequence[Place]) -> list[Place]:
    """Return those of the places whose clusters are there as a whole."""
    there = set(reached)
    cut = {case.cluster for place, case in cases.items() if place not in there} - {None}
    return [place for place in reached if cases[place].cluster not in cut]


def rule_of(run: RunFolder) -> Rule:
    """Return the rule that a run was begun with, with the margins of its tasks, as shares of what a score can be."""
    manifest = run.manifest
    own = {task.name: task.margin / (task.bounds[1] - task.bounds[0]) for task in manifest.tasks
           if task.margin is not None}  # fmt: skip
    if not own:
        return manifest.rule
    alone = {"margin": next(iter(own.values()))} if len(manifest.tasks) == 1 else {}
    return manifest.rule.model_copy(update={"margins": {**own, **manifest.rule.margins}, **alone})


def _copies(side: Side) -> list[str]:
    """Return what is wrong if answers to repeats of an item are one answer by its id: a cache between, no repeat.

    Ids that come with several items are no ids.
    """
    items: dict[str, list[str]] = {}
    for reply in side.habits.replies:
        if reply.response_id:
            items.setdefault(reply.response_id, []).append(reply.item)
    if any(len(set(found)) > 1 for found in items.values()):
        return []
    copies = sum(len(found) - 1 for found in items.values())
    if not copies:
        return []
    return [
        f"{counted(copies, 'answer')} of {side.name!r} came out of a cache by the response's id: a copy is no repeat"
    ]


def _run_of(runs: Sequence[RunFolder], name: str) -> RunFolder:
    for run in runs:
        if name in [one.name for one in run.manifest.candidates]:
            return run
    known = list(dict.fromkeys(one.name for run in runs for one in run.manifest.candidates))
    raise UsageError(f"No candidate is called {name!r}. The log has {', '.join(map(repr, known))}.")


def _shared(old: RunFolder, new: RunFolder) -> tuple[list[str], list[str], list[str]]:
    """Return the tasks of both runs, what keeps them from being compared, and what a reader should know."""
    if old is new:
        return [one.name for one in new.manifest.tasks], [], []
    mine, theirs = ({one.name: one for one in run.manifest.tasks} for run in (new, old))
    both = [name for name in mine if name in theirs]
    problems, notes = [], []
    for name in both:
        one, other = mine[name], theirs[name]
        changed = [word for word, differs in (
            ("items", one.fingerprint != other.fingerprint),
            ("way of scoring", _scored_by(one) != _scored_by(other)),
            ("bounds of a score", one.bounds != other.bounds),
        ) if differs]  # fmt: skip
        if changed:
            problems.append(f"task {name!r} has other {' and another '.join(changed)} in the two runs")
        if one.solver != other.solver:
            notes.append(f"Task {name!r} was done with another prompt, other tools or another agent in the two runs.")
    if not both:
        problems.append(f"the two runs share no task: {', '.join(theirs)} and {', '.join(mine)}")
    apart = sorted({*mine, *theirs} - set(both))
    if both and apart:
        notes.append(f"Only one of the two runs has {', '.join(apart)}: not compared.")
    return both, problems, notes


def _scored_by(task: TaskEntry) -> tuple[str, str]:
    return task.primary, task.scorers[task.primary]


def _cases(run: RunFolder, tasks: Sequence[str], rule: Rule) -> dict[Place, Case]:
    """Return the cases of the tasks in the seeded order."""
    several = len(tasks) > 1
    found: list[tuple[int, Place, Case]] = []
    for name in tasks:
        for item, _ in run.expected(run.manifest.task(name)):
            case = case_of(item, name if several else None, rule)
            found.append((order_of(run.manifest.seed, name, item.id), (name, item.id), case))
    return {place: case for _, place, case in sorted(found, key=lambda one: one[:2])}


def case_of(item: Item, task: str | None, rule: Rule) -> Case:
    """Return an item as a case; task: its task's name where there are several."""
    return Case(
        id=item.id if task is None else f"{task}/{item.id}",
        slices=item.tags if task is None else (*item.tags, task),
        cluster=item.cluster if task is None or item.cluster is None else f"{task}/{item.cluster}",
        must_pass=item.must_pass,
        required=item.required_reliability or rule.required_reliability,
        parked=item.id in rule.parked or "parked" in item.tags,
    )


def _read(run: RunFolder, names: Sequence[str], tasks: Sequence[str]) -> dict[str, _Sheet]:
    models = {one.name: one.model for one in run.manifest.candidates}
    told = {one.name: one for one in run.manifest.candidates}
    sheets = {name: _Sheet(habits=Habits(model=models[name])) for name in names}
    entries = {name: run.manifest.task(name) for name in tasks if name in {one.name for one in run.manifest.tasks}}
    for name, entry in entries.items():
        for item, keys in run.expected(entry):
            for sheet in sheets.values():
                sheet.marks[name, item.id] = Mark(wanted=len(keys) // len(models))
    kept = [one for one in run.settled() if one.candidate in sheets and one.task in entries]
    said = _said(run, kept)
    for attempt in kept:
        sheet = sheets[attempt.candidate]
        mark = sheet.marks.get((attempt.task, attempt.item))
        if mark is None:
            raise BadRun(
                f"{str(run.path)!r} holds an attempt at item {attempt.item!r} of {attempt.task!r}, which the run never "
                "planned. Take the folder from where it was made."
            )
        sheet.ended[attempt.task, attempt.item] += attempt.outcome != "cancelled"
        entry = entries[attempt.task]
        _enter(mark, attempt, entry)
        if attempt.outcome not in MISSING:
            reply = _reply(attempt, entry, said.get(attempt.key.digest, []))
            sheet.habits.replies.append(replace(reply, told=_told(told[attempt.candidate], entry)))
        elif attempt.trouble is not None:
            sheet.habits.troubles[attempt.trouble.text or attempt.trouble.kind] += 1
    return sheets


def _enter(mark: Mark, attempt: Attempt, task: TaskEntry) -> None:
    score = _score(attempt, task)
    if score is not None:
        if score <= min(mark.all, default=score):
            mark.reason = attempt.scores[task.primary].reason
        mark.scores.setdefault(attempt.variant, []).append(score)
    if attempt.usage.cost_usd is not None:
        mark.costs.append(float(attempt.usage.cost_usd))
    elif attempt.calls:
        mark.unpriced += 1
    if attempt.outcome not in MISSING:
        mark.latencies.append(attempt.timings.model_s + attempt.timings.tools_s)


def _score(attempt: Attempt, task: TaskEntry) -> float | None:
    """Return the score between 0 and 1."""
    score = attempt.scores.get(task.primary)
    if score is None or score.value is None:
        return None
    low, high = task.bounds
    return (score.value - low) / (high - low)


def _said(run: RunFolder, attempts: Iterable[Attempt]) -> dict[str, list[Call]]:
    """Return the calls of each attempt, in order; of two with one number the last counts."""
    made = {attempt.key.digest: attempt.calls for attempt in attempts}
    found: dict[str, dict[int, Call]] = {}
    for call in run.calls():
        if call.n < made.get(call.attempt, 0):
            found.setdefault(call.attempt, {})[call.n] = call
    return {digest: [calls[n] for n in sorted(calls)] for digest, calls in found.items()}


def _reply(attempt: Attempt, task: TaskEntry, calls: Sequence[Call]) -> Reply:
    first, last = (calls[0].response, calls[-1].response) if calls else (None, None)
    usage = None if last is None else last.usage
    out = None if usage is None or usage.output is None else usage.output - (usage.reasoning or 0)
    return Reply(
        task=attempt.task,
        item=attempt.item,
        score=_score(attempt, task),
        outcome=attempt.outcome,
        trouble=None if attempt.trouble is None else attempt.trouble.kind,
        stop=attempt.stop,
        unparsed=any(score.meta.get("unparsed") is True for score in attempt.scores.values()),
        text=None if last is None else last.text,
        called=tuple(call.name for one in calls for call in one.response.message.calls),
        garbled=_is_garbled([call for one in calls for call in one.response.message.calls]),
        asks_again=_asks_again(calls),
        tokens_in=None if first is None else first.usage.input,
        tokens_out=out,
        dropped=attempt.dropped,
        served=attempt.served,
        response_id=None if first is None else first.response_id,
    )


def _told(candidate: Candidate, task: TaskEntry) -> str:
    overlay = None if candidate.overlay is None else candidate.overlay.model_dump_json()
    return digest_of(json.dumps([task.solver, candidate.prompt, candidate.tools, overlay]))


def _is_garbled(calls: Sequence[ToolCall]) -> bool:
    """Tell whether there are calls, and none has arguments: an empty object, or none, as where it was encoded twice."""
    return bool(calls) and not any(_arguments(call) for call in calls)


def _arguments(call: ToolCall) -> object:
    try:
        found = json.loads(call.args_json)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _asks_again(answers: Sequence[Call]) -> bool:
    calls = [[(call.name, call.args_json) for call in one.response.message.calls] for one in answers]
    return any(one and one == other for one, other in pairwise(calls))


def _side(name: str, sheet: _Sheet, order: Sequence[Place]) -> Side:
    return Side(name, tuple(sheet.marks.get(place) or Mark() for place in order), sheet.habits)
