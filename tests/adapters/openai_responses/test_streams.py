"""Streams: only a whole one is an answer, wherever it is cut and whatever comes in between."""

import asyncio
import json

import httpx2
import pytest

from copilot_kit.errors import BadAnswer, ProviderFailed, QuotaExceeded, RateLimited, TimedOut, TransportFailed
from copilot_kit.events import Ended, Failed, PartDelta, PartEnd, PartStart, Started, closing, parts_of
from copilot_kit.messages import Foreign, Reasoning, Text, ToolCall, user
from copilot_kit.request import OutputSpec, Request, Settings
from copilot_kit.sse import Splitter
from copilot_kit_openai.responses import _last
from copilot_kit_openai.responses_answer import AnswerReader, Asked
from copilot_kit_openai.responses_request import Sent

ASK = Request(messages=(user("?"),))
SAID = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": "Hello wörld", "annotations": [], "logprobs": []}]}  # fmt: skip
WORDS = [{"type": "response.output_text.delta", "delta": piece} for piece in ("Hel", "lo ", "wörld")]
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": '{"q":"ü"}',
        "status": "completed"}  # fmt: skip
ARGS = [{"type": "response.function_call_arguments.delta", "delta": piece} for piece in ('{"q":', '"ü"}')]
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "One."},
           {"type": "summary_text", "text": "Two."}]}  # fmt: skip
SUMMARY = [
    {"type": "response.reasoning_summary_text.delta", "summary_index": n, "delta": piece}
    for n, piece in ((0, "On"), (0, "e."), (1, "Two."))
]


async def test_a_stream_and_a_whole_answer_say_the_same(line, streamed):
    response = await line(streamed((THOUGHT, SUMMARY), (SAID, WORDS), (CALL, ARGS))).ask(ASK)
    whole = await line({"output": [THOUGHT, SAID, CALL]}).ask(ASK.model_copy(update={"delivery": "whole"}))
    assert [p.model_dump(exclude={"call_id"}) for p in response.message.parts] == [
        p.model_dump(exclude={"call_id"}) for p in whole.message.parts
    ]
    assert (response.stop, response.usage, response.response_id) == (whole.stop, whole.usage, whole.response_id)
    assert response.message.wire == whole.message.wire


async def test_the_call_of_the_output_tool_is_the_answer_itself(line, streamed):
    output = OutputSpec(json_schema={"type": "object"}, name="look", mode="tool")
    asked = line(streamed((CALL, ARGS)))
    events = await asked.events(ASK.model_copy(update={"output": output}))
    assert [e.text for e in events if isinstance(e, PartDelta)] == ['{"q":', '"ü"}']
    response = events[-1].response
    assert (response.text, response.calls, response.stop.kind) == ('{"q":"ü"}', (), "end")
    assert asked.bodies[0]["tool_choice"] == "required"
    whole = await line({"output": [CALL]}).ask(Request(messages=ASK.messages, output=output, delivery="whole"))
    assert whole.message.parts == response.message.parts
    again = await line().body(Request(messages=(*ASK.messages, whole.message, user("And?")), delivery="whole"))
    assert again["input"][1] == {"type": "message", "role": "assistant", "content": '{"q":"ü"}'}


async def test_the_pieces_come_as_they_are_said(line, streamed):
    events = await line(streamed((THOUGHT, SUMMARY), (SAID, WORDS))).events(ASK)
    assert isinstance(events[0], Started)
    assert events[0].response_id == "resp_1"
    assert [(e.index, e.text) for e in events if isinstance(e, PartDelta)] == [
        (0, "On"), (0, "e."), (0, "\n\nTwo."), (1, "Hel"), (1, "lo "), (1, "wörld"),
    ]  # fmt: skip
    assert parts_of(events) == events[-1].response.message.parts


async def test_trap_18_a_call_is_finished_only_with_the_answer(line, streamed):
    whole = streamed((CALL, ARGS), (SAID, WORDS))
    events = await line(whole).events(ASK)
    ends = [e.part.type for e in events if isinstance(e, PartEnd)]
    assert ends == ["text", "tool_call"]
    cut = whole[: whole.rindex(b"event: response.completed")]
    events = await line(cut).events(ASK)
    assert not [e for e in events if isinstance(e, PartEnd) and isinstance(e.part, ToolCall)]
    partial = events[-1].partial
    assert partial.message.parts[0] == Foreign(
        kind="copilot_kit.partial_tool_call", value={"name": "look", "args_json": '{"q":"ü"}'}
    )


