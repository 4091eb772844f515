"""The edge: what was shown is what runs, and no record that somebody slips in makes more than that run."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import pytest
from pydantic import Field

from copilot_kit import Agent, Gate, Principal, Run, ToolContext, rule, schema_tool, tool
from copilot_kit.approval import decide, stop
from copilot_kit.errors import UsageError
from copilot_kit.journal import Draft, Entry, MemoryStore
from copilot_kit.messages import ToolResult
from copilot_kit.records import Decided, Decision, Intended, Proposed
from copilot_kit.testing import ScriptedModel, call

ANNA, BEN = Principal(id="anna"), Principal(id="ben")


class Post:
    """Agents on one journal with a tool that keeps what it sent."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.sent: list[str] = []

    def tool(self, version: str | None = None) -> Any:
        @tool(effect="external", version=version)
        def send(to: str) -> str:
            self.sent.append(to)
            return f"sent to {to}"

        return send

    def agent(self, *script: object, gate: Gate | None = None, tools: Sequence[Any] | None = None) -> Agent[str]:
        return Agent(ScriptedModel(*script), tools=tools or [self.tool()], store=self.store, gate=gate)

    async def slip_in(self, decision: Decision) -> None:
        entries = await self.store.read("run_1")
        await self.store.append("run_1", [Draft(Decided(decision=decision))], after=entries[-1].head.seq)


def decision_of(run: Run[str], verdict: str, **fields: Any) -> Decision:
    proposal = run.proposals[0]
    given = {"proposal_id": proposal.id, "call_digest": proposal.call_digest, "by": BEN, "at": datetime.now(UTC)}
    return Decision.model_validate({**given, "verdict": verdict, **fields})


def told(run: Run[str]) -> list[str]:
    return [part.text for message in run.messages for part in message.parts if isinstance(part, ToolResult)]


async def test_a_default_that_changes_with_time_runs_as_it_was_shown():
    ticks = itertools.count(1)
    ran: list[int] = []

    @tool(effect="external")
    def remind(at: Annotated[int, Field(default_factory=lambda: next(ticks))]) -> str:
        ran.append(at)
        return "set"

    post = Post()
    run = await post.agent(call("remind"), "Done.", tools=[remind]).run("Remind me")
    shown = run.proposals[0].arguments
    run = await run.approve(run.proposals[0].id, by=ANNA)
    assert (run.status, f'{{"at":{ran[0]}}}') == ("done", shown)


async def test_an_edit_bound_to_another_call_runs_nothing_and_is_asked_anew():
    post = Post()
    run = await post.agent(call("send", {"to": "eve"})).run("Write", run_id="run_1")
    await post.slip_in(decision_of(run, "edit", call_digest="f" * 64, arguments='{"to":"mallory"}'))
    run = await post.agent().resume("run_1")
    assert (run.status, post.sent, len(run.proposals)) == ("waiting", [], 1)


async def test_an_edit_without_arguments_slipped_into_the_journal_runs_nothing():
    post = Post()
    run = await post.agent(call("send", {"to": "eve"})).run("Write", run_id="run_1")
    await post.slip_in(decision_of(run, "edit"))
    run = await post.agent().resume("run_1")
    assert (run.status, post.sent) == ("waiting", [])


async def test_a_yes_behind_a_no_does_not_count():
    post = Post()
    run = await post.agent(call("send", {"to": "eve"})).run("Write", run_id="run_1")
    await decide(post.store, "run_1", run.proposals[0].id, "reject", by=ANNA)
    await post.slip_in(decision_of(run, "approve"))
    run = await post.agent("I see.").resume("run_1")
    assert (run.status, post.sent) == ("done", [])


async def test_a_rejected_call_does_not_run_because_a_rule_changed():
    post = Post()
    run = await post.agent(call("send", {"to": "eve"})).run("Write", run_id="run_1")
    await decide(post.store, "run_1", run.proposals[0].id, "reject", by=ANNA)
    run = await post.agent("I see.", gate=Gate([rule("allow")])).resume("run_1")
    assert (run.status, post.sent) == ("done", [])


async def test_what_waits_goes_on_waiting_when_a_rule_would_now_allow_it():
    post = Post()
    await post.agent(call("send", {"to": "eve"})).run("Write", run_id="run_1")
    run = await post.agent(gate=Gate([rule("allow")])).resume("run_1")
    assert (run.status, post.sent) == ("waiting", [])


async def test_what_was_approved_does_not_run_when_a_rule_now_forbids_it():
    post = Post()
    run = await post.agent(call("send", {"to": "eve"})).run("Write", run_id="run_1")
    await decide(post.store, "run_1", run.proposals[0].id, "approve", by=ANNA)
    run = await post.agent("I see.", gate=Gate([rule("deny", why="mail is off")])).resume("run_1")
    assert (told(run), post.sent) == (["Not allowed here: mail is off."], [])


async def test_an_edit_to_what_a_rule_forbids_runs_nothing():
    def no_mallory(call: Any) -> Any:
        return rule("deny", why="not to her")(call) if call.arguments["to"] == "mallory" else None

    post = Post()
    run = await post.agent(call("send", {"to": "eve"}), "I see.", gate=Gate([no_mallory])).run("Write")
    run = await run.edit(run.proposals[0].id, {"to": "mallory"}, by=ANNA)
    assert (told(run), post.sent) == (["Not allowed here: not to her."], [])


