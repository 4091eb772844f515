"""The report in Chromium, without network: charts in both schemes, the table by keyboard, flips, and hostile texts."""

import pytest

from copilot_kit_evals.report.page import write_report

GROUND = {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 22, 26)"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_opens_without_network_and_draws_every_chart_in_both_schemes(made, opened, scheme):
    file = write_report(await made())
    async with opened(file, color_scheme=scheme) as page:
        charts = page.locator("[data-chart]")
        assert await charts.count() == 6
        assert await page.locator("[data-drawn] svg").count() == 6
        assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == GROUND[scheme]
        ink = "getComputedStyle(document.querySelector('[data-chart] svg .role-axis-label text')).fill"
        assert await page.evaluate(ink) == ("rgb(92, 94, 102)" if scheme == "light" else "rgb(164, 167, 176)")


async def test_paper_is_light_whatever_the_screen_is(made, opened):
    file = write_report(await made())
    async with opened(file, color_scheme="dark") as page:
        await page.emulate_media(media="print")
        assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == GROUND["light"]
        assert (await page.pdf()).startswith(b"%PDF")


async def test_the_table_is_searched_filtered_and_sorted_by_keyboard(made, opened):
    file = write_report(await made())
    async with opened(file) as page:
        found = page.locator("#found")
        assert await found.text_content() == "12 of 12 items"
        await page.keyboard.press("/")
        await page.keyboard.type("i07")
        await page.wait_for_selector("#found:text-is('1 of 12 items')")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.id") == "by-tag"
        await page.fill("#search", "")
        await page.wait_for_selector("#found:text-is('12 of 12 items')")
        await page.select_option("#by-result", "lost")
        await page.wait_for_selector("#found:text-is('1 of 12 items')")
        assert await page.locator("#table .open").all_text_contents() == ["i00"]
        await page.select_option("#by-result", "won")
        await page.wait_for_selector("#found:text-is('4 of 12 items')")
        await page.locator("#table thead button").first.focus()
        await page.keyboard.press("Enter")
        await page.keyboard.press("Enter")
        assert await page.locator("#table thead th").first.get_attribute("aria-sort") == "descending"
        assert await page.locator("#table .open").all_text_contents() == ["i09", "i08", "i07", "i06"]


async def test_a_flip_opens_both_transcripts_side_by_side_and_the_focus_comes_back(made, opened):
    file = write_report(await made())
    async with opened(file) as page:
        first = page.locator(".flips.won .open").first
        await first.focus()
        await page.keyboard.press("Enter")
        await page.wait_for_selector("dialog[open] .side >> nth=1")
        assert await page.locator("dialog .side h3").all_text_contents() == ["acme:old", "acme:new"]
        assert await page.locator("dialog .by-assistant pre").all_text_contents() == ["no", "yes 6"]
        await page.keyboard.press("j")
        await page.wait_for_selector("#case-h:text-is('i07')")
        await page.keyboard.press("Escape")
        assert await first.evaluate("node => node === document.activeElement")


async def test_a_link_from_the_flips_leads_to_the_items_of_the_table(made, opened):
    def tell(name: str, asked: str) -> str:
        return f"yes {asked.split()[1]}" if name.endswith("new") else "no"

    async with opened(write_report(await made(tell=tell, count=10))) as page:
        await page.click("text=All 10 in the table")
        assert await page.input_value("#by-result") == "won"


async def test_hostile_texts_are_seen_and_do_nothing(made, opened):
    file = write_report(await made())
    async with opened(file) as page:
        await page.click("#table .open:text-is('i09')")
        await page.wait_for_selector("dialog[open] .side")
        said = await page.locator("dialog .by-assistant pre").first.text_content()
        assert said == "</script><script>window.harmed=1</script><img src=x onerror='window.harmed=2'> pay ⟦U+202E⟧eve"
        assert await page.locator("dialog mark").first.text_content() == "⟦U+202E⟧"
        assert await page.evaluate("window.harmed") is None
        assert await page.locator("img").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(made, opened, scheme):
    axe = pytest.importorskip("axe_playwright_python.async_playwright", reason="needs axe-playwright-python").Axe()
    file = write_report(await made())
    async with opened(file, color_scheme=scheme, bypass_csp=True) as page:
        found = await axe.run(page)
        assert found.response["violations"] == []
        await page.click("#table .open:text-is('i09')")
        await page.wait_for_selector("dialog[open] .side")
        assert (await axe.run(page)).response["violations"] == []


async def test_it_fits_a_phone(made, opened):
    file = write_report(await made())
    async with opened(file, viewport={"width": 360, "height": 740}) as page:
        assert await page.evaluate("document.documentElement.scrollWidth") == 360


async def test_one_candidate_has_a_page_too(made, opened):
    async with opened(write_report(await made("acme:old"))) as page:
        await page.select_option("#by-result", "failed")
        await page.wait_for_selector("#found:text-is('6 of 12 items')")
