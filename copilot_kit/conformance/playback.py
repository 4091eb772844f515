"""A transport for httpx2 that answers from a recording, within the process, and keeps what it was sent."""

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import httpx2

from copilot_kit.conformance.corpus import RecordedResponse

_LENGTH_HEADERS = {"content-length", "content-encoding", "transfer-encoding", "connection"}


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as it left the client."""

    method: str
    path: str
    body: bytes


class _Pieces(httpx2.AsyncByteStream):
    def __init__(self, pieces: Sequence[bytes], request: httpx2.Request, *, abrupt: bool) -> None:
        self._pieces = pieces
        self._request = request
        self._abrupt = abrupt

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if self._abrupt:
            raise httpx2.RemoteProtocolError(
                "peer closed connection without sending complete message body", request=self._request
            )


@dataclass
class Playback(httpx2.AsyncBaseTransport):
    """Answers every request with the one recorded response.

    cut_seed: cut the body at other places than it was recorded, the same for the same seed; 0 joins it to one piece.
    """

    response: RecordedResponse
    cut_seed: int | None = None
    sent: list[Sent] = field(default_factory=list)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the recorded response."""
        body = await request.aread()
        self.sent.append(Sent(request.method, request.url.path, body))
        headers = [(k, v) for k, v in self.response.headers.items() if k.lower() not in _LENGTH_HEADERS]
        pieces = self.response.pieces if self.cut_seed is None else recut(self.response.pieces, self.cut_seed)
        stream = _Pieces(pieces, request, abrupt=self.response.close == "abrupt")
        return httpx2.Response(self.response.status, headers=headers, stream=stream, request=request)

    def client(self) -> httpx2.AsyncClient:
        """Return a client whose every request is answered here."""
        return httpx2.AsyncClient(transport=self)


def recut(pieces: Sequence[bytes], seed: int) -> tuple[bytes, ...]:
    """Return the same bytes cut at other places: nowhere for seed 0, else into 1 to 64 bytes each."""
    whole = b"".join(pieces)
    if seed == 0:
        return (whole,)
    chance, cuts, place = random.Random(seed), [], 0
    while place < len(whole):
        size = chance.randint(1, 64)
        cuts.append(whole[place : place + size])
        place += size
    return tuple(cuts)
