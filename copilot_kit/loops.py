"""Things that belong to one event loop, such as clients with open connections, and are closed with it."""

import asyncio
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class _OfLoop(Generic[K, V]):
    items: dict[K, V] = field(default_factory=dict)
    keeper: AsyncGenerator[None, None] | None = None


class PerLoop(Generic[K, V]):
    """One value for each key and running loop, made when it is first asked for.

    They are closed when their loop shuts down (`asyncio.run` and its like do that), so that no connection is left open
    and no warning is printed.
    """

    def __init__(self, close: Callable[[V], Awaitable[None]]) -> None:
        self._close = close
        self._loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _OfLoop[K, V]] = weakref.WeakKeyDictionary()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Return the value of this key for the running loop."""
        here = self._loops.setdefault(asyncio.get_running_loop(), _OfLoop())
        if key not in here.items:
            here.items[key] = make()
            if here.keeper is None:
                here.keeper = _begun(self._keep(here.items))
        return here.items[key]

    async def close(self) -> None:
        """Close what the running loop has, before its end."""
        here = self._loops.pop(asyncio.get_running_loop(), None)
        if here is not None and here.keeper is not None:
            await here.keeper.aclose()

    async def _keep(self, items: dict[K, V]) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            for value in items.values():
                await self._close(value)
            items.clear()


def _begun(keeper: AsyncGenerator[None, None]) -> AsyncGenerator[None, None]:
    """Return the generator, run up to its yield: from then on the loop knows it, and closes it when it shuts down."""
    step = keeper.asend(None)
    try:
        step.send(None)  # it has nothing to wait for, so it ends here
    except StopIteration:
        return keeper
    raise RuntimeError("The keeper waited before its yield. Report this.")  # pragma: no cover
