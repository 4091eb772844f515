"""Seeded plays of agents, persons, crashes and faults: nothing runs unseen, twice, or behind a no; nothing is lost."""

import random

import pytest

from benchmarks.simulation.__main__ import in_sqlite
from benchmarks.simulation.loop import Deadlock, SeededLoop
from benchmarks.simulation.play import play


@pytest.mark.parametrize("first", range(0, 100, 10))
def test_every_promise_holds_in_ten_plays(first: int):
    played = [play(seed) for seed in range(first, first + 10)]
    assert [(one.seed, one.broken) for one in played if one.broken] == []
    assert sum(one.effects for one in played) > 0


def test_a_seed_tells_the_same_story_each_time():
    assert play(11).story == play(11).story
    assert play(11).story != play(12).story


def test_every_promise_holds_on_sqlite(tmp_path):
    assert [one.broken for one in (play(seed, made=in_sqlite(str(tmp_path))) for seed in range(3))] == [None] * 3


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 2000, 250))
def test_every_promise_holds_in_2000_plays(first: int):
    assert [one for one in map(play, range(first, first + 250)) if one.broken] == []


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 100, 50))
def test_every_promise_holds_in_100_plays_on_sqlite(tmp_path, first: int):
    made = in_sqlite(str(tmp_path))
    assert [one for one in (play(seed, made=made) for seed in range(first, first + 50)) if one.broken] == []


def test_the_loop_jumps_to_what_is_due_and_knows_when_nothing_is():
    loop = SeededLoop(random.Random(1))
    told: list[float] = []
    loop.call_later(3600.0, lambda: told.append(loop.time()))
    future = loop.create_future()
    with pytest.raises(Deadlock):
        loop.run_until_complete(future)
    loop.close()
    assert told == [3600.0]
