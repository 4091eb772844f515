"""Synchronous tools and slow imports run in daemon threads that are used again."""

import asyncio
import subprocess
import sys
import threading
import time

import pytest

from copilot_kit.threads import OnceInThread, in_thread


async def test_an_error_of_the_call_is_raised_in_the_loop():
    def fail() -> None:
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        await in_thread(fail)


async def test_the_same_thread_works_again_for_calls_one_after_the_other():
    first = await in_thread(threading.get_ident)
    assert {await in_thread(threading.get_ident) for _ in range(20)} == {first}


async def test_calls_at_once_run_side_by_side():
    together = threading.Barrier(8, timeout=5)
    await asyncio.gather(*(in_thread(together.wait) for _ in range(8)))


async def test_cancelling_ends_the_waiting_at_once():
    begun = time.monotonic()
    task = asyncio.create_task(in_thread(lambda: time.sleep(0.5)))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - begun < 0.3


def test_a_hanging_call_keeps_no_program_alive():
    program = """
import asyncio, threading
from copilot_kit.threads import in_thread

async def main():
    try:
        await asyncio.wait_for(in_thread(threading.Event().wait), 0.05)
    except TimeoutError:
        print("left")

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == "left\n"


async def test_a_call_made_once_is_made_off_the_loop_and_once_for_all_who_wait():
    made = []
    once = OnceInThread(lambda: (time.sleep(0.05), made.append(threading.get_ident())))
    await asyncio.gather(*(once.done() for _ in range(50)))
    await once.done()
    assert len(made) == 1
    assert made != [threading.get_ident()]


async def test_a_call_to_be_made_once_is_tried_again_after_an_error():
    outcomes = [ImportError("not yet"), None]

    def load() -> None:
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome

    once = OnceInThread(load)
    with pytest.raises(ImportError, match="not yet"):
        await once.done()
    await once.done()
    await once.done()
    assert outcomes == []


def test_a_call_made_once_serves_every_loop():
    made = []
    once = OnceInThread(lambda: made.append(1))
    asyncio.run(once.done())
    asyncio.run(once.done())
    assert made == [1]
