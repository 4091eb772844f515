"""Values read out of a text: right, missed, invented; records in any order."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit_evals.items import BadDataset, Item
from copilot_kit_evals.scorers.records import Records
from copilot_kit_evals.scores import Output, Score


async def score(target: Any, said: Any, **settings: Any) -> Score:
    item = Item(id="a", input="x", target=target)
    return await Records(**settings)(item, Output(text=said if isinstance(said, str) else json.dumps(said)))


@pytest.mark.parametrize(
    ("target", "said", "value"),
    [
        ({"a": 1, "b": "x"}, {"a": 1, "b": "x"}, 1.0),
        ({"a": 1, "b": "x"}, {"b": " X. ", "a": "1.0"}, 1.0),
        ({"a": 1, "b": "x"}, {"a": 1, "b": None}, 0.5),
        ({"a": 1, "b": None}, {"a": 1, "b": None}, 1.0),
        ({"a": 1, "b": None}, {"a": 1}, 1.0),
        ({"a": 1, "b": None}, {"a": 1, "b": "invented"}, 0.5),
        ({"a": 1}, {"a": 1, "more": [2, 3]}, 1 / 3),
        ({"a": None}, {"a": None}, 1.0),
        ({"a": None}, {}, 1.0),
        ({"a": 1}, {}, 0.0),
        ({"a": True}, {"a": 1}, 0.0),
        ({"a": "A-1"}, {"a": "A1"}, 0.0),
        ({"a": "12"}, {"a": 12}, 1.0),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, 0.5),
        ({"a": {"b": 1, "c": 2}}, {"a": "b"}, 0.0),
        ({"a": ["x", "y"]}, {"a": ["y", "x"]}, 1.0),
        ({"a": ["x", "y"]}, {"a": ["y"]}, 0.5),
        ({"a": ["x"]}, {"a": ["x", "y", "z"]}, 1 / 3),
        ({"r": [{"n": 1}, {"n": 2}]}, {"r": [{"n": 2}, {"n": 1}]}, 1.0),
        ({"r": [{"n": 1, "m": 1}, {"n": 2, "m": 2}]}, {"r": [{"n": 2, "m": 2}]}, 0.5),
        ({"r": [{"n": 1}]}, {"r": [{"n": 1}, {"n": 5, "m": 6}]}, 1 / 3),
        ({"r": []}, {"r": []}, 1.0),
        ({"r": []}, {"r": [{"n": 1}]}, 0.0),
        ({"a": 1}, [1], 0.0),
    ],
)  # fmt: skip
async def test_each_value_counts_once(target: Any, said: Any, value: float):
    assert (await score(target, said)).value == pytest.approx(value)
    assert (await score(target, said, level="whole")).value == float(value == 1)


async def test_parts_are_fields_whichever_record_they_are_of():
    found = await score({"r": [{"n": 1, "m": 1}, {"n": 2, "m": 2}]}, {"r": [{"n": 1, "m": 9}, {"n": 2, "m": 2}]})
    assert found.parts == {"r.m": 0.5, "r.n": 1.0}
    assert found.reason == "wrong: r.m"


async def test_no_json_and_no_target_are_told_apart():
    assert (await score({"a": 1}, "nothing here")).meta == {"unparsed": True}
    with pytest.raises(BadDataset):
        await score("a", "{}")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from("abc"), JSON, max_size=3), st.dictionaries(st.sampled_from("abc"), JSON))
async def test_whatever_is_said_scores_between_0_and_1_and_the_target_itself_1(target: Any, said: Any):
    value = (await score(target, said)).value
    assert value is not None
    assert 0 <= value <= 1
