"""The events of an answer that streams, as JSON texts: server-sent events, or the frames that Bedrock puts them in."""

import base64
import binascii
import zlib
from typing import Protocol

from copilot_kit.sse import Splitter
from copilot_kit_anthropic.json_bytes import dumped, loaded

_TEXT = 7
"""The format's number for headers that hold text."""


class Reader(Protocol):
    """Splits bytes into the JSON texts of events, wherever the network cut them."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the events that end in this chunk; raises ValueError where the framing is broken."""
        ...

    def rest(self) -> list[bytes]:
        """Return what the stream ended in, whole or not."""
        ...


def reader_for(content_type: str, first: bytes) -> Reader | None:
    """Return the reader for a stream, None if the answer is not one."""
    if "amazon.eventstream" in content_type:
        return FrameReader()
    if "event-stream" in content_type or first.lstrip()[:6] in (b"event:", b"data: "):
        return EventReader()
    return None


class EventReader:
    """Reads server-sent events."""

    __slots__ = ("_splitter",)

    def __init__(self) -> None:
        self._splitter = Splitter()

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the data of the events that end in this chunk."""
        return [event.data for event in self._splitter.feed(chunk)]

    def rest(self) -> list[bytes]:
        """Return the data that no blank line ended."""
        return [event.data for event in self._splitter.rest()]


class FrameReader:
    """Reads frames of application/vnd.amazon.eventstream, whose payload holds an event in base64.

    Format: https://smithy.io/2.0/aws/amazon-eventstream.html. An exception in a frame becomes an error event.
    """

    __slots__ = ("_held",)

    _PRELUDE = 12
    _CHECKSUM = 4

    def __init__(self) -> None:
        self._held = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the events of the frames that end in this chunk."""
        self._held += chunk
        events = []
        while len(self._held) >= self._PRELUDE:
            length = int.from_bytes(self._held[:4], "big")
            if zlib.crc32(self._held[:8]) != int.from_bytes(self._held[8:12], "big"):
                raise ValueError("the checksum of a frame's head is wrong")
            if len(self._held) < length:
                break
            frame, self._held = self._held[:length], self._held[length:]
            events.append(self._event(frame))
        return events

    def rest(self) -> list[bytes]:
        """Return nothing: half a frame is no event."""
        return []

    def _event(self, frame: bytes) -> bytes:
        body, checksum = frame[: -self._CHECKSUM], frame[-self._CHECKSUM :]
        if zlib.crc32(body) != int.from_bytes(checksum, "big"):
            raise ValueError("the checksum of a frame is wrong")
        end = self._PRELUDE + int.from_bytes(frame[4:8], "big")
        headers, payload = _headers(body[self._PRELUDE : end]), body[end:]
        kind = headers.get(":exception-type") or headers.get(":error-code")
        value = loaded(payload) if payload else {}
        if kind is not None:
            message = value.get("message") if isinstance(value, dict) else None
            return dumped({"type": "error", "error": {"type": kind, "message": message or ""}})
        try:
            return base64.b64decode(value["bytes"], validate=True)
        except (TypeError, KeyError, binascii.Error) as error:
            raise ValueError("a frame holds no event") from error


def _headers(data: bytes) -> dict[str, str]:
    """Return the text headers of a frame; the stream of a model has no others."""
    found: dict[str, str] = {}
    at = 0
    while at < len(data):
        name_end = at + 1 + data[at]
        name, kind = data[at + 1 : name_end].decode(), data[name_end]
        if kind != _TEXT:
            break
        start = name_end + 3
        at = start + int.from_bytes(data[name_end + 1 : start], "big")
        found[name] = data[start:at].decode()
    return found
