"""A share of runs on a new model: a fall in acceptance is found and taken back; without one, seldom enough."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from copilot_kit import Agent, Principal, tool
from copilot_kit.journal import MemoryStore
from copilot_kit.journal.index import Journal
from copilot_kit.journal.opening import open_store
from copilot_kit.records import RunStarted
from copilot_kit.request import Request
from copilot_kit.response import Response
from copilot_kit.testing import FunctionModel, call, say
from copilot_kit_evals.frontier.acceptance import Case, acceptance, cases_of, differences
from copilot_kit_evals.frontier.ledger import open_ledger, placed, promote
from copilot_kit_evals.frontier.promotions import Promotion
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


async def staged(share: float = 0.5) -> Promotion:
    ledger = open_ledger()
    before = await ledger.placement("default", ("stub:new",))
    return await promote(ledger, "default", placed(before, "stub:new", {}, share), before=before, by="anna")


def boss_of(clerk: Agent, store: Journal) -> Agent:
    """An agent that lets the clerk send, and then sends itself."""

    def next_turn(request: Request) -> Response:
        turns = sum(one.role == "assistant" for one in request.messages)
        return [call("clerk", {"task": "send it"}), call("send", {"to": "bob"}), say("Done.")][turns]

    tools = [clerk.as_tool(description="Writes."), send]
    return Agent(FunctionModel(next_turn, id="stub:boss"), tools=tools, store=store)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    store = open_store(f"sqlite:///{tmp_path}/journal.db")
    yield store
    await store.close()


async def test_a_slot_that_only_nested_agents_use_is_judged_by_their_calls_alone(project: Path, journal: Journal):
    begun = await staged()
    boss, models = boss_of(Agent("default", tools=[send], name="clerk"), journal), []
    for n in range(6):
        run = await boss.run("go", run_id=f"run_{n}")
        nested = [one.body for one in await journal.read(run.id) if one.head.path]
        (model,) = [one.model for one in nested if isinstance(one, RunStarted)]
        is_new = model == "stub:new"
        run = await (run.reject if is_new else run.approve)(run.proposals[0].id, by=ANNA)  # the clerk's
        await (run.approve if is_new else run.reject)(run.proposals[0].id, by=ANNA)  # the boss's
        models.append(is_new)
    cases = await cases_of(journal, slot="default", old="stub:old", new="stub:new", since=begun.at)
    assert set(models) == {True, False}
    assert cases == [Case(is_new, float(not is_new)) for is_new in models]


async def test_what_a_nested_agent_of_another_slot_does_says_nothing_of_the_one_above_it(
    project: Path, journal: Journal
):
    begun = await staged(0.999)
    clerk = Agent("fast", tools=[send], name="clerk")
    boss = Agent("default", tools=[clerk.as_tool(description="Writes."), send], store=journal)
    run = await boss.run("let it be sent", run_id="run_1")
    assert [step.agent for step in run.proposals[0].path] == ["agent", "clerk"]
    run = await run.reject(run.proposals[0].id, by=ANNA)
    assert await cases_of(journal, slot="default", old="stub:old", new="stub:new", since=begun.at) == []
    run = await run.say("send it")
    await run.approve(run.proposals[0].id, by=ANNA)
    cases = await cases_of(journal, slot="default", old="stub:old", new="stub:new", since=begun.at)
    assert cases == [Case(True, 1.0)]


async def test_a_nested_agent_of_the_same_slot_and_the_one_above_it_are_one_case(project: Path, journal: Journal):
    begun = await staged(0.999)
    clerk = Agent("default", tools=[send], name="clerk")
    boss = Agent("default", tools=[clerk.as_tool(description="Writes."), send], store=journal)
    run = await boss.run("let it be sent", run_id="run_1")
    run = await run.reject(run.proposals[0].id, by=ANNA)
    run = await run.say("send it")
    assert await cases_of(journal, slot="default", old="stub:old", new="stub:new", since=begun.at) == []  # it waits
    await run.approve(run.proposals[0].id, by=ANNA)
    cases = await cases_of(journal, slot="default", old="stub:old", new="stub:new", since=begun.at)
    assert cases == [Case(True, 0.5)]


async def test_behind_a_switch_by_hand_nothing_counts(project: Path):
    begun, store = await staged(0.999), MemoryStore()
    run = await Agent("default", tools=[send], store=store).run("send it", run_id="run_1")
    run = await run.approve(run.proposals[0].id, by=ANNA)
    run = await run.say("send it", model="fast")
    await run.reject(run.proposals[0].id, by=ANNA)
    cases = await cases_of(store, slot="default", old="stub:old", new="stub:new", since=begun.at)
    assert cases == [Case(True, 1.0)]


async def test_a_slot_where_nothing_takes_over_has_no_standing(project: Path):
    assert await standing(open_ledger(), "default", MemoryStore()) is None