async def test_trap_27_a_tidy_end_without_the_end_mark_is_a_failure(line, streamed):
    whole = streamed((SAID, WORDS))
    failed = await line(whole[: whole.rindex(b"event: response.completed")]).ask(ASK)
    assert type(failed.error) is TransportFailed
    assert (failed.error.started, failed.partial.text, failed.partial.state) == (True, "Hello wörld", "partial")


async def test_trap_27_no_done_line_is_needed_and_one_does_no_harm(line, streamed):
    assert (await line(streamed((SAID, WORDS)) + b"data: [DONE]\n\n").ask(ASK)).text == "Hello wörld"
    assert type((await line(b"data: [DONE]\n\n").ask(ASK)).error) is TransportFailed


RECORDED = [
    "openai-responses-ping",
    "openai-responses-stream-tool-round-trip",
    "openai-responses-stream-refusal",
    "openai-responses-stream-reasoning-encrypted-tools",
    "xai-responses-stream-tools",
]


def events_of(body):
    """What the adapter makes of the bytes of a stream that ends there, without the network."""
    sent = Sent(b"", {}, (), None)
    reader = AnswerReader(Asked("openai:gpt-test", "gpt-test", "openai", "openai.responses", sent))
    splitter = Splitter()
    events = [event for said in splitter.feed(body) for event in reader.read(said.data)]
    return events if reader.ended else [*events, *_last(reader, splitter)]


@pytest.mark.parametrize("name", RECORDED[:3])
def test_traps_18_and_27_a_recorded_stream_cut_at_every_byte_is_a_typed_failure_without_calls(recorded, name):
    whole = "".join(recorded(name)[0]["response"]["chunks"]).encode()
    said = events_of(whole)[-1].response.text
    for place in range(len(whole)):
        it_is_cut(events_of(whole[:place]), said, at_end=place >= len(whole.rstrip()))


@pytest.mark.parametrize("name", RECORDED)
async def test_traps_18_and_27_a_recorded_stream_cut_anywhere_on_the_line_is_the_same(line, recorded, name):
    whole = "".join(recorded(name)[0]["response"]["chunks"]).encode()
    places = {*range(0, len(whole), 97), *_all(whole, b"\n\n"), *_all(whole, b'"delta":'), len(whole.rstrip()) - 1}
    said = (await line(whole).ask(ASK)).text
    for place in sorted(places):
        it_is_cut(await line(whole[:place]).events(ASK), said, at_end=place >= len(whole.rstrip()))


def it_is_cut(events, said, *, at_end):
    end = events[-1]
    if at_end:
        assert isinstance(end, Ended)
        return
    assert isinstance(end, Failed)
    assert type(end.error) is TransportFailed
    assert not [e for e in events if isinstance(e, PartEnd) and isinstance(e.part, ToolCall)]
    assert end.error.started or not [e for e in events if isinstance(e, PartStart)]
    assert [e for e in events if isinstance(e, Started)] == events[: end.partial is not None]
    if end.partial is not None:
        assert (end.partial.state, end.partial.calls, end.partial.message.calls) == ("partial", (), ())
        assert said.startswith(end.partial.text)


def _all(text, mark):
    place = text.find(mark)
    while place >= 0:
        yield place
        place = text.find(mark, place + 1)


@pytest.mark.parametrize("size", [1, 7, 100, 100_000])
async def test_a_stream_says_the_same_wherever_the_network_cuts_it(line, recorded, size, played):
    name = "openai-responses-stream-web-search"
    whole = "".join(recorded(name)[0]["response"]["chunks"]).encode()
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    from_pieces = await line(httpx2.Response(200, headers={"content-type": "text/event-stream"},
                                             stream=_Pieces(pieces))).ask(ASK)  # fmt: skip
    whole_one = await played(name, steps=slice(0, 1)).ask(ASK)
    assert (from_pieces.text, from_pieces.usage) == (whole_one.text, whole_one.usage)
    assert [c.url for p in from_pieces.message.parts if isinstance(p, Text) for c in p.citations] == [
        c.url for p in whole_one.message.parts if isinstance(p, Text) for c in p.citations
    ]


