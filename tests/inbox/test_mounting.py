"""In another application: under a prefix, with its sign-in, and links that stay under the prefix."""

import re

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from copilot_kit import Principal
from copilot_kit.inbox import OneTimeTokens, inbox_app
from copilot_kit.testing import call

HERE = "http://support.example"


@pytest.fixture
def whoever():
    """An application's own sign-in: the name that its middleware left behind."""

    def sign_in(request):
        name = request.cookies.get("user")
        return None if name is None else Principal(id=name, authenticated="session", groups=("support",))

    return sign_in


async def test_everything_works_under_a_prefix(office, at, whoever):
    _, run = await office.waiting(call("send", {"to": "eve@example.org"}))
    inbox = inbox_app(office.store, sign_in=whoever, hosts=["support.example"])
    browser = at(Starlette(routes=[Mount("/desk/inbox", inbox)]), base=HERE, cookie="user=carla")
    listed = (await browser.get("/desk/inbox/")).text
    addresses = re.findall(r'(?:href|action|src)="([^"]*)"', listed)
    assert [one for one in addresses if not one.startswith(("/desk/inbox/", "?", "#"))] == []
    card = f"/desk/inbox/cards/run_1/{run.proposals[0].id}"
    assert card in addresses
    assert (await browser.get("/desk/inbox/static/inbox.js")).status_code == 200
    answer = await browser.post(f"{card}/decide", await browser.form(card, "/decide"))
    assert answer.headers["location"] == card
    assert "approved by <strong>carla</strong>" in (await browser.get(card)).text
    described = (await browser.get("/desk/inbox/api/v1/openapi.json")).json()
    assert described["servers"] == [{"url": "/desk/inbox/api/v1"}]


async def test_a_fastapi_application_mounts_it(office, at, whoever):
    fastapi = pytest.importorskip("fastapi")
    application = fastapi.FastAPI()
    application.mount("/inbox", inbox_app(office.store, sign_in=whoever, hosts=["support.example"]))
    await office.waiting(call("send", {"to": "eve@example.org"}))
    assert "eve@example.org" in (await at(application, base=HERE, cookie="user=carla").get("/inbox/")).text
    assert (await at(application, base=HERE).get("/inbox/")).status_code == 401


async def test_the_sign_in_page_is_not_there_where_the_application_has_its_own(office, at, whoever):
    browser = at(inbox_app(office.store, sign_in=whoever, hosts=["support.example"]), base=HERE, cookie="user=carla")
    assert (await browser.get("/sign-in")).status_code == 404
    assert (await browser.post("/sign-in", {"token": "x"})).status_code == 404


async def test_the_cookie_of_a_mounted_inbox_stays_under_its_prefix(office, at):
    tokens = OneTimeTokens()
    browser = at(Starlette(routes=[Mount("/inbox", inbox_app(office.store, sign_in=tokens))]))
    answer = await browser.post("/inbox/sign-in", {"token": tokens.minted()})
    assert "Path=/inbox/;" in answer.headers["set-cookie"]
    assert answer.headers["location"] == "/inbox/"


async def test_ids_with_odd_signs_have_addresses_of_their_own(office, at, whoever):
    _, run = await office.waiting(call("send", {"to": "eve@example.org"}), run_id="ticket/17 50%?#é")
    browser = at(inbox_app(office.store, sign_in=whoever, hosts=["support.example"]), base=HERE, cookie="user=carla")
    (card,) = re.findall(r'class="open" href="([^"]+)"', (await browser.get("/")).text)
    answer = await browser.post(f"{card}/decide", await browser.form(card, "/decide"))
    assert answer.status_code == 303
    assert (await browser.get(card.replace("cards", "runs").rsplit("/", 1)[0])).status_code == 200
    entries = await office.store.read(run.id)
    assert entries[-1].head.kind == "decided"
