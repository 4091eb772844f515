"""What bites when a request is written: a test for each trap of the chat API and its lookalikes."""

import json
from typing import Any

import pytest

from copilot_kit.errors import InvalidRequest
from copilot_kit.messages import (
    Citation,
    File,
    Foreign,
    Message,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Wire,
    answer,
    assistant,
    results,
    system,
    user,
)
from copilot_kit.profile import Profile
from copilot_kit.request import ContextEditing, Example, OutputSpec, ProviderTool, Request, Settings, ToolSpec

pytestmark = pytest.mark.anyio

ADD = ToolSpec(name="add", description="Adds.", parameters={"type": "object", "properties": {"a": {"type": "integer"}}})
CALL = ToolCall(call_id="call_0123456789abcdefghjkmnpqrs", name="add", args_json='{"a": 1}')
PNG = b"\x89PNG"


async def sent(wire: Any, provider: str, request: Request, profile: Profile | None = None) -> dict[str, Any]:
    there = wire.provider(provider, profile=profile)
    await there.answer(request.model_copy(update={"delivery": "whole"}))
    return there.sent[0]


async def test_trap_07_deepseek_reasoning_goes_back_in_its_own_field(wire: Any) -> None:
    call = {"id": "call_00_x", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    there = wire.provider("deepseek", wire.json(wire.message("", reasoning_content="I add.", tool_calls=[call])))
    first = await there.answer(Request(messages=(user("1+1?"),), tools=(ADD,), delivery="whole"))
    result = answer(first.calls[0], "2")
    await there.answer(Request(messages=(user("1+1?"), first.message, results(result)), delivery="whole"))
    assert there.sent[1]["messages"][1] == {
        "role": "assistant", "content": None, "reasoning_content": "I add.", "tool_calls": [call]}  # fmt: skip
    assert there.sent[1]["messages"][2] == {"role": "tool", "tool_call_id": "call_00_x", "content": "2"}


async def test_trap_07_mistral_thinking_goes_back_inside_the_content(wire: Any) -> None:
    content = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "8"}]
    there = wire.provider("mistral", wire.json(wire.message(content)))
    first = await there.answer(Request(messages=(user("5+3?"),), delivery="whole"))
    assert [type(part) for part in first.message.parts] == [Reasoning, Text]
    await there.answer(Request(messages=(user("5+3?"), first.message, user("And?")), delivery="whole"))
    assert there.sent[1]["messages"][1] == {"role": "assistant", "content": content}


async def test_trap_07_openrouter_details_go_back_signed_and_in_order(wire: Any) -> None:
    details = [
        {
            "type": "reasoning.text",
            "text": "I think.",
            "signature": "c2ln",
            "format": "anthropic-claude-v1",
            "index": 0,
        },
        {"type": "reasoning.encrypted", "data": "b3BhcXVl", "id": "rs_1", "format": "openai-responses-v1", "index": 1},
    ]
    there = wire.provider("openrouter", wire.json(wire.message("8", reasoning="I think.", reasoning_details=details)))
    first = await there.answer(Request(messages=(user("5+3?"),), delivery="whole"))
    await there.answer(Request(messages=(user("5+3?"), first.message, user("And?")), delivery="whole"))
    assert there.sent[1]["messages"][1] == {"role": "assistant", "content": "8", "reasoning_details": details}


async def test_trap_08_signed_reasoning_goes_to_no_other_model_and_no_other_provider(wire: Any) -> None:
    signed = Reasoning(
        text="I think.",
        wire=Wire(
            origin="openrouter.chat",
            model="a-model",
            opaque={
                "field": "reasoning_details",
                "key": "text",
                "detail": {"type": "reasoning.text", "signature": "c2ln"},
            },
        ),
    )
    request = Request(messages=(user("5+3?"), assistant(signed, "8"), user("And?")), delivery="whole")
    for provider, model in (("openrouter", "another-model"), ("openai", "a-model")):
        there = wire.provider(provider)
        events = [event async for event in there.model(model).stream(request)]
        assert there.sent[0]["messages"][1] == {"role": "assistant", "content": "8"}
        assert [(d.kind, d.name) for d in events[-1].response.dropped] == [("opaque", "reasoning")]


async def test_trap_09_mistral_gets_ids_of_nine_letters_for_calls_of_others(wire: Any) -> None:
    body = await sent(wire, "mistral", Request(messages=(user("?"), assistant(CALL), results(answer(CALL, "1")))))
    call_id = body["messages"][1]["tool_calls"][0]["id"]
    assert call_id == body["messages"][2]["tool_call_id"] == "421c58c01"
    assert len(call_id) == 9
    assert call_id.isalnum()


