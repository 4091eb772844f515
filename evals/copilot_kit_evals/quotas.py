"""What providers say of their quota in the headers of each answer, before they have to say no."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from copilot_kit.http import duration_s, moment_s
from copilot_kit_evals.concurrency import Lane

if TYPE_CHECKING:
    import httpx2

_REMAINING: Final = (
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
)
_TOKENS: Final = (
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
    ("anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"),
    ("anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"),
)


def quota_of(headers: Mapping[str, str]) -> tuple[int, float] | None:
    """Return how many requests are left and in how many seconds there are more; None where nothing is said.

    Where the tokens are used up no request is left, however many there might be.
    """
    for remaining, reset in _TOKENS:
        if _count(headers, remaining) == 0 and (seconds := _seconds(headers, reset)) is not None:
            return 0, seconds
    for remaining, reset in _REMAINING:
        left, seconds = _count(headers, remaining), _seconds(headers, reset)
        if left is not None and seconds is not None:
            return left, seconds
    return None


def listening_client(lane: Callable[[], Lane]) -> "httpx2.AsyncClient":
    """Return a client that tells the lane what the headers say; whoever has it closes it."""
    import httpx2

    from copilot_kit.lanes import tls

    async def heard(response: "httpx2.Response") -> None:
        found = quota_of(response.headers)
        if found is not None:
            lane().quota(*found)

    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=100)
    return httpx2.AsyncClient(event_hooks={"response": [heard]}, timeout=600, limits=limits, verify=tls())


def _count(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "").strip()
    return int(text) if text.isdecimal() else None


def _seconds(headers: Mapping[str, str], name: str) -> float | None:
    text = headers.get(name)
    if text is None:
        return None
    seconds = duration_s(text)
    return moment_s(text) if seconds is None else seconds
