"""Streams: only a whole one is an answer, wherever it is cut and whatever comes in between."""

import asyncio
import base64
import json
import zlib

import httpx2
import pytest

from copilot_kit.errors import BadAnswer, Overloaded, ProviderFailed, RateLimited, TimedOut, TransportFailed
from copilot_kit.events import Ended, Failed, PartDelta, PartEnd, PartStart, closing, parts_of
from copilot_kit.messages import Text, ToolCall, user
from copilot_kit.request import Request, Settings

ASK = Request(messages=(user("?"),))
HELLO = ({"type": "text", "text": ""}, [{"type": "text_delta", "text": piece} for piece in ("Hel", "lo ", "wörld")])
CALL = (
    {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}},
    [{"type": "input_json_delta", "partial_json": piece} for piece in ("", '{"q":', '"ü"}')],
)


async def test_trap_27_a_tidy_end_without_the_end_mark_is_a_failure(line, streamed):
    whole = streamed(HELLO)
    cut = whole[: whole.rindex(b"event: message_stop")]
    failed = await line(cut).ask(ASK)
    assert isinstance(failed.error, TransportFailed)
    assert (failed.error.started, failed.partial.text, failed.partial.state) == (True, "Hello wörld", "partial")


async def test_trap_27_an_end_mark_without_a_reason_to_stop_is_a_failure(line, sse):
    events = sse({"type": "message_start", "message": {"id": "m", "model": "x"}}, {"type": "message_stop"})
    failed = await line(events).ask(ASK)
    assert isinstance(failed.error, TransportFailed)


@pytest.mark.parametrize(
    "name",
    [
        "anthropic-messages-stream-parallel-tools",
        "anthropic-messages-stream-server-fallback-block",
        "anthropic-messages-stream-refusal-after-partial-text",
        "anthropic-messages-stream-thinking-tool-round-trip",
    ],
)
async def test_trap_18_and_27_a_recorded_stream_cut_at_every_byte_never_gives_half_a_call(line, recorded, name):
    await _cut(line, recorded(name), step=1)


async def test_trap_18_and_27_a_long_recorded_stream_cut_at_every_eleventh_byte_gives_no_half(line, recorded):
    await _cut(line, recorded("anthropic-messages-stream-redacted-thinking"), step=11)


async def _cut(line, interactions, *, step: int) -> None:
    whole = "".join(interactions[0]["response"]["chunks"]).encode()
    complete = await line(whole).ask(ASK)
    end = whole.index(b'"message_stop"', whole.index(b"data:", whole.rindex(b"event: message_stop")))
    good = [call.args_json for call in complete.message.calls]
    for place in range(0, len(whole), step):
        events = await line(whole[:place]).events(ASK)
        if place > whole.index(b"}", end):
            assert isinstance(events[-1], Ended)
            continue
        failed = events[-1]
        assert isinstance(failed, Failed), place
        assert isinstance(failed.error, TransportFailed | BadAnswer), place
        told = [event for event in events if isinstance(event, PartEnd)]
        assert failed.error.started == any(isinstance(event, PartStart) for event in events)
        assert all(event.part.args_json in good for event in told if isinstance(event.part, ToolCall)), place
        if failed.partial is not None:
            assert failed.partial.calls == ()
            assert complete.text.startswith(failed.partial.text)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 100_000])
async def test_a_stream_says_the_same_however_the_network_cut_it(line, streamed, size):
    whole = streamed(HELLO, CALL, stop="tool_use")
    from_pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    pieces = httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=_Pieces(from_pieces))
    response = await line(pieces).ask(ASK)
    assert response.text == "Hello wörld"
    assert [call.args_json for call in response.calls] == ['{"q":"ü"}']


class _Pieces(httpx2.AsyncByteStream):
    def __init__(self, pieces, *, wait_s: float = 0, fault: Exception | None = None):
        self.pieces, self.wait_s, self.fault, self.closed = pieces, wait_s, fault, False

    async def __aiter__(self):
        for piece in self.pieces:
            yield piece
            await asyncio.sleep(self.wait_s)
        if self.fault is not None:
            raise self.fault

    async def aclose(self):
        self.closed = True


def _over(stream: _Pieces) -> httpx2.Response:
    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=stream)


