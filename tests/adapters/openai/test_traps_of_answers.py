"""What bites when an answer is read, whole or in chunks: a test for each trap of the chat API and its lookalikes."""

import base64
import json
from decimal import Decimal
from typing import Any

import pytest

from copilot_kit.events import Ended, Event, Failed, PartDelta, PartEnd, PartStart, Started
from copilot_kit.messages import File, Foreign, Reasoning, Text, ToolCall, ToolResult, user
from copilot_kit.request import Request, Settings, ToolSpec
from copilot_kit.response import Response, Usage

pytestmark = pytest.mark.anyio

ASK = Request(messages=(user("?"),))
WHOLE = ASK.model_copy(update={"delivery": "whole"})


async def ended(there: Any, request: Request = ASK) -> Response:
    events = await there.events(request)
    assert isinstance(events[-1], Ended), events[-1]
    return events[-1].response


async def failed(there: Any, request: Request = ASK) -> Failed:
    events: list[Event] = await there.events(request)
    assert isinstance(events[-1], Failed), events[-1]
    return events[-1]


def piece(index: int | None = 0, **fields: Any) -> dict[str, Any]:
    function = {name: fields.pop(name) for name in ("name", "arguments") if name in fields}
    return {**({} if index is None else {"index": index}), **fields, "function": function}


@pytest.mark.parametrize("arguments", ["", None, "{}", " "])
async def test_trap_11_empty_arguments_are_an_empty_object(wire: Any, arguments: str | None) -> None:
    call = piece(None, id="call_1", type="function", name="now", arguments=arguments)
    whole = await ended(wire.provider("openai", wire.json(wire.message(None, tool_calls=[call]))), WHOLE)
    begun = wire.delta(tool_calls=[{**call, "index": 0}])
    streamed = await ended(wire.provider("openai", wire.stream(begun, wire.delta("tool_calls"))))
    for response in (whole, streamed):
        assert [(c.name, c.args_json.strip()) for c in response.calls] == [("now", "{}")]


async def test_trap_11_arguments_come_in_pieces_or_all_in_the_first_delta(wire: Any) -> None:
    for pieces in (['{"a": 1}'], ["", '{"a"', ": 1}"], [None, '{"a": 1}', None]):
        chunks = [wire.delta(tool_calls=[piece(0, id="call_1", type="function", name="add", arguments=pieces[0])])]
        chunks += [wire.delta(tool_calls=[piece(0, arguments=more)]) for more in pieces[1:]]
        response = await ended(wire.provider("openai", wire.stream(*chunks, wire.delta("tool_calls"))))
        assert [c.args_json for c in response.calls] == ['{"a": 1}']


async def test_parallel_calls_are_told_apart_by_index_or_by_id(wire: Any) -> None:
    for indices in ((0, 1), (0, 0), (None, None)):
        chunks = [
            wire.delta(tool_calls=[piece(index, id=f"call_{n}", type="function", name=f"tool_{n}", arguments=f"[{n}")])
            for n, index in enumerate(indices)
        ]
        tail = wire.delta(tool_calls=[piece(indices[1], arguments="]")])
        response = await ended(wire.provider("openai-compatible", wire.stream(*chunks, tail, wire.delta("tool_calls"))))
        assert [(c.name, c.args_json) for c in response.calls] == [("tool_0", "[0"), ("tool_1", "[1]")]
        assert [c.wire.id for c in response.calls if c.wire] == ["call_0", "call_1"]


@pytest.mark.parametrize("finish", ["stop", "", "tool_calls", "function_call"])
async def test_trap_12_a_stop_for_a_tool_is_read_from_the_content(wire: Any, finish: str) -> None:
    call = piece(None, id="call_1", type="function", name="now", arguments="{}")
    response = await ended(wire.provider("snowflake", wire.json(wire.message(None, finish, tool_calls=[call]))), WHOLE)
    assert (response.stop.kind, response.stop.raw) == ("tool", finish)
    response = await ended(wire.provider("openai", wire.json(wire.message("Done.", finish))), WHOLE)
    assert response.stop.kind == "end"