async def test_trap_09_the_providers_own_id_goes_back_unchanged(wire: Any) -> None:
    call = CALL.model_copy(update={"wire": Wire(origin="xai.chat", id="call-0b6c-0")})
    body = await sent(wire, "xai", Request(messages=(user("?"), assistant(call), results(answer(call, "1")))))
    assert body["messages"][1]["tool_calls"][0]["id"] == body["messages"][2]["tool_call_id"] == "call-0b6c-0"


async def test_trap_10_each_of_several_results_is_a_tool_message_of_its_own(wire: Any) -> None:
    other = CALL.model_copy(update={"call_id": "call_other"})
    turn = results(answer(CALL, "1"), answer(other, "2"))
    body = await sent(wire, "openai", Request(messages=(user("?"), assistant(CALL, other), turn)))
    assert body["messages"][2:] == [
        {"role": "tool", "tool_call_id": CALL.call_id, "content": "1"},
        {"role": "tool", "tool_call_id": "call_other", "content": "2"},
    ]


@pytest.mark.parametrize(("provider", "told"), [("openai", False), ("azure", False), ("groq", None)])
async def test_trap_13_strict_is_sent_explicitly(wire: Any, provider: str, told: bool | None) -> None:  # noqa: FBT001
    body = await sent(wire, provider, Request(messages=(user("?"),), tools=(ADD,)))
    assert body["tools"][0]["function"].get("strict") is told
    strict = ADD.model_copy(update={"strict": True})
    body = await sent(wire, provider, Request(messages=(user("?"),), tools=(strict,)))
    assert body["tools"][0]["function"]["strict"] is True


async def test_trap_15_an_image_of_a_tool_follows_in_a_user_message_after_all_results(wire: Any) -> None:
    other = CALL.model_copy(update={"call_id": "call_other"})
    turn = results(answer(CALL, "A dog:", File(media_type="image/png", data=PNG)), answer(other, "2"))
    body = await sent(wire, "openai", Request(messages=(user("?"), assistant(CALL, other), turn)))
    assert [m["role"] for m in body["messages"]] == ["user", "assistant", "tool", "tool", "user"]
    assert body["messages"][2]["content"] == "A dog:"
    assert body["messages"][4]["content"] == [
        {"type": "text", "text": f"The files that belong to the result of call {CALL.call_id}:"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
    ]


async def test_trap_15_where_tool_messages_hold_images_it_stays_there(wire: Any) -> None:
    turn = results(answer(CALL, File(media_type="image/png", data=PNG)))
    body = await sent(wire, "llamacpp", Request(messages=(user("?"), assistant(CALL), turn)))
    assert [m["role"] for m in body["messages"]] == ["user", "assistant", "tool"]
    assert body["messages"][2]["content"][0]["type"] == "image_url"


async def test_trap_16_a_failed_tool_is_told_in_words(wire: Any) -> None:
    turn = results(answer(CALL, "no such file", outcome="error"), answer(CALL, outcome="denied"))
    body = await sent(wire, "openai", Request(messages=(user("?"), assistant(CALL), turn)))
    assert [m["content"] for m in body["messages"][2:]] == ["no such file", "denied"]


async def test_trap_19_instructions_are_a_system_message_and_a_developer_message_comes_back_as_one(wire: Any) -> None:
    developer = Message(id="m", role="system", parts=(Text(text="Be kind."),),
                        wire=Wire(origin="openai.chat", opaque={"role": "developer"}))  # fmt: skip
    request = Request(messages=(system("Be brief."), developer, user("?")))
    body = await sent(wire, "openai", request)
    assert [m["role"] for m in body["messages"]] == ["system", "developer", "user"]
    body = await sent(wire, "groq", request)
    assert [m["role"] for m in body["messages"]] == ["system", "system", "user"]


async def test_trap_20_a_turn_of_which_nothing_is_left_is_not_sent(wire: Any) -> None:
    foreign = Foreign(kind="anthropic.server_tool_use", value={}, wire=Wire(origin="anthropic.messages"))
    body = await sent(wire, "openai", Request(messages=(user("?"), assistant(foreign), user("Go on."))))
    assert [m["role"] for m in body["messages"]] == ["user", "user"]


async def test_trap_22_json_output_is_asked_for_by_schema_and_strict_where_the_schema_is_closed(wire: Any) -> None:
    closed = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    body = await sent(wire, "openai", Request(messages=(user("?"),), output=OutputSpec(json_schema=closed)))
    assert body["response_format"] == {
        "type": "json_schema", "json_schema": {"name": "answer", "schema": closed, "strict": True}}  # fmt: skip
    body = await sent(wire, "openai", Request(messages=(user("?"),), output=OutputSpec(json_schema={"type": "object"})))
    assert "strict" not in body["response_format"]["json_schema"]


async def test_trap_22_a_model_without_json_output_is_given_a_tool_whose_call_is_the_answer(wire: Any) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "answer", "arguments": '{"a": "x"}'}}
    there = wire.provider("deepseek", wire.json(wire.message(None, "tool_calls", tool_calls=[call])))
    output = OutputSpec(json_schema={"type": "object"})
    response = await there.answer(Request(messages=(user("?"),), output=output, delivery="whole"))
    assert [t["function"]["name"] for t in there.sent[0]["tools"]] == ["answer"]
    assert (response.text, response.calls, response.output_mode, response.stop.kind) == (
        '{"a": "x"}',
        (),
        "tool",
        "end",
    )


