"""Recorded traffic through the chat adapter, both ways, and cut at every byte."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import httpx2
import pytest

from copilot_kit.conformance import check_recording, recordings
from copilot_kit.events import Failed, PartEnd
from copilot_kit.messages import ToolCall
from copilot_kit_openai.chat import ChatModel
from copilot_kit_openai.check import CHECK
from copilot_kit_openai.client import Connection, Reply
from copilot_kit_openai.dialects import DIALECTS

pytestmark = pytest.mark.anyio

CUT_RECORDINGS = (
    "openai-chat-stream-tool-round-trip",
    "openai-chat-stream-tool-arguments-null",
    "openrouter-chat-stream-tools",
    "deepseek-chat-reasoning-round-trip",
    "mistral-chat-stream-tools",
    "databricks-chat-tools",
)


async def test_every_recorded_chat_is_sent_and_understood_as_recorded(shared: Path) -> None:
    judged = [await check_recording(r, {"openai": CHECK}) for r in recordings(shared / "wire") if "chat" in r.api]
    assert [v.differences for v in judged if v.status == "failed"] == []
    assert sum(v.status == "passed" for v in judged) >= 100


class Line:
    """A connection over which one body comes, and then the line ends."""

    def __init__(self) -> None:
        self.body = b""

    @asynccontextmanager
    async def post(self, path: str, content: bytes, *, stream: bool) -> AsyncIterator[Reply]:
        assert (path, stream, content[:1]) == ("/chat/completions", True, b"{")
        yield Reply(httpx2.Response(200, content=self.body))


@pytest.mark.parametrize("name", CUT_RECORDINGS)
async def test_a_stream_cut_at_any_byte_is_a_typed_failure_without_a_call_to_run(shared: Path, name: str) -> None:
    recording = next(r for r in recordings(shared / "wire") if r.id == name)
    small = [n for n, i in enumerate(recording.interactions) if 0 < sum(map(len, i.response.chunks or ())) < 4_000]
    assert small
    for number in small[:2]:
        interaction = recording.interactions[number]
        provider, api = recording.speaker(number)
        _, request = CHECK.parse_request(provider, api, interaction.request.body)
        line = Line()
        model = ChatModel(provider, "m", dialect=DIALECTS[provider], connection=cast("Connection", line))
        body = b"".join(interaction.response.pieces)
        for length in range(len(body.rstrip()) - len(b"[DONE]")):
            line.body = body[:length]
            events = [event async for event in model.stream(request)]
            last = events[-1]
            if provider == "databricks" and not isinstance(last, Failed):
                assert b'"finish_reason":"' in line.body  # no end mark is known there: the reason must do
                continue
            assert isinstance(last, Failed), (length, last)
            assert type(last.error).__name__ == "TransportFailed"
            assert not [e for e in events if isinstance(e, PartEnd) and isinstance(e.part, ToolCall)]
            if last.partial is not None:
                assert last.partial.state == "partial"
                assert not [p for p in last.partial.message.parts if isinstance(p, ToolCall)]
