"""A llama.cpp server at a URL, as the same backend as the engine in the process."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from copilot_kit.events import closing
from copilot_kit.http import transport_failure
from copilot_kit.sending import is_here
from copilot_kit.sse import server_events
from copilot_kit_local.engine import MOST_EMBEDDED_CHARS, Chunk

if TYPE_CHECKING:
    import httpx2

_ERROR = 400
# The server closes kept connections without a word; a read may take as long as a slow machine needs for a prompt.
_HEADERS = {"Connection": "close"}
_TIMEOUT_S = 600


class LlamaServer:
    """llama.cpp's own HTTP server. Without `--embeddings` it makes none, and words in common stand in."""

    def __init__(
        self, url: str, *, api_key: str | None = None, http_client: "httpx2.AsyncClient | None" = None
    ) -> None:
        self.url = url.rstrip("/").removesuffix("/v1")
        self._headers = {**_HEADERS, **({"Authorization": f"Bearer {api_key}"} if api_key else {})}
        self._client = http_client
        self._embeds = True
        self._vectors: dict[str, tuple[float, ...]] = {}

    async def chat(self, body: dict[str, Any]) -> AsyncIterator[Chunk]:
        """Yield the chunks of the answer; closing the iterator closes the connection, which stops the server's work."""
        import httpx2

        streamed = {**body, "stream": True, "stream_options": {"include_usage": True}, "cache_prompt": False}
        started = False
        try:
            async with self._http() as client, client.stream(
                "POST", f"{self.url}/v1/chat/completions", json=streamed, headers=self._headers
            ) as response:  # fmt: skip
                if response.status_code >= _ERROR:
                    yield _error(await response.aread(), response.status_code)
                    return
                async with closing(server_events(response.aiter_bytes())) as events:
                    async for event in events:
                        if event.data == b"[DONE]":
                            return
                        yield json.loads(event.data)
                        started = True
        except (httpx2.HTTPError, ValueError) as error:
            failure = transport_failure(error, model=self.url, started=started)
            if failure is None:
                raise
            raise failure from error

    async def embed(self, text: str) -> tuple[float, ...] | None:
        """Return the server's embedding of the text, None if it makes none."""
        import httpx2

        text = text[:MOST_EMBEDDED_CHARS]
        if text in self._vectors or not self._embeds:
            return self._vectors.get(text)
        try:
            async with self._http() as client:
                answer = await client.post(f"{self.url}/v1/embeddings", json={"input": [text]}, headers=self._headers)
            self._vectors[text] = tuple(answer.json()["data"][0]["embedding"])
        except (httpx2.HTTPError, ValueError, KeyError, IndexError):
            self._embeds = False  # once asked is enough: it was started without
        return self._vectors.get(text)

    @asynccontextmanager
    async def _http(self) -> "AsyncIterator[httpx2.AsyncClient]":
        if self._client is not None:
            yield self._client
            return
        import httpx2

        alone = is_here(self.url)  # to this machine there is no way through a proxy
        async with httpx2.AsyncClient(timeout=_TIMEOUT_S, trust_env=not alone) as client:
            yield client


def _error(body: bytes, status: int) -> Chunk:
    try:
        held = json.loads(body)
    except ValueError:
        held = None
    error = held.get("error") if isinstance(held, dict) else None
    if isinstance(error, dict):
        return {"error": error}
    return {"error": {"code": status, "message": body[:200].decode(errors="replace")}}
