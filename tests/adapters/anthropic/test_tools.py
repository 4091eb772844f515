"""Calls, results and tools: nothing is run from half an answer, nothing that the provider refuses is sent."""

import json

import pytest

from copilot_kit.errors import InvalidRequest
from copilot_kit.events import Failed
from copilot_kit.messages import File, Foreign, Text, ToolCall, ToolResult, Wire, answer, assistant, results, user
from copilot_kit.profile import Profile
from copilot_kit.request import Example, ProviderTool, Request, Settings, ToolSpec

CALL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"b": 1, "a": [2.0, None]}}
ANY = {"type": "object", "properties": {}}


def tool(name: str = "look", **more: object) -> ToolSpec:
    return ToolSpec(**{"name": name, "parameters": ANY} | more)


async def test_trap_9_our_call_ids_are_unique_though_the_provider_repeats_its_own(line):
    talk = line({"content": [CALL, CALL], "stop_reason": "tool_use"})
    response = await talk.ask(Request(messages=(user("?"),), delivery="whole"))
    first, second = response.calls
    assert first.call_id != second.call_id
    assert (first.wire.id, second.wire.id) == ("toolu_1", "toolu_1")
    await talk.ask(Request(messages=(user("?"), response.message, results(answer(first, "x"))), delivery="whole"))
    sent = talk.bodies[1]["messages"]
    assert sent[1]["content"][0]["id"] == sent[2]["content"][0]["tool_use_id"] == "toolu_1"


async def test_trap_10_results_of_parallel_calls_stand_in_one_user_message_right_after(line):
    a, b = (ToolCall(call_id=f"call_{n}", name="look", args_json="{}") for n in "ab")
    parted = (results(answer(a, "1")), results(answer(b, "2")), user("and now?"))
    talk = line()
    await talk.ask(Request(messages=(user("?"), assistant(a, b), *parted)))
    assert [m["role"] for m in talk.bodies[0]["messages"]] == ["user", "assistant", "user"]
    assert talk.bodies[0]["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "call_a", "content": "1"},
        {"type": "tool_result", "tool_use_id": "call_b", "content": "2"},
        {"type": "text", "text": "and now?"},
    ]


async def test_trap_11_a_call_whose_arguments_never_come_has_none(line, streamed):
    empty = (
        {"type": "tool_use", "id": "t", "name": "now", "input": {}},
        [{"type": "input_json_delta", "partial_json": ""}],
    )
    response = await line(streamed(empty, stop="tool_use")).ask(Request(messages=(user("?"),)))
    assert response.calls[0].args_json == "{}"


async def test_trap_11_arguments_keep_the_order_and_the_digits_that_the_model_wrote(line, streamed):
    pieces = ['{"z": 1.50', ', "a": "ü', '\\u00fc"', ', "m": 1e2}']
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    talk = line(streamed(({**CALL, "input": {}}, deltas), stop="tool_use"))
    response = await talk.ask(Request(messages=(user("?"),)))
    assert response.calls[0].args_json == '{"z": 1.50, "a": "ü\\u00fc", "m": 1e2}'
    await talk.ask(Request(messages=(user("?"), response.message, results(answer(response.calls[0], "x")))))
    assert b'"input":{"z": 1.50, "a": "\xc3\xbc\\u00fc", "m": 1e2}' in talk.sent[1].content


async def test_trap_11_arguments_given_at_the_start_of_the_block_are_taken(line, streamed):
    response = await line(streamed((CALL, []), stop="tool_use")).ask(Request(messages=(user("?"),)))
    assert response.calls[0].args_json == '{"b":1,"a":[2.0,null]}'


async def test_arguments_that_are_no_json_are_kept_and_go_back_as_an_object(line, streamed):
    deltas = [{"type": "input_json_delta", "partial_json": '{"city": Paris'}]
    talk = line(streamed(({**CALL, "input": {}}, deltas), stop="tool_use"))
    response = await talk.ask(Request(messages=(user("?"),)))
    assert response.calls[0].args_json == '{"city": Paris'
    await talk.ask(Request(messages=(user("?"), response.message)))
    assert talk.bodies[1]["messages"][1]["content"][0]["input"] == {"INVALID_JSON": '{"city": Paris'}


