"""Real encrypted reasoning when old results are cleared and the front of the conversation is cut off.

It is bound to the item that followed it, and to nothing before it: a cleared result takes nothing away, and after a cut
at a border of turns every reasoning item still stands before what it led to.
"""

import itertools
import json
from typing import Any

import pytest

from copilot_kit.journal.windows import stub
from copilot_kit.messages import Message, ToolResult, answer, results, user
from copilot_kit.request import Request

RECORDED = (
    "openai-responses-interleaved-reasoning-between-tools",
    "openai-responses-reasoning-encrypted-tools",
    "openai-responses-reasoning-encrypted-round-trip",
)


@pytest.fixture
async def talked(line, recorded) -> tuple[Any, list[Message]]:
    """One conversation over all recorded answers; each call is answered, each answer followed by a question."""
    replies = [step["response"]["json"] for name in RECORDED for step in recorded(name)]
    there = line(*replies, {})
    messages: list[Message] = [user("What is to be done?")]
    for _ in replies:
        response = await there.ask(Request(messages=tuple(messages), delivery="whole"))
        calls = response.calls
        told = (
            results(*(answer(call, f"the result of {call.call_id}") for call in calls)) if calls else user("And then?")
        )
        messages += [response.message, told]
    return there, messages


async def sent(there: Any, messages: list[Message]) -> list[dict[str, Any]]:
    """The items that go out; no receipt may be needed for any of them."""
    response = await there.ask(Request(messages=tuple(messages), delivery="whole"))
    assert response.dropped == ()
    return there.bodies[-1]["input"]


def reasoning(items: list[dict[str, Any]]) -> list[str]:
    return [item["encrypted_content"] for item in items if item.get("type") == "reasoning"]


async def test_cleared_results_take_no_reasoning_with_them(talked):
    there, messages = talked
    whole = await sent(there, messages)
    assert len(reasoning(whole)) == 8
    cleared = [
        message.model_copy(update={"parts": tuple(
            stub(part, message.id) if isinstance(part, ToolResult) else part for part in message.parts
        )})
        for message in messages
    ]  # fmt: skip
    items = await sent(there, cleared)
    assert reasoning(items) == reasoning(whole)
    assert "the result of" not in json.dumps([item for item in items if item.get("type") == "function_call_output"])


async def test_after_a_cut_at_a_border_of_turns_reasoning_stands_before_what_it_led_to(talked):
    there, messages = talked
    borders = [
        place for place, message in enumerate(messages) if message.role == "user" and 0 < place < len(messages) - 1
    ]
    assert len(borders) == 2
    for place in borders:
        left = messages[place + 1 :]
        items = await sent(there, [user("So far: much."), *left])
        kinds = [item.get("type", "message") for item in items]
        assert (
            kinds.count("reasoning") == sum(part.type == "reasoning" for message in left for part in message.parts) > 0
        )
        followers = [after for kind, after in itertools.pairwise(kinds) if kind == "reasoning"]
        assert set(followers) <= {"function_call", "message"}
        assert kinds.count("function_call") == kinds.count("function_call_output")