async def test_trap_17_a_call_that_the_provider_rejects_is_a_bad_answer_and_may_be_tried_again(wire: Any) -> None:
    error = {"message": "Tool call validation failed", "type": "invalid_request_error", "code": "tool_use_failed",
             "failed_generation": '{"name": "f"}'}  # fmt: skip
    refused = await failed(wire.provider("groq", wire.json({"error": error}, 400)))
    thought = wire.delta(reasoning="Hm")
    broken = wire.raw(
        [
            *wire.stream(thought, done=False).pieces,
            b"event: error\n" + wire.stream({"error": error}, done=False).pieces[0],
        ],
        headers={"content-type": "text/event-stream"},
    )
    in_stream = await failed(wire.provider("groq", broken))
    for failure in (refused, in_stream):
        assert type(failure.error).__name__ == "BadAnswer"
        assert failure.error.retryable
        assert 'The model wrote: {"name": "f"}' in str(failure.error)
    assert (refused.error.started, in_stream.error.started) == (False, True)
    assert in_stream.partial is not None
    assert in_stream.partial.message.parts[0].text == "Hm"  # type: ignore[union-attr]


async def test_trap_18_a_stream_that_breaks_inside_arguments_leaves_nothing_to_run(wire: Any) -> None:
    begun = wire.delta(tool_calls=[piece(0, id="call_1", type="function", name="rm", arguments='{"path": "/tm')])
    whole = wire.delta(tool_calls=[piece(1, id="call_2", type="function", name="rm", arguments="{}")])
    for lost in (True, False):
        failure = await failed(wire.provider("openai", wire.stream(begun, whole, done=False, lost=lost)))
        assert type(failure.error).__name__ == "TransportFailed"
        assert failure.error.started
        assert failure.partial is not None
        assert failure.partial.calls == ()
        assert [part.type for part in failure.partial.message.parts] == ["foreign", "foreign"]


async def test_trap_18_a_call_that_the_token_limit_cut_is_data_and_not_a_call(wire: Any) -> None:
    cut = piece(0, id="call_1", type="function", name="rm", arguments='{"path": "/tm')
    streamed = await ended(wire.provider("openai", wire.stream(wire.delta(tool_calls=[cut]), wire.delta("length"))))
    whole = await ended(wire.provider("openai", wire.json(wire.message(None, "length", tool_calls=[cut]))), WHOLE)
    for response in (streamed, whole):
        assert (response.stop.kind, response.calls) == ("length", ())
        assert response.message.parts == (
            Foreign(kind="copilot_kit.partial_tool_call", value={"name": "rm", "args_json": '{"path": "/tm'}),
        )


async def test_trap_20_an_answer_without_message_or_words_is_legal(wire: Any) -> None:
    filtered = {
        "id": "1",
        "choices": [{"index": 0, "finish_reason": "content_filter", "content_filter_results": {"x": 1}}],
    }
    response = await ended(wire.provider("azure", wire.json(filtered)), WHOLE)
    assert (response.message.parts, response.stop.kind, response.stop.detail) == ((), "refusal", {"x": 1})
    response = await ended(wire.provider("openai", wire.stream(wire.delta("length", role="assistant", content=""))))
    assert (response.message.parts, response.stop.kind) == ((), "length")


async def test_trap_21_a_refusal_is_one_although_the_reason_is_stop(wire: Any) -> None:
    whole = await ended(wire.provider("openai", wire.json(wire.message(None, "stop", refusal="I cannot."))), WHOLE)
    chunks = (wire.delta(refusal="I "), wire.delta(refusal="cannot."), wire.delta("stop"))
    streamed = await ended(wire.provider("openai", wire.stream(*chunks)))
    for response in (whole, streamed):
        assert response.message.parts == (Text(text="I cannot.", refusal=True),)
        assert response.stop.kind == "refusal"


