"""Runs of two stub models, and a browser before the pages that show them."""

# ruff: noqa: ANN003  fixtures pass on what tests say

import asyncio
import html
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from copilot_kit import Principal
from copilot_kit.slots import Opened
from copilot_kit.testing import FunctionModel
from copilot_kit_evals.candidates import candidates_of
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.runner import Options, run
from copilot_kit_evals.scorers import Normalised
from copilot_kit_evals.tasks import Ask, Task
from copilot_kit_evals.web.app import view_app
from copilot_kit_evals.web.desk import Wish

HERE = "http://127.0.0.1:8484"
ANNA = Principal(id="anna", authenticated="token")
ALPHA, BETA = "acme:alpha-7", "acme:beta-9"


async def made(
    path: Path, count: int = 12, alpha: Callable[[str], str] | None = None, beta: Callable[[str], str] | None = None,
    names: tuple[str, ...] = (ALPHA, BETA), repeats: int = 1, seed: int = 0,
) -> RunFolder:  # fmt: skip
    """Return a run in which all answered every item, each in its own words."""
    said = {
        names[0]: alpha or (lambda asked: f"It is {asked}."),
        names[-1]: beta or (lambda asked: f"I think that {asked} would be right here."),
    }
    models = {name: FunctionModel(lambda request, tell=tell: tell(request.messages[-1].text), id=name)
              for name, tell in said.items()}  # fmt: skip
    items = [Item(id=f"q{n}", input=f"number {n}", target=f"It is number {n}.", tags=("even",) if n % 2 == 0 else ())
             for n in range(count)]  # fmt: skip
    task = Task("numbers", Dataset.of(items, name="numbers"), Ask(), [Normalised()], repeats=repeats)
    options = Options(opening=lambda name: Opened(models[name]), seed=seed)
    await run([task], candidates_of(list(names)), path, options)
    return RunFolder(path)


@dataclass
class Browser:
    """Sends what a browser would send, and reads forms from pages."""

    client: httpx2.AsyncClient

    async def get(self, path: str, **rest):
        return await self.client.get(path, **rest)

    async def post(self, path: str, fields: dict[str, str], **rest):
        return await self.client.post(path, data=fields, **rest)

    async def fields(self, path: str) -> dict[str, str]:
        """Return the hidden fields of the page's first form."""
        page = await self.client.get(path)
        assert page.status_code == 200, page.text
        return hidden(page.text)

    async def say(self, path: str, **said: str):
        """Answer what the page asks, as a form would."""
        return await self.post(path, {**await self.fields(path), **said})


def hidden(text: str) -> dict[str, str]:
    form = re.search(r"<form[^>]*method=\"post\"[^>]*>(.*?)</form>", text, re.DOTALL)
    assert form is not None, text
    found = re.findall(r"<input type=\"hidden\" name=\"([^\"]*)\" value=\"([^\"]*)\"", form[1])
    return {html.unescape(name): html.unescape(value) for name, value in found}


@pytest.fixture
def make(tmp_path: Path):
    """Make runs in the folder `runs`."""

    async def one(name: str = "first", **rest) -> RunFolder:
        return await made(tmp_path / "runs" / name, **rest)

    return one


@pytest.fixture
async def seat(tmp_path: Path) -> AsyncIterator[Callable[..., Browser]]:
    """Make browsers for whoever the application says is there."""
    opened: list[Browser] = []

    def sit(path: str = "", *, who: Principal | None = ANNA, wish: Wish | None = None, sign_in=None, **headers):
        app = view_app(tmp_path / "runs" / path, sign_in=sign_in or (lambda _: who), wish=wish)
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        client = httpx2.AsyncClient(transport=transport, base_url=HERE, headers={"origin": HERE, **headers})
        opened.append(Browser(client))
        return opened[-1]

    yield sit
    for browser in opened:
        await browser.client.aclose()


@pytest.fixture
def shell(copilot):
    """Run a command as a shell would, beside the loop of the test."""

    async def ended(*words: str | Path):
        return await asyncio.to_thread(copilot, *words)

    return ended
