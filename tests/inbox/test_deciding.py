"""Deciding on the page: what was shown is what is decided, by whoever is signed in, once."""

import asyncio
import re

from copilot_kit import Agent, Principal, tool
from copilot_kit.approval import Gate, decide, rule
from copilot_kit.testing import ScriptedModel, call

BEN = Principal(id="ben", groups=("finance",))
LONG = "\n".join(f"line {number}" for number in range(420))


async def card_of(run, proposal=0):
    return f"/cards/{run.id}/{run.proposals[proposal].id}"


async def decided_in(store, run_id="run_1"):
    return [entry.body.decision for entry in await store.read(run_id) if entry.head.kind == "decided"]


async def test_an_approval_says_who_from_the_session_how_long_they_looked_and_what_they_saw(office, anna):
    _, run = await office.waiting(call("send", {"to": "eve@example.org"}))
    form = await anna.form(await card_of(run), "/decide")
    await asyncio.sleep(0.05)
    answer = await anna.post(f"{await card_of(run)}/decide", form | {"by": "mallory", "looked_s": "999"})
    (decision,) = await decided_in(office.store)
    assert answer.status_code == 303
    assert (decision.verdict, decision.by.id, decision.channel) == ("approve", "anna", "web")
    assert 0.05 <= decision.looked_s < 5
    assert decision.call_digest == run.proposals[0].call_digest
    assert decision.shown_digest == run.proposals[0].shown_digest


async def test_a_decided_run_goes_on_where_its_agent_is_at_hand(office, seat):
    agent, run = await office.waiting(call("send", {"to": "eve@example.org"}))
    browser = seat(agents=[agent])
    form = await browser.form(await card_of(run), "/decide")
    await browser.post(f"{await card_of(run)}/decide", form)
    for _ in range(60):
        await asyncio.sleep(0.05)
        if (await agent.load("run_1")).status == "done":
            break
    assert office.did == [("send", "eve@example.org", "Hello")]


async def test_a_reason_for_a_no_reaches_the_model(office, anna):
    agent, run = await office.waiting(call("send", {"to": "eve@example.org"}))
    form = await anna.form(await card_of(run), "/decide", nth=1)
    assert form["verdict"] == "reject"
    await anna.post(f"{await card_of(run)}/decide", form | {"text": "Wrong address.\r\nAsk Bob."})
    run = await agent.resume("run_1")
    assert office.did == []
    assert "Wrong address.\nAsk Bob." in "".join(part.text for part in run.messages[-2].parts)


async def test_an_answer_stands_in_the_tools_place(office, anna):
    agent, run = await office.waiting(call("send", {"to": "eve@example.org"}))
    form = await anna.form(await card_of(run), "/decide", nth=4)
    await anna.post(f"{await card_of(run)}/decide", form | {"text": "I phoned her."})
    run = await agent.resume("run_1")
    assert (form["verdict"], office.did) == ("answer", [])
    assert run.messages[-2].parts[0].text == "I phoned her."


async def test_an_edit_runs_what_the_form_says_and_keeps_line_breaks_as_they_were(office, seat):
    agent, run = await office.waiting(call("send", {"to": "eve@example.org", "body": "\none\ntwo"}))
    browser = seat(agents=[agent])
    form = await browser.form(await card_of(run), "/decide", nth=2)
    assert (form["verdict"], form["at:/body"]) == ("edit", "\none\ntwo")
    changed = {name: value.replace("\n", "\r\n") for name, value in form.items()} | {"at:/to": "bob@example.org"}
    await browser.post(f"{await card_of(run)}/decide", changed)
    (decision,) = await decided_in(office.store)
    assert decision.arguments == '{"body":"\\none\\ntwo","to":"bob@example.org"}'


