"""What HTTP says when there is no answer, as our errors: transport faults, waiting times, deadlines.

Vendors' status codes and error bodies are the adapters' business; what is the same for all of them is here.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from copilot_kit.errors import BadAnswer, ModelError, Phase, TimedOut, TransportFailed
from copilot_kit.events import closing
from copilot_kit.request import Settings

T = TypeVar("T")

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def duration_s(text: str) -> float | None:
    """Return the seconds of a duration as providers write it (`6ms`, `1m0.052s`, `48s`, `30`), None if it is none."""
    text = text.strip()
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    found = _DURATION.findall(text)
    if not found or "".join(number + unit for number, unit in found) != text:
        return None
    return sum(float(number) * _UNITS_S[unit] for number, unit in found)


def moment_s(text: str, *, now: datetime | None = None) -> float | None:
    """Return the seconds until a moment, given as RFC 3339 or as an HTTP date; None if it is neither."""
    moment = _moment(text)
    if moment is None:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None


def retry_after_s(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Return how long the headers of an error ask to wait: `retry-after-ms`, then `retry-after` (seconds or date)."""
    milliseconds = headers.get("retry-after-ms")
    exact = None if milliseconds is None else duration_s(milliseconds)
    after = headers.get("retry-after")
    if exact:  # Azure sends 0 beside a retry-after of whole seconds
        return exact / 1000
    if after is None:
        return exact
    seconds = duration_s(after)
    return seconds if seconds is not None else moment_s(after, now=now)


def transport_failure(error: BaseException, *, model: str, started: bool) -> ModelError | None:
    """Return our error for a fault below HTTP, looking through the SDK's wrapping; None if it is something else."""
    import httpx2

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, httpx2.TimeoutException):
            before: Phase = "connect" if isinstance(cause, httpx2.ConnectTimeout) else "first_event"
            phase: Phase = "stream" if started else before
            what = "went silent in mid-answer" if started else "did not answer in time"
            return TimedOut(f"{model} {what}. Try again, or set a longer deadline.", phase=phase, model=model,
                            started=started)  # fmt: skip
        if isinstance(cause, httpx2.HTTPError):
            return TransportFailed(
                f"The connection to {model} failed ({type(cause).__name__}: {cause}). Check the network and base URL.",
                model=model,
                started=started,
            )
        if isinstance(cause, ValueError) and type(cause).__name__ in {"JSONDecodeError", "UnicodeDecodeError"}:
            return BadAnswer(f"{model} sent something that is not JSON ({cause}). Check the base URL, or try again.",
                             model=model, started=started)  # fmt: skip
        cause = cause.__cause__ or cause.__context__
    return None


async def within(items: AsyncIterator[T], settings: Settings, *, model: str) -> AsyncIterator[T]:
    """Yield the items; raises `TimedOut` when a deadline of the settings passes before the next one.

    The first item ends the wait for the first event. The items are closed at the end, whichever it is.
    Without deadlines nothing is added to the cost of an item.
    """
    async with closing(items):
        if settings.deadline_s is None and settings.first_event_deadline_s is None:
            async for item in items:
                yield item
            return
        begun, started = time.monotonic(), False
        while True:
            limit, phase = _next_limit(settings, started=started)
            left = None if limit is None else max(0.0, limit - (time.monotonic() - begun))
            try:
                async with asyncio.timeout(left):
                    item = await anext(items)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise TimedOut(
                    f"{model} did not answer within {limit} s ({phase}). Raise the deadline, or use a faster model.",
                    phase=phase,
                    model=model,
                    started=started,
                ) from error
            started = True
            yield item


def _next_limit(settings: Settings, *, started: bool) -> tuple[float | None, Phase]:
    whole = settings.deadline_s
    first = None if started else settings.first_event_deadline_s
    if first is not None and (whole is None or first < whole):
        return first, "first_event"
    return whole, "deadline"