async def test_trap_22_json_can_be_asked_for_in_words_and_loses_its_fence(wire: Any) -> None:
    there = wire.provider("openai", wire.json(wire.message('```json\n{"a": 1}\n```')))
    output = OutputSpec(json_schema={"type": "object"}, mode="prompted")
    response = await there.answer(Request(messages=(user("?"),), output=output, delivery="whole"))
    assert '{"type": "object"}' in there.sent[0]["messages"][1]["content"]
    assert (response.text, response.output_mode) == ('{"a": 1}', "prompted")


async def test_trap_23_parts_of_unknown_kind_come_back_as_they_were(wire: Any) -> None:
    strange = {"type": "reference", "reference_ids": [1, 2]}
    there = wire.provider("mistral", wire.json(wire.message([{"type": "text", "text": "See"}, strange])))
    first = await there.answer(Request(messages=(user("?"),), delivery="whole"))
    assert first.message.parts[1] == Foreign(kind="mistral.reference", value=strange, wire=Wire(origin="mistral.chat"))
    await there.answer(Request(messages=(user("?"), first.message, user("And?")), delivery="whole"))
    assert there.sent[1]["messages"][1]["content"] == [{"type": "text", "text": "See"}, strange]


async def test_trap_23_unknown_fields_of_a_call_come_back(wire: Any) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "add", "arguments": "{}"},
            "extra_content": {"google": {"thought_signature": "c2ln"}}}  # fmt: skip
    there = wire.provider("openai-compatible", wire.json(wire.message(None, tool_calls=[call])))
    first = await there.answer(Request(messages=(user("?"),), delivery="whole"))
    await there.answer(Request(messages=(user("?"), first.message), delivery="whole"))
    assert there.sent[1]["messages"][1]["tool_calls"] == [call]


async def test_trap_26_an_answer_cut_into_blocks_by_citations_is_joined_without_separators(wire: Any) -> None:
    cited = Text(text=" is blue", citations=(Citation(quote="blue"),), wire=Wire(origin="anthropic.messages"))
    there = wire.provider("openai")
    turn = assistant("The sky", cited, ".")
    response = await there.answer(Request(messages=(user("?"), turn, user("And?")), delivery="whole"))
    assert there.sent[0]["messages"][1] == {"role": "assistant", "content": "The sky is blue."}
    assert [(d.kind, d.name) for d in response.dropped] == [("feature", "citations")]


async def test_a_refusal_goes_back_as_one_or_as_words(wire: Any) -> None:
    request = Request(messages=(user("?"), assistant(Text(text="No.", refusal=True)), user("Why?")))
    body = await sent(wire, "openai", request)
    assert body["messages"][1] == {"role": "assistant", "content": None, "refusal": "No."}
    body = await sent(wire, "mistral", request)
    assert body["messages"][1] == {"role": "assistant", "content": "No."}


