"""Messages, requests and responses: whatever they hold, JSON gives it back exactly."""

import json
from datetime import UTC, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from copilot_kit.messages import (
    Citation,
    File,
    Foreign,
    Message,
    Reasoning,
    Source,
    Summary,
    Text,
    ToolCall,
    ToolResult,
    UnknownPart,
    Wire,
    answer,
    assistant,
    results,
    user,
)
from copilot_kit.profile import Profile
from copilot_kit.request import OutputSpec, ProviderTool, Request, Settings, ToolSpec
from copilot_kit.response import Attempt, Dropped, Response, Served, Stop, Usage

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.text("abcdefghij._-", min_size=1, max_size=8)
whole = st.integers(-(2**70), 2**70)
plain = st.none() | st.booleans() | whole | st.floats(allow_nan=False, allow_infinity=False) | words
json_values = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=6
)
objects = st.dictionaries(names, json_values, max_size=3)


def maybe(strategy):
    return st.none() | strategy


wires = st.builds(
    Wire,
    origin=names,
    model=maybe(names),
    id=maybe(words),
    opaque=json_values,
    prefix_digest=maybe(names),
)
plain_sources = st.builds(
    Source, kind=st.sampled_from(["user", "tool", "derived"]), ref=maybe(words), trusted=st.booleans()
)
sources = st.builds(Source, kind=st.just("derived"), of=st.lists(plain_sources, max_size=2).map(tuple))
side = {"wire": maybe(wires), "cache": maybe(st.sampled_from(["auto", "5m", "1h"])), "source": maybe(sources)}
citations = st.builds(
    Citation, title=maybe(words), quote=maybe(words), start=maybe(st.integers(0, 9)), wire=maybe(wires)
)
texts = st.builds(Text, text=words, citations=st.lists(citations, max_size=2).map(tuple), refusal=st.booleans(), **side)
thoughts = st.builds(Reasoning, text=maybe(words), form=st.sampled_from(["full", "summary", "hidden"]), **side)
executed = st.sampled_from(["client", "provider"])
calls = st.builds(ToolCall, call_id=words, name=names, args_json=words, executed_by=executed, **side)
files = st.builds(File, media_type=words, data=st.binary(max_size=40), name=maybe(words), **side) | st.builds(
    File, media_type=words, url=words, **side
)
foreign = st.builds(Foreign, kind=names, value=json_values, **side)
summaries = st.builds(Summary, text=maybe(words), replaces=st.tuples(words, words), **side)
unknown = st.builds(
    lambda fields, kind: UnknownPart.model_validate({**fields, "type": f"later.{kind}"}),
    st.dictionaries(st.text("abcdefgh", min_size=1, max_size=5).map("x_".__add__), json_values, max_size=3),
    names,
)
outcomes = st.sampled_from(["ok", "error", "denied", "expired", "cancelled", "interrupted", "unknown"])
tool_results = st.builds(
    ToolResult,
    call_id=words,
    content=st.lists(texts | files | foreign | unknown, max_size=2).map(tuple),
    outcome=outcomes,
    executed_by=executed,
    **side,
)
parts = texts | thoughts | calls | files | foreign | summaries | unknown | tool_results
minutes = st.integers(-14 * 60, 14 * 60).map(lambda n: timezone(timedelta(minutes=n)))
moments = st.datetimes(timezones=minutes | st.just(UTC))
messages = st.builds(
    Message,
    id=words,
    role=st.sampled_from(["system", "user", "assistant", "tool"]),
    parts=st.lists(parts, max_size=4).map(tuple),
    at=maybe(moments),
    meta=objects,
    wire=maybe(wires),
)
figures = maybe(st.integers(0, 10**9))
usages = st.builds(
    Usage,
    input=figures,
    cache_read=figures,
    cache_write=figures,
    output=figures,
    reasoning=figures,
    cost_usd=maybe(st.decimals(0, 1000, places=9)),
    price_source=maybe(words),
)
settings = st.builds(
    Settings,
    effort=maybe(st.sampled_from(["none", "max"])),
    max_output_tokens=figures,
    temperature=maybe(st.floats(0, 2)),
    stop=st.lists(words, max_size=2).map(tuple),
    cache=maybe(st.sampled_from(["off", "auto", "5m", "1h"])),
    deadline_s=maybe(st.floats(0, 999)),
    extra=st.dictionaries(names, objects, max_size=2),
    on_unsupported=st.sampled_from(["drop", "error"]),
)
tools = st.builds(
    ToolSpec, name=names, description=maybe(words), parameters=objects, strict=maybe(st.booleans()), wire=maybe(wires)
) | st.builds(ProviderTool, kind=names, value=json_values)
requests = st.builds(
    Request,
    messages=st.lists(messages, max_size=3).map(tuple),
    tools=st.lists(tools, max_size=2).map(tuple),
    tool_choice=maybe(st.sampled_from(["auto", "none", "required"]) | st.lists(names, max_size=2).map(tuple)),
    parallel_tools=maybe(st.booleans()),
    output=maybe(st.builds(OutputSpec, json_schema=objects, name=names, strict=maybe(st.booleans()))),
    settings=settings,
    delivery=st.sampled_from(["stream", "whole"]),
)
responses = st.builds(
    Response,
    message=messages,
    model=st.builds(Served, asked=words, provider=names, served=maybe(words), slot=maybe(words)),
    stop=st.builds(Stop, kind=st.sampled_from(["end", "tool", "error"]), raw=maybe(words), detail=json_values),
    state=st.sampled_from(["complete", "partial"]),
    usage=usages,
    settings_used=objects,
    dropped=st.lists(
        st.builds(Dropped, kind=st.sampled_from(["setting", "opaque"]), name=names, reason=words, became=maybe(words)),
        max_size=2,
    ).map(tuple),
    warnings=st.lists(words, max_size=2).map(tuple),
    attempts=st.lists(
        st.builds(Attempt, model=names, error=maybe(names), waited_s=maybe(st.floats(0, 9))), max_size=2
    ).map(tuple),
    response_id=maybe(words),
    extra=objects,
)


