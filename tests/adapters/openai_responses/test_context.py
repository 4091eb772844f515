"""Compaction by the provider: asked for in its words, kept as a summary that only it can read, and sent back."""

import pytest

from copilot_kit.errors import InvalidRequest
from copilot_kit.events import Failed
from copilot_kit.messages import Summary, user
from copilot_kit.profile import Profile
from copilot_kit.request import ContextEditing, Request, Settings
from copilot_kit_openai.dialects import DIALECTS
from copilot_kit_openai.responses_parse import parse_request

COMPACTION = {"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAAAAB"}
SAID = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": "Hi.", "annotations": [], "logprobs": []}]}  # fmt: skip
BOTH = ContextEditing(clear_results_at=100_000, compact_at=150_000)


def asking(*messages: object, editing: ContextEditing | None = BOTH, **more: object) -> Request:
    return Request(messages=messages or (user("?"),), settings=Settings(context=editing, **more), delivery="whole")


async def test_compaction_is_asked_for_and_clearing_left_out_with_a_receipt(line):
    talk = line()
    response = await talk.ask(asking())
    assert talk.bodies[0]["context_management"] == [{"type": "compaction", "compact_threshold": 150_000}]
    assert [(receipt.kind, receipt.name) for receipt in response.dropped] == [("setting", "context.clear_results_at")]


@pytest.mark.parametrize(("provider", "profile"), [("xai", None), ("openai", Profile(edits_context=()))])
async def test_where_it_is_not_done_it_is_left_out_with_a_receipt(line, provider, profile):
    talk = line(provider=provider, profile=profile)
    response = await talk.ask(asking(editing=ContextEditing(compact_at=150_000)))
    assert "context_management" not in talk.bodies[0]
    assert [receipt.name for receipt in response.dropped] == ["context.compact_at"]


async def test_a_model_that_must_take_it_and_does_not_refuses(line):
    failed = await line(provider="xai").ask(asking(on_unsupported="error"))
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, InvalidRequest)


async def test_a_compaction_item_comes_out_as_a_summary_of_all_before_it_and_goes_back_as_it_came(line):
    talk = line({"output": [COMPACTION, SAID]})
    first, second = user("Where?"), user("Now?")
    response = await talk.ask(asking(first, second))
    summary = response.message.parts[0]
    assert isinstance(summary, Summary)
    assert (summary.text, summary.replaces) == (None, (first.id, second.id))
    assert response.message.text == "Hi."
    await talk.ask(asking(first, second, response.message, user("And?")))
    assert talk.bodies[1]["input"][2:4] == [COMPACTION, SAID]


async def test_a_streamed_compaction_item_comes_out_the_same(line, streamed):
    question = user("?")
    response = await line(streamed((COMPACTION, []), (SAID, []))).ask(Request(messages=(question,)))
    assert [part.type for part in response.message.parts] == ["summary", "text"]
    again = line()
    await again.ask(asking(question, response.message, user("!"), editing=None))
    assert again.bodies[0]["input"][1:3] == [COMPACTION, SAID]


async def test_a_summary_that_only_one_provider_reads_is_not_sent_to_another_and_reported(line):
    response = await line({"output": [COMPACTION, SAID]}).ask(asking())
    other = line(provider="xai")
    said = await other.ask(asking(user("?"), response.message, editing=None))
    assert all(item.get("type") != "compaction" for item in other.bodies[0]["input"])
    assert [(receipt.kind, receipt.name) for receipt in said.dropped] == [("opaque", "summary")]


def test_a_request_of_another_client_says_the_same_in_our_words():
    body = {"model": "gpt-5.6", "input": "Hi", "context_management": [{"type": "compaction", "compact_threshold": 9}]}
    _, request = parse_request(DIALECTS["openai"], body)
    assert request.settings.context == ContextEditing(compact_at=9)
    assert "context_management" not in request.settings.extra["openai"]