async def test_an_edit_that_does_not_fit_the_tool_decides_nothing_and_keeps_what_was_typed(office, seat, read):
    agent, run = await office.waiting(call("refund", {"order": 7, "amount": 12.5}))
    browser = seat(agents=[agent])
    form = await browser.form(await card_of(run), "/decide", nth=2)
    answer = await browser.post(f"{await card_of(run)}/decide", form | {"at:/amount": "NaN"})
    assert (answer.status_code, await decided_in(office.store)) == (422, [])
    assert "not a number" in read["errors"](answer.text)[0]
    assert read["fields"](answer.text, "/decide", nth=2)["at:/amount"] == "NaN"


async def test_raw_json_is_read_as_strictly_as_the_models(office, anna, read):
    _, run = await office.waiting(call("send", {"to": "eve@example.org"}))
    for text, why in (
        ('{"to":"a","to":"b"}', "stands there twice"),
        ('{"to":NaN}', "NaN is not JSON"),
        ('["a"]', "array where an object is needed"),
    ):
        form = await anna.form(await card_of(run), "/decide", nth=3)
        answer = await anna.post(f"{await card_of(run)}/decide", form | {"json": text})
        assert why in read["errors"](answer.text)[0]
    assert await decided_in(office.store) == []


async def test_an_edit_that_changes_nothing_is_no_edit(office, anna, read):
    _, run = await office.waiting(call("send", {"to": "eve@example.org"}))
    form = await anna.form(await card_of(run), "/decide", nth=2)
    answer = await anna.post(f"{await card_of(run)}/decide", form)
    assert "Nothing was changed" in read["errors"](answer.text)[0]
    assert await decided_in(office.store) == []


async def test_what_is_folded_cannot_be_approved_unopened(office, anna, read):
    _, run = await office.waiting(call("send", {"to": "eve@example.org", "body": LONG}))
    card = await card_of(run)
    page = await anna.get(card)
    assert "Show 412 more lines" in page.text
    assert "line 419" not in page.text.split('class="decision"')[0]
    answer = await anna.post(f"{card}/decide", read["fields"](page.text, "/decide"))
    assert (answer.status_code, await decided_in(office.store)) == (409, [])
    assert "was not shown in full" in read["errors"](answer.text)[0]
    opened = await anna.get(f"{card}?open=/body")
    assert "line 419" in opened.text.split('class="decision"')[0]
    await anna.post(f"{card}/decide", read["fields"](opened.text, "/decide"))
    assert [one.verdict for one in await decided_in(office.store)] == ["approve"]


async def test_a_card_that_was_not_decided_can_be_reloaded_and_opened_further(office, anna, read):
    _, run = await office.waiting(call("send", {"to": "eve@example.org", "body": LONG}))
    again = await anna.get(f"{await card_of(run)}/decide?open=/body")
    assert "line 419" in again.text.split('class="decision"')[0]
    await anna.post(f"{await card_of(run)}/decide", read["fields"](again.text, "/decide"))
    assert [one.verdict for one in await decided_in(office.store)] == ["approve"]


async def test_a_form_with_an_unopened_fold_can_still_say_no(office, anna):
    _, run = await office.waiting(call("send", {"to": "eve@example.org", "body": LONG}))
    form = await anna.form(await card_of(run), "/decide", nth=1)
    await anna.post(f"{await card_of(run)}/decide", form)
    assert [one.verdict for one in await decided_in(office.store)] == ["reject"]


async def test_a_late_decision_is_told_who_was_first(office, anna):
    _, run = await office.waiting(call("send", {"to": "eve@example.org"}))
    form = await anna.form(await card_of(run), "/decide")
    await decide(office.store, "run_1", run.proposals[0].id, "reject", by=BEN, channel="terminal")
    answer = await anna.post(f"{await card_of(run)}/decide", form)
    assert answer.status_code == 409
    assert "already rejected, by ben" in answer.text
    assert "rejected by <strong>ben</strong>" in answer.text
    assert len(await decided_in(office.store)) == 1


