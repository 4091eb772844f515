"""The pages in a real browser: judged by keys, resumed, taken back, grown, and readable by all."""

import asyncio
import re

import pytest

from copilot_kit.inbox.incoming import segment
from copilot_kit.inbox.sign_in import OneTimeTokens
from copilot_kit_evals.people.judgments import JudgmentLog
from copilot_kit_evals.people.pairing import Draw
from copilot_kit_evals.people.preferences import Preference
from copilot_kit_evals.scorers.human_labels import read_labels
from copilot_kit_evals.web.app import view_app
from copilot_kit_evals.web.desk import Wish

pytestmark = pytest.mark.slow
PAIR = "/runs/first/compare/anna"
DEAF_S = 0.3
EVIL = "</script><script>fetch('http://evil.example')</script><img src=x onerror=alert(1)>\u202e"


def said(run) -> list[str]:
    return [one.winner for one in JudgmentLog(run.path / "preferences.jsonl", Preference).lines()]


async def press(page, key: str) -> None:
    """Press a key once the page listens, and wait for the page that it leads to."""
    await asyncio.sleep(DEAF_S)
    async with page.expect_navigation():
        await page.keyboard.press(key)


async def test_ten_pairs_are_judged_by_keys_alone(opened, make):
    run = await make(count=10)
    keys = ["ArrowLeft", "ArrowRight", "a", "b", "t", "n", "s", "ArrowLeft", "ArrowUp", "ArrowDown"]
    async with opened(PAIR) as page:
        for number, key in enumerate(keys):
            assert await page.inner_text("[data-progress]") == f"{number} of 10"
            await press(page, key)
        assert "Done. Thank you." in await page.inner_text("main")
    assert said(run) == ["left", "right", "left", "right", "tie", "bothbad", "skip", "left", "tie", "bothbad"]


async def test_what_is_chosen_is_what_stood_there(opened, make):
    run = await make(count=6)
    stood = []
    async with opened(PAIR) as page:
        for _ in range(6):
            left = await page.inner_text("article >> nth=0")
            stood.append("acme:alpha-7" if "It is number" in left else "acme:beta-9")
            await press(page, "ArrowLeft")
    assert [one.left for one in JudgmentLog(run.path / "preferences.jsonl", Preference).lines()] == stood


async def test_a_reload_and_another_browser_go_on_where_it_stopped(opened, make):
    await make(count=6)
    async with opened(PAIR) as page:
        await press(page, "t")
        before = await page.inner_text("main")
        await page.reload()
        assert await page.inner_text("main") == before
    async with opened(PAIR) as page:
        assert await page.inner_text("main") == before
        assert await page.inner_text("[data-progress]") == "1 of 6"


async def test_undo_and_a_reason_by_keys(opened, make):
    run = await make(count=4)
    async with opened(PAIR) as page:
        first = await page.inner_text(".pair")
        await press(page, "ArrowLeft")
        assert await page.inner_text(".pair") != first
        await press(page, "u")
        assert await page.inner_text(".pair") == first
        await asyncio.sleep(DEAF_S)
        await page.keyboard.press("r")
        await page.keyboard.type("a turn for the better")
        await page.keyboard.press("Escape")
        await press(page, "ArrowRight")
    assert said(run) == ["left", "undone", "right"]
    assert JudgmentLog(run.path / "preferences.jsonl", Preference).lines()[-1].reason == "a turn for the better"


async def test_a_key_that_is_held_down_judges_one_pair(opened, make):
    run = await make(count=6)
    async with opened(PAIR) as page:
        await asyncio.sleep(DEAF_S)
        async with page.expect_navigation():
            for _ in range(5):
                await page.keyboard.down("ArrowLeft")
        await asyncio.sleep(DEAF_S)
        await page.keyboard.down("ArrowLeft")
        await asyncio.sleep(0.2)
    assert said(run) == ["left"]


async def test_going_back_shows_where_one_is_now(opened, make):
    run = await make(count=6)
    async with opened(PAIR) as page:
        await press(page, "ArrowLeft")
        now = await page.inner_text(".pair")
        await page.go_back()
        await page.wait_for_function(f"document.querySelector('.pair').innerText === {now!r}")
    assert said(run) == ["left"]


