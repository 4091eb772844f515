"""A Chromium of its own for each test, which is failed by whatever a page complains of."""

# ruff: noqa: ANN003  fixtures pass on what tests say

import asyncio
import contextlib
import shutil
import socket
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import uvicorn

from copilot_kit import Principal
from copilot_kit.inbox import inbox_app

HERE = Path(__file__).parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ANNA = Principal(id="anna")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage")  # fmt: skip


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def program() -> str:
    """The browser."""
    pytest.importorskip("playwright.async_api", reason="needs playwright: pip install playwright")
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt install chromium")
    return CHROMIUM


@contextlib.asynccontextmanager
async def _served(app):
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110  it tells nobody
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@pytest.fixture
def served():
    """Serve an app on a port of this machine."""
    return _served


@pytest.fixture
def chromium(program):
    """Make a browser context: cookies and options of its own."""

    @contextlib.asynccontextmanager
    async def context(**options):
        from playwright.async_api import async_playwright

        async with async_playwright() as driver:
            browser = await driver.chromium.launch(executable_path=program, args=FLAGS)
            try:
                yield await browser.new_context(**options)
            finally:
                await browser.close()

    return context


@pytest.fixture
def opened(chromium):
    """Open a page of the inbox; what it complains of or asks of others fails the test."""

    @contextlib.asynccontextmanager
    async def page_at(office, path="/", *, agents=(), who=ANNA, **options):
        app = inbox_app(office.store, agents=agents, sign_in=lambda _: who)
        async with _served(app) as here, chromium(**options) as context:
            page = await context.new_page()
            wrong = watched(page, here)
            await page.goto(f"{here}{path}")
            yield page
            assert wrong == []

    return page_at


def watched(page, here):
    """Return the list of whatever should not happen on a page."""
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    page.on("request", lambda sent: wrong.append(sent.url) if not sent.url.startswith(here) else None)
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    return wrong


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


async def is_live(page):
    """Wait until the page hears what moves, and no longer ignores keys."""
    await page.wait_for_selector("[data-live-state]:text-is('live')")
    await asyncio.sleep(0.35)


@pytest.fixture
def see():
    """Give tests what they look with."""
    return SimpleNamespace(verdicts=verdicts, until=until, card_of=card_of, is_live=is_live, watched=watched)
