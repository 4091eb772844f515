"""A model that fails as real ones do: on a script, or at random with a seed."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from copilot_kit.assembly import Assembly
from copilot_kit.errors import BadAnswer, ModelError, Overloaded, RateLimited, TransportFailed
from copilot_kit.events import Ended, Event, Failed, PartDelta, PartEnd, PartStart, Started, closing
from copilot_kit.ids import new_id
from copilot_kit.messages import Message, ToolCall
from copilot_kit.model import Model
from copilot_kit.profile import Profile
from copilot_kit.request import Request
from copilot_kit.response import Response, Stop
from copilot_kit.testing.script import again

Kind: TypeAlias = Literal["before", "in_stream", "stall", "broken_args"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one request: an error at once, or after some events; a silence; a call that is no JSON."""

    kind: Kind
    error: ModelError | None = None
    after_events: int = 0
    seconds: float = 0.0


def rate_limited(retry_after_s: float | None = None) -> Fault:
    """Return a 429 before any output, with the time to wait that the provider names."""
    text = "Too many requests (429, injected). Wait, then try again."
    return Fault("before", RateLimited(text, status=429, retry_after_s=retry_after_s))


def overloaded() -> Fault:
    """Return a 529 before any output."""
    return Fault("before", Overloaded("The provider has no capacity (529, injected). Try again later.", status=529))


def bad_json() -> Fault:
    """Return a body that is no JSON, before any output."""
    return Fault("before", BadAnswer("The answer is not JSON (injected). Check the base URL, or try again."))


def cut(after_events: int = 2) -> Fault:
    """Return a connection that is lost after so many events."""
    text = "The connection was lost in mid-answer (injected). Ask again if a second answer does no harm."
    return Fault("in_stream", TransportFailed(text), after_events)


def stall(after_events: int = 2, seconds: float = float("inf")) -> Fault:
    """Return a silence after so many events; without seconds it lasts until somebody gives up."""
    return Fault("stall", None, after_events, seconds)


def broken_args() -> Fault:
    """Return calls whose arguments lack their last character, in an answer that is otherwise whole."""
    return Fault("broken_args")


def at_random(
    kinds: Iterable[Callable[[], Fault]] = (rate_limited, overloaded, bad_json, cut), *, rate: float, seed: int
) -> Iterator[Fault | None]:
    """Yield faults without end: of `rate` of the requests, one of the kinds; the same again for the same seed."""
    choices = tuple(kinds)
    chance = random.Random(seed)
    while True:
        yield chance.choice(choices)() if chance.random() < rate else None


class FaultModel:
    """Answers as the wrapped model does, except for one fault a request, taken in order from `faults`.

    None in `faults` is a request without fault; when they are used up there are no more.
    """

    def __init__(self, model: Model, faults: Iterable[Fault | None]) -> None:
        self._model = model
        self._faults = iter(faults)
        self.requests: list[Request] = []
        """What it was asked, in order, faulty or not."""

    @property
    def id(self) -> str:
        """The wrapped model's name."""
        return self._model.id

    @property
    def profile(self) -> Profile:
        """The wrapped model's profile."""
        return self._model.profile

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yield the wrapped model's events, with the next fault in them."""
        self.requests.append(request)
        fault = next(self._faults, None)
        if fault is not None and fault.kind == "before" and fault.error is not None:
            yield Failed(again(fault.error, started=False))
            return
        seen: list[Event] = []
        async with closing(self._model.stream(request)) as events:
            async for event in events:
                if fault is not None and len(seen) == fault.after_events and fault.kind in {"in_stream", "stall"}:
                    if fault.error is not None:
                        yield Failed(again(fault.error, started=bool(seen)), told_so_far(seen))
                        return
                    await _silence(fault.seconds)
                event = _broken(event) if fault is not None and fault.kind == "broken_args" else event  # noqa: PLW2901
                seen.append(event)
                yield event


async def _silence(seconds: float) -> None:
    if seconds == float("inf"):
        await asyncio.get_running_loop().create_future()
    await asyncio.sleep(seconds)


def _broken(event: Event) -> Event:
    match event:
        case PartEnd(index, ToolCall() as call):
            return PartEnd(index, _shortened(call))
        case Ended(response):
            parts = tuple(_shortened(p) if isinstance(p, ToolCall) else p for p in response.message.parts)
            message = response.message.model_copy(update={"parts": parts})
            return Ended(response.model_copy(update={"message": message}))
        case _:
            return event


def _shortened(call: ToolCall) -> ToolCall:
    return call.model_copy(update={"args_json": call.args_json[:-1]})


def told_so_far(events: Iterable[Event]) -> Response | None:
    """Return the partial response that these events tell of; None before the answer has begun."""
    parts, served, response_id = Assembly(), None, None
    for event in events:
        match event:
            case Started(model, given):
                served, response_id = model, given
            case PartStart(_, part):
                parts.open(part)
            case PartDelta(index, text, args_json):
                if text is not None:
                    parts.add_text(index, text)
                if args_json is not None:
                    parts.add_args(index, args_json)
            case PartEnd(index, part):
                parts.close(index, part)
            case _:
                pass
    if served is None:
        return None
    return Response(
        message=Message(id=new_id("msg"), role="assistant", parts=parts.so_far()),
        model=served,
        stop=Stop(kind="error"),
        state="partial",
        response_id=response_id,
    )
