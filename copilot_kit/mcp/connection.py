"""A connection to one MCP server that heals: it is opened when it is needed, and again after it broke.

The SDK's client must be entered and left by one task. That task is owned here; calls are made from any other. What a
server asks for (words of a person, answers of a model, folders) is declined: the SDK says so where nobody answers.
"""

import asyncio
import os
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import IO, Any, TypeAlias

import anyio
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import (
    CONNECTION_CLOSED,
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    URL_ELICITATION_REQUIRED,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    InputRequiredResult,
)
from pydantic import TypeAdapter

from copilot_kit.display import visible
from copilot_kit.errors import CopilotError, UsageError
from copilot_kit.mcp.bounds import MAX_EVENT_BYTES, bounded_client
from copilot_kit.mcp.offer import MAX_TOOLS
from copilot_kit.mcp.servers import AnyServer, OwnServer, StdioServer
from copilot_kit.outputs import words_of

Listing: TypeAlias = list[dict[str, Any]]
"""The entries of a server's list of tools, as the protocol writes them."""

_ANSWER: TypeAdapter[CallToolResult | InputRequiredResult] = TypeAdapter(CallToolResult | InputRequiredResult)
_NOT_RUN = frozenset({INVALID_PARAMS, METHOD_NOT_FOUND, HEADER_MISMATCH, URL_ELICITATION_REQUIRED})
"""Errors by which a server says that it did not begin; after any other, nobody knows."""
_ENDED = frozenset({CONNECTION_CLOSED, INVALID_REQUEST})
"""Errors to a request that is right in itself, by which a session has ended."""
_BROKEN = (MCPError, ValueError, RuntimeError, OSError, anyio.ClosedResourceError, anyio.BrokenResourceError)
"""What the SDK raises where there is no connection, or an answer that is none."""
_MOST_PAGES = 100
_LAST_WORDS = 400
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0
_PATIENCE_S = 8.0  # a program is asked to end, then told, then killed: the SDK takes up to 2 s for each


class NotReached(CopilotError):
    """The server could not be reached or did not begin; nothing ran."""


class Lost(CopilotError):
    """The call went out and no answer came; whether it ran is not known."""


