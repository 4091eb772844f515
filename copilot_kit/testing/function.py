"""A model that is a plain function of the request."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

from copilot_kit.errors import ModelError
from copilot_kit.events import Event
from copilot_kit.ids import NewId, new_id
from copilot_kit.profile import Profile
from copilot_kit.request import Request
from copilot_kit.testing.script import Step, answered

Function: TypeAlias = Callable[[Request], Step | Awaitable[Step]]


class FunctionModel:
    """Answers what the function returns: words, parts, calls, a message or a response; keeps the requests it saw.

    The function may be async. A `ModelError` that it returns or raises ends the answer as `Failed`.
    """

    def __init__(
        self,
        function: Function,
        *,
        id: str = "function:model",  # noqa: A002  the word of the Model protocol
        profile: Profile | None = None,
        new_id: NewId = new_id,
        chunk_chars: int = 16,
    ) -> None:
        self._function = function
        self._id = id
        self._profile = profile or Profile()
        self._new_id = new_id
        self._chunk_chars = chunk_chars
        self.requests: list[Request] = []
        """What it was asked, in order."""

    @property
    def id(self) -> str:
        """The name given, by default `function:model`."""
        return self._id

    @property
    def profile(self) -> Profile:
        """The profile given, by default one that knows nothing."""
        return self._profile

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yield what the function makes of the request."""
        self.requests.append(request)
        step = await self._step(request)
        async for event in answered(step, model=self._id, new_id=self._new_id, chunk_chars=self._chunk_chars):
            yield event

    async def _step(self, request: Request) -> Step:
        try:
            made = self._function(request)
            return await made if inspect.isawaitable(made) else made
        except ModelError as error:
            return error
