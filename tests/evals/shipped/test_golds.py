"""Every item of the suites: the answer that is right scores 1, a plausible wrong one less, none and an echo nothing."""

import json
import re
from collections import Counter
from typing import Any

import pytest

from copilot_kit.request import Request, Settings
from copilot_kit.testing import FunctionModel, call
from copilot_kit_evals.candidates import Candidate
from copilot_kit_evals.items import Item
from copilot_kit_evals.scorers.tool_calls import wanted_calls
from copilot_kit_evals.scores import Output
from copilot_kit_evals.shipped import tasks_of
from copilot_kit_evals.shipped.office_tools import TOOLS
from copilot_kit_evals.tasks import Setup, Task
from tests.evals.shipped.answering import called, due, echo, said, wanted

SUITES = ("instructions", "tool_calling", "extraction", "long_context")
TASKS = [task for name in SUITES for task in tasks_of(name) if task.name != "long_context"]
LONG = tasks_of("long_context")[0]


def right(item: Item) -> Output:
    if "offered" in item.meta:
        calls = wanted(item.target)  # type: ignore[arg-type]
        return called(calls) if calls else said(due(item.meta["says"]))  # type: ignore[arg-type]
    if "right" in item.meta:
        return Output(text=str(item.meta["right"]), messages=called(wanted(item.target)).messages)  # type: ignore[arg-type]
    return said(item.target if isinstance(item.target, str) else json.dumps(item.target))


def wrong(item: Item) -> Output:
    made: Any = item.meta["wrong"]
    if "right" in item.meta:
        return Output(text=made, messages=called(wanted(item.target)).messages)  # type: ignore[arg-type]
    if "offered" in item.meta and not isinstance(made, str):
        return called([(one["name"], one["arguments"]) for one in made])
    return said(made if isinstance(made, str) else json.dumps(made))


async def scored(task: Task, item: Item, output: Output) -> float | None:
    return (await task.scorers[0](item, output)).value


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
async def test_the_right_answer_of_every_item_scores_1(task: Task):
    assert {item.id: await scored(task, item, right(item)) for item in task.dataset} == dict.fromkeys(
        task.dataset.ids, 1.0
    )


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
async def test_a_plausible_wrong_answer_of_every_item_scores_less(task: Task):
    found = {item.id: await scored(task, item, wrong(item)) for item in task.dataset}
    assert [name for name, value in found.items() if value is None or value > 0.95] == []


@pytest.mark.parametrize("task", [*TASKS, LONG], ids=lambda task: task.name)
async def test_silence_and_an_echo_score_nothing(task: Task):
    silent = [await scored(task, item, said("")) for item in task.dataset]
    echoed = [await scored(task, item, echo(item)) or 0 for item in task.dataset]
    assert set(silent) == {0.0}
    assert sum(echoed) / len(echoed) <= 0.02


@pytest.mark.parametrize("task", [*TASKS, LONG], ids=lambda task: task.name)
def test_items_are_told_apart_by_level_and_kind(task: Task):
    levels = Counter(tag for item in task.dataset for tag in item.tags if tag in ("easy", "medium", "hard"))
    assert levels.total() == len(task.dataset)
    assert min(levels[level] for level in ("easy", "medium", "hard")) >= 4
    assert all(item.human_minutes for item in task.dataset)
    assert len(set(task.dataset.ids)) == len(
        {json.dumps(item.model_dump(mode="json")["input"]) for item in task.dataset}
    )


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_has_60_to_120_items_and_some_ten_for_smoke(name: str):
    items = [item for task in tasks_of(name) for item in task.dataset]
    assert 60 <= len(items) <= 120
    assert 8 <= sum("smoke" in item.tags for item in items) <= 16


def test_what_tools_are_called_with_is_what_they_declare():
    single = tasks_of("tool_calling")[0]
    for item in single.dataset:
        assert set(item.meta["offered"]) <= set(TOOLS), item.id  # type: ignore[arg-type]
        for one in wanted_calls(item):
            assert one.name in item.meta["offered"], item.id  # type: ignore[operator]
            declared: Any = TOOLS[one.name]["parameters"]
            assert set(declared["required"]) <= set(one.accepted) <= set(declared["properties"]), item.id


async def test_steps_are_solvable_by_an_agent_with_the_very_tools():
    steps = tasks_of("tool_calling")[1]
    for item in steps.dataset:
        calls = wanted(item.target)  # type: ignore[arg-type]

        def answer(request: Request, calls: Any = calls, item: Item = item) -> Any:
            done = sum(message.role == "tool" for message in request.messages)
            return call(*calls[done]) if done < len(calls) else str(item.meta["right"])

        solved = await steps.solver(setup(item, FunctionModel(answer)))
        score = await steps.scorers[0](item, solved.output)
        assert score.value == 1, (item.id, score.reason)
        results = [
            part.text for message in solved.output.messages for part in message.parts if part.type == "tool_result"
        ]
        if item.id != "recover-missing":
            assert not any("There is no" in one or "not known" in one for one in results), item.id