class Connection:
    """One server, connected while it is needed; calls of several tasks share it."""

    def __init__(self, server: AnyServer, *, connect_s: float) -> None:
        self._server = server
        self._connect_s = connect_s
        self._opening = asyncio.Lock()
        self._client: Client | None = None
        self._owner: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._closed = False
        self._errors: IO[str] | None = None

    @property
    def identity(self) -> dict[str, str | None]:
        """Which server it is: where it is, and what it calls itself."""
        info = None if self._client is None else self._client.server_info
        named = (None, None) if info is None else (info.name, info.version)
        return {"place": self._server.place, "name": named[0], "version": named[1]}

    @property
    def instructions(self) -> str | None:
        """What the server says of itself; text of others."""
        return None if self._client is None else self._client.instructions

    async def tools(self) -> Listing:
        """Return the server's list of tools as it is now; a connection that has ended is opened once more."""
        for again in (True, False):
            client = await self._ready()
            try:
                return await self._listing(client)
            except _BROKEN as error:
                if not again or (isinstance(error, MCPError) and error.code not in _ENDED):
                    raise NotReached(f"{self._server.label} does not list its tools: {words_of(error)}") from error
                await self._drop(client)
        raise AssertionError("unreachable")  # pragma: no cover

    async def call(self, tool: str, arguments: Mapping[str, Any], meta: Mapping[str, Any]) -> CallToolResult:
        """Return what the server answered. Raises `NotReached` where it did not run, and `Lost` where nobody knows."""
        client = await self._ready()
        try:
            return await self._called(client, tool, arguments, meta)
        except MCPError as error:
            if error.code in _NOT_RUN:
                raise NotReached(str(error)) from error
            raise Lost(str(error)) from error
        except Lost:
            raise
        except Exception as error:  # once it is sent, whatever goes wrong proves nothing
            raise Lost(words_of(error)) from error

    async def _drop(self, client: Client) -> None:
        """Leave the connection, unless another call has opened a new one meanwhile."""
        async with self._opening:
            if self._client is client:
                await self._leave()

    async def close(self) -> None:
        """Leave the connection for good."""
        self._closed = True
        async with self._opening:
            await self._leave()

    async def _ready(self) -> Client:
        async with self._opening:
            if self._closed:
                raise NotReached(f"The connection to {self._server.label} was closed.")
            if self._client is not None and self._owner is not None and not self._owner.done():
                return self._client
            await self._leave()
            self._stop = asyncio.Event()
            opened: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
            self._owner = asyncio.create_task(self._own(opened, self._stop))
            try:
                async with asyncio.timeout(self._connect_s):
                    self._client = await opened
            except TimeoutError as error:
                await self._leave()
                raise NotReached(f"{self._server.label} did not answer within {self._connect_s:g} s.") from error
            except BaseException:
                await self._leave()
                raise
            return self._client

    async def _leave(self) -> None:
        entered = self._client is not None
        owner, self._owner, self._client = self._owner, None, None
        if owner is None:
            return
        self._stop.set()
        await asyncio.wait({owner}, timeout=_PATIENCE_S if entered else 0)
        if not owner.done():
            owner.cancel()
            await asyncio.wait({owner})

    async def _own(self, opened: "asyncio.Future[Client]", stop: asyncio.Event) -> None:
        """Hold the client open until it is told to stop, or breaks."""
        last_words = ""
        try:
            async with AsyncExitStack() as stack:
                transport = await self._transport(stack)
                try:
                    client = await stack.enter_async_context(Client(transport, cache=None, read_timeout_seconds=None))
                except Exception:
                    last_words = self._last_words()
                    raise
                opened.set_result(client)
                await stop.wait()
        except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001  whatever broke it, the next call opens another
            if not opened.done():
                opened.set_exception(_unreachable(self._server, error, last_words))
        finally:
            if not opened.done():
                opened.cancel()

    async def _transport(self, stack: AsyncExitStack) -> Any:
        if isinstance(self._server, StdioServer):
            self._errors = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115  a terminal would obey it
            stack.enter_context(self._errors)
            parameters = StdioServerParameters(
                command=self._server.command,
                args=list(self._server.args),
                env=dict(self._server.env),
                cwd=self._server.cwd,
            )
            return stdio_client(parameters, errlog=self._errors)
        if isinstance(self._server, OwnServer):
            return self._server.server
        http = bounded_client(self._server.headers, connect_s=self._connect_s)
        client = await stack.enter_async_context(http)
        return streamable_http_client(self._server.url, http_client=client, max_sse_event_size=MAX_EVENT_BYTES)

    def _last_words(self) -> str:
        """Return the last line that a program wrote to standard error before it failed."""
        if self._errors is None:
            return ""
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - _LAST_WORDS))
        lines = self._errors.read().strip().splitlines()
        return f" Its last words: {visible(lines[-1])}" if lines else ""

    async def _listing(self, client: Client) -> Listing:
        found: Listing = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = await client.list_tools(cursor=cursor, cache_mode="bypass")
            found += [one.model_dump(by_alias=True, mode="json", exclude_none=True) for one in page.tools]
            if len(found) > MAX_TOOLS:
                raise NotReached(
                    f"{self._server.label} lists more than {MAX_TOOLS} tools, which is more than are taken."
                )
            cursor = page.next_cursor
            if cursor is None:
                return found
        raise NotReached(f"{self._server.label} lists its tools on more than {_MOST_PAGES} pages.")

    async def _called(
        self, client: Client, tool: str, arguments: Mapping[str, Any], meta: Mapping[str, Any]
    ) -> CallToolResult:
        """Call, and wait where the server says to ask again.

        Not the SDK's own way: that one checks the result by the server's schema with Python's regular expressions,
        which hang on some, and turns a call that ran into an error where the result does not fit.
        """
        state: str | None = None
        pause = _FIRST_PAUSE_S
        while True:
            params = CallToolRequestParams.model_validate(
                {"name": tool, "arguments": arguments, "requestState": state, "_meta": meta}
            )
            answer = await client.session.send_request(CallToolRequest(params=params), _ANSWER)
            if isinstance(answer, CallToolResult):
                return answer
            if answer.input_requests:
                kinds = ", ".join(sorted({one.method for one in answer.input_requests.values()}))
                raise Lost(f"it asks for {kinds}, which is not given here")
            state = answer.request_state
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)


def _unreachable(server: AnyServer, error: BaseException, last_words: str) -> CopilotError:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, FileNotFoundError | PermissionError) and isinstance(server, StdioServer):
        return UsageError(f"The MCP server {server.command!r} cannot be started: {error}. Correct the command.")
    return NotReached(f"The MCP server {server.label} cannot be reached: {words_of(error)}{last_words}")
