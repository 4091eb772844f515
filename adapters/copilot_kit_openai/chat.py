"""Models behind the chat completions API, at OpenAI and at the servers that speak it."""

from collections.abc import AsyncIterator

from copilot_kit.errors import BadAnswer, InvalidRequest, ModelError
from copilot_kit.events import Event, Failed, closing
from copilot_kit.http import within
from copilot_kit.profile import Profile
from copilot_kit.request import Request
from copilot_kit.response import Response
from copilot_kit.sending import check_asked
from copilot_kit.sse import Splitter
from copilot_kit_openai.chat_answer import Asked
from copilot_kit_openai.chat_request import ChatEncoder, Outgoing
from copilot_kit_openai.chat_stream import Reading
from copilot_kit_openai.client import Connection, Reply
from copilot_kit_openai.dialects import Dialect
from copilot_kit_openai.failures import sdk_failure, status_failure, truncated
from copilot_kit_openai.profiles import profile_for

_ERROR = 400
_STREAM_BEGINS = b"d:eir\xef"  # data, a comment, event, id, retry, or a byte order mark


class ChatModel:
    """A model that is asked through `/chat/completions`; `server` is its address, if not its provider's own."""

    def __init__(
        self,
        provider: str,
        model: str,
        *,
        dialect: Dialect,
        connection: Connection,
        profile: Profile | None = None,
        server: str | None = None,
    ) -> None:
        self.server = server
        self._id = f"{provider}:{model}"
        self._model = model
        self._dialect = dialect
        self._connection = connection
        self._profile = profile if profile is not None else profile_for(dialect.name, model)
        self._encoder = ChatEncoder(dialect, model, self._profile)

    @property
    def id(self) -> str:
        """The name to open it by again."""
        return self._id

    @property
    def profile(self) -> Profile:
        """What it can do."""
        return self._profile

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yield the answer as it comes."""
        check_asked(self._id, self.server)
        outgoing = self._encoder.encode(request)
        if (refusal := self._unsupported(request, outgoing)) is not None:
            yield Failed(refusal)
            return
        reading = Reading(Asked(self._id, self._dialect, self._model, outgoing))
        async with closing(self._events(outgoing, reading)) as events:
            try:
                async for event in within(events, request.settings, model=self._id):
                    yield event
            except Exception as error:
                failure = sdk_failure(error, model=self._id, started=reading.begun)
                if failure is None:
                    raise
                yield Failed(failure, _so_far(reading))

    def _unsupported(self, request: Request, outgoing: Outgoing) -> ModelError | None:
        lost = [receipt for receipt in outgoing.dropped if receipt.kind in {"setting", "tool", "feature"}]
        if request.settings.on_unsupported == "drop" or not lost:
            return None
        said = "; ".join(f"{receipt.name}: {receipt.reason}" for receipt in lost)
        return InvalidRequest(
            f"{self._id} cannot take {said}. Leave it out, or set on_unsupported='drop'.",
            param=lost[0].name,
            model=self._id,
        )

    async def _events(self, outgoing: Outgoing, reading: Reading) -> AsyncIterator[Event]:
        """Post the request and yield what comes of it; raises what goes wrong."""
        async with self._connection.post("/chat/completions", outgoing.content, stream=outgoing.stream) as reply:
            if reply.status >= _ERROR:
                raise status_failure(reply.status, reply.headers, await reply.read(), model=self._id)
            try:
                async for event in self._streamed(reply, reading) if outgoing.stream else _whole(reply, reading):
                    yield event
            except (LookupError, TypeError, AttributeError, ValueError) as error:
                if sdk_failure(error, model=self._id, started=reading.begun) is not None:
                    raise
                what = f"{type(error).__name__}: {error}".splitlines()[0]
                raise BadAnswer(
                    f"{self._id} sent something that is no answer of the chat completions API ({what}). "
                    "Try again, or check the base URL.",
                    model=self._id,
                    started=reading.begun,
                ) from error

    async def _streamed(self, reply: Reply, reading: Reading) -> AsyncIterator[Event]:
        splitter, body, seen = Splitter(), b"", False
        async for chunk in reply.chunks():
            if not seen and (head := chunk.lstrip()[:1]):
                seen, body = True, b"" if head in _STREAM_BEGINS else chunk
            elif body:  # no stream at all: the whole answer, an error, or a gateway's page
                body += chunk
            if not body:
                for event in _read(splitter, chunk, reading):
                    yield event
            if reading.done:
                break
        if body:
            for event in reading.whole(body):
                yield event
            return
        if not reading.done:
            for event in self._tail(splitter, reading):
                yield event
        for event in reading.finish():
            yield event

    def _tail(self, splitter: Splitter, reading: Reading) -> list[Event]:
        """Return the events of a last line that nothing ended; a piece of JSON there is a cut."""
        try:
            return [event for block in splitter.rest() for event in reading.feed(block.data)]
        except ModelError as error:
            if isinstance(error.__cause__, ValueError):
                raise truncated(self._id, started=reading.begun, missing="the end of a chunk") from error
            raise


def _so_far(reading: Reading) -> Response | None:
    try:
        return reading.partial()
    except (TypeError, ValueError):  # what came cannot even be kept
        return None


async def _whole(reply: Reply, reading: Reading) -> AsyncIterator[Event]:
    body = await reply.read()
    if body.lstrip()[:5] != b"data:":
        for event in reading.whole(body):
            yield event
        return
    for event in _read(Splitter(), body, reading):  # it streams although nobody asked
        yield event
    for event in reading.finish():
        yield event


def _read(splitter: Splitter, chunk: bytes, reading: Reading) -> list[Event]:
    return [event for block in splitter.feed(chunk) for event in reading.feed(block.data)]
