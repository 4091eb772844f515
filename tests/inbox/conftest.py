"""A journal with something of everything that waits, and a browser before it."""

# ruff: noqa: ANN002, ANN003  fixtures pass on what tests say

import html
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx2
import pytest

from copilot_kit import Agent, Principal, tool
from copilot_kit.inbox import OneTimeTokens, inbox_app
from copilot_kit.journal import MemoryStore
from copilot_kit.records import Preview
from copilot_kit.testing import ScriptedModel, call

HERE = "http://127.0.0.1:8484"
ANNA = Principal(id="anna", name="Anna", authenticated="token")
BEN = Principal(id="ben", groups=("finance",))


@dataclass
class Office:
    """Agents with tools that write down what they did."""

    store: MemoryStore
    did: list = field(default_factory=list)

    def agent(self, *script, name="support", **rest):
        @tool(effect="external", roles={"to": "destination", "body": "wording"})
        def send(to: str, body: str = "Hello") -> str:
            self.did.append(("send", to, body))
            return "sent"

        def shown(order, amount):
            return Preview(title="Refund", kind="table", rows=(("order", "amount"), (str(order), str(amount))),
                           cost=f"{amount} EUR", recipients=("eve@example.org",), reversible=False)  # fmt: skip

        @tool(effect="external", roles={"order": "object"}, preview=shown)
        def refund(order: int, amount: float) -> str:
            """Give money back.

            amount: in EUR
            """
            self.did.append(("refund", order, amount))
            return "refunded"

        @tool(effect="write", own=True, undo=lambda text: self.did.append(("unnote", text)))
        def note(text: str) -> str:
            self.did.append(("note", text))
            return "noted"

        @tool(effect="external")
        def crash() -> str:
            raise KeyboardInterrupt

        model = ScriptedModel(*script)
        return Agent(model, tools=[send, refund, note, crash], name=name, store=self.store, **rest)

    async def waiting(self, *calls, run_id="run_1", task="Write to Eve", then="Done.", **rest):
        """Return an agent and its run that waits for these calls."""
        agent = self.agent(["I will do it.", *calls], then, **rest)
        return agent, await agent.run(task, run_id=run_id)


@dataclass
class Browser:
    """Sends what a browser would send, and reads forms from pages."""

    client: httpx2.AsyncClient

    async def get(self, path, **rest):
        return await self.client.get(path, **rest)

    async def post(self, path, fields, **rest):
        return await self.client.post(path, data=fields, **rest)

    async def form(self, path, action, *, nth=0):
        """Return the hidden and visible fields of a form of a page, by the end of its address."""
        page = await self.client.get(path)
        return fields_of(page.text, action, nth=nth)


def forms_in(text, action):
    found = re.findall(r"<form[^>]*action=\"([^\"]*)\"[^>]*>(.*?)</form>", text, re.DOTALL)
    return [inner for address, inner in found if address.endswith(action)]


def fields_of(text, action, *, nth=0):
    form = forms_in(text, action)[nth]
    inputs = re.findall(r"<input[^>]*name=\"([^\"]*)\"[^>]*value=\"([^\"]*)\"", form)
    areas = re.findall(r"<textarea[^>]*name=\"([^\"]*)\"[^>]*>\n?(.*?)</textarea>", form, re.DOTALL)
    return {html.unescape(name): html.unescape(value) for name, value in [*inputs, *areas]}


def errors_in(text):
    return [html.unescape(found) for found in re.findall(r"class=\"error\"[^>]*>([^<]*)", text)]


@pytest.fixture
def office() -> Office:
    return Office(MemoryStore())


def browser_at(app, *, base=HERE, **headers) -> Browser:
    transport = httpx2.ASGITransport(app=app)
    return Browser(httpx2.AsyncClient(transport=transport, base_url=base, headers={"origin": base, **headers}))


@pytest.fixture
async def anna(office) -> AsyncIterator[Browser]:
    """Anna's browser, signed in at an inbox without agents."""
    tokens = OneTimeTokens(principal=ANNA)
    browser = browser_at(inbox_app(office.store, sign_in=tokens))
    async with browser.client:
        await browser.post("/sign-in", {"token": tokens.minted()})
        yield browser


@pytest.fixture
def seat(office):
    """Make a browser for whoever the application says is there."""

    def sit(who=ANNA, *, agents=(), **rest) -> Browser:
        return browser_at(inbox_app(office.store, agents=agents, sign_in=lambda _: who, **rest))

    return sit


@pytest.fixture
def at():
    """Make a browser at an app, signed in or not."""
    return browser_at


@pytest.fixture
def read():
    """Give tests the readers of pages."""
    return {"fields": fields_of, "forms": forms_in, "errors": errors_in}


@pytest.fixture
def two_sends():
    return call("send", {"to": "eve@example.org"}), call("send", {"to": "bob@example.org"})