def setup(item: Item, model: FunctionModel) -> Setup:
    return Setup(item, "", 0, Candidate(name="c", model=model.id), model, Settings(), 0)


@pytest.mark.parametrize(
    "task", [*(task for task in TASKS if task.name != "tool_steps"), LONG], ids=lambda one: one.name
)
async def test_a_perfect_model_scores_1_when_it_is_asked_as_models_are(task: Task):
    for item in task.dataset:
        target = item.target[0] if task is LONG and isinstance(item.target, list) else item.target
        best = right(item.model_copy(update={"target": target}))
        calls = [call(one.name, one.args_json) for one in best.calls]
        solved = await task.solver(setup(item, FunctionModel(lambda _, best=best, calls=calls: calls or best.text)))  # type: ignore[misc]
        assert (await task.scorers[0](item, solved.output)).value == 1, item.id


# --- long context: the answers, found again by reading the text


def read(item: Item) -> str:
    """The answer to an English question, by another way than the generator's."""
    text, _, question = str(item.input).partition("\n\nThe question: ")
    found: dict[str, Any] = {
        "codes": dict(re.findall(r"code of the (\w+) locker is (\w+);", text)),
        "arrivals": re.findall(r"The ([A-Z][\w ]+?) came in with (\d+) crates of ([\w ]+)\.", text),
        "keys": {shed: who for who, shed in re.findall(r"From now on (\w+) keeps the key of shed (\d)", text)},
        "anchors": dict(re.findall(r"spare anchor of the ([A-Z][\w ]+?) was put into shed (\d)", text)),
    }
    match item.tags[1]:
        case "needle" | "not_stated":
            (colour,) = re.findall(r"the (\w+) locker", question)
            return str(found["codes"].get(colour, "not stated"))
        case "count":
            (ship,) = re.findall(r"did the ([\w ]+?) come in", question)
            return str(sum(one[0] == ship for one in found["arrivals"]))
        case "sum":
            ((cargo, ship),) = re.findall(r"crates of ([\w ]+) did the ([\w ]+) bring", question)
            return str(sum(int(count) for one, count, what in found["arrivals"] if (one, what) == (ship, cargo)))
        case "order":
            ships = question.partition(": ")[2].rstrip("?").split(", ")
            return next(one for one, _, _ in reversed(found["arrivals"]) if one in ships)
        case "latest":
            return str(found["keys"][re.findall(r"shed (\d)", question)[0]])
        case _:
            (ship,) = re.findall(r"anchor of the ([\w ]+) is", question)
            return str(found["keys"][found["anchors"][ship]])


async def test_the_answers_on_the_logs_are_what_a_second_reading_finds():
    english = [item for item in LONG.dataset if "de" not in item.tags]
    assert len(english) == 84
    for item in english:
        answer = read(item)
        assert answer == (item.target if isinstance(item.target, str) else "not stated"), item.id
        assert await scored(LONG, item, said(f"Let me see.\n\nAnswer: {answer}.")) == 1, item.id


async def test_another_answer_on_the_logs_is_wrong():
    for item in LONG.dataset:
        rivals = item.meta["rivals"] or [str(int(str(item.target)) + 1), str(int(str(item.target)) - 1), "not stated"]
        for rival in [*rivals, "not stated" if isinstance(item.target, str) else "2", "1 or 2 or 3"]:  # type: ignore[misc]
            assert await scored(LONG, item, said(f"Answer: {rival}")) == 0, (item.id, rival)


def test_german_questions_ask_of_the_same_log_as_english_ones():
    for item in LONG.dataset:
        if "de" in item.tags and item.tags[1] == "count":
            ship = re.findall(r"ist die ([\w ]+) eingelaufen", str(item.input))[0]
            assert item.target == str(str(item.input).count(f"The {ship} came in with"))


def test_the_lengths_are_what_their_tags_say():
    for item in LONG.dataset:
        tokens = 350 if item.tags[0] == "short" else int(item.tags[0].removesuffix("k")) * 1000
        assert 0.95 * tokens < len(str(item.input)) / 3.3 < 1.3 * tokens, item.id


def test_the_logs_are_the_same_on_every_machine():
    assert LONG.dataset.content_digest[:16] == "92116db7b384b87d"
