"""The inbox on this machine: a server, an address to sign in with, and a clean end."""

import asyncio
import contextlib
import sys
import webbrowser
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import uvicorn

from copilot_kit.agent.worker import Agents, agents_by_name
from copilot_kit.errors import UsageError
from copilot_kit.inbox.app import app_of
from copilot_kit.inbox.desk import Desk
from copilot_kit.inbox.listening import listening_at
from copilot_kit.inbox.live import Live
from copilot_kit.inbox.seals import Seals
from copilot_kit.inbox.sign_in import OneTimeTokens
from copilot_kit.inbox.work import Work
from copilot_kit.journal import Journal
from copilot_kit.records import Principal

PORT: Final = 8321
_LAST_S: Final = 2
_LOOK_S: Final = 0.1
_ANY: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104  refused, where nobody says how they are called


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


@dataclass(frozen=True, slots=True)
class _Told:
    """What a server was told."""

    host: str
    port: int
    agents: Agents
    hosts: Sequence[str]
    tokens: Mapping[str, Principal]
    principal: Principal | None
    open_browser: bool
    tell: Callable[[str], None]


def serve(  # noqa: PLR0913  what a server can be told; all but the journal by name
    store: Journal,
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    agents: Agents = (),
    hosts: Sequence[str] = (),
    tokens: Mapping[str, Principal] | None = None,
    principal: Principal | None = None,
    open_browser: bool = False,
    beside: Callable[[], Coroutine[Any, Any, None]] | None = None,
    tell: Callable[[str], None] = _to_stderr,
) -> None:
    """Serve the inbox until Ctrl-C; addresses with one-time tokens, one for each browser, go to `tell`.

    agents: those at hand; a mapping by their names may grow while it serves.
    port: 0 takes a free one. host: other machines reach the inbox only if it is not a loopback address; what they send
        can then be read on the way, unless a proxy with TLS stands before it.
    hosts: further `name:port` by which browsers may call it. tokens: for programs that use the HTTP API.
    beside: the application's own work, such as starting runs; begun with the server, cancelled with it.
    """
    if host in _ANY and not hosts:
        raise UsageError(
            f"host={host!r} is every address of this machine. Say by which names browsers call it:"
            f" hosts=['inbox.example:{port}']."
        )
    serving = _serve(store, _Told(host, port, agents, hosts, tokens or {}, principal, open_browser, tell))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serving if beside is None else _beside(serving, beside(), tell))


async def _beside(
    serving: Coroutine[Any, Any, None], work: Coroutine[Any, Any, None], tell: Callable[[str], None]
) -> None:
    """Serve, with other work at its side: if that fails, it is told, and the inbox goes on."""
    working = asyncio.create_task(work)

    def told(task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            tell(f"The work beside the inbox ended: {str(error) or type(error).__name__}")

    working.add_done_callback(told)
    try:
        await serving
    finally:
        working.cancel()
        await asyncio.wait([working])


async def _serve(store: Journal, told: _Told) -> None:
    listening = listening_at(told.host, told.port)
    port = listening.getsockname()[1]
    name = f"[{told.host}]" if ":" in told.host else told.host
    where = f"http://{told.hosts[0] if told.host in _ANY else f'{name}:{port}'}/sign-in"

    def tell_again() -> None:
        told.tell(f"A browser has signed in. For another one: {where}#{tokens.minted()}")

    who = None if told.principal is None else told.principal.model_copy(update={"authenticated": "token"})
    tokens = OneTimeTokens(principal=who, cookie=f"inbox_{port}", used=tell_again)
    live, work = Live(store), Work(store, told.agents)
    desk = Desk(store, agents_by_name(told.agents), tokens, Seals(), live, work, told.tokens)
    app = app_of(desk, hosts=(*_hosts(told.host, port), *told.hosts))
    config = uvicorn.Config(app, log_level="warning", access_log=False, proxy_headers=False, server_header=False,
                            timeout_graceful_shutdown=_LAST_S, lifespan="on")  # fmt: skip
    address = f"{where}#{tokens.minted()}"
    told.tell(f"Inbox: {address}")
    told.tell("The address is good for one browser. Press Ctrl-C to end.")
    if told.open_browser:
        webbrowser.open(address)
    server = uvicorn.Server(config)
    ending = asyncio.create_task(_close_streams(server, live))
    try:
        await server.serve(sockets=[listening])
    finally:
        ending.cancel()


async def _close_streams(server: uvicorn.Server, live: Live) -> None:
    """End the streams of events when the server is to end: it waits for open answers first."""
    while not server.should_exit:  # noqa: ASYNC110  a signal sets it, and tells nobody
        await asyncio.sleep(_LOOK_S)
    live.close()


def _hosts(host: str, port: int) -> tuple[str, ...]:
    """Return the names that browsers may use: loopback names for a loopback address, else the address itself."""
    names = ["127.0.0.1", "localhost", "[::1]"] if host in {"127.0.0.1", "localhost", "::1"} else [host]
    return tuple(f"{name}:{port}" for name in names)
