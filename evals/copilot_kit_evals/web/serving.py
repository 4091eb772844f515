"""The pages on this machine alone: a server, an address to sign in with, and a clean end."""

import asyncio
import contextlib
import webbrowser
from collections.abc import Callable

import uvicorn

from copilot_kit.inbox.incoming import segment
from copilot_kit.inbox.listening import listening_at
from copilot_kit.inbox.sign_in import OneTimeTokens
from copilot_kit_evals.web.app import app_of
from copilot_kit_evals.web.desk import Desk, Wish
from copilot_kit_evals.web.shelf import Shelf

HOST = "127.0.0.1"
_LAST_S = 2


def serve(
    shelf: Shelf, *, wish: Wish, path: str = "/", port: int = 0, open_browser: bool = False, tell: Callable[[str], None]
) -> None:
    """Serve the runs until Ctrl-C; addresses with one-time tokens, one for each browser, go to `tell`.

    path: the page that an address leads to. port: 0 takes a free one.
    """
    listening = listening_at(HOST, port)
    here = listening.getsockname()[1]
    where = f"http://{HOST}:{here}/sign-in?to={segment(path)}"

    def tell_again() -> None:
        tell(f"A browser has signed in. For another one: {where}#{tokens.minted()}")

    tokens = OneTimeTokens(cookie=f"eval_{here}", used=tell_again)
    desk = Desk(shelf, tokens, wish)
    app = app_of(desk, hosts=[f"{name}:{here}" for name in (HOST, "localhost")])
    address = f"{where}#{tokens.minted()}"
    tell(f"Runs: {address}")
    tell("The address is good for one browser. Press Ctrl-C to end.")
    if open_browser:
        webbrowser.open(address)
    config = uvicorn.Config(app, log_level="warning", access_log=False, proxy_headers=False, server_header=False,
                            timeout_graceful_shutdown=_LAST_S, lifespan="off")  # fmt: skip
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))
