"""The HTTP API: what the pages can do, for programs, as JSON, by the same rules."""

import json
import re

import pytest
from openapi_spec_validator import validate
from starlette.routing import Route

from copilot_kit import Principal
from copilot_kit.inbox import inbox_app
from copilot_kit.inbox.openapi import OPERATIONS, PREFIX, description
from copilot_kit.testing import call

BOT = Principal(id="bot", authenticated="token")
TOKEN = {"authorization": "Bearer s3cret"}


@pytest.fixture
def program(office, seat):
    """A program with a token, no cookie, and no Origin."""
    browser = seat(None, tokens={"s3cret": BOT})
    del browser.client.headers["origin"]
    browser.client.headers.update(TOKEN)
    return browser.client


async def asked(office, *calls, **rest):  # noqa: ANN002, ANN003
    _, run = await office.waiting(*(calls or (call("send", {"to": "eve@example.org"}),)), **rest)
    return [f"{PREFIX}/runs/run_1/proposals/{one.id}" for one in run.proposals], run


def test_the_description_is_openapi():
    validate(description())


def test_every_route_is_described_and_everything_described_is_a_route(office):
    app = inbox_app(office.store, sign_in=lambda _: BOT)._app
    mounted = [route for route in app.routes if isinstance(route, Route) and route.path.startswith(PREFIX)]
    routes = {(route.path.removeprefix(PREFIX), how.lower()) for route in mounted for how in route.methods - {"HEAD"}}
    described = {(path, method) for path, methods in description()["paths"].items() for method in methods}
    assert routes == described
    assert len(described) == len(OPERATIONS) + 1


def test_every_operation_says_what_it_does_under_a_name_of_its_own():
    summaries = [(one.act.__name__, (one.act.__doc__ or "").strip()) for one in OPERATIONS]
    assert all(words for _, words in summaries)
    assert len({name for name, _ in summaries}) == len(OPERATIONS)


async def test_the_description_names_where_it_is_mounted(program):
    answer = await program.get(f"{PREFIX}/openapi.json")
    assert answer.json()["servers"] == [{"url": "/api/v1"}]


async def test_a_program_lists_reads_and_decides(office, program):
    (card,), run = await asked(office)
    listed = (await program.get(f"{PREFIX}/waiting")).json()
    shown = (await program.get(card)).json()["proposal"]
    answer = await program.post(f"{card}/decide", json={"verdict": "approve", "call_digest": shown["call_digest"]})
    (decision,) = answer.json()["decisions"]
    assert (listed["count"], listed["waiting"][0]["id"]) == (1, run.proposals[0].id)
    assert (decision["verdict"], decision["by"]["id"], decision["channel"]) == ("approve", "bot", "api")
    assert (await program.get(card)).json()["state"] == "approved"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"verdict":"approve"}', 422),
        ('{"verdict":"yes","call_digest":"x"}', 422),
        ('{"verdict":"approve","call_digest":"' + "0" * 64 + '"}', 409),
        ('{"verdict":"approve","call_digest":"x","by":{"id":"root"}}', 422),
        ('{"verdict":"reject","verdict":"approve","call_digest":"x"}', 422),
        ("approve", 422),
        ("", 422),
        ("\udcff".encode("utf-8", "surrogateescape"), 422),
    ],
)
async def test_what_is_no_decision_on_what_was_shown_decides_nothing(office, program, body, status):
    (card,), _ = await asked(office)
    answer = await program.post(f"{card}/decide", content=body)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert (await program.get(card)).json()["state"] == "pending"


async def test_a_second_decision_is_told_of_the_first(office, program):
    (card,), run = await asked(office)
    said = {"verdict": "approve", "call_digest": run.proposals[0].call_digest}
    assert (await program.post(f"{card}/decide", json=said)).status_code == 200
    late = await program.post(f"{card}/decide", json=said | {"verdict": "reject"})
    assert late.status_code == 409
    assert "already approved, by bot" in late.json()["error"]


async def test_who_may_not_decide_is_refused(office, program):
    (card,), run = await asked(office, may_decide=("anna",))
    said = {"verdict": "approve", "call_digest": run.proposals[0].call_digest}
    assert (await program.post(f"{card}/decide", json=said)).status_code == 403


async def test_several_are_decided_as_one(office, program, two_sends):
    _, run = await asked(office, *two_sends)
    choices = [{"proposal_id": one.id, "verdict": "approve", "call_digest": one.call_digest} for one in run.proposals]
    wrong = [*choices[:1], choices[1] | {"call_digest": "0" * 64}]
    path = f"{PREFIX}/runs/run_1/decide"
    assert (await program.post(path, json={"choices": wrong})).status_code == 409
    assert (await program.get(f"{PREFIX}/waiting")).json()["count"] == 2
    assert len((await program.post(path, json={"choices": choices})).json()["decisions"]) == 2


