"""A person who works by keys, and two who look at the same card, in a real browser."""

import asyncio
import json
import time

import pytest

from copilot_kit import Principal
from copilot_kit.approval import decide
from copilot_kit.inbox import inbox_app
from copilot_kit.testing import call

BEN = Principal(id="ben")
SHORT_S = 0.3


async def test_an_edit_by_keys_runs_the_changed_call_once_and_nothing_else(opened, office, see):
    agent, run = await office.waiting(call("refund", {"order": 7, "amount": 12.5}))
    async with opened(office, see.card_of(run), agents=[agent]) as page:
        await see.is_live(page)
        await page.keyboard.press("e")
        await page.fill("[name='at:/amount']", "9.75")
        await page.keyboard.press("y")
        await page.keyboard.press("Enter")
        assert await see.verdicts(office) == []
        await page.fill("[name='at:/amount']", "9.75")
        await page.click("text=Run with these changes")
        assert await see.until(lambda: see.verdicts(office)) == ["edit"]

        async def ran():
            return office.did

        await see.until(ran)
    entries = await office.store.read("run_1")
    (decision,) = [entry.body.decision for entry in entries if entry.head.kind == "decided"]
    assert json.loads(decision.arguments) == {"order": 7, "amount": 9.75}
    assert office.did == [("refund", 7, 9.75)]


async def test_an_answer_is_typed_after_one_key_and_sent_with_two(opened, office, see):
    agent, run = await office.waiting(call("send", {"to": "eve@example.org"}))
    async with opened(office, see.card_of(run)) as page:
        await see.is_live(page)
        await page.keyboard.press("x")
        await page.keyboard.type("yes, I phoned her")
        await page.keyboard.press("Enter")
        assert await see.verdicts(office) == []
        await page.keyboard.press("Control+Enter")
        assert await see.until(lambda: see.verdicts(office)) == ["answer"]
    run = await agent.resume("run_1")
    assert office.did == []
    assert "yes, I phoned her" in run.messages[-2].parts[0].text


async def test_two_people_see_who_has_a_card_open_and_who_decided_it(served, chromium, office, see):
    _, run = await office.waiting(call("send", {"to": "eve@example.org"}))
    people = {"anna": Principal(id="anna"), "ben": BEN}
    app = inbox_app(office.store, sign_in=lambda request: people.get(request.headers.get("x-person", "")))
    async with served(app) as here, chromium() as context:
        anna, ben = [await context.new_page() for _ in range(2)]
        wrong = see.watched(anna, here) + see.watched(ben, here)
        await anna.set_extra_http_headers({"x-person": "anna"})
        await ben.set_extra_http_headers({"x-person": "ben"})
        await anna.goto(f"{here}{see.card_of(run)}")
        await see.is_live(anna)
        await ben.goto(here)
        await ben.wait_for_selector("text=anna has this open")
        await ben.goto(f"{here}{see.card_of(run)}")
        await ben.wait_for_selector("[data-claimed] >> text=anna has this open")
        await see.is_live(ben)
        await ben.keyboard.press("n")
        begun = time.monotonic()
        await anna.wait_for_selector(".outcome-rejected", timeout=2000)
        assert time.monotonic() - begun < 1.5
        assert "rejected by ben" in await anna.inner_text("[data-said]")
        assert wrong == []
    assert await see.verdicts(office) == ["reject"]


async def test_a_batch_is_chosen_and_approved_by_keys_and_choices_survive_a_live_update(opened, office, see):
    calls = [call("send", {"to": f"{name}@example.org"}) for name in ("eve", "bob", "mia")]
    _, run = await office.waiting(*calls)
    async with opened(office, f"/runs/run_1/turns/{run.proposals[0].turn}") as page:
        await see.is_live(page)
        assert await page.locator(".choose input:checked").count() == 0
        for key in ("j", "Space", "j", "Space"):
            await page.keyboard.press(key)
        assert await page.locator(".choose input:checked").count() == 2
        await decide(office.store, "run_1", run.proposals[2].id, "reject", by=BEN)
        await page.wait_for_selector("[data-batch] >> nth=2", state="detached")
        assert await page.locator(".choose input:checked").count() == 2
        await asyncio.sleep(SHORT_S + 0.1)
        await page.keyboard.press("y")
        await see.until(lambda: _decided(office, 3))
    entries = await office.store.read("run_1")
    decisions = [entry.body.decision for entry in entries if entry.head.kind == "decided"]
    assert [one.verdict for one in decisions] == ["reject", "approve", "approve"]


async def _decided(office, count):
    return sum(entry.head.kind == "decided" for entry in await office.store.read("run_1")) == count


async def test_a_row_keeps_the_focus_when_the_list_changes_under_it(opened, office, see):
    await office.waiting(call("send", {"to": "eve@example.org"}))
    async with opened(office) as page:
        await see.is_live(page)
        await page.keyboard.press("j")
        held = await page.evaluate("document.activeElement.getAttribute('href')")
        await office.waiting(call("send", {"to": "bob@example.org"}), run_id="run_2")
        await page.wait_for_selector("text=bob@example.org")
        assert held is not None
        assert await page.evaluate("document.activeElement.getAttribute('href')") == held


async def test_j_on_a_card_opens_the_next_one_that_waits(opened, office, see):
    _, first = await office.waiting(call("send", {"to": "eve@example.org"}))
    _, second = await office.waiting(call("send", {"to": "bob@example.org"}), run_id="run_2")
    async with opened(office, see.card_of(first)) as page:
        await see.is_live(page)
        await page.keyboard.press("j")
        await page.wait_for_url(f"**{see.card_of(second)}")
    assert await see.verdicts(office) == []


async def test_slash_searches_and_a_typed_y_is_a_letter(opened, office, see):
    await office.waiting(call("send", {"to": "eve@example.org"}))
    async with opened(office) as page:
        await see.is_live(page)
        await page.keyboard.press("/")
        await page.keyboard.type("yn eve")
        assert await page.input_value("[name=q]") == "yn eve"
    assert await see.verdicts(office) == []


@pytest.mark.parametrize("name", ["display.jsonl", "naughty_strings.jsonl"])
async def test_hostile_texts_stay_text_in_the_browser(opened, office, see, shared, name):
    lines = (shared / "data" / "badinput" / name).read_text().splitlines()
    found = [text for text in (json.loads(line)["text"] for line in lines) if _whole(text)]
    for index, first in enumerate(range(0, len(found), 60)):
        texts = found[first : first + 60]
        await office.waiting(*(call("send", {"to": text, "body": text}) for text in texts),
                             run_id=f"run_{index}", task=" ".join(texts), name=f"agent {index}")  # fmt: skip
    async with opened(office) as page:
        here = page.url.rstrip("/")
        turns = await page.eval_on_selector_all("a.together", "all => all.map((one) => one.getAttribute('href'))")
        for path in ["/", *turns, *(f"/runs/run_{index}" for index in range(len(turns)))]:
            await page.goto(f"{here}{path}")
            await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            assert await page.locator("script").count() == 1
            assert await page.locator("img, iframe, object, embed, svg, style, base").count() == 0
            assert await page.locator("a[href^='javascript:'], [onerror], [onload], [onclick]").count() == 0
        assert turns
    for index in range(len(turns)):
        assert await see.verdicts(office, f"run_{index}") == []


def _whole(text):
    try:
        text.encode()
    except UnicodeEncodeError:
        return False  # half a character never gets as far as a proposal
    return bool(text)
