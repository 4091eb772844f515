"""Errors as HTTP statuses, the same for pages and the API."""

from starlette.exceptions import HTTPException

from copilot_kit.errors import JournalError, NotDecidable, UsageError
from copilot_kit.inbox.deciding import NotEntitled
from copilot_kit.inbox.seals import Forged


def status_of(error: Exception | None) -> int:
    """Return the HTTP status that says the same as an error; 200 where there is none."""
    match error:
        case None:
            return 200
        case HTTPException(status_code=status):
            return status
        case Forged() | NotEntitled():
            return 403
        case NotDecidable():
            return 409
        case UsageError():
            return 422
        case JournalError():
            return 503
        case _:
            return 500
