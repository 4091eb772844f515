"""The contract holds for our own models, and each check catches a model that breaks its promise."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from copilot_kit.errors import Overloaded
from copilot_kit.events import Ended, Event, Failed, PartDelta, PartEnd, PartStart, Started
from copilot_kit.messages import Text, ToolCall, user
from copilot_kit.profile import Profile
from copilot_kit.request import Request
from copilot_kit.testing import (
    CHECKS,
    Check,
    ContractBroken,
    FaultModel,
    FunctionModel,
    Subject,
    call,
    check_model,
    cut,
    pause,
    say,
    think,
)
from copilot_kit.testing import contract as promises


def talking() -> FunctionModel:
    return FunctionModel(lambda _: [think("let me see"), "Hello, ", "world."], chunk_chars=3)


def calling() -> FunctionModel:
    return FunctionModel(lambda _: [say("Looking."), call("a", {"x": 1}), call("b", {"y": [2]})], chunk_chars=3)


def cut_in_a_call() -> FaultModel:
    return FaultModel(calling(), [cut(after_events=9)])


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("opened", [talking, calling])
async def test_own_models_keep_the_contract(check: Check, opened: Callable[[], FunctionModel]):
    await check(Subject(open=opened, open_cut=cut_in_a_call, on_wire=False))


async def test_check_model_runs_every_check():
    await check_model(Subject(open=talking, on_wire=False))


class Broken:
    """A model whose events are given, whatever they are."""

    id = "broken:model"
    profile = Profile()

    def __init__(self, change: Callable[[list[Event]], list[Event]]):
        self._change = change

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        good = [event async for event in calling().stream(request)]
        for event in self._change(good):
            yield event


def without(kind: type) -> Callable[[list[Event]], list[Event]]:
    return lambda events: [event for event in events if not isinstance(event, kind)]


def twice(kind: type) -> Callable[[list[Event]], list[Event]]:
    return lambda events: [copy for event in events for copy in ([event] * (1 + isinstance(event, kind)))]


def other_words(events: list[Event]) -> list[Event]:
    return [PartEnd(e.index, Text(text="else")) if isinstance(e, PartEnd) and e.index == 0 else e for e in events]


def lost_delta(events: list[Event]) -> list[Event]:
    first = next(event for event in events if isinstance(event, PartDelta))
    return [event for event in events if event is not first]


def partial_at_end(events: list[Event]) -> list[Event]:
    last = events[-1]
    assert isinstance(last, Ended)
    return [*events[:-1], Ended(last.response.model_copy(update={"state": "partial"}))]


@pytest.mark.parametrize(
    ("check", "change"),
    [
        (promises.started_comes_first_and_once, without(Started)),
        (promises.started_comes_first_and_once, twice(Started)),
        (promises.it_ends_once_and_last, twice(Ended)),
        (promises.it_ends_once_and_last, without(Ended)),
        (promises.every_part_is_opened_and_closed_once, without(PartEnd)),
        (promises.every_part_is_opened_and_closed_once, without(PartStart)),
        (promises.every_part_is_opened_and_closed_once, twice(PartEnd)),
        (promises.the_parts_told_are_the_parts_of_the_response, other_words),
        (promises.the_pieces_add_up_to_the_parts, lost_delta),
        (promises.a_complete_answer_says_so, partial_at_end),
        (promises.what_it_cannot_send_is_reported, lambda events: events),
    ],
)
async def test_each_check_catches_its_breach(check: Check, change: Callable[[list[Event]], list[Event]]):
    with pytest.raises(ContractBroken, match="Broken promise"):
        await check(Subject(open=lambda: Broken(change)))


class Forgetful(Broken):
    """Starts a task and leaves it."""

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        self.task = asyncio.create_task(asyncio.sleep(3600))
        async for event in super().stream(request):
            yield event


async def test_a_task_left_behind_is_caught():
    model = Forgetful(list)
    with pytest.raises(ContractBroken, match="leaves nothing running"):
        await promises.closing_early_leaves_nothing_running(Subject(open=lambda: model))
    model.task.cancel()


class Raising(Broken):
    """Raises what it should yield."""

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        raise Overloaded(request.delivery)
        yield


async def test_a_raised_model_error_is_caught():
    subject = Subject(open=talking, open_cut=lambda: Raising(list))
    with pytest.raises(ContractBroken, match="must not raise"):
        await promises.a_lost_line_is_a_typed_failure(subject)


async def test_a_call_from_half_a_stream_is_caught():
    def failed_with_calls(events: list[Event]) -> list[Event]:
        last = events[-1]
        assert isinstance(last, Ended)
        assert any(isinstance(part, ToolCall) for part in last.response.message.parts)
        return [*events[:-1], Failed(Overloaded("cut", started=True), last.response)]

    subject = Subject(open=talking, open_cut=lambda: Broken(failed_with_calls))
    with pytest.raises(ContractBroken, match="partial"):
        await promises.half_a_stream_gives_no_calls(subject)


async def test_a_model_that_answers_differently_the_second_time_is_caught():
    def opened() -> FunctionModel:
        answers = iter(["one", "two", "three"])
        return FunctionModel(lambda _: next(answers))

    with pytest.raises(ContractBroken, match="nothing is kept"):
        await promises.it_keeps_nothing_between_requests(Subject(open=opened))


async def test_repeated_call_ids_are_caught():
    def opened() -> FunctionModel:
        return FunctionModel(lambda _: call("a", call_id="call_0"))

    with pytest.raises(ContractBroken, match="unique"):
        await promises.call_ids_are_never_repeated(Subject(open=opened))


async def test_whole_delivery_that_says_something_else_is_caught():
    subject = Subject(open=lambda: FunctionModel(lambda request: request.delivery))
    with pytest.raises(ContractBroken, match="whole delivery"):
        await promises.whole_delivery_gives_the_same_answer(subject)


async def test_a_cancelled_pause_ends_at_once():
    def opened() -> FunctionModel:
        return FunctionModel(lambda _: ["Hel", pause(), "lo"])

    request = Request(messages=(user("hi"),))
    await promises.cancelling_leaves_nothing_running(Subject(open=opened, request=request))
