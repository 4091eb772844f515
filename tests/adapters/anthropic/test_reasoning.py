"""Thinking comes back byte for byte, or not at all."""

from copilot_kit.events import Failed
from copilot_kit.messages import Message, Reasoning, Text, ToolCall, Wire, answer, assistant, results, user
from copilot_kit.request import Request

SIGNATURE = "EqQBCkgIBRABGAIi+/=="


async def test_trap_1_thinking_and_signature_come_back_byte_for_byte_before_their_tool_use(played, recorded):
    name = "anthropic-messages-thinking-tool-round-trip"
    first, second = recorded(name)
    line = played(name)
    question = user("what is the weather in San Francisco, CA?")
    response = await line.ask(Request(messages=(question,), delivery="whole"))
    result = results(answer(response.calls[0], "16 °C"))
    await line.ask(Request(messages=(question, response.message, result), delivery="whole"))
    sent = line.bodies[1]["messages"][1]["content"]
    came = first["response"]["json"]["content"]
    assert [block["type"] for block in sent] == [block["type"] for block in came]
    assert sent[0] == {"type": "thinking", "thinking": came[0]["thinking"], "signature": came[0]["signature"]}
    assert [block["type"] for block in sent].index("thinking") < [b["type"] for b in sent].index("tool_use")
    assert second["request"]["json"]["messages"][1]["content"][0]["signature"] == sent[0]["signature"]


async def test_trap_1_in_a_stream_the_signature_comes_at_the_end_of_its_block(line, streamed):
    thought = (
        {"type": "thinking", "thinking": "", "signature": ""},
        [
            {"type": "thinking_delta", "thinking": "Let me "},
            {"type": "thinking_delta", "thinking": "see.\n"},
            {"type": "signature_delta", "signature": SIGNATURE},
        ],
    )
    response = await line(streamed(thought)).ask(Request(messages=(user("?"),)))
    (part,) = response.message.parts
    assert (part.text, part.form) == ("Let me see.\n", "full")
    assert part.wire.opaque == {"type": "thinking", "signature": SIGNATURE}


async def test_trap_2_thinking_with_a_signature_and_no_text_is_kept_and_sent_back(line):
    silent = {"type": "thinking", "thinking": "", "signature": SIGNATURE}
    talk = line({"content": [silent, {"type": "text", "text": "Hi."}]}, model="claude-sonnet-5")
    response = await talk.ask(Request(messages=(user("?"),), delivery="whole"))
    assert response.message.parts[0].form == "hidden"
    await talk.ask(Request(messages=(user("?"), response.message, user("!")), delivery="whole"))
    assert talk.bodies[1]["messages"][1]["content"][0] == silent


async def test_trap_2_a_streamed_signature_without_text_is_kept(played):
    line = played("anthropic-messages-thinking-omitted")
    response = await line.ask(Request(messages=(user("?"),), delivery="whole"))
    part = next(part for part in response.message.parts if isinstance(part, Reasoning))
    assert part.text == ""
    assert part.form == "hidden"
    assert len(part.wire.opaque["signature"]) > 100


async def test_trap_3_redacted_thinking_has_only_data_and_goes_back(line, streamed):
    redacted = {"type": "redacted_thinking", "data": "EmwKAhgB"}
    for reply, delivery in (({"content": [redacted]}, "whole"), (streamed((redacted, [])), "stream")):
        talk = line(reply)
        response = await talk.ask(Request(messages=(user("?"),), delivery=delivery))
        assert response.message.parts[0].text is None
        await talk.ask(Request(messages=(user("?"), response.message, user("!")), delivery=delivery))
        assert talk.bodies[1]["messages"][1]["content"] == [redacted]


async def test_trap_8_signed_reasoning_of_another_provider_is_not_sent_and_reported(line):
    stranger = Wire(origin="openai.responses", id="rs_1", opaque={"encrypted_content": "gAAA"})
    turn = assistant(Reasoning(text="I think", form="summary", wire=stranger), Text(text="Hello."))
    talk = line()
    response = await talk.ask(Request(messages=(user("?"), turn, user("!"))))
    assert talk.bodies[0]["messages"][1]["content"] == [{"type": "text", "text": "Hello."}]
    (receipt,) = response.dropped
    assert (receipt.kind, receipt.name, receipt.message_id) == ("opaque", "reasoning", turn.id)
    assert "openai.responses" in receipt.reason


async def test_trap_8_calls_of_another_provider_get_ids_that_are_accepted_here(line):
    theirs = Wire(origin="google.generate", id="not accepted!", opaque={"thoughtSignature": "x"})
    call = ToolCall(call_id="call:äöü/1", name="look", args_json="{}", wire=theirs)
    messages = (user("?"), assistant(call), results(answer(call, "seen")))
    talk = line()
    await talk.ask(Request(messages=messages))
    (sent,), (result,) = (message["content"] for message in talk.bodies[0]["messages"][1:])
    assert sent["id"] == result["tool_use_id"]
    assert sent["id"].isalnum()
    assert sent == {"type": "tool_use", "id": sent["id"], "name": "look", "input": {}}


