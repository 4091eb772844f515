"""Group commit, by a database that only takes notes."""

import asyncio

import pytest

from copilot_kit.errors import Conflict, JournalError
from copilot_kit.journal.writer import Writer


class Notes:
    """Takes down what it is asked to do; fails where it is told to."""

    def __init__(self, *, no_begin=False, bad=None, unsure=False):
        self.done = []
        self._works = []
        self._no_begin = no_begin
        self._bad = bad
        self._unsure = unsure

    def begin(self, *, durable, runs):
        self.runs = runs
        if self._no_begin:
            raise OSError("locked")
        self._works = []
        self._durable = durable
        return self._works

    def commit(self):
        if self._bad in self._works:
            raise OSError("disk full")
        self.done.append((self._durable, self._works))

    def rollback(self):
        self._works = []
        return not self._unsure

    def failure(self, error):
        return JournalError(str(error))

    def close(self):
        self.done.append("closed")


def noted(name):
    def work(works):
        works.append(name)
        return name.upper()

    return work


def refused(works):
    raise Conflict("somebody was first")


@pytest.fixture
def writing():
    writers = []

    def open_writer(notes):
        writers.append(Writer(notes, name="test"))
        return writers[-1]

    yield open_writer
    for writer in writers:
        writer.close()


async def test_what_comes_in_the_same_moment_is_committed_together(writing):
    notes = Notes()
    writer = writing(notes)
    submits = [writer.submit(noted(str(n)), run_id=f"run_{n}", durable=True) for n in range(100)]
    assert await asyncio.gather(*submits) == [str(n) for n in range(100)]
    assert [(durable, len(works)) for durable, works in notes.done] == [(True, 100)]
    assert notes.runs == [f"run_{n}" for n in range(100)]


async def test_light_works_are_committed_first_and_do_not_wait_for_a_sync(writing):
    notes = Notes()
    writer = writing(notes)
    await asyncio.gather(
        writer.submit(noted("a"), run_id="run_1", durable=True),
        writer.submit(noted("b"), run_id="run_2", durable=False),
        writer.submit(noted("c"), run_id="run_1", durable=False),
    )
    assert notes.done == [(False, ["b"]), (True, ["a", "c"])]


async def test_a_refused_work_fails_alone(writing):
    notes = Notes()
    writer = writing(notes)
    outcomes = await asyncio.gather(
        writer.submit(noted("a"), run_id="run_1", durable=True),
        writer.submit(refused, run_id="run_2", durable=True),
        writer.submit(noted("c"), run_id="run_3", durable=True),
        return_exceptions=True,
    )
    assert [outcomes[0], type(outcomes[1]), outcomes[2]] == ["A", Conflict, "C"]
    assert notes.done == [(True, ["a", "c"])]


async def test_a_work_that_cannot_be_committed_fails_alone_and_the_others_are_tried_again(writing):
    notes = Notes(bad="b")
    writer = writing(notes)
    submits = [writer.submit(noted(name), run_id=f"run_{name}", durable=True) for name in "abc"]
    outcomes = await asyncio.gather(*submits, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["A", "disk full", "C"]
    assert notes.done == [(True, ["a"]), (True, ["c"])]


async def test_works_that_may_have_been_committed_after_all_are_not_tried_again(writing):
    notes = Notes(bad="b", unsure=True)
    writer = writing(notes)
    submits = [writer.submit(noted(name), run_id=f"run_{name}", durable=True) for name in "abc"]
    outcomes = await asyncio.gather(*submits, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["disk full"] * 3
    assert notes.done == []


async def test_where_no_transaction_can_begin_all_are_told(writing):
    writer = writing(Notes(no_begin=True))
    submits = [writer.submit(noted(name), run_id=name, durable=True) for name in "ab"]
    outcomes = await asyncio.gather(*submits, return_exceptions=True)
    assert [(type(outcome), str(outcome)) for outcome in outcomes] == [(JournalError, "locked")] * 2


async def test_a_work_whose_caller_went_away_before_it_began_is_not_done(writing):
    notes = Notes()
    writer = writing(notes)
    task = asyncio.create_task(writer.submit(noted("a"), run_id="run_1", durable=True))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await writer.submit(noted("b"), run_id="run_1", durable=True) == "B"
    assert notes.done == [(True, ["b"])]


async def test_after_closing_works_are_refused(writing):
    notes = Notes()
    writer = writing(notes)
    writer.close()
    assert notes.done == ["closed"]
    with pytest.raises(JournalError, match="was closed"):
        await writer.submit(noted("a"), run_id="run_1", durable=True)
