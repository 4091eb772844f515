"""What the provider takes out of a long conversation: asked for in its words, understood, and sent back as it came."""

import pytest

from copilot_kit.errors import InvalidRequest
from copilot_kit.events import Failed
from copilot_kit.messages import Summary, Text, assistant, system, user
from copilot_kit.request import ContextEditing, Request, Settings
from copilot_kit_anthropic.recorded import request_of

COMPACTION = {"type": "compaction", "content": "Ada asked for a parcel.", "encrypted_content": "EpAB/+=="}
CLEARED = {"applied_edits": [{"type": "clear_tool_uses_20250919", "cleared_tool_uses": 8, "cleared_input_tokens": 50}]}
BOTH = ContextEditing(
    clear_results_at=100_000, keep_results=3, keep_results_of=("memory",), clear_at_least=5_000, compact_at=150_000
)


def asking(*messages: object, editing: ContextEditing | None = None, **more: object) -> Request:
    settings = Settings(**({"context": editing, "max_output_tokens": 9} | more))
    return Request(messages=messages or (user("?"),), settings=settings, delivery="whole")


async def test_both_edits_are_asked_for_in_the_provider_s_words_and_its_beta_features_named(line):
    talk = line(model="claude-opus-4-6")
    response = await talk.ask(asking(editing=BOTH))
    assert talk.bodies[0]["context_management"] == {
        "edits": [
            {"type": "compact_20260112", "trigger": {"type": "input_tokens", "value": 150_000}},
            {
                "type": "clear_tool_uses_20250919",
                "trigger": {"type": "input_tokens", "value": 100_000},
                "keep": {"type": "tool_uses", "value": 3},
                "clear_at_least": {"type": "input_tokens", "value": 5_000},
                "exclude_tools": ["memory"],
            },
        ]
    }
    assert talk.sent[0].headers["anthropic-beta"] == "context-management-2025-06-27,compact-2026-01-12"
    assert response.dropped == ()
    assert request_of("anthropic", talk.bodies[0])[1].settings == Settings(context=BOTH, max_output_tokens=9)


@pytest.mark.parametrize(
    ("provider", "model", "sent", "names"),
    [
        ("anthropic", "claude-haiku-4-5", ["clear_tool_uses_20250919"], ["context.compact_at"]),
        ("anthropic", "claude-3-5-haiku", [], ["context.compact_at", "context.clear_results_at"]),
        ("deepseek", "chat", [], ["context.compact_at", "context.clear_results_at"]),
        ("anthropic", "claude-of-next-year", ["compact_20260112", "clear_tool_uses_20250919"], []),
    ],
)
async def test_what_is_not_done_for_a_model_is_left_out_with_a_receipt(line, provider, model, sent, names):
    talk = line(provider=provider, model=model)
    response = await talk.ask(asking(editing=BOTH))
    edits = talk.bodies[0].get("context_management", {}).get("edits", [])
    assert [edit["type"] for edit in edits] == sent
    assert [receipt.name for receipt in response.dropped] == names


async def test_a_model_that_must_take_it_and_does_not_refuses(line):
    asked = asking(editing=BOTH, on_unsupported="error")
    failed = await line(model="claude-3-5-haiku").ask(asked)
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, InvalidRequest)


async def test_fewer_tokens_than_the_provider_sums_up_become_as_many_with_a_receipt(line):
    talk = line(model="claude-opus-4-6")
    response = await talk.ask(asking(editing=ContextEditing(compact_at=1_000)))
    assert talk.bodies[0]["context_management"]["edits"][0]["trigger"]["value"] == 50_000
    (receipt,) = response.dropped
    assert (receipt.name, receipt.became) == ("context.compact_at", "50000")


async def test_nothing_is_asked_for_by_an_editing_that_says_nothing(line):
    talk = line()
    await talk.ask(asking(editing=ContextEditing(keep_results=3)))
    assert "context_management" not in talk.bodies[0]


async def test_the_caller_s_own_field_is_laid_over_ours(line):
    own = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}
    talk = line()
    await talk.ask(asking(editing=BOTH, extra={"anthropic": {"context_management": own}}))
    assert talk.bodies[0]["context_management"] == own