async def test_trap_12_a_stop_for_a_tool_is_read_from_the_content(line):
    response = await line({"content": [CALL], "stop_reason": "end_turn"}).ask(
        Request(messages=(user("?"),), delivery="whole")
    )
    assert (response.stop.kind, response.stop.raw) == ("tool", "end_turn")


async def test_trap_13_strict_is_sent_only_when_asked_and_with_a_closed_schema(line):
    talk = line()
    await talk.ask(Request(messages=(user("?"),), tools=(tool("a"), tool("b", strict=True), tool("c", strict=False))))
    a, b, c = talk.bodies[0]["tools"]
    assert a == {"name": "a", "input_schema": ANY}
    assert b == {"name": "b", "input_schema": {**ANY, "additionalProperties": False}, "strict": True}
    assert c == {"name": "c", "input_schema": ANY, "strict": False}


def _optional(count: int) -> dict:
    return {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(count)}}


UNION = {"anyOf": [{"type": "string"}, {"type": "null"}]}
RECURSIVE = {
    "type": "object",
    "properties": {"next": {"$ref": "#/$defs/Node"}},
    "required": ["next"],
    "$defs": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}, "required": ["next"]}},
}
SEVENTEEN = [f"u{n}" for n in range(17)]
UNIONS = {"type": "object", "properties": dict.fromkeys(SEVENTEEN, UNION), "required": SEVENTEEN}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (_optional(25), "24 optional parameters"),
        (UNIONS, "16 unions"),
        (RECURSIVE, "recursive"),
        ({"type": "string"}, "type object"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "additional properties"),
    ],
)
async def test_trap_14_a_schema_beyond_the_strict_limits_is_sent_without_strict_and_reported(line, schema, words):
    talk = line()
    request = Request(messages=(user("?"),), tools=(tool(parameters=schema, strict=True),))
    response = await talk.ask(request)
    assert talk.bodies[0]["tools"] == [{"name": "look", "input_schema": schema}]
    assert [words in receipt.reason for receipt in response.dropped] == [True]
    refused = await talk.ask(request.model_copy(update={"settings": Settings(on_unsupported="error")}))
    assert isinstance(refused.error, InvalidRequest)
    assert len(talk.sent) == 1


async def test_trap_14_twenty_strict_tools_are_sent_and_the_next_is_not_strict(line):
    talk = line()
    tools = tuple(tool(f"t{n}", strict=True) for n in range(21))
    response = await talk.ask(Request(messages=(user("?"),), tools=tools))
    assert [t.get("strict") for t in talk.bodies[0]["tools"]] == [True] * 20 + [None]
    assert [receipt.name for receipt in response.dropped] == ["strict of t20"]


async def test_trap_15_images_and_documents_stand_inside_the_result(line):
    call = ToolCall(call_id="call_1", name="look", args_json="{}")
    picture = File(media_type="image/png", data=b"\x89PNG")
    paper = File(media_type="application/pdf", data=b"%PDF", name="a.pdf")
    talk = line()
    await talk.ask(Request(messages=(user("?"), assistant(call), results(answer(call, "see", picture, paper)))))
    (result,) = talk.bodies[0]["messages"][2]["content"]
    assert result["content"] == [
        {"type": "text", "text": "see"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="},
            "title": "a.pdf",
        },
    ]


async def test_an_image_for_a_model_without_eyes_is_a_line_of_text_with_a_receipt(line):
    call = ToolCall(call_id="call_1", name="look", args_json="{}")
    picture = File(media_type="image/png", data=b"\x89PNG", name="cat.png")
    talk = line(profile=Profile(media_in=()))
    messages = (user("What is it?", picture), assistant(call), results(answer(call, "see", picture)))
    response = await talk.ask(Request(messages=messages))
    told = {"type": "text", "text": "[file cat.png of type image/png was left out]"}
    question, _, result = talk.bodies[0]["messages"]
    assert question["content"][1] == told
    assert result["content"][0]["content"][1] == told
    assert [(lost.name, lost.reason) for lost in response.dropped] == [("file", "the model takes no images")] * 2


@pytest.mark.parametrize("outcome", ["error", "denied", "expired", "cancelled", "interrupted", "unknown"])
async def test_trap_16_everything_but_a_good_result_is_marked_as_an_error_and_says_why(line, outcome):
    call = ToolCall(call_id="call_1", name="look", args_json="{}")
    talk = line()
    told, silent = answer(call, "no such file", outcome=outcome), answer(call, outcome=outcome)
    await talk.ask(Request(messages=(user("?"), assistant(call), results(told), results(silent))))
    first, second = talk.bodies[0]["messages"][2]["content"]
    assert (first["is_error"], first["content"]) == (True, "no such file")
    assert second["is_error"] is True
    assert outcome in second["content"]