async def test_trap_28_crlf_comments_pings_padding_and_unknown_events_are_passed_over(line, streamed):
    noisy = streamed(HELLO).replace(
        b"}\n\n", b"}      \n\n: a comment\n\n" + b'event: ping\ndata: {"type": "ping"}\n\n'
    )
    noisy = noisy.replace(
        b"event: message_stop", b'event: news\ndata: {"type": "news", "x": [1]}\n\nevent: message_stop'
    )
    response = await line(noisy.replace(b"\n", b"\r\n")).ask(ASK)
    assert (response.text, response.state) == ("Hello wörld", "complete")


async def test_trap_28_streams_without_event_names_or_content_type_are_read(line, streamed):
    bare = b"\n\n".join(block.split(b"\n")[1] for block in streamed(HELLO).split(b"\n\n") if block) + b"\n\n"
    response = await line(httpx2.Response(200, content=bare)).ask(ASK)
    assert response.text == "Hello wörld"


async def test_trap_29_the_last_usage_counts_and_nulls_do_not_erase(line, sse):
    events = sse(
        {"type": "message_start", "message": {"id": "m", "model": "x", "usage": {
            "input_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 7, "output_tokens": 1}}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {
            "output_tokens": 42, "input_tokens": None, "output_tokens_details": {"thinking_tokens": 30}}},
        {"type": "message_stop"},
    )  # fmt: skip
    usage = (await line(events).ask(ASK)).usage
    assert (usage.input, usage.cache_read, usage.cache_write, usage.output, usage.reasoning) == (112, 100, 7, 42, 30)


@pytest.mark.parametrize(
    ("kind", "error"),
    [("overloaded_error", Overloaded), ("api_error", ProviderFailed), ("rate_limit_error", RateLimited)],
)
async def test_trap_30_an_error_inside_a_good_stream_is_typed_and_keeps_the_partial_answer(
    line, sse, streamed, kind, error
):
    whole = streamed(HELLO)
    begun = whole[: whole.index(b"event: content_block_stop")]
    fault = sse({"type": "error", "error": {"type": kind, "message": "Overloaded"}, "request_id": "req_9"})
    failed = await line(begun + fault).ask(ASK)
    assert type(failed.error) is error
    assert (failed.error.started, failed.error.retryable, failed.error.request_id) == (True, True, "req_9")
    assert failed.partial.text == "Hello wörld"


async def test_trap_30_an_error_before_any_output_may_be_retried_without_repeating_anything(line, sse):
    begun = {"type": "message_start", "message": {"id": "m", "model": "x", "usage": {"input_tokens": 3}}}
    fault = {"type": "error", "error": {"type": "overloaded_error", "message": "x"}}
    failed = await line(sse(fault)).ask(ASK)
    assert (type(failed.error), failed.error.started, failed.partial) == (Overloaded, False, None)
    failed = await line(sse(begun, {"type": "ping"}, fault)).ask(ASK)
    assert (type(failed.error), failed.error.started, failed.partial.usage.input) == (Overloaded, False, 3)


async def test_an_event_that_is_no_json_is_a_bad_answer_and_keeps_what_came_before(line, streamed):
    whole = streamed(HELLO)
    broken = whole.replace(b'"lo "', b'"lo ')
    failed = await line(broken).ask(ASK)
    assert type(failed.error) is BadAnswer
    assert failed.partial.text == "Hel"


async def test_half_a_surrogate_pair_becomes_a_question_mark(line, streamed):
    response = await line(streamed(HELLO).replace(b"Hel", b"Hel\\ud83d")).ask(ASK)
    assert response.text == "Hel?lo wörld"


@pytest.mark.parametrize(
    "fault", [httpx2.ReadTimeout("silent"), httpx2.RemoteProtocolError("gone"), httpx2.ReadError("reset")]
)
async def test_a_line_that_is_lost_in_mid_answer_is_our_error_with_the_partial_answer(line, streamed, fault):
    whole = streamed(HELLO)
    stream = _Pieces([whole[: whole.index(b"event: content_block_stop")]], fault=fault)
    failed = await line(_over(stream)).ask(ASK)
    assert type(failed.error) is (TimedOut if isinstance(fault, httpx2.ReadTimeout) else TransportFailed)
    assert (failed.error.started, failed.partial.text) == (True, "Hello wörld")
    assert stream.closed


async def test_the_deadline_ends_a_stream_with_what_came(line, streamed):
    whole = streamed(HELLO)
    stream = _Pieces([whole[: whole.index(b"event: content_block_stop")], b""], wait_s=5)
    failed = await line(_over(stream)).ask(ASK.model_copy(update={"settings": Settings(deadline_s=0.05)}))
    assert type(failed.error) is TimedOut
    assert (failed.error.phase, failed.partial.text) == ("deadline", "Hello wörld")
    assert stream.closed


async def test_closing_early_closes_the_connection(line, streamed):
    stream = _Pieces([streamed(HELLO).partition(b"event: content_block_stop")[0], b""], wait_s=5)
    async with closing(line(_over(stream)).model.stream(ASK)) as events:
        async for event in events:
            if isinstance(event, PartDelta):
                break
    assert stream.closed


async def test_the_end_is_told_after_the_body_was_read_so_that_the_connection_is_used_again(line, streamed):
    stream = _Pieces([streamed(HELLO), b"\n"])
    async with closing(line(_over(stream)).model.stream(ASK)) as events:
        async for event in events:
            if isinstance(event, Ended):
                assert stream.closed


async def test_an_empty_stream_is_a_failure_that_did_not_start(line):
    for reply in (httpx2.Response(200, headers={"content-type": "text/event-stream"}), httpx2.Response(200)):
        failed = await line(reply).ask(ASK)
        assert isinstance(failed.error, TransportFailed | BadAnswer)
        assert (failed.error.started, failed.partial) == (False, None)


async def test_a_whole_answer_gives_the_same_parts_as_a_stream_of_it(line, streamed):
    whole = {
        "content": [{"type": "text", "text": "Hello wörld"}, {**CALL[0], "input": {"q": "ü"}}],
        "stop_reason": "tool_use",
    }
    first = await line(whole).events(ASK.model_copy(update={"delivery": "whole"}))
    second = await line(streamed(HELLO, CALL, stop="tool_use")).events(ASK)
    assert [part.model_dump(exclude={"call_id"}) for part in parts_of(first)] == [
        part.model_dump(exclude={"call_id"}) for part in parts_of(second)
    ]


def _frame(payload: bytes, **headers: str) -> bytes:
    named = b"".join(
        bytes([len(n)]) + n + b"\x07" + len(v).to_bytes(2, "big") + v
        for n, v in ((f":{k.replace('_', '-')}".encode(), v.encode()) for k, v in headers.items())
    )
    head = (16 + len(named) + len(payload)).to_bytes(4, "big") + len(named).to_bytes(4, "big")
    body = head + zlib.crc32(head).to_bytes(4, "big") + named + payload
    return body + zlib.crc32(body).to_bytes(4, "big")


def _framed(whole: bytes) -> list[bytes]:
    data = [block.split(b"data: ")[1] for block in whole.split(b"\n\n") if block]
    return [_frame(json.dumps({"bytes": base64.b64encode(d).decode()}).encode(), event_type="chunk") for d in data]


BEDROCK = {"content-type": "application/vnd.amazon.eventstream"}


async def test_frames_of_bedrock_are_read_however_they_are_cut(line, streamed):
    frames = b"".join(_framed(streamed(HELLO)))
    for size in (1, 10, 1000):
        pieces = _Pieces([frames[at : at + size] for at in range(0, len(frames), size)])
        talk = line(httpx2.Response(200, headers=BEDROCK, stream=pieces), provider="bedrock", path="/model/m/invoke")
        response = await talk.ask(ASK)
        assert response.text == "Hello wörld"
        assert "model" not in talk.bodies[0]


async def test_trap_28_an_exception_in_a_frame_is_typed(line, streamed):
    begun = _framed(streamed(HELLO))[:4]
    fault = _frame(b'{"message":"Too many requests"}', message_type="exception", exception_type="throttlingException")
    failed = await line(httpx2.Response(200, headers=BEDROCK, content=b"".join([*begun, fault]))).ask(ASK)
    assert type(failed.error) is RateLimited
    assert failed.partial.message.parts == (Text(text="Hello "),)


async def test_a_frame_whose_checksum_is_wrong_is_a_bad_answer(line, streamed):
    frames = bytearray(b"".join(_framed(streamed(HELLO))))
    frames[-10] ^= 1
    failed = await line(httpx2.Response(200, headers=BEDROCK, content=bytes(frames))).ask(ASK)
    assert type(failed.error) is BadAnswer
