"""How many requests are on their way: what raises it, what lowers it, what pauses it."""

import asyncio
from collections.abc import Callable

from copilot_kit.errors import Overloaded, RateLimited, TransportFailed
from copilot_kit_evals.concurrency import Lane, Lanes, Turn
from copilot_kit_evals.quotas import quota_of


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def tried(lane: Lane, told: Callable[[Turn], None]) -> None:
    turn = await lane.enter()
    told(turn)
    lane.leave()


async def test_it_doubles_a_round_until_the_first_no_and_then_adds_one_a_round():
    clock = Clock()
    lane = Lane(first=4, most=100, clock=clock)
    for _ in range(4):
        await tried(lane, lambda _: lane.succeeded())
    assert lane.limit == 8
    await tried(lane, lambda turn: lane.failed(RateLimited("no", retry_after_s=0), turn))
    assert lane.limit == 4  # 8 * 0.6
    for _ in range(4):
        await tried(lane, lambda _: lane.succeeded())
    assert lane.limit == 5


async def test_many_noes_of_one_round_cut_once():
    lane = Lane(first=10, clock=Clock())
    turns = [await lane.enter() for _ in range(10)]
    for turn in turns:
        lane.failed(RateLimited("no", retry_after_s=0), turn)
        lane.leave()
    assert lane.limit == 6


async def test_nothing_is_sent_before_the_time_that_the_provider_names():
    lane = Lane(first=2)
    await tried(lane, lambda turn: lane.failed(RateLimited("no", retry_after_s=0.05), turn))
    assert lane.paused_s > 0
    turn = await lane.enter()
    assert turn.waited_s >= 0.045


async def test_an_overloaded_server_is_left_alone_for_longer_each_time_and_keeps_its_limit():
    clock = Clock()
    lane = Lane(first=8, clock=clock)
    pauses = []
    for _ in range(3):
        turn = await lane.enter()
        lane.failed(Overloaded("busy"), turn)
        lane.leave()
        pauses.append(lane.paused_s)
        clock.now += lane.paused_s
    assert pauses == [1.0, 2.0, 4.0]
    assert lane.limit == 8
    lane.succeeded()
    lane.failed(Overloaded("busy"), await lane.enter())
    assert lane.paused_s == 1.0


async def test_a_lost_connection_changes_nothing():
    lane = Lane(first=8, clock=Clock())
    lane.failed(TransportFailed("cut"), await lane.enter())
    assert (lane.limit, lane.paused_s) == (8, 0.0)


async def test_no_more_than_the_limit_are_on_their_way_and_all_get_their_turn_in_order():
    lane, most, order = Lane(first=3, most=3), 0, []

    async def one(number: int) -> None:
        nonlocal most
        await lane.enter()
        most = max(most, lane.busy)
        order.append(number)
        await asyncio.sleep(0)
        lane.leave()

    await asyncio.gather(*(one(n) for n in range(20)))
    assert most == 3
    assert order == list(range(20))
    assert lane.busy == 0


async def test_whoever_is_cancelled_while_waiting_leaves_its_turn_to_others():
    lane = Lane(first=1, most=1)
    await lane.enter()
    waiting = [asyncio.create_task(lane.enter()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    lane.leave()
    waiting[1].cancel()  # it may have its turn already, and never takes it
    await asyncio.wait_for(waiting[2], 1)
    assert lane.busy == 1


async def test_whoever_is_passed_over_since_it_was_cancelled_is_cancelled_and_nothing_else():
    lane = Lane(first=1, most=1)
    await lane.enter()
    waiting = [asyncio.create_task(lane.enter()) for _ in range(2)]
    await asyncio.sleep(0)
    for one in waiting:
        one.cancel()
    lane.leave()
    await asyncio.wait(waiting)
    assert [one.cancelled() for one in waiting] == [True, True]
    assert lane.busy == 0


async def test_a_quota_that_runs_out_slows_down_before_anybody_says_no():
    lane = Lane(first=8, clock=Clock())
    lane.quota(3, 60.0)
    assert (lane.limit, lane.paused_s) == (3, 0.0)
    lane.quota(0, 60.0)
    assert lane.paused_s == 60.0


def test_quotas_are_read_from_the_headers_of_both_great_dialects():
    openai = {"x-ratelimit-remaining-requests": "5", "x-ratelimit-reset-requests": "1m2s"}
    assert quota_of(openai) == (5, 62.0)
    anthropic = {
        "anthropic-ratelimit-requests-remaining": "7",
        "anthropic-ratelimit-requests-reset": "2020-01-01T00:00:00Z",
    }
    assert quota_of(anthropic) == (7, 0.0)
    assert quota_of({**openai, "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "3s"}) == (0, 3.0)
    assert quota_of({"x-ratelimit-remaining-requests": "many"}) is None


def test_models_in_this_process_answer_one_after_the_other():
    assert Lanes().lane("local:a").limit == 1
    assert Lanes().lane("openai:a").limit == 8
    assert Lanes(3).lane("local:a").limit == 3


async def test_a_pause_is_told_of_with_its_model_its_length_and_its_reason():
    told: list[tuple[str, float, str]] = []
    lanes = Lanes(paused=lambda *pause: told.append(pause))
    lane = lanes.lane("openai:a")
    for error in (Overloaded("busy"), RateLimited("slow down", retry_after_s=47.0), Overloaded("busy")):
        lane.failed(error, Turn(len(told), 0.0))
    assert told == [("openai:a", 1.0, "busy"), ("openai:a", 47.0, "slow down")]  # the third one ends before the second
