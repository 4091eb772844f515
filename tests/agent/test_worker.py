"""A worker takes on what can go on: decided elsewhere, or left by an owner that died."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from copilot_kit import Agent, Principal, tool
from copilot_kit.agent.worker import keep_going
from copilot_kit.approval import decide
from copilot_kit.errors import JournalError, Overloaded, UsageError
from copilot_kit.journal import MemoryStore
from copilot_kit.journal.opening import open_store
from copilot_kit.testing import ScriptedModel, call

ANNA = Principal(id="anna")


@contextlib.asynccontextmanager
async def working(store: Any, *agents: Agent[Any]) -> AsyncIterator[None]:
    work = asyncio.create_task(keep_going(store, agents, poll_s=0.01))
    try:
        yield
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  what happens tells nobody
            await asyncio.sleep(0.01)


@pytest.fixture(params=["memory", "file"])
async def store(request, tmp_path):
    opened = MemoryStore() if request.param == "memory" else open_store(str(tmp_path / "journal.db"))
    yield opened
    await opened.close()


def writer(store: Any, sent: list[str], *script: Any, name: str = "writer") -> Agent[str]:
    @tool(effect="external", version="1")
    def send(to: str) -> str:
        sent.append(to)
        return "sent"

    return Agent(ScriptedModel(*script), tools=[send], store=store, name=name)


async def test_what_is_decided_elsewhere_runs_without_anybody_resuming_it(store):
    sent: list[str] = []
    agent = writer(store, sent, call("send", {"to": "eve"}), "Done.")
    run = await agent.run("Write")
    async with working(store, agent):
        await asyncio.sleep(0.05)
        assert sent == []
        await decide(store, run.id, run.proposals[0].id, "approve", by=ANNA)
        await until(lambda: sent == ["eve"])
        async with asyncio.timeout(10):
            while (await agent.load(run.id)).status != "done":  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_two_workers_run_what_was_approved_once(store):
    sent: list[str] = []
    agent = writer(store, sent, call("send", {"to": "eve"}), "Done.")
    run = await agent.run("Write")
    await decide(store, run.id, run.proposals[0].id, "approve", by=ANNA)
    async with working(store, agent), working(store, agent):
        await until(lambda: sent != [])
        await asyncio.sleep(0.1)
    assert sent == ["eve"]


async def test_a_run_of_an_agent_that_is_not_here_is_left_for_those_who_have_it(store):
    sent: list[str] = []
    theirs = writer(store, sent, call("send", {"to": "eve"}), "Done.", name="theirs")
    run = await theirs.run("Write")
    await decide(store, run.id, run.proposals[0].id, "approve", by=ANNA)
    async with working(store, writer(store, sent, name="ours")):
        await asyncio.sleep(0.1)
    assert (sent, (await theirs.load(run.id)).status) == ([], "running")


async def test_many_runs_of_other_agents_hide_none_of_ours(store):
    sent: list[str] = []
    theirs = writer(store, [], *[call("send", {"to": "x"})] * 150, name="theirs")
    for _ in range(150):
        run = await theirs.run("Write")
        await decide(store, run.id, run.proposals[0].id, "approve", by=ANNA)
    ours = writer(store, sent, call("send", {"to": "eve"}), "Done.", name="ours")
    run = await ours.run("Write")
    await decide(store, run.id, run.proposals[0].id, "approve", by=ANNA)
    async with working(store, ours):
        await until(lambda: sent == ["eve"])


async def test_one_runs_failure_does_not_keep_the_others_waiting(store):
    sent: list[str] = []

    bad = writer(store, [], call("send", {"to": "eve"}), Overloaded("Busy.", model="a"), name="bad")
    good = writer(store, sent, call("send", {"to": "eve"}), "Done.", name="good")
    for agent in (bad, good):
        run = await agent.run("Write")
        await decide(store, run.id, run.proposals[0].id, "approve", by=ANNA)
    async with working(store, bad, good):
        await until(lambda: sent == ["eve"])


async def test_a_run_with_nothing_to_do_is_not_resumed_again_and_again():
    class Insistent(MemoryStore):
        async def ready(self, *, limit: int = 50) -> list[str]:
            return ["run_1"][:limit]

    store = Insistent()
    resumed: list[str] = []

    class Counting(Agent[str]):
        async def resume(self, run_id: str, **options: Any) -> Any:
            resumed.append(run_id)
            return await super().resume(run_id, **options)

    @tool(effect="external", version="1")
    def send(to: str) -> str:
        return f"sent to {to}"

    model = ScriptedModel(call("send", {"to": "eve"}), "Done.")
    agent = Counting(model, tools=[send], store=store, name="writer")
    await agent.run("Write", run_id="run_1")
    async with working(store, agent):
        await asyncio.sleep(0.3)
    assert resumed == ["run_1"]


async def test_a_journal_that_cannot_be_reached_for_a_while_ends_no_worker():
    class Away(MemoryStore):
        asked = 0

        async def ready(self, *, limit: int = 50) -> list[str]:
            self.asked += 1
            if self.asked == 1:
                raise JournalError("The server is away.")
            return await super().ready(limit=limit)

    store, sent = Away(), []
    agent = writer(store, sent, call("send", {"to": "eve"}), "Done.")
    run = await agent.run("Write")
    await decide(store, run.id, run.proposals[0].id, "approve", by=ANNA)
    async with working(store, agent):
        await until(lambda: sent == ["eve"])


async def test_a_run_whose_model_failed_is_tried_again(store):
    sent: list[str] = []
    busy = Overloaded("Busy.", model="a")
    agent = writer(store, sent, call("send", {"to": "eve"}), busy, "Done.")
    run = await agent.run("Write")
    await decide(store, run.id, run.proposals[0].id, "approve", by=ANNA)
    async with working(store, agent), asyncio.timeout(10):
        while (await agent.load(run.id)).status != "done":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert sent == ["eve"]


async def test_two_agents_of_one_name_are_wrong_use(store):
    with pytest.raises(UsageError, match="Two agents are called 'writer'"):
        await keep_going(store, [writer(store, []), writer(store, [])])


async def test_an_agent_that_joins_later_is_at_work_from_then_on(store):
    sent: list[str] = []
    agent = writer(store, sent, call("send", {"to": "eve"}), "Done.")
    agents: dict[str, Agent[Any]] = {}
    work = asyncio.create_task(keep_going(store, agents, poll_s=0.01))
    await asyncio.sleep(0.05)
    agents[agent.name] = agent
    run = await agent.run("Write")
    await decide(store, run.id, run.proposals[0].id, "approve", by=ANNA)
    await until(lambda: sent == ["eve"])
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def test_what_waited_for_an_agent_goes_on_as_soon_as_that_joins(store):
    sent: list[str] = []
    agent = writer(store, sent, call("send", {"to": "eve"}), "Done.")
    run = await agent.run("Write")
    await decide(store, run.id, run.proposals[0].id, "approve", by=ANNA)
    agents: dict[str, Agent[Any]] = {}
    work = asyncio.create_task(keep_going(store, agents, poll_s=0.01))
    await asyncio.sleep(1.2)  # looked at twice by now, and not again for two seconds
    agents[agent.name] = agent
    async with asyncio.timeout(1):
        await until(lambda: sent == ["eve"])
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
