"""Without async: the same results and errors, and an interruption that leaves nothing half done."""

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from copilot_kit import Agent, Run
from copilot_kit.errors import UsageError
from copilot_kit.journal import Draft, Entry, MemoryStore
from copilot_kit.sync import iterate, wait
from copilot_kit.testing import ScriptedModel, pause, say


def test_waiting_gives_what_the_coroutine_returns_or_raises():
    async def divided(by: int) -> float:
        await asyncio.sleep(0)
        return 6 / by

    assert wait(divided(2)) == 3
    with pytest.raises(ZeroDivisionError):
        wait(divided(0))


class SlowDisk(MemoryStore):
    """Takes its time for answers, and keeps what has been written in the end."""

    def __init__(self) -> None:
        super().__init__()
        self.kinds: list[str] = []

    async def append(self, run_id: str, drafts: Sequence[Draft], **how: Any) -> list[Entry]:
        if any(draft.body.kind == "responded" for draft in drafts):
            await asyncio.sleep(0.2)
        added = await super().append(run_id, drafts, **how)
        self.kinds += [draft.body.kind for draft in drafts]
        return added


def test_an_interrupted_wait_ends_when_the_partial_answer_is_written_down():
    disk = SlowDisk()
    agent = Agent(ScriptedModel([say("The parcel is"), pause()]), store=disk)

    async def interrupted() -> Run[str]:
        loop = asyncio.get_running_loop()
        loop.call_later(0.05, os.kill, os.getpid(), signal.SIGINT)
        return await agent.run("Where is it?", run_id="run_1")

    with pytest.raises(KeyboardInterrupt):
        wait(interrupted())
    assert disk.kinds[-1] == "responded"
    run = wait(agent.load("run_1"))
    assert run.response is not None
    assert (run.text, run.response.stop.kind) == ("The parcel is", "cancelled")


def test_waiting_inside_the_loop_that_would_do_the_work_is_refused_and_not_a_deadlock():
    async def inner() -> int:
        return 1

    async def outer() -> int:
        return wait(inner())

    with pytest.raises(UsageError, match="Write 'await'"):
        wait(outer())


def test_leaving_an_iteration_early_closes_the_iterator():
    closed = threading.Event()

    async def counted() -> AsyncIterator[int]:
        try:
            for number in range(10):
                yield number
        finally:
            closed.set()

    for number in iterate(counted()):
        if number == 2:
            break
    assert closed.is_set()


def test_a_forked_child_waits_on_a_loop_of_its_own():
    async def one() -> int:
        return 1

    assert wait(one()) == 1
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        os._exit(0 if wait(one()) == 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
