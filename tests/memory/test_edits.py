"""Edits as patterns: what was changed, in which other calls the same would be changed, and words within texts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit.memory.edits import Change, changes, spelt, within


def one(form: Any, before: str = "", after: str = "", place: tuple[str, ...] = ("a",)) -> Change:
    return Change(form, place, before, after)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": "x@y"}, {"a": ""}, {one("removed"), one("replaced", '"x@y"', '""')}),
        ({"a": "x@y"}, {}, {one("removed"), one("replaced", '"x@y"', "null")}),
        ({"a": None}, {"a": "x"}, {one("given", "", '"x"'), one("set", "", '"x"')}),
        ({"a": 90}, {"a": 50}, {one("at_most", "", "50"), one("set", "", "50"), one("replaced", "90", "50")}),
        ({"a": 1}, {"a": 5}, {one("at_least", "", "5"), one("set", "", "5"), one("replaced", "1", "5")}),
        ({"a": True}, {"a": False}, {one("set", "", "false"), one("replaced", "true", "false")}),
        ({"a": ["x", "y"]}, {"a": ["y", "z"]}, {one("item_removed", '"x"'), one("item_added", "", '"z"')}),
        ({"a": ["x"]}, {"a": []}, {one("removed"), one("replaced", '["x"]', "[]"), one("item_removed", '"x"')}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, set()),
        ({"a": 1}, {"a": 1.0}, {one("set", "", "1.0"), one("replaced", "1", "1.0"), one("at_least", "", "1.0")}),
    ],
)  # fmt: skip
def test_an_edit_is_a_case_of_these_patterns(before: Any, after: Any, expected: set[Change]):
    assert changes(before, after) == expected


def test_a_value_within_an_object_is_found_at_its_place():
    found = changes({"order": {"id": 1, "note": "x"}}, {"order": {"id": 1, "note": ""}})
    assert one("removed", place=("order", "note")) in found
    assert {change.place for change in found} == {("order", "note")}


def test_a_salutation_is_found_among_the_words_and_the_rest_is_not():
    found = changes({"a": "Hi Ada,\nyour parcel is here."}, {"a": "Dear Ada,\nyour parcel is here."})
    words = {change for change in found if change.is_of_words}
    assert words == {one("words_replaced", "hi", "dear"), one("words_removed", "hi"), one("words_added", "", "dear")}


def test_what_is_added_at_the_end_is_found_as_a_whole():
    found = changes({"a": "It is here."}, {"a": "It is here. Kind regards, Ada Lovelace"})
    assert one("words_added", "", "kind regards , ada lovelace") in found


def test_a_word_that_only_moved_is_neither_removed_nor_added():
    found = changes({"a": "first the parcel then the letter"}, {"a": "first the letter then the parcel"})
    assert not [
        change for change in found if change.is_of_words and {change.before, change.after} & {"parcel", "letter"}
    ]


@pytest.mark.parametrize(
    ("change", "would", "would_not"),
    [
        (one("removed"), [{"a": "x"}, {"a": 0}, {"a": False}], [{"a": " "}, {"a": None}, {}, {"a": []}]),
        (one("at_most", "", "50"), [{"a": 51}, {"a": 50.5}], [{"a": 50}, {"a": "99"}, {"a": True}, {}]),
        (one("at_least", "", "5"), [{"a": 4}], [{"a": 5}, {}]),
        (one("set", "", "5"), [{"a": 4}, {}], [{"a": 5}]),
        (one("replaced", '"x"', '"y"'), [{"a": "x"}], [{"a": "y"}, {"a": "z"}]),
        (one("item_removed", '"x"'), [{"a": ["y", "x"]}], [{"a": ["y"]}, {"a": "x"}]),
        (one("item_added", "", '"x"'), [{"a": []}, {"a": ["y"]}], [{"a": ["x"]}, {}]),
        (one("words_removed", "hi"), [{"a": "HI there"}], [{"a": "this"}, {"a": 1}]),
        (one("words_added", "", "yours ada"), [{"a": "yours"}], [{"a": "Yours\nAda"}, {}]),
    ],
)
def test_a_pattern_knows_which_calls_it_would_change(change: Change, would: list[Any], would_not: list[Any]):
    assert [call for call in would if not change.applies(call)] == []
    assert [call for call in would_not if change.applies(call)] == []


def test_words_are_shown_as_the_text_has_them():
    assert spelt("Well, Kind  Regards\nAda", "kind regards") == "Kind  Regards"
    assert spelt("Dear Ada", "hi") == "hi"


def test_a_part_says_nothing_beside_the_whole_and_other_words_do():
    assert within(one("words_removed", "hi"), one("words_replaced", "hi there", "dear"))
    assert within(one("words_added", "", "b c d e"), one("words_added", "", "a b c d"))
    assert not within(one("words_added", "", "regards"), one("words_replaced", "hi", "dear"))
    assert within(one("set", "", "50"), one("at_most", "", "50"))
    assert not within(one("removed", place=("b",)), one("removed"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
ARGUMENTS = st.dictionaries(st.sampled_from("abc"), JSON, max_size=3)


@given(ARGUMENTS, ARGUMENTS)
def test_every_edit_that_is_called_a_case_would_have_been_changed_and_is_not_to_be_changed_again(
    before: dict[str, Any], after: dict[str, Any]
):
    for change in changes(before, after):
        if change.made(before, after):
            assert change.applies(before)
            assert not change.applies(after)
