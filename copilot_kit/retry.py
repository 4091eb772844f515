"""A model that asks again when waiting may heal: the only retry layer there is; the SDKs' own are off.

It asks again only while nobody has heard any output of the answer. It waits as long as the provider says
(`retry_after_s`), else longer each time, with jitter; never beyond the deadline of the request, nor longer than
`max_wait_s`.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

from copilot_kit.beginning import Beginning, begin, failed_attempt, with_attempts, with_less_time
from copilot_kit.events import Event, closing
from copilot_kit.model import Model
from copilot_kit.profile import Profile
from copilot_kit.request import Request
from copilot_kit.response import Attempt

if TYPE_CHECKING:
    from tenacity import RetryCallState

_LOG = logging.getLogger(__name__)
_JITTER = 0.1
"""Share added to what a provider asks to wait, so that many clients do not return at once."""


class Retry:
    """Answers as the wrapped model does, asking it up to `attempts` times in all.

    hold: pass nothing on before the answer is whole, so that one that breaks off in the middle can be asked for again
    too. For callers who do not show the answer while it comes; what broke off was paid for, and is in `attempts`.
    clock, sleep and chance (0 to 1) are there for tests.
    """

    def __init__(
        self,
        model: Model,
        *,
        attempts: int = 4,
        first_wait_s: float = 0.5,
        max_wait_s: float = 60.0,
        hold: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._model = model
        self._attempts = attempts
        self._first_wait_s = first_wait_s
        self._max_wait_s = max_wait_s
        self._hold = hold
        self._clock = clock
        self._sleep = sleep
        self._chance = chance

    @property
    def id(self) -> str:
        """The wrapped model's name."""
        return self._model.id

    @property
    def profile(self) -> Profile:
        """The wrapped model's profile."""
        return self._model.profile

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yield the first answer that begins, or the last failure; `response.attempts` lists the tries before it."""
        begun_s = self._clock()
        beginning = await begin(self._model, request, whole=self._hold)
        failed: tuple[Attempt, ...] = ()
        if _may_heal(beginning):
            beginning, failed = await self._asked_again(request, beginning, begun_s)
        async with closing(beginning.events()) as events:
            async for event in events:
                yield with_attempts(event, failed, model=self._model.id) if failed else event

    async def _asked_again(
        self, request: Request, first: Beginning, begun_s: float
    ) -> tuple[Beginning, tuple[Attempt, ...]]:
        from tenacity import AsyncRetrying, retry_if_result

        failed: list[Attempt] = []
        known = [first]

        async def ask() -> Beginning:
            if known:
                return known.pop()
            left = with_less_time(request, self._clock() - begun_s)
            return await begin(self._model, left, whole=self._hold)

        def note(state: "RetryCallState") -> None:
            error = _outcome(state).failure
            if error is not None:
                failed.append(failed_attempt(self._model.id, error, waited_s=state.upcoming_sleep))
                _LOG.info("%s: %s, asking again in %.1f s", self._model.id, type(error).__name__, state.upcoming_sleep)

        def stop(state: "RetryCallState") -> bool:
            deadline_s = request.settings.deadline_s
            left_s = float("inf") if deadline_s is None else deadline_s - (self._clock() - begun_s)
            wait_s = state.upcoming_sleep
            return state.attempt_number >= self._attempts or wait_s > self._max_wait_s or wait_s >= left_s

        retrying = AsyncRetrying(
            sleep=self._sleep,
            wait=self._wait_s,
            stop=stop,
            retry=retry_if_result(_may_heal),
            before_sleep=note,
            retry_error_callback=_outcome,
        )
        last: Beginning = await retrying(ask)
        if last.failure is not None and failed:
            last.failure.add_note(f"asked {len(failed) + 1} times in {self._clock() - begun_s:.1f} s")
        return last, tuple(failed)

    def _wait_s(self, state: "RetryCallState") -> float:
        error = _outcome(state).failure
        if error is not None and error.retry_after_s is not None:
            return error.retry_after_s * (1 + _JITTER * self._chance())
        longest: float = min(self._max_wait_s, self._first_wait_s * 2 ** (state.attempt_number - 1))
        return longest * (1 + self._chance()) / 2


def _may_heal(beginning: Beginning) -> bool:
    return beginning.failure is not None and beginning.failure.retryable


def _outcome(state: "RetryCallState") -> Beginning:
    if state.outcome is None:
        raise RuntimeError("tenacity asked about an attempt that has not ended; report this as a bug")
    beginning: Beginning = state.outcome.result()
    return beginning
