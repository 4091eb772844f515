"""Lists over all runs: what waits, what became of calls, whose turn it is; each test runs on each store."""

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from copilot_kit.journal.index import Claim, Evidence
from copilot_kit.journal.opening import open_store
from copilot_kit.records import Principal

NINE = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ANN, BEN = Principal(id="ann"), Principal(id="ben")


def after(seconds):
    return NINE + timedelta(seconds=seconds)


async def ids(store, **chosen):  # noqa: ANN003
    return [waiting.id for waiting in await store.waiting(**chosen)]


async def test_what_waits_is_shown_whole(store, fact):
    expires = after(3600)
    proposed = fact.proposed("p1", expires_at=expires)
    await store.append("run_1", fact.drafts(fact.started()), after=-1)
    added = await store.append("run_1", fact.drafts(proposed, path=("call_0",)), after=0)
    (waiting,) = await store.waiting()
    assert (waiting.kind, waiting.run_id, waiting.id, waiting.path, waiting.seq) == (
        "proposal", "run_1", "p1", ("call_0",), 1,
    )  # fmt: skip
    assert (waiting.title, waiting.agent, waiting.tool) == ("Answer ticket 17", "support", "send")
    assert (waiting.queued_at, waiting.expires_at) == (added[0].head.at, expires)
    assert (waiting.assigned_to, waiting.claimed_by, waiting.claimed_until) == (None, None, None)
    assert waiting.proposal == proposed.proposal
    assert await store.waiting_count() == 1


async def test_a_call_of_unknown_outcome_waits_until_somebody_settles_it(store, fact):
    start = (fact.started(), fact.answered("call_1"), fact.intended("call_1"), fact.received("call_1", "unknown"))
    await store.append("run_1", fact.drafts(*start), after=-1)
    (waiting,) = await store.waiting()
    assert (waiting.kind, waiting.id, waiting.tool, waiting.proposal) == ("unknown", "call_1", "send", None)
    assert await ids(store, search='"id":7') == ["call_1"]
    await store.append("run_1", fact.drafts(fact.received("call_1", "failed")), after=3)
    assert await store.waiting() == []


@pytest.mark.parametrize("verdict", ["approve", "edit", "reject", "answer"])
async def test_what_was_decided_waits_no_more(store, fact, verdict):
    await store.append("run_1", fact.drafts(fact.started(), fact.proposed("p1")), after=-1)
    await store.append("run_1", fact.drafts(fact.decided("p1", verdict)), after=1)
    assert (await store.waiting(), await store.waiting_count()) == ([], 0)


async def test_a_stop_cancels_what_waits(store, fact):
    await store.append("run_1", fact.drafts(fact.started(), fact.proposed("p1"), fact.proposed("p2", "c2")), after=-1)
    await store.append("run_1", fact.drafts(fact.decided("p2")), after=2)
    await store.append("run_1", fact.drafts(fact.stopped()), after=3)
    assert await store.waiting() == []
    assert {row.proposal_id: row.state for row in await store.calls()} == {"p1": "cancelled", "p2": "approved"}


async def _three(store, fact):
    """Three runs: p1 was asked first, p2 is due first, p3 was asked anew for what has waited longest."""
    await store.append("run_1", fact.drafts(fact.started("Refund"), fact.proposed("p1", tool="pay")), after=-1)
    due = fact.proposed("p2", expires_at=after(60), arguments='{"to":"Straße 5"}')
    await store.append("run_2", fact.drafts(fact.started("Letter"), due), after=-1)
    anew = fact.proposed("p3", queued_at=after(-60), expires_at=after(600), arguments='{"path":"C:\\\\temp"}')
    await store.append("run_3", fact.drafts(fact.started("Letter to Ann"), anew), after=-1)


async def test_what_waits_is_in_the_order_asked_for_and_by_page(store, fact):
    await _three(store, fact)
    assert await ids(store) == ["p3", "p1", "p2"]
    assert await ids(store, order="due") == ["p2", "p3", "p1"]
    assert await ids(store, order="newest") == ["p3", "p2", "p1"]
    assert await ids(store, limit=2) == ["p3", "p1"]
    assert await ids(store, limit=2, offset=2) == ["p2"]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("letter", ["p3", "p2"]),
        ("LETTER ann", ["p3"]),
        ("pay", ["p1"]),
        ("STRASSE", ["p2"]),
        ("straße 5", ["p2"]),
        ("C:\\temp", ["p3"]),
        ("100%", []),
        ("le_ter", []),
        ("ann@example.org", ["p1"]),
        ("letter pay", []),
        ("  ", ["p3", "p1", "p2"]),
    ],
)
async def test_a_search_finds_words_of_title_tool_and_arguments_in_any_case(store, fact, search, found):
    await _three(store, fact)
    assert await ids(store, search=search) == found


