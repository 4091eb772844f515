"""One attempt from its begin to the line in the log: set up, solved, scored."""

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from copilot_kit.agent import Approver
from copilot_kit.budget import Budget, OverBudget
from copilot_kit.errors import CopilotError
from copilot_kit.model import Model
from copilot_kit.records import Proposal
from copilot_kit.request import Settings
from copilot_kit.response import Response
from copilot_kit.sending import MaySend, held
from copilot_kit.slots import Opened
from copilot_kit_evals.attempts import FAILED, MISSING, Attempt, Key, Outcome, Trouble
from copilot_kit_evals.concurrency import Lanes
from copilot_kit_evals.folder import Asker, Call
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.manifest import Manifest, seed_of
from copilot_kit_evals.metering import ASKED_UP_TO, Meter, Stopwatch
from copilot_kit_evals.order import Unit
from copilot_kit_evals.outcomes import FATAL, failed_score, outcome_of, trouble_of
from copilot_kit_evals.remembering import UNANSWERED
from copilot_kit_evals.scorers.judging import asked_through
from copilot_kit_evals.scores import BROKEN, Output, Score, Scorer
from copilot_kit_evals.spending import Spending
from copilot_kit_evals.tasks import Setup, Solved, Task
from copilot_kit_evals.transcripts import transcript_of
from copilot_kit_evals.writing import Kept, RunWriter

GIVEN = "given"


@dataclass(frozen=True, slots=True)
class Bench:
    """What the attempts of a run share."""

    manifest: Manifest
    writer: RunWriter
    opened: Sequence[Opened]
    """The candidates' models, in their order."""
    settings: Sequence[Settings]
    """What each of them is asked with: the candidate's own over the slot's."""
    lanes: Lanes
    spending: Spending
    kept: Kept = field(default_factory=dict)
    """Answers that were paid for before an interruption, by attempt; each is taken out when it is used."""
    tries: Mapping[str, int] = field(default_factory=dict)
    """How often attempts that are made again were made before."""
    ask_up_to: int = ASKED_UP_TO
    limits: Sequence[MaySend] = ()
    """Where the items may go, whoever is asked in an attempt."""


class OutOfBudget(Exception):
    """The attempt was given up, since the budget of the run allows no further call."""


async def attempted(unit: Unit, bench: Bench) -> Attempt:
    """Return the attempt when it has ended and stands in the log.

    Raises `OutOfBudget`, and errors that no other attempt would be spared. One that is cancelled is in the log as such.
    """
    candidate = bench.manifest.candidates[unit.candidate]
    key = Key(unit.task.name, unit.item.id, unit.variant, unit.repeat, candidate.name)
    watch = Stopwatch(unit.task.limits.time_s)
    kept = bench.kept.pop(key.digest, {}) if bench.kept else {}
    meter = _meter(unit, bench, watch, attempt=key.digest, kept=kept.get(None, {}))
    line = _Line(key, meter, watch, bench.tries.get(key.digest, 0) + 1)
    try:
        with held(bench.limits) as hold:
            solved = await _solve(unit, bench, meter, watch)
            watch.stop()
            scores = await _scored(unit, solved, Gavel(bench, key.digest, kept))
    except asyncio.CancelledError:
        with contextlib.suppress(CopilotError):
            bench.writer.append(line.attempt("cancelled"))
        raise
    if hold.refused is not None:  # a tool or a scorer may have taken it for an error of its own
        raise hold.refused
    transcript = None
    if solved.keeps_messages and solved.output.messages:
        content = await asyncio.to_thread(transcript_of, solved.output.messages)
        transcript = await asyncio.to_thread(bench.writer.put, content)
    attempt = line.attempt(solved.outcome, scores, solved.trouble, transcript)
    bench.writer.append(attempt)
    return attempt


def _meter(unit: Unit, bench: Bench, watch: Stopwatch, *, attempt: str, kept: dict[int, Call]) -> Meter:
    candidate, limits = bench.manifest.candidates[unit.candidate], unit.task.limits
    opened = bench.opened[unit.candidate]
    given = candidate.prices is not None and candidate.prices.source == GIVEN
    own = limits.tokens is not None or limits.cost_usd is not None
    return Meter(
        raw=opened.model,
        attempt=attempt,
        lane=bench.lanes.lane(opened.model.id),
        spending=bench.spending,
        watch=watch,
        keep=bench.writer.append_call,
        prices=candidate.prices if given else None,
        ask_up_to=bench.ask_up_to,
        limits=Budget(tokens=limits.tokens, cost_usd=limits.cost_usd) if own else None,
        kept=kept,
    )


async def _solve(unit: Unit, bench: Bench, meter: Meter, watch: Stopwatch) -> Solved:
    """Return what the solver made of the item, or what the error says that kept it from making anything."""
    try:
        with _workspace(unit.task.dataset, unit.item) as folder:
            setup = _setup(unit, bench, meter, folder)
            if unit.task.approver is not None:
                setup = replace(setup, approver=_timed(unit.task.approver(setup), watch))
            async with watch.limited():
                return await unit.task.solver(setup)
    except FATAL:
        raise
    except Exception as error:
        if bench.spending.over is not None:
            raise OutOfBudget from error
        return Solved(Output(text=""), outcome_of(error), trouble_of(error))


