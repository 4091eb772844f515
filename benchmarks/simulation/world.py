"""What all players of one play share: chance, the story so far, lives of processes that can end at any await."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from random import Random
from typing import Any

from benchmarks.simulation.loop import SeededLoop
from copilot_kit.records import Decision, Proposal

MOST_SEAMS = 20_000
"""Beyond this many waits a play is taken to run in circles."""


class Killed(BaseException):
    """The process is dead: no code of it may do anything any more."""


class Broken(AssertionError):
    """A promise was broken."""


@dataclass(slots=True)
class Rates:
    """How rough this play is; some of them are nought, so that no fault hides another."""

    kill: float
    freeze: float
    cancel: float
    refuse: float
    """Store operations that fail before they do anything."""
    lose: float
    """Store operations that were done and are reported as failed."""
    meddle: float
    """Appends that somebody else gets in before."""
    model: float
    bad_call: float
    careless: float
    """Persons who send what is stale, wrong or late."""
    slow: float

    @classmethod
    def drawn(cls, chance: Random) -> "Rates":
        """Return rates for one play."""
        highest = (0.02, 0.01, 0.4, 0.04, 0.02, 0.15, 0.2, 0.25, 0.3, 0.5)
        return cls(*(chance.choice((0.0, 0.0, one / 3, one)) for one in highest))


@dataclass(slots=True)
class Process:
    """One life of a program."""

    name: str
    dead: bool = False
    frozen_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that a tool did, out there, where nothing can be taken back."""

    run_id: str
    call_id: str
    tool: str
    version: str
    arguments: str
    key: str
    late: bool
    """Its owner had lost the run to another one by then: a process that was stopped, or a clock that jumped."""


_HERE: ContextVar[Process | None] = ContextVar("here", default=None)


@dataclass
class World:
    """One play."""

    seed: int
    loop: SeededLoop
    chance: Random
    rates: Rates
    calm: bool = False
    """Faults are over: from here on everything must come to its end."""
    story: list[str] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    decided: dict[tuple[str, str], list[Decision]] = field(default_factory=dict)
    """Decisions that were acknowledged, by run and proposal."""
    seen: dict[str, Proposal] = field(default_factory=dict)
    """Proposals that persons had before them."""
    inner: Any = None
    """The journal itself, which never fails."""
    failures: list[str] = field(default_factory=list)
    undone: list[tuple[str, str]] = field(default_factory=list)
    """Calls that were taken back, by run and call."""
    epochs: dict[str, int] = field(default_factory=dict)
    """Of the newest lease of each run, and below, of the lease that a process works under."""
    worked_under: dict[tuple[str, str], int] = field(default_factory=dict)
    tool_version: int = 1
    model: str = "sim:one"
    prompt: str = "Be quick."
    answer_within_s: float | None = None
    may_decide: tuple[str, ...] = ()
    strict: bool = False
    """The gate was made to refuse `send` from now on."""
    seams: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    def new_id(self, prefix: str) -> str:
        """Return an id that is new in this play."""
        self.counts[prefix] = self.counts.get(prefix, 0) + 1
        return f"{prefix}_{self.counts[prefix]}"

    def tell(self, what: str) -> None:
        """Add to the story."""
        here = _HERE.get()
        self.story.append(f"{self.loop.time():10.3f} {here.name if here else '-':>10}  {what}")

    def broken(self, what: str) -> Broken:
        """Return the error that ends the play."""
        self.tell(f"BROKEN: {what}")
        self.failures.append(what)
        return Broken(what)

    def happens(self, rate: float) -> bool:
        """Tell whether something of this rate happens now."""
        return not self.calm and rate > 0 and self.chance.random() < rate

    @contextmanager
    def living(self, process: Process) -> Iterator[None]:
        """Let what the block does, and the tasks it starts, be done by this process."""
        token = _HERE.set(process)
        try:
            yield
        finally:
            _HERE.reset(token)

    async def seam(self, where: str) -> None:
        """Wait as one does for anything outside of a process, which may be frozen or die here."""
        self.seams += 1
        if self.seams > MOST_SEAMS:
            raise self.broken(f"{MOST_SEAMS} waits, and no end")
        here = _HERE.get()
        if here is not None:
            self._strike(here, where)
        slow = self.happens(self.rates.slow)
        await asyncio.sleep(self.chance.expovariate(5.0) if slow else 0.0)
        while here is not None and not here.dead and here.frozen_until > self.loop.time():  # noqa: ASYNC110  as a stopped process
            await asyncio.sleep(here.frozen_until - self.loop.time())
        if here is not None and here.dead:
            raise Killed

    def _strike(self, here: Process, where: str) -> None:
        if here.dead:
            raise Killed
        if self.happens(self.rates.kill):
            self.tell(f"killed at {where}")
            here.dead = True
            raise Killed
        if self.happens(self.rates.freeze):
            seconds = self.chance.choice((1.0, 8.0, 30.0))
            self.tell(f"stopped at {where} for {seconds:g} s")
            here.frozen_until = self.loop.time() + seconds

    def leased(self, run_id: str, epoch: int) -> None:
        """Keep who works on a run."""
        here = _HERE.get()
        self.epochs[run_id] = epoch
        self.worked_under[run_id, here.name if here else ""] = epoch

    def late(self, run_id: str) -> bool:
        """Tell whether whoever acts here has lost the run to another owner."""
        here = _HERE.get()
        return self.worked_under.get((run_id, here.name if here else "")) != self.epochs.get(run_id)

    def happened(self, run_id: str, call_id: str) -> bool:
        """Tell what is true of a call."""
        return any((one.run_id, one.call_id) == (run_id, call_id) for one in self.effects)
