"""Only what the caller set is sent, in the provider's words; what is left out is said."""

from datetime import date

import pytest

from copilot_kit.messages import Text, assistant, system, user
from copilot_kit.profile import Profile
from copilot_kit.request import ProviderTool, Request, Settings, ToolSpec
from copilot_kit_anthropic.profiles import facts_of, profile_of

ASK = user("?")


async def _sent(line, settings: Settings, model: str = "claude-sonnet-4-5", profile=None, **more: object):
    talk = line(model=model, profile=profile)
    response = await talk.ask(Request(messages=(ASK,), settings=settings, delivery="whole", **more))
    body = {k: v for k, v in talk.bodies[0].items() if k not in ("messages", "model", "tools")}
    return body, [receipt.name for receipt in response.dropped], response


async def test_nothing_is_sent_but_the_maximum_that_the_api_demands(line):
    body, dropped, response = await _sent(line, Settings())
    assert (body, dropped) == ({"max_tokens": 20_000}, [])
    assert response.settings_used == {"max_tokens": 20_000}


async def test_a_stream_may_be_longer_than_an_answer_that_comes_at_once(line):
    talk = line()
    await talk.ask(Request(messages=(ASK,)))
    assert talk.bodies[0]["max_tokens"] == 32_000


@pytest.mark.parametrize(
    ("model", "maximum"), [("claude-3-haiku-20240307", 4_096), ("claude-3-5-haiku-latest", 8_192), ("gpt-oss", 8_192)]
)
async def test_the_maximum_is_one_that_the_model_can_give(line, model, maximum):
    body, _, _ = await _sent(line, Settings(), model)
    assert body == {"max_tokens": maximum}


async def test_settings_go_by_the_provider_s_names_and_are_reported_as_sent(line):
    extra = {"anthropic": {"top_k": 3, "metadata": {"user_id": "u"}}, "openai": {"x": 1}}
    settings = Settings(max_output_tokens=100, temperature=0.5, top_p=0.9, stop=("END",), extra=extra)
    body, dropped, response = await _sent(line, settings)
    assert body == {
        "max_tokens": 100,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop_sequences": ["END"],
        "top_k": 3,
        "metadata": {"user_id": "u"},
    }
    assert (dropped, response.settings_used) == ([], body)


async def test_a_seed_and_an_empty_stop_are_left_out_with_a_receipt(line):
    body, dropped, _ = await _sent(line, Settings(seed=7, stop=("\n", "x")))
    assert (body, dropped) == ({"max_tokens": 20_000, "stop_sequences": ["x"]}, ["stop", "seed"])


@pytest.mark.parametrize("model", ["claude-opus-4-7", "claude-sonnet-5", "claude-fable-5-1"])
async def test_newer_models_get_no_sampling_settings(line, model):
    body, dropped, _ = await _sent(line, Settings(temperature=0.2, top_p=0.9), model)
    assert (body, dropped) == ({"max_tokens": 20_000}, ["temperature", "top_p"])
    assert "temperature" in profile_of(model).refuses


async def test_older_models_are_told_how_many_tokens_to_think(line):
    body, dropped, _ = await _sent(line, Settings(effort="medium"))
    assert body == {"max_tokens": 28_192, "thinking": {"type": "enabled", "budget_tokens": 8_192}}
    body, dropped, _ = await _sent(line, Settings(effort="high", max_output_tokens=5_000))
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 3_750}
    body, dropped, _ = await _sent(line, Settings(effort="high", max_output_tokens=900))
    assert (body, dropped) == ({"max_tokens": 900}, ["effort"])


async def test_thinking_leaves_room_for_the_answer(line):
    body, _, _ = await _sent(line, Settings(effort="max"), "claude-opus-4-1")
    assert (body["max_tokens"], body["thinking"]["budget_tokens"]) == (32_000, 24_000)
    body, _, _ = await _sent(line, Settings(effort="max"), "claude-sonnet-4-5")
    assert (body["max_tokens"], body["thinking"]["budget_tokens"]) == (52_000, 32_000)


async def test_newer_models_decide_within_an_effort(line):
    body, dropped, _ = await _sent(line, Settings(effort="max"), "claude-opus-4-6")
    assert body["thinking"] == {"type": "adaptive"}
    assert body["output_config"] == {"effort": "max"}
    body, dropped, _ = await _sent(line, Settings(effort="minimal"), "claude-opus-4-6")
    assert (body["output_config"], dropped) == ({"effort": "low"}, ["effort"])