def _setup(unit: Unit, bench: Bench, meter: Meter, folder: Path | None) -> Setup:
    candidate, overlay = bench.manifest.candidates[unit.candidate], bench.opened[unit.candidate].overlay
    seed = seed_of(bench.manifest.seed, unit.task.name, unit.item.id, unit.variant, str(unit.repeat))
    return Setup(
        item=unit.item,
        variant=unit.variant,
        repeat=unit.repeat,
        candidate=candidate,
        model=meter,
        settings=bench.settings[unit.candidate],
        seed=seed,
        limits=unit.task.limits,
        folder=folder,
        tries=None if overlay is None else overlay.tries,
    )


@contextmanager
def _workspace(dataset: Dataset, item: Item) -> Iterator[Path | None]:
    if not item.files:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="copilot-kit-eval-") as name:
        folder = Path(name)
        for file in item.files:
            target = folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(dataset.file(item, file), target)
        yield folder


def _timed(approver: Approver, watch: Stopwatch) -> Approver:
    async def asked(proposal: Proposal) -> None:
        with watch.person():
            await approver(proposal)

    return asked


@dataclass(slots=True)
class Gavel:
    """The models of the judges of one attempt, asked as candidates are."""

    bench: Bench
    attempt: str
    kept: Mapping[Asker | None, dict[int, Call]]

    async def score(self, scorer: Scorer, item: Item, output: Output, task: Task) -> Score:
        """Return the score; raises what ends the run, whosever answer was judged."""
        meters: dict[int, Meter] = {}
        token = asked_through.set(lambda model: self._meter(scorer.name, model, meters))
        try:
            score = await _score(scorer, item, output, task)
        finally:
            asked_through.reset(token)
        for meter in meters.values():
            if isinstance(meter.ended_by, OverBudget):
                raise OutOfBudget from meter.ended_by
            if isinstance(meter.ended_by, FATAL):
                raise meter.ended_by
        if score.usage is not None and not meters:
            self.bench.spending.judged(score.usage)
        if score.value is None and any(meter.ended_by is not None for meter in meters.values()):
            return score.model_copy(update={"meta": {**score.meta, UNANSWERED: True}})
        return score

    def _meter(self, scorer: str, model: Model, meters: dict[int, Meter]) -> Meter:
        if id(model) not in meters:
            asker = Asker(name=scorer, model=len(meters))
            bench = self.bench
            meters[id(model)] = Meter(raw=model, attempt=self.attempt, lane=bench.lanes.lane(model.id),
                                      spending=bench.spending, watch=Stopwatch(None), keep=bench.writer.append_call,
                                      ask_up_to=bench.ask_up_to, kept=self.kept.get(asker, {}),
                                      scorer=asker)  # fmt: skip
        return meters[id(model)]


async def _scored(unit: Unit, solved: Solved, gavel: Gavel) -> dict[str, Score]:
    task = unit.task
    if solved.outcome in MISSING:
        return {}
    if solved.outcome in FAILED:
        lowest = failed_score(task.bounds[0], solved.trouble)
        return {scorer.name: lowest for scorer in task.scorers}
    return {scorer.name: await gavel.score(scorer, unit.item, solved.output, task) for scorer in task.scorers}


async def _score(scorer: Scorer, item: Item, output: Output, task: Task) -> Score:
    try:
        score = await scorer(item, output)
    except Exception as error:  # noqa: BLE001  a scorer that breaks says nothing about the answer
        trouble = trouble_of(error)
        return Score(reason=f"{BROKEN} failed: {trouble.kind}: {trouble.text}")
    low, high = task.bounds
    if score.value is not None and not low <= score.value <= high:
        return Score(reason=f"{BROKEN} gave {score.value!r}, outside of the task's bounds {task.bounds!r}")
    return _writable(score)


def _writable(score: Score) -> Score:
    """Return the score, without its words where they are no text: half a character that a model wrote as an escape."""
    try:
        score.model_dump_json()
    except ValueError:
        return Score(value=score.value, reason="what the scorer said of it cannot be written")
    return score


@dataclass(frozen=True, slots=True)
class _Line:
    key: Key
    meter: Meter
    watch: Stopwatch
    tries: int

    def attempt(
        self,
        outcome: Outcome,
        scores: dict[str, Score] | None = None,
        trouble: Trouble | None = None,
        transcript: str | None = None,
    ) -> Attempt:
        meter, last = self.meter, self.meter.last
        return Attempt(
            task=self.key.task,
            item=self.key.item,
            variant=self.key.variant,
            repeat=self.key.repeat,
            candidate=self.key.candidate,
            outcome=outcome,
            scores=scores or {},
            usage=meter.usage,
            timings=self.watch.timings(replayed_s=meter.replayed_s),
            calls=meter.calls,
            cached=meter.replayed,
            retried=meter.retried,
            served=None if last is None else last.model.served,
            stop=None if last is None or last.stop.kind == "end" else last.stop.kind,
            dropped=() if last is None else _dropped(last),
            trouble=trouble,
            transcript=transcript,
            at=round(time.time(), 3),
            tries=self.tries,
        )


def _dropped(response: Response) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.name for one in response.dropped))
