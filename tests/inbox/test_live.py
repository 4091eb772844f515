"""Whoever looks hears within a second what moved elsewhere; nobody asks the journal while nobody looks."""

import asyncio
import contextlib
import socket
import time

import httpx2
import uvicorn

from copilot_kit import Principal
from copilot_kit.approval import decide
from copilot_kit.inbox.live import Live
from copilot_kit.testing import call

BEN = Principal(id="ben")


class Counter:
    """A journal whose only news is a number."""

    def __init__(self):
        self.number, self.asked = 0, 0

    async def moved(self):
        self.asked += 1
        return self.number


class Looker:
    """A request that stays until it leaves."""

    gone = False

    async def is_disconnected(self):
        return self.gone


@contextlib.asynccontextmanager
async def served(app):
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        while not server.started:  # noqa: ASYNC110  it tells nobody
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


async def events_in(lines):
    async for line in lines:
        if line.startswith("data: "):
            yield int(line.removeprefix("data: "))


async def test_a_decision_elsewhere_is_heard_within_a_second_and_the_card_says_by_whom(office, seat):
    _, run = await office.waiting(call("send", {"to": "eve@example.org"}))
    app = seat().client._transport.app
    async with served(app) as here, httpx2.AsyncClient(base_url=here) as client:
        card = f"/cards/run_1/{run.proposals[0].id}"
        assert 'data-state="pending"' in (await client.get(card)).text
        async with client.stream("GET", "/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            events = events_in(stream.aiter_lines())
            before = await anext(events)
            begun = time.monotonic()
            await decide(office.store, "run_1", run.proposals[0].id, "approve", by=BEN, channel="terminal")
            async with asyncio.timeout(1):
                after = await anext(events)
            heard_s = time.monotonic() - begun
        assert after != before
        assert heard_s < 1
        assert "approved by <strong>ben</strong>" in (await client.get(card)).text


async def test_one_task_asks_for_all_and_ends_when_nobody_looks():
    journal, looker = Counter(), Looker()
    live = Live(journal, poll_s=0.01)
    streams = [live.response(looker).body_iterator for _ in range(20)]
    for stream in streams:
        await anext(stream)
    journal.asked = 0
    await asyncio.sleep(0.2)
    assert 5 <= journal.asked <= 20
    journal.number = 7
    assert [await anext(stream) for stream in streams] == ["event: moved\ndata: 7\n\n"] * 20
    for stream in streams:
        await stream.aclose()
    await asyncio.sleep(0.05)
    journal.asked = 0
    await asyncio.sleep(0.05)
    assert journal.asked == 0


async def test_a_closed_inbox_ends_its_streams():
    live = Live(Counter(), poll_s=0.01)
    stream = live.response(Looker()).body_iterator
    await anext(stream)
    live.close()
    async with asyncio.timeout(1):
        assert len([event async for event in stream]) <= 1
