"""Ready bytes through the transport of an SDK's client, with the headers that the client says of itself.

The SDK's own `post` copies its options and builds headers and address anew for each request, which costs a third as
much again as the request itself. Key, user agent and version do not change while a client lives: here they are asked
once, through its public properties. A client whose key is renewed belongs to its own `post`.

A server that sends a request on is followed on itself alone: data and key go where the caller says, and nowhere else.
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final, Protocol

from copilot_kit.errors import UsageError

if TYPE_CHECKING:
    import httpx2


_MOST_STEPS: Final = 5


class SdkClient(Protocol):
    """What the SDKs of OpenAI and Anthropic have in common, as far as it is needed here."""

    @property
    def auth_headers(self) -> Mapping[str, str]:
        """The key, as a header."""
        ...

    @property
    def default_headers(self) -> Mapping[str, object]:
        """All other headers; a value that is no string says that there is none."""
        ...

    @property
    def default_query(self) -> Mapping[str, object]:
        """What every address ends in."""
        ...

    @property
    def base_url(self) -> "httpx2.URL":
        """Where paths begin."""
        ...


class Direct:
    """The way around an SDK's `post`: its headers, read once, and the transport it was given."""

    __slots__ = ("_base_url", "_headers", "_http_client", "_query", "_urls")

    def __init__(self, client: SdkClient, http_client: "httpx2.AsyncClient", *, without: Collection[str] = ()) -> None:
        said = {**client.auth_headers, **client.default_headers}
        self._headers = {
            name.lower(): value for name, value in said.items() if isinstance(value, str) and name not in without
        }
        self._http_client = http_client
        self._base_url = str(client.base_url).rstrip("/")
        self._query = {name: str(value) for name, value in client.default_query.items()}
        self._urls: dict[str, httpx2.URL] = {}

    async def post(self, path: str, content: bytes, *, headers: Mapping[str, str], stream: bool) -> "httpx2.Response":
        """Return the response, error statuses included; unread with `stream`, and then the caller closes it.

        Raises `UsageError` where the server sends the request on to another one.
        """
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = self._url(path)
        sent = {**self._headers, **headers} if headers else self._headers
        request = self._http_client.build_request("POST", url, headers=sent, content=content)
        for _ in range(_MOST_STEPS):
            response = await self._http_client.send(request, stream=stream, follow_redirects=False)
            onward = response.next_request
            if onward is None:
                return response
            await response.aclose()
            _check_same_server(request.url, onward.url)
            request = onward
        raise UsageError(f"The server {request.url.host!r} sends requests round in circles. Correct the base_url.")

    def _url(self, path: str) -> "httpx2.URL":
        import httpx2

        url = httpx2.URL(self._base_url + path)
        return url.copy_merge_params(self._query) if self._query else url


def _check_same_server(asked: "httpx2.URL", onward: "httpx2.URL") -> None:
    secured = (asked.scheme, onward.scheme) == ("http", "https") and asked.port is None and onward.port is None
    if asked.host == onward.host and (secured or (asked.scheme, asked.port) == (onward.scheme, onward.port)):
        return
    raise UsageError(
        f"The server {asked.host!r} sends requests on to {str(onward.copy_with(query=None))!r}, and nothing was sent "
        "there: neither data nor the key go to a server that nobody named. Give that one as base_url if it is meant."
    )