async def test_two_browsers_at_once_one_wins(office, anna, seat, read):
    _, run = await office.waiting(call("send", {"to": "eve@example.org"}))
    ben = seat(BEN)
    card = await card_of(run)
    yes, no = await anna.form(card, "/decide"), await ben.form(card, "/decide", nth=1)
    answers = await asyncio.gather(anna.post(f"{card}/decide", yes), ben.post(f"{card}/decide", no))
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    assert len(await decided_in(office.store)) == 1


async def test_who_may_not_decide_sees_the_card_and_is_refused(office, anna, seat):
    _, run = await office.waiting(call("send", {"to": "eve@example.org"}), may_decide=("group:finance",))
    card = await card_of(run)
    page = await anna.get(card)
    assert "You may look, and not decide" in page.text
    assert "/decide" not in page.text
    ben = seat(BEN)
    theirs = await ben.form(card, "/decide")
    csrf = re.search(r'data-csrf="([^"]+)"', page.text)[1]
    answer = await anna.post(f"{card}/decide", theirs | {"csrf": csrf})
    assert (answer.status_code, await decided_in(office.store)) == (403, [])
    await ben.post(f"{card}/decide", theirs)
    assert [one.by.id for one in await decided_in(office.store)] == ["ben"]


async def test_a_card_of_another_proposal_decides_nothing(office, anna, two_sends):
    _, run = await office.waiting(*two_sends)
    form = await anna.form(await card_of(run, 0), "/decide")
    answer = await anna.post(f"{await card_of(run, 1)}/decide", form)
    assert (answer.status_code, await decided_in(office.store)) == (403, [])


async def test_a_used_card_is_not_used_again(office, anna, two_sends):
    _, run = await office.waiting(*two_sends)
    form = await anna.form(await card_of(run), "/decide")
    await anna.post(f"{await card_of(run)}/decide", form)
    answer = await anna.post(f"{await card_of(run)}/decide", form)
    assert answer.status_code == 403
    assert "used already" in answer.text


async def test_a_verdict_that_there_is_not_decides_nothing(office, anna):
    _, run = await office.waiting(call("send", {"to": "eve@example.org"}))
    form = await anna.form(await card_of(run), "/decide")
    answer = await anna.post(f"{await card_of(run)}/decide", form | {"verdict": "APPROVE"})
    assert (answer.status_code, await decided_in(office.store)) == (422, [])


async def test_calls_of_one_turn_are_decided_together(office, anna, two_sends):
    _, run = await office.waiting(*two_sends)
    turn = f"/runs/run_1/turns/{run.proposals[0].turn}"
    assert turn in (await anna.get("/")).text
    form = await anna.form(turn, turn)
    assert not any(name.startswith("choose:") and f'name="{name}" value="1" checked' in turn for name in form)
    answer = await anna.post(turn, form | {"verdict": "approve"})
    decisions = await decided_in(office.store)
    assert answer.status_code == 303
    assert [one.verdict for one in decisions] == ["approve", "approve"]
    assert decisions[0].batch == decisions[1].batch is not None


async def test_nothing_is_chosen_beforehand_that_cannot_be_undone(office, anna):
    _, run = await office.waiting(call("send", {"to": "eve@example.org"}), call("note", {"text": "hello"}),
                                  gate=Gate([]))  # fmt: skip
    page = await anna.get(f"/runs/run_1/turns/{run.proposals[0].turn}")
    boxes = dict(re.findall(r'name="choose:([^"]+)" value="1"( checked)?', page.text))
    assert boxes == {run.proposals[0].id: "", run.proposals[1].id: " checked"}


async def test_a_batch_with_one_that_was_decided_meanwhile_decides_none(office, anna, two_sends):
    _, run = await office.waiting(*two_sends)
    turn = f"/runs/run_1/turns/{run.proposals[0].turn}"
    form = await anna.form(turn, turn)
    await decide(office.store, "run_1", run.proposals[1].id, "reject", by=BEN)
    answer = await anna.post(turn, form | {"verdict": "approve"})
    assert answer.status_code == 409
    assert len(await decided_in(office.store)) == 1


