"""A model that turns to another one when the first cannot answer, and says so in the response."""

import time
from collections.abc import AsyncIterator, Callable, Sequence

from copilot_kit.beginning import begin, failed_attempt, with_attempts, with_less_time
from copilot_kit.errors import (
    BadAnswer,
    ModelError,
    ModelGone,
    Overloaded,
    ProviderFailed,
    QuotaExceeded,
    RateLimited,
    TimedOut,
    TransportFailed,
)
from copilot_kit.events import Event, closing
from copilot_kit.model import Model
from copilot_kit.profile import Profile
from copilot_kit.request import Request
from copilot_kit.response import Attempt
from copilot_kit.sending import check_asked, server_of

CANNOT_ANSWER: tuple[type[ModelError], ...] = (
    RateLimited,
    Overloaded,
    ProviderFailed,
    TransportFailed,
    TimedOut,
    BadAnswer,
    QuotaExceeded,
    ModelGone,
)
"""Errors of the model or its provider. Those of the request itself would come again elsewhere, or be hidden."""


class Fallback:
    """Answers as the first of its models that can; wrap each in `Retry` to be patient with it first.

    It turns to the next only while nobody has heard any output. `response.attempts` and a line in
    `response.warnings` tell of each model that failed. `id` and `profile` are those of the first.
    """

    def __init__(
        self,
        models: Sequence[Model],
        *,
        on: tuple[type[ModelError], ...] = CANNOT_ANSWER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not models:
            raise ValueError("Fallback needs at least one model, and got none. Give the models in order of preference.")
        self._models = tuple(models)
        self._on = on
        self._clock = clock

    @property
    def id(self) -> str:
        """The first model's name."""
        return self._models[0].id

    @property
    def profile(self) -> Profile:
        """The first model's profile."""
        return self._models[0].profile

    @property
    def alternatives(self) -> tuple[Model, ...]:
        """All its models, each of which may get what it is asked."""
        return self._models

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yield the answer of the first model that gives one, or the failure of the last."""
        begun_s = self._clock()
        failed: tuple[Attempt, ...] = ()
        warnings: tuple[str, ...] = ()
        for place, model in enumerate(self._models):
            check_asked(model.id, server_of(model))
            beginning = await begin(model, with_less_time(request, self._clock() - begun_s))
            error = beginning.failure
            if error is not None and isinstance(error, self._on) and place + 1 < len(self._models):
                failed = (*failed, failed_attempt(model.id, error))
                warnings = (*warnings, f"{model.id} did not answer ({type(error).__name__}: {error})")
                continue
            async with closing(beginning.events()) as events:
                async for event in events:
                    yield with_attempts(event, failed, model=model.id, warnings=warnings) if failed else event
            return
