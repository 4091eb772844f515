"""Trust through real runs: what people decide becomes evidence, and evidence becomes autonomy for that action only."""

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from copilot_kit import Agent, Gate, Principal, Run, rule, tool
from copilot_kit.approval.trust import earn
from copilot_kit.journal import MemoryStore
from copilot_kit.journal.index import Evidence
from copilot_kit.journal.opening import open_store
from copilot_kit.journal.state import RunState
from copilot_kit.testing import ScriptedModel, call

ANNA = Principal(id="anna")
NO_AUDIT = 1e-9


class Shop:
    """Refunds, run by run, on one journal."""

    def __init__(self, *, audit_share: float = NO_AUDIT, wording_counts: bool = True, store: Any = None) -> None:
        self.store = MemoryStore() if store is None else store
        self.paid: list[float] = []
        self.gate = Gate([earn(0.7, audit_share=audit_share, wording_counts=wording_counts)])
        self._numbers = count()

    def tool(self, version: str = "1") -> Any:
        def unpay(amount: float) -> None:
            self.paid.remove(amount)

        @tool(effect="external", version=version, roles={"note": "wording"}, undo=unpay)
        def refund(amount: float, note: str = "") -> str:
            if amount > 100:
                raise ValueError("the till is empty")
            self.paid.append(amount)
            return f"refunded {amount} {note}"

        return refund

    async def refund(
        self,
        *,
        amount: float = 5.0,
        model: str = "acme:big",
        version: str = "1",
        instructions: str = "Be kind.",
        again: bool = False,
    ) -> Run[str]:
        """Have the agent propose one refund, or the same twice in a row; the run waits, or is done."""
        number = next(self._numbers)
        proposed = call("refund", {"amount": amount}, call_id=f"call_{number}")  # so that the draw is always the same
        agent = Agent(
            ScriptedModel(proposed, *([call("refund", {"amount": amount})] if again else []), "Done.", id=model),
            tools=[self.tool(version)],
            store=self.store,
            gate=self.gate,
            instructions=instructions,
        )
        return await agent.run("Refund it", run_id=f"run_{number}")

    async def approve(self, times: int) -> None:
        for _ in range(times):
            run = await self.refund()
            await run.approve(run.proposals[0].id, by=ANNA)

    async def evidence(self) -> Evidence:
        (evidence,) = await self.store.evidence()
        return evidence


async def test_after_so_many_clean_cases_the_next_call_runs_without_a_question_and_says_why():
    shop = Shop()
    await shop.approve(13)
    assert (await shop.refund()).proposals[0].reasons[0].text == ("not yet trusted alone: 13 of 14 clean cases so far")
    await shop.approve(1)
    run = await shop.refund()
    assert (run.status, len(shop.paid)) == ("done", 15)
    (effect,) = RunState.of(await shop.store.read(run.id)).effects.values()
    assert [reason.code for reason in effect.intended.allowed] == ["earned"]
    assert (await shop.evidence()).allowed_clean == 1


@pytest.mark.parametrize("changed", [{"model": "acme:bigger"}, {"version": "2"}, {"instructions": "Be strict."}])
@pytest.mark.parametrize("place", ["memory", "sqlite"])
async def test_a_swapped_model_a_changed_tool_and_a_changed_prompt_start_by_asking(
    changed: dict[str, str], place: str, tmp_path: Path
):
    shop = Shop(store=open_store("memory" if place == "memory" else str(tmp_path / "journal.db")))
    await shop.approve(14)
    assert (await shop.refund()).status == "done"
    run = await shop.refund(**changed)
    assert run.status == "waiting"
    assert run.proposals[0].reasons[0].text == "not yet trusted alone: 0 of 14 clean cases so far"
    assert (await shop.refund()).status == "done"
    await shop.store.close()


@pytest.mark.parametrize("verdict", ["reject", "answer", "edit"])
async def test_a_case_that_a_person_does_not_let_run_as_it_is_counts_against(verdict: str):
    shop = Shop()
    await shop.approve(13)
    run = await shop.refund()
    proposal = run.proposals[0].id
    if verdict == "reject":
        await run.reject(proposal, "no", by=ANNA)
    elif verdict == "answer":
        await run.answer(proposal, "done by hand", by=ANNA)
    else:
        await run.edit(proposal, {"amount": 4.0, "note": ""}, by=ANNA)
    await shop.approve(1)
    assert (await shop.refund()).status == "waiting"


async def test_an_approved_call_that_fails_counts_against():
    shop = Shop()
    await shop.approve(13)
    run = await shop.refund(amount=500.0)
    await run.approve(run.proposals[0].id, by=ANNA)
    assert (await shop.evidence()).failed == 1
    await shop.approve(1)
    assert (await shop.refund()).status == "waiting"


