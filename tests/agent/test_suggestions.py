"""A suggestion is acted on elsewhere: nothing but reads runs, and what became of it permits nothing."""

import pytest

from copilot_kit import Agent, Gate, Principal, rule, tool
from copilot_kit.errors import UsageError
from copilot_kit.journal import MemoryStore
from copilot_kit.journal.state import RunState
from copilot_kit.testing import ScriptedModel, call

ANNA = Principal(id="anna")


async def test_a_suggestion_reads_and_writes_nothing_whatever_the_rules_say():
    wrote: list[str] = []

    @tool(effect="read")
    def look() -> str:
        return "there"

    @tool(effect="write")
    def write(text: str) -> str:
        wrote.append(text)
        return "written"

    agent = Agent(
        ScriptedModel([call("look"), call("write", {"text": "x"})], "Use y."),
        tools=[look, write], gate=Gate([rule("allow")]),
    )  # fmt: skip
    run = await agent.suggest("Complete this line")
    assert (run.status, run.text, wrote, run.proposals) == ("done", "Use y.", [], ())


async def test_what_became_of_a_suggestion_is_kept():
    store = MemoryStore()
    run = await Agent(ScriptedModel("Use y."), store=store).suggest("Complete this line", run_id="run_1")
    await run.record_outcome("edited", "Use yy.", by=ANNA)
    outcome = RunState.of(await store.read("run_1")).outcome
    assert outcome is not None
    assert (outcome.verdict, outcome.final, outcome.by) == ("edited", "Use yy.", ANNA)


async def test_a_task_has_no_outcome_of_this_kind():
    run = await Agent(ScriptedModel("Done.")).run("Do it")
    with pytest.raises(UsageError, match=r"is no suggestion\. Make one with agent\.suggest"):
        await run.record_outcome("accepted", by=ANNA)