class _Pieces(httpx2.AsyncByteStream):
    def __init__(self, pieces, *, silent=False):
        self.pieces, self.silent, self.closed = pieces, silent, False

    async def __aiter__(self):
        for piece in self.pieces:
            yield piece
        if self.silent:
            await asyncio.sleep(3600)

    async def aclose(self):
        self.closed = True


async def test_trap_28_keepalive_and_events_nobody_knows_are_passed_over(line, sse, streamed):
    noise = [{"type": "keepalive", "sequence_number": 3}, {"type": "response.hologram.beamed", "output_index": 9},
             {"type": "response.output_text.delta", "delta": "Hello wörld", "obfuscation": "JJoPsx"}]  # fmt: skip
    events = await line(streamed((SAID, noise))).events(ASK)
    assert events[-1].response.text == "Hello wörld"
    assert [e.text for e in events if isinstance(e, PartDelta)] == ["Hello wörld"]


async def test_trap_28_lines_may_end_in_crlf_and_comments_come_in_between(line, streamed):
    whole = streamed((SAID, WORDS)).replace(b"event: response.output_text.delta", b": ping\nevent: x")
    assert (await line(whole.replace(b"\n", b"\r\n")).ask(ASK)).text == "Hello wörld"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"type": "error", "error": {"type": "insufficient_quota", "code": "insufficient_quota", "message": "No."}},
         QuotaExceeded),
        ({"type": "error", "code": "rate_limit_exceeded", "message": "Rate limit reached", "param": None}, RateLimited),
        ({"type": "error", "code": "server_error", "message": "Broken.", "param": None}, ProviderFailed),
        ({"type": "response.failed", "response": {"id": "resp_1", "status": "failed",
          "error": {"code": "server_error", "message": "Broken."}}}, ProviderFailed),
    ],
)  # fmt: skip
async def test_trap_30_an_error_inside_a_stream_is_typed_and_keeps_what_came(line, sse, streamed, fault, kind):
    begun = streamed((SAID, WORDS)).split(b"event: response.output_item.done")[0]
    failed = await line(begun + sse(fault)).ask(ASK)
    assert type(failed.error) is kind
    assert (failed.error.started, failed.partial.text) == (True, "Hello wörld")


async def test_trap_30_an_error_before_any_words_may_be_tried_again(played):
    failed = await played("openai-responses-stream-error-then-failed").ask(ASK)
    assert type(failed.error) is QuotaExceeded
    assert failed.error.started is False


async def test_an_event_that_is_no_json_is_a_bad_answer_with_what_came(line, streamed):
    begun = streamed((SAID, WORDS)).split(b"event: response.output_item.done")[0]
    failed = await line(begun + b"data: {oops\n\n").ask(ASK)
    assert type(failed.error) is BadAnswer
    assert failed.partial.text == "Hello wörld"


@pytest.mark.parametrize("event", [b"[1]", b'"x"', b'{"type":"response.output_item.added"}',
                                   b'{"type":"response.output_text.delta","delta":7,"output_index":0}'])  # fmt: skip
async def test_an_event_of_another_shape_is_a_bad_answer(line, event):
    failed = await line(b"data: " + event + b"\n\n").ask(ASK)
    assert type(failed.error) is BadAnswer


async def test_a_lost_connection_is_a_transport_failure_with_what_came(line, streamed):
    begun = streamed((SAID, WORDS)).split(b"event: response.output_item.done")[0]

    class Lost(_Pieces):
        async def __aiter__(self):
            yield begun
            raise httpx2.RemoteProtocolError("peer closed connection")

    failed = await line(httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Lost([]))).ask(ASK)
    assert type(failed.error) is TransportFailed
    assert (failed.error.started, failed.partial.text) == (True, "Hello wörld")


async def test_a_stream_that_goes_silent_ends_at_the_deadline(line, streamed):
    begun = streamed((SAID, WORDS)).split(b"event: response.output_item.done")[0]
    pieces = _Pieces([begun], silent=True)
    reply = httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=pieces)
    failed = await line(reply).ask(ASK.model_copy(update={"settings": Settings(deadline_s=0.05)}))
    assert type(failed.error) is TimedOut
    assert (failed.error.started, failed.partial.text, pieces.closed) == (True, "Hello wörld", True)


