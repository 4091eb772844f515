"""The official SDK's clients, and one call through them: its authentication, headers and transport, our bytes.

One client for each event loop, address and key is kept for the process, as building one costs a TLS context; a client
that brings its own transport belongs to its model.
"""

import asyncio
import os
import weakref
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from copilot_kit.errors import AuthFailed, MissingExtra, ModelError, TransportFailed
from copilot_kit.http import transport_failure
from copilot_kit_anthropic.failures import failure

if TYPE_CHECKING:
    import httpx2
    from anthropic import AsyncAnthropic

_Key = tuple[str, str | None, str | None]
_CLIENTS: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[_Key, AsyncAnthropic]]" = (
    weakref.WeakKeyDictionary()
)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Access:
    """Where a model is reached and with which key; opens the client at the first request."""

    __slots__ = ("_api_key", "_base_url", "_http_client", "_own", "_provider")

    def __init__(
        self, provider: str, *, base_url: str | None, api_key: str | None, http_client: "httpx2.AsyncClient | None"
    ) -> None:
        self._provider = provider
        self._base_url = base_url
        self._api_key = api_key
        self._http_client = http_client
        self._own: AsyncAnthropic | None = None

    def client(self) -> "AsyncAnthropic":
        """Return the client for the running loop; raises `AuthFailed` where no key is to be found."""
        if self._http_client is not None:
            if self._own is None:
                self._own = self._opened()
            return self._own
        clients = _CLIENTS.setdefault(asyncio.get_running_loop(), {})
        key = (self._provider, self._base_url, self._api_key or os.environ.get(self._variable))
        if key not in clients:
            clients[key] = self._opened()
        return clients[key]

    @property
    def _variable(self) -> str:
        return f"{self._provider.upper().replace('-', '_')}_API_KEY"

    def _opened(self) -> "AsyncAnthropic":
        try:
            from anthropic import AsyncAnthropic
        except ImportError as error:
            raise MissingExtra("A model of the Anthropic Messages API", "anthropic") from error
        key = self._api_key or os.environ.get(self._variable)
        if key is None and (urlsplit(self._base_url or "").hostname in _LOOPBACK or self._http_client is not None):
            key = "none"  # a server on this machine asks for none, but the SDK does
        if key is None and self._provider != "anthropic":
            raise self._keyless()
        client = AsyncAnthropic(api_key=key, base_url=self._base_url, http_client=self._http_client, max_retries=0)
        if client.api_key is None and client.auth_token is None and client.credentials is None:
            raise self._keyless()
        return client

    def _keyless(self) -> AuthFailed:
        return AuthFailed(
            f"There is no key for {self._provider!r}. Set {self._variable} in the environment, or pass api_key.",
            model=self._provider,
        )


async def close_clients() -> None:
    """Close the clients of the running loop, with their connections."""
    for client in _CLIENTS.pop(asyncio.get_running_loop(), {}).values():
        await client.close()


class Call:
    """One POST: `chunks` yields the body of a successful answer, `content_type` is known from the first on."""

    def __init__(self, access: Access, path: str, *, model: str) -> None:
        self.content_type = ""
        self.started = False
        self._access, self._path, self._model = access, path, model

    async def chunks(self, body: bytes, headers: Mapping[str, str], *, stream: bool) -> AsyncGenerator[bytes, None]:
        """Yield the answer's bytes as they come; raises `ModelError` for anything that is not a success."""
        import anthropic
        import httpx2

        client = self._access.client()
        sent = {"Content-Type": "application/json", "Accept": "application/json", **headers}
        try:
            response = await _post(client, self._path, body, sent, stream=stream)
        except anthropic.APIStatusError as error:
            raise failure(self._model, error.status_code, error.response.content, error.response.headers) from error
        except (anthropic.AnthropicError, httpx2.HTTPError) as error:
            raise _below(error, self._model, started=False) from error
        self.content_type = response.headers.get("content-type", "").lower()
        try:
            if not stream:
                yield response.content
                return
            async for chunk in response.aiter_bytes():
                yield chunk
        except httpx2.HTTPError as error:
            raise _below(error, self._model, started=self.started) from error
        finally:
            await response.aclose()


def _below(error: Exception, model: str, *, started: bool) -> ModelError:
    """Return our error for one of the SDK's that is no answer of the provider: the line, or the key."""
    from anthropic import CredentialsError

    words = f"The SDK could not ask {model} ({type(error).__name__}: {error})."
    if isinstance(error, CredentialsError):
        return AuthFailed(f"{words} Check the key, or the profile that it is read from.", model=model)
    found = transport_failure(error, model=model, started=started)
    return found or TransportFailed(f"{words} Try again.", model=model, started=started)


async def _post(
    client: "AsyncAnthropic", path: str, body: bytes, headers: dict[str, str], *, stream: bool
) -> "httpx2.Response":
    import httpx2

    options: Any = {"headers": headers}
    if not stream:
        return await client.post(path, cast_to=httpx2.Response, content=body, options=options)
    from anthropic import AsyncStream

    # With this cast the SDK hands over its open response, unread.
    answer: object = await client.post(
        path, cast_to=httpx2.Response, content=body, options=options, stream=True, stream_cls=AsyncStream[Any]
    )
    return cast("httpx2.Response", answer)
