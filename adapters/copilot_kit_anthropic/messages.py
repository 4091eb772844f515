"""A model behind the Messages API: Anthropic's own, and servers that speak the same."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING, cast

from copilot_kit.errors import ModelError, ModelGone, TransportFailed
from copilot_kit.events import Ended, Event, Failed
from copilot_kit.http import within
from copilot_kit.ids import NewId, new_id
from copilot_kit.profile import Profile
from copilot_kit.request import Request
from copilot_kit.wire import Target
from copilot_kit_anthropic.answer import Answer, Asked
from copilot_kit_anthropic.client import Access, Call
from copilot_kit_anthropic.failures import not_an_answer
from copilot_kit_anthropic.json_bytes import dumped, loaded
from copilot_kit_anthropic.profiles import facts_of, profile_of
from copilot_kit_anthropic.request import Encoder, Prepared
from copilot_kit_anthropic.streams import Reader, reader_for

if TYPE_CHECKING:
    import httpx2

PATH = "/v1/messages"
_DRAIN_S = 0.25
_COMPATIBLE = frozenset({"anthropic.messages", "bedrock.messages", "google-vertex.messages", "vertex.messages"})
"""Signatures of thinking are documented to be the same on all of Anthropic's platforms."""


class MessagesModel:
    """One model; requests may run at the same time."""

    def __init__(
        self,
        provider: str,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        http_client: "httpx2.AsyncClient | None" = None,
        path: str = PATH,
        profile: Profile | None = None,
        new: NewId = new_id,
    ) -> None:
        table = profile_of(model)
        if f"{provider}.messages" not in _COMPATIBLE:
            table = Profile(edits_context=(), sources={"edits_context": "not Anthropic's"}).over(table)
        self._provider, self._model, self._path, self._new_id = provider, model, path, new
        self._profile = table if profile is None else profile.over(table)
        self._origin = f"{provider}.messages"
        self._access = Access(provider, base_url=base_url, api_key=api_key, http_client=http_client)
        target = Target(
            origin=self._origin,
            model=model,
            compatible=_COMPATIBLE - {self._origin} if self._origin in _COMPATIBLE else frozenset(),
            binds_reasoning=self._profile.binds_reasoning is True,
            tool_id_pattern=self._profile.tool_id_pattern,
        )
        # Bedrock and Vertex have the model's name in the path, and refuse it in the body.
        names_model = path.rstrip("/").endswith("messages")
        self._encoder = Encoder(
            target, provider=provider, profile=self._profile, facts=facts_of(model), names_model=names_model
        )

    @property
    def id(self) -> str:
        """The name to open it by again."""
        return f"{self._provider}:{self._model}"

    @property
    def profile(self) -> Profile:
        """What it can do."""
        return self._profile

    @property
    def server(self) -> str | None:
        """Where it is asked, if not at Anthropic's own address."""
        return self._access.elsewhere

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yield the answer as it comes."""
        answer: Answer | None = None
        try:
            prepared = self._encoder.prepare(request)
            asked = Asked(self._model, self._provider, self._origin, prepared)
            answer = Answer(asked, new=self._new_id)
            async with aclosing(self._events(request, prepared, answer)) as events:
                async for event in events:
                    yield event
        except ModelError as error:
            partial = None if answer is None else answer.partial()
            error.model = error.model or self.id
            error.started = error.started or (answer is not None and answer.begun)
            error.partial = partial
            if isinstance(error, ModelGone):
                error.successor = self._profile.lifecycle.successor
            yield Failed(error, partial)

    async def _events(self, request: Request, prepared: Prepared, answer: Answer) -> AsyncGenerator[Event, None]:
        call = Call(self._access, self._path, model=self.id)
        headers = {"anthropic-beta": ",".join(prepared.betas)} if prepared.betas else {}
        body = call.chunks(prepared.body, headers, stream=request.delivery == "stream")
        timed = cast("AsyncGenerator[bytes, None]", within(body, request.settings, model=self.id))
        async with aclosing(body), aclosing(timed) as chunks:
            first = await anext(chunks, b"")
            reader = reader_for(call.content_type, first)
            if reader is None:
                for event in self._whole(b"".join([first, *[chunk async for chunk in chunks]]), answer):
                    yield event
                return
            end: Ended | None = None
            chunk: bytes | None = first
            while chunk is not None and end is None:
                for event in self._read(reader.feed, chunk, answer):
                    if isinstance(event, Ended):
                        end = event
                    else:
                        yield event
                call.started = answer.begun
                if end is None:
                    chunk = await anext(chunks, None)
            if end is not None:
                await _drained(chunks)
                yield end
                return
            for event in self._last(reader, answer):
                yield event

    def _read(self, split: Callable[[bytes], list[bytes]], chunk: bytes, answer: Answer) -> Iterator[Event]:
        """Yield the events of a chunk; a generator, so that what stands before a broken event still comes out."""
        try:
            found = split(chunk)
        except ValueError as error:
            raise not_an_answer(self.id, chunk, started=answer.begun) from error
        for data in found:
            try:
                event = loaded(data)
            except ValueError as error:
                raise not_an_answer(self.id, data, started=answer.begun) from error
            yield from self._understood(event, answer)
            if answer.ended:
                return

    def _understood(self, event: object, answer: Answer) -> list[Event]:
        try:
            return answer.event(event) if isinstance(event, dict) else []
        except (ValueError, TypeError, LookupError, AttributeError) as error:  # fields of other types than the API has
            raise not_an_answer(self.id, dumped(event), started=answer.begun) from error

    def _last(self, reader: Reader, answer: Answer) -> Iterator[Event]:
        """Yield the events of what the stream ended in; raises `TransportFailed` unless that was the end mark."""
        for data in reader.rest():
            try:
                event = loaded(data)
            except ValueError:
                break
            yield from self._understood(event, answer)
        if not answer.ended:
            raise TransportFailed(
                f"The stream of {self.id} ended before the answer was whole. Try again; what came is in `partial`.",
                model=self.id,
                started=answer.begun,
            )

    def _whole(self, data: bytes, answer: Answer) -> list[Event]:
        try:
            value = loaded(data)
            if isinstance(value, dict):
                return answer.whole(value)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise not_an_answer(self.id, data) from error
        raise not_an_answer(self.id, data)


async def _drained(chunks: AsyncIterator[bytes]) -> None:
    """Read the few bytes after the end mark, so that the connection can be used again."""
    try:
        async with asyncio.timeout(_DRAIN_S):
            async for _ in chunks:
                pass
    except (TimeoutError, ModelError):
        return
