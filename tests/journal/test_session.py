"""Holding a run: the lease is given back whatever happens, and a cancellation goes through."""

import asyncio
import math

import pytest

from copilot_kit.errors import BrokenRecord, NotOwner
from copilot_kit.journal.memory import MemoryStore
from copilot_kit.journal.session import RunChanged, held, to_its_end
from copilot_kit.journal.store import Entry


class Watched(MemoryStore):
    """A journal whose leases are looked at, and whose answers can be held back."""

    def __init__(self) -> None:
        super().__init__()
        self.ttls: list[float] = []
        self.releasing = asyncio.Event()
        self.released = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.broken = False

    async def acquire(self, run_id: str, *, owner: str, ttl_s: float) -> int:
        self.ttls.append(ttl_s)
        return await super().acquire(run_id, owner=owner, ttl_s=ttl_s)

    async def read(self, run_id: str, *, after: int = -1) -> list[Entry]:
        if self.broken:
            raise BrokenRecord("flipped")
        return await super().read(run_id, after=after)

    async def release(self, run_id: str, *, epoch: int) -> None:
        self.releasing.set()
        await self.go_on.wait()
        await super().release(run_id, epoch=epoch)
        self.released.set()


async def test_a_lease_in_memory_does_not_end_while_its_owner_works():
    store = Watched()
    async with held(store, "run_1"):
        assert store.ttls == [math.inf]


async def test_a_journal_that_cannot_be_read_gives_the_lease_back():
    store = Watched()
    store.broken = True
    with pytest.raises(BrokenRecord):
        async with held(store, "run_1"):
            pass
    assert await store.acquire("run_1", owner="next", ttl_s=1.0) == 2


async def test_a_cancellation_while_the_lease_is_given_back_goes_through_and_the_lease_is_given_back():
    store = Watched()
    store.go_on.clear()

    async def work() -> str:
        async with held(store, "run_1"):
            pass
        return "as if nothing had happened"

    working = asyncio.create_task(work())
    await store.releasing.wait()
    working.cancel()
    await asyncio.sleep(0)
    store.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert store.released.is_set()


async def test_a_draft_that_came_too_late_tells_what_came_first(fact):
    store = MemoryStore()
    await store.append("run_1", fact.drafts(fact.started()), after=-1)
    async with held(store, "run_1") as session:
        await store.append("run_1", fact.drafts(fact.stopped()), after=0)
        with pytest.raises(RunChanged) as caught:
            await session.append(fact.requested(), unless_changed=True)
    assert [entry.head.kind for entry in caught.value.entries] == ["run_stopped"]


async def test_last_words_that_cannot_be_written_are_logged_and_not_raised(fact, caplog):
    store = MemoryStore()
    await store.append("run_1", fact.drafts(fact.started()), after=-1)
    async with held(store, "run_1") as session:
        await store.release("run_1", epoch=session.epoch)
        await store.acquire("run_1", owner="another", ttl_s=60.0)
        with pytest.raises(NotOwner):
            await session.append(fact.said())
        await session.last_words(fact.said())
    assert "last words" in caplog.text


async def test_work_that_must_be_finished_is_finished_before_a_cancellation_goes_on():
    began, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        began.set()
        await go_on.wait()
        done.set()

    working = asyncio.create_task(to_its_end(work()))
    await began.wait()
    working.cancel()
    await asyncio.sleep(0)
    assert not working.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert done.is_set()
