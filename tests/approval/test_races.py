"""Races: decisions, stops and owners that meet in the middle of something."""

import asyncio

import pytest

from copilot_kit import Agent, Principal, tool
from copilot_kit.approval import READS_RUN, Gate, decide, rule, settle, stop
from copilot_kit.journal import Draft, MemoryStore, RunState
from copilot_kit.records import Proposed
from copilot_kit.testing import ScriptedModel, call

ANNA = Principal(id="anna")


async def test_a_decision_that_arrives_while_a_read_runs_is_acted_on_by_the_same_run():
    store, sent = MemoryStore(), []

    @tool(effect="external")
    async def send(to: str) -> str:
        sent.append(to)
        return "sent"

    @tool(effect="read")
    async def look() -> str:
        pending = RunState.of(await store.read("run_1")).pending
        await decide(store, "run_1", pending[0].id, "approve", by=ANNA)
        return "seen"

    agent = Agent(ScriptedModel([call("send", {"to": "eve"}), call("look")], "Done."), tools=[send, look], store=store)
    run = await agent.run("Write to Eve", run_id="run_1")
    assert (run.status, sent) == ("done", ["eve"])


async def test_a_stop_that_arrives_while_a_read_runs_keeps_the_effect_of_the_same_turn_from_beginning():
    store, sent = MemoryStore(), []

    @tool(effect="external")
    async def send(to: str) -> str:
        sent.append(to)
        return "sent"

    @tool(effect="read")
    async def look() -> str:
        await stop(store, "run_1", by=ANNA)
        return "seen"

    gate = Gate([READS_RUN, rule("allow", tool="send")])
    model = ScriptedModel([call("look"), call("send", {"to": "eve"})], "Done.")
    run = await Agent(model, tools=[send, look], store=store, gate=gate).run("Write to Eve", run_id="run_1")
    assert (run.status, sent) == ("stopped", [])


async def test_a_call_that_was_lost_before_a_stop_is_shown_by_the_next_resume():
    store, lives = MemoryStore(), []

    class PowerCut(BaseException):
        pass

    @tool(effect="external")
    async def send(to: str) -> str:
        lives.append(to)
        raise PowerCut

    gate = Gate([READS_RUN, rule("allow", tool="send")])
    agent = Agent(ScriptedModel(call("send", {"to": "eve"}), "Done."), tools=[send], store=store, gate=gate)
    try:
        await agent.run("Write to Eve", run_id="run_1")
    except PowerCut:
        await stop(store, "run_1", by=ANNA)
    run = await agent.resume("run_1")
    assert run.status == "stopped"
    assert [unknown.call.name for unknown in run.unknown] == ["send"]
    await settle(store, "run_1", run.unknown[0].call.call_id, done=True, by=ANNA)
    assert (await agent.load("run_1")).unknown == ()
    assert lives == ["eve"]


async def test_of_stops_and_approvals_at_once_nothing_begins_behind_a_stop():
    store, sent = MemoryStore(), []

    @tool(effect="external")
    async def send(to: str) -> str:
        sent.append(to)
        return "sent"

    agent = Agent(ScriptedModel(call("send", {"to": "eve"}), "Done."), tools=[send], store=store)
    run = await agent.run("Write to Eve", run_id="run_1")
    proposal = run.proposals[0].id
    await asyncio.gather(
        stop(store, "run_1", by=ANNA), decide(store, "run_1", proposal, "approve", by=ANNA), return_exceptions=True
    )
    assert (await agent.resume("run_1")).status == "stopped"
    assert sent == []


async def test_a_stopped_run_whose_owner_died_in_a_call_is_ready_until_the_call_is_shown():
    store = MemoryStore()

    class PowerCut(BaseException):
        pass

    @tool(effect="external")
    async def send(to: str) -> str:
        raise PowerCut

    gate = Gate([READS_RUN, rule("allow", tool="send")])
    agent = Agent(ScriptedModel(call("send", {"to": "eve"}), "Done."), tools=[send], store=store, gate=gate)
    with pytest.raises(PowerCut):
        await agent.run("Write to Eve", run_id="run_1")
    await stop(store, "run_1", by=ANNA)
    assert await store.ready() == ["run_1"]
    await agent.resume("run_1")
    assert await store.ready() == []


async def test_a_proposal_whose_arguments_are_not_those_of_its_digest_never_runs_by_a_yes():
    store, sent = MemoryStore(), []

    @tool(effect="external")
    async def send(to: str) -> str:
        sent.append(to)
        return "sent"

    agent = Agent(ScriptedModel(call("send", {"to": "eve"}), "Done."), tools=[send], store=store)
    run = await agent.run("Write to Eve", run_id="run_1")
    forged = run.proposals[0].model_copy(update={"id": "prop_forged", "arguments": '{"to":"mallory"}'})
    entries = await store.read("run_1")
    await store.append("run_1", [Draft(Proposed(proposal=forged))], after=entries[-1].head.seq)
    await decide(store, "run_1", "prop_forged", "approve", by=ANNA)
    run = await agent.resume("run_1")
    assert (run.status, sent) == ("waiting", [])
