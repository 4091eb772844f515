"""A Responses API in the process: what was sent to it, and what it answers, are in the test's hands."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from copilot_kit.events import Ended, Event, Failed, closing
from copilot_kit.profile import Profile
from copilot_kit.request import Request
from copilot_kit_openai.client import Connection, Endpoint
from copilot_kit_openai.dialects import DIALECTS
from copilot_kit_openai.responses import ResponsesModel

BODY = {"id": "resp_1", "object": "response", "status": "completed", "model": "gpt-test-2026", "error": None,
        "incomplete_details": None, "output": [], "usage": {"input_tokens": 3, "output_tokens": 2}}  # fmt: skip


class Pieces(httpx2.AsyncByteStream):
    """A body in pieces; `fault` is raised after the last."""

    def __init__(self, pieces: Sequence[bytes], fault: Exception | None = None):
        self.pieces, self.fault, self.closed = pieces, fault, False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece
        if self.fault is not None:
            raise self.fault

    async def aclose(self) -> None:
        self.closed = True


@dataclass
class Line:
    """A model and the requests that it sent."""

    model: ResponsesModel
    sent: list[httpx2.Request] = field(default_factory=list)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.sent]

    async def events(self, request: Request) -> list[Event]:
        async with closing(self.model.stream(request)) as events:
            return [event async for event in events]

    async def ask(self, request: Request) -> Any:
        """The response, or the `Failed` event."""
        last = (await self.events(request))[-1]
        return last.response if isinstance(last, Ended) else last if isinstance(last, Failed) else None

    async def body(self, request: Request) -> dict[str, Any]:
        """What is sent for a request."""
        await self.ask(request)
        return self.bodies[-1]


def _response(reply: Any) -> httpx2.Response:
    if isinstance(reply, httpx2.Response):
        return reply
    if isinstance(reply, dict):
        return httpx2.Response(200, json=BODY | reply)
    stream = reply if isinstance(reply, Pieces) else Pieces([reply])
    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=stream)


@pytest.fixture
def line() -> Callable[..., Line]:
    """Open a model whose provider gives these replies in turn: fields of a body, bytes of a stream, or a response."""

    def opened(
        *replies: Any, model: str = "gpt-test", provider: str = "openai", profile: Profile | None = None
    ) -> Line:
        left = list(replies or [{}])

        def answer(request: httpx2.Request) -> httpx2.Response:
            found.sent.append(request)
            return _response(left.pop(0) if len(left) > 1 else left[0])

        client = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
        connection = Connection(Endpoint(provider, "https://model.test/v1", "key"), http_client=client)
        dialect = DIALECTS[provider]
        found = Line(ResponsesModel(provider, model, dialect=dialect, connection=connection, profile=profile))
        return found

    return opened


@pytest.fixture
def sse() -> Callable[..., bytes]:
    """Write events as the provider does."""

    def written(*events: dict[str, Any]) -> bytes:
        return b"".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in events)

    return written


@pytest.fixture
def streamed(sse: Callable[..., bytes]) -> Callable[..., bytes]:
    """Write a whole stream of these items, each with the events that come between its first and last."""

    def written(*items: tuple[dict[str, Any], list[dict[str, Any]]], **end: Any) -> bytes:
        empty = {"content": [], "arguments": "", "input": ""}
        events: list[dict[str, Any]] = [{"type": "response.created", "response": BODY | {"status": "in_progress"}}]
        for place, (item, between) in enumerate(items):
            begun = {key: empty.get(key, value) for key, value in item.items()} | {"status": "in_progress"}
            events.append({"type": "response.output_item.added", "output_index": place, "item": begun})
            events += [{"output_index": place, "item_id": item.get("id"), "content_index": 0} | e for e in between]
            events.append({"type": "response.output_item.done", "output_index": place, "item": item})
        done = BODY | {"output": [item for item, _ in items]} | end
        return sse(*events, {"type": f"response.{done['status']}", "response": done})

    return written


@pytest.fixture
def recorded(shared: Path) -> Callable[[str], list[dict[str, Any]]]:
    """Return the interactions of a recorded exchange."""

    def read(name: str) -> list[dict[str, Any]]:
        return json.loads((shared / "wire" / "exchanges" / f"{name}.json").read_text())["interactions"]

    return read


@pytest.fixture
def played(line: Callable[..., Line], recorded: Callable[[str], list[dict[str, Any]]]) -> Callable[..., Line]:
    """Open a model that answers with the recorded answers of an exchange."""

    def opened(name: str, *, steps: slice = slice(None), provider: str = "openai") -> Line:
        interactions = recorded(name)[steps]
        replies = []
        for interaction in interactions:
            answer = interaction["response"]
            headers = {k: v for k, v in answer["headers"].items() if k != "content-length"}
            pieces = [c.encode() for c in answer.get("chunks") or ()] or [json.dumps(answer.get("json")).encode()]
            replies.append(httpx2.Response(answer["status"], headers=headers, stream=Pieces(pieces)))
        return line(*replies, model=interactions[0]["request"]["json"]["model"], provider=provider, profile=Profile())

    return opened
