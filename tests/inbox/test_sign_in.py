"""Who is there: nothing is shown to nobody, a token is good once, a header only from the proxy that was named."""

import pytest

from copilot_kit import Principal
from copilot_kit.errors import UsageError
from copilot_kit.inbox import OneTimeTokens, inbox_app, proxy_header
from copilot_kit.testing import call

ANNA = Principal(id="anna", authenticated="token")
PATHS = (
    "/",
    "/runs",
    "/runs/run_1",
    "/rules",
    "/audit",
    "/trust",
    "/events",
    "/api/v1/waiting",
    "/api/v1/openapi.json",
)


@pytest.mark.parametrize("path", PATHS)
async def test_nobody_sees_nothing(office, at, path):
    await office.waiting(call("send", {"to": "eve@example.org"}))
    answer = await at(inbox_app(office.store, sign_in=OneTimeTokens())).get(path)
    assert answer.status_code in {303, 401}
    assert "eve" not in answer.text
    assert (await at(inbox_app(office.store, sign_in=lambda _: None)).get(path)).status_code == 401


async def test_a_token_is_good_for_one_browser(office, at):
    tokens = OneTimeTokens(principal=ANNA)
    app, token = inbox_app(office.store, sign_in=tokens), tokens.minted()
    first, second = at(app), at(app)
    answer = await first.post("/sign-in", {"token": token})
    assert answer.status_code == 303
    assert answer.headers["set-cookie"].endswith("HttpOnly; Path=/; SameSite=strict")
    assert token not in str(answer.headers)
    assert (await second.post("/sign-in", {"token": token})).status_code == 403
    assert ((await first.get("/")).status_code, (await second.get("/")).status_code) == (200, 303)


@pytest.mark.parametrize("token", ["", "wrong", "é" * 40, "x" * 100_000])
async def test_a_token_that_is_not_ours_opens_nothing(office, at, token):
    tokens = OneTimeTokens(principal=ANNA)
    tokens.minted()
    browser = at(inbox_app(office.store, sign_in=tokens))
    assert (await browser.post("/sign-in", {"token": token})).status_code == 403
    assert (await browser.get("/")).status_code == 303


async def test_a_token_in_an_address_opens_nothing(office, at):
    tokens = OneTimeTokens(principal=ANNA)
    token = tokens.minted()
    browser = at(inbox_app(office.store, sign_in=tokens))
    for path in (f"/?token={token}", f"/sign-in?token={token}", f"/api/v1/waiting?token={token}"):
        answer = await browser.get(path)
        assert "set-cookie" not in answer.headers
    assert (await browser.get("/")).status_code == 303


async def test_a_session_ends_by_itself_and_when_its_owner_signs_out(office, at):
    now = [0.0]
    tokens = OneTimeTokens(principal=ANNA, clock=lambda: now[0])
    app = inbox_app(office.store, sign_in=tokens)
    early, late = at(app), at(app)
    for browser in (early, late):
        await browser.post("/sign-in", {"token": tokens.minted()})
    await early.post("/sign-out", await early.form("/", "/sign-out"))
    assert ((await early.get("/")).status_code, (await late.get("/")).status_code) == (303, 200)
    now[0] = 12 * 3600 + 1
    assert (await late.get("/")).status_code == 303


async def test_a_link_opened_from_a_mail_leads_on_after_the_sign_in_page(office, at):
    browser = at(inbox_app(office.store, sign_in=OneTimeTokens()))
    answer = await browser.get("/cards/run_1/prop_1")
    assert answer.headers["location"] == "/sign-in?to=/cards/run_1/prop_1"
    assert 'href="/cards/run_1/prop_1"' in (await browser.get(answer.headers["location"])).text
    for elsewhere in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"):
        page = await browser.get("/sign-in", params={"to": elsewhere})
        assert "evil" not in page.text
        assert "alert" not in page.text


async def test_a_proxys_header_is_believed_from_that_proxy_only(office, at):
    sign_in = proxy_header("X-User", trusted=["127.0.0.1"], groups_header="X-Groups")
    believed = at(inbox_app(office.store, sign_in=sign_in), **{"x-user": "anna", "x-groups": "finance, support"})
    assert ">anna<" in (await believed.get("/")).text
    other = proxy_header("X-User", trusted=["10.0.0.0/8"])
    assert (await at(inbox_app(office.store, sign_in=other), **{"x-user": "anna"}).get("/")).status_code == 401


async def test_a_header_that_is_there_twice_is_nobodys(office, at):
    browser = at(inbox_app(office.store, sign_in=proxy_header("X-User", trusted=["127.0.0.1"])))
    answer = await browser.client.get("/", headers=[("x-user", "anna"), ("x-user", "admin")])
    assert answer.status_code == 401


def test_a_proxy_without_an_address_is_wrong_use():
    with pytest.raises(UsageError, match="believes nobody"):
        proxy_header("X-User", trusted=[])


async def test_a_sign_in_may_wait_for_its_answer(office, at):
    async def sign_in(_):
        return ANNA

    assert (await at(inbox_app(office.store, sign_in=sign_in)).get("/")).status_code == 200