def same(record) -> None:
    text = record.model_dump_json()
    again = type(record).model_validate_json(text)
    assert again == record
    assert again.model_dump_json() == text
    assert type(record).model_validate(record.model_dump()) == record
    assert type(record).model_validate(record.model_dump(mode="json")) == record


@given(messages)
def test_a_message_survives_json_exactly(message: Message):
    same(message)


@given(requests)
def test_a_request_survives_json_exactly(request: Request):
    same(request)


@given(responses)
def test_a_response_survives_json_exactly(response: Response):
    same(response)


@given(usages)
def test_usage_survives_json_exactly(usage: Usage):
    same(usage)


@given(st.dictionaries(words.filter(lambda name: name != "type"), json_values, max_size=4))
def test_a_part_of_a_later_version_is_dumped_exactly_as_it_came(fields):
    came = {"id": "m", "role": "assistant", "parts": [{"type": "hologram", **fields}]}
    message = Message.model_validate_json(json.dumps(came))
    assert json.loads(message.model_dump_json()) == came
    assert message.model_dump(mode="json") == came


def test_a_part_of_a_later_version_inside_a_result_is_kept_too():
    part = {"type": "tool_result", "call_id": "c", "content": [{"type": "hologram", "a": [1, {"b": None}]}]}
    message = Message.model_validate({"id": "m", "role": "tool", "parts": [part]})
    dumped = message.model_dump(mode="json")["parts"][0]
    assert dumped["content"] == part["content"]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "text", "text": "a", "mood": "good"},
        {"type": "text"},
        {"type": "tool_call", "call_id": "c", "name": "n", "args_json": {"a": 1}},
        {"type": "file", "media_type": "image/png"},
        {"type": "file", "media_type": "image/png", "data": "aGk=", "url": "http://a"},
        {"type": "file", "media_type": "image/png", "data": "%%%"},
        {"type": None},
        {},
    ],
)
def test_what_is_no_part_is_refused(part):
    with pytest.raises(ValidationError):
        Message.model_validate({"id": "m", "role": "user", "parts": [part]})