async def test_trap_25_the_name_that_answered_is_kept_beside_the_one_asked(wire: Any) -> None:
    response = await ended(wire.provider("openai"), WHOLE)
    assert (response.model.asked, response.model.served, response.model.provider) == (
        "a-model", "a-model-2026-01-01", "openai")  # fmt: skip


@pytest.mark.parametrize(
    ("provider", "finish", "done", "whole"),
    [
        ("openai", "stop", True, True),
        ("openai", "stop", False, False),
        ("openai", None, True, False),
        ("openai", None, False, False),
        ("huggingface", "stop", False, True),
        ("perplexity", None, False, False),
    ],
)
async def test_trap_27_a_stream_without_its_end_mark_is_not_a_whole_answer(
    wire: Any,
    provider: str,
    finish: str | None,
    done: bool,  # noqa: FBT001
    whole: bool,  # noqa: FBT001
) -> None:
    there = wire.provider(provider, wire.stream(wire.delta(content="Hi"), wire.delta(finish), done=done))
    last = (await there.events(ASK))[-1]
    assert isinstance(last, Ended) is whole
    if isinstance(last, Failed):
        assert type(last.error).__name__ == "TransportFailed"
        assert last.partial is not None
        assert (last.partial.text, last.partial.state) == ("Hi", "partial")


async def test_trap_27_an_answer_that_was_counted_and_marked_as_done_is_whole_without_a_reason(wire: Any) -> None:
    call = piece(0, id="call_1", type="function", name="now", arguments="{}")
    counted = {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}}
    there = wire.provider("openai", wire.stream(wire.delta(tool_calls=[call]), counted, done=True))
    last = (await there.events(ASK))[-1]
    assert isinstance(last, Ended)
    assert [call.name for call in last.response.calls] == ["now"]
    assert last.response.stop.kind == "tool"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
async def test_trap_28_comments_pings_odd_line_ends_and_padding_are_passed_over(wire: Any, end: str) -> None:
    lines = [": OPENROUTER PROCESSING", "", "event: chunk", "id: 7",
             'data: {"choices":[{"index":0,"delta":{"content":"Ü"}}],"obfuscation":"xyz"}', "",
             'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}', "", "data: [DONE]", ""]  # fmt: skip
    body = end.join(lines).encode()
    for size in (1, 3, len(body)):
        cut = [body[place : place + size] for place in range(0, len(body), size)]
        there = wire.provider("openrouter", wire.raw(cut, headers={"content-type": "text/event-stream"}))
        response = await ended(there)
        assert (response.text, response.extra) == ("Ü", {})


async def test_trap_29_usage_is_taken_from_wherever_it_stands(wire: Any) -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    last, empty = wire.delta("stop"), {"id": "1", "choices": [], "usage": usage}
    first = {"id": "", "model": "", "choices": [], "prompt_filter_results": [1]}
    streams = {
        "openai": (wire.delta(content="a"), last, empty),
        "mistral": (wire.delta(content="a"), {**last, "usage": usage}),
        "groq": (wire.delta(content="a"), {**last, "x_groq": {"usage": usage}}),
        "azure": (first, wire.delta(content="a"), last, empty),
        "perplexity": ({**wire.delta(content="a"), "usage": {"prompt_tokens": 5}}, {**last, "usage": usage}),
    }
    for provider, chunks in streams.items():
        response = await ended(wire.provider(provider, wire.stream(*chunks)))
        assert response.usage == Usage(input=5, output=2), provider
    without = await ended(wire.provider("openai", wire.stream(wire.delta(content="a"), last)))
    assert without.usage == Usage()