async def test_what_waits_can_be_narrowed_to_a_tool_and_to_whom_it_was_given(store, fact):
    await _three(store, fact)
    await store.append("run_1", fact.drafts(fact.assigned("p1", "ben")), after=1)
    assert await ids(store, tool="pay") == ["p1"]
    assert await ids(store, assigned_to="ben") == ["p1"]
    assert [one.assigned_to for one in await store.waiting()] == [None, "ben", None]
    await store.append("run_1", fact.drafts(fact.assigned("p1", None)), after=2)
    assert await ids(store, assigned_to="ben") == []


async def test_a_nul_in_a_title_is_no_obstacle(store, fact):
    await store.append("run_1", fact.drafts(fact.started("Answer\x00me"), fact.proposed("p1")), after=-1)
    assert await ids(store, search="answer") == ["p1"]


async def test_a_claim_is_in_force_for_all_until_it_ends(store, fact):
    await store.append("run_1", fact.drafts(fact.started(), fact.proposed("p1")), after=-1)
    mine = await store.claim("p1", by=ANN, ttl_s=3600)
    assert mine.by == "ann"
    assert await store.claim("p1", by=BEN, ttl_s=3600) == mine
    (waiting,) = await store.waiting()
    assert Claim(waiting.claimed_by, waiting.claimed_until) == mine
    renewed = await store.claim("p1", by=ANN, ttl_s=7200)
    assert renewed.until > mine.until


async def test_a_claim_that_ended_or_was_given_back_can_be_taken(store, fact):
    await store.append("run_1", fact.drafts(fact.started(), fact.proposed("p1")), after=-1)
    await store.claim("p1", by=ANN, ttl_s=-1)
    assert (await store.waiting())[0].claimed_by is None
    assert (await store.claim("p1", by=BEN, ttl_s=3600)).by == "ben"
    await store.unclaim("p1", by=ANN)
    assert (await store.waiting())[0].claimed_by == "ben"
    await store.unclaim("p1", by=BEN)
    assert (await store.claim("p1", by=ANN, ttl_s=3600)).by == "ann"


async def test_calls_say_what_became_of_them_last_asked_first(store, fact):
    asked = (fact.started(), fact.answered("c1", "c2", "c3"), fact.proposed("p1", "c1"))
    await store.append("run_1", fact.drafts(*asked), after=-1)
    await store.append("run_1", fact.drafts(fact.decided("p1")), after=2)
    ran = (fact.intended("c1"), fact.received("c1"), fact.intended("c2", allowed=True), fact.received("c2", "failed"))
    await store.append("run_1", fact.drafts(*ran), after=3)
    await store.append("run_1", fact.drafts(fact.proposed("p3", "c3", tool="pay")), after=7)
    newest, allowed, approved = await store.calls()
    assert (newest.call_id, newest.proposal_id, newest.state, newest.outcome) == ("c3", "p3", "pending", None)
    assert (allowed.call_id, allowed.proposal_id, allowed.state, allowed.outcome) == ("c2", None, "allowed", "failed")
    assert (allowed.seq, allowed.effect, allowed.undoable, allowed.by) == (6, "write", True, None)
    assert (approved.call_id, approved.state, approved.outcome, approved.seq) == ("c1", "approved", "done", 2)
    assert (approved.by, approved.looked_s, approved.decided_at > approved.asked_at) == ("ann", 2.5, True)
    assert (approved.agent, approved.tool_version, approved.model, approved.prompt_version) == (
        "support", "1", "one > one", "p1",
    )  # fmt: skip
    assert [row.call_id for row in await store.calls(tool="send")] == ["c2", "c1"]
    assert [row.call_id for row in await store.calls(limit=1)] == ["c3"]