async def test_a_batch_of_nothing_decides_nothing(office, anna, two_sends):
    _, run = await office.waiting(*two_sends)
    turn = f"/runs/run_1/turns/{run.proposals[0].turn}"
    form = {name: value for name, value in (await anna.form(turn, turn)).items() if not name.startswith("choose:")}
    answer = await anna.post(turn, form | {"verdict": "approve"})
    assert (answer.status_code, await decided_in(office.store)) == (422, [])


async def test_a_rule_is_granted_in_exactly_the_words_that_were_shown(office, anna):
    _, run = await office.waiting(call("send", {"to": "eve@example.org"}), task="Write to eve@example.org")
    page = f"{await card_of(run)}/rule"
    shown = await anna.get(f"{page}?days=7&uses=3&untrusted=1")
    assert "3 times at most" in shown.text
    assert "It would have matched <strong>" in shown.text
    form = await anna.form(f"{page}?days=7&uses=3&untrusted=1", "/rule", nth=1)
    answer = await anna.post(page, form | {"uses": "9999", "days": "300"})
    (decision,) = await decided_in(office.store)
    assert answer.status_code == 303
    assert (decision.rule.uses, (decision.rule.expires_at - decision.rule.at).days) == (3, 7)
    assert {match.at: (match.equals, match.any) for match in decision.rule.matches} == {
        "/to": ("eve@example.org", False),
        "/body": (None, True),
    }
    assert "used 0 of 3 times" in (await anna.get("/rules")).text


async def test_the_terms_of_a_rule_do_not_come_from_the_cards_address(office, anna):
    _, run = await office.waiting(call("send", {"to": "eve@example.org"}))
    form = await anna.form(f"{await card_of(run)}?open=rule:300:9999:1", "/decide")
    answer = await anna.post(f"{await card_of(run)}/rule", form)
    assert (answer.status_code, await decided_in(office.store)) == (422, [])


async def test_what_a_rule_says_is_marked_once(office, anna):
    _, run = await office.waiting(call("send", {"to": "e\u202eve@x.org"}))
    page = (await anna.get(f"{await card_of(run)}/rule?untrusted=1")).text
    words = page.split("Exactly this rule")[1].split("</section>")[0]
    assert 'title="right-to-left override">⟦U+202E⟧</mark>' in words
    assert "U+27E6" not in page


async def test_a_rule_is_revoked_on_its_page(office, anna, read):
    _, run = await office.waiting(call("send", {"to": "eve@example.org"}))
    page = f"{await card_of(run)}/rule"
    await anna.post(page, await anna.form(f"{page}?untrusted=1", "/rule", nth=1))
    form = await anna.form("/rules", "/revoke")
    rule_id = (await decided_in(office.store))[0].rule.id
    assert (await anna.post(f"/rules/{rule_id}/revoke", form)).status_code == 303
    assert "revoked by anna" in re.sub(r"<[^>]*>", "", (await anna.get("/rules")).text).lower()


async def test_an_expired_card_can_be_asked_again_and_keeps_its_place(office, anna):
    _, run = await office.waiting(call("send", {"to": "eve@example.org"}), answer_within_s=0.01)
    await asyncio.sleep(0.02)
    card = await card_of(run)
    assert "Approve" not in (await anna.get(card)).text
    answer = await anna.post(f"{card}/again", await anna.form(card, "/again"))
    fresh = await anna.get(answer.headers["location"])
    assert "Asked anew. The call is the same as before." in fresh.text


async def test_a_run_is_stopped_from_its_card(office, anna):
    agent, run = await office.waiting(call("send", {"to": "eve@example.org"}))
    form = await anna.form(await card_of(run), "/stop")
    await anna.post("/runs/run_1/stop", form | {"text": "wrong customer"})
    run = await agent.load("run_1")
    assert (run.status, office.did) == ("stopped", [])


