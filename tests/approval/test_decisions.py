"""Deciding: one decision, one use; of many at once exactly one wins, and nothing runs that was not shown."""

import asyncio
from datetime import UTC, datetime

import pytest

from copilot_kit import Agent, Principal, Run, tool
from copilot_kit.approval import decide, settle, stop
from copilot_kit.approval.digests import call_digest, idempotency_key
from copilot_kit.errors import CopilotError, NotDecidable, UsageError
from copilot_kit.journal import Draft, MemoryStore
from copilot_kit.records import DURABLE, Decided, Decision, Proposed, Step
from copilot_kit.testing import ScriptedModel, call

ANNA, BEN = Principal(id="anna"), Principal(id="ben")


class Desk:
    """An agent whose one tool writes down what it did, and a run of it that waits."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.store = MemoryStore()

        @tool(effect="external")
        def send(to: str) -> str:
            self.sent.append(to)
            return "sent"

        self.agent = Agent(ScriptedModel(call("send", {"to": "eve"}), "Done."), tools=[send], store=self.store)

    async def waiting(self) -> Run[str]:
        return await self.agent.run("Write to Eve", run_id="run_1")


async def test_yes_and_no_at_once_one_wins_and_the_others_are_told():
    desk = Desk()
    run = await desk.waiting()
    proposal = run.proposals[0].id
    verdicts = ["approve", "reject"] * 50
    outcomes = await asyncio.gather(
        *(decide(desk.store, "run_1", proposal, verdict, by=ANNA) for verdict in verdicts), return_exceptions=True
    )
    won = [outcome for outcome in outcomes if isinstance(outcome, Decision)]
    lost = [outcome for outcome in outcomes if isinstance(outcome, NotDecidable)]
    assert (len(won), len(lost)) == (1, 99)
    await desk.agent.resume("run_1")
    assert desk.sent == (["eve"] if won[0].verdict == "approve" else [])


async def test_two_resumes_at_once_run_the_call_once():
    desk = Desk()
    run = await desk.waiting()
    await decide(desk.store, "run_1", run.proposals[0].id, "approve", by=ANNA)
    ends = await asyncio.gather(*(desk.agent.resume("run_1") for _ in range(5)), return_exceptions=True)
    assert desk.sent == ["eve"]
    assert [end.status for end in ends if isinstance(end, Run)] == ["done"] * 5


async def test_a_decision_for_a_call_that_was_not_shown_is_refused():
    desk = Desk()
    run = await desk.waiting()
    with pytest.raises(NotDecidable, match="not the call that was shown"):
        await decide(desk.store, "run_1", run.proposals[0].id, "approve", by=ANNA, shown="0" * 64)


async def test_an_approval_bound_to_another_call_runs_nothing_and_the_call_is_asked_anew():
    desk = Desk()
    run = await desk.waiting()
    forged = Decision(proposal_id=run.proposals[0].id, call_digest="f" * 64, verdict="approve", by=BEN,
                      at=datetime.now(UTC))  # fmt: skip
    await desk.store.append("run_1", [Draft(Decided(decision=forged))], after=run._state.seq)
    run = await desk.agent.resume("run_1")
    assert (run.status, desk.sent, len(run.proposals)) == ("waiting", [], 1)


async def test_an_edit_without_arguments_is_wrong_use():
    desk = Desk()
    run = await desk.waiting()
    with pytest.raises(UsageError, match="needs the new arguments"):
        await decide(desk.store, "run_1", run.proposals[0].id, "edit", by=ANNA)


async def test_a_name_is_no_principal_and_the_error_writes_one():
    desk = Desk()
    run = await desk.waiting()
    with pytest.raises(UsageError, match=r"Principal\(id='anna'\)"):
        await run.approve(run.proposals[0].id, by="anna")


async def test_an_unknown_proposal_says_how_to_see_what_waits():
    desk = Desk()
    await desk.waiting()
    with pytest.raises(NotDecidable, match="copilot-kit runs show run_1"):
        await decide(desk.store, "run_1", "prop_x", "approve", by=ANNA)


async def test_a_stop_that_races_an_approval_leaves_at_most_one_effect_and_a_clear_state():
    desk = Desk()
    run = await desk.waiting()
    await asyncio.gather(
        run.approve(run.proposals[0].id, by=ANNA), stop(desk.store, "run_1", by=BEN), return_exceptions=True
    )
    state = await desk.agent.load("run_1")
    assert state.status in {"stopped", "done"}
    assert desk.sent in ([], ["eve"])


async def test_only_a_call_of_unknown_outcome_can_be_settled():
    desk = Desk()
    run = await desk.waiting()
    with pytest.raises(CopilotError, match="no call"):
        await settle(desk.store, "run_1", run.proposals[0].call_id, done=True, by=ANNA)


def test_the_call_digest_covers_every_part_of_the_call():
    parts = {"run_id": "r", "path": (Step(agent="a"),), "call_id": "c", "tool": "t", "version": "1", "arguments": "{}"}
    whole = call_digest(**parts)
    changed = {"run_id": "s", "path": (Step(agent="b"),), "call_id": "d", "tool": "u", "version": "2",
               "arguments": '{"a":1}'}  # fmt: skip
    digests = {call_digest(**{**parts, name: value}) for name, value in changed.items()}
    assert len(digests | {whole}) == len(changed) + 1


def test_fields_of_a_digest_cannot_flow_into_each_other():
    parts = {"run_id": "r", "path": (), "call_id": "c", "version": "", "arguments": "{}"}
    assert call_digest(**parts, tool="ab") != call_digest(**{**parts, "call_id": "ca"}, tool="b")


def test_the_idempotency_key_follows_from_the_call_alone():
    assert idempotency_key("x") == idempotency_key("x") != idempotency_key("y")


async def proposal_with(desk: Desk, **fields: object) -> str:
    """Put a proposal with these fields behind the one that waits, and return its id."""
    run = await desk.waiting()
    other = run.proposals[0].model_copy(update={"id": "prop_other", **fields})
    await desk.store.append("run_1", [Draft(Proposed(proposal=other))], after=run._state.seq)
    return other.id


async def test_only_those_who_may_decide_can():
    desk = Desk()
    proposal = await proposal_with(desk, may_decide=("anna",))
    with pytest.raises(NotDecidable, match="'ben' may not decide"):
        await decide(desk.store, "run_1", proposal, "approve", by=BEN)
    assert (await decide(desk.store, "run_1", proposal, "approve", by=ANNA)).verdict == "approve"


async def test_what_has_expired_cannot_be_approved():
    desk = Desk()
    proposal = await proposal_with(desk, expires_at=datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(NotDecidable, match="expired at 2026-01-01"):
        await decide(desk.store, "run_1", proposal, "approve", by=ANNA)


async def test_an_answer_without_a_result_is_wrong_use():
    desk = Desk()
    run = await desk.waiting()
    with pytest.raises(UsageError, match="needs the result"):
        await decide(desk.store, "run_1", run.proposals[0].id, "answer", by=ANNA)


def test_what_must_not_be_lost_reaches_the_disk_before_anything_else_happens():
    assert {
        "proposed", "decided", "lapsed", "intended", "received", "undoing", "undone", "outcome_known", "rule_granted",
        "rule_revoked", "rule_used", "slot_moved", "erased", "run_stopped", "run_ended",
    } == DURABLE  # fmt: skip
