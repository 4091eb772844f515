"""The pages on this machine alone: a server, an address to sign in with, and a clean end."""

import asyncio
import contextlib
import socket
import webbrowser
from collections.abc import Callable

import uvicorn

from copilot_kit.errors import UsageError
from copilot_kit.inbox.sign_in import OneTimeTokens
from copilot_kit_evals.web.app import app_of
from copilot_kit_evals.web.desk import Desk, Wish
from copilot_kit_evals.web.shelf import Shelf
from copilot_kit_evals.web.texts import segment

HOST = "127.0.0.1"
_LAST_S = 2


def serve(
    shelf: Shelf, *, wish: Wish, path: str = "/", port: int = 0, open_browser: bool = False, tell: Callable[[str], None]
) -> None:
    """Serve the runs until Ctrl-C; addresses with one-time tokens, one for each browser, go to `tell`.

    path: the page that an address leads to. port: 0 takes a free one.
    """
    listening = _listening(port)
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


def _listening(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise UsageError(
            f"Cannot listen at {HOST}:{port}: {error.strerror or error}. Choose another port, or end what uses it."
        ) from error
    return listening
