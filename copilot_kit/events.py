"""A model's answer as it comes, and the fold that makes a response of it.

`Started`, then for each part `PartStart`, `PartDelta` …, `PartEnd`, then one `Ended` or one `Failed`. Parts may
overlap; `index` tells them apart. The part in `PartEnd` is the finished one; the one in `PartStart` is empty.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from copilot_kit.errors import ModelError, TransportFailed
from copilot_kit.messages import Part
from copilot_kit.response import Response, Served

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Started:
    """The provider has begun to answer."""

    model: Served
    response_id: str | None = None


@dataclass(frozen=True, slots=True)
class PartStart:
    """A part begins."""

    index: int
    part: Part


@dataclass(frozen=True, slots=True)
class PartDelta:
    """A piece of a part: of its words, of a call's arguments, or of a file's bytes."""

    index: int
    text: str | None = None
    args_json: str | None = None
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class PartEnd:
    """A part is finished."""

    index: int
    part: Part


@dataclass(frozen=True, slots=True)
class Ended:
    """The whole answer."""

    response: Response


@dataclass(frozen=True, slots=True)
class Failed:
    """No whole answer will come: why, and what came until then."""

    error: ModelError
    partial: Response | None = None


Event: TypeAlias = Started | PartStart | PartDelta | PartEnd | Ended | Failed


def parts_of(events: Iterable[Event]) -> tuple[Part, ...]:
    """Return the finished parts in order of their index: what a consumer who kept every event knows."""
    done = {event.index: event.part for event in events if isinstance(event, PartEnd)}
    return tuple(done[index] for index in sorted(done))


class closing(Generic[T]):  # noqa: N801  used like a function, as those of contextlib are
    """Give the iterator, and close it at the end: a consumer that stops early must not leave its producer running."""

    __slots__ = ("_events",)

    def __init__(self, events: AsyncIterator[T]) -> None:
        self._events = events

    async def __aenter__(self) -> AsyncIterator[T]:
        return self._events

    async def __aexit__(self, *_: object) -> None:
        close = getattr(self._events, "aclose", None)
        if close is not None:
            await close()


async def fold(events: AsyncIterator[Event], *, model: str = "") -> Response:
    """Return the response that the events end in.

    Raises the error of `Failed`, with the partial answer as its `partial` attribute; a stream that just stops is
    `TransportFailed`.
    """
    started = False
    async with closing(events):
        async for event in events:
            match event:
                case Ended(response):
                    return response
                case Failed(error, partial):
                    error.partial = partial
                    raise error
                case _:
                    started = True
    raise TransportFailed(
        f"The events of {model!r} stopped without Ended or Failed. An adapter must end each stream with one of them.",
        model=model,
        started=started,
    )