async def test_trap_30_an_error_inside_a_good_stream_is_typed_by_what_it_says(wire: Any) -> None:
    server = {"error": {"message": "The server had an error", "type": "server_error", "param": None, "code": None}}
    limit = {"error": {"code": 429, "message": "Provider returned error", "metadata": {"raw": "slow down"}}}
    broken = wire.delta("error", content="")
    broken["choices"][0]["error"] = {"code": 502, "message": "upstream is gone"}
    for chunk, error in ((server, "ProviderFailed"), (limit, "RateLimited"), (broken, "ProviderFailed")):
        failure = await failed(wire.provider("openrouter", wire.stream(wire.delta(content="Hi"), chunk)))
        assert (type(failure.error).__name__, failure.error.started) == (error, True)
        assert failure.partial is not None
        assert failure.partial.text == "Hi"


async def test_trap_31_cached_tokens_are_part_of_the_input_and_never_more(wire: Any) -> None:
    told = {
        "prompt_tokens": 23,
        "completion_tokens": 4,
        "total_tokens": 27,
        "prompt_tokens_details": {"cached_tokens": 158},
    }
    response = await ended(wire.provider("azure", wire.json({**wire.message(), "usage": told})), WHOLE)
    assert response.usage == Usage(input=23, cache_read=23, output=4)


async def test_trap_31_reasoning_counted_beside_the_output_is_put_inside(wire: Any) -> None:
    told = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 44,
            "completion_tokens_details": {"reasoning_tokens": 30}}  # fmt: skip
    response = await ended(wire.provider("xai", wire.json({**wire.message(), "usage": told})), WHOLE)
    assert response.usage == Usage(input=10, output=34, reasoning=30)


@pytest.mark.parametrize(
    ("cost", "dollars"),
    [({"cost": 0.000235}, "0.000235"), ({"cost": {"total_cost": 0.006}}, "0.006"), ({"cost": 0}, "0"),
     ({"cost": 0.1, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.2}}, "0.3")],
)  # fmt: skip
async def test_a_cost_that_the_provider_names_is_the_cost(wire: Any, cost: dict[str, Any], dollars: str) -> None:
    told = {"prompt_tokens": 1, "completion_tokens": 1, **cost}
    response = await ended(wire.provider("openrouter", wire.json({**wire.message(), "usage": told})), WHOLE)
    assert (response.usage.cost_usd, response.usage.price_source) == (Decimal(dollars), "provider")


async def test_trap_36_an_answer_that_fits_no_sdk_type_is_read_all_the_same(wire: Any) -> None:
    odd = wire.message("Hi.", annotations=None, tool_calls=None, audio=None, function_call=None)
    odd |= {"service_tier": "on_demand", "usage": None, "created": "yesterday", "x_groq": {"id": "req_1"}}
    odd["choices"][0] |= {"logprobs": None, "stop_reason": 7}
    response = await ended(wire.provider("groq", wire.json(odd)), WHOLE)
    assert response.text == "Hi."
    assert response.extra == {"service_tier": "on_demand", "created": "yesterday", "x_groq": {"id": "req_1"},
                              "choice": {"stop_reason": 7}}  # fmt: skip


async def test_trap_37_a_client_of_httpx2_reaches_the_sdk_with_its_authorization(wire: Any) -> None:
    there = wire.provider("openai")
    await there.answer(WHOLE)
    assert there.requests[0].headers["authorization"] == "Bearer key"
    assert there.requests[0].url == "https://provider.invalid/v1/chat/completions"
    assert there.requests[0].headers["content-type"] == "application/json"


async def test_reasoning_is_told_before_the_words_and_once(wire: Any) -> None:
    chunks = (wire.delta(reasoning_content="I ", reasoning="I "), wire.delta(reasoning_content="think."),
              wire.delta(content="8"), wire.delta("stop"))  # fmt: skip
    events = await wire.provider("vllm", wire.stream(*chunks)).events(ASK)
    assert [type(event) for event in events] == [
        Started, PartStart, PartDelta, PartDelta, PartEnd, PartStart, PartDelta, PartEnd, Ended]  # fmt: skip
    parts = [event.part for event in events if isinstance(event, PartEnd)]
    assert [(type(part), part.text) for part in parts] == [(Reasoning, "I think."), (Text, "8")]


