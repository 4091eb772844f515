"""Who looks is told when something moved: one task asks the journal for all of them, and only while somebody looks."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import Request
from starlette.responses import StreamingResponse

from copilot_kit.errors import JournalError
from copilot_kit.journal.index import Index

_LOG = logging.getLogger(__name__)
POLL_S: Final = 0.25
_STILL_THERE_S: Final = 15.0
_MOST_CLIENTS: Final = 200


class Live:
    """Turns the journal's own counter into server-sent events."""

    def __init__(self, store: Index, *, poll_s: float = POLL_S) -> None:
        self._store = store
        self._poll_s = poll_s
        self._clients: set[asyncio.Event] = set()
        self._asking: asyncio.Task[None] | None = None
        self._moved = 0
        self._closed = False

    def response(self, request: Request) -> StreamingResponse:
        """Return the stream of events of one browser."""
        return StreamingResponse(self._events(request), media_type="text/event-stream")

    def close(self) -> None:
        """End all streams, so that the server can end."""
        self._closed = True
        for client in self._clients:
            client.set()

    async def _events(self, request: Request) -> AsyncIterator[str]:
        if len(self._clients) >= _MOST_CLIENTS:
            yield "retry: 30000\nevent: full\ndata: 0\n\n"
            return
        moved = asyncio.Event()
        self._clients.add(moved)
        if self._asking is None or self._asking.done():
            self._moved = await self._store.moved()
            self._asking = asyncio.create_task(self._ask())
        try:
            yield f"retry: 1000\nevent: moved\ndata: {self._moved}\n\n"
            while not self._closed and not await request.is_disconnected():
                try:
                    async with asyncio.timeout(_STILL_THERE_S):
                        await moved.wait()
                except TimeoutError:
                    yield ": still there\n\n"
                    continue
                moved.clear()
                yield f"event: moved\ndata: {self._moved}\n\n"
        finally:
            self._clients.discard(moved)

    async def _ask(self) -> None:
        """Ask until nobody looks any more."""
        while self._clients:
            await asyncio.sleep(self._poll_s)
            try:
                now = await self._store.moved()
            except JournalError as error:  # the disk may be well again at the next look
                _LOG.warning("the inbox could not ask what moved: %s", error)
                continue
            if now != self._moved:
                self._moved = now
                for client in self._clients:
                    client.set()
