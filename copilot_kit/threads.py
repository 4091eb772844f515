"""Synchronous tools and slow imports run here, off the event loop.

Not asyncio's default executor: that one is joined when the loop closes and again when the interpreter ends, so that one
hanging tool would keep a finished program alive. These threads are daemons, the last one idle is the first to work
again (its stack is warm), and a call that is cancelled before its turn never starts.
"""

import asyncio
import contextvars
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, TypeVar, cast

R = TypeVar("R")
MOST_THREADS = 200
"""Calls beyond this many wait for one to end."""


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    call: Callable[[], Any]
    context: contextvars.Context
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[tuple[Any, BaseException | None]]"


_Inbox = SimpleQueue[_Job]


@dataclass(slots=True, eq=False)
class _Workers:
    lock: threading.Lock = field(default_factory=threading.Lock)
    idle: list[_Inbox] = field(default_factory=list)
    waiting: deque[_Job] = field(default_factory=deque)
    count: int = 0

    def take(self, job: _Job) -> None:
        with self.lock:
            if self.idle:
                self.idle.pop().put(job)
                return
            if self.count >= MOST_THREADS:
                self.waiting.append(job)
                return
            self.count += 1
        inbox: _Inbox = SimpleQueue()
        inbox.put(job)
        threading.Thread(target=self.work, args=(inbox,), name="copilot-kit-tool", daemon=True).start()

    def work(self, inbox: _Inbox) -> None:
        while True:
            job: _Job | None = inbox.get()
            while job is not None:
                came = _outcome(job)
                with self.lock:  # idle before the answer is told: the next call finds this thread
                    following = self.waiting.popleft() if self.waiting else None
                    if following is None:
                        self.idle.append(inbox)
                _tell(job, came)
                job = following


class OnceInThread:
    """A call made once in the process, by whoever asks first, and off the event loop: the import of a heavy package."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._done = False
        self._asking: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = weakref.WeakKeyDictionary()

    async def done(self) -> None:
        """Return when the call has ended well; raises its error, and then the next one to ask makes it again."""
        if self._done:
            return
        async with self._asking.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
            if not self._done:
                await in_thread(self._call)
                self._done = True


async def in_thread(call: Callable[[], R]) -> R:
    """Return what the call returns, made in a thread with the caller's context variables.

    Cancelling ends the waiting, not the call: a thread cannot be stopped.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()
    _workers[0].take(_Job(call=call, context=contextvars.copy_context(), loop=loop, future=future))
    value, error = await future
    if error is not None:
        raise error
    return cast("R", value)


def _outcome(job: _Job) -> tuple[Any, BaseException | None] | None:
    if job.future.cancelled():
        return None
    try:
        return job.context.run(job.call), None
    except BaseException as error:  # noqa: BLE001  it belongs to the caller, who waits in another thread
        return None, error


def _tell(job: _Job, came: tuple[Any, BaseException | None] | None) -> None:
    try:
        job.loop.call_soon_threadsafe(_settle, job.future, came)
    except RuntimeError:  # the loop is closed: nobody waits any more
        return


def _settle(future: "asyncio.Future[Any]", came: object) -> None:
    if not future.done():
        future.set_result(came)


_workers = [_Workers()]


def _forget_threads() -> None:
    _workers[0] = _Workers()  # a forked child has none of its parent's threads


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)
