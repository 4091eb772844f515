"""A Chromium of its own for each test; whatever a page complains of, or asks for, fails it."""

# ruff: noqa: ANN003  fixtures pass on what tests say

import contextlib
import shutil
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync",
         "--disable-component-update", "--disable-dev-shm-usage")  # fmt: skip


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def opened():
    """Open a file with the network cut; what it complains of or asks for fails the test."""
    playwright = pytest.importorskip("playwright.async_api", reason="needs playwright: pip install playwright")
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt install chromium")

    @contextlib.asynccontextmanager
    async def page_of(file: Path, **options):
        async with playwright.async_playwright() as driver:
            browser = await driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            context = await browser.new_context(offline=True, **options)
            page = await context.new_page()
            wrong: list[str] = []
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("console", lambda line: wrong.append(line.text) if line.type in ("error", "warning") else None)
            page.on("request", lambda sent: wrong.append(sent.url) if sent.url != file.as_uri() else None)
            page.on("dialog", lambda dialog: wrong.append(dialog.message))
            await page.goto(file.as_uri())
            await page.wait_for_selector("html[data-ready]", timeout=30_000)
            yield page
            await browser.close()
            assert wrong == []

    return page_of
