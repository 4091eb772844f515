"""A tool from a JSON schema is held as strictly as one from a function, and a hostile schema harms nobody."""

import json
import socket
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit.errors import ToolRefused, UsageError
from copilot_kit.json_schema import MAX_STEPS, steps
from copilot_kit.messages import Text
from copilot_kit.tools import Tool, ToolContext, schema_tool

CONTEXT = ToolContext(run_id="run_1", call_id="call_1", deps={"desk": 7})
SEND = {
    "type": "object",
    "properties": {
        "to": {"type": "string", "minLength": 3},
        "amount": {"type": "number", "maximum": 100},
        "tags": {"type": "array", "items": {"enum": ["new", "old"]}},
        "count": {"type": "integer", "default": 1},
    },
    "required": ["to"],
}


def made(parameters: dict[str, Any], **declared: Any) -> Tool[..., Any]:
    return schema_tool("act", "Does it.", parameters, lambda arguments: arguments, **declared)


async def test_run_gets_the_arguments_as_one_dict():
    output = await made(SEND).run('{"count":1,"to":"ada"}', CONTEXT)
    assert output.content == (Text(text='{"count":1,"to":"ada"}'),)


async def test_run_gets_the_context_where_it_takes_a_second_parameter():
    async def run(arguments: dict[str, Any], context: ToolContext) -> str:
        return f"{arguments['to']} {context.deps['desk']}"

    assert (await schema_tool("act", None, SEND, run).run('{"to":"ada"}', CONTEXT)).content == (Text(text="ada 7"),)


def test_the_model_is_shown_the_schema_as_it_is():
    assert made(SEND).spec.parameters == SEND
    assert made(SEND).spec.description == "Does it."


def test_canonical_arguments_have_sorted_keys_defaults_and_what_the_schema_does_not_know():
    assert made(SEND).canonical('{"to": "ada", "more": {"b": 1, "a": [2.5]}}') == (
        '{"count":1,"more":{"a":[2.5],"b":1},"to":"ada"}'
    )


def test_a_default_that_does_not_fit_is_left_out():
    schema = {"type": "object", "properties": {"size": {"type": "integer", "default": None}}}
    assert made(schema).canonical("{}") == "{}"


