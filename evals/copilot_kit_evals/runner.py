"""Runs a suite on candidates side by side, and goes on with a run that was interrupted."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from copilot_kit.ids import new_id
from copilot_kit.prices import LOCAL
from copilot_kit.slots import Opened, open_model
from copilot_kit_evals.attempting import Bench, OutOfBudget, attempted
from copilot_kit_evals.attempts import Key
from copilot_kit_evals.candidates import Candidate, Prices, laid_over
from copilot_kit_evals.concurrency import Lanes
from copilot_kit_evals.folder import BadRun, RunFolder
from copilot_kit_evals.manifest import Manifest, Shard, differences, manifest_of
from copilot_kit_evals.metering import ASKED_UP_TO
from copilot_kit_evals.order import Order, Unit
from copilot_kit_evals.quotas import listening_client
from copilot_kit_evals.remembering import Before, remembered
from copilot_kit_evals.sending import asked, check_asked_by, limits_of
from copilot_kit_evals.spending import Spending
from copilot_kit_evals.tally import Look, Tally
from copilot_kit_evals.tasks import Rule, Task
from copilot_kit_evals.writing import RunWriter

_MOST_AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True)
class Options:
    """How a run goes; nothing of it changes what is measured, but for what the manifest keeps."""

    seed: int = 0
    rule: Rule = field(default_factory=Rule)
    shard: Shard = field(default_factory=Shard)
    suite: str | None = None
    spending: Spending = field(default_factory=Spending)
    """Made for this run: it is counted on."""
    most: int | None = None
    """Requests of one model on their way at once; None: learned, up to 64."""
    ask_up_to: int = ASKED_UP_TO
    """Requests for one answer, where the first ones fail in a way that waiting may heal."""
    at_once: int = _MOST_AT_ONCE
    """Attempts in work at once."""
    again: frozenset[str] = frozenset({"cancelled"})
    """Outcomes that a run which goes on asks for once more. With infra_error it does so for what the world spoiled."""
    look: Look | None = None
    watch: Callable[[Tally, Lanes], None] | None = None
    """Told of each attempt that has ended."""
    paused: Callable[[str, float, str], None] | None = None
    """Told of which model nothing is sent for so many seconds, and why: a quota, a server that is down."""
    opening: Callable[[str], Opened | None] | None = None
    """Opens a candidate's model; where it returns none, or is none, `open_model` does."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a run stands when `run` returns."""

    folder: RunFolder
    tally: Tally
    why: Literal["done", "budget", "decision"]
    """All attempts have ended, the budget has, or an interim look said stop."""
    reason: str = ""


async def run(
    tasks: Sequence[Task], candidates: Sequence[Candidate], path: str | Path, options: Options | None = None
) -> Finished:
    """Begin a run in a new folder, and return when it has ended.

    Raises what no attempt would be spared: a wrong key, a model that is gone, a full disk, a model that may not get the
    items. The run can then be resumed.
    """
    options = options or Options()
    manifest = planned(tasks, candidates, options)
    return await _run(manifest, tasks, options,
                      lambda: RunWriter.begin(Path(path), manifest, [task.dataset for task in tasks]))  # fmt: skip


def planned(tasks: Sequence[Task], candidates: Sequence[Candidate], options: Options) -> Manifest:
    """Return what is fixed before the first attempt."""
    return manifest_of(
        tasks,
        [_with_prices(one) for one in candidates],
        run_id=new_id("eval"),
        created=datetime.now(UTC),
        seed=options.seed,
        rule=options.rule,
        shard=options.shard,
        suite=options.suite,
        budget=options.spending.limits,
    )


async def resume(path: str | Path, tasks: Sequence[Task], options: Options | None = None) -> Finished:
    """Go on with a run: make the attempts that have not ended, and pay for no answer twice.

    Seed, rule, shard and candidates are those of the run. Raises `BadRun` if the tasks are not those that it was of.
    """
    manifest = RunFolder(path).manifest
    _check_same(manifest, tasks, path)
    return await _run(manifest, tasks, options or Options(), lambda: RunWriter(Path(path)))


def _check_same(old: Manifest, tasks: Sequence[Task], path: str | Path) -> None:
    new = manifest_of(tasks, old.candidates, run_id=old.run_id, created=old.created, seed=old.seed, rule=old.rule)
    found = differences(old, new)
    if found:
        raise BadRun(
            f"The run {str(path)!r} cannot go on: {'; '.join(found)}. Bring back what it was of, or begin another."
        )


