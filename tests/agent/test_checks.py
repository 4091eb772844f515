"""Checks of the work: what does not hold goes back with its evidence, into the notes, and is counted."""

from typing import Any

import pytest

from copilot_kit import Agent
from copilot_kit.agent.checks import Check, Milestone, Rubric
from copilot_kit.context.window import Window
from copilot_kit.errors import BadAnswer, UnknownModel, UsageError
from copilot_kit.journal import MemoryStore
from copilot_kit.memory.memory import Memory
from copilot_kit.model import Model
from copilot_kit.response import Usage
from copilot_kit.testing import ScriptedModel


def names_a_figure(milestone: Milestone) -> str | None:
    return None if "12" in milestone.text else f"the answer {milestone.text!r} names no figure"


async def test_what_a_check_finds_goes_back_to_the_model_until_it_holds():
    model = ScriptedModel("Some.", "It is 12.")
    run = await Agent(model, checks=[names_a_figure]).run("How many?")
    assert (run.status, run.text) == ("done", "It is 12.")
    assert "names_a_figure: the answer 'Some.' names no figure" in model.last_request.messages[-1].text
    assert [(one.name, one.passed, one.at) for one in run.checks] == [
        ("names_a_figure", False, "answer"), ("names_a_figure", True, "answer"),
    ]  # fmt: skip


async def test_an_answer_that_never_passes_ends_the_run_as_failed_and_says_why():
    run = await Agent(ScriptedModel("Some.", "More.", "Most."), checks=[names_a_figure]).run("How many?")
    assert (run.status, run.failure.error, len(run.checks)) == ("failed", "CheckFailed", 3)
    assert "the answer 'Most.' names no figure" in run.failure.message


async def test_what_does_not_hold_is_noted_in_the_memory_as_nobody_to_be_relied_on(tmp_path):
    memory = Memory(tmp_path / "notes")
    await Agent(ScriptedModel("Some.", "12"), checks=[names_a_figure], memory=memory).run("How many?", run_id="run_1")
    assert "Check 'names_a_figure' does not hold: the answer 'Some.' names no figure" in memory.read("tasks/run_1.md")
    assert [block.trusted for block in memory.blocks("tasks/run_1.md")] == [False]


async def test_a_check_that_fails_by_itself_has_not_passed():
    def broken(milestone: Milestone) -> None:
        raise RuntimeError("no such file")

    run = await Agent(ScriptedModel("a", "b", "c"), checks=[broken]).run("Go")
    assert (run.status, run.checks[0].evidence) == ("failed", "The check could not be made: RuntimeError: no such file")


async def test_a_reviewing_model_sees_the_record_and_says_what_is_missing():
    reviewer = ScriptedModel(
        ['{"passed": false, "evidence": "no source is named"}', Usage(input=50, output=5)],
        ['{"passed": true, "evidence": ""}', Usage(input=60, output=5)],
    )
    model = ScriptedModel(["12.", Usage(input=10, output=1)], ["12, says the report.", Usage(input=20, output=5)])
    run = await Agent(model, checks=[Rubric("A source is named.", model=reviewer)]).run("How many?")
    assert (run.status, run.text, [one.passed for one in run.checks]) == ("done", "12, says the report.", [False, True])
    assert "no source is named" in model.last_request.messages[-1].text
    asked = reviewer.requests[0]
    assert "A source is named." in asked.messages[-1].text
    assert "assistant: 12." in asked.messages[-1].text
    assert asked.tools == ()
    assert run.usage.input == 140


async def test_a_reviewing_model_is_asked_within_the_agent_s_middleware():
    reviewer = ScriptedModel('{"passed": true, "evidence": ""}', id="acme:judge")
    seen = []

    def watched(model: Model) -> Model:
        seen.append(model.id)
        return model

    one: Agent[Any] = Agent(ScriptedModel("12."), checks=[Rubric("Any.", model=reviewer)], middleware=[watched])
    await one.run("How many?")
    assert seen == ["scripted:model", "acme:judge"]


async def test_a_reviewing_model_that_nobody_knows_is_told_of_before_the_work():
    model = ScriptedModel()
    with pytest.raises(UnknownModel, match="'nobody'"):
        await Agent(model, checks=[Rubric("Any.", model="nobody")]).run("How many?")
    assert model.requests == []


async def test_a_review_that_cannot_be_read_breaks_the_run_off_and_it_can_go_on():
    reviewer = ScriptedModel("nonsense", '{"passed": true, "evidence": ""}')
    one: Agent[Any] = Agent(ScriptedModel("12."), checks=[Rubric("Any.", model=reviewer)], store=MemoryStore())
    with pytest.raises(BadAnswer):
        await one.run("How many?", run_id="run_1")
    assert (await one.resume("run_1")).status == "done"


async def test_checks_at_the_end_of_a_window_are_told_in_the_next_one():
    def too_slow(milestone: Milestone) -> str:
        return "three pages are missing"

    model = ScriptedModel("word " * 300, "Summary.", "Done.")
    one: Agent[Any] = Agent(model, window=Window(tokens=600), checks=[Check(too_slow, at=("window",))])
    run = await one.run("Read", run_id="run_1")
    run = await run.say("Go on")
    opening, said = model.last_request.messages
    assert "too_slow: three pages are missing" in opening.text
    assert [part.source.trusted for part in opening.parts if "three pages are missing" in part.text] == [False]
    assert (said.text, "The user said later" in opening.text) == ("Go on", False)
    assert [(check.at, check.passed) for check in run.checks] == [("window", False)]


def test_what_is_no_check_is_refused():
    with pytest.raises(UsageError, match="'tidy' is no check"):
        Agent(ScriptedModel(), checks=["tidy"])  # type: ignore[list-item]
