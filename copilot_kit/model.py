"""The one interface to every model, and the two ways to use it."""

from collections.abc import AsyncIterator
from typing import Protocol, runtime_checkable

from copilot_kit.events import Event, fold
from copilot_kit.profile import Profile
from copilot_kit.request import Request
from copilot_kit.response import Response
from copilot_kit.sending import check_asked


@runtime_checkable
class Model(Protocol):
    """Something that answers requests. Retry, budget, recording and the like are models that wrap a model.

    Contract:
    - `stream` yields `Started` at most once and first, closes each part it opens before `Ended`, and ends with
      exactly one `Ended` or `Failed`; it never raises `ModelError` itself.
    - The parts of the `PartEnd` events, in order of index, are the parts of `Ended.response.message`.
    - It sends nothing that the request does not ask for, and lists in `response.dropped` what it could not send.
    - Closing the iterator (`aclose`) or cancelling the task ends the provider's work; nothing runs on.
    - It keeps no state between requests that changes an answer.
    - An omitted `profile` fact means unknown: the request is tried.
    """

    @property
    def id(self) -> str:
        """The name to open it by again, as `provider:model`."""
        ...

    @property
    def profile(self) -> Profile:
        """What it can do."""
        ...

    def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yield the answer as it comes."""
        ...


async def complete(model: Model, request: Request) -> Response:
    """Return the whole answer; raises `ModelError`, with what came until then as its `partial`."""
    check_asked(model.id)
    return await fold(model.stream(request), model=model.id)
