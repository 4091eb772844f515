"""A list, or a count that trust stands on, that says something else than the records is found, named and put right."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from copilot_kit.errors import BrokenRecord
from copilot_kit.journal.agreement import Difference
from copilot_kit.journal.erasure import erase
from copilot_kit.journal.opening import open_store
from copilot_kit.journal.reindexing import reindex
from copilot_kit.journal.verify import MOST, Place, verify_all
from copilot_kit.records import Erased, Principal

ANN = Principal(id="ann")
RUNS = ("run_1", "run_2", "run_3", "@rules")


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Any) -> str:
    """The address of a journal of this test's own."""
    return str(tmp_path / "j.db") if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
async def kept(url: str) -> AsyncIterator[Any]:
    """A journal whose lists are kept."""

    store = open_store(url)
    yield store
    await store.close()


@pytest.fixture
def alter(url: str) -> Callable[..., None]:
    """Change something behind the journal's back."""
    address = url.replace("postgresql://", "postgresql+psycopg://") if "://" in url else f"sqlite:///{url}"

    def altered(*statements: str) -> None:
        engine = create_engine(address)
        with engine.begin() as connection:
            for statement in statements:
                assert connection.execute(text(statement)).rowcount > 0
        engine.dispose()

    return altered


async def some_runs(store, fact):
    """One run whose call was rejected, one that waits, one of unknown outcome, and a stream."""
    rejected = (fact.started(), fact.answered("c1"), fact.proposed("p1", "c1"), fact.decided("p1", "reject"))
    await store.append("run_1", fact.drafts(*rejected, fact.received("c1", "denied"), fact.ended()), after=-1)
    await store.append("run_2", fact.drafts(fact.started(), fact.answered("c2"), fact.proposed("p2", "c2")), after=-1)
    unknown = (fact.started(), fact.answered("c3"), fact.intended("c3"), fact.received("c3", "unknown"))
    await store.append("run_3", fact.drafts(*unknown), after=-1)
    await store.append("@rules", fact.drafts(fact.said()), after=-1)
    await store.append("@rules", fact.drafts(fact.said()), after=0)


# What is set where; then the run, the call and the record that it is said of; what is listed and what is recorded.
OF_1, OF_2, OF_3 = ("run_1", "c1", 2), ("run_2", "c2", 2), ("run_3", "c3", 2)
CHANGED = {
    "a rejection that counts": ("copilot_calls SET fate = 'clean' WHERE call_id = 'c1'", OF_1, "clean", "rejected"),
    "a verdict": ("copilot_calls SET state = 'approved' WHERE call_id = 'c1'", OF_1, "approved", "rejected"),
    "an outcome": ("copilot_calls SET outcome = 'done' WHERE call_id = 'c3'", OF_3, "done", "unknown"),
    "who decided": ("copilot_calls SET \"by\" = 'eve' WHERE call_id = 'c1'", OF_1, "eve", "ann"),
    "how long they looked": ("copilot_calls SET looked_s = 90 WHERE call_id = 'c1'", OF_1, 90.0, 2.5),
    "the tool": ("copilot_calls SET tool = 'pay' WHERE call_id = 'c1'", OF_1, "pay", "send"),
    "an edit": ("copilot_calls SET edited = 'wording' WHERE call_id = 'c1'", OF_1, "wording", ""),
    "a status": ("copilot_runs SET status = 'done' WHERE run_id = 'run_2'", ("run_2", None, 2), "done", "waiting"),
    "a count": ("copilot_runs SET pending = 0 WHERE run_id = 'run_2'", ("run_2", None, 2), 0, 1),
    "a title": ("copilot_runs SET title = 'x' WHERE run_id = 'run_3'", ("run_3", None, 3), "x", "Answer ticket 17"),
    "a stream": ("copilot_runs SET ready = 1 WHERE run_id = '@rules'", ("@rules", None, 1), 1, 0),
    "what waits": ("copilot_waiting SET tool = 'look' WHERE id = 'p2'", OF_2, "look", "send"),
    "whose it is": ("copilot_waiting SET assigned_to = 'eve' WHERE id = 'p2'", OF_2, "eve", None),
    "what is in doubt": ("copilot_waiting SET agent = 'x' WHERE id = 'c3'", ("run_3", "c3", 3), "x", "support"),
}


