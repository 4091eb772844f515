"""A task longer than the window is done from notes: nothing booked twice, nothing forgotten, whoever is killed."""

from collections.abc import AsyncIterator

import pytest

from benchmarks.long_task.__main__ import played
from benchmarks.long_task.clerk import PROFILE, Clerk, Habits
from benchmarks.long_task.figures import Figures
from benchmarks.long_task.office import Office, agent_in
from benchmarks.long_task.task import Booking, Correction, Question, Task
from benchmarks.long_task.working import Plan
from copilot_kit.context.window import Window
from copilot_kit.events import Event
from copilot_kit.journal import MemoryStore
from copilot_kit.request import Request

WINDOW = 5_000
"""Tokens; the longest request of the whole task has 7,000."""


@pytest.fixture(scope="module")
def task() -> Task:
    return Task(24, batch=8, questions=6)


def done(figures: Figures) -> tuple[int, int, int, int, int]:
    return (figures.booked, figures.doubled, figures.right, figures.obeyed, figures.needless)


def test_the_task_is_done_in_windows_of_half_its_length_and_less_is_read(tmp_path, task):
    whole = played("whole", tmp_path / "whole", task, Plan())
    part = played("part", tmp_path / "part", task, Plan(WINDOW))
    assert done(whole) == done(part) == (24, 0, 6, 3, 0)
    assert whole.windows == 1
    assert part.windows > 1
    assert part.closings == {"written": part.windows - 1}
    assert part.largest <= WINDOW
    assert part.tokens_in < whole.tokens_in


def test_another_model_goes_on_with_the_notes_of_the_first_and_is_told_whose_they_are(tmp_path, task):
    swapped = played("swap", tmp_path / "swap", task, Plan(WINDOW, swap=True))
    assert done(swapped) == (24, 0, 6, 3, 0)
    assert swapped.told_of_old is True


def test_a_model_that_writes_no_notes_books_nothing_twice(tmp_path, task):
    forgetful = played("forgets", tmp_path / "forgets", task, Plan(WINDOW, habits=Habits(forgets=True)))
    assert (forgetful.booked, forgetful.doubled) == (24, 0)
    assert forgetful.closings == {"repaired": forgetful.windows - 1}


def test_a_model_that_counts_more_tokens_than_are_guessed_stays_within_its_window(tmp_path, task):
    long = played("long", tmp_path / "long", task, Plan(WINDOW * 3 // 2, habits=Habits(tokens=1.4)))
    assert done(long) == (24, 0, 6, 3, 0)
    assert long.largest <= WINDOW * 3 // 2


def test_a_killed_task_goes_on_and_books_nothing_twice(tmp_path, task):
    killed = played("killed", tmp_path / "killed", task, Plan(WINDOW), kills=3, longest_s=0.3)
    assert killed.kills == 3
    assert done(killed)[:4] == (24, 0, 6, 3)
    assert killed.ok


@pytest.mark.slow
def test_after_many_kills_the_ledger_and_the_answers_are_those_of_a_task_that_nobody_disturbed(tmp_path):
    long = Task(75, questions=12)
    whole = played("whole", tmp_path / "whole", long, Plan(6_000, swap=True))
    killed = played("killed", tmp_path / "killed", long, Plan(6_000, swap=True), kills=25, longest_s=0.5)
    assert done(whole) == done(killed) == (75, 0, 12, 3, 0)
    assert killed.kills >= 8  # as many as its time allowed, of 25


class Forgetting:
    """A new model for each request, which is given a copy of the request and nothing else."""

    id = "scripted:new-each-time"
    profile = PROFILE

    def __init__(self) -> None:
        self.asked = 0

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        self.asked += 1
        copy = Request.model_validate_json(request.model_dump_json())
        async for event in Clerk(self.id).stream(copy):
            yield event


async def test_the_model_knows_nothing_but_the_request_before_it(tmp_path, task):
    model, office = Forgetting(), Office(tmp_path, task)
    run = await agent_in(office, model, MemoryStore(), Window(tokens=WINDOW)).run(task.said[0])
    for words in task.said[1:]:
        run = await run.say(words)
    assert (run.status, model.asked > 24) == ("done", True)
    booked = {
        line["record"]: Booking(line["record"], line["account"], line["amount"]) for line in office.noted("ledger")
    }
    assert booked == task.bookings


def test_what_is_right_is_known_of_the_task_itself():
    task = Task(24, batch=8, questions=6)
    there = task.records[20].city
    city = Correction(1, city=there, account="B")
    amounts = (Correction(2, record=3, amount="1.00"), Correction(3, record=20, amount="2.00"))
    task.corrections = {8: (city,), 16: amounts}
    task.bookings = dict(task.booked())
    of_city = [number for number, record in task.records.items() if record.city == there]
    assert {task.bookings[number].account for number in of_city if number <= 8} <= {"A"}
    assert {task.bookings[number].account for number in of_city if number > 8} == {"B"}
    assert task.bookings[20].amount == "2.00"
    assert task.bookings[3].amount == task.records[3].amount
    assert task.answer(Question("amount", 3)) == "1.00"
