"""The web inbox as one ASGI app: served by itself on this machine, or mounted in an application with its sign-in."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from copilot_kit.agent.worker import Agents, agents_by_name
from copilot_kit.errors import CopilotError
from copilot_kit.inbox import audit, pages, rules, runs, turns
from copilot_kit.inbox.desk import VISITOR, Desk, desk_of, form_of
from copilot_kit.inbox.guard import Guard
from copilot_kit.inbox.incoming import to
from copilot_kit.inbox.live import Live
from copilot_kit.inbox.openapi import api_routes
from copilot_kit.inbox.seals import Seals
from copilot_kit.inbox.sign_in import NOT_GOOD, OneTimeTokens, SignIn, entered
from copilot_kit.inbox.statuses import status_of
from copilot_kit.inbox.work import Work
from copilot_kit.journal import Journal
from copilot_kit.records import Principal

_OPEN = ("/static/", "/sign-in")


def inbox_app(
    store: Journal,
    *,
    agents: Agents = (),
    sign_in: SignIn,
    hosts: Collection[str] = (),
    tokens: Mapping[str, Principal] | None = None,
    secret: bytes | None = None,
) -> ASGIApp:
    """Return the inbox of a journal.

    agents: those at hand; runs that were decided here go on here. Without them another process takes runs on. A
        mapping by their names may grow while the inbox is there.
    sign_in: says who makes a request, from what your own middleware has checked; `OneTimeTokens()` for one's own
        machine, `proxy_header(...)` behind a proxy that signs people in. Nothing is shown to nobody.
    hosts: `name` or `name:port`, exactly as browsers send it; by default this machine's own loopback names.
    tokens: for programs that use the HTTP API, each with who it is.
    secret: share one between processes that serve the same inbox; by default it is made anew at each start.

        application.mount("/inbox", inbox_app(store, sign_in=whoever_is_signed_in, hosts=["support.example"]))
    """
    named = agents_by_name(agents)
    live, work = Live(store), Work(store, agents)
    return app_of(Desk(store, named, sign_in, Seals(secret), live, work, dict(tokens or {})), hosts=hosts)


def app_of(desk: Desk, *, hosts: Collection[str] = ()) -> ASGIApp:
    """Return the app of a desk."""
    app = Starlette(
        routes=_routes(),
        middleware=[Middleware(_SignedIn, desk=desk)],
        exception_handlers={HTTPException: _failed, CopilotError: _failed},
        lifespan=_lifespan,
    )
    app.state.desk = desk
    return Guard(app, hosts=hosts)


def _routes() -> list[Route | Mount]:
    one_card = "/cards/{run_id}/{proposal_id}"
    one_call = "/runs/{run_id}/calls/{call_id}"
    return [
        Route("/", pages.waiting),
        Route(one_card, pages.card),
        Route(f"{one_card}/decide", pages.decide, methods=["POST"]),
        Route(
            f"{one_card}/decide", pages.card
        ),  # a decision that was not taken shows the card here: it can be reloaded
        Route(f"{one_card}/claim", pages.claim, methods=["POST"]),
        Route(f"{one_card}/assign", pages.assign_card, methods=["POST"]),
        Route(f"{one_card}/again", pages.again, methods=["POST"]),
        Route(one_call, pages.unknown),
        Route(f"{one_call}/settle", pages.settle_call, methods=["POST"]),
        Route(f"{one_call}/undo", runs.undo, methods=["POST"]),
        Route(f"{one_card}/rule", rules.offer),
        Route(f"{one_card}/rule", rules.grant, methods=["POST"]),
        Route("/runs", runs.runs),
        Route("/runs/{run_id}", runs.run),
        Route("/runs/{run_id}/stop", runs.stop_run, methods=["POST"]),
        Route("/runs/{run_id}/turns/{turn}", turns.turn),
        Route("/runs/{run_id}/turns/{turn}", turns.decide_turn, methods=["POST"]),
        Route("/rules", rules.rules),
        Route("/rules/{rule_id}/revoke", rules.revoke_rule, methods=["POST"]),
        Route("/audit", audit.audit),
        Route("/trust", audit.trust),
        Route("/events", _events),
        *api_routes(),
        Route("/sign-in", _sign_in_page),
        Route("/sign-in", _sign_in, methods=["POST"]),
        Route("/sign-out", _sign_out, methods=["POST"]),
        Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
    ]


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    desk: Desk = app.state.desk
    desk.work.begin()
    yield
    desk.live.close()
    await desk.work.close()


class _SignedIn:
    """Finds out who is there before any page; nobody gets no further than the sign-in."""

    def __init__(self, app: ASGIApp, desk: Desk) -> None:
        self._app = app
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        self._desk.work.begin()  # an app that is mounted is told of no beginning
        scope[VISITOR] = visitor = await self._desk.visitor(request)
        path = request.url.path.removeprefix(scope.get("root_path", ""))
        if visitor is None and not path.startswith(_OPEN):
            await _stranger(request, path, own=isinstance(self._desk.sign_in, OneTimeTokens))(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _stranger(request: Request, path: str, *, own: bool) -> Response:
    if own and request.method == "GET" and not path.startswith(("/api/", "/events")):
        onward = "" if path == "/" else f"?to={quote(path)}"
        return RedirectResponse(f"{request.scope.get('root_path', '')}/sign-in{onward}", 303)
    words = "Nobody is signed in. Sign in, or send a token in the Authorization header."
    return JSONResponse({"error": words}, 401) if path.startswith("/api/") else PlainTextResponse(words, 401)


async def _events(request: Request) -> Response:
    """Tell the page when something moved."""
    return desk_of(request).live.response(request)


async def _sign_in_page(request: Request) -> Response:
    """Show where the token goes; the page's script takes it from behind the `#` of the address."""
    desk = desk_of(request)
    if not isinstance(desk.sign_in, OneTimeTokens):
        raise HTTPException(404, "This inbox has the sign-in of the application around it. Sign in there.")
    return desk.page(request, "sign_in.html", error="", onward=_onward(request))


def _onward(request: Request) -> str:
    """Return where somebody wanted to go: a link in a mail opens without the cookie, a link on our page with it."""
    path = request.query_params.get("to", "")
    return quote(path) if path.startswith("/") and not path.startswith(("//", "/\\")) else ""


async def _sign_in(request: Request) -> Response:
    """Exchange a one-time token for a session."""
    desk = desk_of(request)
    tokens = desk.sign_in
    if not isinstance(tokens, OneTimeTokens):
        raise HTTPException(404, "This inbox has the sign-in of the application around it. Sign in there.")
    response = await entered(request, tokens, onward="/")
    return response or desk.page(request, "sign_in.html", error=NOT_GOOD, onward="", status=403)


async def _sign_out(request: Request) -> Response:
    """End the session."""
    desk = desk_of(request)
    await form_of(request)
    if isinstance(desk.sign_in, OneTimeTokens):
        desk.sign_in.ended(request)
    return to(request, "/sign-in")


async def _failed(request: Request, error: Exception) -> Response:
    """Return an error as a page, or as JSON where a program asked."""
    status = status_of(error)
    words = str(error.detail) if isinstance(error, HTTPException) else str(error)
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    if path.startswith("/api/"):
        return JSONResponse({"error": words}, status)
    return desk_of(request).page(request, "error.html", status=status, words=words, code=status)
