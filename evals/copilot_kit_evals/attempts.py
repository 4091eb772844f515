"""One attempt at one item: how it ended, what it scored, what it took."""

import hashlib
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from pydantic import Field

from copilot_kit.messages import Record
from copilot_kit.response import Usage
from copilot_kit_evals.scores import Score

Outcome: TypeAlias = Literal[
    "ok", "model_failure", "infra_error", "limit", "refusal", "rejected_by_person", "cancelled"
]
"""How an attempt ended.

ok: there is an answer, right or wrong.
model_failure: the model, or the way it is wired, did not manage one: refused request, overlong conversation, no answer
    in the form asked for. Its scores are 0 and say so.
infra_error: the world did not let it answer: network, overload, a broken tool, a bug. Missing.
limit: a limit of the task for one attempt was reached. Scored as far as it came; without an answer its scores are 0.
refusal: it, or its provider, said no. Scored like any answer, since saying no may be right.
rejected_by_person: a person stopped it.
cancelled: it was on its way when the run was stopped. Missing, and made again when the run goes on.
"""
FAILED: Final = frozenset({"model_failure", "limit"})
"""Ended by the candidate's own doing: where there is no answer to score, its scores are the lowest, and say so."""
MISSING: Final = frozenset({"infra_error", "cancelled"})
"""Says nothing about the candidate: no scores, carried as bounds."""


def _is_none(value: object) -> bool:
    return value is None


def _is_empty(value: object) -> bool:
    return not value


def _is_zero(value: object) -> bool:
    return value == 0


@dataclass(frozen=True, slots=True)
class Key:
    """Names an attempt in its run: no two finished attempts of a run have the same one."""

    task: str
    item: str
    variant: str
    """'' is the item as it is written."""
    repeat: int
    """From 0 on."""
    candidate: str
    """The candidate's name in the manifest."""

    @property
    def digest(self) -> str:
        """64 bits that stand for it in the log of calls."""
        text = "\0".join((self.task, self.item, self.variant, str(self.repeat), self.candidate))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class Timings(Record):
    """Where the seconds went. What waits for a turn or a quota is never the model's latency."""

    queue_s: float = Field(default=0.0, exclude_if=_is_zero)
    """Waiting for a turn, for the provider's quota, and between retries."""
    first_token_s: float | None = Field(default=None, exclude_if=_is_none)
    """Of the first call, from being sent to the first piece of an answer; None where it came whole."""
    model_s: float = Field(default=0.0, exclude_if=_is_zero)
    """All calls, from being sent to their end."""
    tools_s: float = Field(default=0.0, exclude_if=_is_zero)
    """The rest of the work."""
    person_s: float = Field(default=0.0, exclude_if=_is_zero)
    """Waiting for decisions."""


class Trouble(Record):
    """The error that ended an attempt."""

    kind: str
    """Its class: `ContextOverflow`, `RateLimited`, ..."""
    text: str


class Attempt(Record):
    """One line of `attempts.jsonl`. Fields at their default are left out of the file."""

    task: str
    item: str
    variant: str = Field(default="", exclude_if=_is_empty)
    repeat: int = Field(default=0, exclude_if=_is_zero)
    candidate: str
    outcome: Outcome
    scores: dict[str, Score] = Field(default_factory=dict, exclude_if=_is_empty)
    """By scorer. Empty where the outcome says nothing about the candidate."""
    usage: Usage = Field(default_factory=Usage)
    """Of the candidate alone, its price by the snapshot of the manifest; a judge's is in its score."""
    timings: Timings = Field(default_factory=Timings)
    calls: int = Field(default=0, exclude_if=_is_zero)
    """Answers of the model, each in `calls.jsonl` under the digest of this attempt's key."""
    cached: int = Field(default=0, exclude_if=_is_zero)
    """How many of them were paid for before the run was interrupted; their times are those of then."""
    retried: int = Field(default=0, exclude_if=_is_zero)
    """Requests that failed on the way and were sent again."""
    served: str | None = Field(default=None, exclude_if=_is_none)
    """The name that the provider gave back for the model."""
    stop: str | None = Field(default=None, exclude_if=_is_none)
    """Why the last answer ended, where it did not just end: `length` is one that was cut."""
    dropped: tuple[str, ...] = Field(default=(), exclude_if=_is_empty)
    """Settings and parts that the adapter could not send, by name."""
    trouble: Trouble | None = Field(default=None, exclude_if=_is_none)
    transcript: str | None = Field(default=None, exclude_if=_is_none)
    """Digest of the blob with all messages, for an agent; without one the item and its call are the transcript."""
    at: float = 0.0
    """When it ended, in seconds since 1970."""
    tries: int = Field(default=1, exclude_if=lambda value: value == 1)
    """How many times this key was attempted; above 1 only where a missing one was asked for again on purpose."""

    @property
    def key(self) -> Key:
        """What names it in its run."""
        return Key(self.task, self.item, self.variant, self.repeat, self.candidate)
