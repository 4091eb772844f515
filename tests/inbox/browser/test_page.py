"""The page in a real browser: decided by keys, closed by a decision elsewhere, and text that stays text."""

import asyncio
import re
import time

import pytest

from copilot_kit import Principal
from copilot_kit.approval import decide
from copilot_kit.inbox import OneTimeTokens, inbox_app
from copilot_kit.testing import call

ANNA, BEN = Principal(id="anna"), Principal(id="ben")
DEAF_S = 0.35
EVIL = "</textarea></script><script>x()</script><img src=x onerror=alert(1)>"


async def verdicts(office, run_id="run_1"):
    return [entry.body.decision.verdict for entry in await office.store.read(run_id) if entry.head.kind == "decided"]


async def until(found, *, s=3.0):
    ends = time.monotonic() + s
    while not (value := await found()):
        assert time.monotonic() < ends, "it did not happen in time"
        await asyncio.sleep(0.02)
    return value


def card_of(run, index=0):
    return f"/cards/{run.id}/{run.proposals[index].id}"


@pytest.mark.parametrize(("key", "verdict"), [("y", "approve"), ("n", "reject")])
async def test_a_card_is_found_opened_and_decided_by_keys(opened, office, key, verdict):
    await office.waiting(call("send", {"to": "eve@example.org"}))
    async with opened(office) as page:
        await asyncio.sleep(DEAF_S)
        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/cards/**")
        await asyncio.sleep(DEAF_S)
        await page.keyboard.press(key)
        assert await until(lambda: verdicts(office)) == [verdict]


async def test_a_reason_is_typed_after_one_key(opened, office):
    _, run = await office.waiting(call("send", {"to": "eve@example.org"}))
    async with opened(office, card_of(run)) as page:
        await asyncio.sleep(DEAF_S)
        await page.keyboard.press("r")
        await page.keyboard.type("yes and no")
        assert await verdicts(office) == []
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        assert await until(lambda: verdicts(office)) == ["reject"]
    entries = await office.store.read("run_1")
    assert entries[-1].body.decision.text == "yes and no"


@pytest.mark.parametrize("key", ["Enter", "Space", "Escape", "Control+y", "Y"])
async def test_other_keys_never_approve(opened, office, key):
    _, run = await office.waiting(call("send", {"to": "eve@example.org"}))
    async with opened(office, card_of(run)) as page:
        await asyncio.sleep(DEAF_S)
        await page.keyboard.press(key)
        await asyncio.sleep(0.3)
    assert await verdicts(office) == []


async def test_a_key_meant_for_what_stood_there_before_does_nothing(opened, office):
    _, run = await office.waiting(call("send", {"to": "eve@example.org"}))
    async with opened(office, card_of(run)) as page:
        await page.evaluate("performance.now = () => 0")  # as if it had just been shown
        await page.keyboard.press("y")
        await asyncio.sleep(0.3)
    assert await verdicts(office) == []


async def test_a_decision_elsewhere_closes_the_card_within_a_second_and_keeps_what_was_typed(opened, office):
    _, run = await office.waiting(call("send", {"to": "eve@example.org"}))
    async with opened(office, card_of(run)) as page:
        await page.wait_for_selector("[data-live-state]:text-is('live')")
        await asyncio.sleep(DEAF_S)
        await page.keyboard.press("r")
        await page.keyboard.type("half a reason")
        begun = time.monotonic()
        await decide(office.store, "run_1", run.proposals[0].id, "approve", by=BEN, channel="terminal")
        await page.wait_for_selector(".outcome-approved", timeout=1000)
        assert time.monotonic() - begun < 1
        assert "approved by ben" in await page.inner_text("[data-live=state]")
        assert await page.query_selector("form.approve") is None
        assert "half a reason" in await page.inner_text("[data-live=decision]")


async def test_new_work_appears_in_the_list_by_itself(opened, office):
    async with opened(office) as page:
        await page.wait_for_selector("[data-live-state]:text-is('live')")
        await office.waiting(call("send", {"to": "eve@example.org"}))
        await page.wait_for_selector("text=eve@example.org", timeout=1500)


async def test_a_fold_opens_in_place_keeps_typing_and_lets_the_call_be_approved(opened, office):
    body = "\n".join(f"line {number}" for number in range(420))
    _, run = await office.waiting(call("send", {"to": "eve@example.org", "body": body}))
    async with opened(office, card_of(run)) as page:
        await asyncio.sleep(DEAF_S)
        await page.keyboard.press("y")
        assert await page.is_disabled("form.approve button")
        assert page.url.endswith(card_of(run))
        await page.keyboard.press("r")
        await page.keyboard.type("wait")
        await page.click("a.unfold >> nth=0")
        await page.wait_for_selector(".arguments >> text=line 419", timeout=3000)
        assert await page.input_value("form.reject textarea") == "wait"
        await page.click("form.approve button")
        assert await until(lambda: verdicts(office)) == ["approve"]


async def test_what_others_wrote_stays_text(opened, office):
    _, run = await office.waiting(call("send", {"to": EVIL, "body": EVIL}), task=EVIL, run_id="run_1")
    async with opened(office) as page:
        here = page.url.rstrip("/")
        for path in ("/", card_of(run), "/runs/run_1", f"{card_of(run)}/rule"):
            await page.goto(f"{here}{path}")
            await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            assert await page.locator("script").count() == 1
            assert await page.locator("img").count() == 0
            assert EVIL in await page.inner_text("main")
    assert await verdicts(office) == []


async def test_a_page_elsewhere_can_neither_decide_nor_frame(served, chromium, office):
    _, run = await office.waiting(call("send", {"to": "eve@example.org"}))
    tokens = OneTimeTokens(principal=ANNA)
    async with served(inbox_app(office.store, sign_in=tokens)) as here, chromium() as context:
        page = await context.new_page()
        await page.goto(f"{here}/sign-in#{tokens.minted()}")
        await page.wait_for_selector("h1:has-text('waiting')")
        assert "#" not in page.url
        await page.goto(f"{here}{card_of(run)}")
        fields = await page.eval_on_selector_all(
            "form.approve input", "all => Object.fromEntries(all.map((one) => [one.name, one.value]))"
        )
        elsewhere = await context.new_page()
        inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
        form = (
            f'<form method="post" action="{here}{card_of(run)}/decide">{inputs}</form><iframe src="{here}/"></iframe>'
        )
        await elsewhere.route(re.compile("evil"), lambda route: route.fulfill(body=form, content_type="text/html"))
        await elsewhere.goto("http://evil.example/")
        framed = elsewhere.frames[1]
        assert "waiting" not in await framed.content()
        async with elsewhere.expect_navigation():
            await elsewhere.evaluate("document.forms[0].submit()")
        assert "Decide in the inbox itself" in await elsewhere.content()
    assert await verdicts(office) == []


@pytest.mark.parametrize("width", [320, 390, 1280])
async def test_no_page_is_wider_than_its_window(opened, office, width):
    _, run = await office.waiting(call("send", {"to": "eve@" + "x" * 300, "body": "y" * 3000}), task="z" * 300)
    async with opened(office, viewport={"width": width, "height": 800}) as page:
        here = page.url.rstrip("/")
        for path in ("/", card_of(run), "/runs/run_1", "/runs", "/audit", "/rules", "/trust"):
            await page.goto(f"{here}{path}")
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_on_any_page(opened, office, scheme, two_sends):
    axe = pytest.importorskip("axe_playwright_python.async_playwright", reason="needs axe-playwright-python").Axe()
    _, run = await office.waiting(*two_sends, answer_within_s=600)
    await office.waiting(call("refund", {"order": 7, "amount": 12.5}), run_id="run_2")
    await office.waiting(call("send", {"to": "e\u202eve", "body": "x\n" * 99}), run_id="run_3", name="third")
    await decide(office.store, "run_1", run.proposals[0].id, "approve", by=BEN)
    found = [f"/cards/{one.run_id}/{one.id}" for one in await office.store.waiting()]
    paths = ["/", *found, card_of(run), f"{found[0]}/rule", f"/runs/run_1/turns/{run.proposals[0].turn}", "/runs"]
    async with opened(office, color_scheme=scheme, bypass_csp=True) as page:
        here = page.url.rstrip("/")
        for path in [*paths, "/runs/run_1", "/rules", "/audit", "/trust"]:
            await page.goto(f"{here}{path}")
            await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            results = await axe.run(page)
            assert len(results.response["passes"]) > 10
            assert results.violations_count == 0, (path, results.generate_report())


async def test_everything_can_be_decided_without_a_script(served, chromium, office):
    await office.waiting(call("send", {"to": "eve@example.org", "body": "x\n" * 100}))
    app = inbox_app(office.store, sign_in=lambda _: ANNA)
    async with served(app) as here, chromium(java_script_enabled=False) as context:
        page = await context.new_page()
        await page.goto(here)
        await page.click("a.open")
        await page.click("a.unfold >> nth=0")
        await page.click("form.approve button")
        await page.wait_for_selector(".outcome-approved")
    assert await verdicts(office) == ["approve"]
