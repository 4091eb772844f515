"""A Messages API in the process: what was sent to it, and what it answers, are in the test's hands."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from copilot_kit.events import Ended, Event, Failed, closing
from copilot_kit.request import Request
from copilot_kit_anthropic.messages import MessagesModel

NO_CONTENT = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-test", "content": [],
    "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
}  # fmt: skip


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

    model: MessagesModel
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


def _response(reply: Any) -> httpx2.Response:
    if isinstance(reply, httpx2.Response):
        return reply
    if isinstance(reply, dict):
        return httpx2.Response(200, json=NO_CONTENT | reply)
    stream = reply if isinstance(reply, Pieces) else Pieces([reply])
    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=stream)


@pytest.fixture
def line() -> Callable[..., Line]:
    """Open a model whose provider gives these replies in turn: a message, bytes of a stream, or a response."""

    def opened(*replies: Any, model: str = "claude-sonnet-4-5", provider: str = "anthropic", **more: Any) -> Line:
        left = list(replies or [{}])

        def answer(request: httpx2.Request) -> httpx2.Response:
            found.sent.append(request)
            return _response(left.pop(0) if len(left) > 1 else left[0])

        client = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
        found = Line(MessagesModel(provider, model, http_client=client, api_key="key", **more))
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
    """Write a whole stream of these blocks, each as its start and its deltas."""

    def written(*blocks: tuple[dict[str, Any], list[dict[str, Any]]], stop: str = "end_turn", **delta: Any) -> bytes:
        events: list[dict[str, Any]] = [{"type": "message_start", "message": NO_CONTENT | {"stop_reason": None}}]
        for index, (start, deltas) in enumerate(blocks):
            events.append({"type": "content_block_start", "index": index, "content_block": start})
            events += [{"type": "content_block_delta", "index": index, "delta": d} for d in deltas]
            events.append({"type": "content_block_stop", "index": index})
        events.append({"type": "message_delta", "delta": {"stop_reason": stop} | delta, "usage": {"output_tokens": 9}})
        return sse(*events, {"type": "message_stop"})

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

    def opened(name: str, *, model: str | None = None, steps: slice = slice(None)) -> Line:
        interactions = recorded(name)[steps]
        replies = []
        for interaction in interactions:
            answer = interaction["response"]
            headers = {k: v for k, v in answer["headers"].items() if k != "content-length"}
            pieces = [c.encode() for c in answer.get("chunks") or ()] or [json.dumps(answer.get("json")).encode()]
            fault = httpx2.RemoteProtocolError("peer closed connection") if answer.get("close") else None
            replies.append(httpx2.Response(answer["status"], headers=headers, stream=Pieces(pieces, fault)))
        return line(*replies, model=model or interactions[0]["request"]["json"]["model"])

    return opened
