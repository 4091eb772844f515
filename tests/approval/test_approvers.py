"""How people decide, and how suggestions were taken."""

from datetime import UTC, datetime

import pytest

from copilot_kit.agent import Agent
from copilot_kit.approval.acceptance import Acceptance, acceptance
from copilot_kit.approval.approvers import habits
from copilot_kit.journal import MemoryStore
from copilot_kit.journal.index import CallRow
from copilot_kit.records import Principal, ProposalState
from copilot_kit.testing import ScriptedModel

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ADA = Principal(id="ada")


def decided(state: ProposalState, *, by: str | None = "ada", looked_s: float | None = 5.0) -> CallRow:
    return CallRow("run_1", "call_1", "prop_1", 4, "agent", "send", "1", "external", "a:b > b", "p", state, None,
                   wording_only=False, by=by, looked_s=looked_s, asked_at=NOON, decided_at=NOON)  # fmt: skip


def test_each_person_is_counted_apart_the_busiest_first():
    calls = [decided("approved", by="ben"), decided("approved"), decided("rejected"), decided("edited"),
             decided("answered"), decided("approved")]  # fmt: skip
    ada, ben = habits(calls)
    assert (ada.person, ada.decided, ada.approved, ada.edited, ada.rejected, ada.answered) == ("ada", 5, 2, 1, 1, 1)
    assert ada.approved_share == pytest.approx(0.4)
    assert (ben.person, ben.decided, ben.approved_share) == ("ben", 1, 1.0)


def test_what_nobody_decided_is_nobodys():
    assert habits([decided("pending", by=None), decided("cancelled", by=None), decided("cancelled")]) == []


def test_how_long_they_looked_is_told_by_the_middle_and_by_the_share_under_two_seconds():
    (ada,) = habits([decided("approved", looked_s=looked) for looked in (1.0, 1.9, 2.0, 10.0, None)])
    assert ada.median_looked_s == pytest.approx(1.95)
    assert ada.quick_share == pytest.approx(0.5)
    (odd,) = habits([decided("approved", looked_s=looked) for looked in (9.0, 1.0, 4.0)])
    assert odd.median_looked_s == pytest.approx(4.0)


def test_where_nobody_measured_nothing_is_said_about_looking():
    (ada,) = habits([decided("approved", looked_s=None)] * 30)
    assert (ada.median_looked_s, ada.quick_share, ada.stamps) == (None, None, False)


def test_only_many_quick_yeses_without_a_single_no_look_like_a_stamp():
    quick = [decided("approved", looked_s=0.8)] * 20
    assert habits(quick)[0].stamps
    assert not habits(quick[:19])[0].stamps
    assert not habits([*quick, decided("rejected", looked_s=0.8)])[0].stamps
    assert not habits([decided("approved", looked_s=6.0)] * 20)[0].stamps


async def test_acceptance_counts_what_became_of_suggestions_and_not_of_tasks():
    store = MemoryStore()
    agent = Agent(ScriptedModel(*["Rename it."] * 5, id="acme:big"), name="editor", store=store)
    for verdict in ("accepted", "accepted", "edited", "ignored"):
        await (await agent.suggest("What now?")).record_outcome(verdict, "final text", by=ADA)
    await agent.suggest("And now?")
    await Agent(ScriptedModel("Done."), name="worker", store=store).run("Do it")
    (found,) = await acceptance(store)
    assert found == Acceptance("editor", "acme:big", found.prompt_version, accepted=2, edited=1, ignored=1, untold=1)
    assert found.accepted_share == pytest.approx(0.5)


async def test_an_outcome_that_is_told_twice_counts_as_it_was_told_last():
    store = MemoryStore()
    run = await Agent(ScriptedModel("Rename it."), store=store).suggest("What now?")
    await run.record_outcome("ignored", by=ADA)
    await run.record_outcome("accepted", by=ADA)
    (found,) = await acceptance(store)
    assert (found.accepted, found.ignored) == (1, 0)


async def test_suggestions_of_unknown_end_have_no_share():
    store = MemoryStore()
    await Agent(ScriptedModel("Rename it."), store=store).suggest("What now?")
    assert [one.accepted_share for one in await acceptance(store)] == [None]
