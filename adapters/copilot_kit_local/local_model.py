"""The model: weights in the process, or a llama.cpp server, behind the one interface."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from copilot_kit.assembly import Assembly
from copilot_kit.errors import ModelError
from copilot_kit.events import Ended, Event, Failed, Started, closing
from copilot_kit.http import within
from copilot_kit.ids import new_id
from copilot_kit.messages import Message, Text, ToolCall
from copilot_kit.profile import Profile
from copilot_kit.request import Request, ToolSpec
from copilot_kit.response import Response, Served, Stop, StopKind, Usage
from copilot_kit.sending import check_asked
from copilot_kit.wire import Target
from copilot_kit_local.asking import DEFAULT_OUTPUT_TOKENS, Asked, ask, offered
from copilot_kit_local.choice import read, same_call, without
from copilot_kit_local.engine import Backend, Chunk, error_of
from copilot_kit_local.failures import cut_off, failure_of
from copilot_kit_local.situation import situation_of

OpenBackend: TypeAlias = Callable[[], Awaitable[Backend]]
_STOPS: dict[str, StopKind] = {"stop": "end", "length": "length"}


@dataclass(slots=True)
class _Answer:
    """What has come of one answer."""

    model: str
    served: Served
    assembly: Assembly = field(default_factory=Assembly)
    written: str = ""
    finish: str | None = None
    usage: Usage = field(default_factory=lambda: Usage(input=0, output=0))
    timings: dict[str, Any] | None = None
    asked: Asked | None = None
    started: bool = False

    def take(self, chunk: Chunk) -> str:
        """Note what a chunk says; return the words in it."""
        if (error := error_of(chunk)) is not None:
            raise failure_of(error, model=self.model, started=bool(self.written))
        if (used := chunk.get("usage")) is not None:
            self.usage += Usage(input=used.get("prompt_tokens"), output=used.get("completion_tokens"))
            self.timings = chunk.get("timings")
        words = ""
        for choice in chunk.get("choices") or ():
            words += choice.get("delta", {}).get("content") or ""
            self.finish = choice.get("finish_reason") or self.finish
        self.written += words
        return words

    def begin(self) -> list[Event]:
        """Return `Started`, the first time."""
        if self.started:
            return []
        self.started = True
        return [Started(self.served)]

    def response(self, *, partial: bool = False) -> Response:
        """Return the answer as it stands."""
        parts = self.assembly.so_far() if partial else self.assembly.finished()
        called = any(isinstance(part, ToolCall) for part in parts)
        kind: StopKind = "error" if partial else "tool" if called else _STOPS.get(self.finish or "", "end")
        asked = self.asked
        return Response(
            message=Message(id=new_id("msg"), role="assistant", parts=parts),
            model=self.served,
            stop=Stop(kind=kind, raw=self.finish),
            state="partial" if partial else "complete",
            usage=self.usage,
            settings_used=asked.sent if asked is not None else {},
            output_mode=asked.output_mode if asked is not None else None,
            dropped=asked.dropped if asked is not None else (),
            extra={} if self.timings is None else {"timings": self.timings},
        )


class LocalModel:
    """llama.cpp behind the one interface.

    Calls are made under a grammar: the tool's name, then its arguments by their schema, so the form is always right.
    Whether the choice is right depends on the model; the tool's examples are what it learns from. With several
    results of refused calls in a turn, what was refused is not proposed again.
    """

    def __init__(
        self, name: str, *, served: str, profile: Profile, open_backend: OpenBackend, server: str | None = None
    ) -> None:  # fmt: skip
        self.id = f"local:{name}"
        self.profile = profile
        self.server = server
        self._served = Served(asked=name, provider="local", served=served)
        self._target = Target(origin="local.llama", model=name)
        self._open_backend = open_backend

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yield the answer as it comes."""
        check_asked(self.id, self.server)
        answer = _Answer(self.id, self._served)
        try:
            async with closing(within(self._events(request, answer), request.settings, model=self.id)) as events:
                async for event in events:
                    yield event
        except ModelError as error:
            error.model = self.id
            error.started = error.started or bool(answer.written)
            partial = answer.response(partial=True) if answer.assembly.so_far() else None
            yield Failed(error, partial)
            return
        yield Ended(answer.response())

    async def _events(self, request: Request, answer: _Answer) -> AsyncIterator[Event]:
        backend = await self._open_backend()
        tools = offered(request)
        answer.asked = await ask(request, tools, target=self._target, embed=backend.embed)
        if answer.asked.answer == "call":
            async for event in self._call(request, tools, answer, backend):
                yield event
            return
        index = -1
        async for words in self._words(backend, answer):
            for event in answer.begin():
                yield event
            if words:
                if index < 0:
                    start = answer.assembly.open(Text(text=""))
                    index = start.index
                    yield start
                yield answer.assembly.add_text(index, words)
        for end in answer.assembly.close_all():
            yield end

    async def _call(
        self, request: Request, tools: tuple[ToolSpec, ...], answer: _Answer, backend: Backend
    ) -> AsyncIterator[Event]:
        """Make a call; what was refused before in this turn is taken from the choice if the model repeats it."""
        refused = situation_of(request.messages).refused
        while True:
            asked = await ask(request, tools, target=self._target, embed=backend.embed)
            answer.asked, answer.written, answer.finish = asked, "", None
            async for _ in self._words(backend, answer):
                for event in answer.begin():
                    yield event
            made = read(answer.written, asked.key)
            again = None if made is None else next((one for one in refused if same_call(*made, one)), None)
            if again is None or not (tools := without(tools, again)):
                break
        if made is None:
            for event in answer.assembly.whole(Text(text=answer.written)):
                yield event
            return
        if again is not None:
            words = f"I have no other proposal than {made[0]}, which was refused."
            for event in answer.assembly.whole(Text(text=words)):
                yield event
            return
        call = ToolCall(call_id=new_id("call"), name=made[0], args_json=made[1])
        yield answer.assembly.open(call.model_copy(update={"args_json": ""}), 0)
        yield answer.assembly.close(0, call)

    async def _words(self, backend: Backend, answer: _Answer) -> AsyncIterator[str]:
        if answer.asked is None:  # pragma: no cover
            return
        async with closing(backend.chat(answer.asked.body)) as chunks:
            async for chunk in chunks:
                yield answer.take(chunk)
        if answer.finish is None:
            raise cut_off(self.id, started=bool(answer.written))


def profile_for(*, context_tokens: int | None, source: Mapping[str, str] | None = None) -> Profile:
    """Return what any model behind llama.cpp can do through this adapter."""
    return Profile(
        tools=True,
        parallel_tools=False,
        forced_tools=True,
        output_modes=("native",),
        media_in=(),
        media_out=(),
        efforts=(),
        context_window=context_tokens,
        default_output_tokens=DEFAULT_OUTPUT_TOKENS,
        caching="none",
        binds_reasoning=False,
        sources=dict(source or {"*": "table"}),
    )