async def test_a_changed_row_is_named_with_both_values_and_put_right(kept, fact, alter):
    await some_runs(kept, fact)
    before = [(await kept.whole([run]))[0].rows for run in RUNS]
    for kind, (change, (run_id, call_id, seq), listed, recorded) in CHANGED.items():
        alter(f"UPDATE {change}")
        found = await verify_all(kept)
        table, column = change.split()[0], change.split()[2].strip('"')
        assert found.differences == (Difference(run_id, table, call_id, column, listed, recorded, seq),), kind
        assert (found.ok, found.first_bad.of, found.differing) == (False, "lists", (run_id,)), kind
        assert await reindex(kept) == found, kind
        assert [(await kept.whole([run]))[0].rows for run in RUNS] == before, kind
    assert (await verify_all(kept)).ok


MADE_UP = """INSERT INTO copilot_calls SELECT tenant, '{}', 'c9', proposal_id, seq, agent, tool, tool_version, effect,
    model, prompt_version, 'approved', 'done', '', "by", looked_s, asked_us, decided_us, undoable, 'clean'
    FROM copilot_calls WHERE call_id = 'c1'"""
ROWS = {
    "a call hidden": (
        "DELETE FROM copilot_calls WHERE call_id = 'c1'",
        "copilot_calls",
        "c1",
        None,
        "missing",
        "there",
    ),
    "a question hidden": (
        "DELETE FROM copilot_waiting WHERE id = 'p2'",
        "copilot_waiting",
        "c2",
        None,
        "missing",
        "there",
    ),
    "a run hidden": ("DELETE FROM copilot_runs WHERE run_id = 'run_2'", "copilot_runs", None, None, "missing", "there"),
    "a call made up": (MADE_UP.format("run_1"), "copilot_calls", "c9", None, "there", "missing"),
    "a call made up, and its run": (MADE_UP.format("run_9"), "copilot_calls", "c9", None, "there", "missing"),
}


async def test_a_row_that_is_missing_or_made_up_is_named_and_put_right(kept, fact, alter):
    await some_runs(kept, fact)
    evidence = await kept.evidence()
    for kind, (statement, *expected) in ROWS.items():
        alter(statement)
        (one,) = (await verify_all(kept)).differences
        assert [one.table, one.call_id, one.column, one.listed, one.recorded] == expected, kind
        await reindex(kept)
        assert (await verify_all(kept)).ok, kind
        assert await kept.evidence() == evidence, kind


async def test_the_first_of_them_is_the_first_that_is_bad_with_what_to_do(kept, fact, alter):
    await some_runs(kept, fact)
    alter("UPDATE copilot_calls SET fate = 'clean' WHERE call_id = 'c1'")
    found = await verify_all(kept)
    assert found.differences == (Difference("run_1", "copilot_calls", "c1", "fate", "clean", "rejected", 2),)
    cause = (
        "copilot_calls.fate of call 'c1' says 'clean', and the records say 'rejected': the records are right; build "
        "the lists from them anew with: copilot-kit journal reindex"
    )
    assert found.first_bad == Place("run_1", 2, cause, "lists")
    assert (found.records, found.runs) == (15, 3)


async def test_differences_are_named_up_to_a_number_and_all_are_put_right(kept, fact, alter):
    asked = [fact.proposed(f"p{n}", f"c{n}") for n in range(MOST + 5)]
    await kept.append("run_1", fact.drafts(fact.started(), *asked), after=-1)
    await kept.append("run_2", fact.drafts(fact.started()), after=-1)
    alter("UPDATE copilot_calls SET fate = 'clean'", "UPDATE copilot_runs SET title = 'x' WHERE run_id = 'run_2'")
    found = await reindex(kept)
    assert (len(found.differences), found.differing) == (MOST, ("run_1", "run_2"))
    assert (await verify_all(kept)).ok


async def test_leases_and_claims_are_no_part_of_what_is_held_against_the_records(kept, fact):
    await some_runs(kept, fact)
    await kept.acquire("run_2", owner="one", ttl_s=3600)
    await kept.acquire("run_8", owner="one", ttl_s=3600)  # of which there is nothing yet
    await kept.claim("p2", by=ANN, ttl_s=3600)
    assert (await verify_all(kept)).ok


