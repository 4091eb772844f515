"""The model of one attempt: paced, paid from the budget, asked again, timed, and remembered call by call."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from copilot_kit.budget import Budget, Budgeted, OverBudget
from copilot_kit.errors import ModelError
from copilot_kit.events import Ended, Event, Failed, PartDelta, PartEnd, PartStart, closing
from copilot_kit.model import Model
from copilot_kit.prices import priced
from copilot_kit.profile import Profile
from copilot_kit.recording import events_of, fingerprint
from copilot_kit.request import Request
from copilot_kit.response import Response, Usage
from copilot_kit.retry import Retry
from copilot_kit_evals.attempts import Timings
from copilot_kit_evals.candidates import Prices
from copilot_kit_evals.concurrency import Lane, Turn
from copilot_kit_evals.folder import Asker, Call
from copilot_kit_evals.spending import Spending

ASKED_UP_TO: Final = 6
LONGEST_WAIT_S: Final = 300.0
_FREE: Final = Usage(input=0, output=0, cache_read=0, cache_write=0, reasoning=0, cost_usd=Decimal(0))
_DIGITS: Final = 5


class Stopwatch:
    """Times an attempt, and holds its limit: what waits for a turn or a person is not the candidate's time."""

    def __init__(self, limit_s: float | None) -> None:
        self._limit_s = limit_s
        self._timeout: asyncio.Timeout | None = None
        self._idle = 0
        self._left_s = 0.0
        self._begun = time.monotonic()
        self._ended: float | None = None
        self.queue_s = 0.0
        self.person_s = 0.0
        self.model_s = 0.0
        self.first_token_s: float | None = None

    def limited(self) -> asyncio.Timeout:
        """Return the limit as a context; raises `TimeoutError` in it."""
        self._timeout = asyncio.timeout(self._limit_s)
        return self._timeout

    @contextmanager
    def idle(self) -> Iterator[None]:
        """Stop the limit for the block."""
        timeout = self._timeout if self._limit_s is not None else None
        if timeout is not None and self._idle == 0:
            self._left_s = (timeout.when() or 0.0) - asyncio.get_running_loop().time()
            timeout.reschedule(None)
        self._idle += 1
        try:
            yield
        finally:
            self._idle -= 1
            if timeout is not None and self._idle == 0 and not timeout.expired():
                timeout.reschedule(asyncio.get_running_loop().time() + self._left_s)

    @contextmanager
    def person(self) -> Iterator[None]:
        """Count the block as a person's time."""
        begun = time.monotonic()
        with self.idle():
            try:
                yield
            finally:
                self.person_s += time.monotonic() - begun

    def stop(self) -> None:
        """End the time: what comes now, such as scoring, is not the candidate's."""
        self._ended = time.monotonic()

    def timings(self, *, replayed_s: float = 0.0) -> Timings:
        """Return where the seconds went; replayed_s: of calls that were made before, and are in `model_s`."""
        whole = (self._ended or time.monotonic()) - self._begun + replayed_s
        rest = max(0.0, whole - self.queue_s - self.person_s - self.model_s)
        first = self.first_token_s
        return Timings(
            queue_s=round(self.queue_s, _DIGITS),
            first_token_s=None if first is None else round(first, _DIGITS),
            model_s=round(self.model_s, _DIGITS),
            tools_s=round(rest, _DIGITS),
            person_s=round(self.person_s, _DIGITS),
        )