async def test_a_proposal_asked_anew_takes_the_place_of_the_one_before(store, fact):
    asked = (fact.started(), fact.proposed("p1", "c1"), fact.lapsed("p1"), fact.proposed("p2", "c1"))
    await store.append("run_1", fact.drafts(*asked), after=-1)
    (call,) = await store.calls()
    assert (call.proposal_id, call.state, call.seq) == ("p2", "pending", 3)
    assert await ids(store) == ["p2"]


HISTORIES = {
    "clean": ("approve", "done", None),
    "failed": ("approve", "failed", None),
    "unknown": ("approve", "unknown", None),
    "undone": ("approve", "done", "done"),
    "not undone": ("approve", "done", "failed"),
    "rejected": ("reject", "denied", None),
    "answered": ("answer", "done", None),
    "edited": ("edit", "done", None),
    "reworded": ("reword", "done", None),
    "expired": ("lapse", "cancelled", None),
    "approved and then cancelled": ("approve", "cancelled", None),
    "allowed": ("allow", "done", None),
    "allowed and failed": ("allow", "failed", None),
    "allowed and undone": ("allow", "done", "done"),
}
COUNTS = {
    "clean": {"clean": 1},
    "failed": {"failed": 1},
    "unknown": {"failed": 1},
    "undone": {"undone": 1},
    "not undone": {"clean": 1},
    "rejected": {"rejected": 1},
    "answered": {"rejected": 1},
    "edited": {"edited": 1},
    "reworded": {"wording_edited": 1},
    "expired": None,
    "approved and then cancelled": None,
    "allowed": {"allowed_clean": 1},
    "allowed and failed": {"allowed_failed": 1},
    "allowed and undone": {"undone": 1},
}


def _history(fact, kind):
    verdict, state, undone = HISTORIES[kind]
    bodies = [fact.started(), fact.answered("c1")]
    if verdict != "allow":
        bodies.append(fact.proposed("p1", "c1"))
    match verdict:
        case "lapse":
            bodies.append(fact.lapsed("p1"))
        case "reword":
            bodies.append(fact.decided("p1", "edit", wording_only=True))
        case "allow":
            bodies.append(fact.intended("c1", allowed=True))
        case _:
            bodies.append(fact.decided("p1", verdict))
    bodies.append(fact.received("c1", state))
    return bodies if undone is None else [*bodies, fact.ended(), fact.undone("c1", undone)]


@pytest.mark.parametrize("kind", HISTORIES)
async def test_a_call_counts_once_and_as_what_became_of_it(store, fact, kind):
    await store.append("run_1", fact.drafts(*_history(fact, kind)), after=-1)
    counts = COUNTS[kind]
    expected = [] if counts is None else [Evidence("send", "1", "one > one", "p1", **counts, recent=tuple(counts))]
    assert await store.evidence() == expected


async def test_an_edit_that_was_proposed_again_and_approved_stays_an_edit(store, fact):
    asked = (fact.started(), fact.proposed("p1", "c1"), fact.decided("p1", "edit"), fact.proposed("p2", "c1"))
    await store.append("run_1", fact.drafts(*asked, fact.decided("p2"), fact.received("c1")), after=-1)
    assert await store.evidence() == [Evidence("send", "1", "one > one", "p1", edited=1, recent=("edited",))]


async def test_a_suggestion_is_no_evidence_and_never_ready(store, fact):
    asked = (fact.started(purpose="suggestion"), fact.proposed("p1", "c1"), fact.decided("p1"), fact.received("c1"))
    await store.append("run_1", fact.drafts(*asked), after=-1)
    assert await store.evidence() == []
    assert await store.ready() == []
    assert len(await store.calls()) == 1


async def test_evidence_is_apart_for_each_tool_and_names_the_last_calls_newest_first(store, fact):
    for n in range(60):
        verdict = "reject" if n == 59 else "approve"
        await store.append(f"run_{n:02}", fact.drafts(fact.started(), fact.proposed(f"p{n}", f"c{n}"),
                           fact.decided(f"p{n}", verdict), fact.received(f"c{n}")), after=-1)  # fmt: skip
    other = (fact.started(), fact.proposed("q", "q", tool="pay"), fact.decided("q"), fact.received("q"))
    await store.append("run_q", fact.drafts(*other), after=-1)
    pay, send = await store.evidence()
    assert (pay.tool, pay.clean) == ("pay", 1)
    assert (send.tool, send.clean, send.rejected) == ("send", 59, 1)
    assert send.recent == ("rejected", *["clean"] * 50)
    assert await store.evidence(tool="pay") == [pay]


