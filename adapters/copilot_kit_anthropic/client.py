"""The official SDK's clients, and one call through them: its authentication, headers and transport, our bytes.

Clients are shared by all models of an event loop, address and key, and closed with the loop; one that brings its own
transport belongs to its model.
"""

import os
import weakref
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from copilot_kit.direct import Direct
from copilot_kit.errors import AuthFailed, MissingExtra, ModelError, TransportFailed, UsageError
from copilot_kit.http import transport_failure
from copilot_kit.lanes import Lanes, tls
from copilot_kit.sending import check_asked, is_here
from copilot_kit.threads import OnceInThread
from copilot_kit_anthropic.failures import failure

if TYPE_CHECKING:
    import httpx2
    from anthropic import AsyncAnthropic

_LANES: "Lanes[tuple[str, str | None, str | None], AsyncAnthropic]" = Lanes(lambda client: client.close())
_DIRECT: "weakref.WeakKeyDictionary[AsyncAnthropic, Direct]" = weakref.WeakKeyDictionary()
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_OWN = "https://api.anthropic.com"
_PROXIED = ("all://", "http://", "https://")
"""What variables of the environment may send through a proxy; to this machine nothing goes through one."""


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

    @contextmanager
    def client(self) -> "Iterator[AsyncAnthropic]":
        """Give a client of the running loop for one request; raises `UsageError` where no key is to be found."""
        if self._http_client is not None:
            if self._own is None:
                self._own = self._opened(self._http_client)
            yield self._own
            return
        key = (self._provider, self._base_url, self._api_key or os.environ.get(self._variable))
        with _LANES.client(key, self._shared) as client:
            yield client

    @property
    def elsewhere(self) -> str | None:
        """The address, where it is not Anthropic's own; one from a profile of the SDK is known at the first request."""
        return elsewhere(self._base_url or os.environ.get("ANTHROPIC_BASE_URL") or _OWN)

    @property
    def _variable(self) -> str:
        return f"{self._provider.upper().replace('-', '_')}_API_KEY"

    def _shared(self) -> "AsyncAnthropic":
        from anthropic import DefaultAsyncHttpxClient

        mounts: dict[str, None] = dict.fromkeys(_PROXIED) if is_here(self.elsewhere or _OWN) else {}
        return self._opened(DefaultAsyncHttpxClient(verify=tls(), mounts=mounts))

    def _opened(self, http_client: "httpx2.AsyncClient") -> "AsyncAnthropic":
        from anthropic import AsyncAnthropic

        key = self._api_key or os.environ.get(self._variable)
        if key is None and (urlsplit(self._base_url or "").hostname in _LOOPBACK or self._http_client is not None):
            key = "none"  # a server on this machine asks for none, but the SDK does
        if key is None and self._provider != "anthropic":
            raise self._keyless()
        client = AsyncAnthropic(api_key=key, base_url=self._base_url, http_client=http_client, max_retries=0)
        if client.api_key is None and client.auth_token is None and client.credentials is None:
            raise self._keyless()
        if client.credentials is None:  # else the key changes, and only the SDK's own post renews it
            _DIRECT[client] = Direct(client, http_client)
        return client

    def _keyless(self) -> UsageError:
        return UsageError(
            f"No key for {self._provider!r}: set the environment variable {self._variable}, or pass api_key."
        )


def elsewhere(url: str) -> str | None:
    """Return the address if it is not Anthropic's own."""
    return None if urlsplit(url)[:2] == urlsplit(_OWN)[:2] else url


def _import_sdk() -> None:
    """Import what a first request needs, which takes about a second."""
    try:
        import anthropic  # noqa: F401
    except ImportError as error:
        raise MissingExtra("A model of the Anthropic Messages API", "anthropic") from error
    tls()


_SDK = OnceInThread(_import_sdk)


class Call:
    """One POST: `chunks` yields the body of a successful answer, `content_type` is known from the first on."""

    def __init__(self, access: Access, path: str, *, model: str) -> None:
        self.content_type = ""
        self.started = False
        self._access, self._path, self._model = access, path, model

    async def chunks(self, body: bytes, headers: Mapping[str, str], *, stream: bool) -> AsyncGenerator[bytes, None]:
        """Yield the answer's bytes as they come; raises `ModelError` for anything that is not a success."""
        await _SDK.done()
        import httpx2

        with self._access.client() as client:
            check_asked(self._model, elsewhere(str(client.base_url)))
            response = await self._posted(client, body, headers, stream=stream)
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

    async def _posted(
        self, client: "AsyncAnthropic", body: bytes, headers: Mapping[str, str], *, stream: bool
    ) -> "httpx2.Response":
        import anthropic
        import httpx2

        direct = _DIRECT.get(client)
        try:
            if direct is not None:
                return await self._sent(direct, body, headers, stream=stream)
            sent = {"Content-Type": "application/json", "Accept": "application/json", **headers}
            return await _post(client, self._path, body, sent, stream=stream)
        except anthropic.APIStatusError as error:
            raise failure(self._model, error.status_code, error.response.content, error.response.headers) from error
        except (anthropic.AnthropicError, httpx2.HTTPError) as error:
            raise _below(error, self._model, started=False) from error

    async def _sent(
        self, direct: Direct, body: bytes, headers: Mapping[str, str], *, stream: bool
    ) -> "httpx2.Response":
        response = await direct.post(self._path, body, headers=headers, stream=stream)
        if response.is_success:
            return response
        try:
            raise failure(self._model, response.status_code, await response.aread(), response.headers)
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

    options: Any = {"headers": headers, "follow_redirects": False}
    if not stream:
        return await client.post(path, cast_to=httpx2.Response, content=body, options=options)
    from anthropic import AsyncStream

    # With this cast the SDK hands over its open response, unread.
    answer: object = await client.post(
        path, cast_to=httpx2.Response, content=body, options=options, stream=True, stream_cls=AsyncStream[Any]
    )
    return cast("httpx2.Response", answer)
