"""The fault model: each fault as real servers show it, in the order or by the seed given."""

import asyncio

import pytest

from copilot_kit.errors import BadAnswer, Overloaded, RateLimited, TransportFailed
from copilot_kit.events import Failed, PartDelta
from copilot_kit.messages import user
from copilot_kit.model import complete
from copilot_kit.request import Request
from copilot_kit.testing import (
    Fault,
    FaultModel,
    FunctionModel,
    at_random,
    bad_json,
    broken_args,
    call,
    cut,
    overloaded,
    rate_limited,
    say,
    stall,
)

ASK = Request(messages=(user("hi"),))


def model(*faults: Fault | None, answer=lambda _: [say("Hello, world."), call("a", {"b": 1})]):
    return FaultModel(FunctionModel(answer, chunk_chars=5), faults)


async def test_faults_come_one_a_request_and_then_no_more():
    faulty = model(rate_limited(retry_after_s=2.0), None, overloaded(), bad_json())
    outcomes = [(await anext_end(faulty)) for _ in range(5)]
    assert outcomes == [RateLimited, None, Overloaded, BadAnswer, None]
    assert len(faulty.requests) == 5


async def anext_end(faulty):
    *_, last = [event async for event in faulty.stream(ASK)]
    return type(last.error) if isinstance(last, Failed) else None


async def test_a_rate_limit_names_the_time_to_wait():
    with pytest.raises(RateLimited) as caught:
        await complete(model(rate_limited(retry_after_s=2.0)), ASK)
    assert (caught.value.retry_after_s, caught.value.status, caught.value.started) == (2.0, 429, False)


async def test_a_cut_keeps_what_came_and_gives_no_calls():
    for after in range(1, 10):
        with pytest.raises(TransportFailed) as caught:
            await complete(model(cut(after_events=after)), ASK)
        partial = caught.value.partial
        assert caught.value.started
        assert partial.state == "partial"
        assert partial.calls == ()
    assert partial.message.parts[1].kind == "copilot_kit.partial_tool_call"


async def test_a_cut_keeps_the_words_of_an_open_part():
    *events, failed = [event async for event in model(cut(after_events=4)).stream(ASK)]
    assert [event.text for event in events if isinstance(event, PartDelta)] == ["Hello", ", wor"]
    assert failed.partial.text == "Hello, wor"


async def test_a_cut_before_the_first_event_is_no_partial_answer():
    (failed,) = [event async for event in model(cut(after_events=0)).stream(ASK)]
    assert (failed.partial, failed.error.started) == (None, False)


async def test_a_stall_is_silent_until_somebody_gives_up():
    heard = []

    async def listen():
        async for event in model(stall(after_events=2)).stream(ASK):
            heard.append(event)  # noqa: PERF401  what was heard counts when it is cut off

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(listen(), timeout=0.05)
    assert len(heard) == 2


async def test_a_short_stall_goes_on():
    assert (await complete(model(stall(seconds=0.001)), ASK)).text == "Hello, world."


async def test_broken_arguments_are_broken_and_the_answer_is_whole():
    response = await complete(model(broken_args()), ASK)
    assert response.state == "complete"
    assert response.calls[0].args_json == '{"b": 1'


async def test_random_faults_are_the_same_for_the_same_seed():
    async def outcomes(seed: int):
        faulty = FaultModel(FunctionModel(lambda _: "Hello."), at_random(rate=0.5, seed=seed))
        return [await anext_end(faulty) for _ in range(40)]

    assert await outcomes(1) == await outcomes(1)
    assert await outcomes(1) != await outcomes(2)
    assert 10 < sum(outcome is not None for outcome in await outcomes(3)) < 30
