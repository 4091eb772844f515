"""Who is there: one-time tokens exchanged for a cookie, a reverse proxy's word, or the application's own sign-in."""

import getpass
import hmac
import ipaddress
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from copilot_kit.errors import UsageError
from copilot_kit.inbox.incoming import body_of, to
from copilot_kit.records import Principal

SESSION_S: Final = 12 * 3600
_MOST_SESSIONS: Final = 1_000
NOT_GOOD: Final = "This token is not good, or was used already. Take the address that was printed last."

SignIn: TypeAlias = Callable[[HTTPConnection], Principal | Awaitable[Principal | None] | None]
"""Says who makes a request, from what its own middleware has checked; None: nobody."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever makes a request, as the server knows it; never from what the request says of itself."""

    principal: Principal
    session: str
    """What forms and cards are bound to."""
    via: Literal["session", "bearer"] = "session"
    """bearer: a program with a token in its header, which no browser sends by itself."""


class OneTimeTokens:
    """Sign-in for one's own machine: a token, printed where only its owner reads it, is good for one browser.

    The token travels behind `#` in the printed address, which no browser sends and no log keeps; the sign-in page
    sends it in the body of a form, and gets a cookie in return.

    used: called when a token was, to print a new one for the next browser.
    """

    def __init__(
        self,
        *,
        principal: Principal | None = None,
        cookie: str = "inbox",
        clock: Callable[[], float] = time.monotonic,
        used: Callable[[], None] = lambda: None,
    ) -> None:
        self.cookie = f"copilot_kit_{cookie}"
        self._principal = principal or Principal(id=getpass.getuser(), authenticated="token")
        self._clock = clock
        self._used = used
        self._tokens: set[str] = set()
        self._sessions: OrderedDict[str, float] = OrderedDict()

    def __call__(self, request: HTTPConnection) -> Principal | None:
        """Return who holds the cookie, while it lasts."""
        return self._principal if self.session(request) is not None else None

    def session(self, request: HTTPConnection) -> str | None:
        """Return the session's name, None without one."""
        held = request.cookies.get(self.cookie, "")
        until = self._sessions.get(held)
        if until is None or until < self._clock():
            self._sessions.pop(held, None)
            return None
        return held

    def minted(self) -> str:
        """Return a new one-time token."""
        token = secrets.token_urlsafe(24)
        self._tokens.add(token)
        return token

    def exchanged(self, token: str) -> str | None:
        """Return the value of a new cookie for a token that was not used yet, else None."""
        given = token.encode("utf-8", "surrogatepass")
        found = [one for one in self._tokens if hmac.compare_digest(one.encode(), given)]
        if not found:
            return None
        self._tokens.discard(found[0])
        session = secrets.token_urlsafe(32)
        self._sessions[session] = self._clock() + SESSION_S
        if len(self._sessions) > _MOST_SESSIONS:
            self._sessions.popitem(last=False)
        self._used()
        return session

    def ended(self, request: HTTPConnection) -> None:
        """Forget the session of this request."""
        self._sessions.pop(request.cookies.get(self.cookie, ""), None)


async def entered(request: Request, tokens: OneTimeTokens, *, onward: str) -> Response | None:
    """Return the answer that begins a session for the token in a request's form, None for one that is not good."""
    given = (await body_of(request)).decode("utf-8", "replace").removeprefix("token=").strip()
    session = tokens.exchanged(given)
    if session is None:
        return None
    response = to(request, onward)
    response.set_cookie(tokens.cookie, session, path=f"{request.scope.get('root_path', '')}/", httponly=True,
                        samesite="strict", secure=request.url.scheme == "https")  # fmt: skip
    return response


def proxy_header(header: str, *, trusted: Sequence[str], groups_header: str | None = None) -> SignIn:
    """Return a sign-in that believes an identity header, from these peers only.

    trusted: addresses or networks of the reverse proxy; it must remove the header from what it passes on. Run the
    server so that a request's peer is the proxy itself (uvicorn: `proxy_headers=False`).
    """
    if not trusted:
        raise UsageError("proxy_header(trusted=()) believes nobody. Name the proxy's address: trusted=['10.0.0.5'].")
    networks = [ipaddress.ip_network(one) for one in trusted]

    def sign_in(request: HTTPConnection) -> Principal | None:
        names = request.headers.getlist(header)
        if request.client is None or len(names) != 1 or not names[0].strip():
            return None
        try:
            peer = ipaddress.ip_address(request.client.host)
        except ValueError:  # a socket in the file system, or a test's name
            return None
        if not any(peer in network for network in networks):
            return None
        listed = request.headers.get(groups_header, "") if groups_header else ""
        groups = tuple(group for part in listed.split(",") if (group := part.strip()))
        return Principal(id=names[0].strip(), authenticated="proxy", groups=groups)

    return sign_in


def bearer(request: HTTPConnection, tokens: Mapping[str, Principal]) -> Visitor | None:
    """Return the program that holds one of these tokens, None if the request shows none of them."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    raw = given.strip().encode("utf-8", "surrogatepass")
    found = [who for token, who in tokens.items() if hmac.compare_digest(token.encode(), raw)]
    return Visitor(found[0], f"bearer:{found[0].id}", "bearer") if found else None
