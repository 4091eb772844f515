"""A model that answers by a script: the way to test an agent without a model."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from copilot_kit.assembly import Assembly
from copilot_kit.errors import ModelError
from copilot_kit.events import Ended, Event, Failed, Started
from copilot_kit.ids import NewId, new_id
from copilot_kit.messages import Message, Part, Reasoning, Text, ToolCall
from copilot_kit.profile import Profile
from copilot_kit.recording import deltas_of, emptied, events_of
from copilot_kit.request import Request
from copilot_kit.response import Response, Served, Stop, Usage


@dataclass(frozen=True, slots=True)
class Call:
    """A call that the scripted model makes; its id is made when it is made."""

    name: str
    args_json: str
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence in mid-answer."""

    seconds: float


Piece: TypeAlias = str | Part | Call | Pause | Stop | Usage | ModelError
"""Words, any part, a call, a silence, the stop or the usage to report, or the error that ends the answer."""

Step: TypeAlias = Piece | Sequence[Piece] | Message | Response
"""One answer: a piece, several, a whole message or a whole response."""

ScriptLine: TypeAlias = Step | Callable[[Request], Step]


def say(text: str) -> Text:
    """Return words of the answer."""
    return Text(text=text)


def think(text: str | None = None) -> Reasoning:
    """Return reasoning; without text it is hidden."""
    return Reasoning(text=text, form="hidden" if text is None else "full")


def call(tool: str, args: Mapping[str, Any] | str = "{}", *, call_id: str | None = None) -> Call:
    """Return a call of a tool; args as text goes out as it is, so that it may be broken."""
    return Call(tool, args if isinstance(args, str) else json.dumps(args, ensure_ascii=False), call_id)


def refuse(text: str) -> Text:
    """Return words by which the model says no."""
    return Text(text=text, refusal=True)


def pause(seconds: float = float("inf")) -> Pause:
    """Return a silence; without seconds it lasts until the task is cancelled or the stream closed."""
    return Pause(seconds)


def counted() -> NewId:
    """Return a maker of ids that counts for each prefix: `msg_1`, `call_1`, `call_2`."""
    counts: dict[str, int] = {}

    def next_id(prefix: str) -> str:
        counts[prefix] = counts.get(prefix, 0) + 1
        return f"{prefix}_{counts[prefix]}"

    return next_id


