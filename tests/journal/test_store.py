"""What every store promises; each test runs on each store."""

import asyncio
from datetime import UTC, datetime

import pytest

from copilot_kit.errors import Conflict, NotOwner
from copilot_kit.journal.state import RunState


async def test_what_was_appended_is_read_back_equal_and_in_order(store, fact):
    added = await store.append("run_1", fact.drafts(fact.started(), fact.said("é 😀 \x00")), after=-1)
    added += await store.append("run_1", fact.drafts(fact.requested(), path=("call_1", "a/b")), after=1)
    assert await store.read("run_1") == added
    assert [entry.head.seq for entry in added] == [0, 1, 2]
    assert added[2].head.path == ("call_1", "a/b")
    assert added[1].body.message.text == "é 😀 \x00"


async def test_reading_after_a_record_gives_only_what_follows(store, fact):
    added = await store.append("run_1", fact.drafts(fact.started(), fact.said(), fact.requested()), after=-1)
    assert await store.read("run_1", after=1) == added[2:]
    assert await store.read("run_1", after=2) == []


async def test_an_unknown_run_has_no_records(store):
    assert await store.read("run_1") == []


async def test_each_record_names_the_hash_of_the_one_before(store, fact):
    await store.append("run_1", fact.drafts(fact.started(), fact.said()), after=-1)
    await store.append("run_1", fact.drafts(fact.requested()), after=1)
    heads = [entry.head for entry in await store.read("run_1")]
    assert [head.prev for head in heads] == ["0" * 64, heads[0].hash, heads[1].hash]


async def test_appending_after_another_record_than_the_last_is_a_conflict_and_adds_nothing(store, fact):
    await store.append("run_1", fact.drafts(fact.started()), after=-1)
    for after in (-1, 1):
        with pytest.raises(Conflict, match="is at record 0"):
            await store.append("run_1", fact.drafts(fact.said(), fact.said()), after=after)
    assert len(await store.read("run_1")) == 1


async def test_a_new_run_begins_after_minus_one_only(store, fact):
    with pytest.raises(Conflict):
        await store.append("run_1", fact.drafts(fact.started()), after=0)
    assert await store.read("run_1") == []
    assert await store.runs() == []


async def test_of_many_appending_after_the_same_record_exactly_one_wins(store, fact):
    await store.append("run_1", fact.drafts(fact.started()), after=-1)
    tries = [store.append("run_1", fact.drafts(fact.said(str(n))), after=0) for n in range(50)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(outcome, list) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 49
    assert len(await store.read("run_1")) == 2


async def test_one_failing_append_does_not_fail_those_beside_it(store, fact):
    await store.append("run_0", fact.drafts(fact.started()), after=-1)
    tries = [store.append(f"run_{n}", fact.drafts(fact.started()), after=-1) for n in range(5)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Conflict, list, list, list, list]


async def test_durable_and_light_appends_to_one_run_keep_their_order(store, fact):
    light = store.append("run_1", fact.drafts(fact.said()), after=0, durable=False)
    outcomes = await asyncio.gather(store.append("run_1", fact.drafts(fact.started()), after=-1), light)
    assert [entry.head.kind for entries in outcomes for entry in entries] == ["run_started", "message_added"]


async def test_a_lease_is_held_until_it_is_released(store, fact):
    epoch = await store.acquire("run_1", owner="one", ttl_s=3600)
    with pytest.raises(NotOwner, match="'one'"):
        await store.acquire("run_1", owner="two", ttl_s=3600)
    await store.release("run_1", epoch=epoch)
    assert await store.acquire("run_1", owner="two", ttl_s=3600) == epoch + 1


async def test_the_same_owner_renews_and_keeps_the_epoch(store):
    epoch = await store.acquire("run_1", owner="one", ttl_s=3600)
    assert epoch > 0
    assert await store.acquire("run_1", owner="one", ttl_s=3600) == epoch


async def test_an_owner_who_renews_too_late_keeps_the_epoch_if_nobody_took_the_lease(store, fact):
    epoch = await store.acquire("run_1", owner="one", ttl_s=-1)
    assert await store.acquire("run_1", owner="one", ttl_s=3600) == epoch
    added = await store.append("run_1", fact.drafts(fact.started()), after=-1, epoch=epoch)
    assert added[0].head.epoch == epoch


async def test_a_lease_that_ran_out_can_be_taken(store):
    epoch = await store.acquire("run_1", owner="one", ttl_s=-1)
    assert await store.acquire("run_1", owner="two", ttl_s=3600) == epoch + 1


async def test_an_owner_that_was_overtaken_cannot_append(store, fact):
    old = await store.acquire("run_1", owner="one", ttl_s=-1)
    new = await store.acquire("run_1", owner="two", ttl_s=3600)
    with pytest.raises(NotOwner):
        await store.append("run_1", fact.drafts(fact.started()), after=-1, epoch=old)
    added = await store.append("run_1", fact.drafts(fact.started()), after=-1, epoch=new)
    assert added[0].head.epoch == new


async def test_an_epoch_that_never_was_cannot_append(store, fact):
    with pytest.raises(NotOwner):
        await store.append("run_1", fact.drafts(fact.started()), after=-1, epoch=7)


async def test_decisions_need_no_lease(store, fact):
    await store.acquire("run_1", owner="one", ttl_s=3600)
    added = await store.append("run_1", fact.drafts(fact.started()), after=-1)
    assert added[0].head.epoch == 0


async def test_giving_back_an_old_lease_does_not_end_the_new_one(store):
    old = await store.acquire("run_1", owner="one", ttl_s=-1)
    await store.acquire("run_1", owner="two", ttl_s=3600)
    await store.release("run_1", epoch=old)
    with pytest.raises(NotOwner):
        await store.acquire("run_1", owner="three", ttl_s=3600)


async def test_lists_show_the_run_written_to_last_first(store, fact):
    for run in ("run_1", "run_2", "run_3"):
        await store.append(run, fact.drafts(fact.started(run)), after=-1)
    await store.append("run_1", fact.drafts(fact.said()), after=0)
    assert [row.run_id for row in await store.runs()] == ["run_1", "run_3", "run_2"]
    assert [row.run_id for row in await store.runs(limit=2)] == ["run_1", "run_3"]


async def test_a_row_says_what_its_fold_says(store, fact):
    await store.append("run_1", fact.drafts(fact.started(), fact.proposed("p1"), fact.proposed("p2")), after=-1)
    await store.append("run_1", fact.drafts(fact.decided("p1")), after=2)
    row = (await store.runs())[0]
    assert (row.agent, row.title, row.status, row.seq, row.pending) == ("support", "Answer ticket 17", "waiting", 3, 1)
    assert row == RunState.of(await store.read("run_1")).row()
    assert row.started_at == datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


async def test_only_runs_with_pending_proposals_are_listed_as_waiting(store, fact):
    await store.append("run_1", fact.drafts(fact.started()), after=-1)
    await store.append("run_2", fact.drafts(fact.started(), fact.proposed("p1")), after=-1)
    assert [row.run_id for row in await store.runs(waiting=True)] == ["run_2"]
    await store.append("run_2", fact.drafts(fact.decided("p1")), after=1)
    assert await store.runs(waiting=True) == []
