"""What the retry layer promises: patience as asked, never a second answer on top of a first."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from copilot_kit.errors import (
    AuthFailed,
    BadAnswer,
    ModelError,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    TimedOut,
    TransportFailed,
)
from copilot_kit.events import Ended, Event, Failed, PartDelta, Started, closing
from copilot_kit.messages import Text, user
from copilot_kit.model import complete
from copilot_kit.profile import Profile
from copilot_kit.request import Request, Settings
from copilot_kit.response import Attempt
from copilot_kit.retry import Retry
from copilot_kit.testing import (
    CHECKS,
    Check,
    FaultModel,
    FunctionModel,
    ScriptedModel,
    Subject,
    cut,
    pause,
    rate_limited,
    say,
)

ASK = Request(messages=(user("hi"),))


class Time:
    """A clock that only sleeping moves, and a list of the sleeps."""

    def __init__(self):
        self.now = 0.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def patient(model, time: Time, *, chance: float = 0.0, **limits: float) -> Retry:
    return Retry(model, clock=time.clock, sleep=time.sleep, chance=lambda: chance, **limits)


async def test_an_answer_at_once_is_passed_on_as_it_is():
    time = Time()
    response = await complete(patient(ScriptedModel("Hello."), time), ASK)
    assert (response.text, response.attempts, time.slept) == ("Hello.", (), [])


async def test_it_waits_as_long_as_the_provider_says():
    time = Time()
    model = ScriptedModel(RateLimited("slow down", retry_after_s=7.5), "Hello.")
    response = await complete(patient(model, time), ASK)
    assert (response.text, time.slept) == ("Hello.", [7.5])


async def test_jitter_only_adds_to_what_the_provider_says():
    time = Time()
    model = ScriptedModel(RateLimited("slow down", retry_after_s=10.0), "Hello.")
    await complete(patient(model, time, chance=1.0), ASK)
    assert time.slept == [11.0]


async def test_without_word_from_the_provider_each_wait_is_twice_the_last():
    time = Time()
    model = ScriptedModel(Overloaded("busy"), Overloaded("busy"), Overloaded("busy"), "Hello.")
    await complete(patient(model, time, chance=1.0, first_wait_s=0.5), ASK)
    assert time.slept == [0.5, 1.0, 2.0]


async def test_jitter_halves_a_wait_at_most():
    time = Time()
    await complete(patient(ScriptedModel(Overloaded("busy"), "Hello."), time, chance=0.0, first_wait_s=0.5), ASK)
    assert time.slept == [0.25]


async def test_the_attempts_are_on_the_response():
    model = ScriptedModel(RateLimited("slow down", retry_after_s=3.0), BadAnswer("html"), "Hello.")
    response = await complete(patient(model, Time(), chance=1.0), ASK)
    assert response.attempts == (
        Attempt(model="scripted:model", error="RateLimited", message="slow down", waited_s=3.3000000000000003),
        Attempt(model="scripted:model", error="BadAnswer", message="html", waited_s=1.0),
        Attempt(model="scripted:model"),
    )


async def test_it_gives_up_after_so_many_attempts_with_the_last_error():
    time = Time()
    model = ScriptedModel(Overloaded("one"), Overloaded("two"), Overloaded("three"), "never asked for")
    with pytest.raises(Overloaded, match="three") as caught:
        await complete(patient(model, time, attempts=3), ASK)
    assert len(model.requests) == 3
    assert caught.value.__notes__ == ["asked 3 times in 0.8 s"]


@pytest.mark.parametrize("error", [AuthFailed("no key"), QuotaExceeded("no money")])
async def test_what_waiting_does_not_heal_is_asked_once(error: ModelError):
    time = Time()
    model = ScriptedModel(error, "never asked for")
    with pytest.raises(type(error)):
        await complete(patient(model, time), ASK)
    assert (len(model.requests), time.slept) == (1, [])


async def test_a_stream_that_has_begun_is_never_asked_for_again():
    model = ScriptedModel([say("Hel"), TransportFailed("cut")], "never asked for")
    events = [event async for event in patient(model, Time()).stream(ASK)]
    last = events[-1]
    assert isinstance(last, Failed)
    assert last.error.started
    assert last.partial is not None
    assert (last.partial.text, len(model.requests)) == ("Hel", 1)


class StartedThenFailed:
    """The head of the answer came, and then an error instead of output, as in an error inside a stream."""

    id = "late:model"
    profile = Profile()

    def __init__(self):
        self.asked = 0

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        self.asked += 1
        async for event in ScriptedModel("Hello.").stream(request):
            yield event
            if isinstance(event, Started) and self.asked == 1:
                yield Failed(Overloaded("busy"))
                return


async def test_an_error_after_the_head_but_before_any_output_is_retried_and_told_once():
    model = StartedThenFailed()
    events = [event async for event in patient(model, Time()).stream(ASK)]
    assert [type(event).__name__ for event in events] == ["Started", "PartStart", "PartDelta", "PartEnd", "Ended"]
    assert model.asked == 2


async def test_it_never_waits_beyond_the_deadline():
    time = Time()
    model = ScriptedModel(RateLimited("slow down", retry_after_s=6.0), "never asked for")
    request = Request(messages=(user("hi"),), settings=Settings(deadline_s=5.0))
    with pytest.raises(RateLimited):
        await complete(patient(model, time), request)
    assert (time.slept, len(model.requests)) == ([], 1)


async def test_each_attempt_gets_what_is_left_of_the_deadline():
    model = ScriptedModel(RateLimited("slow down", retry_after_s=2.0), "Hello.")
    request = Request(messages=(user("hi"),), settings=Settings(deadline_s=5.0))
    await complete(patient(model, Time()), request)
    assert [seen.settings.deadline_s for seen in model.requests] == [5.0, 3.0]


async def test_a_wait_longer_than_the_longest_is_not_cut_short_but_given_up():
    time = Time()
    model = ScriptedModel(RateLimited("come back tomorrow", retry_after_s=86400.0), "never asked for")
    with pytest.raises(RateLimited, match="tomorrow"):
        await complete(patient(model, time, max_wait_s=60.0), ASK)
    assert time.slept == []


async def test_a_timeout_before_output_is_retried():
    model = ScriptedModel(TimedOut("silence", phase="first_event"), "Hello.")
    assert (await complete(patient(model, Time()), ASK)).text == "Hello."


async def test_cancelling_while_it_waits_ends_it_at_once():
    async def forever(_: float) -> None:
        await asyncio.get_running_loop().create_future()

    model = ScriptedModel(Overloaded("busy"), "never asked for")
    task = asyncio.ensure_future(complete(Retry(model, sleep=forever), ASK))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(model.requests) == 1


async def test_closing_it_closes_the_model_under_it():
    closed = []

    class Watched(ScriptedModel):
        async def stream(self, request: Request) -> AsyncIterator[Event]:
            try:
                async for event in super().stream(request):
                    yield event
            finally:
                closed.append(True)

    async with closing(Retry(Watched([say("Hello."), pause()])).stream(ASK)) as events:
        async for event in events:
            if isinstance(event, PartDelta):
                break
    assert closed == [True]


async def test_two_hundred_seeded_faults_end_in_the_same_answer():
    from copilot_kit.testing import at_random, bad_json, overloaded

    for seed in range(20):
        faulty = FaultModel(
            FunctionModel(lambda _: "Hello."), at_random((overloaded, bad_json, rate_limited), rate=0.5, seed=seed)
        )
        for _ in range(10):
            response = await complete(patient(faulty, Time(), attempts=30), ASK)
            assert response.message.parts == (Text(text="Hello."),)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_it_keeps_the_contract_over_a_model_that_fails_first(check: Check):
    def opened() -> Retry:
        once = FaultModel(FunctionModel(lambda _: ["Hello, ", "world."]), [rate_limited(0.5)])
        return patient(once, Time())

    def opened_cut() -> Retry:
        return patient(FaultModel(FunctionModel(lambda _: "Hello."), [cut(after_events=3)]), Time())

    await check(Subject(open=opened, open_cut=opened_cut, on_wire=False))


async def test_a_failure_in_mid_answer_keeps_the_attempts_before_it():
    model = ScriptedModel(RateLimited("slow down", retry_after_s=1.0), [say("Hel"), TransportFailed("cut")])
    events = [event async for event in patient(model, Time()).stream(ASK)]
    last = events[-1]
    assert not isinstance(last, Ended)
    assert isinstance(last, Failed)
    assert last.partial is not None
    assert [attempt.error for attempt in last.partial.attempts] == ["RateLimited", "TransportFailed"]


async def test_holding_back_lets_it_ask_again_for_what_broke_off():
    model = ScriptedModel([say("Hel"), TransportFailed("cut")], "Hello.")
    events = [event async for event in patient(model, Time(), hold=True).stream(ASK)]
    assert [event.text for event in events if isinstance(event, PartDelta)] == ["Hello."]
    last = events[-1]
    assert isinstance(last, Ended)
    assert [attempt.error for attempt in last.response.attempts] == ["TransportFailed", None]


async def test_what_breaks_off_each_time_fails_with_the_last_partial_answer():
    model = ScriptedModel([say("Hel"), TransportFailed("cut")], [say("Hell"), TransportFailed("cut again")])
    events = [event async for event in patient(model, Time(), hold=True, attempts=2).stream(ASK)]
    assert [event.text for event in events if isinstance(event, PartDelta)] == ["Hell"]
    last = events[-1]
    assert isinstance(last, Failed)
    assert last.partial is not None
    assert (str(last.error), last.partial.text) == ("cut again", "Hell")


async def test_a_deadline_of_nothing_leaves_no_second_attempt():
    model = ScriptedModel(Overloaded("busy"), "never asked for")
    request = Request(messages=(user("hi"),), settings=Settings(deadline_s=0.0))
    with pytest.raises(Overloaded):
        await complete(patient(model, Time()), request)
    assert len(model.requests) == 1
