"""What may go to whom: the one rule, the one table, the names of calls."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit.encoding import EncodedMessages
from copilot_kit.messages import (
    Citation,
    File,
    Foreign,
    Message,
    Reasoning,
    Summary,
    Text,
    ToolCall,
    ToolResult,
    UnknownPart,
    Wire,
    user,
)
from copilot_kit.wire import Target, call_id_for, fit, may_replay

HERE = Target(origin="anthropic.messages", model="claude-a")
THERE = Target(origin="openai.responses", model="gpt-b")
FROM_HERE = Wire(origin="anthropic.messages", id="toolu_1", opaque="signed")
BOUND = Wire(origin="anthropic.messages", model="claude-a", opaque="signed", prefix_digest="abc")


@pytest.mark.parametrize(
    ("wire", "target", "digest", "may"),
    [
        (FROM_HERE, HERE, None, True),
        (FROM_HERE, THERE, None, False),
        (FROM_HERE, Target(origin="b.c", model="x", compatible=frozenset({"anthropic.messages"})), None, True),
        (None, HERE, None, False),
        (BOUND, HERE, None, True),
        (BOUND, Target(origin="anthropic.messages", model="claude-b"), None, False),
        (BOUND, Target(origin="anthropic.messages", model="claude-a", binds_reasoning=True), "abc", True),
        (BOUND, Target(origin="anthropic.messages", model="claude-a", binds_reasoning=True), "xyz", False),
        (BOUND, HERE, "xyz", True),
    ],
)
def test_opaque_data_goes_back_to_who_made_it_and_nowhere_else(wire, target, digest, may):
    assert may_replay(wire, target, prefix_digest=digest) is may


def replayable(wire):
    return [
        Text(text="t", citations=(Citation(title="a"),), wire=wire),
        Reasoning(text="hm", wire=wire),
        ToolCall(call_id="c", name="n", args_json="{}", wire=wire),
        ToolCall(call_id="c", name="n", args_json="{}", executed_by="provider", wire=wire),
        ToolResult(call_id="c", executed_by="provider", wire=wire),
        File(media_type="image/png", wire=wire),
        Foreign(kind="anthropic.block", value=1, wire=wire),
        Summary(text="s", replaces=("a", "b"), wire=wire),
    ]


@pytest.mark.parametrize("part", replayable(FROM_HERE), ids=lambda part: part.type)
def test_to_its_origin_a_part_goes_as_it_is(part):
    assert fit(part, HERE) == (part, None)


@pytest.mark.parametrize(
    "part",
    [
        Text(text="t"),
        ToolCall(call_id="c", name="n", args_json="{}"),
        ToolResult(call_id="c"),
        File(media_type="image/png", data=b"x"),
        File(media_type="image/png", url="http://a"),
    ],
    ids=lambda part: part.type,
)
def test_neutral_parts_go_everywhere_without_a_receipt(part):
    assert fit(part, THERE) == (part, None)


@pytest.mark.parametrize(
    ("part", "name", "kind"),
    [
        (Reasoning(text="hm", wire=FROM_HERE), "reasoning", "opaque"),
        (Reasoning(text="hm"), "reasoning", "part"),
        (Foreign(kind="anthropic.block", value=1, wire=FROM_HERE), "anthropic.block", "opaque"),
        (
            ToolCall(call_id="c", name="n", args_json="{}", executed_by="provider", wire=FROM_HERE),
            "tool_call",
            "opaque",
        ),
        (ToolResult(call_id="c", executed_by="provider", wire=FROM_HERE), "tool_result", "opaque"),
        (Summary(replaces=("a", "b"), wire=FROM_HERE), "summary", "opaque"),
        (UnknownPart(type="hologram"), "hologram", "part"),
    ],
)
def test_what_only_its_maker_reads_is_left_out_with_a_receipt(part, name, kind):
    sent, dropped = fit(part, THERE, message_id="m1")
    assert sent is None
    assert dropped is not None
    assert (dropped.name, dropped.kind, dropped.message_id, dropped.became) == (name, kind, "m1", None)


def test_citations_of_another_are_left_out_and_the_words_stay():
    sent, dropped = fit(Text(text="t", citations=(Citation(title="a", wire=FROM_HERE),), wire=FROM_HERE), THERE)
    assert sent == Text(text="t")
    assert dropped is not None
    assert (dropped.kind, dropped.name, dropped.became) == ("feature", "citations", "text without them")


def test_a_file_held_by_another_becomes_a_line_of_text():
    sent, dropped = fit(File(media_type="application/pdf", name="a.pdf", wire=FROM_HERE), THERE)
    assert sent == Text(text="[file a.pdf: held by anthropic.messages, not readable here]")
    assert dropped is not None
    assert dropped.became == "a line of text"


def test_a_summary_goes_everywhere_as_its_words():
    assert fit(Summary(text="s", replaces=("a", "b"), cache="5m"), THERE) == (Text(text="s", cache="5m"), None)


@pytest.mark.parametrize(
    ("wire", "target", "reason"),
    [
        (FROM_HERE, THERE, "made by anthropic.messages, which openai.responses cannot read"),
        (BOUND, Target(origin="anthropic.messages", model="claude-b"), "bound to the model claude-a"),
        (
            BOUND,
            Target(origin="anthropic.messages", model="claude-a", binds_reasoning=True),
            "the conversation before it was changed",
        ),
        (None, THERE, "openai.responses has no form for it"),
    ],
)
def test_a_receipt_says_why(wire, target, reason):
    _, dropped = fit(Reasoning(text="hm", wire=wire), target, prefix_digest="xyz")
    assert dropped is not None
    assert dropped.reason == reason


@pytest.mark.parametrize("part", replayable(FROM_HERE), ids=lambda part: part.type)
def test_nothing_signed_reaches_a_stranger(part):
    sent, _ = fit(part, THERE)
    assert sent is None or "signed" not in sent.model_dump_json()


def call(call_id, wire=None):
    return ToolCall(call_id=call_id, name="n", args_json="{}", wire=wire)


def test_a_call_keeps_its_name_where_it_was_made():
    assert call_id_for(call("call_ours", FROM_HERE), HERE) == "toolu_1"
    assert (
        call_id_for(ToolResult(call_id="call_ours", wire=Wire(origin="anthropic.messages", id="toolu_1")), HERE)
        == "toolu_1"
    )


def test_elsewhere_a_call_goes_by_our_name():
    assert call_id_for(call("call_ours", FROM_HERE), THERE) == "call_ours"


@given(st.text(min_size=1, max_size=80))
@pytest.mark.parametrize("pattern", ["[a-zA-Z0-9]{9}", "[a-zA-Z0-9_-]{1,64}", "[a-zA-Z0-9_-]{1,40}"])
def test_a_name_that_is_not_accepted_is_rewritten_the_same_each_time(pattern, call_id):
    target = Target(origin="mistral.chat", model="m", tool_id_pattern=pattern)
    name = call_id_for(call(call_id), target)
    assert re.fullmatch(pattern, name)
    assert name == call_id_for(ToolResult(call_id=call_id), target)


def test_rewritten_names_do_not_collide():
    target = Target(origin="mistral.chat", model="m", tool_id_pattern="[a-zA-Z0-9]{9}")
    assert len({call_id_for(call(f"call_{n}"), target) for n in range(2000)}) == 2000


def test_a_message_is_encoded_once_for_a_key_and_forgotten_with_the_message():
    cache, encoded = EncodedMessages(), []

    def encode(message: Message) -> int:
        encoded.append(message.text)
        return len(encoded)

    message, equal = user("hi"), None
    assert [cache.lookup(message, "k", encode), cache.lookup(message, "k", encode)] == [1, 1]
    assert cache.lookup(message, "other", encode) == 2
    equal = message.model_copy()
    assert cache.lookup(equal, "k", encode) == 3, "identity counts, not equality"
    assert len(cache) == 3
    del message, equal
    assert len(cache) == 0