async def test_a_summary_of_the_provider_comes_out_as_a_summary_of_all_before_it_and_goes_back_as_it_came(line):
    reply = {"content": [COMPACTION, {"type": "text", "text": "It is on its way."}], "context_management": CLEARED}
    talk = line(reply, model="claude-opus-4-6")
    head, first, second = system("Be brief."), user("Where?"), user("Now?")
    response = await talk.ask(asking(head, first, second, editing=BOTH))
    summary, said = response.message.parts
    assert isinstance(summary, Summary)
    assert (summary.text, summary.replaces) == ("Ada asked for a parcel.", (first.id, second.id))
    assert response.message.text == said.text == "It is on its way."
    assert response.extra["context_management"] == CLEARED
    await talk.ask(asking(head, first, second, response.message, user("And?"), editing=BOTH))
    assert talk.bodies[1]["messages"][1]["content"] == [COMPACTION, {"type": "text", "text": "It is on its way."}]


async def test_a_streamed_summary_comes_out_the_same(line, streamed):
    begun = {"type": "compaction", "content": None}
    deltas = [{"type": "compaction_delta", "content": COMPACTION["content"], "encrypted_content": "EpAB/+=="}]
    talk = line(streamed((begun, deltas), ({"type": "text", "text": "So."}, [])), model="claude-opus-4-6")
    question = user("?")
    response = await talk.ask(Request(messages=(question,)))
    assert isinstance(response.message.parts[0], Summary)
    assert response.message.parts[0].replaces == (question.id, question.id)
    await talk.ask(Request(messages=(question, response.message)))
    assert talk.bodies[1]["messages"][1]["content"][0] == COMPACTION


async def test_a_pause_after_compaction_is_a_pause(line):
    response = await line({"content": [COMPACTION], "stop_reason": "compaction"}).ask(asking())
    assert (response.stop.kind, response.stop.raw) == ("paused", "compaction")


async def test_a_compaction_that_failed_replaces_nothing(line):
    failed = {"type": "compaction", "content": None}
    talk = line({"content": [failed, {"type": "text", "text": "Hi."}]}, model="claude-opus-4-6")
    question = user("?")
    response = await talk.ask(asking(question))
    assert not any(isinstance(part, Summary) for part in response.message.parts)
    await talk.ask(asking(question, response.message))
    assert talk.bodies[1]["messages"][1]["content"][0] == failed


async def test_a_conversation_with_a_summary_names_the_strategy_though_nothing_more_is_to_be_summed_up(line):
    talk = line({"content": [COMPACTION]}, model="claude-opus-4-6")
    question = user("?")
    response = await talk.ask(asking(question))
    assert "context_management" not in talk.bodies[0]
    await talk.ask(asking(question, response.message, user("!")))
    (edit,) = talk.bodies[1]["context_management"]["edits"]
    assert edit == {"type": "compact_20260112", "trigger": {"type": "input_tokens", "value": 2_000_000}}
    assert "compact-2026-01-12" in talk.sent[1].headers["anthropic-beta"]


async def test_a_model_without_compaction_is_sent_the_words_of_the_summary(line):
    question = user("?")
    response = await line({"content": [COMPACTION]}, model="claude-opus-4-6").ask(asking(question))
    other = line(model="claude-haiku-4-5")
    await other.ask(asking(question, response.message, user("!")))
    assert other.bodies[0]["messages"][1]["content"] == [{"type": "text", "text": "Ada asked for a parcel."}]
    assert "context_management" not in other.bodies[0]


async def test_our_own_summary_goes_out_as_text(line):
    talk = line(model="claude-opus-4-6")
    own = assistant(Summary(text="So far: nothing.", replaces=("msg_1", "msg_2")), Text(text="Yes."))
    await talk.ask(asking(user("?"), own, user("!")))
    assert talk.bodies[0]["messages"][1]["content"][0] == {"type": "text", "text": "So far: nothing."}
    assert "context_management" not in talk.bodies[0]


async def test_what_summing_up_took_is_counted(line):
    counts = {"input_tokens": 23_000, "output_tokens": 1_000, "cache_read_input_tokens": 7}
    iterations = [
        {"type": "compaction", "input_tokens": 180_000, "output_tokens": 3_500, "cache_read_input_tokens": 5},
        {"type": "message", "input_tokens": 23_000, "output_tokens": 1_000},
    ]
    response = await line({"usage": counts | {"iterations": iterations}}).ask(asking())
    usage = response.usage
    assert (usage.input, usage.cache_read, usage.output) == (203_012, 12, 4_500)
    assert response.extra["usage"]["iterations"] == iterations


async def test_the_recorded_request_with_a_summary_is_read_and_written_as_it_was(recorded):
    (step,) = recorded("anthropic-messages-compaction")
    _, request = request_of("anthropic", step["request"]["json"])
    summary = request.messages[2].parts[0]
    assert isinstance(summary, Summary)
    assert (summary.text, summary.replaces) == ("Summary: user said hello.", (request.messages[1].id,) * 2)
