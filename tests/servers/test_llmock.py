"""Our adapters under retry, judged by llmock: it sees each attempt and says how the client behaved."""

import asyncio
import json
from collections.abc import Iterator

import httpx2
import pytest

from copilot_kit.errors import (
    AuthFailed,
    BadAnswer,
    InvalidRequest,
    ModelError,
    Overloaded,
    ProviderFailed,
    RateLimited,
    TimedOut,
    TransportFailed,
)
from copilot_kit.events import Event, Failed
from copilot_kit.messages import ToolCall, user
from copilot_kit.model import Model, complete
from copilot_kit.request import Request, Settings, ToolSpec
from copilot_kit.retry import Retry

pytestmark = pytest.mark.slow

WIRES = ("chat", "responses", "messages")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = ToolSpec(name="get_weather", description="Weather of a city.", parameters=SCHEMA)
SETTINGS = Settings(max_output_tokens=50)
ASK = Request(messages=(user("Say hello to the world"),), settings=SETTINGS)
ASK_TOOL = Request(messages=(user("How is the weather in Paris?"),), tools=(WEATHER,), settings=SETTINGS)


class Chaos:
    """The server's control API."""

    def __init__(self, url: str, client: httpx2.Client):
        self.url = url
        self._client = client
        client.post("/_llmock/reset").raise_for_status()

    def at(self, wire: str) -> str:
        return f"{self.url}/anthropic" if wire == "messages" else self.url

    def plan(self, *behaviours: dict) -> None:
        self._client.post("/_llmock/scenario", json={"behaviors": behaviours}).raise_for_status()

    def verdict(self) -> dict:
        found: dict = self._client.get("/_llmock/verdict").raise_for_status().json()
        return found

    def assert_clean(self, *, attempts: int) -> None:
        found = self.verdict()
        assert found["findings"] == []
        assert found["attempts"] == attempts


@pytest.fixture
def chaos(llmock_url: str) -> Iterator[Chaos]:
    with httpx2.Client(base_url=llmock_url, timeout=10) as client:
        yield Chaos(llmock_url, client)


def fail(status: int, *, times: int = 1, retry_after: float | None = None) -> dict:
    wait = {} if retry_after is None else {"retry_after": retry_after}
    return {"type": "fail", "status": status, "times": times, **wait}


def broken_stream(kind: str, *, after: int = 3, times: int = 1) -> dict:
    return {"type": "stream_fault", "kind": kind, "after_chunks": after, "times": times, "stall_seconds": 4}


def patient(model: Model, *, hold: bool = False, attempts: int = 4) -> Retry:
    return Retry(model, hold=hold, attempts=attempts, first_wait_s=0.2)


async def told(model: Model, request: Request) -> list[Event]:
    return [event async for event in model.stream(request)]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("delivery", ["stream", "whole"])
@pytest.mark.parametrize(
    ("faults", "errors"),
    [
        ([fail(429, times=2, retry_after=0.4)], ["RateLimited", "RateLimited"]),
        ([fail(529)], ["Overloaded"]),
        ([fail(503), fail(500)], ["Overloaded", "ProviderFailed"]),
        ([fail(502), fail(500), fail(429, retry_after=1)], ["ProviderFailed", "ProviderFailed", "RateLimited"]),
    ],
    ids=["429", "529", "503-500", "502-500-429"],
)
async def test_what_heals_is_waited_out_and_the_verdict_is_clean(chaos, opened, wire, delivery, faults, errors):
    request = ASK.model_copy(update={"delivery": delivery})
    expected = (await complete(opened(wire, chaos.at(wire)), request)).text
    chaos.plan(*faults)
    response = await complete(patient(opened(wire, chaos.at(wire))), request)
    assert response.text == expected != ""
    assert [attempt.error for attempt in response.attempts] == [*errors, None]
    chaos.assert_clean(attempts=2 + len(errors))


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("truncate", "TransportFailed"),
        ("disconnect", "TransportFailed"),
        ("malformed", "BadAnswer"),
        ("stall", "TimedOut"),
    ],
)
async def test_a_broken_stream_is_asked_for_again_if_nobody_heard_it(chaos, opened, wire, kind, error):
    expected = (await complete(opened(wire, chaos.at(wire)), ASK)).text
    chaos.plan(broken_stream(kind))
    response = await complete(patient(opened(wire, chaos.at(wire)), hold=True), ASK)
    assert response.text == expected
    assert [attempt.error for attempt in response.attempts] == [error, None]
    chaos.assert_clean(attempts=3)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("kind", "error"),
    [("truncate", TransportFailed), ("disconnect", TransportFailed), ("malformed", BadAnswer), ("stall", TimedOut)],
)
async def test_a_stream_that_breaks_while_it_is_heard_is_ours_and_keeps_what_came(chaos, opened, wire, kind, error):
    chaos.plan(broken_stream(kind, after=8))
    *events, last = await told(patient(opened(wire, chaos.at(wire))), ASK)
    assert isinstance(last, Failed)
    assert type(last.error) is error
    assert last.error.started
    assert last.partial is not None
    assert last.partial.state == "partial"
    assert last.partial.text == "".join(getattr(event, "text", None) or "" for event in events) != ""
    assert chaos.verdict()["attempts"] == 1, "what was heard is not asked for again"


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("kind", ["truncate", "disconnect", "malformed"])
async def test_no_call_ever_comes_of_half_a_stream(chaos, opened, wire, kind):
    whole = await complete(opened(wire, chaos.at(wire)), ASK_TOOL)
    assert [call.name for call in whole.calls] == ["get_weather"]
    for after in range(1, 12):
        chaos.plan(broken_stream(kind, after=after))
        *_, last = await told(opened(wire, chaos.at(wire)), ASK_TOOL)
        if not isinstance(last, Failed):
            break  # the answer was shorter: the fault came after its end
        assert last.partial is None or last.partial.calls == ()
    assert after > 3


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("status", "error"), [(400, InvalidRequest), (401, AuthFailed), (403, AuthFailed), (422, InvalidRequest)]
)
async def test_what_does_not_heal_is_asked_once(chaos, opened, wire, status, error):
    chaos.plan(fail(status, times=9))
    with pytest.raises(error):
        await complete(patient(opened(wire, chaos.at(wire))), ASK)
    chaos.assert_clean(attempts=1)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(("status", "error"), [(500, ProviderFailed), (529, Overloaded), (429, RateLimited)])
