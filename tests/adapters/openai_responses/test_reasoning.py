"""Reasoning goes back as it came, to whom it came from, before what it led to; or it does not go at all."""

import pytest

from copilot_kit.messages import Message, Reasoning, Text, ToolCall, Wire, answer, assistant, results, user
from copilot_kit.profile import Profile
from copilot_kit.request import Request

WHOLE = {"delivery": "whole"}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": '{"q":1}',
        "status": "completed"}  # fmt: skip
SAID = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "phase": "final_answer",
        "content": [{"type": "output_text", "text": "Hi.", "annotations": [], "logprobs": []}]}  # fmt: skip


async def turn_of(line, *items: dict[str, object]) -> Message:
    return (await line({"output": list(items)}).ask(Request(messages=(user("?"),), **WHOLE))).message


async def test_trap_04_a_reasoning_item_goes_back_directly_before_its_call(line):
    turn = await turn_of(line, THOUGHT, CALL)
    call = turn.calls[0]
    body = await line().body(Request(messages=(user("?"), turn, results(answer(call, "found"))), **WHOLE))
    output = {"type": "function_call_output", "call_id": "call_1", "output": "found"}
    assert body["input"] == [{"role": "user", "content": "?"}, THOUGHT, CALL, output]


async def test_trap_04_reasoning_before_each_of_several_calls_keeps_its_place(line):
    second = [THOUGHT | {"id": "rs_2"}, CALL | {"id": "fc_2", "call_id": "call_2"}]
    turn = await turn_of(line, THOUGHT, CALL, *second)
    body = await line().body(Request(messages=(turn,), **WHOLE))
    assert body["input"] == [THOUGHT, CALL, *second]


async def test_trap_04_reasoning_whose_follower_is_gone_is_not_sent_and_reported(line):
    turn = await turn_of(line, THOUGHT, CALL, SAID)
    shorter = turn.model_copy(update={"parts": (turn.parts[0], turn.parts[2])})
    asked = line()
    response = await asked.ask(Request(messages=(shorter,), **WHOLE))
    assert asked.bodies[0]["input"] == [SAID]
    assert [(d.kind, d.name, d.reason, d.message_id) for d in response.dropped] == [
        ("opaque", "reasoning", "the item that followed it is gone", turn.id)
    ]


async def test_trap_04_words_from_elsewhere_are_no_follower_of_a_reasoning_item(line):
    thought = Reasoning(form="hidden", wire=Wire(origin="openai.responses", id="rs_1", opaque={"item": THOUGHT}))
    body = await line().body(Request(messages=(user("?"), assistant(thought, "Hi.")), **WHOLE))
    assert body["input"] == [
        {"role": "user", "content": "?"},
        {"type": "message", "role": "assistant", "content": "Hi."},
    ]


async def test_trap_04_reasoning_that_used_up_all_tokens_is_not_sent_back_alone(line):
    turn = await turn_of(line, THOUGHT)
    asked = line()
    response = await asked.ask(Request(messages=(user("?"), turn, user("again")), **WHOLE))
    assert [item["role"] for item in asked.bodies[0]["input"]] == ["user", "user"]
    assert [d.name for d in response.dropped] == ["reasoning"]


async def test_trap_04_two_reasoning_items_in_a_row_fall_together(line):
    turn = await turn_of(line, THOUGHT, THOUGHT | {"id": "rs_2"}, CALL)
    body = await line().body(Request(messages=(turn.model_copy(update={"parts": turn.parts[:2]}),), **WHOLE))
    assert body["input"] == []


async def test_trap_04_ids_that_repeat_in_a_turn_do_not_confuse_the_order(line):
    items = [THOUGHT, CALL, THOUGHT | {"encrypted_content": "gBBBB"}, SAID]
    turn = await turn_of(line, *items)
    assert (await line().body(Request(messages=(turn,), **WHOLE)))["input"] == items


async def test_trap_04_a_call_whose_reasoning_was_taken_out_is_sent_without_its_item_id(line):
    turn = await turn_of(line, THOUGHT, CALL)
    body = await line().body(Request(messages=(turn.model_copy(update={"parts": turn.parts[1:]}),), **WHOLE))
    assert body["input"] == [{name: value for name, value in CALL.items() if name != "id"}]


