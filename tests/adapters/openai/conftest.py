"""A provider that answers from a script, in the process, behind the official SDK."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from copilot_kit.events import Event
from copilot_kit.model import complete
from copilot_kit.profile import Profile
from copilot_kit.request import Request
from copilot_kit.response import Response
from copilot_kit_openai.chat import ChatModel
from copilot_kit_openai.client import Connection, Endpoint
from copilot_kit_openai.dialects import DIALECTS


@dataclass
class Answer:
    """One reply of the scripted provider: a body in pieces."""

    pieces: Sequence[bytes]
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    lost: bool = False
    """The connection is lost after the last piece."""


@dataclass
class Provider(httpx2.AsyncBaseTransport, httpx2.AsyncByteStream):
    """A scripted provider, the model in front of it, and what it was sent."""

    name: str
    answers: list[Answer]
    profile: Profile
    sent: list[dict[str, Any]] = field(default_factory=list)
    requests: list[httpx2.Request] = field(default_factory=list)
    closed: int = 0
    current: Answer | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        self.sent.append(json.loads(await request.aread()))
        self.current = self.answers[min(len(self.sent), len(self.answers)) - 1]
        return httpx2.Response(self.current.status, headers=self.current.headers, stream=self, request=request)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert self.current is not None
        for piece in self.current.pieces:
            yield piece
        if self.current.lost:
            raise httpx2.RemoteProtocolError("peer closed connection without sending complete message body")

    async def aclose(self) -> None:
        self.closed += 1

    def model(self, name: str = "a-model") -> ChatModel:
        connection = Connection(Endpoint(self.name, "https://provider.invalid/v1", "key"),
                                http_client=httpx2.AsyncClient(transport=self))  # fmt: skip
        return ChatModel(self.name, name, dialect=DIALECTS[self.name], connection=connection, profile=self.profile)

    async def events(self, request: Request) -> list[Event]:
        return [event async for event in self.model().stream(request)]

    async def answer(self, request: Request) -> Response:
        return await complete(self.model(), request)


def as_json(body: Any, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer([json.dumps(body).encode()], status, {"content-type": "application/json", **named})


def as_stream(*chunks: Any, done: bool = True, lost: bool = False) -> Answer:
    pieces = [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks]
    pieces += [b"data: [DONE]\n\n"] if done else []
    return Answer(pieces, headers={"content-type": "text/event-stream"}, lost=lost)


def message(content: Any = "Hello.", finish: str | None = "stop", **fields: Any) -> dict[str, Any]:
    """A whole answer."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **fields}}
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": "a-model-2026-01-01", "choices": [choice]}


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    """A chunk of a stream."""
    choice = {"index": 0, "finish_reason": finish, "delta": fields}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "a-model-2026-01-01", "choices": [choice]}


class Wire:
    """What the tests of this folder speak with."""

    json = staticmethod(as_json)
    stream = staticmethod(as_stream)
    message = staticmethod(message)
    delta = staticmethod(delta)
    raw = Answer

    @staticmethod
    def provider(name: str, *answers: Answer, profile: Profile | None = None) -> Provider:
        return Provider(name, list(answers) or [as_json(message())], profile or Profile())


@pytest.fixture
def wire() -> Wire:
    return Wire()