async def test_closing_early_closes_the_connection(line, streamed):
    pieces = _Pieces([streamed((SAID, WORDS))[:-300]], silent=True)
    reply = httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=pieces)
    async with closing(line(reply).model.stream(ASK)) as events:
        await anext(events)
    assert pieces.closed


async def test_an_answer_is_whole_at_its_end_mark_even_if_the_connection_stays_open(line, streamed):
    pieces = _Pieces([streamed((SAID, WORDS))], silent=True)
    reply = httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=pieces)
    assert (await line(reply).ask(ASK)).text == "Hello wörld"
    assert pieces.closed


async def test_parallel_calls_may_be_written_at_the_same_time(line, sse):
    second = CALL | {"id": "fc_2", "call_id": "call_2", "name": "find", "arguments": "{}"}
    added = [{"type": "response.output_item.added", "output_index": n, "item": item | {"arguments": ""}}
             for n, item in enumerate((CALL, second))]  # fmt: skip
    deltas = [{"type": "response.function_call_arguments.delta", "output_index": n, "delta": d}
              for n, d in ((0, '{"q"'), (1, "{"), (0, ':"ü"}'), (1, "}"))]  # fmt: skip
    done = [{"type": "response.output_item.done", "output_index": n, "item": i} for n, i in ((1, second), (0, CALL))]
    end = {"type": "response.completed", "response": {"status": "completed", "output": [CALL, second]}}
    response = await line(sse(*added, *deltas, *done, end)).ask(ASK)
    assert [(c.name, c.args_json) for c in response.calls] == [("look", '{"q":"ü"}'), ("find", "{}")]


async def test_a_custom_tools_free_text_is_streamed_as_json(line, streamed):
    item = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_1", "name": "sql", "input": 'SELECT "ü"\n',
            "status": "completed"}  # fmt: skip
    pieces = [{"type": "response.custom_tool_call_input.delta", "delta": d} for d in ('SELECT "', 'ü"\n')]
    events = await line(streamed((item, pieces))).events(ASK)
    told = "".join(e.args_json for e in events if isinstance(e, PartDelta))
    assert told == events[-1].response.calls[0].args_json
    assert json.loads(told) == {"input": 'SELECT "ü"\n'}


async def test_reasoning_that_is_told_in_full_and_in_summary_is_told_once(line, streamed):
    both = THOUGHT | {"content": [{"type": "reasoning_text", "text": "At length."}]}
    full = [{"type": "response.reasoning_text.delta", "delta": "At length."}]
    events = await line(streamed((both, [*SUMMARY, *full]))).events(ASK)
    (part,) = events[-1].response.message.parts
    assert isinstance(part, Reasoning)
    assert (part.text, part.form) == ("One.\n\nTwo.", "summary")
    assert "".join(e.text for e in events if isinstance(e, PartDelta)) == "One.\n\nTwo."
    assert part.wire.opaque == {"item": both}


async def test_a_server_that_ends_without_its_items_is_understood_by_what_it_streamed(line, sse):
    added = {"type": "response.output_item.added", "item": {"type": "message", "id": "msg_1", "role": "assistant"}}
    words = [{"type": "response.output_text.delta", "item_id": "msg_1", "delta": d} for d in ("Hel", "lo.")]
    end = {"type": "response.completed", "response": {"status": "completed"}}
    response = await line(sse(added, *words, end)).ask(ASK)
    assert (response.text, response.stop.kind) == ("Hello.", "end")


async def test_a_server_that_sends_only_the_end_is_understood(line, sse):
    end = {"type": "response.completed", "response": {"status": "completed", "output": [SAID, CALL]}}
    response = await line(sse(end)).ask(ASK)
    assert (response.text, [c.name for c in response.calls]) == ("Hello wörld", ["look"])


async def test_a_whole_answer_to_a_request_for_a_stream_is_taken(line):
    assert (await line({"output": [SAID]}).ask(ASK)).text == "Hello wörld"


async def test_a_stream_under_a_wrong_name_is_read_as_what_it_is(line, streamed):
    reply = httpx2.Response(200, headers={"content-type": "text/plain"}, stream=_Pieces([streamed((SAID, WORDS))]))
    assert (await line(reply).ask(ASK)).text == "Hello wörld"