async def test_a_run_is_ready_once_a_person_has_decided_and_until_its_next_owner_has_followed(store, fact):
    epoch = await store.acquire("run_1", owner="one", ttl_s=3600)
    asked = (fact.started(), fact.answered("c1", "c2"), fact.proposed("p1", "c1"), fact.proposed("p2", "c2"))
    await store.append("run_1", fact.drafts(*asked), after=-1, epoch=epoch)
    await store.release("run_1", epoch=epoch)
    assert await store.ready() == []
    await store.append("run_1", fact.drafts(fact.decided("p1")), after=3)
    await store.append("run_1", fact.drafts(fact.assigned("p2", "ben")), after=4)
    assert await store.ready() == ["run_1"]
    epoch = await store.acquire("run_1", owner="two", ttl_s=3600)
    assert await store.ready() == []
    await store.append("run_1", fact.drafts(fact.received("c1")), after=5, epoch=epoch)
    await store.release("run_1", epoch=epoch)
    assert await store.ready() == []
    await store.append("run_1", fact.drafts(fact.decided("p2")), after=6)
    assert await store.ready() == ["run_1"]


async def test_a_run_whose_owner_died_is_ready_when_its_lease_has_ended(store, fact):
    for run, ttl_s in (("run_1", -1), ("run_2", 3600)):
        epoch = await store.acquire(run, owner="one", ttl_s=ttl_s)
        await store.append(run, fact.drafts(fact.started(), fact.said()), after=-1, epoch=epoch)
    assert await store.ready() == ["run_1"]


async def test_a_run_that_failed_or_ended_is_not_ready(store, fact):
    endings = (fact.interrupted(), fact.ended(), fact.ended("failed"), fact.stopped(), fact.answered(whole=False))
    for n, ending in enumerate(endings):
        await store.append(f"run_{n}", fact.drafts(fact.started(), ending), after=-1)
    assert await store.ready() == []


async def test_the_run_that_was_left_longest_is_ready_first(store, fact):
    for run in ("run_2", "run_1", "run_3"):
        await store.append(run, fact.drafts(fact.started()), after=-1)
    assert await store.ready() == ["run_2", "run_1", "run_3"]
    assert await store.ready(limit=1) == ["run_2"]


async def test_a_stream_is_in_no_list(store, fact):
    await store.append("@rules", fact.drafts(fact.said()), after=-1)
    assert (await store.runs(), await store.ready(), await store.waiting()) == ([], [], [])
    assert len(await store.read("@rules")) == 1


async def test_the_number_of_moves_changes_with_whatever_a_list_may_show(store, fact):
    seen = [await store.moved()]

    async def moves():
        seen.append(await store.moved())
        return seen[-1] != seen[-2]

    assert not await moves()
    await store.append("run_1", fact.drafts(fact.started(), fact.proposed("p1")), after=-1)
    assert await moves()
    assert not await moves()
    await store.claim("p1", by=ANN, ttl_s=3600)
    assert await moves()
    await store.unclaim("p1", by=ANN)
    assert await moves()
    await store.acquire("run_1", owner="one", ttl_s=3600)
    assert await moves()


async def test_moves_of_another_process_are_seen(tmp_path, fact):
    one, two = open_store(str(tmp_path / "j.db")), open_store(str(tmp_path / "j.db"))
    before = await one.moved()
    await two.append("run_1", fact.drafts(fact.started()), after=-1)
    assert await one.moved() != before
    await one.close()
    await two.close()


async def test_a_damaged_proposal_does_not_hide_the_others(journal, fact, tmp_path):
    await journal.append("run_1", fact.drafts(fact.started(), fact.proposed("p1")), after=-1)
    await journal.append("run_2", fact.drafts(fact.started(), fact.proposed("p2")), after=-1)
    connection = sqlite3.connect(tmp_path / "journal.db")
    with connection:
        connection.execute("UPDATE copilot_payloads SET body = replace(body, 'ann@', 'bob@') WHERE run_id = 'run_1'")
    connection.close()
    assert [(one.id, one.proposal is None) for one in await journal.waiting()] == [("p1", True), ("p2", False)]
