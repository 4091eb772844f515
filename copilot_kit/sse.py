"""Splits a byte stream into server-sent events, wherever the network cut it.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html. Lines may end in LF, CRLF or CR; comments and
unknown fields are passed over.
"""

from collections.abc import AsyncIterator
from typing import NamedTuple

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class ServerEvent(NamedTuple):
    """One event: its name (empty where the stream gives none) and its data."""

    name: str
    data: bytes


class Splitter:
    """Takes chunks as they come and returns the events that are whole."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = b""

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """Return the events that end in this chunk."""
        text = self._held + chunk if self._held else chunk
        if b"\r" in text:
            text = _to_lf(text)
        head, border, tail = text.rpartition(b"\n\n")
        self._held = tail
        if not border:
            return []
        return [event for block in head.split(b"\n\n") if (event := _event(block)) is not None]

    def rest(self) -> list[ServerEvent]:
        """Return the event that the stream ended in without a blank line, if there is one."""
        block, self._held = self._held.replace(b"\r", b"\n"), b""
        event = _event(block)
        return [] if event is None else [event]


def _to_lf(text: bytes) -> bytes:
    # A CR at the very end may be the first half of a CRLF: it stays as it is until more comes.
    end = b"\r" if text.endswith(b"\r") else b""
    body = text[: len(text) - len(end)]
    return body.replace(b"\r\n", b"\n").replace(b"\r", b"\n") + end


def _event(block: bytes) -> ServerEvent | None:
    if block.startswith(b"data: ") and b"\n" not in block:  # by far the most common
        return ServerEvent("", block[6:])
    name, data = "", None
    for line in block.removeprefix(_BYTE_ORDER_MARK).split(b"\n"):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data = value if data is None else data + b"\n" + value
        elif field == b"event":
            name = value.decode("utf-8", "replace")
    return None if data is None else ServerEvent(name, data)


async def server_events(chunks: AsyncIterator[bytes]) -> AsyncIterator[ServerEvent]:
    """Yield the events of a stream of bytes."""
    splitter = Splitter()
    async for chunk in chunks:
        for event in splitter.feed(chunk):
            yield event
    for event in splitter.rest():
        yield event
