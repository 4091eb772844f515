"""How many requests of one model are on their way at once: learned from what its provider says.

It begins with some and adds one for each success until it is told to slow down (429): then it goes on with fewer, after
the time that the provider names, and from there on adds one for each round of successes. An overloaded or broken
server is left alone for a while, longer each time, with as many afterwards.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from copilot_kit.errors import ModelError, Overloaded, ProviderFailed, RateLimited

MOST: Final = 64
_FIRST: Final = 8
_CUT: Final = 0.6
_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Turn:
    """A request on its way; it belongs to the time before or after a cut."""

    epoch: int
    waited_s: float


class Lane:
    """The requests of one model at one provider.

    Those that wait are served in the order they came. `paused` is told for how many seconds nothing is sent, and why.
    `clock` is there for tests.
    """

    def __init__(
        self,
        *,
        first: int = _FIRST,
        most: int = MOST,
        clock: Callable[[], float] = time.monotonic,
        paused: Callable[[float, str], None] | None = None,
    ) -> None:
        self._limit = float(min(first, most))
        self._most = most
        self._clock = clock
        self._paused = paused
        self._busy = 0
        self._epoch = 0
        self._was_cut = False
        self._streak = 0
        self._paused_until = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def limit(self) -> int:
        """How many may be on their way now."""
        return max(1, int(self._limit))

    @property
    def busy(self) -> int:
        """How many are."""
        return self._busy

    @property
    def paused_s(self) -> float:
        """How long nothing will be sent."""
        return max(0.0, self._paused_until - self._clock())

    async def enter(self) -> Turn:
        """Wait for a turn and return it; whoever has one must `leave`."""
        if not self._waiting and self._is_free():
            self._busy += 1
            return Turn(self._epoch, 0.0)
        begun = self._clock()
        await self._wait()
        return Turn(self._epoch, self._clock() - begun)

    def leave(self) -> None:
        """Give the turn back."""
        self._busy -= 1
        if self._waiting:
            self._wake()

    def succeeded(self) -> None:
        """Take in that an answer came."""
        self._streak = 0
        self._limit = min(self._most, self._limit + (1 / self._limit if self._was_cut else 1.0))

    def failed(self, error: ModelError, turn: Turn) -> None:
        """Take in that none came; of several requests that were on their way together, the first one counts."""
        if not isinstance(error, RateLimited | Overloaded | ProviderFailed):
            return
        if error.retry_after_s is not None:
            self._pause(error.retry_after_s, str(error))
        if turn.epoch != self._epoch:
            return
        self._epoch += 1
        if error.retry_after_s is None:
            self._pause(min(_LONGEST_PAUSE_S, _PAUSE_S * 2**self._streak), str(error))
        self._streak += 1
        if isinstance(error, RateLimited):
            self._was_cut = True
            self._limit = max(1.0, self._limit * _CUT)

    def quota(self, requests_left: int, reset_s: float) -> None:
        """Take in what the provider says is left of its quota, before it has to say no."""
        if requests_left <= 0:
            self._pause(reset_s, "its quota is used up")
        elif requests_left < self._limit:
            self._was_cut = True
            self._limit = float(requests_left)

    def _pause(self, seconds: float, why: str) -> None:
        until = self._clock() + seconds
        if until > self._paused_until:
            self._paused_until = until
            if self._paused is not None:
                self._paused(seconds, why)

    def _is_free(self) -> bool:
        return self._busy < self.limit and self._clock() >= self._paused_until

    async def _wait(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._wake()
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():  # it was given a turn, and will not take it
                self._busy -= 1
            elif future in self._waiting:  # else it was passed over already
                self._waiting.remove(future)
            self._wake()
            raise

    def _wake(self) -> None:
        while self._waiting and self._is_free():
            future = self._waiting.popleft()
            if not future.done():
                self._busy += 1
                future.set_result(None)
        if self._waiting and self._timer is None and (left := self.paused_s) > 0:
            self._timer = asyncio.get_running_loop().call_later(left, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._wake()


class Lanes:
    """One lane for each model.

    most: of one lane; None: 64, and 1 for models that run in this process, which answer one after the other.
    paused: told of which model nothing is sent, for how many seconds, and why.
    """

    def __init__(self, most: int | None = None, paused: Callable[[str, float, str], None] | None = None) -> None:
        self._most = most
        self._paused = paused
        self._lanes: dict[str, Lane] = {}

    def lane(self, model: str) -> Lane:
        """Return the lane of a model, by `provider:model`."""
        lane = self._lanes.get(model)
        if lane is None:
            most = self._most or (1 if model.startswith("local:") else MOST)
            paused = None if self._paused is None else partial(self._paused, model)
            lane = self._lanes[model] = Lane(first=most if self._most else _FIRST, most=most, paused=paused)
        return lane

    @property
    def limits(self) -> dict[str, int]:
        """How many requests each model may have on their way now."""
        return {name: lane.limit for name, lane in self._lanes.items()}