async def test_an_allowed_call_that_fails_ends_the_trust():
    shop = Shop()
    await shop.approve(14)
    assert (await shop.refund(amount=500.0)).status == "done"
    assert (await shop.evidence()).allowed_failed == 1
    run = await shop.refund()
    assert [reason.code for reason in run.proposals[0].reasons] == ["turned"]


async def test_an_allowed_call_that_is_taken_back_ends_the_trust():
    shop = Shop()
    await shop.approve(14)
    run = await shop.refund()
    (call_id,) = RunState.of(await shop.store.read(run.id)).effects
    await Agent(ScriptedModel("."), tools=[shop.tool()], store=shop.store).undo(run.id, call_id, by=ANNA)
    assert len(shop.paid) == 14
    assert (await shop.evidence()).undone == 1
    run = await shop.refund()
    assert [reason.code for reason in run.proposals[0].reasons] == ["turned"]


@pytest.mark.parametrize(("wording_counts", "status"), [(True, "waiting"), (False, "done")])
async def test_edits_of_wording_count_against_unless_the_rule_says_otherwise(*, wording_counts: bool, status: str):
    shop = Shop(wording_counts=wording_counts)
    for _ in range(3):
        run = await shop.refund()
        await run.edit(run.proposals[0].id, {"amount": 5.0, "note": "with our excuses"}, by=ANNA)
    await shop.approve(14)
    assert (await shop.evidence()).wording_edited == 3
    assert (await shop.refund()).status == status


@pytest.mark.parametrize("verdict", ["reject", "answer", "edit"])
async def test_what_a_person_was_against_is_asked_about_for_the_rest_of_the_run_however_much_is_earned(verdict: str):
    shop = Shop(audit_share=1.0)
    await shop.approve(100)
    run = await shop.refund(again=True)
    proposal, paid = run.proposals[0].id, len(shop.paid)
    if verdict == "reject":
        run = await run.reject(proposal, "never", by=ANNA)
    elif verdict == "answer":
        run = await run.answer(proposal, "done by hand", by=ANNA)
    else:
        run = await run.edit(proposal, {"amount": 4.0, "note": ""}, by=ANNA)
    assert run.status == "waiting"
    assert [reason.code for reason in run.proposals[0].reasons] == ["contested"]
    assert shop.paid[paid:] == ([4.0] if verdict == "edit" else [])


async def test_an_audit_is_asked_about_and_counts_as_a_case():
    shop = Shop(audit_share=1.0)
    await shop.approve(14)
    run = await shop.refund()
    assert [reason.code for reason in run.proposals[0].reasons] == ["audit"]
    await run.approve(run.proposals[0].id, by=ANNA)
    assert (await shop.evidence()).clean == 15


async def test_an_audit_share_of_a_third_asks_about_a_third_of_the_calls():
    shop = Shop(audit_share=1 / 3)
    await shop.approve(14)
    waiting = [(await shop.refund()).status == "waiting" for _ in range(90)]
    assert 18 <= sum(waiting) <= 42


async def test_what_waits_or_expired_is_no_case():
    shop = Shop()
    for _ in range(20):
        await shop.refund()
    assert await shop.store.evidence() == []
    assert (await shop.refund()).status == "waiting"


async def test_suggestions_however_often_accepted_earn_nothing():
    shop = Shop()
    for _ in range(20):
        agent = Agent(ScriptedModel("Refund it.", id="acme:big"), tools=[shop.tool()], store=shop.store)
        await (await agent.suggest("What now?")).record_outcome("accepted", by=ANNA)
    assert await shop.store.evidence() == []
    assert (await shop.refund()).status == "waiting"


async def test_what_last_happened_reaches_the_rule():
    shop = Shop()
    await shop.approve(2)
    run = await shop.refund()
    await run.reject(run.proposals[0].id, by=ANNA)
    assert (await shop.evidence()).recent == ("rejected", "clean", "clean")


async def test_calls_that_another_rule_allows_are_no_clean_cases():
    shop = Shop()
    trusting = Gate([rule("allow")])
    for number in range(20):
        agent = Agent(ScriptedModel(call("refund", {"amount": 5.0}), "Done.", id="acme:big"), tools=[shop.tool()],
                      store=shop.store, gate=trusting, instructions="Be kind.")  # fmt: skip
        assert (await agent.run("Refund it", run_id=f"run_free_{number}")).status == "done"
    assert (await shop.evidence()).allowed_clean == 20
    assert (await shop.refund()).status == "waiting"
