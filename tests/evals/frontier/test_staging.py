"""A share of runs on a new model: a fall in acceptance is found and taken back; without one, seldom enough."""

from pathlib import Path

import numpy as np
import pytest

from copilot_kit import Agent, Principal, tool
from copilot_kit.journal import MemoryStore
from copilot_kit_evals.frontier.acceptance import Case, acceptance, cases_of, differences
from copilot_kit_evals.frontier.promoting import open_ledger, placed, promote
from copilot_kit_evals.frontier.staging import look_after, looked_after, standing
from copilot_kit_evals.stats.anytime import non_inferiority_betting

ANNA = Principal(id="anna")


def drawn(random: np.random.Generator, *, share: float, old: float, new: float, runs: int) -> list[Case]:
    is_new = random.random(runs) < share
    accepted = random.random(runs) < np.where(is_new, new, old)
    return [Case(bool(one), float(ok)) for one, ok in zip(is_new, accepted, strict=True)]


def test_each_new_run_stands_against_the_old_ones_since_the_last_one():
    cases = [Case(False, 1.0), Case(False, 0.0), Case(True, 1.0), Case(True, 0.0), Case(False, 1.0), Case(False, 0.5)]
    assert differences(cases) == [0.5 - 1.0, 1.0 - 0.0]
    assert differences([Case(True, 1.0), Case(True, 1.0)]) == []


@pytest.mark.parametrize(("share", "rate"), [(0.1, 0.9), (0.1, 0.5), (0.5, 0.9), (0.5, 0.98)])
def test_a_model_that_is_no_worse_is_taken_back_with_a_chance_of_at_most_alpha(share: float, rate: float):
    random = np.random.default_rng(7)
    falls = [acceptance(drawn(random, share=share, old=rate, new=rate, runs=600)).fell for _ in range(400)]
    assert np.mean(falls) <= 0.05


def test_a_model_that_is_much_worse_is_found_soon():
    random = np.random.default_rng(7)
    needed = []
    for _ in range(100):
        pairs = differences(drawn(random, share=0.1, old=0.9, new=0.5, runs=4000))
        wealth = non_inferiority_betting(pairs, margin=0.0)
        needed.append(int(np.argmax(wealth >= 20)) + 1 if wealth.max() >= 20 else len(pairs) + 1)
    assert np.median(needed) < 40  # runs of the new model


def test_what_it_says_names_both(project: Path):
    found = acceptance([Case(False, 1.0), Case(True, 0.0)])
    assert str(found) == (
        "accepted unchanged and worked: new 0% of 1 runs, old 100% of 1 runs; evidence of a fall 1.5:1"
    )


@tool(effect="external", version="1")
def send(to: str) -> str:
    """Send it."""
    return "sent"


async def work(agent: Agent, store: MemoryStore, *, runs: int, first: int = 0) -> None:
    """Let people judge: what the new model proposes they reject, what the old one does they approve."""
    for n in range(first, first + runs):
        run = await agent.run("send it", run_id=f"run_{n}")
        is_new = (await store.read(run.id))[0].body.model == "stub:new"
        decide = run.reject if is_new else run.approve
        await decide(run.proposals[0].id, by=ANNA)


async def test_a_fall_in_acceptance_takes_the_new_model_back_by_itself(project: Path):
    store, ledger = MemoryStore(), open_ledger()
    before = await ledger.placement("default", ("stub:new",))
    await promote(ledger, "default", placed(before, "stub:new", {}, 0.5), before=before, by="anna")
    agent = Agent("default", tools=[send], store=store)
    await work(agent, store, runs=4)
    assert await looked_after(ledger, "default", store) is None  # too few to tell
    await work(agent, store, runs=36, first=4)
    found = await standing(ledger, "default", store)
    assert found is not None
    assert (found.found.new_rate, found.found.old_rate, found.share) == (0.0, 1.0, 0.5)
    promotion = await look_after(ledger, "default", store, every_s=0.01)
    assert (promotion.kind, promotion.by, promotion.after.model, promotion.after.stage) == (
        "rollback", "copilot-kit frontier", "stub:old", None)  # fmt: skip
    assert promotion.reason.startswith("accepted unchanged and worked: new 0% of")
    assert (await agent.run("Hello", run_id="run_after")).text == "old says hello"


async def test_runs_from_before_the_stage_and_of_other_slots_are_no_cases(project: Path):
    store, ledger = MemoryStore(), open_ledger()
    await work(Agent("default", tools=[send], store=store), store, runs=3)
    before = await ledger.placement("default", ("stub:new",))
    begun = await promote(ledger, "default", placed(before, "stub:new", {}, 0.5), before=before, by="anna")
    await work(Agent("fast", tools=[send], store=store), store, runs=3, first=10)
    assert await cases_of(store, slot="default", old="stub:old", new="stub:new", since=begun.at) == []
    run = await Agent("default", tools=[send], store=store).run("send it")
    assert await cases_of(store, slot="default", old="stub:old", new="stub:new", since=begun.at) == []  # it waits
    await run.edit(run.proposals[0].id, {"to": "bob"}, by=ANNA)
    (case,) = await cases_of(store, slot="default", old="stub:old", new="stub:new", since=begun.at)
    assert case.accepted == 0.0


async def test_a_slot_where_nothing_takes_over_has_no_standing(project: Path):
    assert await standing(open_ledger(), "default", MemoryStore()) is None