async def test_streamed_reasoning_details_are_put_together_by_type_and_index(wire: Any) -> None:
    def said(**detail: Any) -> dict[str, Any]:
        return wire.delta(content="", reasoning=detail.get("text"), reasoning_details=[detail])  # type: ignore[no-any-return]

    chunks = (
        said(type="reasoning.text", text="I ", index=0, format="f"),
        said(type="reasoning.text", text="think.", index=0),
        said(type="reasoning.text", signature="c2ln", index=0),
        said(type="reasoning.encrypted", data="eA==", index=1),
        wire.delta(content="8"),
        wire.delta("stop"),
    )
    there = wire.provider("openrouter", wire.stream(*chunks))
    first = await ended(there)
    await there.events(ASK.model_copy(update={"messages": (user("?"), first.message)}))
    assert there.sent[1]["messages"][1]["reasoning_details"] == [
        {"type": "reasoning.text", "text": "I think.", "signature": "c2ln", "format": "f", "index": 0},
        {"type": "reasoning.encrypted", "data": "eA==", "index": 1},
    ]
    assert there.sent[1]["messages"][1]["content"] == "8"


async def test_tools_that_the_provider_ran_are_parts_that_nobody_runs_again(wire: Any) -> None:
    ran = {
        "index": 0,
        "type": "search",
        "arguments": '{"query": "x"}',
        "output": "found",
        "search_results": {"results": []},
    }
    begun = {name: value for name, value in ran.items() if name != "output"}
    whole = await ended(wire.provider("groq", wire.json(wire.message("Hi", executed_tools=[ran]))), WHOLE)
    chunks = (wire.delta(executed_tools=[begun]), wire.delta(executed_tools=[ran]), wire.delta(executed_tools=[ran]),
              wire.delta(content="Hi"), wire.delta("stop"))  # fmt: skip
    streamed = await ended(wire.provider("groq", wire.stream(*chunks)))
    for response in (whole, streamed):
        call, result, text = response.message.parts
        assert isinstance(call, ToolCall)
        assert isinstance(result, ToolResult)
        assert (call.name, call.executed_by, result.executed_by, result.text, text.text) == (  # type: ignore[union-attr]
            "search", "provider", "provider", "found", "Hi")  # fmt: skip
        assert result.call_id == call.call_id
        assert (response.calls, response.stop.kind) == ((), "end")


async def test_sources_are_citations_of_the_text(wire: Any) -> None:
    cited = {
        "type": "url_citation",
        "url_citation": {"url": "https://x.invalid", "title": "X", "start_index": 0, "end_index": 2},
    }
    whole = await ended(wire.provider("openai", wire.json(wire.message("Hi", annotations=[cited]))), WHOLE)
    chunks = (wire.delta(content="Hi"), wire.delta(annotations=[cited]), wire.delta("stop"))
    streamed = await ended(wire.provider("openai", wire.stream(*chunks)))
    for response in (whole, streamed):
        text = response.message.parts[0]
        assert isinstance(text, Text)
        assert [(c.url, c.title, c.start, c.end) for c in text.citations] == [("https://x.invalid", "X", 0, 2)]


async def test_speech_is_words_and_sound_and_goes_back_by_its_id(wire: Any) -> None:
    sound = base64.b64encode(b"RIFF").decode()
    audio = {"id": "audio_1", "data": sound, "transcript": "Hello.", "expires_at": 1}
    there = wire.provider("openai", wire.json(wire.message(None, audio=audio)))
    request = WHOLE.model_copy(
        update={"settings": Settings(extra={"openai": {"audio": {"voice": "ash", "format": "mp3"}}})}
    )
    first = await ended(there, request)
    text, file = first.message.parts
    assert isinstance(file, File)
    assert (first.text, text.type, file.media_type, file.data) == ("Hello.", "text", "audio/mpeg", b"RIFF")
    await there.events(WHOLE.model_copy(update={"messages": (user("?"), first.message)}))
    assert there.sent[1]["messages"][1] == {"role": "assistant", "audio": {"id": "audio_1"}}


