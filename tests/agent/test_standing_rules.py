"""Standing rules on the whole way: a yes with a rule, calls that run by it, and every change that ends that."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from copilot_kit.agent import Agent
from copilot_kit.approval import Gate, decide, rule
from copilot_kit.approval.standing import listed, offered, revoke, would_have_matched
from copilot_kit.errors import UsageError
from copilot_kit.journal import MemoryStore, Store
from copilot_kit.journal.opening import open_store
from copilot_kit.journal.store import Draft
from copilot_kit.records import Decided, Decision, Intended, Principal, StandingRule
from copilot_kit.testing import ScriptedModel, call, say
from copilot_kit.tools import tool

ADA = Principal(id="ada", authenticated="session")
BOB = Principal(id="bob", authenticated="session")
TASK = "Write to eve@example.org"
EVE, MALLORY = "eve@example.org", "mallory@example.net"


@tool(effect="external", roles={"to": "destination", "body": "content"}, version="1")
def send(to: str, body: str) -> str:
    """Send a message."""
    return f"sent {body} to {to}"


@tool(effect="external", name="send", roles={"to": "destination", "body": "content"}, version="2")
def send_anew(to: str, body: str) -> str:
    """Send a message."""
    return f"sent {body} to {to}"


def an_agent(store: Store, *calls: tuple[str, str], model: str = "scripted:model", **settings: Any) -> Agent[str]:
    turns = [[call("send", {"to": to, "body": body})] for to, body in calls]
    return Agent(
        ScriptedModel(*turns, say("Done."), id=model), store=store, name="desk", **{"tools": [send]} | settings
    )


async def with_a_rule(store: MemoryStore, **changes: Any) -> StandingRule:
    """Approve a call together with the rule that is offered for it."""
    agent = an_agent(store, (EVE, "first"))
    run = await agent.run(TASK)
    made = offered(run.proposals[0], by=ADA)
    assert made is not None
    granted = made.model_copy(update=changes)
    await decide(store, run.id, run.proposals[0].id, "approve", by=ADA, rule=granted)
    assert (await agent.resume(run.id)).status == "done"
    return granted


async def test_a_yes_with_a_rule_lets_the_next_call_like_it_run_and_the_journal_says_why():
    store = MemoryStore()
    granted = await with_a_rule(store)
    run = await an_agent(store, (EVE, "second")).run(TASK)
    assert run.status == "done"
    (intent,) = [entry.body for entry in await store.read(run.id) if isinstance(entry.body, Intended)]
    assert (intent.rule_id, intent.allowed[0].code) == (granted.id, "standing-rule")
    assert [one.used for one in await listed(store)] == [1]


@pytest.mark.parametrize(
    ("calls", "settings"),
    [
        ([(MALLORY, "second")], {}),
        ([(EVE, "second")], {"model": "scripted:other"}),
        ([(EVE, "second")], {"instructions": "Be brief."}),
        ([(EVE, "second")], {"tools": [send_anew]}),
        ([(EVE, "second")], {"name": "other"}),
        ([(EVE, "second")], {"gate": Gate([rule("ask", tool="send")])}),
        ([(EVE, "second")], {"gate": Gate([], may_decide=["bob"])}),
    ],
)
async def test_another_receiver_model_prompt_tool_agent_or_an_explicit_rule_asks(calls: Any, settings: dict[str, Any]):
    store = MemoryStore()
    await with_a_rule(store)
    name = settings.pop("name", None)
    agent = an_agent(store, *calls, **settings)
    agent.name = name or agent.name
    assert (await agent.run(TASK)).status == "waiting"
    assert [one.used for one in await listed(store)] == [0]


async def test_a_denied_call_is_denied_whatever_rules_stand():
    store = MemoryStore()
    await with_a_rule(store)
    run = await an_agent(store, (EVE, "second"), gate=Gate([rule("deny", tool="send")])).run(TASK)
    assert run.status == "done"
    assert not [entry for entry in await store.read(run.id) if isinstance(entry.body, Intended)]
    assert [one.used for one in await listed(store)] == [0]


async def test_a_receiver_that_the_user_did_not_name_this_time_is_asked_about():
    store = MemoryStore()
    await with_a_rule(store)
    assert (await an_agent(store, (EVE, "second")).run("Write to my friend")).status == "waiting"


async def test_a_rule_that_is_used_up_or_revoked_asks_again():
    store = MemoryStore()
    granted = await with_a_rule(store, uses=2)
    run = await an_agent(store, (EVE, "a"), (EVE, "b"), (EVE, "c")).run(TASK)
    assert (run.status, run.proposals[0].arguments) == ("waiting", f'{{"body":"c","to":"{EVE}"}}')
    other = MemoryStore()
    granted = await with_a_rule(other)
    await revoke(other, granted.id, by=BOB)
    assert (await an_agent(other, (EVE, "second")).run(TASK)).status == "waiting"


@pytest.mark.parametrize(("hours", "begun"), [(0, 1), (24 * 31, 0)])
async def test_a_rule_whose_decider_died_before_it_began_begins_when_the_call_runs(hours: int, begun: int):
    store = MemoryStore()
    run = await an_agent(store, (EVE, "first")).run(TASK)
    proposal = run.proposals[0]
    made = offered(proposal, by=ADA)
    decision = Decision(proposal_id=proposal.id, call_digest=proposal.call_digest, verdict="approve", by=ADA,
                        at=datetime.now(UTC), rule=made)  # fmt: skip
    await store.append(run.id, [Draft(Decided(decision=decision))], after=len(await store.read(run.id)) - 1)
    late = an_agent(store, clock=lambda: datetime.now(UTC) + timedelta(hours=hours))
    assert (await late.resume(run.id)).status == "done"
    assert len(await listed(store)) == begun


async def test_an_expired_rule_asks_again():
    store = MemoryStore()
    await with_a_rule(store, expires_at=datetime.now(UTC) + timedelta(hours=1))
    later = an_agent(store, (EVE, "second"), clock=lambda: datetime.now(UTC) + timedelta(hours=2))
    assert (await later.run(TASK)).status == "waiting"


@pytest.mark.parametrize("place", ["memory", "journal.db"])
async def test_a_person_sees_how_many_of_the_last_calls_the_rule_would_have_let_through(place: str, tmp_path: Path):
    store = open_store(place if place == "memory" else str(tmp_path / place))
    for receiver in (EVE, EVE, MALLORY):
        await an_agent(store, (receiver, "words")).run(f"Write to {receiver}")
    run = await an_agent(store, (EVE, "more"), (EVE, "and more")).run(TASK)
    made = offered(run.proposals[0], by=ADA)
    assert made is not None
    assert await would_have_matched(store, made) == (3, 4)
    await decide(store, run.id, run.proposals[0].id, "approve", by=ADA, rule=made)
    assert (await an_agent(store, (EVE, "and more")).resume(run.id)).status == "done"
    assert await would_have_matched(store, made) == (4, 5)
    await store.close()


async def test_a_rule_for_something_else_or_in_anothers_name_leaves_the_call_undecided():
    store = MemoryStore()
    run = await an_agent(store, (EVE, "first")).run(TASK)
    made = offered(run.proposals[0], by=ADA)
    assert made is not None
    for wrong in ({"tool": "burn"}, {"by": BOB}, {"uses": 0}):
        with pytest.raises(UsageError):
            await decide(
                store, run.id, run.proposals[0].id, "approve", by=ADA, rule=made.model_copy(update=wrong)
            )  # fmt: skip
    assert (await run.refresh()).status == "waiting"
    assert await listed(store) == []
