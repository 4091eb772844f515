"""What all pages share: the runs, who is there, the templates, and forms that were made here."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import parse_qsl

import jinja2
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from copilot_kit.errors import UsageError
from copilot_kit.inbox import marking, times
from copilot_kit.inbox.seals import Seals
from copilot_kit.inbox.sign_in import OneTimeTokens, SignIn
from copilot_kit.records import Principal
from copilot_kit_evals.people.labelling import Sample
from copilot_kit_evals.people.pairing import Draw
from copilot_kit_evals.web import texts
from copilot_kit_evals.web.shelf import Book, Shelf

_MOST_BYTES: Final = 256 * 1024
_MOST_FIELDS: Final = 20
LONGEST_NAME: Final = 60
VISITOR: Final = "copilot_kit_evals.visitor"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is compared or labelled where an address does not say."""

    draw: Draw = field(default_factory=Draw)
    sample: Sample = field(default_factory=Sample)
    rater: str | None = None
    """None: whoever is signed in."""


@dataclass(slots=True)
class Desk:
    """The pages of one folder."""

    shelf: Shelf
    sign_in: SignIn
    wish: Wish = field(default_factory=Wish)
    seals: Seals = field(default_factory=Seals)
    clock: Callable[[], float] = time.monotonic
    templates: jinja2.Environment = field(init=False)

    def __post_init__(self) -> None:
        self.templates = _environment()

    def session(self, request: Request) -> str:
        """Return what forms are bound to."""
        own = self.sign_in.session(request) if isinstance(self.sign_in, OneTimeTokens) else None
        return own or f"principal:{visitor_of(request).id}"

    def page(self, request: Request, name: str, *, status: int = 200, **context: Any) -> Response:
        """Return a page made from a template."""
        shared = {
            "root": request.scope.get("root_path", ""),
            "csrf": self.seals.csrf(self.session(request)) if VISITOR in request.scope else "",
            "now": datetime.now(UTC),
            "folder": self.shelf.folder.name,
            "alone": self.shelf.only,
        }
        return HTMLResponse(self.templates.get_template(name).render(shared | context), status)


def desk_of(request: Request) -> Desk:
    """Return the desk that a request came to."""
    return cast("Desk", request.app.state.desk)


def visitor_of(request: Request) -> Principal:
    """Return who makes a request."""
    return cast("Principal", request.scope[VISITOR])


def book_of(request: Request) -> Book:
    """Return the run that the path names."""
    return desk_of(request).shelf.book(texts.named(request.path_params["run"]))


def rater_of(request: Request) -> str:
    """Return the rater that the path names."""
    return checked_rater(texts.named(request.path_params["rater"]))


def checked_rater(name: str) -> str:
    """Return a name by which judgments may be kept; raises `UsageError` for any other."""
    bare = " ".join(name.split())
    if not bare or len(bare) > LONGEST_NAME or not bare.isprintable():
        raise UsageError(f"{name[:LONGEST_NAME]!r} is no name of a rater. Take 1 to {LONGEST_NAME} letters.")
    return bare


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a form that was made for this session; raises `Forged` for any other."""
    body = await body_of(request)
    try:
        form = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"))
    except ValueError as error:
        raise UsageError(f"The form cannot be read: {error}. Open the page again and repeat what you did.") from error
    desk = desk_of(request)
    desk.seals.check_csrf(desk.session(request), form.pop("csrf", ""))
    return form


async def body_of(request: Request) -> bytes:
    """Return the request's body; a 413 as soon as it is longer than any form here."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise HTTPException(413, f"A form has at most {_MOST_BYTES:,} bytes. Send less.")
    return bytes(body)


def to(request: Request, path: str) -> Response:
    """Return the answer that sends a browser on to another page."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}{path}", 303)


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=marking.shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "marked": marking.marked,
        "lines": texts.lines,
        "segment": texts.segment,
        "figure": texts.figure,
        "money": texts.money,
        "seconds": texts.seconds,
        "ago": times.ago,
        "stamp": times.stamp,
        "iso": times.iso,
    }
    return environment
