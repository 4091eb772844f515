"""What a request brings, read up to a limit, and where its browser is sent on; the pages of evals use it, too."""

from typing import Final
from urllib.parse import parse_qsl, quote, unquote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from copilot_kit.errors import UsageError
from copilot_kit.inbox.guard import MAX_BODY_BYTES

_MOST_FIELDS: Final = 2_000


async def body_of(request: Request, *, most: int = MAX_BODY_BYTES) -> bytes:
    """Return the request's body; a 413 as soon as it is longer than is taken."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise HTTPException(413, f"A request has at most {most:,} bytes. Send less.")
    return bytes(body)


async def fields_of(request: Request, *, most: int = MAX_BODY_BYTES, fields: int = _MOST_FIELDS) -> dict[str, str]:
    """Return the fields of a form, whoever made it; raises `UsageError` for what is none, or has more of them."""
    body = await body_of(request, most=most)
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=fields, errors="strict"))
    except ValueError as error:  # not UTF-8, or more fields than any form has
        raise UsageError(f"The form cannot be read: {error}. Open the page again and repeat what you did.") from error


def segment(name: str) -> str:
    """Return a name as one part of a path; a server decodes once, and what it then reads has no `/` or `%`."""
    return quote(quote(name, safe=""), safe="")


def named(request: Request, name: str) -> str:
    """Return what the path of a request says in the place of this parameter."""
    given = unquote(str(request.path_params[name]))
    if "\0" in given:
        raise HTTPException(404, f"There is nothing of the name {given!r}.")
    return given


def to(request: Request, path: str) -> Response:
    """Return the answer that sends a browser on to another page of the same app."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}{path}", 303)
