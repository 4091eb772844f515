"""The fold, and the rows that must say the same without folding, over made-up histories."""

import asyncio
import contextlib
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot_kit.errors import BrokenRecord, JournalError
from copilot_kit.journal.erasure import erase
from copilot_kit.journal.memory import MemoryStore
from copilot_kit.journal.sql import SqlStore
from copilot_kit.journal.sqlite import SqliteFile
from copilot_kit.journal.state import RunState
from copilot_kit.journal.store import GENESIS, Draft, Entry, seal
from copilot_kit.journal.verify import verify_all, verify_run
from copilot_kit.records import Principal

CALLS = ("call_1", "call_2", "call_3")
PATHS = ((), ("call_1",))


def happenings(fact):
    """Return a strategy of things that happen in a run, each with the depth at which it happens."""
    plain = st.sampled_from([
        fact.said(), fact.switched(), fact.requested(), fact.interrupted(), fact.answered(), fact.answered(*CALLS),
        fact.answered(whole=False), fact.ended("done"), fact.ended("failed"), fact.stopped(),
    ])  # fmt: skip
    kinds = st.sampled_from(["propose", "propose pay", "intend", "allow", "undo"])
    calls = st.tuples(kinds, st.sampled_from(CALLS))
    receipts = st.tuples(st.sampled_from(["done", "failed", "unknown", "denied"]), st.sampled_from(CALLS))
    decisions = st.sampled_from(["approve", "edit", "reword", "reject", "answer", "lapse", "assign"])
    return st.lists(st.tuples(st.one_of(plain, calls, receipts, decisions), st.sampled_from(PATHS)), max_size=40)


def history(fact, steps, start=None):
    """Return drafts of a run in which only what waits is decided and only calls of the turn have receipts."""
    drafts, state = [], RunState("run_1")
    for step, path in [(start or fact.started(), ()), *steps]:
        body = step
        match step:
            case (what, call) if what.startswith("propose"):
                body = fact.proposed(f"p{len(drafts)}", call, tool="pay" if "pay" in what else "send")
            case (("intend" | "allow") as what, call):
                body = fact.intended(call, allowed=what == "allow")
            case ("undo", call):
                body = fact.undone(call)
            case (outcome, call):
                if path not in state.threads or call not in state.threads[path].calls:
                    continue
                body = fact.received(call, outcome)
            case str(verdict):
                if not state.pending:
                    continue
                body = _said(fact, verdict, state.pending[0].id)
        draft = Draft(body, path)
        at = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
        head = seal(draft, tenant="local", run_id="run_1", seq=len(drafts), epoch=0, at=at, prev=GENESIS).head
        state.apply(Entry(head, body))
        drafts.append(draft)
    return drafts


def _said(fact, verdict, proposal):
    match verdict:
        case "lapse":
            return fact.lapsed(proposal)
        case "assign":
            return fact.assigned(proposal, "ben")
        case "reword":
            return fact.decided(proposal, "edit", wording_only=True)
        case _:
            return fact.decided(proposal, verdict)


@settings(max_examples=30, deadline=None)
@given(data=st.data(), cuts=st.lists(st.integers(1, 8), min_size=40, max_size=40))
def test_the_row_kept_up_by_appends_says_what_the_fold_says(fact, data, cuts):
    drafts = history(fact, data.draw(happenings(fact)))

    async def both():
        with tempfile.TemporaryDirectory() as folder:
            store = SqlStore(SqliteFile(Path(folder, "journal.db")))
            at = 0
            for size in cuts:
                await store.append("run_1", drafts[at : at + size], after=at - 1, durable=False)
                at += size
                folded = RunState.of(await store.read("run_1"))
                assert await store.runs() == [folded.row()]
                assert len(await store.runs(waiting=True)) == (folded.status == "waiting")
                waiting = {(one.kind, one.id) for one in await store.waiting()}
                assert {one for one in waiting if one[0] == "proposal"} == {
                    ("proposal", proposal.id) for proposal in folded.pending
                }
                assert {one for one in waiting if one[0] == "unknown"} == {
                    ("unknown", call.call.call_id) for call in folded.unknown
                }
                if at >= len(drafts):
                    break
            assert (await verify_run(store, "run_1")).ok
            await store.close()

    asyncio.run(both())


async def lists_of(store):
    """Return all that can be asked across runs."""
    return {
        "waiting": [await store.waiting(order=order) for order in ("queued", "due", "newest")],
        "found": [await store.waiting(search="ann@example.org"), await store.waiting(tool="pay", limit=1, offset=1)],
        "assigned": await store.waiting(assigned_to="ben"),
        "count": await store.waiting_count(),
        "calls": await store.calls(),
        "evidence": await store.evidence(),
        "ready": await store.ready(),
    }


async def built_anew(store):
    """Hold lists that are built anew against those that appends have kept up."""
    for run in await store.run_ids():
        kept = (await store.whole([run]))[0].rows
        await store.reindex(run)
        assert (await store.whole([run]))[0].rows == kept


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_lists_kept_up_by_appends_say_what_folding_all_runs_says(fact, data):
    starts = [fact.started("One"), fact.started("Two"), fact.started(purpose="suggestion")]
    runs = [history(fact, data.draw(happenings(fact)), start) for start in starts]

    now = [datetime(2026, 11, 22, 9, 0, tzinfo=UTC)]

    async def append(store, run, seq, draft):
        epoch = seq % 2 and await store.acquire(run, owner="one", ttl_s=-1)
        await store.append(run, [draft], after=seq - 1, epoch=epoch, durable=False)

    async def both():
        with tempfile.TemporaryDirectory() as folder:
            memory = MemoryStore(clock=lambda: now[0])
            sql = SqlStore(SqliteFile(Path(folder, "journal.db")), clock=lambda: now[0])
            for n, drafts in enumerate(runs):
                for seq, draft in enumerate(drafts):
                    now[0] += timedelta(seconds=1)
                    await append(memory, f"run_{n}", seq, draft)
                    await append(sql, f"run_{n}", seq, draft)
                    if seq % 7 == 0 or seq == len(drafts) - 1:
                        assert await lists_of(memory) == await lists_of(sql)
            assert (await verify_all(sql)).differences == ()
            await built_anew(sql)
            for run in await sql.run_ids():
                for store in (memory, sql):
                    with contextlib.suppress(JournalError):  # it has not ended, or a call of it is in doubt
                        await erase(store, run_id=run, by=Principal(id="ann"))
            assert await lists_of(memory) == await lists_of(sql)
            assert (await verify_all(sql)).differences == ()
            await built_anew(sql)
            await sql.close()

    asyncio.run(both())


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_fold_can_go_on_from_any_record(fact, data):
    drafts = history(fact, data.draw(happenings(fact)))
    cut = data.draw(st.integers(0, len(drafts) - 1))

    async def both():
        store = MemoryStore()
        await store.append("run_1", drafts, after=-1)
        whole = RunState.of(await store.read("run_1"))
        begun = RunState.of((await store.read("run_1"))[: cut + 1])
        for entry in await store.read("run_1", after=cut):
            begun.apply(entry)
        assert (begun.row(), begun.messages, begun.proposals) == (whole.row(), whole.messages, whole.proposals)

    asyncio.run(both())


async def test_a_gap_is_refused(fact):
    store = MemoryStore()
    entries = await store.append("run_1", fact.drafts(fact.started(), fact.said(), fact.requested()), after=-1)
    with pytest.raises(BrokenRecord, match=r"Record 2 .* came after record 0"):
        RunState.of([entries[0], entries[2]])
