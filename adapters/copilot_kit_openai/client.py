"""Posts ready bytes to one provider through the official SDK's client, and hands back the raw reply.

The SDK brings authentication, options, proxies and its transport; bodies are not its business here.
"""

import asyncio
import os
import weakref
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from copilot_kit.errors import MissingExtra, UsageError
from copilot_kit_openai.dialects import Dialect

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests of one provider go, and with what key."""

    provider: str
    base_url: str
    api_key: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def keyed_by_header(self) -> bool:
        """The key goes in a header of the provider's own."""
        return any(value == self.api_key for _, value in self.headers)

    def __repr__(self) -> str:
        return f"Endpoint(provider={self.provider!r}, base_url={self.base_url!r})"  # never the key


def endpoint_for(dialect: Dialect, *, base_url: str | None, api_key: str | None) -> Endpoint:
    """Return the endpoint of a provider; raises `UsageError` that names what is missing."""
    url = base_url or (dialect.base_url_env and os.environ.get(dialect.base_url_env)) or dialect.base_url
    if not url:
        where = f"set {dialect.base_url_env}, or " if dialect.base_url_env else ""
        raise UsageError(f"{dialect.name!r} has no address of its own: {where}pass base_url='https://…'.")
    if dialect.path and urlsplit(url).path in {"", "/"}:
        url = url.rstrip("/") + dialect.path
    key = api_key or (dialect.key_env and os.environ.get(dialect.key_env)) or dialect.default_key
    if not key:
        raise UsageError(
            f"No key for {dialect.name!r}: set the environment variable {dialect.key_env}, or pass api_key."
        )
    headers = dialect.headers + (((dialect.key_header, key),) if dialect.key_header else ())
    return Endpoint(dialect.name, url.rstrip("/"), key, query=dialect.query, headers=headers)


class Reply:
    """What came back: status, headers, and the body whole or in pieces."""

    __slots__ = ("_response", "headers", "status")

    def __init__(self, response: "httpx2.Response") -> None:
        self._response = response
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers

    async def read(self) -> bytes:
        """Return the whole body."""
        return await self._response.aread()

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as the network brings it, decompressed."""
        return self._response.aiter_bytes()


class _Lane:
    """One client of the SDK, and how many requests are on the way through it."""

    __slots__ = ("busy", "client")

    def __init__(self, client: "AsyncOpenAI") -> None:
        self.client = client
        self.busy = 0


class Connection:
    """The way from one model to its provider.

    The SDK's clients behind it are shared by all models of an event loop that talk to the same endpoint, unless the
    caller brought an `http_client` of its own.
    """

    __slots__ = ("_http_client", "_own", "endpoint")

    def __init__(self, endpoint: Endpoint, *, http_client: "httpx2.AsyncClient | None" = None) -> None:
        self.endpoint = endpoint
        self._http_client = http_client
        self._own: _Lane | None = None

    @asynccontextmanager
    async def post(
        self, path: str, content: bytes, *, stream: bool, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Reply]:
        """Post these bytes; the reply lives as long as the block. Error statuses are replies too, and do not raise."""
        lane = self._lane()
        import httpx2
        from openai import APIStatusError, AsyncStream, Omit

        told: dict[str, str | Omit] = {**(headers or {})}
        if self.endpoint.keyed_by_header:
            told["Authorization"] = Omit()  # the key goes in the provider's own header, and only there

        lane.busy += 1
        try:
            try:
                answer = await lane.client.post(
                    path,
                    cast_to=httpx2.Response,
                    content=content,
                    options={"headers": told} if told else {},
                    stream=stream,
                    stream_cls=AsyncStream[object],
                )
                response = cast("httpx2.Response", answer)
            except APIStatusError as error:
                response = error.response
            try:
                yield Reply(response)
            finally:
                if stream:
                    await response.aclose()
        finally:
            lane.busy -= 1

    def _lane(self) -> _Lane:
        if self._http_client is None:
            return _shared(self.endpoint)
        if self._own is None:
            self._own = _Lane(_opened(self.endpoint, self._http_client))
        return self._own


_LANE_LIMIT = 50
_MOST_LANES = 16
_lanes: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Endpoint, list[_Lane]]]" = (
    weakref.WeakKeyDictionary()
)


def _shared(endpoint: Endpoint) -> _Lane:
    """Return a client with room; a pool looks at all of its connections for each request, so a full one is slow."""
    lanes = _lanes.setdefault(asyncio.get_running_loop(), {}).setdefault(endpoint, [])
    for lane in lanes:
        if lane.busy < _LANE_LIMIT:
            return lane
    if len(lanes) < _MOST_LANES:
        lanes.append(_Lane(_opened(endpoint, None)))
        return lanes[-1]
    return min(lanes, key=lambda lane: lane.busy)


def _opened(endpoint: Endpoint, http_client: "httpx2.AsyncClient | None") -> "AsyncOpenAI":
    try:
        from openai import AsyncOpenAI
    except ImportError as error:
        raise MissingExtra(f"The provider {endpoint.provider!r}", "openai") from error
    client = AsyncOpenAI(
        api_key=endpoint.api_key,
        base_url=endpoint.base_url,
        default_headers=dict(endpoint.headers),
        default_query=dict(endpoint.query),
        max_retries=0,  # retrying is one layer's business: copilot_kit.retry
        http_client=http_client,
    )
    if endpoint.provider != "openai":
        client.organization = client.project = None  # read from the environment, and nobody else's business
    return client
