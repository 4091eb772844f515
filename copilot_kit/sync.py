"""The same library without `async`: one background event loop for the process, and one way to wait for it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="copilot-kit", daemon=True).start()
    return loop


def wait(work: Coroutine[Any, Any, T]) -> T:
    """Return what the coroutine returns; interrupting the wait cancels it.

    Example: `run = wait(agent.run("Answer ticket 17"))`
    """
    future = asyncio.run_coroutine_threadsafe(work, _loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


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
