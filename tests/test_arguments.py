"""What is shown, what is digested and what is run are one value, or the text is refused."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit.arguments import Unreadable, compact, parse

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"amount": NaN}', "NaN is not JSON"),
        ('{"amount": -Infinity}', "-Infinity is not JSON"),
        ('{"amount": 1e400}', "too large"),
        ('{"to": "mallory", "to": "alice"}', "'to' stands there twice"),
        ('{"to": "alice"} {"to": "mallory"}', "Extra data at character 16"),
        ("[]", "a JSON array where an object is needed"),
        ("null", "a JSON null where an object is needed"),
        ("true", "a JSON boolean where an object is needed"),
        ("17", "a JSON number where an object is needed"),
        ('\ufeff{"to": "alice"}', "not valid JSON"),
        ('{"to": "ali', "not valid JSON: Unterminated string"),
        ('{"a": "line\nbreak"}', "Invalid control character"),
        ('{"n": ' + "9" * 401 + "}", "a number of 401 digits"),
        ('{"d":' * 65 + "1" + "}" * 65, "nested more than 64 deep"),
        ('{"d":' * 100_000, "nested more than 64 deep"),
    ],
)
def test_text_that_could_be_read_in_two_ways_is_refused(text: str, complaint: str):
    with pytest.raises(Unreadable, match=complaint.replace("(", r"\(")):
        parse(text)


def test_brackets_inside_strings_are_not_nesting():
    assert parse(json.dumps({"text": "[{" * 500})) == {"text": "[{" * 500}


def test_nothing_and_white_space_are_an_object_without_members():
    assert parse("") == parse(" \r\n\t") == parse("{}") == {}


def test_half_a_surrogate_pair_is_refused_when_it_would_be_written():
    with pytest.raises(Unreadable, match="half of a surrogate pair"):
        compact(parse('{"note": "\\ud800"}'))


def test_compact_text_has_sorted_keys_no_spaces_and_text_as_it_is():
    assert compact({"b": [1, 2.5], "a": {"ü": None}}) == '{"a":{"ü":null},"b":[1,2.5]}'


def test_characters_are_never_exchanged_for_others_that_look_alike():
    names = {"cafe\u0301": "caf\u00e9", "caf\u00e9": "cafe\u0301", "kelvin": "\u212a"}
    assert parse(compact(names)) == names


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), JSON_VALUES))
def test_compact_text_is_its_own_compact_form(value: dict[str, object]):
    once = compact(value)
    assert compact(parse(once)) == once


def test_invalid_json_of_the_public_suite_is_refused(shared: Path):
    for line in (shared / "data/badinput/json_parsing.jsonl").read_text().splitlines():
        case = json.loads(line)
        text = _text_of(case)
        if text is None or case["valid"] is not False or not text.strip():
            continue
        with pytest.raises(Unreadable):
            parse(text)


def test_valid_objects_of_the_public_suite_are_taken_unless_a_key_stands_twice(shared: Path):
    taken = 0
    for line in (shared / "data/badinput/json_parsing.jsonl").read_text().splitlines():
        case = json.loads(line)
        text = _text_of(case)
        if text is None or case["valid"] is not True or "duplicated" in case.get("name", ""):
            continue
        value = json.loads(text)
        if isinstance(value, dict):
            assert parse(text) == value
            taken += 1
    assert taken >= 3


def _text_of(case: dict[str, str]) -> str | None:
    import base64

    if "bytes_b64" in case:
        try:
            return base64.b64decode(case["bytes_b64"]).decode("utf-8")
        except UnicodeDecodeError:
            return None  # bytes that are no text never get as far as arguments
    return case.get("raw") or case.get("text")