async def test_files_have_their_own_forms_and_what_has_none_becomes_a_line_of_text(wire: Any) -> None:
    files = (
        File(media_type="image/png", url="https://x.invalid/a.png"),
        File(media_type="audio/mpeg", data=b"abc"),
        File(media_type="application/pdf", data=b"abc", name="a.pdf"),
        File(media_type="text/plain", data=b"words", name="a.txt"),
        File(media_type="video/mp4", url="https://x.invalid/v.mp4"),
        File(media_type="application/pdf", wire=Wire(origin="anthropic.messages", id="file_1"), name="b.pdf"),
    )
    there = wire.provider("openai")
    response = await there.answer(Request(messages=(user("Look:", *files),), delivery="whole"))
    assert there.sent[0]["messages"][0]["content"] == [
        {"type": "text", "text": "Look:"},
        {"type": "image_url", "image_url": {"url": "https://x.invalid/a.png"}},
        {"type": "input_audio", "input_audio": {"data": "YWJj", "format": "mp3"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,YWJj", "filename": "a.pdf"}},
        {"type": "text", "text": "<file name='a.txt' type='text/plain'>\nwords\n</file>"},
        {"type": "text", "text": "[file https://x.invalid/v.mp4 (video/mp4): not sent, openai takes no video files]"},
        {"type": "text", "text": "[file b.pdf: held by anthropic.messages, not readable here]"},
    ]
    assert [d.became for d in response.dropped] == ["a line of text", "a line of text"]


@pytest.mark.parametrize(
    ("provider", "effort", "fields"),
    [
        ("openai", "max", {"reasoning_effort": "xhigh"}),
        ("openrouter", "low", {"reasoning": {"effort": "low"}}),
        ("mistral", "medium", {"reasoning_effort": "high"}),
        ("deepseek", "none", {"thinking": {"type": "disabled"}}),
        ("zai", "high", {"thinking": {"type": "enabled"}}),
    ],
)
async def test_effort_is_said_in_the_words_of_each_provider(
    wire: Any, provider: str, effort: Any, fields: dict[str, Any]
) -> None:
    body = await sent(wire, provider, Request(messages=(user("?"),), settings=Settings(effort=effort)))
    assert {name: body[name] for name in body if name not in {"model", "messages"}} == fields


async def test_what_cannot_go_is_reported_or_refused(wire: Any) -> None:
    profile = Profile(refuses=("temperature",), efforts=("low", "medium"))
    foreign = ProviderTool(kind="anthropic.web_search_20250305", value={"type": "web_search_20250305"})
    settings = Settings(temperature=0.5, effort="max", cache="1h")
    request = Request(messages=(user("?"),), tools=(ADD, foreign), settings=settings, delivery="whole")
    there = wire.provider("openai", profile=profile)
    response = await there.answer(request)
    assert {name: value for name, value in there.sent[0].items() if name not in {"model", "messages", "tools"}} == {
        "reasoning_effort": "medium"}  # fmt: skip
    assert [t["function"]["name"] for t in there.sent[0]["tools"]] == ["add"]
    assert [(d.kind, d.name, d.became) for d in response.dropped] == [
        ("tool", "anthropic.web_search_20250305", None),
        ("setting", "temperature", None),
        ("setting", "effort", "medium"),
        ("setting", "cache", "automatic caching"),
    ]
    refusing = request.model_copy(update={"settings": settings.model_copy(update={"on_unsupported": "error"})})
    events = await there.events(refusing)
    assert [type(event.error).__name__ for event in events] == ["InvalidRequest"]  # type: ignore[union-attr]
    assert len(there.sent) == 1


@pytest.mark.parametrize("provider", ["openai", "perplexity"])
async def test_a_tool_of_another_provider_is_left_out_or_refused(wire: Any, provider: str) -> None:
    foreign = ProviderTool(kind="anthropic.web_search_20250305", value={"type": "web_search_20250305"})
    there = wire.provider(provider)
    request = Request(messages=(user("?"),), tools=(ADD, foreign), delivery="whole")
    assert [(lost.kind, lost.name) for lost in (await there.answer(request)).dropped] == [("tool", foreign.kind)]
    refusing = request.model_copy(update={"settings": Settings(on_unsupported="error")})
    with pytest.raises(InvalidRequest, match=r"cannot take anthropic\.web_search_20250305"):
        await there.answer(refusing)
    assert len(there.sent) == 1


async def test_an_image_for_a_model_without_eyes_is_a_line_of_text_with_a_receipt(wire: Any) -> None:
    picture = File(media_type="image/png", data=PNG, name="cat.png")
    messages = (user("What is it?", picture), assistant(CALL), results(answer(CALL, picture)))
    there = wire.provider("openai", profile=Profile(media_in=()))
    response = await there.answer(Request(messages=messages, delivery="whole"))
    told = "[file cat.png (image/png): not sent, the model takes no images]"
    question, _, result = there.sent[0]["messages"]
    assert question["content"][1] == {"type": "text", "text": told}
    assert result["content"] == told
    assert [(lost.kind, lost.name, lost.became) for lost in response.dropped] == [
        ("part", "file", "a line of text")
    ] * 2


async def test_a_choice_among_several_tools_is_refused_where_the_caller_wants_that(wire: Any) -> None:
    there = wire.provider("groq")
    tools = (ADD, ADD.model_copy(update={"name": "other"}))
    settings = Settings(on_unsupported="error")
    with pytest.raises(InvalidRequest, match="cannot take tool_choice"):
        await there.answer(Request(messages=(user("?"),), tools=tools, tool_choice=("add", "other"), settings=settings))
    assert there.sent == []


async def test_an_api_that_takes_nothing_out_of_a_conversation_says_so(wire: Any) -> None:
    there = wire.provider("openai")
    settings = Settings(context=ContextEditing(clear_results_at=9, compact_at=9))
    response = await there.answer(Request(messages=(user("?"),), settings=settings, delivery="whole"))
    assert there.sent[0].keys() == {"model", "messages"}
    assert [(lost.kind, lost.name) for lost in response.dropped] == [("setting", "context")]


async def test_settings_of_a_provider_go_to_it_alone_and_can_take_back_what_would_be_sent(wire: Any) -> None:
    extra: dict[str, Any] = {"openai": {"n": 2, "stream_options": None}, "groq": {"search_settings": {}}}
    there = wire.provider("openai", wire.stream(wire.delta(content="Hi."), wire.delta("stop")))
    await there.answer(Request(messages=(user("?"),), settings=Settings(extra=extra)))
    assert {k: v for k, v in there.sent[0].items() if k not in {"model", "messages"}} == {"n": 2, "stream": True}


@pytest.mark.parametrize(
    ("description", "told"),
    [("Adds.", 'Adds.\none and two: {"a": 1}'), (None, 'one and two: {"a": 1}')],
)
async def test_examples_of_a_tool_are_told_in_its_description(wire: Any, description: str | None, told: str) -> None:
    shown = (Example(situation="one and two", arguments={"a": 1}),)
    tool = ADD.model_copy(update={"examples": shown, "description": description})
    body = await sent(wire, "openai", Request(messages=(user("?"),), tools=(tool,)))
    assert body["tools"][0]["function"]["description"] == told


async def test_a_model_without_tool_calls_is_told_of_tools_in_words_and_its_json_is_a_call(wire: Any) -> None:
    there = wire.provider("perplexity", wire.json(wire.message('{"tool": "add", "arguments": {"a": 1}}')))
    request = Request(messages=(user("1+1?"),), tools=(ADD,), delivery="whole")
    first = await there.answer(request)
    assert "tools" not in there.sent[0]
    assert "- add: Adds." in there.sent[0]["messages"][1]["content"]
    assert [(c.name, json.loads(c.args_json)) for c in first.calls] == [("add", {"a": 1})]
    assert first.stop.kind == "tool"
    told = (user("1+1?"), first.message, results(answer(first.calls[0], "2")))
    await there.answer(request.model_copy(update={"messages": told}))
    assert there.sent[1]["messages"][1:3] == [
        {"role": "assistant", "content": '{"tool": "add", "arguments": {"a": 1}}'},
        {"role": "user", "content": "Result of the tool (ok): 2"},
    ]


async def test_a_result_keeps_its_place_when_history_is_sent_again_and_grows(wire: Any) -> None:
    there = wire.provider("openai")
    messages: tuple[Message, ...] = (system("Be brief."), user("?"))
    for number in range(3):
        await there.answer(Request(messages=messages, delivery="whole"))
        result = ToolResult(call_id=CALL.call_id, content=(Text(text=str(number)),))
        messages = (*messages, assistant(CALL), results(result))
    await there.answer(Request(messages=messages[:4], delivery="whole"))
    assert [len(body["messages"]) for body in there.sent] == [2, 4, 6, 4]
    assert there.sent[3]["messages"] == there.sent[2]["messages"][:4]


async def test_sealed_reasoning_of_github_copilot_goes_back_with_its_words(wire: Any) -> None:
    thought = {"reasoning_text": "Hm.", "reasoning_opaque": "c2VhbGVk"}
    there = wire.provider("github-copilot", wire.json(wire.message("8", **thought)))
    first = await there.answer(Request(messages=(user("?"),), delivery="whole"))
    await there.answer(Request(messages=(user("?"), first.message, user("And?")), delivery="whole"))
    assert there.sent[1]["messages"][1] == {"role": "assistant", "content": "8", **thought}
