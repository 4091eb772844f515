"""An HTTP client that no server can fill the memory of: bodies end at a limit while they are read.

Events of a stream are bounded by the SDK, each for itself; a stream as a whole may be as long as it likes.
"""

from collections.abc import AsyncIterator, Mapping

import httpx2

MAX_BODY_BYTES = 32_000_000
"""Longest body that is read; what is longer is an answer that cannot be read."""
MAX_EVENT_BYTES = 16_000_000
"""Longest event of a stream."""


def bounded_client(headers: Mapping[str, str], *, connect_s: float) -> httpx2.AsyncClient:
    """Return a client that sends these headers, waits for answers without end, and reads none without end.

    Compressed answers are not asked for and not taken: a few bytes of them may stand for very many.
    """
    return httpx2.AsyncClient(
        headers={**headers, "accept-encoding": "identity"},
        timeout=httpx2.Timeout(connect_s, read=None),
        event_hooks={"response": [_bounded]},
    )


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for chunk in self._stream:
            read += len(chunk)
            if read > MAX_BODY_BYTES:
                raise httpx2.StreamError(f"the answer is longer than {MAX_BODY_BYTES} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _bounded(response: httpx2.Response) -> None:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise httpx2.DecodingError("the answer is compressed, which was not asked for", request=response.request)
    is_events = response.headers.get("content-type", "").lower().startswith("text/event-stream")
    if not is_events and isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Bounded(response.stream)
