"""Runs in a browser as one ASGI app: lists, reports, transcripts, and the pages where people judge."""

import inspect
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from copilot_kit.errors import CopilotError
from copilot_kit.inbox.guard import Guard
from copilot_kit.inbox.seals import Forged
from copilot_kit.inbox.sign_in import NOT_GOOD, OneTimeTokens, SignIn, entered
from copilot_kit_evals.folder import BadRun
from copilot_kit_evals.web import comparing, labels, reading
from copilot_kit_evals.web.desk import VISITOR, Desk, Wish, desk_of
from copilot_kit_evals.web.shelf import NoSuchRun, Shelf
from copilot_kit_evals.web.sitting import Sitting

_OPEN = ("/static/", "/sign-in")


def view_app(folder: Path, *, sign_in: SignIn, wish: Wish | None = None, hosts: Collection[str] = ()) -> ASGIApp:
    """Return the pages of a folder of runs, or of one run.

    sign_in: says who makes a request; `OneTimeTokens()` for one's own machine. Nothing is shown to nobody.
    hosts: `name` or `name:port`, exactly as browsers send it; by default this machine's own loopback names.
    """
    return app_of(Desk(Shelf.at(folder), sign_in, wish or Wish()), hosts=hosts)


def app_of(desk: Desk, *, hosts: Collection[str] = ()) -> ASGIApp:
    """Return the app of a desk."""
    app = Starlette(
        routes=_routes(),
        middleware=[Middleware(_SignedIn, desk=desk)],
        exception_handlers={HTTPException: _failed, CopilotError: _failed, OSError: _failed},
    )
    app.state.desk = desk
    return Guard(app, hosts=hosts, called="folder of runs")


def _routes() -> list[Route | Mount]:
    run = "/runs/{run}"
    return [
        Route("/", reading.runs),
        Route(run, reading.run),
        Route(f"{run}/report", reading.report),
        Route(f"{run}/attempts/{{digest}}", reading.attempt),
        *_judging(comparing.SITTING, comparing.pair),
        *_judging(labels.SITTING, labels.answer),
        Route("/sign-in", _sign_in_page),
        Route("/sign-in", _sign_in, methods=["POST"]),
        Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
    ]


def _judging(sitting: Sitting[Any, Any], page: Callable[[Request], Response]) -> list[Route]:
    """Return the routes of one kind of page on which people judge."""
    path = f"/runs/{{run}}/{sitting.kind}"
    return [
        Route(path, sitting.begin),
        Route(path, sitting.go, methods=["POST"]),
        Route(f"{path}/{{rater}}", page),
        Route(f"{path}/{{rater}}", sitting.judge, methods=["POST"]),
    ]


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
        found = self._desk.sign_in(request)
        visitor = await found if inspect.isawaitable(found) else found
        path = request.url.path.removeprefix(scope.get("root_path", ""))
        if visitor is not None:
            scope[VISITOR] = visitor
        elif not path.startswith(_OPEN):
            await self._stranger(request, path)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _stranger(self, request: Request, path: str) -> Response:
        if request.method == "GET" and isinstance(self._desk.sign_in, OneTimeTokens):
            return RedirectResponse(f"{request.scope.get('root_path', '')}/sign-in?to={quote(path, safe='')}", 303)
        return PlainTextResponse("Nobody is signed in. Open the address that the terminal printed.", 401)


async def _sign_in_page(request: Request) -> Response:
    """Show where the token goes; the page's script takes it from behind the `#` of the address."""
    _tokens(request)
    return desk_of(request).page(request, "sign_in.html", error="", onward=_onward(request))


def _onward(request: Request) -> str:
    """Return the page that was asked for before, as a path of this app."""
    path = unquote(request.query_params.get("to", ""))
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() else "/"


async def _sign_in(request: Request) -> Response:
    """Exchange a one-time token for a session."""
    onward = _onward(request)
    response = await entered(request, _tokens(request), onward=quote(onward, safe="/%"))
    return response or desk_of(request).page(request, "sign_in.html", error=NOT_GOOD, onward=onward, status=403)


def _tokens(request: Request) -> OneTimeTokens:
    tokens = desk_of(request).sign_in
    if not isinstance(tokens, OneTimeTokens):
        raise HTTPException(404, "These pages have the sign-in of the application around them. Sign in there.")
    return tokens


async def _failed(request: Request, error: Exception) -> Response:
    """Return an error as a page."""
    match error:
        case HTTPException(status_code=status, detail=words):
            pass
        case NoSuchRun():
            status, words = 404, str(error)
        case Forged():
            status, words = 403, str(error)
        case BadRun():
            status, words = 422, str(error)
        case CopilotError():
            status, words = 400, str(error)
        case _:
            status, words = 500, f"A file of the run cannot be read: {type(error).__name__}. Look at the folder."
    if VISITOR not in request.scope:
        return PlainTextResponse(words, status)
    return desk_of(request).page(request, "error.html", status=status, words=words, code=status)
