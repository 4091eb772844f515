"""A model that gives recorded answers to recorded questions."""

from collections.abc import AsyncIterator, Iterable
from typing import Literal

from copilot_kit.events import Event
from copilot_kit.profile import Profile
from copilot_kit.recording import Exchange, fingerprint
from copilot_kit.request import Request


class ReplayModel:
    """Plays exchanges of `copilot_kit.recording` again, each once.

    match="request": to each request the first unused exchange in which the same was asked (message ids and times do
    not count). match="order": one after the other, whatever is asked.
    """

    def __init__(
        self,
        exchanges: Iterable[Exchange],
        *,
        match: Literal["request", "order"] = "request",
        profile: Profile | None = None,
        chunk_chars: int = 16,
    ) -> None:
        self._left = list(exchanges)
        if not self._left:
            raise ValueError("ReplayModel got no exchanges. Record some with copilot_kit.recording.Recorder first.")
        self._id = self._left[0].model
        self._match = match
        self._profile = profile or Profile()
        self._chunk_chars = chunk_chars

    @property
    def id(self) -> str:
        """The name of the model that was recorded."""
        return self._id

    @property
    def profile(self) -> Profile:
        """The profile given, by default one that knows nothing."""
        return self._profile

    def assert_done(self) -> None:
        """Fail unless every exchange was played."""
        if self._left:
            raise AssertionError(f"{len(self._left)} recorded exchanges of {self._id!r} were not asked for.")

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yield the recorded events; a request that was not recorded is an AssertionError."""
        for event in self._taken(request).events(chunk_chars=self._chunk_chars):
            yield event

    def _taken(self, request: Request) -> Exchange:
        asked = fingerprint(request)
        for index, exchange in enumerate(self._left):
            if self._match == "order" or fingerprint(exchange.request) == asked:
                return self._left.pop(index)
        last = request.messages[-1].text if request.messages else ""
        raise AssertionError(
            f"No unused recorded exchange of {self._id!r} asks this (last message {last[:200]!r}; "
            f"{len(self._left)} are left). Record it, or use match='order'."
        )
