"""Real signed thinking, and what becomes of it when what stood before it is taken out of the window.

Of the adapters here this one alone binds: Claude Opus, Sonnet and Haiku 5.5, Fable 5.x and Mythos 5.x take thinking
back only after the very conversation that it followed. OpenAI's encrypted reasoning is not bound to what stands before
it, but to the item after it; the other providers' reasoning is words.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from copilot_kit.journal.windows import stub
from copilot_kit.messages import Message, Reasoning, ToolResult, answer, results, user
from copilot_kit.request import Request

RECORDED = (
    "anthropic-messages-thinking-tool-round-trip",
    "anthropic-messages-stream-thinking-tool-round-trip",
    "anthropic-messages-thinking-history-stable",
    "anthropic-messages-thinking-omitted",
    "anthropic-messages-redacted-thinking",
)
BINDS, BINDS_NOT = "claude-opus-5-5", "claude-sonnet-4-6"


def replies_of(interactions: list[dict[str, Any]]) -> list[Any]:
    """The recorded answers that hold thinking, whole or as the bytes of a stream."""
    found = []
    for interaction in interactions:
        recorded = interaction["response"]
        body = recorded.get("json") or "".join(recorded.get("chunks") or ()).encode()
        if b"thinking" in (body if isinstance(body, bytes) else json.dumps(body).encode()):
            found.append(body)
    return found


@pytest.fixture
def talked(line: Callable[..., Any], recorded: Callable[[str], list[dict[str, Any]]]) -> Callable[..., Any]:
    """Hold one conversation over all recorded thinking; each call is answered, each answer followed by a question."""

    async def talk(model: str) -> tuple[Any, list[Message]]:
        replies = [reply for name in RECORDED for reply in replies_of(recorded(name))]
        there = line(*replies, {}, model=model)
        messages: list[Message] = [user("What is to be done?")]
        for reply in replies:
            delivery = "stream" if isinstance(reply, bytes) else "whole"
            response = await there.ask(Request(messages=tuple(messages), delivery=delivery))
            messages.append(response.message)
            if response.calls:
                messages.append(results(*(answer(call, f"the result of {call.call_id}") for call in response.calls)))
            else:
                messages.append(user("And then?"))
        return there, messages

    return talk


def thoughts(message: Message) -> list[str]:
    """What only the provider can read of the thinking of a message."""
    opaque = [part.wire.opaque for part in message.parts if isinstance(part, Reasoning)]
    return [one.get("signature") or one["data"] for one in opaque]


def sent_thoughts(body: dict[str, Any]) -> list[str]:
    blocks = [block for message in body["messages"] for block in message["content"]]
    return [block.get("signature") or block["data"] for block in blocks if block["type"].endswith("thinking")]


async def sent(there: Any, messages: list[Message]) -> tuple[list[str], int]:
    """The thinking that goes out, and of how much a receipt says that it does not."""
    response = await there.ask(Request(messages=tuple(messages), delivery="whole"))
    receipts = [receipt for receipt in response.dropped if receipt.name == "reasoning"]
    assert all(receipt.reason == "the conversation before it was changed" for receipt in receipts)
    return sent_thoughts(there.bodies[-1]), len(receipts)


def with_cleared_result(message: Message) -> Message:
    parts = tuple(stub(part, message.id) if isinstance(part, ToolResult) else part for part in message.parts)
    return message.model_copy(update={"parts": parts})


async def test_the_recordings_hold_thinking_of_every_kind(talked):
    _, messages = await talked(BINDS)
    assert len([one for message in messages for one in thoughts(message)]) >= 6
    assert {message.role for message in messages} == {"user", "assistant", "tool"}


@pytest.mark.parametrize("model", [BINDS, BINDS_NOT])
async def test_all_of_it_goes_back_while_nothing_was_taken_out(talked, model):
    there, messages = await talked(model)
    assert await sent(there, messages) == ([one for message in messages for one in thoughts(message)], 0)


async def test_after_a_cleared_result_only_the_thinking_before_it_goes_back(talked):
    there, messages = await talked(BINDS)
    places = [place for place, message in enumerate(messages) if message.role == "tool"]
    assert places
    for place in places:
        cleared = [*messages[:place], with_cleared_result(messages[place]), *messages[place + 1 :]]
        before, after = (
            [one for message in some for one in thoughts(message)] for some in (messages[:place], messages[place:])
        )
        assert await sent(there, cleared) == (before, len(after))


async def test_behind_a_front_that_was_cut_off_no_thinking_goes_back(talked):
    there, messages = await talked(BINDS)
    borders = [place for place, message in enumerate(messages[:-1]) if message.role == "user" and place > 0]
    assert borders
    for place in borders:
        left = [one for message in messages[place:] for one in thoughts(message)]
        assert left
        assert await sent(there, [user("So far: much."), *messages[place:]]) == ([], len(left))


async def test_other_instructions_are_another_conversation(talked):
    there, messages = await talked(BINDS)
    told = Message(id="msg_system", role="system", parts=user("Be brief.").parts)
    went, receipts = await sent(there, [told, *messages])
    assert went == []
    assert receipts == len([one for message in messages for one in thoughts(message)])


async def test_a_model_that_binds_nothing_gets_all_that_is_left(talked):
    there, messages = await talked(BINDS_NOT)
    place = next(place for place, message in enumerate(messages) if message.role == "tool")
    cleared = [*messages[:place], with_cleared_result(messages[place]), *messages[place + 1 :]]
    assert await sent(there, cleared) == ([one for message in messages for one in thoughts(message)], 0)