async def test_a_done_call_is_taken_back_from_the_runs_page(office, seat):
    agent, run = await office.waiting(call("note", {"text": "hello"}), gate=Gate([]))
    run = await run.approve(run.proposals[0].id, by=BEN)
    browser = seat(agents=[agent])
    form = await browser.form("/runs/run_1", "/undo")
    (call_id,) = re.findall(r'action="/runs/run_1/calls/([^"]+)/undo"', (await browser.get("/runs/run_1")).text)
    answer = await browser.post(f"/runs/run_1/calls/{call_id}/undo", form)
    assert answer.status_code == 303
    assert office.did == [("note", "hello"), ("unnote", "hello")]
    assert "Take it back" not in (await browser.get("/runs/run_1")).text


async def test_what_ran_without_asking_is_listed_with_its_undo(office, seat):
    allow = Gate([rule("allow", tool="note")])
    agent = office.agent(call("note", {"text": "hello"}), "Done.", gate=allow)
    await agent.run("Note it", run_id="run_1")
    browser = seat(agents=[agent])
    (page,) = re.findall(r'href="([^"]+)">take back</a>', (await browser.get("/audit")).text)
    answer = await browser.post(f"{page}/undo", await browser.form(page, "/undo"))
    assert answer.status_code == 303
    assert office.did == [("note", "hello"), ("unnote", "hello")]
    assert "Taken back: done" in (await browser.get(page)).text
    assert "take back</a>" not in (await browser.get("/audit")).text


async def test_a_call_of_unknown_outcome_stands_first_and_is_settled_by_a_person(office, anna):
    @tool(effect="external", timeout_s=0.01)
    async def slow() -> str:
        await asyncio.sleep(5)
        return "done"

    agent = Agent(ScriptedModel(call("slow"), "Done."), tools=[slow], name="other", store=office.store)
    run = await agent.run("Try it", run_id="run_0")
    await office.waiting(call("send", {"to": "eve@example.org"}))
    run = await run.approve(run.proposals[0].id, by=BEN)
    listed = (await anna.get("/")).text
    assert listed.index("outcome not known") < listed.index("eve@example.org")
    call_id = run.unknown[0].call.call_id
    page = f"/runs/run_0/calls/{call_id}"
    form = await anna.form(page, "/settle")
    assert (await anna.post(f"{page}/settle", form)).status_code == 422
    assert (await anna.post(f"{page}/settle", form | {"done": "yes", "text": "It arrived."})).status_code == 303
    run = await agent.resume("run_0")
    assert run.status == "done"
    assert run.messages[-2].parts[0].text == "It arrived."
    assert "It is settled" in (await anna.get(page)).text


async def test_a_card_is_given_to_somebody_and_found_under_theirs(office, anna, seat):
    _, run = await office.waiting(call("send", {"to": "eve@example.org"}))
    card = await card_of(run)
    await anna.post(f"{card}/assign", (await anna.form(card, "/assign")) | {"to": "ben"})
    assert "eve@example.org" not in (await anna.get("/?assigned=me")).text
    assert "eve@example.org" in (await seat(BEN).get("/?assigned=me")).text


async def test_an_open_card_is_claimed_for_others_to_see_and_let_go(office, anna, seat):
    _, run = await office.waiting(call("send", {"to": "eve@example.org"}))
    card = await card_of(run)
    form = await anna.form(card, "/decide")
    mine = (await anna.post(f"{card}/claim", {"csrf": form["csrf"]})).json()
    ben = seat(BEN)
    theirs = (await ben.post(f"{card}/claim", {"csrf": (await ben.form(card, "/decide"))["csrf"]})).json()
    assert (mine["yours"], theirs["yours"], theirs["by"]) == (True, False, "anna")
    assert "anna has this open" in (await ben.get("/")).text
    await anna.post(f"{card}/claim", {"csrf": form["csrf"], "release": "1"})
    assert "anna has this open" not in (await ben.get("/")).text