async def test_an_outage_is_given_up_after_a_few_attempts_with_growing_waits(chaos, opened, wire, status, error):
    chaos.plan(fail(status, times=99))
    with pytest.raises(error):
        await complete(patient(opened(wire, chaos.at(wire))), ASK)
    chaos.assert_clean(attempts=4)


@pytest.mark.parametrize("wire", WIRES)
async def test_a_longer_wait_than_the_deadline_is_not_begun(chaos, opened, wire):
    chaos.plan(fail(429, retry_after=30))
    hasty = ASK.model_copy(update={"settings": Settings(max_output_tokens=50, deadline_s=2)})
    async with asyncio.timeout(2):
        with pytest.raises(RateLimited) as caught:
            await complete(patient(opened(wire, chaos.at(wire))), hasty)
    assert caught.value.retry_after_s == 30


@pytest.mark.parametrize("wire", WIRES)
async def test_a_stall_ends_within_the_deadline_and_a_second(chaos, opened, wire):
    chaos.plan(broken_stream("stall"))
    hasty = ASK.model_copy(update={"settings": Settings(max_output_tokens=50, deadline_s=0.5)})
    async with asyncio.timeout(1.5):
        with pytest.raises(TimedOut):
            await complete(patient(opened(wire, chaos.at(wire))), hasty)


@pytest.mark.parametrize("wire", WIRES)
async def test_arguments_that_are_no_json_come_as_they_are_and_never_as_none(chaos, opened, wire):
    chaos.plan({"type": "tool_fault", "kind": "malformed_arguments", "times": 1})
    response = await complete(opened(wire, chaos.at(wire)), ASK_TOOL)
    (call,) = [part for part in response.message.parts if isinstance(part, ToolCall)]
    assert call.args_json.startswith("{")
    assert not parses(call.args_json)


def parses(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("wire", WIRES)
async def test_a_storm_of_errors_on_many_calls_at_once_ends_well(chaos, opened, wire):
    chaos.plan(fail(429, times=6, retry_after=0.3), fail(503, times=4))
    model = patient(opened(wire, chaos.at(wire)), attempts=6)
    requests = [ASK.model_copy(update={"messages": (user(f"Say hello to {n}"),)}) for n in range(12)]
    responses = await asyncio.gather(*(complete(model, request) for request in requests))
    assert all(response.text for response in responses)
    chaos.assert_clean(attempts=22)


@pytest.mark.parametrize("wire", WIRES)
async def test_every_error_of_the_server_is_one_of_ours(chaos, opened, wire):
    for status in (400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529):
        chaos.plan(fail(status))
        *_, last = await told(opened(wire, chaos.at(wire)), ASK)
        assert isinstance(last, Failed)
        assert type(last.error) is not ModelError, "a class that says what to do"
        assert last.error.status == status
        assert last.error.retryable == (status in {408, 409, 429, 500, 502, 503, 504, 529})
