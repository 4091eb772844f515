"""Which request bodies mean the same, and which do not."""

import pytest

from copilot_kit.conformance.sameness import differences, normal, said_in


def differ(recorded, sent, api="chat"):
    return [str(found) for found in differences(normal(recorded, api), normal(sent, api))]


def chat(**message: object):
    return {"messages": [{"role": "user", **message}]}


@pytest.mark.parametrize(
    ("recorded", "sent", "api"),
    [
        (chat(content="hi"), chat(content=[{"type": "text", "text": "hi"}]), "chat"),
        ({"system": "be brief"}, {"system": [{"type": "text", "text": "be brief"}]}, "messages"),
        ({"a": None, "b": 1}, {"b": 1}, "chat"),
        ({"stream": False}, {}, "chat"),
        ({"temperature": 0}, {"temperature": 0.0}, "chat"),
        ({"function": {"arguments": '{"a": 1, "b": 2}'}}, {"function": {"arguments": '{"b":2,"a":1}'}}, "chat"),
        ({"function": {"arguments": ""}}, {"function": {"arguments": "{}"}}, "chat"),
        (chat(content="", tool_calls=[1]), chat(tool_calls=[1]), "chat"),
        (
            {"model": "m", "input": "hi"},
            {"model": "m", "input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}]},
            "responses",
        ),
        (
            {"input": [{"type": "message", "role": "assistant", "content": "hi"}]},
            {"input": [{"role": "assistant", "content": [{"type": "output_text", "text": "hi"}]}]},
            "responses",
        ),
        (
            {"input": [{"type": "function_call_output", "output": "ok"}]},
            {"input": [{"type": "function_call_output", "output": [{"type": "input_text", "text": "ok"}]}]},
            "responses",
        ),
        ({"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}, "chat"),
        ({"tools": [{"function": {"name": "a", "strict": False}}]}, {"tools": [{"function": {"name": "a"}}]}, "chat"),
    ],
)
def test_these_mean_the_same(recorded, sent, api):
    assert differ(recorded, sent, api) == []


@pytest.mark.parametrize(
    ("recorded", "sent", "line"),
    [
        (chat(content="hi"), chat(content="hi "), 'messages.0.content.0.text: recorded "hi", sent "hi "'),
        ({"seed": 1}, {}, "seed: recorded 1, not sent"),
        ({}, {"seed": 1}, "seed: not recorded, sent 1"),
        ({"n": 1}, {"n": True}, "n: recorded 1, sent true"),
        ({"stop": ["a", "b"]}, {"stop": ["b", "a"]}, 'stop.0: recorded "a", sent "b"'),
        ({"stop": ["a"]}, {"stop": ["a", "b"]}, 'stop.1: not recorded, sent "b"'),
        ({"stream": True}, {}, "stream: recorded true, not sent"),
        ({"stream_options": {"include_usage": True}}, {}, 'stream_options: recorded {"include_usage": true}, not sent'),
        (
            {"parameters": {"default": None}},
            {"parameters": {}},
            "parameters.default: recorded null, not sent",
        ),
        ({"input": {"a": None}}, {"input": {}}, "input.a: recorded null, not sent"),
        ({"tools": [{"strict": True}]}, {"tools": [{}]}, "tools.0.strict: recorded true, not sent"),
    ],
)
def test_these_do_not(recorded, sent, line):
    assert differ(recorded, sent)[0] == line


def test_strict_on_responses_is_never_the_default():
    assert differ({"tools": [{"strict": False}]}, {"tools": [{}]}, "responses") != []


WHOLE_ANSWER = b'{"content": [{"text": "a \\"b\\" \xe2\x80\x93 c", "id": "x1"}]}'
STREAM = b"".join(
    b'data: {"delta": %s}\n\n' % delta
    for delta in (b'{"text": "one "}', rb'{"json": "{\"a\": \"x"}', b'{"text": "two"}')
)


@pytest.mark.parametrize(
    ("value", "body"),
    [
        ({"text": 'a "b" \u2013 c', "n": 1}, WHOLE_ANSWER),
        (["x1"], WHOLE_ANSWER),
        (7, WHOLE_ANSWER),
        ("one two", STREAM),
        ({"a": "x"}, STREAM),
    ],
)
def test_what_an_answer_says_is_found_in_it(value, body):
    assert said_in(value, body)


@pytest.mark.parametrize(
    ("value", "body"),
    [('a "b" - c', WHOLE_ANSWER), ({"id": "x1", "cache": "ephemeral"}, WHOLE_ANSWER), ("two one", STREAM)],
)
def test_what_a_client_changed_or_added_is_not(value, body):
    assert not said_in(value, body)


NUMBERED = b'{"choices": [{"message": {"annotations": [], "tool_calls": [{"index": 0}]}}]}'


@pytest.mark.parametrize(("key", "value"), [("annotations", []), ("index", 0)])
def test_a_value_without_words_is_found_under_its_key(key, value):
    assert said_in(value, NUMBERED, key=key)


@pytest.mark.parametrize(("key", "value"), [("prefix", False), ("tool_calls", []), ("index", False), ("index", 1)])
def test_a_value_without_words_that_a_client_added_is_not(key, value):
    assert not said_in(value, NUMBERED, key=key)


def test_long_values_are_shortened_in_the_middle():
    (line,) = differ({"data": "x" * 500}, {})
    assert len(line) < 200
    assert "(502 characters)" in line