async def test_trap_04_words_put_in_the_place_of_the_answer_do_not_follow_its_reasoning(line):
    turn = await turn_of(line, THOUGHT, SAID)
    edited = turn.model_copy(update={"parts": (turn.parts[0], Text(text="The meaning of life is 42"))})
    body = await line().body(Request(messages=(edited,), **WHOLE))
    assert body["input"] == [{"type": "message", "role": "assistant", "content": "The meaning of life is 42"}]


async def test_trap_04_a_turn_that_was_built_by_hand_may_hold_reasoning(line):
    turn = await turn_of(line, THOUGHT, CALL)
    body = await line().body(Request(messages=(assistant(*turn.parts),), **WHOLE))
    assert body["input"] == [THOUGHT, CALL]


async def test_trap_05_an_empty_summary_is_sent_and_item_id_and_call_id_are_two_things(line):
    turn = await turn_of(line, THOUGHT, CALL)
    assert turn.parts[0] == Reasoning(
        form="hidden", wire=Wire(origin="openai.responses", id="rs_1", opaque={"item": THOUGHT})
    )
    call = turn.parts[1]
    assert isinstance(call, ToolCall)
    assert (call.wire.id, call.wire.opaque["shell"]["id"]) == ("call_1", "fc_1")
    assert call.call_id.startswith("call_")
    assert call.call_id != "call_1"


async def test_trap_08_reasoning_of_another_provider_is_left_out_and_reported(line):
    thought = Reasoning(text="hm", wire=Wire(origin="anthropic.messages", opaque={"signature": "x"}))
    asked = line()
    response = await asked.ask(Request(messages=(user("?"), assistant(thought, "Hi."), user("!")), **WHOLE))
    assert asked.bodies[0]["input"][1] == {"type": "message", "role": "assistant", "content": "Hi."}
    assert [(d.kind, d.name) for d in response.dropped] == [("opaque", "reasoning")]


async def test_trap_08_nothing_of_openai_s_own_goes_to_azure(line):
    turn = await turn_of(line, THOUGHT, CALL, SAID)
    body = await line(provider="azure").body(Request(messages=(turn,), **WHOLE))
    (call, said) = body["input"]
    assert call == {"type": "function_call", "call_id": turn.calls[0].call_id, "name": "look", "arguments": '{"q":1}'}
    assert said == {"type": "message", "role": "assistant", "content": "Hi."}


async def test_trap_23_phase_and_everything_else_of_a_message_comes_back(line):
    assert (await line().body(Request(messages=(await turn_of(line, SAID),), **WHOLE)))["input"] == [SAID]


async def test_summary_parts_are_kept_apart_by_an_empty_line_and_sent_back_as_they_came(line):
    parts = [{"type": "summary_text", "text": "One."}, {"type": "summary_text", "text": "Two."}]
    item = THOUGHT | {"summary": parts}
    turn = await turn_of(line, item, SAID)
    assert (turn.parts[0].text, turn.parts[0].form) == ("One.\n\nTwo.", "summary")
    assert (await line().body(Request(messages=(turn,), **WHOLE)))["input"] == [item, SAID]


async def test_a_history_that_lives_here_is_not_stored_there_and_asks_for_encrypted_reasoning(line):
    body = await line().body(Request(messages=(user("?"),), **WHOLE))
    assert (body["store"], body["include"]) == (False, ["reasoning.encrypted_content"])


async def test_a_model_that_does_not_reason_is_not_asked_for_encrypted_reasoning(line):
    body = await line(profile=Profile(efforts=())).body(Request(messages=(user("?"),), **WHOLE))
    assert body["store"] is False
    assert "include" not in body


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({"store": True}, {"store": True}),
        ({"store": None}, {}),
        ({"include": ["message.output_text.logprobs"]}, {"store": False, "include": ["message.output_text.logprobs"]}),
        ({"previous_response_id": "resp_1"}, {"previous_response_id": "resp_1"}),
        ({"conversation": "conv_1"}, {"conversation": "conv_1"}),
        ({"background": True}, {"background": True}),
    ],
)
async def test_what_the_caller_says_of_storage_is_left_as_it_is(line, extra, expected):
    request = Request(messages=(user("?"),), settings={"extra": {"openai": extra}}, **WHOLE)
    body = await line().body(request)
    assert {name: body[name] for name in body if name not in {"model", "input"}} == expected
