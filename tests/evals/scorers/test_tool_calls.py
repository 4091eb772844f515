"""Calls against accepted answers, by hand and against the 840 items of the BFCL."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from copilot_kit.errors import UsageError
from copilot_kit.messages import ToolCall, assistant
from copilot_kit.request import Settings, ToolSpec
from copilot_kit.testing import ScriptedModel, call
from copilot_kit_evals.candidates import Candidate
from copilot_kit_evals.items import BadDataset, Item
from copilot_kit_evals.public_sets import Offer, bfcl_item, read, tools_of
from copilot_kit_evals.scorers.tool_calls import Made, ToolCalls, match, same_name, value_fault, wanted_calls
from copilot_kit_evals.scores import Output, Score
from copilot_kit_evals.tasks import Setup

TRIANGLE = {
    "name": "geometry.area",
    "parameters": {
        "type": "dict",
        "properties": {"base": {"type": "integer"}, "height": {"type": "float"}, "unit": {"type": "string"}},
        "required": ["base", "height"],
    },
}


def triangle(*targets: Any) -> Item:
    wanted = targets or ({"geometry.area": {"base": [10], "height": [5.0], "unit": ["square meters", ""]}},)
    return Item(id="one", input="How large?", target=list(wanted), meta={"functions": [TRIANGLE]})


def scored(item: Item, *calls: tuple[str, dict[str, Any] | None]) -> Score:
    return match(wanted_calls(item), [Made(name, arguments) for name, arguments in calls])


def test_the_right_call_passes_without_what_may_be_left_out_and_under_the_providers_name():
    assert scored(triangle(), ("geometry.area", {"base": 10, "height": 5})).value == 1
    assert scored(triangle(), ("geometry_area", {"base": 10, "height": 5.0, "unit": "Square-Meters"})).value == 1
    assert not same_name("geometry.area", "geometry.areas")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ({"base": 10}, {"argument.base": 1, "argument.height": 0, "arguments": 0.5}),
        ({"base": 10.0, "height": 5}, {"argument.base": 0, "argument.height": 1, "arguments": 0.5}),
        ({"base": "10", "height": 5}, {"argument.base": 0, "argument.height": 1}),
        ({"base": True, "height": 5}, {"argument.base": 0}),
        ({"base": 11, "height": 5}, {"argument.base": 0, "names": 1}),
        ({"base": 10, "height": 5, "depth": 1}, {"argument.depth": 0, "argument.base": 1}),
        ({"base": 10, "height": 5, "unit": None}, {"argument.unit": 0}),
        ({"base": 10, "height": 5, "unit": "cm"}, {"argument.unit": 0}),
        (None, {"argument.base": 0, "names": 1, "arguments": 0}),
    ],
)
def test_a_fault_in_one_argument_fails_the_call_and_keeps_the_others_apart(arguments: Any, parts: dict[str, float]):
    score = scored(triangle(), ("geometry.area", arguments))
    assert score.value == 0
    assert {name: score.parts[name] for name in parts} == parts
    assert score.reason


def test_another_function_has_no_right_argument():
    score = scored(triangle(), ("geometry.perimeter", {"base": 10, "height": 5}))
    assert (score.value, score.parts["names"], score.parts["arguments"]) == (0, 0, 0)


def test_a_call_too_many_fails_and_so_does_none():
    right = ("geometry.area", {"base": 10, "height": 5})
    assert scored(triangle(), right, right).value == 0
    assert scored(triangle(), right, right).parts["calls"] == 0.5
    assert scored(triangle()).value == 0


def test_where_no_call_is_right_only_silence_passes():
    item = Item(id="none", input="Hello", target=[])
    assert scored(item).value == 1
    assert scored(item, ("geometry.area", {})).value == 0


def test_several_calls_match_in_any_order_even_if_one_fits_both():
    loose = {"geometry.area": {"base": [1, 2], "height": [3]}}
    tight = {"geometry.area": {"base": [1], "height": [3]}}
    one, two = ("geometry.area", {"base": 1, "height": 3}), ("geometry.area", {"base": 2, "height": 3})
    assert scored(triangle(loose, tight), one, two).value == 1
    assert scored(triangle(loose, tight), two, two).value == 0


def test_objects_list_their_accepted_members():
    accepted = [{"name": ["Ann"], "age": [3, ""]}]
    assert value_fault({"name": "ann"}, accepted, {"type": "dict"}) is None
    assert value_fault({"name": "ann", "age": 3}, accepted, {"type": "dict"}) is None
    assert value_fault({"age": 3}, accepted, {"type": "dict"}) == "value"
    assert value_fault({"name": "ann", "hat": 1}, accepted, {"type": "dict"}) == "value"
    assert value_fault([{"name": "ann"}], [accepted], {"type": "array", "items": {"type": "dict"}}) is None


def test_lists_keep_their_order_and_the_type_of_their_elements():
    numbers = {"type": "array", "items": {"type": "float"}}
    assert value_fault([1, 2.5], [[1, 2.5]], numbers) is None
    assert value_fault([2.5, 1], [[1, 2.5]], numbers) == "value"
    assert value_fault(["1", 2.5], [[1, 2.5]], numbers) == "type"
    assert value_fault([True], [[1]], numbers) == "type"


async def test_the_scorer_reads_calls_as_the_model_wrote_them():
    said = ToolCall(call_id="call_1", name="geometry_area", args_json='{"base": 10, "height": 5}')
    broken = ToolCall(call_id="call_2", name="geometry_area", args_json='{"base": 10')
    assert (await ToolCalls()(triangle(), Output("", messages=(assistant(said),)))).value == 1
    assert (await ToolCalls()(triangle(), Output("", messages=(assistant(broken),)))).value == 0


def gold(item: Item, *, leave_out: bool) -> list[Made]:
    """The calls that the answers of the set stand for, by their last or their first accepted values."""
    made = []
    for one in wanted_calls(item):
        arguments = {}
        for name, accepted in one.accepted.items():
            may_lack = "" in accepted and name not in (one.declared or {})["required"]
            said = [value for value in accepted if value != ""]
            if said and not (leave_out and may_lack):
                arguments[name] = first(said[-1] if leave_out else said[0])
        made.append(Made(one.name, arguments))
    return made


def first(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: first(options[0]) for name, options in value.items() if options[0] != ""}
    return [first(one) for one in value] if isinstance(value, list) else value


def mutants(made: Made, item: Item) -> list[Made]:
    assert made.arguments is not None
    functions: Any = item.meta["functions"]
    (function,) = (one for one in functions if one["name"] == made.name)
    found = [Made(f"{made.name}_2", made.arguments), Made(made.name, {**made.arguments, "nobody_asked": 1})]
    for name, value in made.arguments.items():
        if name in function["parameters"]["required"]:
            found.append(Made(made.name, {key: one for key, one in made.arguments.items() if key != name}))
        found.append(Made(made.name, {**copy.deepcopy(dict(made.arguments)), name: wrong(value)}))
    return found


def wrong(value: Any) -> Any:
    match value:
        case bool():
            return "no boolean"
        case int() | float():
            return value + 987_654
        case str():
            return f"{value} but not quite"
        case list():
            return [*value, *value, "more"]
        case _:
            return {**value, "more": 1}


@pytest.mark.parametrize(("name", "n"), [("simple_python", 400), ("multiple", 200)])
def test_every_accepted_answer_of_the_bfcl_passes_and_every_mutant_fails(published: Path, name: str, n: int):
    items = read("bfcl", published / "bfcl" / f"{name}.jsonl")
    assert len(items) == n
    broken = 0
    for item in items:
        wanted = wanted_calls(item)
        for leave_out in (False, True):
            score = match(wanted, gold(item, leave_out=leave_out))
            assert score.value == 1, (item.id, score.reason)
        for mutant in mutants(*gold(item, leave_out=False), item):
            score = match(wanted, [mutant])
            assert score.value == 0, (item.id, mutant)
            assert (score.parts["arguments"] or 0) < 1
            broken += 1
        assert match(wanted, []).value == 0
    assert broken > 4 * n


def test_the_bfcl_items_without_a_fitting_function_want_silence(published: Path):
    items = read("bfcl", published / "bfcl" / "irrelevance.jsonl")
    assert len(items) == 240
    assert all(match(wanted_calls(item), []).value == 1 for item in items)
    assert all(match(wanted_calls(item), [Made("any", {})]).value == 0 for item in items)


def test_bfcl_functions_become_tools_with_json_types():
    row = {"id": "x", "question": [[{"role": "user", "content": "How large?"}]], "function": [TRIANGLE],
           "ground_truth": []}  # fmt: skip
    (tool,) = tools_of(bfcl_item(row))
    assert tool.name == "geometry_area"
    assert json.dumps(tool.parameters["properties"]) == (
        '{"base": {"type": "integer"}, "height": {"type": "number"}, "unit": {"type": "string"}}'
    )


async def test_an_item_is_asked_with_its_own_functions_and_scored_by_what_is_called():
    model = ScriptedModel([call("geometry_area", {"base": 10, "height": 5})])
    setup = Setup(triangle(), "", 0, Candidate(name="a", model="scripted:model"), model, Settings(), 0)
    solved = await Offer()(setup)
    assert [one.name for one in model.last_request.tools if isinstance(one, ToolSpec)] == ["geometry_area"]
    assert (await ToolCalls()(triangle(), solved.output)).value == 1


def test_a_row_of_another_set_is_named(tmp_path: Path):
    file = tmp_path / "items.jsonl"
    file.write_text('{"id": "a", "question": "?"}\n')
    with pytest.raises(BadDataset, match=r"items\.jsonl, row 1: this is no row of gsm8k"):
        read("gsm8k", file)
    with pytest.raises(UsageError, match="no public set 'arc'"):
        read("arc", file)
