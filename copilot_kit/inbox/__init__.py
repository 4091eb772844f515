"""The web inbox: what waits for a person, with everything they must see, on a page.

Needs the extra `inbox`. `inbox_app` is one ASGI app, to be served or mounted; `serve` runs it on this machine.
"""

from typing import TYPE_CHECKING, Any

from copilot_kit.errors import MissingExtra

if TYPE_CHECKING:
    from copilot_kit.inbox.app import inbox_app
    from copilot_kit.inbox.serving import serve
    from copilot_kit.inbox.sign_in import OneTimeTokens, SignIn, proxy_header

__all__ = ["OneTimeTokens", "SignIn", "inbox_app", "proxy_header", "serve"]
_WHERE = {"inbox_app": "app", "serve": "serving", "OneTimeTokens": "sign_in", "SignIn": "sign_in",
          "proxy_header": "sign_in"}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for, so that the base install needs no web server."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    try:
        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("copilot_kit"):
            raise
        raise MissingExtra("The web inbox", "inbox") from error
