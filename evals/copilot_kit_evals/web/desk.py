"""What all pages share: the runs, who is there, the templates, and forms that were made here."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from copilot_kit.errors import UsageError
from copilot_kit.inbox import marking
from copilot_kit.inbox.incoming import fields_of, named
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
    return desk_of(request).shelf.book(named(request, "run"))


def rater_of(request: Request) -> str:
    """Return the rater that the path names."""
    return checked_rater(named(request, "rater"))


def checked_rater(name: str) -> str:
    """Return a name by which judgments may be kept; raises `UsageError` for any other."""
    bare = " ".join(name.split())
    if not bare or len(bare) > LONGEST_NAME or not bare.isprintable():
        raise UsageError(f"{name[:LONGEST_NAME]!r} is no name of a rater. Take 1 to {LONGEST_NAME} letters.")
    return bare


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a form that was made for this session; raises `Forged` for any other."""
    form = await fields_of(request, most=_MOST_BYTES, fields=_MOST_FIELDS)
    desk = desk_of(request)
    desk.seals.check_csrf(desk.session(request), form.pop("csrf", ""))
    return form


def _environment() -> jinja2.Environment:
    environment = marking.environment(Path(__file__).parent / "templates")
    environment.filters |= {
        "lines": texts.lines, "figure": texts.figure, "money": texts.money, "seconds": texts.seconds,
    }  # fmt: skip
    return environment