async def test_answers_are_labelled_by_keys(opened, make):
    run = await make(count=2)
    async with opened("/runs/first/label/anna") as page:
        for key in ("y", "n", "u", "s", "y", "n"):
            await press(page, key)
        assert "Done. Thank you." in await page.inner_text("main")
    labels = read_labels(run.path / "labels.jsonl")
    assert [one.state for one in labels] == ["said", "said", "undone", "skip", "said", "said"]
    assert [one.value for one in labels] == [1, 0, None, None, 1, 0]


async def test_a_list_grows_by_itself(opened, make, tmp_path):
    run = await make(count=6)
    log = run.path / "attempts.jsonl"
    whole = log.read_bytes()
    log.write_bytes(b"".join(whole.splitlines(keepends=True)[:3]))
    async with opened() as page:
        assert "3 / 12" in await page.inner_text("main")
        log.write_bytes(whole)
        await page.wait_for_selector("text=12 / 12", timeout=6000)


async def test_the_printed_address_signs_in_and_leads_to_the_pair(served, chromium, make, tmp_path):
    await make(count=2)
    tokens = OneTimeTokens()
    app = view_app(tmp_path / "runs", sign_in=tokens)
    async with served(app) as here, chromium() as context:
        page = await context.new_page()
        await page.goto(f"{here}/sign-in?to={segment(PAIR)}#{tokens.minted()}")
        await page.wait_for_url(f"**{PAIR}")
        assert "#" not in page.url
        other = await context.browser.new_context()
        stranger = await other.new_page()
        await stranger.goto(f"{here}{PAIR}")
        assert "Sign in" in await stranger.inner_text("h1")


async def test_what_models_wrote_stays_text(opened, make):
    await make(count=2, alpha=lambda _: EVIL, beta=lambda _: EVIL + "b")
    async with opened() as page:
        here = page.url.rstrip("/")
        for path in ("/", "/runs/first", PAIR, "/runs/first/label/anna"):
            await page.goto(f"{here}{path}")
            assert await page.locator("script").count() == 1
            assert await page.locator("img").count() == 0
        await page.goto(f"{here}{PAIR}")
        assert "<img src=x onerror=alert(1)>" in await page.inner_text(".pair")


async def test_a_report_opens_in_its_sandbox(opened, make):
    await make(count=6)
    async with opened("/runs/first") as page:
        await page.click("text=Report")
        await page.wait_for_load_state("load")
        assert await page.evaluate("window.origin") == "null"
        assert re.search("acme:alpha-7", await page.inner_text("body"))


@pytest.mark.parametrize("width", [320, 390, 1280])
async def test_no_page_is_wider_than_its_window(opened, make, width):
    await make(count=3, alpha=lambda _: "x" * 3000, names=("acme:" + "y" * 150, "acme:b"))
    async with opened(viewport={"width": width, "height": 800}) as page:
        here = page.url.rstrip("/")
        for path in ("/", "/runs/first", "/runs/first/compare", PAIR, "/runs/first/label/anna"):
            await page.goto(f"{here}{path}")
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_on_any_page(opened, make, scheme):
    axe = pytest.importorskip("axe_playwright_python.async_playwright", reason="needs axe-playwright-python").Axe()
    run = await make(count=3)
    await make("broken")
    (run.path.parent / "broken" / "run.json").write_text("{")
    key = next(run.attempts()).key.digest
    paths = ["/", "/?q=nothing", "/runs/first", f"/runs/first/attempts/{key}", "/runs/first/compare", PAIR,
             f"{PAIR}?late", "/runs/first/label/anna"]  # fmt: skip
    async with opened(color_scheme=scheme, bypass_csp=True, wish=Wish(Draw(twice=1.0))) as page:
        here = page.url.rstrip("/")
        for path in paths:
            await page.goto(f"{here}{path}")
            results = await axe.run(page)
            assert results.violations_count == 0, (path, results.generate_report())
        await page.goto(f"{here}{PAIR}")
        for _ in range(6):
            await press(page, "t")
        results = await axe.run(page)
        assert results.violations_count == 0, results.generate_report()


async def test_everything_can_be_judged_without_a_script(opened, make):
    run = await make(count=2)
    async with opened(PAIR, java_script_enabled=False) as page:
        await page.click("text=A is better")
        await page.click("text=Undo")
        await page.click("text=Tie")
        await page.click("text=Neither is good")
        assert "Done. Thank you." in await page.inner_text("main")
    assert said(run) == ["left", "undone", "tie", "bothbad"]
