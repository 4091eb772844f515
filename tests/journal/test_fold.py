"""The fold, and the rows that must say the same without folding, over made-up histories."""

import asyncio
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot_kit.errors import BrokenRecord
from copilot_kit.journal.memory import MemoryStore
from copilot_kit.journal.sql import SqlStore
from copilot_kit.journal.state import RunState
from copilot_kit.journal.store import GENESIS, Draft, Entry, seal
from copilot_kit.journal.verify import verify_run

CALLS = ("call_1", "call_2", "call_3")
PATHS = ((), ("call_1",))


def happenings(fact):
    """Return a strategy of things that happen in a run, each with the depth at which it happens."""
    plain = st.sampled_from([
        fact.said(), fact.switched(), fact.requested(), fact.interrupted(), fact.answered(), fact.answered(*CALLS),
        fact.answered(whole=False), fact.ended("done"), fact.ended("failed"), fact.stopped(),
    ])  # fmt: skip
    calls = st.builds(lambda kind, call: (kind, call), st.sampled_from(["propose", "intend"]), st.sampled_from(CALLS))
    receipts = st.tuples(st.sampled_from(["done", "failed", "unknown", "denied"]), st.sampled_from(CALLS))
    decisions = st.sampled_from(["approve", "edit", "reject", "answer", "lapse"])
    return st.lists(st.tuples(st.one_of(plain, calls, receipts, decisions), st.sampled_from(PATHS)), max_size=40)


def history(fact, steps):
    """Return drafts of a run in which only what waits is decided and only calls of the turn have receipts."""
    drafts, state = [], RunState("run_1")
    for step, path in [(fact.started(), ()), *steps]:
        body = step
        match step:
            case ("propose", call):
                body = fact.proposed(f"p{len(drafts)}", call)
            case ("intend", call):
                body = fact.intended(call)
            case (outcome, call):
                if path not in state.threads or call not in state.threads[path].calls:
                    continue
                body = fact.received(call, outcome)
            case str(verdict):
                if not state.pending:
                    continue
                proposal = state.pending[0].id
                body = fact.lapsed(proposal) if verdict == "lapse" else fact.decided(proposal, verdict)
        draft = Draft(body, path)
        at = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
        head = seal(draft, tenant="local", run_id="run_1", seq=len(drafts), epoch=0, at=at, prev=GENESIS).head
        state.apply(Entry(head, body))
        drafts.append(draft)
    return drafts


@settings(max_examples=30, deadline=None)
@given(data=st.data(), cuts=st.lists(st.integers(1, 8), min_size=40, max_size=40))
def test_the_row_kept_up_by_appends_says_what_the_fold_says(fact, data, cuts):
    drafts = history(fact, data.draw(happenings(fact)))

    async def both():
        with tempfile.TemporaryDirectory() as folder:
            store = SqlStore(Path(folder, "journal.db"))
            at = 0
            for size in cuts:
                await store.append("run_1", drafts[at : at + size], after=at - 1, durable=False)
                at += size
                folded = RunState.of(await store.read("run_1"))
                assert await store.runs() == [folded.row()]
                assert len(await store.runs(waiting=True)) == (folded.status == "waiting")
                if at >= len(drafts):
                    break
            assert (await verify_run(store, "run_1")).ok
            await store.close()

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