def test_numbers_that_json_lacks_are_refused():
    with pytest.raises(ValidationError):
        Settings(temperature=float("nan"))
    with pytest.raises(ValidationError):
        Usage(cost_usd=Decimal("NaN"))


def test_what_is_not_set_is_not_written():
    message = Message(id="m", role="user", parts=(Text(text="hi"),))
    assert message.model_dump_json() == '{"id":"m","role":"user","parts":[{"type":"text","text":"hi"}]}'


def test_messages_cannot_be_changed():
    message = user("hi")
    with pytest.raises(ValidationError):
        message.role = "system"
    with pytest.raises(ValidationError):
        message.parts[0].text = "bye"


def test_bytes_are_written_as_base64_for_urls_and_read_in_both_alphabets():
    file = File(media_type="image/png", data=b"\xfb\xff\xfe")
    assert json.loads(file.model_dump_json())["data"] == "-__-"
    for text in ("-__-", "+//+"):
        assert File.model_validate({"media_type": "image/png", "data": text}) == file


def test_text_joins_words_and_leaves_reasoning_out():
    assert assistant(Reasoning(text="hm"), "Hello, ", "world.").text == "Hello, world."


def test_calls_are_those_of_the_application():
    mine = ToolCall(call_id="a", name="n", args_json="{}")
    theirs = ToolCall(call_id="b", name="search", args_json="{}", executed_by="provider")
    assert assistant(mine, theirs).calls == (mine,)


def test_half_an_answer_gives_no_calls():
    call = ToolCall(call_id="a", name="n", args_json="{}")
    whole_answer = Response(message=assistant(call), model=Served(asked="m", provider="p"), stop=Stop(kind="tool"))
    assert whole_answer.calls == (call,)
    assert whole_answer.model_copy(update={"state": "partial"}).calls == ()


def test_an_answer_to_a_call_carries_the_providers_id_and_nothing_signed():
    call = ToolCall(
        call_id="a", name="n", args_json="{}", wire=Wire(origin="x.y", model="m", id="toolu_1", opaque="sig")
    )
    result = answer(call, "found", outcome="error")
    assert (result.call_id, result.wire, result.text, result.outcome) == (
        "a",
        Wire(origin="x.y", id="toolu_1"),
        "found",
        "error",
    )
    assert results(result).role == "tool"


@given(usages, usages)
def test_a_sum_knows_only_what_both_sides_know(a: Usage, b: Usage):
    total = a + b
    for name in ("input", "cache_read", "cache_write", "output", "reasoning", "cost_usd"):
        one, two, both = getattr(a, name), getattr(b, name), getattr(total, name)
        assert both == (None if one is None or two is None else one + two)


@given(settings, settings)
def test_upper_settings_win_and_lower_ones_fill_in(upper: Settings, lower: Settings):
    merged = upper.over(lower)
    for name in upper.model_fields_set - {"extra"}:
        assert getattr(merged, name) == getattr(upper, name)
    assert Settings().over(lower) == lower
    assert upper.over(Settings()) == upper


def test_extra_settings_merge_by_provider():
    upper = Settings(extra={"a": {"x": 1}, "b": {"y": 2}})
    lower = Settings(extra={"a": {"x": 0, "z": 3}})
    assert upper.over(lower).extra == {"a": {"x": 1, "z": 3}, "b": {"y": 2}}


def test_a_profile_takes_from_the_lower_one_what_it_does_not_know():
    lower = Profile(tools=True, context_window=1000, sources={"tools": "table", "context_window": "table"})
    upper = Profile(tools=False, sources={"tools": "probe"})
    merged = upper.over(lower)
    assert (merged.tools, merged.context_window, merged.parallel_tools) == (False, 1000, None)
    assert merged.sources == {"tools": "probe", "context_window": "table"}