@pytest.mark.parametrize(
    ("args_json", "complaint"),
    [
        ("{}", "do not fit: to is missing. It takes (to: string, amount?: number, tags?: array of"),
        ('{"to": "x"}', 'to: "x" is shorter than 3 characters'),
        ('{"to": "ada", "amount": "9"}', 'amount: "9" is not of type "number"'),
        ('{"to": "ada", "amount": true}', 'amount: true is not of type "number"'),
        ('{"to": "ada", "tags": ["new", "odd"]}', 'tags[1]: "odd" is not one of'),
        ('{"to": "ada", "count": 9007199254740993}', "count: an integer beyond 2^53"),
        ('{"to": "ada", "more": 9007199254740993}', "more: an integer beyond 2^53"),
        ('{"to": "ada", "amount": NaN}', "NaN is not JSON"),
        ('{"to": "ada", "amount": 1e400}', "too large for any program"),
        ('{"to": "ada", "to": "bob"}', "the key 'to' stands there twice"),
        ('{"to": "ad\\ud800"}', "half of a surrogate pair"),
        ("[1]", "a JSON array where an object is needed"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_in_words_a_model_can_act_on(args_json: str, complaint: str):
    with pytest.raises(ToolRefused) as refused:
        made(SEND).canonical(args_json)
    assert complaint in str(refused.value)
    assert str(refused.value).startswith("The arguments of act ")


def test_an_argument_that_the_schema_forbids_is_named():
    with pytest.raises(ToolRefused, match="urgent is not an argument"):
        made({"type": "object", "properties": {}, "additionalProperties": False}).canonical('{"urgent": 1}')


async def test_stored_arguments_that_no_longer_fit_do_not_run():
    output = await made(SEND).run('{"to":"x"}', CONTEXT)
    assert output.outcome == "error"
    assert isinstance(output.content[0], Text)
    assert output.content[0].text.startswith("It did not run. The arguments of act do not fit: to: ")


def test_the_version_is_a_digest_of_name_description_schema_and_effect():
    other = {**SEND, "required": []}
    tools = [
        made(SEND),
        made(other),
        made(SEND, effect="read"),
        schema_tool("act", "Does more.", SEND, dict),
        schema_tool("do", "Does it.", SEND, dict),
    ]
    assert len({one.version for one in tools}) == 5
    assert made(SEND).version == made(json.loads(json.dumps(SEND))).version
    assert made(SEND, version="3").version == "3"


def test_what_the_schema_says_later_is_not_what_was_taken():
    schema = json.loads(json.dumps(SEND))
    tool = made(schema)
    schema["properties"]["to"]["minLength"] = 0
    with pytest.raises(ToolRefused):
        tool.canonical('{"to": ""}')


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        ({"type": "array"}, "has the type 'array'"),
        ({}, "has the type None"),
        ({"type": "object", "properties": {"a": {"type": "strnig"}}}, "no JSON schema that can be checked"),
        ({"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:1/x"}}}, "nothing is fetched"),
        ({"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}}, "nothing is fetched"),
        ({"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}}, "nothing is fetched"),
        ({"type": "object", "$dynamicRef": "#x"}, "nothing is fetched"),
        ({"type": "object", "properties": {"a": {"$id": "http://127.0.0.1:1/"}}}, "nothing is fetched"),
        ({"type": "object", "$schema": "http://127.0.0.1:1/draft"}, "no JSON schema that can be checked"),
        ({"type": "object", "description": "x" * 200_001}, "at most 200000 are taken"),
        ({"type": "object", "properties": {"a": {"pattern": "(a{1000}){1000}"}}}, "no JSON schema that can be"),
        ({"type": "object", "x-link": {"$ref": "http://127.0.0.1:1/x"}, "properties": {"a": {"$ref": "#/x-link"}}},
         "no JSON schema that can be checked"),
        ({"type": "object", "default": float("nan")}, "cannot be written as JSON"),
    ],
)  # fmt: skip
def test_a_schema_that_cannot_be_held_is_refused_with_what_to_do(schema: dict[str, Any], complaint: str):
    with pytest.raises(UsageError, match=complaint.replace("$", r"\$")):
        made(schema)


def _nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def test_a_schema_that_is_nested_too_deep_is_refused():
    with pytest.raises(UsageError, match="nested more than 64 deep"):
        made(_nested(200))
    with pytest.raises(UsageError, match="cannot be written as JSON"):
        made(_nested(5_000))


def _doubling(levels: int) -> dict[str, Any]:
    named: dict[str, Any] = {"n0": {"type": "string"}}
    for level in range(1, levels + 1):
        named[f"n{level}"] = {"anyOf": [{"$ref": f"#/$defs/n{level - 1}"}] * 2}
    return {"type": "object", "properties": {"a": {"$ref": f"#/$defs/n{levels}"}}, "$defs": named}


HOSTILE = {
    "a pattern that backtracks": ({"type": "object", "properties": {"a": {"pattern": "^(a+)+$"}}}, "a" * 50_000 + "!"),
    "one that looks around": (
        {"type": "object", "properties": {"a": {"pattern": r"^(?=a)(a+)+$"}}},
        "a" * 50_000 + "!",
    ),
    "one that refers back": ({"type": "object", "properties": {"a": {"pattern": r"^(a*)*\1b$"}}}, "a" * 50_000),
    "alternatives that double": (_doubling(40), 1),
    "alternatives that double a little": (_doubling(12), 1),
    "a schema that is its own reference": ({"type": "object", "$ref": "#"}, 1),
    "two that refer to each other": (
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/x"}},
            "$defs": {"x": {"$ref": "#/$defs/y"}, "y": {"$ref": "#/$defs/x"}},
        },
        1,
    ),
    "a long chain of references": (
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/n0"}},
            "$defs": {f"n{i}": {"$ref": f"#/$defs/n{i + 1}"} for i in range(3_000)} | {"n3000": {"type": "string"}},
        },
        1,
    ),
    "many values for many alternatives": (
        {"type": "object", "properties": {"a": {"items": {"anyOf": [{"const": i} for i in range(1_000)]}}}},
        ["x"] * 100_000,
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_schema_takes_no_longer_than_a_moment(name: str):
    schema, value = HOSTILE[name]
    begun = time.monotonic()
    tool = made(schema)
    with pytest.raises(ToolRefused):
        tool.canonical(json.dumps({"a": value}))
    assert time.monotonic() - begun < 3, "seconds; unguarded, each of these takes minutes or more"


def test_deep_alternatives_are_not_told_fault_by_fault():
    with pytest.raises(ToolRefused, match="do not fit: they do not fit the schema"):
        made(_doubling(14)).canonical('{"a": 1}')


@pytest.mark.parametrize("place", ["properties", "x-link"])
def test_nothing_is_fetched(place: str):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.3)
        link = {"$ref": f"http://127.0.0.1:{listening.getsockname()[1]}/x"}
        schema = {"type": "object", "properties": {"a": {"$ref": "#/x-link"}}, "x-link": {}, place: {"a": link}}
        with pytest.raises(UsageError):
            made({**schema, "properties": {"a": link if place == "properties" else {"$ref": "#/x-link/a"}}})
        with pytest.raises(TimeoutError):
            listening.accept()


def test_a_value_that_nests_where_alternatives_repeat_is_counted_before_it_is_checked():
    node = {"anyOf": [{"properties": {"x": {"$ref": "#/$defs/node"}}, "required": ["q"]}] * 4}
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/node"}}, "$defs": {"node": node}}
    value: Any = 1
    for _ in range(5):
        value = {"x": value}
    assert steps(schema, {"a": value}) == 8_191
    for _ in range(40):
        value = {"x": value}
    assert steps(schema, {"a": value}) == MAX_STEPS + 1
    with pytest.raises(ToolRefused, match="too large, or too deeply nested"):
        made(schema).canonical(json.dumps({"a": value}))


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


@given(st.dictionaries(st.sampled_from(["to", "amount", "tags", "count", "more"]), VALUES))
def test_any_arguments_are_refused_or_have_one_form_that_is_exact_and_stays(arguments: dict[str, object]):
    tool = made(SEND)
    try:
        canonical = tool.canonical(json.dumps(arguments))
    except ToolRefused:
        return
    canonical.encode()
    assert tool.canonical(canonical) == canonical
    assert json.loads(canonical) == {"count": 1, **arguments}


def test_roles_name_arguments_that_the_schema_has():
    assert made(SEND, roles={"to": "destination"}).roles == {"to": "destination"}
    with pytest.raises(UsageError, match=r"names 'cc', which is no argument of it\. Name one of: to, amount"):
        made(SEND, roles={"cc": "destination"})