async def test_streamed_speech_comes_as_bytes(wire: Any) -> None:
    pieces = [base64.b64encode(data).decode() for data in (b"ab", b"cd")]
    chunks = (wire.delta(audio={"id": "audio_1", "transcript": "Hel"}), wire.delta(audio={"transcript": "lo."}),
              wire.delta(audio={"data": pieces[0]}), wire.delta(audio={"data": pieces[1]}),
              wire.delta(audio={"expires_at": 1}), wire.delta("stop"))  # fmt: skip
    events = await wire.provider("openai", wire.stream(*chunks)).events(ASK)
    assert b"".join(e.data for e in events if isinstance(e, PartDelta) and e.data) == b"abcd"
    response = events[-1].response
    assert response.text == "Hello."
    assert [part.data for part in response.message.parts if isinstance(part, File)] == [b"abcd"]


async def test_pictures_that_the_model_made_are_files(wire: Any) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}}
    response = await ended(wire.provider("openrouter", wire.json(wire.message("Look:", images=[image]))), WHOLE)
    assert [part.data for part in response.message.parts if isinstance(part, File)] == [b"\x89PNG"]


async def test_calls_of_free_text_tools_hold_the_text_and_go_back_as_it(wire: Any) -> None:
    call = {"id": "call_1", "type": "custom", "custom": {"name": "sql", "input": 'SELECT "ä"\n'}}
    there = wire.provider("openai", wire.json(wire.message(None, "tool_calls", tool_calls=[call])))
    first = await ended(there, WHOLE)
    assert [(c.name, c.args_json) for c in first.calls] == [("sql", '{"input": "SELECT \\"ä\\"\\n"}')]
    await there.events(WHOLE.model_copy(update={"messages": (user("?"), first.message)}))
    assert there.sent[1]["messages"][1]["tool_calls"] == [call]
    begun = {"index": 0, "id": "call_1", "type": "custom", "custom": {"name": "sql", "input": ""}}
    chunks = [wire.delta(tool_calls=[begun])]
    chunks += [wire.delta(tool_calls=[{"index": 0, "custom": {"input": text}}]) for text in ('SELECT "', 'ä"\n')]
    streamed = await ended(wire.provider("openai", wire.stream(*chunks, wire.delta("tool_calls"))))
    assert [c.args_json for c in streamed.calls] == [c.args_json for c in first.calls]


async def test_the_old_function_call_is_a_call(wire: Any) -> None:
    there = wire.provider(
        "openai", wire.json(wire.message(None, "function_call", function_call={"name": "f", "arguments": "{}"}))
    )
    whole = await ended(there, WHOLE)
    chunks = (wire.delta(function_call={"name": "f", "arguments": "{"}), wire.delta(function_call={"arguments": "}"}))
    streamed = await ended(wire.provider("openai", wire.stream(*chunks, wire.delta("function_call"))))
    for response in (whole, streamed):
        assert [(c.name, c.args_json, response.stop.kind) for c in response.calls] == [("f", "{}", "tool")]


async def test_the_first_of_several_choices_is_the_answer_and_the_others_are_kept(wire: Any) -> None:
    two = wire.message("One.")
    two["choices"].append({**wire.message("Two.")["choices"][0], "index": 1})
    whole = await ended(wire.provider("openai", wire.json(two)), WHOLE)
    other = [wire.delta(content="Tw"), wire.delta("stop", content="o.")]
    for chunk in other:
        chunk["choices"][0]["index"] = 1
    streamed = await ended(wire.provider("openai", wire.stream(wire.delta("stop", content="One."), *other)))
    for response in (whole, streamed):
        assert response.text == "One."
        assert [c["message"]["content"] for c in response.extra["choices"]] == ["Two."]  # type: ignore[union-attr,index,call-overload]


