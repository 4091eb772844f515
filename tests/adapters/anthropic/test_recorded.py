"""Bodies of the wire become our types and the same bodies again, whoever wrote them."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot_kit.conformance import check_recording, recordings
from copilot_kit.conformance.sameness import differences, normal
from copilot_kit.messages import File, Message, Text, ToolCall, ToolResult
from copilot_kit.request import ProviderTool, Request, ToolSpec
from copilot_kit.wire import Target
from copilot_kit_anthropic.check import check
from copilot_kit_anthropic.profiles import facts_of, profile_of
from copilot_kit_anthropic.recorded import request_of
from copilot_kit_anthropic.request import Encoder

NOT_CONVERSATIONS = {"batches", "count-tokens", "models"}


def again(body: dict[str, Any], provider: str = "anthropic") -> tuple[Request, dict[str, Any]]:
    """The request of a body, and the body of that request."""
    model, request = request_of(provider, body)
    stored = Request.model_validate_json(request.model_dump_json())
    assert stored == request
    profile = profile_of(model)
    target = Target(f"{provider}.messages", model, tool_id_pattern=profile.tool_id_pattern)
    encoder = Encoder(target, provider=provider, profile=profile, facts=facts_of(model), names_model="model" in body)
    return stored, json.loads(encoder.prepare(stored).body)


def assert_same(body: dict[str, Any], provider: str = "anthropic") -> Request:
    request, sent = again(body, provider)
    assert list(differences(normal(body, "messages"), normal(sent, "messages"))) == []
    return request


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def base(*messages: tuple[str, Any], **fields: Any) -> dict[str, Any]:
    wire = [{"role": role, "content": content} for role, content in messages]
    return {"model": "claude-sonnet-4-5", "max_tokens": 100, "messages": wire, **fields}


def result(call: str = "toolu_1", **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call, **more}


def call(**more: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}, **more}


PNG = {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}
MARK = {"type": "ephemeral", "ttl": "1h"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string", "default": None}}, "additionalProperties": False}

KINDS = {
    "computer use, bash and text editor": base(
        ("user", "go"),
        tools=[
            {"type": "computer_20250124", "name": "computer", "display_width_px": 1024, "display_height_px": 768},
            {"type": "bash_20250124", "name": "bash"},
            {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool", "max_characters": 1000},
        ],
    ),
    "files by reference": base(
        (
            "user",
            [
                {"type": "document", "source": {"type": "file", "file_id": "file_1"}, "title": "t", "context": "c",
                 "citations": {"enabled": True}, "cache_control": MARK},
                {"type": "image", "source": {"type": "file", "file_id": "file_2"}},
                {"type": "container_upload", "file_id": "file_3"},
            ],
        )
    ),
    "files by address": base(
        (
            "user",
            [
                {"type": "image", "source": {"type": "url", "url": "https://x.test/a"}},
                {"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}},
                {"type": "document", "source": {"type": "url", "url": "https://x.test/a.pdf"}},
            ],
        )
    ),
    "documents of text and of blocks, search results": base(
        (
            "user",
            [
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hi"}},
                {"type": "document", "source": {"type": "url", "url": "https://x.test/a"}, "title": "a"},
                {"type": "document", "source": {"type": "content", "content": [text("x")]}},
                {"type": "search_result", "source": "s", "title": "t", "content": [text("x")]},
            ],
        )
    ),
    "base64 that a recorder scrubbed": base(
        (
            "user",
            [
                {"type": "image", "source": {**PNG, "data": "<scrubbed>"}},
                {"type": "image", "source": {**PNG, "data": "iVBO\nRw=="}},
                {"type": "document", "source": {"type": "base64", "media_type": "application/msword", "data": "aGk="}},
            ],
        )
    ),
    "turns that other clients do not merge": base(
        ("user", "a"),
        ("user", [text("b")]),
        ("assistant", "c"),
        ("assistant", "d"),
        ("user", [result("t1", content="x"), text("y")]),
        ("user", [result("t2")]),
        ("user", [text("t"), result("t3", content=[])]),
    ),
    "results of every form": base(
        (
            "user",
            [
                result("t1", content="", is_error=False),
                result("t2", content=[text("a"), text("b", cache_control=MARK)], is_error=True, cache_control=MARK),
                result("t3", is_error=True),
                result("t4", content=[{"type": "image", "source": PNG}, {"type": "tool_reference", "tool_name": "z"}]),
                result("t5", content="", is_error=True),
                result("t6", content=[text("")]),
                result("t7", content="x", toolset_name="browser"),
            ],
        )
    ),
    "empty messages of error cases": base(("user", ""), ("assistant", ""), ("user", []), ("assistant", [text("")])),
    "thinking of every form": base(
        (
            "assistant",
            [
                {"type": "thinking", "thinking": "", "signature": "s"},
                {"type": "thinking", "thinking": "a", "signature": ""},
                {"type": "redacted_thinking", "data": "d"},
                call(),
                call(input={"b": 1, "a": None}, caller={"type": "direct"}, cache_control=MARK),
            ],
        ),
        thinking={"type": "enabled", "budget_tokens": 2000},
        tool_choice={"type": "any"},
        temperature=1.0,
    ),
    "server tools of every form": base(
        (
            "assistant",
            [
                {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}},
                {"type": "web_search_tool_result", "tool_use_id": "s1",
                 "content": [{"type": "web_search_result", "url": "u", "encrypted_content": "e", "page_age": "1 day"}]},
                text("x", citations=[{"type": "web_search_result_location", "url": "u", "encrypted_index": "i"}]),
                {"type": "mcp_tool_use", "id": "m1", "name": "n", "server_name": "s", "input": {}},
                {"type": "mcp_tool_result", "tool_use_id": "m1", "is_error": False, "content": [text("x")]},
                {"type": "code_execution_tool_result", "tool_use_id": "c",
                 "content": {"type": "code_execution_tool_result_error", "error_code": "unavailable"}},
                {"type": "compaction", "content": "They spoke."},
                {"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}},
            ],
        )
    ),
    "system prompts and settings": base(
        ("user", "x"),
        system=[text("a", cache_control=MARK), text("b")],
        metadata={"user_id": "u"},
        service_tier="auto",
        stop_sequences=["\n\n", "x"],
        top_k=3,
        top_p=0.4,
        mcp_servers=[{"type": "url", "url": "u", "name": "n"}],
        context_management={"edits": [{"type": "clear_tool_uses_20250919"}]},
        container={"skills": [{"type": "anthropic", "skill_id": "pptx"}]},
        cache_control={"type": "ephemeral"},
    ),
    "system messages inside": base(("system", "first"), ("user", "x"), ("system", [text("q")]), ("user", "y")),
    "an empty system prompt": base(("user", "x"), system=""),
    "no system blocks": base(("user", "x"), system=[], tools=[], stop_sequences=[]),
    "tools of every form": base(
        ("user", "x"),
        tools=[
            {"name": "open_strict", "input_schema": {"type": "object"}, "strict": True},
            {"name": "strict", "description": "", "input_schema": SCHEMA, "strict": True, "type": "custom"},
            {"name": "b", "input_schema": SCHEMA, "cache_control": MARK, "defer_loading": True, "strict": False},
            {"name": "c", "input_schema": SCHEMA, "input_examples": [{}], "eager_input_streaming": True},
            {"type": "mcp_toolset", "mcp_server_name": "n"},
        ],
        tool_choice={"type": "auto", "disable_parallel_tool_use": True},
    ),
    "choices of an unknown kind": base(("user", "x"), tool_choice={"type": "w"}, thinking={"type": "between_tools"}),
    "messages with further fields": {
        **base(("user", "a")),
        "messages": [
            {"role": "user", "content": [result(), text("a")], "id": "m1"},
            {"role": "user", "content": "b"},
            {"role": "system", "content": "c", "clear_at": {"type": "x"}},
            {"role": "assistant", "content": "", "name": "n"},
            {"role": "user", "content": "d"},
        ],
    },
    "a system prompt of an unknown form": base(("user", "x"), system=["words"]),
    "a prefilled answer": base(("user", "x"), ("assistant", "The answer is (")),
    "citations that are empty, null or odd": base(("assistant", [text("x", citations=[]), text("z", odd=1)])),
    "marks of an unknown form": base(("user", [text("x", cache_control={"type": "ephemeral", "scope": "org"})])),
    "arguments that are no object": base(("assistant", [call(input=None), call(input="s"), call(input=[1])])),
    "no maximum": {"model": "claude-x", "messages": [{"role": "user", "content": "x"}]},
    "sampling of a model that refuses it": {**base(("user", "x"), temperature=0.2), "model": "claude-opus-4-7"},
    "an effort alone": {**base(("user", "x"), output_config={"effort": "low"}), "model": "claude-opus-4-6"},
    "an effort with thinking and a format": {
        **base(
            ("user", "x"),
            output_config={"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
            thinking={"type": "adaptive"},
        ),
        "model": "claude-opus-4-6",
    },
    "a format whose schema is open": base(
        ("user", "x"), output_config={"format": {"type": "json_schema", "schema": {"type": "object"}}}
    ),
    "nulls": base(("user", "x"), system=None, tools=None, temperature=None, tool_choice=None, stop_sequences=None),
    "vertex": {"anthropic_version": "vertex-2023-10-16", "max_tokens": 5, "stream": True,
               "messages": [{"role": "user", "content": "x"}]},
}  # fmt: skip


@pytest.mark.parametrize("body", KINDS.values(), ids=KINDS)
def test_a_body_of_any_kind_becomes_a_request_and_the_same_body_again(body):
    assert_same(body)


def test_what_has_a_neutral_form_takes_it():
    body = base(
        ("user", [{"type": "image", "source": PNG}, text("?", cache_control={"type": "ephemeral"})]),
        ("assistant", [call(input={"a": 1})]),
        ("user", [result(content="seen", is_error=True), text("and?")]),
        temperature=0.5,
        stop_sequences=["END"],
        tools=[{"name": "look", "input_schema": SCHEMA, "strict": True}, {"type": "bash_20250124", "name": "bash"}],
        tool_choice={"type": "tool", "name": "look", "disable_parallel_tool_use": True},
        output_config={"format": {"type": "json_schema", "schema": SCHEMA}},
        thinking={"type": "disabled"},
    )
    request = assert_same(body)
    question, turn, results, last = request.messages
    assert question.parts == (File(media_type="image/png", data=b"\x89PNG"), Text(text="?", cache="auto"))
    (made,), (answered,) = turn.parts, results.parts
    assert isinstance(made, ToolCall)
    assert isinstance(answered, ToolResult)
    assert (made.args_json, answered.outcome, answered.text) == ('{"a":1}', "error", "seen")
    assert made.call_id == answered.call_id
    assert [message.role for message in request.messages] == ["user", "assistant", "tool", "user"]
    assert last.text == "and?"
    look, bash = request.tools
    assert isinstance(look, ToolSpec)
    assert look.strict is True
    assert isinstance(bash, ProviderTool)
    assert (request.tool_choice, request.parallel_tools, request.delivery) == (("look",), False, "whole")
    assert request.output is not None
    assert request.output.json_schema == SCHEMA
    known = request.settings
    assert (known.temperature, known.stop, known.effort, known.extra) == (0.5, ("END",), "none", {})


def _names(folder: Path) -> list[str]:
    rows = json.loads((folder / "wire" / "index.json").read_text())
    return [r["id"] for r in rows if r["provider"] == "anthropic" and r["api"] not in NOT_CONVERSATIONS]


async def test_every_recorded_exchange_of_the_messages_api_is_sent_and_understood(shared):
    names = set(_names(shared))
    claimed = [r for r in recordings(shared / "wire") if r.id in names or r.id.startswith("bedrock-invoke-anthropic")]
    assert len(claimed) > 60
    failed = {}
    for recording in claimed:
        verdict = await check_recording(recording, {"anthropic": check})
        if verdict.status != "passed":
            failed[verdict.id] = verdict.differences
    assert failed == {}


# What a model or a caller may write, at random: the words are odd on purpose.
WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
SOLID = WORDS.map(lambda words: words + ".")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(WORDS, JSON, max_size=3)
CACHES = st.sampled_from([{}, {"cache_control": {"type": "ephemeral"}}, {"cache_control": MARK}, {"odd": [1]}])
TEXTS = st.builds(lambda words, more: text(words, **more), SOLID | WORDS, CACHES)
IMAGES = st.just({"type": "image", "source": PNG})
CALLS = st.builds(lambda args, more: call(input=args, **more), OBJECTS, CACHES)
STRANGE = st.builds(lambda inner, word: {"type": f"x_{word}", **inner}, OBJECTS, WORDS)
RESULTS = st.builds(
    lambda content, more, failed: result(content=content, **more, **failed),
    WORDS | st.lists(TEXTS | IMAGES | STRANGE, max_size=3),
    CACHES,
    st.sampled_from([{}, {"is_error": True}, {"is_error": False}]),
)
THOUGHTS = st.builds(lambda words, sign: {"type": "thinking", "thinking": words, "signature": sign}, WORDS, WORDS)
USERS = st.lists(TEXTS | IMAGES | RESULTS | STRANGE, max_size=4) | WORDS
ASSISTANTS = st.lists(TEXTS | CALLS | THOUGHTS | STRANGE, max_size=4) | WORDS
TURNS = st.tuples(st.just("user"), USERS) | st.tuples(st.just("assistant"), ASSISTANTS)


@given(messages=st.lists(TURNS, max_size=5), system=st.none() | WORDS | st.lists(TEXTS, max_size=2))
@settings(max_examples=150, deadline=None)
def test_random_conversations_come_back_as_they_were(messages, system):
    body = base(*messages, system=system)
    first = assert_same(body)
    second, _ = again(again(body)[1])
    plain = [[_without_ids(message) for message in request.messages] for request in (first, second)]
    assert plain[0] == plain[1]


def _without_ids(message: Message) -> Any:
    value = message.model_dump(exclude={"id"})
    for part in value["parts"]:
        part.pop("call_id", None)
    return value


@pytest.mark.parametrize("turns", [["Invalid content"], "Hello", {"role": "user"}])
def test_what_a_client_sent_in_place_of_turns_goes_out_as_it_came(turns):
    assert_same({"model": "claude-3-opus-20240229", "max_tokens": 15, "messages": turns})
