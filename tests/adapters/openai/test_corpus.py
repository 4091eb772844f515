"""Recorded traffic through the chat adapter, both ways, and cut at every byte."""

import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest

from copilot_kit.conformance import check_recording, recordings
from copilot_kit.events import Ended, Failed, PartEnd, parts_of
from copilot_kit.messages import ToolCall, user
from copilot_kit.request import Request
from copilot_kit.response import Response
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


ODD_VALUES: tuple[Any, ...] = (None, True, -1, 3.5, "", "x", [], [1], {}, {"a": 1})


def _places(told: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    return [place, *[found for key, value in inner for found in _places(value, (*place, key))]]


def _with_an_odd_value(told: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    *way, last = chance.choice(_places(told)[1:])
    changed: dict[str, Any] = json.loads(json.dumps(told))
    place: Any = changed
    for step in way:
        place = place[step]
    place[last] = chance.choice(ODD_VALUES)
    return changed


@pytest.mark.parametrize("seed", range(6))
async def test_an_answer_with_a_value_of_another_type_is_read_or_fails_but_never_raises(
    shared: Path, seed: int
) -> None:
    chance = random.Random(seed)
    line = Line()
    model = ChatModel("openrouter", "m", dialect=DIALECTS["openrouter"], connection=cast("Connection", line))
    bodies = [i.response.body for r in recordings(shared / "wire") if r.api == "chat" for i in r.interactions
              if i.response.status == 200 and isinstance(i.response.body, dict)]  # fmt: skip
    for _ in range(100):
        line.body = json.dumps(_with_an_odd_value(chance.choice(bodies), chance)).encode()
        events = [event async for event in model.stream(Request(messages=(user("?"),)))]
        last = events[-1]
        assert isinstance(last, Ended | Failed)
        if isinstance(last, Ended):
            assert parts_of(events) == last.response.message.parts
            assert Response.model_validate_json(last.response.model_dump_json()) == last.response
