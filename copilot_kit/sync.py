"""The same library without `async`: one background event loop for the process, and one way to wait for it."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from functools import cache
from typing import Any, TypeVar

from copilot_kit.errors import UsageError

T = TypeVar("T")
LAST_WORDS_S = 10.0
"""How long interrupted work may take to write down where it stands; a second interruption does not wait."""


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="copilot-kit", daemon=True).start()
    return loop


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_loop.cache_clear)  # a forked child has none of its parent's threads


def wait(work: Coroutine[Any, Any, T]) -> T:
    """Return what the coroutine returns; interrupting the wait cancels it and waits until it has ended.

    Example: `run = wait(agent.run("Answer ticket 17"))`
    """
    loop, ended = _loop(), threading.Event()
    if _running() is loop:
        work.close()
        raise UsageError("wait() was called by what it would wait for. Write 'await' in the place of wait() there.")
    tasks: list[asyncio.Task[T]] = []

    def begin() -> None:
        tasks.append(loop.create_task(work))
        tasks[0].add_done_callback(lambda _: ended.set())

    def cancel() -> None:
        tasks[0].cancel()  # begun: the loop keeps the order of what it is told

    loop.call_soon_threadsafe(begin)
    try:
        ended.wait()
    except BaseException:
        loop.call_soon_threadsafe(cancel)
        ended.wait(LAST_WORDS_S)
        raise
    return tasks[0].result()


def _running() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def iterate(items: AsyncIterator[T]) -> Iterator[T]:
    """Yield what the asynchronous iterator yields; leaving the loop closes it."""

    async def step() -> T:
        return await anext(items)

    try:
        while True:
            try:
                yield wait(step())
            except StopAsyncIteration:
                return
    finally:
        close = getattr(items, "aclose", None)
        if close is not None:
            wait(close())
