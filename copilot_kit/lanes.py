"""Clients that carry many requests at once: several for each address, shared by all models of an event loop.

httpx2's pool looks at all of its connections at the begin and at the end of each request, so that a request costs more
the more are on the way with it. Here each client carries a few, and further ones are opened for the rest.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Generic, TypeVar

from copilot_kit.loops import PerLoop

K = TypeVar("K", bound=Hashable)
C = TypeVar("C")

REQUESTS_PER_LANE = 8
MOST_LANES = 64


@dataclass(slots=True, eq=False)
class _Lane(Generic[C]):
    client: C
    busy: int = 0


@dataclass(slots=True, eq=False)
class _Road(Generic[C]):
    """All lanes to one address."""

    lanes: list[_Lane[C]] = field(default_factory=list)

    def free(self, opened: Callable[[], C]) -> _Lane[C]:
        """Return the first lane with room, so that few requests share few connections."""
        for lane in self.lanes:
            if lane.busy < REQUESTS_PER_LANE:
                return lane
        if len(self.lanes) >= MOST_LANES:
            return min(self.lanes, key=lambda lane: lane.busy)
        self.lanes.append(_Lane(opened()))
        return self.lanes[-1]


class Lanes(Generic[K, C]):
    """The clients of one SDK in this process; those of a loop are closed when it shuts down."""

    def __init__(self, close: Callable[[C], Awaitable[None]]) -> None:
        async def closed(road: _Road[C]) -> None:
            await asyncio.gather(*(close(lane.client) for lane in road.lanes))

        self._roads: PerLoop[K, _Road[C]] = PerLoop(closed)

    @contextmanager
    def client(self, key: K, opened: Callable[[], C]) -> Iterator[C]:
        """Give a client to this address for one request, which lasts as long as the block."""
        lane = self._roads.get(key, _Road).free(opened)
        lane.busy += 1
        try:
            yield lane.client
        finally:
            lane.busy -= 1

    async def close(self) -> None:
        """Close the clients of the running loop, before its end."""
        await self._roads.close()


@cache
def tls() -> ssl.SSLContext:
    """Return the TLS context that all clients share: reading the certificates takes longer than ten requests."""
    import httpx2

    return httpx2.create_ssl_context()
