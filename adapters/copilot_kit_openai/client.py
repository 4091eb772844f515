"""Posts ready bytes to one provider through the official SDK's client, and hands back the raw reply.

The SDK brings authentication, options, proxies and its transport; bodies are not its business here.
"""

import os
import weakref
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from copilot_kit.direct import Direct
from copilot_kit.errors import MissingExtra, UsageError
from copilot_kit.lanes import Lanes, tls
from copilot_kit.sending import is_here
from copilot_kit.threads import OnceInThread
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


def elsewhere(endpoint: Endpoint, dialect: Dialect) -> str | None:
    """Return the endpoint's address if it is not the one that its provider has for all."""
    own = dialect.base_url is not None and urlsplit(endpoint.base_url)[:2] == urlsplit(dialect.base_url)[:2]
    return None if own else endpoint.base_url


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


class Connection:
    """The way from one model to its provider.

    The SDK's clients behind it are shared by all models of an event loop that talk to the same endpoint, and closed
    with the loop, unless the caller brought an `http_client` of its own.
    """

    __slots__ = ("_http_client", "_own", "endpoint")

    def __init__(self, endpoint: Endpoint, *, http_client: "httpx2.AsyncClient | None" = None) -> None:
        self.endpoint = endpoint
        self._http_client = http_client
        self._own: AsyncOpenAI | None = None

    @asynccontextmanager
    async def post(
        self, path: str, content: bytes, *, stream: bool, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Reply]:
        """Post these bytes; the reply lives as long as the block. Error statuses are replies too, and do not raise."""
        await _SDK.done()
        with self.client() as client:
            response = await _DIRECT[client].post(path, content, headers=headers or {}, stream=stream)
            try:
                yield Reply(response)
            finally:
                if stream:
                    await response.aclose()

    @contextmanager
    def client(self) -> "Iterator[AsyncOpenAI]":
        """Give a client of the running loop for one request."""
        if self._http_client is None:
            with _LANES.client(self.endpoint, self._shared) as client:
                yield client
            return
        if self._own is None:
            self._own = _opened(self.endpoint, self._http_client)
        yield self._own

    def _shared(self) -> "AsyncOpenAI":
        from openai import DefaultAsyncHttpxClient

        alone = is_here(self.endpoint.base_url)  # to this machine there is no way through a proxy
        return _opened(self.endpoint, DefaultAsyncHttpxClient(verify=tls(), trust_env=not alone))


_DIRECT: "weakref.WeakKeyDictionary[AsyncOpenAI, Direct]" = weakref.WeakKeyDictionary()
_LANES: "Lanes[Endpoint, AsyncOpenAI]" = Lanes(lambda client: client.close())


def _import_sdk() -> None:
    """Import what a first request needs, which takes about half a second."""
    try:
        import openai  # noqa: F401
    except ImportError as error:
        raise MissingExtra("A model behind an API of OpenAI's kind", "openai") from error
    tls()


_SDK = OnceInThread(_import_sdk)


def _opened(endpoint: Endpoint, http_client: "httpx2.AsyncClient") -> "AsyncOpenAI":
    from openai import AsyncOpenAI

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
    # A key that goes in the provider's own header goes only there.
    _DIRECT[client] = Direct(client, http_client, without=("Authorization",) if endpoint.keyed_by_header else ())
    return client