@dataclass(slots=True)
class Meter:
    """A candidate's model for one attempt.

    An answer is kept before anybody hears it; one that was kept before an interruption is heard again, and not paid
    for a second time, as long as the attempt asks what it asked then.
    """

    raw: Model
    attempt: str
    """The digest of the attempt's key."""
    lane: Lane
    spending: Spending
    watch: Stopwatch
    keep: Callable[[Call], None]
    prices: Prices | None = None
    limits: Budget | None = None
    """Of this attempt."""
    kept: dict[int, Call] = field(default_factory=dict)
    """Answers from before, by number."""
    scorer: Asker | None = None
    """The judge that asks; None: the candidate."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ask_up_to: int = ASKED_UP_TO
    """Requests for one answer."""
    calls: int = 0
    replayed: int = 0
    replayed_s: float = 0.0
    retried: int = 0
    usage: Usage = _FREE
    last: Response | None = None
    ended_by: ModelError | None = None
    """What kept it from the last answer that it was asked for."""

    @property
    def id(self) -> str:
        """The model's name."""
        return self.raw.id

    @property
    def profile(self) -> Profile:
        """The model's profile."""
        return self.raw.profile

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yield the answer once it is whole and kept."""
        n, self.calls = self.calls, self.calls + 1
        asked = fingerprint(request)[:16]
        known = self._kept(n, asked)
        if known is not None:
            for event in events_of(known.response):
                yield event
            return
        wire = _Wire(self)
        async with closing(self._model(wire).stream(request)) as events:
            async for event in events:
                told: Event = event
                if isinstance(event, Ended):
                    told = Ended(self._paid(event.response))
                    self._count(told.response, wire)
                    self.keep(Call(attempt=self.attempt, n=n, asked=asked, response=told.response,
                                   took_s=round(wire.took_s, _DIGITS), first_s=wire.first_s,
                                   scorer=self.scorer))  # fmt: skip
                elif isinstance(event, Failed):
                    self.calls -= 1
                    self.ended_by = event.error
                    self.retried += max(0, wire.sent - 1)
                    self.spending.heard(self.id, event)
                yield told

    def _kept(self, n: int, asked: str) -> Call | None:
        call = self.kept.get(n)
        if call is None:
            return None
        if call.asked != asked:
            self.kept = {m: known for m, known in self.kept.items() if m < n}  # another way now: the rest is of no use
            return None
        self.replayed += 1
        self.replayed_s += call.took_s
        self.watch.model_s += call.took_s
        if n == 0:
            self.watch.first_token_s = call.first_s
        self.usage += call.response.usage
        self.last = call.response
        return call

    def _model(self, wire: "_Wire") -> Model:
        model: Model = Retry(wire, attempts=self.ask_up_to, max_wait_s=LONGEST_WAIT_S, hold=True, sleep=self._rest)
        return model if self.limits is None else Budgeted(model, self.limits)

    async def _rest(self, seconds: float) -> None:
        begun = time.monotonic()
        with self.watch.idle():
            await self.sleep(seconds)
        self.watch.queue_s += time.monotonic() - begun

    def _paid(self, response: Response) -> Response:
        if self.prices is None or response.usage.cost_usd is not None:
            return priced(response)
        cost = self.prices.cost(response.usage)
        usage = response.usage.model_copy(update={"cost_usd": cost, "price_source": self.prices.source})
        return response.model_copy(update={"usage": usage})

    def _count(self, response: Response, wire: "_Wire") -> None:
        self.usage += response.usage
        self.last = response
        self.retried += max(0, wire.sent - 1)
        self.spending.heard(self.id, Ended(response))
        if self.calls == 1:
            self.watch.first_token_s = wire.first_s


class _Wire:
    """One call of the raw model: it waits for its turn and for money, and times what the provider takes."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._model = meter.spending.wrap(meter.raw)
        self.sent = 0
        self.took_s = 0.0
        """Of the last try."""
        self.first_s: float | None = None

    @property
    def id(self) -> str:
        return self._model.id

    @property
    def profile(self) -> Profile:
        return self._model.profile

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        while True:
            over: OverBudget | None = None
            async with closing(self._once(request)) as events:
                async for event in events:
                    if isinstance(event, Failed) and isinstance(event.error, OverBudget):
                        over = event.error
                        break
                    yield event
            if over is None:
                return
            if not await self._room(over):
                yield Failed(over)
                return

    async def _once(self, request: Request) -> AsyncIterator[Event]:
        watch, lane, spending = self._meter.watch, self._meter.lane, self._meter.spending
        waiting = time.monotonic()
        with watch.idle():
            first, turn = await self._admitted()
        begun = time.monotonic()
        watch.queue_s += begun - waiting
        self.sent += 1
        self.first_s = None
        spending.begin()
        try:
            async with closing(self._model.stream(request)) as events:
                async for event in events:
                    match event:
                        case PartStart() | PartDelta() | PartEnd():
                            if self.first_s is None and request.delivery == "stream":
                                self.first_s = round(time.monotonic() - begun, _DIGITS)
                        case Ended():
                            lane.succeeded()
                        case Failed(OverBudget()):
                            self.sent -= 1
                        case Failed(error):
                            lane.failed(error, turn)
                        case _:
                            pass
                    yield event
        finally:
            self.took_s = time.monotonic() - begun
            watch.model_s += self.took_s
            lane.leave()
            spending.end()
            if first is not None:
                first.release()

    async def _room(self, over: OverBudget) -> bool:
        waiting = time.monotonic()
        with self._meter.watch.idle():
            there_is = await self._meter.spending.room(over)
        self._meter.watch.queue_s += time.monotonic() - waiting
        return there_is

    async def _admitted(self) -> tuple[asyncio.Lock | None, Turn]:
        """Wait for a turn, and before it for the call that finds out what one costs; return what must be given back."""
        lock = self._meter.spending.first(self.id)
        if lock is None:
            return None, await self._meter.lane.enter()
        await lock.acquire()
        if self._meter.spending.first(self.id) is None:
            lock.release()
            return None, await self._meter.lane.enter()
        try:
            return lock, await self._meter.lane.enter()
        except BaseException:
            lock.release()
            raise