class ScriptedModel:
    """Gives the answers of its script, one a request, and keeps the requests it saw.

        model = ScriptedModel([think("look it up"), call("search", {"q": "a"})], "It is b.")
        ...
        model.assert_done()

    A line may be a function of the request. A request beyond the script is an AssertionError that names it.
    """

    def __init__(
        self,
        *script: ScriptLine,
        id: str = "scripted:model",  # noqa: A002  the word of the Model protocol
        profile: Profile | None = None,
        new_id: NewId = new_id,
        chunk_chars: int = 16,
    ) -> None:
        self._script = list(script)
        self._id = id
        self._profile = profile or Profile()
        self._new_id = new_id
        self._chunk_chars = chunk_chars
        self.requests: list[Request] = []
        """What it was asked, in order."""

    @property
    def id(self) -> str:
        """The name given, by default `scripted:model`."""
        return self._id

    @property
    def profile(self) -> Profile:
        """The profile given, by default one that knows nothing."""
        return self._profile

    @property
    def last_request(self) -> Request:
        """What it was asked last."""
        return self.requests[-1]

    def assert_done(self) -> None:
        """Fail unless every line of the script was asked for."""
        asked, lines = len(self.requests), len(self._script)
        if asked < lines:
            raise AssertionError(
                f"The script of {self._id!r} has {lines} steps, but only {asked} were asked for; "
                f"the next would be {self._script[asked]!r}. Shorten the script, or find out why the run ended early."
            )

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yield the next answer of the script."""
        number = len(self.requests)
        self.requests.append(request)
        if number >= len(self._script):
            raise AssertionError(
                f"The script of {self._id!r} has {len(self._script)} steps, and this is request {number + 1}; "
                f"its last message is {_last(request)}. Add a step, or find out why the model is asked again."
            )
        line = self._script[number]
        step = line(request) if callable(line) else line
        async for event in answered(step, model=self._id, new_id=self._new_id, chunk_chars=self._chunk_chars):
            yield event


def _last(request: Request) -> str:
    if not request.messages:
        return "missing: the request is empty"
    message = request.messages[-1]
    words = message.text or ", ".join(f"{part.type}" for part in message.parts)
    return f"{message.role} {words[:200]!r}"


async def answered(step: Step, *, model: str, new_id: NewId, chunk_chars: int = 0) -> AsyncIterator[Event]:
    """Yield the events of one step; `model` is the name as `provider:model`."""
    if isinstance(step, Response):
        for event in events_of(step, chunk_chars=chunk_chars):
            yield event
        return
    pieces = _pieces(step)
    message_id = step.id if isinstance(step, Message) else new_id("msg")
    telling = _Telling(model, message_id, new_id, chunk_chars)
    for piece in pieces:
        if isinstance(piece, Pause):
            await _silence(piece.seconds)
            continue
        for event in telling.tell(piece):
            yield event
        if telling.over:
            return
    for event in telling.end():
        yield event


def _pieces(step: Piece | Sequence[Piece] | Message) -> Sequence[Piece]:
    if isinstance(step, Message):
        return step.parts
    return step if isinstance(step, Sequence) and not isinstance(step, str) else [step]


async def _silence(seconds: float) -> None:
    if seconds == float("inf"):
        await asyncio.get_running_loop().create_future()
    await asyncio.sleep(seconds)


class _Telling:
    """One answer on its way: what was told of it and how it will end."""

    def __init__(self, model: str, message_id: str, new_id: NewId, chunk_chars: int) -> None:
        provider, _, name = model.partition(":")
        self.served = Served(asked=name or provider, provider=provider, served=name or provider)
        self.message_id = message_id
        self.new_id = new_id
        self.chunk_chars = chunk_chars
        self.parts = Assembly()
        self.begun = False
        self.over = False
        self.stop: Stop | None = None
        self.usage = Usage()

    def tell(self, piece: Piece) -> list[Event]:
        match piece:
            case Stop():
                self.stop = piece
                return []
            case Usage():
                self.usage = piece
                return []
            case ModelError():
                return [self.fail(piece)]
            case Pause():
                return []
            case str():
                return self.part(Text(text=piece))
            case Call():
                call_id = piece.call_id or self.new_id("call")
                return self.part(ToolCall(call_id=call_id, name=piece.name, args_json=piece.args_json))
            case _:
                return self.part(piece)

    def part(self, part: Part) -> list[Event]:
        events = self.begin()
        start = self.parts.open(emptied(part))
        events.append(start)
        events += deltas_of(self.parts, start.index, part, chunk_chars=self.chunk_chars)
        events.append(self.parts.close(start.index, part))
        return events

    def begin(self) -> list[Event]:
        if self.begun:
            return []
        self.begun = True
        return [Started(self.served)]

    def fail(self, error: ModelError) -> Failed:
        self.over = True
        partial = self.response(Stop(kind="error"), state="partial") if self.begun else None
        return Failed(again(error, started=error.started or self.begun), partial)

    def end(self) -> list[Event]:
        return [*self.begin(), Ended(self.response(self.stop or self.natural_stop()))]

    def natural_stop(self) -> Stop:
        parts = self.parts.finished()
        if any(isinstance(part, ToolCall) and part.executed_by == "client" for part in parts):
            return Stop(kind="tool")
        refused = any(isinstance(part, Text) and part.refusal for part in parts)
        return Stop(kind="refusal" if refused else "end")

    def response(self, stop: Stop, *, state: str = "complete") -> Response:
        return Response(
            message=Message(id=self.message_id, role="assistant", parts=self.parts.finished()),
            model=self.served,
            stop=stop,
            state="partial" if state == "partial" else "complete",
            usage=self.usage,
        )


def again(error: ModelError, *, started: bool) -> ModelError:
    """Return a copy of this error, so that one that was raised before can be raised anew."""
    kind = type(error)
    fresh = kind.__new__(kind, *error.args)
    fresh.__dict__.update(error.__dict__)
    fresh.started = started
    return fresh
