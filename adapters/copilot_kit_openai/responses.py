"""Models behind the Responses API, at OpenAI and at the servers that speak it."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from copilot_kit.errors import BadAnswer, ModelError
from copilot_kit.events import Event, Failed, closing
from copilot_kit.http import within
from copilot_kit.profile import Profile
from copilot_kit.request import Request
from copilot_kit.sending import check_asked
from copilot_kit.sse import Splitter
from copilot_kit_openai.client import Connection
from copilot_kit_openai.dialects import Dialect
from copilot_kit_openai.failures import sdk_failure, status_failure
from copilot_kit_openai.profiles import profile_for
from copilot_kit_openai.responses_answer import AnswerReader, Asked
from copilot_kit_openai.responses_request import RequestEncoder

_DRAIN_S = 0.05
_ERROR_STATUS = 400
_STREAM_BEGINS = (b"event:", b"data:", b":")


class ResponsesModel:
    """One model of one provider, asked through `POST /responses`; `server` is its address, if not the provider's."""

    def __init__(
        self,
        provider: str,
        model: str,
        *,
        dialect: Dialect,
        connection: Connection,
        profile: Profile | None = None,
        path: str = "/responses",
        server: str | None = None,
    ) -> None:
        self.server = server
        self._provider = provider
        self._model = model
        self._dialect = dialect
        self._connection = connection
        self._profile = profile if profile is not None else profile_for(dialect.name, model)
        self._path = path
        self._encoder = RequestEncoder(dialect, model, self._profile)

    @property
    def id(self) -> str:
        """The name to open it by again."""
        return f"{self._provider}:{self._model}"

    @property
    def profile(self) -> Profile:
        """What it can do."""
        return self._profile

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yield the answer as it comes."""
        check_asked(self.id, self.server)
        try:
            sent = self._encoder.encode(request)
        except ModelError as error:
            yield Failed(error)
            return
        asked = Asked(self.id, self._model, self._dialect.name, self._dialect.origin("responses"), sent)
        reader = AnswerReader(asked)
        try:
            events = self._events(reader, sent.content, stream=request.delivery == "stream")
            async with closing(within(events, request.settings, model=self.id)) as timely, closing(events):
                async for event in timely:
                    yield event
        except Exception as error:
            failure = _failure(error, reader, self.id)
            if failure is None:
                raise
            yield failure

    async def _events(self, reader: AnswerReader, content: bytes, *, stream: bool) -> AsyncIterator[Event]:
        async with self._connection.post(self._path, content, stream=stream) as reply:
            if reply.status >= _ERROR_STATUS:
                raise status_failure(reply.status, reply.headers, await reply.read(), model=self.id)
            kind = reply.headers.get("content-type", "")
            if "html" in kind:
                raise BadAnswer(f"{self.id} sent a web page, not an answer. Check the base URL.", model=self.id)
            chunks = reply.chunks()
            if "event-stream" not in kind and (not stream or "json" in kind or "text/plain" in kind):
                body = await reply.read()
                if not body.lstrip().startswith(_STREAM_BEGINS):
                    for event in reader.whole(body):
                        yield event
                    return
                chunks = _once(body)
            async for event in _streamed(reader, chunks):
                yield event


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def _streamed(reader: AnswerReader, chunks: AsyncIterator[bytes]) -> AsyncIterator[Event]:
    splitter = Splitter()
    async for chunk in chunks:
        for said in splitter.feed(chunk):
            events = reader.read(said.data)
            if reader.ended:
                await _drain(chunks)
            for event in events:
                yield event
            if reader.ended:
                return
    for event in _last(reader, splitter):
        yield event


def _last(reader: AnswerReader, splitter: Splitter) -> Sequence[Event]:
    """Return the events of a stream's end that has no blank line after it; half an event is a cut."""
    events: list[Event] = []
    try:
        for said in splitter.rest():
            events += reader.read(said.data)
    except ValueError:
        return [reader.cut()]
    return events if reader.ended else [*events, reader.cut()]


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read the empty rest of a stream, so that its connection can be used again; a server that keeps on is left."""
    try:
        async with asyncio.timeout(_DRAIN_S):
            async for _ in chunks:
                pass
    except Exception:  # noqa: BLE001, S110  the answer is whole; the connection is merely closed
        pass


def _failure(error: Exception, reader: AnswerReader, model: str) -> Failed | None:
    if reader.ended:
        return None
    if isinstance(error, ModelError):
        return reader.failed(error)
    failure = sdk_failure(error, model=model, started=reader.started)
    if failure is None and isinstance(error, ValueError | LookupError | TypeError | AttributeError):
        failure = BadAnswer(
            f"{model} sent something that is no answer of the Responses API ({type(error).__name__}: {error}). "
            "Try again, or check the base URL.",
            model=model,
            started=reader.started,
        )
    return None if failure is None else reader.failed(failure)
