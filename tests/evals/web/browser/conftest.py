"""The pages in a Chromium; whatever a page complains of, or asks of others, fails the test."""

# ruff: noqa: ANN003, F401, F811  fixtures pass on what tests say, and some come from the inbox's tests

import contextlib

import pytest

from copilot_kit import Principal
from copilot_kit_evals.web.app import view_app
from tests.inbox.browser.conftest import chromium, program, served, watched

ANNA = Principal(id="anna")


@pytest.fixture
def opened(served, chromium, tmp_path):
    """Open a page of the folder of runs."""

    @contextlib.asynccontextmanager
    async def page_at(path="/", *, wish=None, **options):
        app = view_app(tmp_path / "runs", sign_in=lambda _: ANNA, wish=wish)
        async with served(app) as here, chromium(**options) as context:
            page = await context.new_page()
            wrong = watched(page, here)
            await page.goto(f"{here}{path}")
            yield page
            assert wrong == []

    return page_at