async def test_log_probabilities_are_kept_whole(wire: Any) -> None:
    chunks = [wire.delta(content=token) for token in ("a", "b")]
    for chunk in chunks:
        chunk["choices"][0]["logprobs"] = {
            "content": [{"token": chunk["choices"][0]["delta"]["content"]}],
            "refusal": None,
        }
    response = await ended(wire.provider("openai", wire.stream(*chunks, wire.delta("stop"))))
    assert response.extra["logprobs"] == {"content": [{"token": "a"}, {"token": "b"}], "refusal": None}


async def test_a_whole_answer_where_a_stream_was_asked_for_is_read_and_the_other_way_round(wire: Any) -> None:
    response = await ended(wire.provider("openai", wire.json(wire.message("Whole."))), ASK)
    assert response.text == "Whole."
    chunks = (wire.delta(content="Streamed."), wire.delta("stop"))
    response = await ended(wire.provider("openai", wire.stream(*chunks)), WHOLE)
    assert response.text == "Streamed."


async def test_a_stream_is_closed_as_soon_as_nobody_listens(wire: Any) -> None:
    there = wire.provider("openai", wire.stream(*[wire.delta(content="a")] * 100, wire.delta("stop")))
    events = there.model().stream(ASK)
    await anext(events)
    await anext(events)
    assert there.closed == 0
    await events.aclose()
    assert there.closed == 1


async def test_a_prompted_call_is_held_back_until_it_is_known_to_be_one(wire: Any) -> None:
    tool = ToolSpec(name="add", parameters={"type": "object"})
    request = ASK.model_copy(update={"tools": (tool,)})
    call = [wire.delta(content=text) for text in ('{"tool": ', '"add", "arguments": {"a"', ": 1}}")]
    response = await ended(wire.provider("perplexity", wire.stream(*call, wire.delta("stop"))), request)
    assert [(c.name, c.args_json) for c in response.calls] == [("add", '{"a": 1}')]
    words = [wire.delta(content=text) for text in (" ", "It is ", "{8}.")]
    events = await wire.provider("perplexity", wire.stream(*words, wire.delta("stop"))).events(request)
    assert [e.text for e in events if isinstance(e, PartDelta)] == [" It is ", "{8}."]


async def test_plain_reasoning_beside_encrypted_details_is_kept_and_both_go_back(wire: Any) -> None:
    details = [{"type": "reasoning.encrypted", "data": "eA=="}]
    there = wire.provider("openrouter", wire.json(wire.message("8", reasoning="Hm.", reasoning_details=details)))
    first = await ended(there, WHOLE)
    assert [p.text for p in first.message.parts if isinstance(p, Reasoning)] == ["Hm.", None]
    chunks = (wire.delta(reasoning="Hm."), wire.delta(reasoning_details=details), wire.delta("stop", content="8"))
    streamed = await ended(wire.provider("openrouter", wire.stream(*chunks)))
    assert [p.text or "" for p in streamed.message.parts if isinstance(p, Reasoning)] == ["Hm.", ""]
    await there.events(WHOLE.model_copy(update={"messages": (user("?"), first.message)}))
    assert there.sent[1]["messages"][1] == {
        "role": "assistant", "content": "8", "reasoning": "Hm.", "reasoning_details": details}  # fmt: skip


async def test_half_a_character_does_not_lose_the_answer(wire: Any) -> None:
    body = json.dumps(wire.message("x")).replace('"x"', '"\\ud83d and \\ud83d\\ude00"').encode()
    response = await ended(wire.provider("ollama", wire.raw([body])), WHOLE)
    assert response.text == "\ufffd and \U0001f600"
