"""The edit form: what is typed comes back as exactly that, and nothing else is taken."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit.arguments import compact
from copilot_kit.errors import UsageError
from copilot_kit.inbox.forms import arguments_in, canonical, fields_of

SCHEMA = {
    "type": "object",
    "properties": {
        "to": {"type": "string", "description": "an address"},
        "count": {"type": "integer"},
        "urgent": {"type": "boolean"},
        "kind": {"$ref": "#/$defs/Kind"},
        "note": {"type": "string"},
    },
    "$defs": {"Kind": {"enum": ["mail", "letter"], "type": "string"}},
}
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_LEAF = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _TEXT
_VALUE = _LEAF | st.lists(_LEAF, max_size=3) | st.dictionaries(_TEXT, _LEAF, max_size=3)
_ARGUMENTS = st.dictionaries(_TEXT, _VALUE, max_size=5)


def as_sent(value):
    """Return a textarea's text as browsers send it."""
    return value.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")


@given(_ARGUMENTS)
def test_an_untouched_form_gives_the_call_back(arguments):
    form = {field.name: as_sent(field.value) for field in fields_of(arguments)}
    assert arguments_in(form, arguments, None) == compact(arguments)


def test_a_schema_makes_fields_of_their_kinds():
    fields = fields_of({"to": "eve", "count": 2, "urgent": True, "kind": "mail"}, SCHEMA)
    assert [(one.label, one.kind, one.value, one.choices, one.absent) for one in fields] == [
        ("to", "text", "eve", (), False),
        ("count", "number", "2", (), False),
        ("urgent", "choice", "true", ("true", "false"), False),
        ("kind", "choice", '"mail"', ('"mail"', '"letter"'), False),
        ("note", "text", "", (), True),
    ]
    assert fields[0].help == "an address"


def test_without_a_schema_the_values_make_the_fields():
    fields = fields_of({"a": "x", "b": 1, "c": False, "d": ["y"], "e": None})
    assert [one.kind for one in fields] == ["text", "number", "choice", "json", "json"]


def test_what_is_left_out_stays_so_until_it_is_filled_in():
    form = {"at:/to": "eve", "at:/count": "2", "at:/note": ""}
    before = {"to": "eve", "count": 2}
    assert arguments_in(form, before, SCHEMA) == '{"count":2,"to":"eve"}'
    assert arguments_in(form | {"at:/note": "hi"}, before, SCHEMA) == '{"count":2,"note":"hi","to":"eve"}'


@pytest.mark.parametrize("given", ["", "NaN", "1e999", "1,5", "0x10", "1_000", "²", "1;2", '1,"x":2', "-"])
def test_a_number_is_a_json_number(given):
    with pytest.raises(UsageError, match=r"Nothing was decided|too large"):
        arguments_in({"at:/count": given}, {"count": 2}, SCHEMA)


@pytest.mark.parametrize("given", ["", "tru", '"a","b"', '1,"x":2', "NaN", '{"a":1,"a":2}', "1}{"])
def test_a_json_field_holds_one_value(given):
    with pytest.raises(UsageError, match="Nothing was decided"):
        arguments_in({"at:/d": given}, {"d": ["y"]}, None)


def test_a_form_that_lacks_a_field_is_refused():
    with pytest.raises(UsageError, match="lacks 'to'"):
        arguments_in({}, {"to": "eve"}, None)


def test_raw_json_is_put_in_canonical_form():
    assert canonical(' {"b": 1, "a": "é"} ') == '{"a":"é","b":1}'
    assert json.loads(canonical("{}")) == {}