async def test_lists_are_not_built_from_records_that_are_not_sound(kept, fact, alter):
    await some_runs(kept, fact)
    alter(
        "UPDATE copilot_records SET kind = 'lapsed' WHERE run_id = 'run_1' AND seq = 3",
        "UPDATE copilot_runs SET title = 'x' WHERE run_id = 'run_3'",
    )
    found = await verify_all(kept)
    assert (found.first_bad.run_id, found.first_bad.seq, found.first_bad.of) == ("run_1", 3, "records")
    assert [one.run_id for one in found.differences] == ["run_3"]
    for putting_right in (reindex(kept), kept.reindex("run_1")):
        with pytest.raises(BrokenRecord, match="Record 3 of run 'run_1' is not as it was written: its head was"):
            await putting_right
    assert (await verify_all(kept)) == found


async def finished(store, fact, call="c1"):
    """A run whose call was approved and ran; nobody need see to it."""
    bodies = (
        fact.started(subject="customer-9"), fact.answered(call), fact.proposed("p1", call), fact.decided("p1"),
        fact.intended(call), fact.received(call), fact.ended(),
    )  # fmt: skip
    await store.append("run_1", fact.drafts(*bodies), after=-1)


async def test_what_became_of_calls_is_held_against_the_record_of_the_erasure(kept, fact, alter):
    await finished(kept, fact)
    await erase(kept, run_id="run_1", by=ANN)
    assert (await verify_all(kept)).ok
    await kept.append("run_1", fact.drafts(fact.undone("c1")), after=7)
    before = (await kept.whole(["run_1"]))[0].rows
    assert (await verify_all(kept)).ok
    alter("UPDATE copilot_calls SET fate = 'clean'", "UPDATE copilot_runs SET title = 'Zebra'")
    found = await verify_all(kept)
    assert [(one.column, one.listed, one.recorded) for one in found.differences] == [
        ("fate", "clean", "undone"), ("title", "Zebra", ""),
    ]  # fmt: skip
    alter("DELETE FROM copilot_calls")
    await reindex(kept)
    assert (await kept.whole(["run_1"]))[0].rows == before


async def test_an_erasure_keeps_what_records_say_of_calls_and_not_what_a_list_was_made_to_say(kept, fact, alter):
    await finished(kept, fact)
    alter("UPDATE copilot_calls SET outcome = 'failed', fate = 'failed'")
    await erase(kept, run_id="run_1", by=ANN)
    assert [one.clean for one in await kept.evidence()] == [1]
    assert (await verify_all(kept)).ok


async def test_an_erasure_that_says_nothing_of_calls_leaves_them_as_they_are_listed(kept, fact, alter):
    await finished(kept, fact)
    before = await kept.calls()
    old = Erased(seqs=tuple(range(7)), by=ANN, agent="support", status="done")
    await kept.blank("run_1", old, after=6)
    alter("UPDATE copilot_runs SET fresh = 1")  # as an erasure left it then
    assert (await verify_all(kept)).ok
    alter("UPDATE copilot_runs SET title = 'x'")
    assert [one.column for one in (await reindex(kept)).differences] == ["title"]
    assert (await verify_all(kept)).ok
    assert await kept.calls() == before


async def test_runs_that_are_written_to_meanwhile_are_no_false_alarm(kept, fact, url):
    other = open_store(url)
    await some_runs(kept, fact)

    async def write():
        for n in range(25):
            await other.append("run_2", fact.drafts(fact.proposed(f"q{n}", f"d{n}")), after=2 + 2 * n, durable=False)
            await other.append("run_2", fact.drafts(fact.decided(f"q{n}")), after=3 + 2 * n, durable=False)
            await other.append(f"run_new_{n}", fact.drafts(fact.started(), fact.proposed("p")), after=-1, durable=False)

    writing = asyncio.create_task(write())
    checked = 0
    while not writing.done():
        assert (await verify_all(kept)).first_bad is None
        checked += 1
    await writing
    assert checked > 1
    await other.close()


async def test_a_suggestion_that_was_erased_says_nothing_for_trust_when_its_lists_are_built_anew(kept, fact, alter):
    edited = (fact.proposed("p1", "c1"), fact.decided("p1", "edit"), fact.ended("done"))
    await kept.append("run_1", fact.drafts(fact.started(purpose="suggestion"), *edited), after=-1)
    await erase(kept, run_id="run_1", by=ANN)
    assert (await verify_all(kept)).ok
    alter("UPDATE copilot_runs SET title = 'x'")
    await reindex(kept)
    assert (await verify_all(kept)).ok
    assert await kept.evidence() == []
