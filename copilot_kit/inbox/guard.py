"""The gate before every page: whose host this is, where a request comes from, how large it may be.

A browser carries cookies along wherever a request was thought up. So a request that changes something must say that it
was thought up here (Origin, Sec-Fetch-Site), and the name that the browser used must be ours (Host): a page elsewhere
that points its own name at this machine is a stranger all the same.
"""

from collections.abc import Collection, Mapping
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES: Final = 4 * 1024 * 1024
"""Arguments of the longest call that is taken, percent-encoded."""
LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With no-referrer, browsers send `Origin: null` with a form, which could not be told from a stranger's.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


class Guard:
    """An ASGI app that lets through to another what may pass, and gives every answer its headers."""

    def __init__(self, app: ASGIApp, *, hosts: Collection[str] = (), called: str = "inbox") -> None:
        self._app = app
        self._called = called
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        answering = _with_headers(send)
        refusal = self._refusal(scope["method"], scope.get("scheme", "http"), headers)
        if refusal is not None:
            await PlainTextResponse(refusal, 403)(scope, receive, answering)
            return
        if _length(headers) > MAX_BODY_BYTES:
            await PlainTextResponse(f"A request has at most {MAX_BODY_BYTES:,} bytes. Send less.", 413)(
                scope, receive, answering
            )
            return
        await self._app(scope, receive, answering)

    def _refusal(self, method: str, scheme: str, headers: Headers) -> str | None:
        host = headers.getlist("host")
        if len(host) != 1 or not self._is_ours(host[0].lower()):
            named = ", ".join(host)
            right = "Use the address it was started with, or pass hosts=[...]."
            return f"The host {named!r} is not this {self._called}. {right}"
        site, mode = headers.get("sec-fetch-site"), headers.get("sec-fetch-mode")
        if site in {"cross-site", "same-site"} and (method not in _SAFE or mode != "navigate"):
            return f"This request comes from another site. Decide in the {self._called} itself."
        origins = headers.getlist("origin")
        ours = {f"{scheme}://{host[0].lower()}", f"https://{host[0].lower()}"}  # a proxy may have taken TLS off
        if any(origin.lower() not in ours for origin in origins):
            return f"The origin {', '.join(origins)!r} is not this {self._called}. Decide in the {self._called} itself."
        by_program = headers.get("authorization") is not None
        if method not in _SAFE and not origins and site != "same-origin" and not by_program:
            return "The request does not say where it comes from (no Origin). Use a browser, or a token in its header."
        return None

    def _is_ours(self, host: str) -> bool:
        if self._hosts:
            return host in self._hosts
        name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
        return (name if name and port.isdigit() else host) in LOOPBACK


def _length(headers: Headers) -> int:
    length = headers.get("content-length", "0")
    return int(length) if length.isdigit() else MAX_BODY_BYTES + 1


def _with_headers(send: Send) -> Send:
    async def answering(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return answering