async def test_an_edited_call_survives_a_change_of_the_tool_as_it_was_edited():
    post = Post()
    first = post.agent(call("send", {"to": "eve"}), tools=[post.tool("1")])
    run = await first.run("Write", run_id="run_1")
    await decide(post.store, "run_1", run.proposals[0].id, "edit", by=ANNA, arguments='{"to":"bob"}')
    run = await post.agent("Done.", tools=[post.tool("2")]).resume("run_1")
    assert (run.proposals[0].arguments, post.sent) == ('{"to":"bob"}', [])
    run = await run.approve(run.proposals[0].id, by=ANNA)
    assert (run.status, post.sent) == ("done", ["bob"])


async def test_after_an_edit_the_model_is_told_which_call_ran():
    post = Post()
    run = await post.agent(call("send", {"to": "eve"}), "Done.").run("Write")
    run = await run.edit(run.proposals[0].id, {"to": "bob"}, by=ANNA)
    assert told(run) == ['A person changed the arguments; this ran: {"to":"bob"}\nsent to bob']


async def test_arguments_come_with_an_edit_only():
    post = Post()
    run = await post.agent(call("send", {"to": "eve"})).run("Write", run_id="run_1")
    with pytest.raises(UsageError, match="with an edit only"):
        await decide(post.store, "run_1", run.proposals[0].id, "approve", by=ANNA, arguments='{"to":"bob"}')


async def test_calls_that_come_with_the_same_id_are_two_calls_with_two_results():
    post = Post()
    same = [call("send", {"to": "eve"}, call_id="c1"), call("send", {"to": "bob"}, call_id="c1")]
    run = await post.agent(same, "Done.").run("Write to both")
    assert len({proposal.call_id for proposal in run.proposals}) == 2
    for proposal in run.proposals:
        run = await run.approve(proposal.id, by=ANNA)
    assert (run.status, post.sent, len(told(run))) == ("done", ["eve", "bob"], 2)


async def test_a_call_id_of_an_earlier_turn_is_not_taken_for_the_same_action():
    post = Post()
    again = [call("send", {"to": "eve"}, call_id="c1"), call("send", {"to": "eve"}, call_id="c1"), "Done."]
    run = await post.agent(*again, gate=Gate([rule("allow")])).run("Write twice", run_id="run_1")
    keys = [entry.body.idempotency_key for entry in await post.store.read("run_1") if isinstance(entry.body, Intended)]
    assert (run.status, len(post.sent), len(set(keys))) == ("done", 2, 2)


async def test_an_approver_who_stops_the_run_is_asked_nothing_more():
    post, asked = Post(), []

    async def approver(proposal: Any) -> None:
        asked.append(proposal.id)
        await stop(post.store, "run_1", by=ANNA)

    script = [call("send", {"to": "eve"}), call("send", {"to": "bob"})]
    run = await post.agent(script).run("Write", run_id="run_1", approver=approver)
    assert (run.status, len(asked), post.sent) == ("stopped", 1, [])


async def test_a_stream_tells_of_a_stop_that_came_from_elsewhere():
    post, kinds = Post(), []
    agent = post.agent(call("send", {"to": "eve"}))
    async for event in agent.stream("Write", run_id="run_1"):
        if isinstance(event, Entry):
            kinds.append(event.head.kind)
            if event.head.kind == "responded":
                await stop(post.store, "run_1", by=ANNA)
    assert kinds[-1] == "run_stopped"
    assert not any(isinstance(entry.body, Proposed) for entry in await post.store.read("run_1"))


async def test_a_rule_sees_the_model_that_proposed_the_call_and_not_the_one_that_took_over():
    def not_of_one(call: Any) -> Any:
        return rule("deny", why="not by this model")(call) if call.asked_model == "one:a" else None

    post = Post()
    first = Agent(ScriptedModel(call("send", {"to": "eve"}), id="one:a"), tools=[post.tool()], store=post.store)
    run = await first.run("Write", run_id="run_1")
    await decide(post.store, "run_1", run.proposals[0].id, "approve", by=ANNA)
    other = ScriptedModel("I see.", id="two:b")
    run = await Agent(other, tools=[post.tool()], store=post.store, gate=Gate([not_of_one])).resume("run_1")
    assert (told(run), post.sent) == (["Not allowed here: not by this model."], [])


async def test_a_tool_of_which_some_calls_only_read_is_asked_about_for_the_others_alone():
    def notes(args: dict[str, Any], context: ToolContext) -> str:
        return f"{args['do']} by {context.model}, from {[one.kind for one in context.sources]}"

    def reads(args: Any) -> bool:
        return bool(args["do"] == "look")

    schema = {"type": "object", "properties": {"do": {"type": "string"}}, "required": ["do"]}
    one = schema_tool("notes", "Notes.", schema, notes, effect="write", reads_when=reads)
    post = Post()
    agent = post.agent(call("notes", {"do": "look"}), call("notes", {"do": "tear"}), tools=[one])
    run = await agent.run("Look, then tear")
    assert [(p.arguments, p.effect) for p in run.proposals] == [('{"do":"tear"}', "write")]
    assert told(run) == ["look by scripted:model > model, from ['model']"]
