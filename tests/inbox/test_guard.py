"""What may pass: the right host, from here, of a sensible size; everything else is refused before any page."""

import re

import pytest
from starlette.routing import Route

from copilot_kit import Principal
from copilot_kit.inbox import inbox_app
from copilot_kit.testing import call

HERE = "http://127.0.0.1:8484"


async def waiting_card(office):
    _, run = await office.waiting(call("send", {"to": "eve@example.org"}))
    return f"/cards/run_1/{run.proposals[0].id}"


async def effects(office):
    return [entry.head.kind for entry in await office.store.read("run_1")][4:]


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example:8484", "localhost.evil.example", "", "169.254.169.254", "127.0.0.1@x"],
)
async def test_a_foreign_host_is_refused(anna, host):
    answer = await anna.get("/", headers={"host": host})
    assert (answer.status_code, "is not this inbox" in answer.text) == (403, True)


@pytest.mark.parametrize("host", ["127.0.0.1:8484", "localhost:1", "[::1]:8484", "LOCALHOST"])
async def test_loopback_names_are_ours_where_no_others_are_given(anna, host):
    assert (await anna.get("/", headers={"host": host, "origin": f"http://{host}"})).status_code == 200


async def test_named_hosts_are_exact(office, seat):
    browser = seat(hosts=["inbox.example:8080"])
    for host, status in (("inbox.example:8080", 200), ("inbox.example", 403), ("127.0.0.1:8484", 403)):
        answer = await browser.get("/", headers={"host": host, "origin": f"http://{host}"})
        assert answer.status_code == status


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://localhost:8484"},
        {"origin": HERE, "sec-fetch-site": "cross-site"},
        {"origin": HERE, "sec-fetch-site": "same-site"},
    ],
)
async def test_a_decision_thought_up_elsewhere_is_refused(office, anna, headers):
    card = await waiting_card(office)
    form = await anna.form(card, "/decide")
    answer = await anna.post(f"{card}/decide", form, headers=headers)
    assert (answer.status_code, await effects(office)) == (403, ["proposed"])


async def test_a_decision_that_does_not_say_where_it_comes_from_is_refused(office, anna):
    card = await waiting_card(office)
    form = await anna.form(card, "/decide")
    del anna.client.headers["origin"]
    answer = await anna.post(f"{card}/decide", form)
    assert (answer.status_code, await effects(office)) == (403, ["proposed"])


@pytest.mark.parametrize("changed", [{"csrf": ""}, {"csrf": "0" * 64}, {"csrf": "é"}, {"nonce": ""}, {"nonce": "a.b"}])
async def test_a_form_without_its_tokens_is_refused(office, anna, changed):
    card = await waiting_card(office)
    form = await anna.form(card, "/decide")
    answer = await anna.post(f"{card}/decide", form | changed)
    assert (answer.status_code, await effects(office)) == (403, ["proposed"])


async def test_the_tokens_of_one_person_are_not_good_for_another(office, anna, seat):
    card = await waiting_card(office)
    form = await seat(Principal(id="ben")).form(card, "/decide")
    answer = await anna.post(f"{card}/decide", form)
    assert (answer.status_code, await effects(office)) == (403, ["proposed"])


async def test_no_get_has_an_effect(office, anna):
    card = await waiting_card(office)
    app = inbox_app(office.store, sign_in=lambda _: Principal(id="anna"))
    routes = app._app.routes
    effective = [route.path for route in routes if isinstance(route, Route) and "GET" not in route.methods]
    assert len(effective) > 15
    for path in effective:
        filled = path.replace("{run_id}", "run_1").replace("{proposal_id}", card.rsplit("/", 1)[1])
        filled = re.sub(r"{\w+}", "x", filled)
        for _ in ("GET", "HEAD"):
            assert (await anna.get(f"{filled}?verdict=approve")).status_code in {200, 404, 405}
    assert await effects(office) == ["proposed"]


async def test_every_answer_has_its_headers(office, anna):
    card = await waiting_card(office)
    for path in ("/", card, "/static/inbox.css", "/nowhere", "/api/v1/waiting"):
        headers = (await anna.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in headers
    refused = (await anna.get("/", headers={"host": "evil.example"})).headers
    assert "default-src 'none'" in refused["content-security-policy"]


async def test_the_pages_hold_nothing_that_the_policy_would_stop(office, anna):
    card = await waiting_card(office)
    for path in ("/", card, f"{card}/rule", "/runs", "/runs/run_1", "/rules", "/audit", "/trust", "/sign-in"):
        page = (await anna.get(path)).text
        assert re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style|javascript:", page) is None, path


async def test_a_body_that_is_too_long_is_refused_before_it_is_read(office, anna):
    card = await waiting_card(office)
    form = await anna.form(card, "/decide")
    answer = await anna.post(f"{card}/decide", form | {"text": "x" * 5_000_000})
    assert (answer.status_code, await effects(office)) == (413, ["proposed"])


async def test_a_body_that_does_not_say_its_length_is_cut_off(office, anna):
    card = await waiting_card(office)

    async def endless():
        for _ in range(100):
            yield b"x" * 100_000

    answer = await anna.client.post(f"{card}/decide", content=endless())
    assert (answer.status_code, await effects(office)) == (413, ["proposed"])


@pytest.mark.parametrize("body", ["a=1&" * 3000, "text=%ED%A0%80", b"text=\xff", "%00=%00", "=&&&=", "verdict"])
async def test_a_form_that_cannot_be_read_is_refused_in_words(office, anna, body):
    card = await waiting_card(office)
    answer = await anna.client.post(f"{card}/decide", content=body)
    assert answer.status_code in {403, 422}
    assert await effects(office) == ["proposed"]


@pytest.mark.parametrize(
    "path", ["/runs/%2500", "/cards/%2500/x", "/runs/..%252f..%252fetc", "/static/..%2f..%2fapp.py", "/%"]
)
async def test_an_odd_address_is_not_found(anna, path):
    assert (await anna.get(path)).status_code == 404
