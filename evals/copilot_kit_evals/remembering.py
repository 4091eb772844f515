"""What a run that goes on knows of the time before: which attempts ended, and what was paid."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from copilot_kit.response import Usage
from copilot_kit_evals.attempts import Attempt
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.order import Order
from copilot_kit_evals.tally import Tally

UNANSWERED: Final = "unanswered"
"""In the meta of a score without a value: its judge could not be asked."""


@dataclass(frozen=True, slots=True)
class Before:
    """Attempts by the digest of their key."""

    finished: AbstractSet[str]
    tries: Mapping[str, int]
    """Of those that are made again: how often they were made."""


def remembered(folder: RunFolder, order: Order, tally: Tally, again: AbstractSet[str]) -> Before:
    """Return which attempts need not be made, and put them into the tally.

    again: outcomes that are asked for once more.
    """
    finished: set[str] = set()
    tries: dict[str, int] = {}
    places: dict[tuple[str, str], int] = {}
    numbers = {name: number for number, name in enumerate(tally.candidates)}
    for attempt in folder.settled():
        digest = attempt.key.digest
        if is_asked_again(attempt, again):
            tries[digest] = attempt.tries if attempt.outcome != "cancelled" else attempt.tries - 1
            continue
        finished.add(digest)
        places = places or order.places()
        tally.add(attempt, places[attempt.task, attempt.item], numbers[attempt.candidate])
    return Before(finished, tries)


def is_asked_again(attempt: Attempt, again: AbstractSet[str]) -> bool:
    """Tell whether an attempt is made once more: for its outcome, or since its judge could not be asked.

    What its candidate said is kept, and not asked for again.
    """
    unjudged = any(score.meta.get(UNANSWERED) is True for score in attempt.scores.values())
    return attempt.outcome in again or (unjudged and "infra_error" in again)


def scored(folder: RunFolder) -> Iterator[Usage]:
    """Yield what scorers have spent by ways of their own; the calls of judges are among those that `paid` yields."""
    kept = {(call.attempt, call.scorer.name) for call in folder.calls() if call.scorer is not None}
    for attempt in folder.attempts():
        digest = attempt.key.digest if kept else ""
        for name, score in attempt.scores.items():
            if score.usage is not None and (digest, name) not in kept:
                yield score.usage


def worked_s(folder: RunFolder) -> float:
    """Return how long the run was at work so far: each session from its begin to the last attempt that ended in it."""
    begun = sorted(session.at for session in folder.sessions())
    last = list(begun)
    for attempt in folder.attempts():
        session = bisect_right(begun, attempt.at) - 1
        if session >= 0:
            last[session] = max(last[session], attempt.at)
    return sum(end - begin for begin, end in zip(begun, last, strict=True))


def paid(folder: RunFolder) -> Iterator[tuple[str, Usage]]:
    """Yield the model and the usage of every answer that the run has paid for."""
    for call in folder.calls():
        model = call.response.model
        yield f"{model.provider}:{model.asked}", call.response.usage
