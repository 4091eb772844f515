"""Whatever a server sends, a stream ends in a whole answer or in a typed failure, and nothing is raised."""

import asyncio
import json

import httpx2
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot_kit.events import Ended, Failed, parts_of
from copilot_kit.messages import user
from copilot_kit.request import Request
from copilot_kit.response import Response
from copilot_kit_anthropic.messages import MessagesModel

ASK = Request(messages=(user("?"),))
JUNK = st.sampled_from([None, 1, -1, True, "", "x", [], [1], {}, {"type": "x"}, {"type": 1}])
INDEX = st.integers(0, 2) | JUNK
KINDS = ["text", "thinking", "redacted_thinking", "tool_use", "server_tool_use", "web_search_tool_result", "image", "x"]
BLOCKS = JUNK | st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS)},
    optional={"text": JUNK, "thinking": JUNK, "id": JUNK, "name": JUNK, "input": JUNK, "citations": JUNK,
              "tool_use_id": JUNK, "content": JUNK, "source": JUNK, "data": JUNK, "signature": JUNK},
)  # fmt: skip
DELTAS = JUNK | st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            ["text_delta", "thinking_delta", "input_json_delta", "signature_delta", "citations_delta", "x_delta"]
        )
    },
    optional={"text": JUNK, "thinking": JUNK, "partial_json": JUNK, "signature": JUNK, "citation": JUNK},
)
USAGE = JUNK | st.dictionaries(st.sampled_from(["input_tokens", "output_tokens", "output_tokens_details"]), JUNK)
MESSAGE = JUNK | st.fixed_dictionaries(
    {}, optional={"id": JUNK, "model": JUNK, "usage": USAGE, "content": JUNK | st.lists(BLOCKS, max_size=3),
                  "stop_reason": JUNK | st.just("max_tokens"), "stop_details": JUNK, "error": JUNK},
)  # fmt: skip
REASON = st.fixed_dictionaries({}, optional={"stop_reason": JUNK | st.sampled_from(["tool_use", "max_tokens"])})
EVENTS = st.one_of(
    JUNK,
    st.builds(lambda m: {"type": "message_start", "message": m}, MESSAGE),
    st.builds(lambda i, b: {"type": "content_block_start", "index": i, "content_block": b}, INDEX, BLOCKS),
    st.builds(lambda i, d: {"type": "content_block_delta", "index": i, "delta": d}, INDEX, DELTAS),
    st.builds(lambda i: {"type": "content_block_stop", "index": i}, INDEX),
    st.builds(lambda d, u: {"type": "message_delta", "delta": d, "usage": u}, JUNK | REASON, USAGE),
    st.just({"type": "message_stop"}),
    st.builds(lambda e: {"type": "error", "error": e}, JUNK),
)


def _told(reply: httpx2.Response, delivery: str):
    async def run():
        client = httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: reply))
        model = MessagesModel("anthropic", "claude-x", http_client=client, api_key="k")
        request = ASK.model_copy(update={"delivery": delivery})
        return [event async for event in model.stream(request)]

    return asyncio.run(run())


def _assert_sound(events) -> None:
    assert [isinstance(event, Ended | Failed) for event in events].index(True) == len(events) - 1
    last = events[-1]
    response = last.response if isinstance(last, Ended) else last.partial
    if isinstance(last, Ended):
        assert parts_of(events) == response.message.parts
    if response is not None:
        assert Response.model_validate_json(response.model_dump_json()) == response


@given(events=st.lists(EVENTS, max_size=12))
@settings(max_examples=200, deadline=None)
def test_a_stream_of_odd_events_ends_soundly(events):
    body = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    _assert_sound(_told(httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body), "stream"))


@given(body=MESSAGE)
@settings(max_examples=150, deadline=None)
def test_an_odd_body_ends_soundly(body):
    for status in (200, 400):
        _assert_sound(_told(httpx2.Response(status, json=body), "whole"))


@given(
    body=st.binary(max_size=60), kind=st.sampled_from(["text/event-stream", "application/vnd.amazon.eventstream", ""])
)
@settings(max_examples=150, deadline=None)
def test_random_bytes_end_soundly(body, kind):
    for status in (200, 500):
        _assert_sound(_told(httpx2.Response(status, headers={"content-type": kind}, content=body), "stream"))
