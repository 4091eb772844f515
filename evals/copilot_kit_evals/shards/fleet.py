"""A run in shards that workers elsewhere make: sent out, watched, made again where one dies, joined at the end.

Whoever sends and the workers share a file system: a shard is a run folder under `RUN/shards`, and what is known of its
progress is what stands in its log. Nothing else passes between them, so that shards which died, or were left behind
when the sender itself died, go on as any run does.

The budget is divided by how many attempts each shard makes. What shards leave over goes to those that have used up
theirs, in further rounds, until it is spent or all attempts have ended: no two shards ever count on the same money. The
time is a moment on the clock, the same for all.
"""

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal, Protocol

from copilot_kit.errors import CopilotError
from copilot_kit_evals import runner
from copilot_kit_evals.candidates import Candidate, opened_as
from copilot_kit_evals.concurrency import Lanes
from copilot_kit_evals.folder import DECISIONS, MANIFEST, BadRun, RunFolder
from copilot_kit_evals.manifest import Manifest, Shard
from copilot_kit_evals.order import Order
from copilot_kit_evals.remembering import worked_s
from copilot_kit_evals.sending import asked, check_asked_by, limits_of
from copilot_kit_evals.shards.following import Follower
from copilot_kit_evals.shards.merging import joined
from copilot_kit_evals.spending import Spending
from copilot_kit_evals.suites import Suite
from copilot_kit_evals.tally import Tally
from copilot_kit_evals.tasks import Task
from copilot_kit_evals.writing import Log, lay_out