async def _run(
    manifest: Manifest, tasks: Sequence[Task], options: Options, writing: Callable[[], RunWriter]
) -> Finished:
    async with AsyncExitStack() as stack:
        lanes = Lanes(options.most, options.paused)
        limits = limits_of([task.dataset for task in tasks], manifest.rule)
        opened = await stack.enter_async_context(_opened(manifest, lanes, options.opening))
        check_asked_by(tasks, map(asked, opened), limits)
        writer = writing()  # only now: a model that cannot be opened leaves no folder behind
        stack.push_async_callback(writer.close)
        folder = writer.folder
        order = Order(manifest, tasks)
        tally = Tally(order)
        before = remembered(folder, order, tally, options.again)
        options.spending.goes_on(folder)
        writer.begin_session()
        bench = Bench(
            manifest=manifest,
            writer=writer,
            opened=opened,
            settings=[one.settings.over(own.settings) for one, own in zip(manifest.candidates, opened, strict=True)],
            lanes=lanes,
            spending=options.spending,
            kept=writer.paid(lambda digest: digest not in before.finished),
            tries=before.tries,
            ask_up_to=options.ask_up_to,
            limits=limits,
        )
        session = _Session(bench, order, tally, options, before)
        await session.work()
        return Finished(folder, tally, session.why, session.reason)


@asynccontextmanager
async def _opened(
    manifest: Manifest, lanes: Lanes, opening: Callable[[str], Opened | None] | None
) -> AsyncIterator[list[Opened]]:
    async with AsyncExitStack() as stack:
        found: list[Opened] = []
        for one in manifest.candidates:
            own = None if opening is None else opening(one.model)
            found.append(laid_over(one, await _listening(one, lanes, stack) if own is None else own))
        yield found


async def _listening(candidate: Candidate, lanes: Lanes, stack: AsyncExitStack) -> Opened:
    """Open a model with a client that listens to what its provider says of its quota."""
    name, url = candidate.model, candidate.base_url
    opened = open_model(name, base_url=url)
    if opened.model.id.startswith(f"{LOCAL}:"):
        return opened
    client = await stack.enter_async_context(listening_client(lambda: lanes.lane(opened.model.id)))
    return open_model(name, base_url=url, http_client=client)


class _Session:
    """The workers of a run, from one start to the next interruption."""

    def __init__(self, bench: Bench, order: Order, tally: Tally, options: Options, before: Before) -> None:
        self._bench = bench
        self._tally = tally
        self._options = options
        self._before = before
        self._units = order.units()
        self._looked = tally.items
        self._stopping = False
        self.why: Literal["done", "budget", "decision"] = "done"
        self.reason = ""

    async def work(self) -> None:
        """Make all attempts that are left; the first error that concerns all of them ends the rest."""
        workers = [asyncio.create_task(self._work()) for _ in range(self._options.at_once)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self) -> None:
        for unit in self._units:  # one iterator for all workers
            if self._stopping:
                return
            if self._is_finished(unit):
                continue
            try:
                attempt = await attempted(unit, self._bench)
            except OutOfBudget:
                self._stop("budget", str(self._bench.spending.over))
                return
            self._tally.add(attempt, unit.place, unit.candidate)
            if self._options.watch is not None:
                self._options.watch(self._tally, self._bench.lanes)
            self._look()

    def _is_finished(self, unit: Unit) -> bool:
        if not self._before.finished:
            return False
        name = self._bench.manifest.candidates[unit.candidate].name
        return Key(unit.task.name, unit.item.id, unit.variant, unit.repeat, name).digest in self._before.finished

    def _look(self) -> None:
        every, look = self._bench.manifest.rule.look_every, self._options.look
        if look is None or every == 0 or self._stopping or self._tally.items < self._looked + every:
            return
        self._looked = self._tally.items
        decision = look(self._tally)
        self._bench.writer.append_decision(decision)
        if decision.verdict == "stop":
            self._stop("decision", str(decision.found.get("reason", "")))

    def _stop(self, why: Literal["budget", "decision"], reason: str) -> None:
        """Begin no further attempt; those on their way end."""
        if not self._stopping:
            self._stopping, self.why, self.reason = True, why, reason


def _with_prices(candidate: Candidate) -> Candidate:
    if candidate.prices is not None:
        return candidate
    return candidate.model_copy(update={"prices": Prices.listed(candidate.model)})
