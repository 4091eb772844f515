"""An event loop without real time: it runs what is ready in a seeded order and jumps to what is due next."""

# ruff: noqa: SLF001  asyncio has no public place for a scheduler; these names have stayed since Python 3.4

import asyncio
import heapq
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from random import Random
from typing import Any, cast

DAWN = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class Deadlock(Exception):
    """Nothing is ready and nothing is due, and the play is not over."""


class SeededLoop(asyncio.SelectorEventLoop):
    """Time stands still while anything can run; among callbacks that are ready, chance makes the order.

    It polls no files and no threads: everything in a play happens in its one thread.
    """

    def __init__(self, chance: Random) -> None:
        super().__init__()
        self._chance = chance
        self._now = 0.0
        self._skew = timedelta()

    def time(self) -> float:
        """Return the seconds of the play so far."""
        return self._now

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward or back."""
        self._skew += timedelta(seconds=seconds)

    def wall(self) -> datetime:
        """Return what the wall clock shows."""
        return DAWN + self._skew + timedelta(seconds=self._now)

    def _run_once(self) -> None:
        own = cast("Any", self)
        ready, due = own._ready, own._scheduled
        while due and due[0]._cancelled:
            heapq.heappop(due)._scheduled = False
            own._timer_cancelled_count -= 1
        if not ready and due:
            self._now = max(self._now, due[0]._when)
        while due and due[0]._when <= self._now:
            handle = heapq.heappop(due)
            handle._scheduled = False
            ready.append(handle)
        if not ready and not own._stopping:
            raise Deadlock
        batch = list(ready)
        ready.clear()
        self._chance.shuffle(batch)
        for handle in batch:
            if not handle._cancelled:
                handle._run()


@contextmanager
def clocks_of(loop: SeededLoop, package: str) -> Iterator[None]:
    """Let the modules of a package read this loop's clocks instead of the machine's, for as long as the block runs."""

    class Wall(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return loop.wall().astimezone(tz)

    class Clock:
        monotonic = staticmethod(loop.time)
        perf_counter = staticmethod(loop.time)

        def __getattr__(self, name: str) -> Any:
            return getattr(time, name)

    changed: list[tuple[Any, str, Any]] = []
    for name, module in list(sys.modules.items()):
        if not name.startswith(package):
            continue
        for own, real, ours in (("datetime", datetime, Wall), ("time", time, Clock())):
            if getattr(module, own, None) is real:
                changed.append((module, own, real))
                setattr(module, own, ours)
    try:
        yield
    finally:
        for module, own, real in changed:
            setattr(module, own, real)
