"""The beginning of an answer: all that comes before its first output, so that a failure there can be made good."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from copilot_kit.errors import ModelError
from copilot_kit.events import Ended, Event, Failed, Started, closing
from copilot_kit.model import Model
from copilot_kit.request import Request
from copilot_kit.response import Attempt, Response


@dataclass(frozen=True, slots=True)
class Beginning:
    """What came until the first output or the end, and the rest that is still to come; whoever holds it closes it."""

    held: tuple[Event, ...]
    rest: AsyncIterator[Event] | None = None
    whole: bool = False
    """All of the answer is held back, its output too."""

    @property
    def failure(self) -> ModelError | None:
        """The error, if the answer failed while nobody had heard any output of it."""
        last = self.held[-1] if self.held else None
        return last.error if isinstance(last, Failed) and (self.whole or not last.error.started) else None

    async def events(self) -> AsyncIterator[Event]:
        """Yield the answer from its first event on."""
        for event in self.held:
            yield event
        if self.rest is not None:
            async with closing(self.rest) as rest:
                async for event in rest:
                    yield event


async def begin(model: Model, request: Request, *, whole: bool = False) -> Beginning:
    """Ask, and return as soon as there is output, an end or a failure; with `whole` only at the end or failure."""
    events = model.stream(request)
    held: list[Event] = []
    try:
        async for event in events:
            held.append(event)
            if isinstance(event, Ended | Failed):
                break
            if not whole and not isinstance(event, Started):
                return Beginning(tuple(held), events)
    except BaseException:
        await _close(events)
        raise
    await _close(events)
    return Beginning(tuple(held), whole=whole)


async def _close(events: AsyncIterator[Event]) -> None:
    async with closing(events):
        pass


def with_less_time(request: Request, elapsed_s: float) -> Request:
    """Return the request with so much less time to its deadline; the same one if it has none."""
    deadline_s = request.settings.deadline_s
    if deadline_s is None or elapsed_s <= 0:
        return request
    settings = request.settings.model_copy(update={"deadline_s": max(0.0, deadline_s - elapsed_s)})
    return request.model_copy(update={"settings": settings})


def with_attempts(event: Event, failed: tuple[Attempt, ...], *, model: str, warnings: tuple[str, ...] = ()) -> Event:
    """Return the last event of an answer with the attempts that failed before it; other events as they are."""
    match event:
        case Ended(response):
            return Ended(_told(response, failed, Attempt(model=model), warnings))
        case Failed(error, partial):
            return Failed(error, partial and _told(partial, failed, failed_attempt(model, error), warnings))
        case _:
            return event


def _told(response: Response, failed: tuple[Attempt, ...], last: Attempt, warnings: tuple[str, ...]) -> Response:
    attempts = (*failed, *(response.attempts or (last,)))
    return response.model_copy(update={"attempts": attempts, "warnings": (*response.warnings, *warnings)})


def failed_attempt(model: str, error: ModelError, *, waited_s: float | None = None) -> Attempt:
    """Return the receipt of a try that failed."""
    return Attempt(model=model, error=type(error).__name__, message=str(error), waited_s=waited_s)