async def test_a_good_result_without_content_is_sent_without_content(line):
    call = ToolCall(call_id="call_1", name="look", args_json="{}")
    talk = line()
    await talk.ask(Request(messages=(user("?"), assistant(call), results(answer(call)))))
    assert talk.bodies[0]["messages"][2]["content"] == [{"type": "tool_result", "tool_use_id": "call_1"}]


async def test_trap_18_a_stream_that_breaks_in_the_arguments_runs_no_tool(line, sse):
    start = {"type": "content_block_start", "index": 0, "content_block": {**CALL, "input": {}}}
    delta = {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "input_json_delta", "partial_json": '{"a":1}'},
    }
    stop = {"type": "content_block_stop", "index": 0}
    begun = {"type": "message_start", "message": {"id": "m", "model": "x", "usage": {}}}
    for events in ([begun, start], [begun, start, delta], [begun, start, delta, stop]):
        failed = await line(sse(*events)).ask(Request(messages=(user("?"),)))
        assert isinstance(failed, Failed)
        assert failed.error.started
        assert failed.partial.calls == ()
        assert not any(isinstance(part, ToolCall) for part in failed.partial.message.parts)


@pytest.mark.parametrize("written", ["", '{"path": "/tmp', "{"])
async def test_trap_18_a_call_cut_off_by_the_output_limit_is_no_call(line, streamed, written):
    whole = ({"type": "text", "text": ""}, [{"type": "text_delta", "text": "Deleting."}])
    deltas = [{"type": "input_json_delta", "partial_json": written}]
    cut = ({**CALL, "name": "delete_all", "input": {}}, deltas)
    response = await line(streamed(whole, cut, stop="max_tokens")).ask(Request(messages=(user("?"),)))
    assert response.stop.kind == "length"
    assert response.calls == ()
    assert response.message.parts[1] == Foreign(
        kind="copilot_kit.partial_tool_call", value={"name": "delete_all", "args_json": written or "{}"}
    )


async def test_a_whole_call_before_the_output_limit_is_a_call(line, streamed):
    deltas = [{"type": "input_json_delta", "partial_json": '{"a": 1}'}]
    response = await line(streamed(({**CALL, "input": {}}, deltas), stop="max_tokens")).ask(
        Request(messages=(user("?"),))
    )
    assert [call.args_json for call in response.calls] == ['{"a": 1}']


async def test_a_call_cut_off_in_a_whole_answer_is_no_call(line):
    cut = {**CALL, "input": {}}
    response = await line({"content": [cut], "stop_reason": "max_tokens"}).ask(
        Request(messages=(user("?"),), delivery="whole")
    )
    assert response.calls == ()


async def test_trap_24_the_memory_tool_is_the_provider_s_and_its_call_an_ordinary_one(played, recorded):
    name = "anthropic-messages-memory-tool"
    line = played(name)
    memory = ProviderTool(kind="anthropic.memory_20250818", value={"type": "memory_20250818", "name": "memory"})
    response = await line.ask(Request(messages=(user("?"),), tools=(memory,), delivery="whole"))
    assert line.bodies[0]["tools"] == [{"type": "memory_20250818", "name": "memory"}]
    (call,) = response.calls
    assert (call.name, call.executed_by) == ("memory", "client")
    assert json.loads(call.args_json)["command"] == "view"


async def test_tools_of_another_provider_are_left_out_and_reported(line):
    talk = line()
    search = ProviderTool(kind="openai.web_search", value={"type": "web_search"})
    response = await talk.ask(Request(messages=(user("?"),), tools=(search, tool())))
    assert [t["name"] for t in talk.bodies[0]["tools"]] == ["look"]
    assert [(receipt.kind, receipt.name) for receipt in response.dropped] == [("tool", "openai.web_search")]
    again = await talk.ask(Request(messages=(user("?"),), tools=(search,)))
    assert "tools" not in talk.bodies[1]
    assert len(again.dropped) == 1
    strict = Request(messages=(user("?"),), tools=(search,), settings=Settings(on_unsupported="error"))
    refused = [await talk.ask(strict) for _ in "12"]
    assert [(type(failed.error), failed.error.param) for failed in refused] == [(InvalidRequest, search.kind)] * 2
    assert len(talk.sent) == 2


