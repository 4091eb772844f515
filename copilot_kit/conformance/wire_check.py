"""What an adapter offers so that recorded traffic can judge it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import httpx2

from copilot_kit.model import Model
from copilot_kit.request import Request
from copilot_kit.response import StopKind

ENTRY_POINTS = "copilot_kit.wire_checks"
"""Entry points of this group name objects that fulfil `WireCheck`."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a recorded answer says to a naive reader: all of it as plain values."""

    text: str = ""
    """All words of the answer, joined without separators; without refusals and reasoning."""
    refusal: str = ""
    """The words in which the model says no, where the wire marks them as such."""
    reasoning: str = ""
    """All readable reasoning, joined without separators."""
    calls: tuple[tuple[str, Any], ...] = ()
    """Name and parsed arguments of each call to run, in order; text that is no JSON stays text, none is {}."""
    provider_calls: int = 0
    """How many calls the provider ran itself."""
    provider_results: int = 0
    """How many results of such calls the answer carries as items or blocks of their own."""
    stop: StopKind | None = None
    """Why it ended; None where the answer does not say."""
    input: int | None = None
    """Tokens read, those from and into the cache included; None where the answer does not say."""
    output: int | None = None
    cache_read: int | None = None
    reasoning_tokens: int | None = None
    error: str | None = None
    """Class name of the `ModelError` that this answer is, or ends in; None for a good one."""


@runtime_checkable
class WireCheck(Protocol):
    """An adapter under check. `provider` and `api` are the words of the corpus: `groq`, `chat`.

    Contract:
    - `claims` answers for a provider and its API as a whole; it must not depend on a feature.
    - `parse_request` loses nothing: encoding what it returns gives the body again.
    - `open` returns a model that posts to exactly `path`, through the provider's official client where there is one,
      over `http_client`, without retries of its own and without asking the environment for a key.
    - `said` shares no code with the adapter's own reading: it is the second opinion, written naively.
    """

    def claims(self, provider: str, api: str) -> bool:
        """Tell whether the adapter speaks this API of this provider."""
        ...

    def parse_request(self, provider: str, api: str, body: dict[str, Any]) -> tuple[str, Request]:
        """Return the model's name and the request that this recorded body is the encoding of."""
        ...

    def open(self, provider: str, api: str, model: str, *, path: str, http_client: httpx2.AsyncClient) -> Model:
        """Return a model that posts to this path of whatever host, over this client."""
        ...

    def said(self, provider: str, api: str, status: int, body: bytes, content_type: str) -> Said:
        """Return what this raw answer says, error answers and cut streams included."""
        ...


def installed() -> dict[str, WireCheck]:
    """Return the checks of the installed adapters by name."""
    from importlib.metadata import entry_points

    return {entry.name: entry.load() for entry in entry_points(group=ENTRY_POINTS)}


def claimant(checks: Mapping[str, WireCheck], provider: str, api: str) -> WireCheck | None:
    """Return the check that claims this API of this provider, None if none does."""
    return next((check for check in checks.values() if check.claims(provider, api)), None)
