"""Agents as tools: one run, one journal; what waits below waits at the top, and decisions travel down."""

from typing import Any

import pytest

from copilot_kit import Agent, Principal, Run, rule, tool
from copilot_kit.approval import Gate, decide
from copilot_kit.errors import ModelError, Overloaded
from copilot_kit.journal import MemoryStore
from copilot_kit.journal.verify import verify_run
from copilot_kit.messages import ToolResult
from copilot_kit.testing import FunctionModel, ScriptedModel, call

ANNA = Principal(id="anna")


class House:
    """A chief whose clerk writes letters."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.sent: list[str] = []

    def send(self) -> Any:
        @tool(effect="external", version="1")
        def send(to: str) -> str:
            self.sent.append(to)
            return f"sent to {to}"

        return send

    def clerk(self, *script: Any, name: str = "clerk", **options: Any) -> Agent[str]:
        return Agent(ScriptedModel(*script, id="two:clerk"), tools=[self.send()], name=name, **options)

    def chief(self, clerk: Agent[Any], *script: Any, **options: Any) -> Agent[str]:
        offered = clerk.as_tool(description="Writes letters.")
        return Agent(ScriptedModel(*script, id="one:chief"), tools=[offered], name="chief", store=self.store, **options)


def told(run: Run[str]) -> list[tuple[str, str]]:
    results = [part for message in run.messages for part in message.parts if isinstance(part, ToolResult)]
    return [(result.outcome, result.text) for result in results]


ASK = call("clerk", {"task": "Write to Eve"})


async def test_a_nested_agents_answer_is_the_result_of_its_call():
    house = House()
    run = await house.chief(house.clerk("Eve has moved."), ASK, "She has moved.").run("Write to Eve")
    assert (run.status, run.text, told(run)) == ("done", "She has moved.", [("ok", "Eve has moved.")])
    assert (await verify_run(house.store, run.id)).ok


async def test_what_a_nested_agent_proposes_waits_at_the_top_with_its_path():
    house = House()
    clerk = house.clerk(call("send", {"to": "eve"}), "Written.")
    chief = house.chief(clerk, ASK, "Done.")
    run = await chief.run("Write to Eve", run_id="run_1")
    asked = run.proposals[0]
    assert (run.status, [step.agent for step in asked.path], asked.model) == (
        "waiting", ["chief", "clerk"], "two:clerk > clerk",
    )  # fmt: skip
    assert asked.path[1].call_id == run.messages[-1].calls[0].call_id
    run = await run.approve(asked.id, by=ANNA)
    assert (run.status, house.sent, told(run)) == ("done", ["eve"], [("ok", "Written.")])


async def test_a_decision_made_elsewhere_reaches_a_nested_agent_in_another_process():
    house = House()
    first = house.chief(house.clerk(call("send", {"to": "eve"})), ASK)
    run = await first.run("Write to Eve", run_id="run_1")
    await decide(house.store, "run_1", run.proposals[0].id, "reject", by=ANNA, text="She has moved.")
    second = house.chief(house.clerk("I could not."), "It was not written.")
    run = await second.resume("run_1")
    assert (run.status, house.sent, run.text) == ("done", [], "It was not written.")


async def test_two_agents_that_both_wait_are_decided_in_any_order():
    house = House()
    one = house.clerk(call("send", {"to": "eve"}), "Written to Eve.", name="one")
    two = house.clerk(call("send", {"to": "zoe"}), "Written to Zoe.", name="two")
    script = [call("one", {"task": "a"}), call("two", {"task": "b"})]
    chief = Agent(
        ScriptedModel(script, "Both."), tools=[a.as_tool(description="Writes.") for a in (one, two)], store=house.store
    )
    run = await chief.run("Write to both", run_id="run_1")
    eve, zoe = run.proposals
    run = await run.approve(zoe.id, by=ANNA)
    assert (run.status, house.sent) == ("waiting", ["zoe"])
    run = await run.approve(eve.id, by=ANNA)
    assert (run.status, house.sent, run.text) == ("done", ["zoe", "eve"], "Both.")


async def test_three_deep_a_proposal_names_all_that_led_to_it():
    house = House()
    inner = house.clerk(call("send", {"to": "eve"}), "Written.", name="inner")
    middle = Agent(ScriptedModel(call("inner", {"task": "b"}), "Passed on."), name="middle",
                   tools=[inner.as_tool(description="Writes.")])  # fmt: skip
    top = Agent(ScriptedModel(call("middle", {"task": "a"}), "Done."), name="top", store=house.store,
                tools=[middle.as_tool(description="Passes on.")])  # fmt: skip
    run = await top.run("Write")
    assert [step.agent for step in run.proposals[0].path] == ["top", "middle", "inner"]
    run = await run.approve(run.proposals[0].id, by=ANNA)
    assert (run.status, house.sent, run.text) == ("done", ["eve"], "Done.")


async def test_the_chiefs_gate_may_keep_an_agent_from_being_asked_at_all():
    house = House()
    chief = house.chief(house.clerk(), ASK, "I see.", gate=Gate([rule("deny", tool="clerk", why="not today")]))
    run = await chief.run("Write to Eve")
    assert told(run) == [("denied", "Not allowed here: not today.")]


async def test_a_stop_at_the_top_cancels_what_waits_below():
    house = House()
    chief = house.chief(house.clerk(call("send", {"to": "eve"})), ASK)
    run = await chief.run("Write to Eve", run_id="run_1")
    run = await run.stop(by=ANNA)
    assert (run.status, run.proposals, house.sent) == ("stopped", (), [])
    run = await house.chief(house.clerk(), "As you like.").say("run_1", "Forget it.")
    assert (run.status, house.sent, told(run)) == ("done", [], [("cancelled", "The run was stopped; it did not run.")])


async def test_a_nested_models_failure_leaves_a_run_that_can_be_resumed():
    house = House()
    chief = house.chief(house.clerk(Overloaded("Busy.", model="two:clerk")), ASK, "Done.")
    with pytest.raises(ModelError):
        await chief.run("Write to Eve", run_id="run_1")
    run = await house.chief(house.clerk("Written."), "Done.").resume("run_1")
    assert (run.status, told(run)) == ("done", [("ok", "Written.")])


async def test_a_nested_agents_broken_task_is_an_error_that_its_caller_reads():
    house = House()
    run = await house.chief(house.clerk(), call("clerk", {"tusk": 1}), "Sorry.").run("Write to Eve")
    assert told(run)[0][0] == "error"


async def test_an_unknown_call_below_waits_for_a_person_and_is_settled_at_the_top():
    house = House()

    @tool(effect="external", version="1", timeout_s=0.01)
    async def send(to: str) -> str:
        import asyncio

        house.sent.append(to)
        await asyncio.sleep(1)
        return "sent"

    clerk = Agent(ScriptedModel(call("send", {"to": "eve"}), "Written."), tools=[send], name="clerk",
                  gate=Gate([rule("allow")]))  # fmt: skip
    run = await house.chief(clerk, ASK, "Done.").run("Write to Eve", run_id="run_1")
    assert (run.status, len(run.unknown)) == ("waiting", 1)
    run = await run.settle(run.unknown[0].call.call_id, done=True, by=ANNA)
    assert (run.status, house.sent) == ("done", ["eve"])


async def test_the_task_that_a_model_gives_another_is_trusted_by_nobody():
    house = House()
    asked: list[Any] = []

    def answers(request: Any) -> str:
        asked.append(request.messages[-1])
        return "Seen."

    clerk = Agent(FunctionModel(answers), name="clerk")
    await house.chief(clerk, ASK, "Done.").run("Write to Eve")
    source = asked[0].parts[0].source
    assert (asked[0].text, source.kind, source.trusted) == ("Write to Eve", "model", False)


async def test_a_streamed_run_tells_the_chiefs_words_and_not_the_clerks():
    house = House()
    chief = house.chief(house.clerk("Secret whisper."), ASK, "Done.")
    heard = [event async for event in chief.stream("Write to Eve")]
    words = "".join(getattr(event, "text", None) or "" for event in heard if type(event).__name__ == "PartDelta")
    assert words == "Done."