@pytest.mark.parametrize(
    ("model", "sent", "dropped"),
    [
        ("claude-opus-4-6", {"thinking": {"type": "disabled"}}, []),
        ("claude-fable-5", {"output_config": {"effort": "low"}}, ["effort"]),
        ("claude-3-haiku-20240307", {}, ["effort"]),
    ],
)
async def test_no_thinking_is_asked_for_where_a_model_can_do_without(line, model, sent, dropped):
    body, left_out, _ = await _sent(line, Settings(effort="none", max_output_tokens=9), model)
    assert (body, left_out) == ({"max_tokens": 9, **sent}, dropped)


async def test_a_forced_tool_excludes_thinking(line):
    tools = (ToolSpec(name="look", parameters={"type": "object"}),)
    body, dropped, _ = await _sent(line, Settings(effort="high"), tools=tools, tool_choice="required")
    assert (body["tool_choice"], "thinking" in body, dropped) == ({"type": "any"}, False, ["effort"])
    body, dropped, _ = await _sent(
        line, Settings(effort="high"), "claude-opus-4-6", tools=tools, tool_choice="required"
    )
    assert (body["output_config"], "thinking" in body, dropped) == ({"effort": "high"}, False, ["thinking"])


async def test_thinking_excludes_sampling(line):
    body, dropped, _ = await _sent(line, Settings(effort="low", temperature=0.3, top_p=0.5))
    assert ("temperature" in body, "top_p" in body, dropped) == (False, False, ["temperature", "top_p"])
    body, dropped, _ = await _sent(line, Settings(effort="low", temperature=1, top_p=0.97))
    assert (body["temperature"], body["top_p"], dropped) == (1, 0.97, [])


async def test_fields_of_the_provider_are_laid_over_ours_and_none_removes_one(line):
    extra = {
        "thinking": {"type": "adaptive", "display": "summarized"},
        "output_config": {"effort": "xhigh"},
        "max_tokens": None,
    }
    body, _, _ = await _sent(line, Settings(effort="low", extra={"anthropic": extra}), "claude-opus-4-7")
    assert body == {"thinking": extra["thinking"], "output_config": {"effort": "xhigh"}}


async def test_beta_features_are_named_in_the_header_where_they_are_needed(line):
    talk = line()
    edits = {"edits": [{"type": "clear_tool_uses_20250919"}, {"type": "compact_20260112"}]}
    extra = {"betas": ["mcp-client-2026-09-15", "x-2026-01-01"], "context_management": edits, "mcp_servers": [{}]}
    computer = ProviderTool(kind="anthropic.computer_20250124", value={"type": "computer_20250124", "name": "computer"})
    await talk.ask(Request(messages=(ASK,), tools=(computer,), settings=Settings(extra={"anthropic": extra})))
    await talk.ask(Request(messages=(ASK,)))
    assert talk.sent[0].headers["anthropic-beta"].split(",") == [
        "mcp-client-2026-09-15",
        "x-2026-01-01",
        "context-management-2025-06-27",
        "compact-2026-01-12",
        "computer-use-2025-01-24",
    ]
    assert "betas" not in talk.bodies[0]
    assert "anthropic-beta" not in talk.sent[1].headers


MARK = {"type": "ephemeral"}
TOOLS = (ToolSpec(name="a", parameters={}), ToolSpec(name="b", parameters={}))
LONG = (system("s"), user("1"), assistant("2"), user("3"), assistant("4"), user("5"))


def _marks(body) -> dict[str, list]:
    return {
        "tools": [t.get("cache_control") for t in body.get("tools", ())],
        "system": [s.get("cache_control") for s in body.get("system", ())],
        "messages": [[b.get("cache_control") for b in m["content"]] for m in body["messages"]],
    }


async def test_auto_caching_marks_tools_system_the_last_message_and_where_the_last_request_ended(line):
    talk = line()
    await talk.ask(Request(messages=LONG, tools=TOOLS, settings=Settings(cache="auto")))
    assert _marks(talk.bodies[0]) == {
        "tools": [None, MARK],
        "system": [MARK],
        "messages": [[None], [None], [MARK], [None], [MARK]],
    }


async def test_caching_with_a_time_to_live_says_so_at_each_mark(line):
    talk = line()
    await talk.ask(Request(messages=LONG, settings=Settings(cache="1h")))
    assert _marks(talk.bodies[0])["system"] == [{"type": "ephemeral", "ttl": "1h"}]