@pytest.mark.parametrize(("description", "told"), [("d", 'd\ns: {"q": 1}'), (None, 's: {"q": 1}')])
async def test_examples_of_a_tool_are_told_in_its_description(line, description, told):
    talk = line()
    shown = tool(description=description, examples=(Example(situation="s", arguments={"q": 1}),), cache="1h")
    await talk.ask(Request(messages=(user("?"),), tools=(shown,)))
    assert talk.bodies[0]["tools"] == [
        {
            "name": "look",
            "description": told,
            "input_schema": ANY,
            "cache_control": {"type": "ephemeral", "ttl": "1h"},
        }
    ]


@pytest.mark.parametrize(
    ("choice", "parallel", "sent"),
    [
        (None, None, None),
        (None, True, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        ("auto", None, {"type": "auto"}),
        ("none", False, {"type": "none"}),
        ("required", None, {"type": "any"}),
        (("look",), False, {"type": "tool", "name": "look", "disable_parallel_tool_use": True}),
    ],
)
async def test_the_choice_of_tools_is_sent_in_the_provider_s_words(line, choice, parallel, sent):
    talk = line()
    await talk.ask(Request(messages=(user("?"),), tools=(tool(),), tool_choice=choice, parallel_tools=parallel))
    assert talk.bodies[0].get("tool_choice") == sent


async def test_of_several_forced_tools_any_may_be_called_and_that_is_reported(line):
    talk = line()
    response = await talk.ask(Request(messages=(user("?"),), tools=(tool("a"), tool("b")), tool_choice=("a", "b")))
    assert talk.bodies[0]["tool_choice"] == {"type": "any"}
    assert response.dropped[0].became == "any"


async def test_trap_23_server_tools_are_typed_data_and_go_back_exactly(played, recorded):
    name = "anthropic-messages-web-fetch"
    line = played(name)
    response = await line.ask(Request(messages=(user("?"),), delivery="whole"))
    calls = [part for part in response.message.parts if isinstance(part, ToolCall)]
    found = [part for part in response.message.parts if isinstance(part, ToolResult)]
    assert {part.executed_by for part in (*calls, *found)} == {"provider"}
    assert [call.call_id for call in calls] == [result.call_id for result in found]
    assert response.calls == ()
    await line.ask(Request(messages=(user("?"), response.message, user("!")), delivery="whole"))
    assert line.bodies[1]["messages"][1]["content"] == recorded(name)[0]["response"]["json"]["content"]


async def test_trap_23_blocks_of_unknown_types_go_back_exactly_streamed_or_whole(line, streamed):
    strange = {"type": "hologram", "light": {"nm": 532}, "pieces": "ab", "list": [1]}
    start = {**strange, "pieces": "a", "list": []}
    deltas = [{"type": "hologram_delta", "pieces": "b", "list": [1]}]
    for reply, delivery in (({"content": [strange]}, "whole"), (streamed((start, deltas)), "stream")):
        talk = line(reply)
        response = await talk.ask(Request(messages=(user("?"),), delivery=delivery))
        assert response.message.parts[0] == Foreign(
            kind="anthropic.hologram", value=strange, wire=Wire(origin="anthropic.messages")
        )
        await talk.ask(Request(messages=(user("?"), response.message, user("!")), delivery=delivery))
        assert talk.bodies[1]["messages"][1]["content"] == [strange]


async def test_trap_23_the_caller_of_a_call_goes_back(line):
    called = {**CALL, "caller": {"type": "code_execution_20260120", "tool_id": "srvtoolu_1"}}
    talk = line({"content": [called], "stop_reason": "tool_use"})
    response = await talk.ask(Request(messages=(user("?"),), delivery="whole"))
    await talk.ask(Request(messages=(user("?"), response.message), delivery="whole"))
    assert talk.bodies[1]["messages"][1]["content"] == [called]


async def test_data_that_the_application_writes_for_this_wire_is_sent(line):
    block = {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "x"}]}
    talk = line()
    await talk.ask(Request(messages=(user(Foreign(kind="anthropic.search_result", value=block), Text(text="?")),)))
    assert talk.bodies[0]["messages"][0]["content"] == [block, {"type": "text", "text": "?"}]