def thought(text: str) -> dict:
    return {"type": "thinking", "thinking": text, "signature": SIGNATURE}


async def _two_turns(line, model: str):
    replies = [{"content": [thought(f"t{n}"), {"type": "text", "text": f"a{n}"}]} for n in (1, 2, 3)]
    talk = line(*replies, model=model)
    messages: list[Message] = [user("one")]
    for question in ("two", "three"):
        response = await talk.ask(Request(messages=tuple(messages), delivery="whole"))
        messages += [response.message, user(question)]
    return talk, messages


async def test_bound_reasoning_goes_back_while_its_prefix_is_unchanged(line):
    talk, messages = await _two_turns(line, "claude-fable-5-1")
    response = await talk.ask(Request(messages=tuple(messages), delivery="whole"))
    assert response.dropped == ()
    sent = talk.bodies[-1]["messages"]
    assert [sent[1]["content"][0], sent[3]["content"][0]] == [thought("t1"), thought("t2")]


async def test_bound_reasoning_is_left_out_once_its_prefix_was_edited(line):
    talk, messages = await _two_turns(line, "claude-fable-5-1")
    response = await talk.ask(Request(messages=(user("edited"), *messages[1:]), delivery="whole"))
    assert [receipt.name for receipt in response.dropped] == ["reasoning", "reasoning"]
    assert response.dropped[0].reason == "the conversation before it was changed"
    assert [m["content"] for m in talk.bodies[-1]["messages"] if m["role"] == "assistant"] == [
        [{"type": "text", "text": "a1"}],
        [{"type": "text", "text": "a2"}],
    ]


async def test_a_cache_mark_that_moves_on_does_not_change_the_prefix(line):
    talk = line({"content": [thought("t"), {"type": "text", "text": "a"}]}, model="claude-opus-5-5")
    marked, bare = Text(text="one", cache="5m"), Text(text="one")
    response = await talk.ask(Request(messages=(user(marked),), delivery="whole"))
    again = await talk.ask(Request(messages=(user(bare), response.message, user("two")), delivery="whole"))
    assert again.dropped == ()
    assert talk.bodies[1]["messages"][1]["content"][0] == thought("t")


async def test_a_model_that_binds_nothing_gets_reasoning_back_after_an_edit(line):
    talk, messages = await _two_turns(line, "claude-sonnet-4-5")
    response = await talk.ask(Request(messages=(user("edited"), *messages[1:]), delivery="whole"))
    assert response.dropped == ()


async def test_what_the_api_took_out_of_the_input_is_a_warning(line):
    dropped = {"type": "thinking_dropped", "path": "messages.1.content.0", "reason": "model_binding_mismatch"}
    response = await line({"input_transformations": [dropped]}).ask(Request(messages=(user("?"),), delivery="whole"))
    assert "messages.1.content.0" in response.warnings[0]
    assert "model_binding_mismatch" in response.warnings[0]


async def test_reasoning_of_a_stream_that_broke_off_is_not_replayed(line, sse):
    begun = sse(
        {"type": "message_start", "message": {"id": "m", "model": "x", "usage": {}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "half"}},
    )
    talk = line(begun, {})
    failed = await talk.ask(Request(messages=(user("?"),)))
    assert isinstance(failed, Failed)
    assert failed.partial.message.parts[0].text == "half"
    again = (user("?"), failed.partial.message, user("go on"))
    response = await talk.ask(Request(messages=again, delivery="whole"))
    assert [receipt.name for receipt in response.dropped] == ["reasoning"]
    assert [message["role"] for message in talk.bodies[1]["messages"]] == ["user"]


async def test_trap_2_a_thinking_block_without_any_text_field_is_kept_too(line, streamed):
    bare = {"type": "thinking", "signature": SIGNATURE}
    for reply, delivery in (({"content": [bare]}, "whole"), (streamed((bare, [])), "stream")):
        talk = line(reply)
        response = await talk.ask(Request(messages=(user("?"),), delivery=delivery))
        assert isinstance(response.message.parts[0], Reasoning)
        await talk.ask(Request(messages=(user("?"), response.message, user("!")), delivery=delivery))
        assert talk.bodies[1]["messages"][1]["content"] == [bare]


async def test_signed_thinking_and_server_tools_move_between_platforms_of_the_same_maker(line):
    search = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}}
    found = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
    content = [thought("t"), search, found, {"type": "text", "text": "a"}]
    response = await line({"content": content}).ask(Request(messages=(user("?"),), delivery="whole"))
    other = line(provider="bedrock", model="us.anthropic.claude-sonnet-4-5-20250929-v1:0", path="/model/x/invoke")
    again = await other.ask(Request(messages=(user("?"), response.message, user("!")), delivery="whole"))
    assert again.dropped == ()
    assert other.bodies[0]["messages"][1]["content"] == content
