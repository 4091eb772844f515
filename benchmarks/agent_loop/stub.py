"""A provider on the loopback device that follows a script, for three APIs, whole and streamed.

The script is in the URL, so a client needs no more than a base URL:
`http://127.0.0.1:PORT/10/0/v1` asks for 10 tool calls and then the answer, `.../0/2000/v1` for a text of 2,000 pieces.
Where a conversation stands is read off the request (the tool results in it), so the stub keeps no state for it.
"""

import asyncio
import json
import re
import resource
import sys
from typing import Final

from benchmarks.agent_loop.replies import WIRES, Step, Wire

_TARGET: Final = re.compile(rb"^POST /(\d+)/(\d+)/v1(/[a-z/]+) ")
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STREAM: Final = re.compile(rb'"stream": ?true')
_BY_PATH: Final = {wire.path.encode(): wire for wire in WIRES.values()}
_NOT_FOUND: Final = b'{"error":{"type":"not_found","message":"The stub serves POST /TURNS/CHUNKS/v1/..."}}'


class Stub:
    """Replies, each built once, and the count of requests answered."""

    def __init__(self) -> None:
        self.requests = 0
        self.replies: dict[tuple[Wire, Step, bool], bytes] = {}

    def answer(self, head: bytes, body: bytes) -> bytes:
        """Bytes of the HTTP response to one request."""
        if head.startswith(b"GET /requests "):
            return _http(b"200 OK", b"application/json", str(self.requests).encode())
        target = _TARGET.match(head)
        wire = _BY_PATH.get(target[3]) if target else None
        if target is None or wire is None:
            return _http(b"404 Not Found", b"application/json", _NOT_FOUND)
        self.requests += 1
        step = Step(int(target[1]), int(target[2]), body.count(wire.result_mark))
        key = (wire, step, _STREAM.search(body) is not None)
        reply = self.replies.get(key)
        if reply is None:
            reply = self.replies[key] = _streamed(wire, step) if key[2] else _whole(wire, step)
        return reply


def _http(status: bytes, media: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 %s\r\ncontent-type: %s\r\nx-request-id: stub\r\nrequest-id: stub\r\n" % (status, media)
    return head + b"content-length: %d\r\n\r\n" % len(body) + body


def _whole(wire: Wire, step: Step) -> bytes:
    return _http(b"200 OK", b"application/json", _json(wire.whole(step)))


def _streamed(wire: Wire, step: Step) -> bytes:
    """One HTTP chunk per event, as providers send them."""
    events = []
    for event in wire.events(step):
        name = b"event: %s\n" % str(event["type"]).encode() if wire.named_events else b""
        events.append(name + b"data: " + _json(event) + b"\n\n")
    if not wire.named_events:
        events.append(b"data: [DONE]\n\n")
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nx-request-id: stub\r\n"
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(event), event) for event in events)
    return head + b"request-id: stub\r\ntransfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


class _Connection(asyncio.Protocol):
    """One keep-alive connection: collects a request, writes its answer."""

    def __init__(self, stub: Stub) -> None:
        self.stub = stub
        self.pending = bytearray()
        self.needed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.pending += data
        while len(self.pending) >= self.needed:
            end = self.pending.find(b"\r\n\r\n") + 4
            if end < 4:
                return
            head = bytes(self.pending[:end])
            length = _LENGTH.search(head)
            self.needed = end + (int(length[1]) if length else 0)
            if len(self.pending) < self.needed:
                return
            body = bytes(self.pending[end : self.needed])
            del self.pending[: self.needed]
            self.needed = 0
            self.transport.write(self.stub.answer(head, body))


async def serve(stub: Stub) -> asyncio.Server:
    """Server that runs for `stub` on a free loopback port."""
    return await asyncio.get_running_loop().create_server(lambda: _Connection(stub), "127.0.0.1", 0, backlog=2048)


def address(server: asyncio.Server) -> str:
    """Server's URL, without a script."""
    return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def script(url: str, *, turns: int = 0, chunks: int = 0) -> str:
    """URL under which the stub at `url` follows this script; the API's own base, `/v1`, comes after it."""
    return f"{url}/{turns}/{chunks}"


def allow_many_sockets() -> None:
    """Lift this process's soft limit of open files to what the system allows: 500 runs hold 500 connections."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _main() -> None:
    allow_many_sockets()
    server = await serve(Stub())
    sys.stdout.write(address(server) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)  # the runner's pipe: when it closes, however it ended, so does the stub
    server.close()


if __name__ == "__main__":
    asyncio.run(_main())