async def test_no_more_than_four_marks_are_sent_with_those_that_the_caller_set(line):
    talk = line()
    marked = tuple(user(Text(text=str(n), cache="auto")) if n % 2 else assistant(str(n)) for n in range(1, 6))
    await talk.ask(Request(messages=(system("s"), *marked), tools=TOOLS, settings=Settings(cache="auto")))
    found = _marks(talk.bodies[0])
    assert found["messages"] == [[MARK], [None], [MARK], [None], [MARK]]
    assert (found["system"], found["tools"]) == ([MARK], [None, None])


async def test_a_mark_of_an_hour_never_comes_after_one_of_five_minutes(line):
    talk = line()
    messages = (system("s"), user(Text(text="1", cache="1h")), assistant("2"), user("3"), assistant("4"), user("5"))
    await talk.ask(Request(messages=messages, tools=TOOLS, settings=Settings(cache="auto")))
    found = _marks(talk.bodies[0])
    assert found["messages"] == [[{"type": "ephemeral", "ttl": "1h"}], [None], [None], [None], [MARK]]
    assert (found["system"], found["tools"]) == ([None], [None, None])


async def test_caching_off_leaves_out_the_caller_s_marks_too(line):
    talk = line()
    messages = (system("s", cache="1h"), user(Text(text="1", cache="auto")), assistant("2"), user("3"))
    tools = (ToolSpec(name="a", parameters={}, cache="5m"),)
    await talk.ask(Request(messages=messages, tools=tools, settings=Settings(cache="off")))
    assert "cache_control" not in talk.sent[0].content.decode()
    await talk.ask(Request(messages=messages, tools=tools))
    assert talk.sent[1].content.decode().count("cache_control") == 3


async def test_trap_31_input_counts_what_was_read_from_and_written_to_the_cache(played):
    line = played("anthropic-messages-cache-write-read")
    usages = [(await line.ask(Request(messages=(ASK,), delivery="whole"))).usage for _ in range(2)]
    assert [usage.input - usage.cache_read - usage.cache_write > 0 for usage in usages] == [True, True]
    assert usages[1].cache_read > 1_000
    assert usages[1].input > usages[1].cache_read


async def test_trap_31_what_nobody_said_is_none_and_not_nought(line):
    usage = (await line({"usage": {"input_tokens": 3}}).ask(Request(messages=(ASK,), delivery="whole"))).usage
    assert (usage.input, usage.cache_read, usage.output, usage.reasoning) == (3, None, None, None)


@pytest.mark.parametrize(
    "name",
    [
        "claude-sonnet-4-5",
        "claude-sonnet-4-5-20250929",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "claude-sonnet-4-5@20250929",
        "anthropic/claude-sonnet-4.5",
    ],
)
def test_a_model_is_known_by_its_name_on_every_platform(name):
    assert (facts_of(name).thinking, facts_of(name).max_output) == ("budget", 64_000)


def test_an_unknown_name_is_tried():
    profile = profile_of("claude-sonata-9")
    assert (profile.tools, profile.efforts, profile.binds_reasoning) == (None, None, None)
    assert profile.refuses == ("seed",)


@pytest.mark.parametrize(
    ("model", "binds"),
    [("claude-fable-5-1", True), ("claude-sonnet-5-5", True), ("claude-sonnet-5", False), ("claude-opus-4-8", False)],
)
def test_it_is_known_which_models_bind_reasoning_to_its_prefix(model, binds):
    assert profile_of(model).binds_reasoning is binds


async def test_what_a_user_knows_better_than_the_table_counts(line):
    known = Profile(refuses=("temperature",), efforts=(), default_output_tokens=77)
    body, dropped, _ = await _sent(line, Settings(temperature=1, effort="low"), "a-local-model", profile=known)
    assert (body, dropped) == ({"max_tokens": 77}, ["effort", "temperature"])


@pytest.mark.parametrize(
    ("model", "day", "successor"),
    [
        ("claude-3-5-haiku-20241022", date(2026, 2, 19), "claude-haiku-4-5"),
        ("claude-3-5-sonnet-20241022", date(2025, 10, 28), "claude-sonnet-4-6"),
        ("anthropic.claude-3-opus-20240229-v1:0", date(2026, 1, 5), "claude-opus-4-6"),
        ("claude-sonnet-4-5-20250929", date(2026, 11, 30), "claude-sonnet-4-6"),
        ("claude-opus-5", None, None),
    ],
)
def test_the_day_on_which_a_model_retires_is_known_with_its_successor(
    model: str, day: date | None, successor: str | None
):
    assert (profile_of(model).lifecycle.retires, profile_of(model).lifecycle.successor) == (day, successor)
