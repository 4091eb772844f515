"""What the HTTP API takes and gives, as types; its description is made from them."""

from datetime import datetime
from typing import Literal

from pydantic import Field, JsonValue, StrictBool

from copilot_kit.journal.index import CallRow, Waiting
from copilot_kit.journal.store import RunRow
from copilot_kit.messages import Record
from copilot_kit.records import Body, Decision, Principal, Proposal, ProposalState, StandingRule, Verdict


class Problem(Record):
    """What went wrong, in words that a person can act on."""

    error: str


class WaitingList(Record):
    """What waits, and how many things wait in all."""

    count: int
    waiting: tuple[Waiting, ...]


class Question(Record):
    """A proposal and what became of it."""

    run_id: str
    state: ProposalState
    proposal: Proposal
    decision: Decision | None
    assigned_to: str | None


class Deciding(Record):
    """A decision on exactly the call that was shown."""

    verdict: Verdict
    call_digest: str
    """Of the call as it was shown: from the proposal."""
    shown_digest: str | None = None
    """Of the card as it was shown: from the proposal."""
    arguments: dict[str, JsonValue] | None = None
    """For edit: all arguments."""
    text: str | None = None
    """For reject: why, told to the model. For answer: the result, in the tool's place."""


class DecidingOne(Deciding):
    """A decision on one of several proposals."""

    proposal_id: str


class DecidingTogether(Record):
    """Decisions on several proposals of one turn: all of them or none."""

    choices: tuple[DecidingOne, ...] = Field(min_length=1, max_length=200)


class Decisions(Record):
    """What was decided."""

    decisions: tuple[Decision, ...]


class Assigning(Record):
    """To whom a proposal is given; null: back to all."""

    to: str | None


class Held(Record):
    """Who has a card open, and until when unless they renew it."""

    by: str
    until: datetime
    yours: bool


class Stopping(Record):
    """Why a run is stopped."""

    text: str | None = None


class Settling(Record):
    """How a call of unknown outcome ended."""

    done: StrictBool
    text: str = ""
    """What was found out; told to the model."""


class RunList(Record):
    """Runs, those that were written to last first."""

    runs: tuple[RunRow, ...]


class JournalRecord(Record):
    """One record of a run; `body` is null where it was erased."""

    seq: int
    at: datetime
    kind: str
    path: tuple[str, ...]
    hash: str
    body: Body | None


class RecordList(Record):
    """Records of a run, in order."""

    records: tuple[JournalRecord, ...]


class Whole(Record):
    """Whether the records of a run are those that were written."""

    ok: bool
    records: int
    first_bad: int | None = None
    cause: str | None = None
    erased: tuple[int, ...] = ()


class RuleState(Record):
    """A standing rule as it stands."""

    rule: StandingRule
    words: str
    used: int
    revoked_by: Principal | None
    ended: str | None
    """Why it is no longer in force; null: it is."""


class RuleList(Record):
    """All standing rules ever granted, oldest first."""

    rules: tuple[RuleState, ...]


class CallList(Record):
    """Calls that passed the gate, last asked first."""

    calls: tuple[CallRow, ...]


class Done(Record):
    """It was done."""

    done: Literal[True] = True
