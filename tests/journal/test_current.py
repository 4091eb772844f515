"""A run's state is folded once and kept up, whoever wrote since."""

import asyncio

import pytest

from copilot_kit import Agent, Principal, tool
from copilot_kit.errors import BrokenRecord
from copilot_kit.journal import Entry, MemoryStore
from copilot_kit.journal.current import MOST, current
from copilot_kit.journal.erasure import erase
from copilot_kit.journal.state import RunState
from copilot_kit.testing import FunctionModel, call

ANNA = Principal(id="anna")


class Counting(MemoryStore):
    """A store that counts the records that were read from it."""

    records = 0

    async def read(self, run_id: str, *, after: int = -1) -> list[Entry]:
        entries = await super().read(run_id, after=after)
        await asyncio.sleep(0)  # as a database would
        self.records += len(entries)
        return entries


def agent_on(store: MemoryStore) -> Agent[str]:
    @tool(effect="external", version="1")
    def send(to: str) -> str:
        return f"sent to {to}"

    def turn(request):
        return "Done." if any(message.role == "tool" for message in request.messages) else call("send", {"to": "eve"})

    return Agent(FunctionModel(turn), tools=[send], store=store)


async def test_what_was_folded_is_not_read_again():
    store = Counting()
    await agent_on(store).run("Write", run_id="run_1")
    before = await current(store, "run_1")
    read = store.records
    await current(store, "run_1")
    assert (store.records, before.seq) == (read, len(await store.read("run_1")) - 1)


async def test_it_is_what_the_whole_journal_folds_to_after_others_wrote():
    store = Counting()
    agent = agent_on(store)
    run = await agent.run("Write", run_id="run_1")
    await current(store, "run_1")
    await run.approve(run.proposals[0].id, by=ANNA)
    states = await asyncio.gather(*(current(store, "run_1") for _ in range(20)))
    folded = RunState.of(await store.read("run_1"))
    assert {(state.seq, state.status, len(state.messages)) for state in states} == {
        (folded.seq, "done", len(folded.messages))
    }


async def test_an_erased_runs_texts_are_not_kept():
    store = Counting()
    agent = agent_on(store)
    run = await agent.run("About Eve", run_id="run_1")
    run = await run.approve(run.proposals[0].id, by=ANNA)
    await current(store, "run_1")
    await erase(store, run_id="run_1", by=ANNA, reason="asked for")
    await current(store, "run_1")
    assert "About Eve" not in repr([vars(part) for part in (await current(store, "run_1")).messages])


async def test_few_runs_are_kept_and_one_without_records_is_an_error():
    store = Counting()
    agent = agent_on(store)
    for number in range(MOST + 5):
        await agent.run("Write", run_id=f"run_{number}")
        await current(store, f"run_{number}")
    read = store.records
    await current(store, "run_0")
    assert store.records > read
    with pytest.raises(BrokenRecord):
        await current(store, "run_none")