async def test_an_edit_is_held_to_the_tools_schema_where_its_agent_is_at_hand(office, seat):
    agent, run = await office.waiting(call("refund", {"order": 7, "amount": 12.5}))
    browser = seat(None, agents=[agent], tokens={"s3cret": BOT})
    browser.client.headers.update(TOKEN)
    path = f"{PREFIX}/runs/run_1/proposals/{run.proposals[0].id}/decide"
    said = {"verdict": "edit", "call_digest": run.proposals[0].call_digest}
    wrong = await browser.client.post(path, json=said | {"arguments": {"order": 7, "amount": "much"}})
    assert (wrong.status_code, "Nothing was decided" in wrong.json()["error"]) == (422, True)
    right = await browser.client.post(path, json=said | {"arguments": {"order": 7, "amount": 3}})
    assert right.json()["decisions"][0]["arguments"] == '{"amount":3.0,"order":7}'


async def test_a_claim_is_taken_shown_and_let_go(office, program):
    (card,), _ = await asked(office)
    held = (await program.put(f"{card}/claim")).json()
    waits = (await program.get(f"{PREFIX}/waiting")).json()["waiting"][0]
    assert (held["yours"], waits["claimed_by"]) == (True, "bot")
    assert (await program.delete(f"{card}/claim")).json() == {"done": True}
    assert (await program.get(f"{PREFIX}/waiting")).json()["waiting"][0]["claimed_by"] is None


async def test_records_are_read_on_from_where_one_was(office, program):
    await asked(office)
    every = (await program.get(f"{PREFIX}/runs/run_1/records")).json()["records"]
    later = (await program.get(f"{PREFIX}/runs/run_1/records?after=2")).json()["records"]
    assert [one["seq"] for one in every] == list(range(len(every)))
    assert later == every[3:]
    assert every[-1]["body"]["proposal"]["tool"] == "send"


async def test_runs_are_listed_verified_and_stopped(office, program):
    await asked(office)
    assert (await program.get(f"{PREFIX}/runs?waiting=true")).json()["runs"][0]["run_id"] == "run_1"
    assert (await program.get(f"{PREFIX}/runs/run_1/verification")).json()["ok"] is True
    assert (await program.post(f"{PREFIX}/runs/run_1/stop", json={"text": "enough"})).json() == {"done": True}
    assert (await program.get(f"{PREFIX}/runs")).json()["runs"][0]["status"] == "stopped"


async def test_a_proposal_is_assigned_and_listed_under_that_name(office, program):
    (card,), _ = await asked(office)
    await program.post(f"{card}/assign", json={"to": "anna"})
    for name, count in (("anna", 1), ("ben", 0)):
        waits = (await program.get(f"{PREFIX}/waiting", params={"assigned_to": name})).json()["waiting"]
        assert len(waits) == count


@pytest.mark.parametrize("done", ['"yes"', "1", "null"])
async def test_booleans_are_strict(office, program, done):
    await asked(office)
    answer = await program.post(f"{PREFIX}/runs/run_1/calls/x/settle", content=f'{{"done":{done}}}')
    assert answer.status_code == 422


async def test_unknown_things_are_not_found(office, program):
    await asked(office)
    for path in ("/runs/other/records", "/runs/run_1/proposals/other", "/nothing"):
        answer = await program.get(f"{PREFIX}{path}")
        assert (answer.status_code, "error" in answer.json()) == (404, True)


async def test_a_wrong_token_is_nobodys_even_beside_a_session(office, anna):
    await asked(office)
    answer = await anna.get(f"{PREFIX}/waiting", headers={"authorization": "Bearer other"})
    assert answer.status_code == 401


async def test_a_session_needs_its_token_for_whatever_changes_something(office, anna):
    (card,), run = await asked(office)
    said = json.dumps({"verdict": "approve", "call_digest": run.proposals[0].call_digest})
    bare = await anna.client.post(f"{card}/decide", content=said)
    assert (bare.status_code, (await anna.get(card)).json()["state"]) == (403, "pending")
    csrf = re.search(r'data-csrf="([^"]+)"', (await anna.get("/")).text)[1]
    answer = await anna.client.post(f"{card}/decide", content=said, headers={"x-csrf-token": csrf})
    assert answer.status_code == 200