SHARDS: Final = "shards"
_POLL_S: Final = 0.3
_DEATHS: Final = 3


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be spent: by a run, or by one shard of it. None is no limit."""

    cost_usd: Decimal | None = None
    tokens: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Errand:
    """What a worker gets: all of it can be pickled."""

    folder: Path
    place: Path
    """The working folder of whoever sent it: suites name their files from there."""
    loading: Callable[[], Suite]
    attempts: int = 1
    """How many it makes in all."""
    cost_usd: Decimal | None = None
    tokens: int | None = None
    until: float | None = None
    """In seconds since 1970."""
    most: int | None = None
    again: frozenset[str] = frozenset({"cancelled"})

    @property
    def name(self) -> str:
        """The shard, as `1-of-4`."""
        return self.folder.name


@dataclass(frozen=True, slots=True)
class Report:
    """How an errand ended."""

    why: Literal["done", "budget", "decision", "failed"]
    reason: str = ""
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Died:
    """A worker that is gone."""

    how: str


class ShardFailed(CopilotError):
    """A shard met what none of the others would be spared, or died again and again."""

    def __init__(self, text: str, exit_code: int = 1) -> None:
        super().__init__(text)
        self.exit_code = exit_code  # type: ignore[misc]  # of the error that the shard met


class Workers(Protocol):
    """Carries out errands somewhere.

    Contract:
    - Each errand that was sent comes back from `wait` once, with its report or with word that its worker died.
    - `stop` returns when none is carried out any more; those come back from no `wait`.
    """

    def send(self, errand: Errand) -> None:
        """Have a worker carry it out by `carried_out`."""
        ...

    def wait(self, seconds: float) -> list[tuple[Errand, Report | Died]]:
        """Return what has ended, at once or after so long."""
        ...

    def stop(self) -> None:
        """End all errands."""
        ...


def carried_out(errand: Errand) -> Report:
    """Go on with a shard until it has ended: the part of a worker."""
    with _place(errand.place):
        try:
            suite = errand.loading()
            seconds = None if errand.until is None else max(0.0, errand.until - time.time())
            if seconds is not None:
                seconds += worked_s(RunFolder(errand.folder))
            spending = Spending(cost_usd=errand.cost_usd, tokens=errand.tokens, seconds=seconds,
                                allow_unpriced=errand.cost_usd is None)  # fmt: skip
            options = runner.Options(spending=spending, most=errand.most, again=errand.again, opening=suite.opening)
            ended = asyncio.run(runner.resume(errand.folder, suite.tasks, options))
        except CopilotError as error:
            return Report("failed", str(error), error.exit_code)
    return Report(ended.why, ended.reason)


@contextmanager
def _place(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@dataclass(frozen=True, slots=True)
class Fleet:
    """The shards of a run, wherever they are made."""

    workers: Workers
    folder: Path
    """Of the run; its shards lie below."""
    loading: Callable[[], Suite]
    """Makes the suite, here and at each worker."""
    options: runner.Options
    """Of them count: most, again, look, watch, spending (for show)."""
    allowed: Allowed = field(default_factory=Allowed)
    say: Callable[[str], None] = lambda _: None

    def work(self, suite: Suite) -> runner.Finished:
        """Make all shards, and return the whole run when they have ended."""
        shards = shards_of(self.folder)
        order = Order(whole_of(shards), suite.tasks)
        tally = Tally(order)
        follower = Follower(shards, tally, again=self.options.again, spending=self.options.spending)
        watch = _Watch(self, tally, follower)
        try:
            why, reason = watch.rounds(self._errands(shards, suite))
        finally:
            self.workers.stop()
            watch.close()
        whole = joined(shards, self.folder, decisions=[self.folder / SHARDS / DECISIONS])
        if why == "done":
            shutil.rmtree(self.folder / SHARDS)
        return runner.Finished(whole, tally, why, reason)

    def _errands(self, shards: Sequence[RunFolder], suite: Suite) -> list[Errand]:
        worked, seconds = max(worked_s(shard) for shard in shards), self.allowed.seconds
        return [
            Errand(
                folder=shard.path.resolve(),
                place=Path.cwd(),
                loading=self.loading,
                attempts=attempts,
                until=None if seconds is None else time.time() + seconds - worked,
                most=self.options.most,
                again=self.options.again,
            )
            for shard in shards
            if (attempts := _attempts(shard, suite))
        ]


def _attempts(shard: RunFolder, suite: Suite) -> int:
    order = Order(shard.manifest, suite.tasks)
    return sum(order.attempts_of(place) for place in range(len(order)))


def lay_out_shards(
    tasks: Sequence[Task], candidates: Sequence[Candidate], folder: Path, options: runner.Options, *, shards: int
) -> None:
    """Make the folders of all shards; a model that cannot be opened here leaves none behind."""
    if (folder / MANIFEST).exists() or (folder / SHARDS).exists():
        raise BadRun(
            f"There is a run in {str(folder)!r} already. Go on with it (--resume {folder}), or choose another folder."
        )
    opened = [opened_as(one, options.opening) for one in candidates]
    limits = limits_of([task.dataset for task in tasks], options.rule)
    check_asked_by(tasks, map(asked, opened), limits)
    manifest = runner.planned(tasks, candidates, options)
    for number in range(1, shards + 1):
        part = manifest.model_copy(update={"shard": Shard(number=number, of=shards)})
        lay_out(folder / SHARDS / f"{number}-of-{shards}", part, [task.dataset for task in tasks])


def shards_of(folder: Path) -> list[RunFolder]:
    """Return the shards of a run, by their numbers; raises `BadRun` where one is missing."""
    found = sorted((RunFolder(path.parent) for path in (folder / SHARDS).glob("*/run.json")),
                   key=lambda shard: shard.manifest.shard.number)  # fmt: skip
    if not found or len(found) != found[0].manifest.shard.of:
        raise BadRun(
            f"{str(folder)!r} holds {len(found)} shards, which are not all of a run's. Begin the run again in another "
            "folder, or bring the others back."
        )
    return found


def whole_of(shards: Sequence[RunFolder]) -> Manifest:
    """Return the manifest of the run that the shards make together."""
    return shards[0].manifest.model_copy(update={"shard": Shard()})


class _Watch:
    """Errands on their way: who died is sent again, who ran out of money gets what others leave over."""

    def __init__(self, fleet: Fleet, tally: Tally, follower: Follower) -> None:
        self._fleet, self._tally, self._follower = fleet, tally, follower
        self._deaths: dict[str, tuple[int, int]] = {}
        self._decisions = Log(fleet.folder / SHARDS / DECISIONS)
        self._looked = tally.items
        self._stop: str | None = None
        self._lanes = Lanes()

    def rounds(self, errands: list[Errand]) -> tuple[Literal["done", "budget", "decision"], str]:
        """Return why the run ended, and the reason in words.

        What is left over is shared between those that are short of it; where the shares are too small for any of them,
        each gets all of it in turn.
        """
        chosen, short, idle = self._funded(errands), dict[str, tuple[Errand, Report]](), 0
        while chosen:
            before = self._tally.ended
            for errand in chosen:
                short.pop(errand.name, None)
            short |= {errand.name: (errand, report) for errand, report in self._round(chosen)}
            if self._stop is not None:
                return "decision", self._stop
            if not short:
                return "done", ""
            idle = idle + 1 if self._tally.ended == before else 0
            waiting = [errand for errand, _ in short.values()]
            chosen = self._funded(waiting if idle == 0 else waiting[idle - 1 : idle])
        if self._tally.ended == self._tally.total:
            return "done", ""
        return "budget", next((report.reason for _, report in short.values()), "The budget was spent before.")

    def _round(self, errands: Sequence[Errand]) -> list[tuple[Errand, Report]]:
        """Have all carried out, and return those that the budget ended."""
        for errand in errands:
            self._fleet.workers.send(errand)
        out, short = len(errands), []
        while out and self._stop is None:
            for errand, ended in self._fleet.workers.wait(_POLL_S):
                if isinstance(ended, Died):
                    self._send_again(errand, ended)
                    continue
                out -= 1
                if ended.why == "failed":
                    raise ShardFailed(f"Shard {errand.name}: {ended.reason}", ended.exit_code)
                if ended.why == "budget":
                    short.append((errand, ended))
            self._look()
        if self._stop is not None:
            self._fleet.workers.stop()
        return short

    def _send_again(self, errand: Errand, death: Died) -> None:
        size = (errand.folder / "attempts.jsonl").stat().st_size if (errand.folder / "attempts.jsonl").exists() else 0
        deaths, before = self._deaths.get(errand.name, (0, -1))
        deaths = deaths + 1 if size == before else 1
        self._deaths[errand.name] = deaths, size
        if deaths >= _DEATHS:
            raise ShardFailed(
                f"Shard {errand.name} died {deaths} times without getting any further: {death.how} "
                "Find out what ends its worker; what has ended is kept."
            )
        self._fleet.say(f"Shard {errand.name} died ({death.how}). It goes on where it stood.")
        self._fleet.workers.send(errand)

    def _heard(self) -> None:
        watch = self._fleet.options.watch
        if self._follower.follow() and watch is not None:
            watch(self._tally, self._lanes)

    def _look(self) -> None:
        self._heard()
        options = self._fleet.options
        every = self._tally.order.manifest.rule.look_every
        if options.look is None or every == 0 or self._stop is not None or self._tally.items < self._looked + every:
            return
        self._looked = self._tally.items
        decision = options.look(self._tally)
        self._decisions.append(decision.model_dump_json(exclude_none=True).encode())
        if decision.verdict == "stop":
            self._stop = str(decision.found.get("reason", ""))

    def _funded(self, errands: Sequence[Errand]) -> list[Errand]:
        """Return these errands with what is left of the budget divided between them; none where nothing is left."""
        allowed = self._fleet.allowed
        if not errands or (errands[0].until is not None and errands[0].until <= time.time()):
            return []
        if allowed.cost_usd is None and allowed.tokens is None:
            return list(errands)
        spent = {shard.path.name: _spent(shard) for shard in shards_of(self._fleet.folder)}
        cost = None if allowed.cost_usd is None else allowed.cost_usd - sum(one for one, _ in spent.values())
        tokens = None if allowed.tokens is None else allowed.tokens - sum(one for _, one in spent.values())
        if (cost is not None and cost <= 0) or (tokens is not None and tokens <= 0):
            return []
        total = sum(errand.attempts for errand in errands)
        return [
            replace(
                errand,
                cost_usd=None if cost is None else spent[errand.name][0] + cost * errand.attempts / total,
                tokens=None if tokens is None else spent[errand.name][1] + tokens * errand.attempts // total,
            )
            for errand in errands
        ]

    def close(self) -> None:
        """Read what came last, and end the log of looks."""
        self._heard()
        self._decisions.close()


def _spent(shard: RunFolder) -> tuple[Decimal, int]:
    spending = Spending()
    spending.goes_on(shard)
    return spending.cost_usd, spending.tokens
