"""A turn goes back to the provider that made it with the small fields that it had."""

import json
from typing import Any

import pytest

from copilot_kit.messages import answer, results, user
from copilot_kit.profile import Profile
from copilot_kit.request import Request
from copilot_kit_openai.chat_parse import parse_request
from copilot_kit_openai.chat_request import ChatEncoder
from copilot_kit_openai.dialects import DIALECTS

pytestmark = pytest.mark.anyio

ASK = user("?")
CALL = {"id": "call_abcd", "type": "function", "index": 0, "function": {"name": "f", "arguments": "{}"}}


async def second_request(wire: Any, provider: str, first: Any, delivery: str) -> dict[str, Any]:
    """Return the turn of the assistant, as it is sent back."""
    there = wire.provider(provider, first, wire.json(wire.message()))
    turn = (await there.answer(Request(messages=(ASK,), delivery=delivery))).message
    told = [results(*(answer(call, "done") for call in turn.calls))] if turn.calls else [ASK]
    await there.answer(Request(messages=(ASK, turn, *told), delivery="whole"))
    sent: dict[str, Any] = there.sent[-1]["messages"][1]
    return sent


@pytest.mark.parametrize(("provider", "back"), [("openai", {"annotations": []}), ("groq", {})])
async def test_no_annotations_go_back_to_openai_and_to_nobody_who_refuses_them(
    wire: Any, provider: str, back: dict[str, Any]
) -> None:
    said = wire.json(wire.message("Hello.", annotations=[]))
    sent = await second_request(wire, provider, said, "whole")
    assert sent == {"role": "assistant", "content": "Hello.", **back}


async def test_sources_that_became_citations_do_not_go_back_as_annotations(wire: Any) -> None:
    note = {"type": "url_citation", "url_citation": {"url": "https://x.invalid", "title": "X"}}
    sent = await second_request(wire, "openai", wire.json(wire.message("Hello.", annotations=[note])), "whole")
    assert sent == {"role": "assistant", "content": "Hello."}


@pytest.mark.parametrize(("provider", "index"), [("deepseek", 0), ("mistral", 0), ("openai", None)])
@pytest.mark.parametrize("delivery", ["whole", "stream"])
async def test_calls_go_back_with_their_index_where_it_is_known_to_be_taken(
    wire: Any, provider: str, index: int | None, delivery: str
) -> None:
    whole = wire.json(wire.message(None, "tool_calls", tool_calls=[CALL]))
    stream = wire.stream(wire.delta(tool_calls=[CALL]), wire.delta("tool_calls"))
    sent = await second_request(wire, provider, whole if delivery == "whole" else stream, delivery)
    assert sent["tool_calls"][0].get("index") == index


def test_a_recorded_turn_keeps_its_empty_content() -> None:
    turn = {"role": "assistant", "content": [], "prefix": False, "tool_calls": [CALL]}
    model, read = parse_request({"model": "m", "messages": [turn]}, DIALECTS["mistral"])
    sent = ChatEncoder(DIALECTS["mistral"], model, Profile()).encode(read).content
    assert b'"content":[]' in sent
    assert b'"prefix":false' in sent


@pytest.mark.parametrize("turns", [["Invalid content"], "Hello", {"role": "user"}])
def test_what_a_client_sent_in_place_of_turns_goes_out_as_it_came(turns: Any) -> None:
    model, read = parse_request({"model": "m", "messages": turns, "n": 2}, DIALECTS["openai"])
    assert Request.model_validate_json(read.model_dump_json()) == read
    sent = json.loads(ChatEncoder(DIALECTS["openai"], model, Profile()).encode(read).content)
    assert sent == {"model": "m", "messages": turns, "n": 2}
