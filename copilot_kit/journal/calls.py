"""What became of each call that passed the gate, record by record, and as what it counts for trust."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from copilot_kit.effects import Effect
from copilot_kit.journal.index import Outcome
from copilot_kit.journal.store import Head
from copilot_kit.journal.times import micros
from copilot_kit.records import (
    Body,
    CallKept,
    Decided,
    Decision,
    Erased,
    Intended,
    Lapsed,
    Proposal,
    ProposalState,
    Proposed,
    Received,
    Undone,
    Verdict,
)

Kind: TypeAlias = Literal["proposal", "unknown"]
Fate: TypeAlias = Literal[
    "", "clean", "edited", "wording_edited", "rejected", "failed", "undone", "allowed_clean", "allowed_failed",
    "allowed_undone",
]  # fmt: skip
"""The counts of `Evidence`, with those apart that were undone after nobody was asked; empty: it says nothing yet."""
JUDGED = frozenset({"clean", "edited", "wording_edited", "rejected", "failed", "undone"})
RAN = frozenset({"clean", "failed", "undone", "allowed_clean", "allowed_failed", "allowed_undone"})
STATE_OF: dict[Verdict, ProposalState] = {
    "approve": "approved", "edit": "edited", "reject": "rejected", "answer": "answered",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Where:
    """The place of a record."""

    path: str
    seq: int
    epoch: int
    at_us: int

    @classmethod
    def of(cls, head: Head) -> "Where":
        """Return the place of a record with this head."""
        return cls(path_text(head.path), head.seq, head.epoch, micros(head.at))


def path_text(path: tuple[str, ...]) -> str:
    """Return a path as it is kept; the run's own agent is at ``."""
    return json.dumps(path) if path else ""


@dataclass(slots=True)
class Call:
    """A call that was proposed to a person or allowed without asking."""

    call_id: str
    proposal_id: str | None
    """The last one about it."""
    seq: int
    agent: str
    tool: str
    tool_version: str
    effect: Effect
    model: str
    prompt_version: str
    state: ProposalState | Literal["allowed"]
    outcome: Outcome | None
    edited: Literal["", "wording", "more"]
    """By a person, in any of its proposals."""
    by: str | None
    looked_s: float | None
    asked_us: int
    decided_us: int | None
    undoable: bool

    @property
    def may_run(self) -> bool:
        """Nothing keeps it from running, or from having run."""
        return self.state in {"approved", "edited", "allowed"}

    @property
    def underway(self) -> bool:
        """What became of it is still to be said."""
        return self.may_run and self.outcome in {None, "unknown"}

    @property
    def fate(self) -> Fate:
        """As what it counts."""
        if not self.tool_version:  # written before calls said which tool they were of
            return ""
        if self.state in {"rejected", "answered"}:
            return "rejected"
        if self.edited:
            return "wording_edited" if self.edited == "wording" else "edited"
        if not self.may_run or self.outcome is None:
            return ""
        if self.outcome == "undone":
            return "allowed_undone" if self.state == "allowed" else "undone"
        if self.state == "allowed":
            return "allowed_clean" if self.outcome == "done" else "allowed_failed"
        return "clean" if self.outcome == "done" else "failed"


class Calls(Protocol):
    """The calls of one run."""

    def call(self, call_id: str) -> Call | None:
        """Return a call."""
        ...

    def call_of(self, proposal_id: str) -> str | None:
        """Return the id of the call that a pending proposal is about; None if it is not pending."""
        ...

    def keep(self, call: Call, *, new: bool) -> None:
        """Keep a call as it stands now."""
        ...

    def cancel(self) -> None:
        """Turn all that are pending into cancelled ones."""
        ...


def follow(body: Body, where: Where, calls: Calls, *, underway: int) -> int:
    """Keep up what became of calls; returns how many more are underway. Calls before the proposals are settled.

    underway: how many are; at 0 a receipt is of no call that passed the gate.
    """
    match body:
        case Proposed(proposal=proposal):
            known = calls.call(proposal.call_id)
            calls.keep(_proposed(proposal, where, known), new=known is None)
            return -1 if known is not None and known.underway else 0
        case Decided(decision=decision):
            return _change(calls, _pending(calls, decision.proposal_id), lambda call: _decide(call, decision, where))
        case Lapsed(proposal_id=proposal_id):
            return _change(calls, _pending(calls, proposal_id), lambda call: _lapse(call, body))
        case Intended(call_id=call_id):
            call = calls.call(call_id)
            if call is not None:
                return _change(calls, call, lambda call: _allow(call, body)) if body.allowed else 0
            calls.keep(_allowed(body, where), new=True)
            return 1
        case Received(call_id=call_id) if underway:
            return _change(calls, calls.call(call_id), lambda call: _receive(call, body))
        case Undone(call_id=call_id, state="done"):
            return _change(calls, calls.call(call_id), _undo)
        case Erased(calls=tuple() as kept):
            return _restate(calls, kept) - underway
        case _:
            return 0


def _pending(calls: Calls, proposal_id: str) -> Call | None:
    """Return the call of a pending proposal, if no later one is about it."""
    call_id = calls.call_of(proposal_id)
    call = None if call_id is None else calls.call(call_id)
    return call if call is not None and call.proposal_id == proposal_id else None


def _change(calls: Calls, call: Call | None, change: Callable[[Call], None]) -> int:
    if call is None:
        return 0
    before = call.underway
    change(call)
    calls.keep(call, new=False)
    return int(call.underway) - int(before)


def _restate(calls: Calls, kept: tuple[CallKept, ...]) -> int:
    """Keep the calls that an erasure names as it names them; returns how many are underway."""
    stated = [Call(**dict(one)) for one in kept]
    for call in stated:
        calls.keep(call, new=calls.call(call.call_id) is None)
    return sum(call.underway for call in stated)


def _proposed(proposal: Proposal, where: Where, known: Call | None) -> Call:
    return Call(
        proposal.call_id, proposal.id, where.seq, proposal.path[-1].agent if proposal.path else "", proposal.tool,
        proposal.tool_version, proposal.effect, proposal.model, proposal.prompt_version, "pending", None,
        "" if known is None else known.edited, None, None, where.at_us, None, proposal.undoable,
    )  # fmt: skip


def _allowed(intended: Intended, where: Where) -> Call:
    return Call(
        intended.call_id, None, where.seq, intended.agent, intended.tool, intended.tool_version, intended.effect,
        intended.model, intended.prompt_version, "allowed", None, "", None, None, where.at_us, None,
        intended.undoable,
    )  # fmt: skip


def _decide(call: Call, decision: Decision, where: Where) -> None:
    call.state = STATE_OF[decision.verdict]
    call.by, call.looked_s, call.decided_us = decision.by.id, decision.looked_s, where.at_us
    if decision.verdict == "edit":
        call.edited = "wording" if decision.wording_only and call.edited != "more" else "more"


def _lapse(call: Call, lapsed: Lapsed) -> None:
    call.state = lapsed.state


def _allow(call: Call, intended: Intended) -> None:
    call.state, call.undoable = "allowed", intended.undoable


def _receive(call: Call, received: Received) -> None:
    if not call.may_run:
        return
    call.tool = call.tool or received.tool
    match received.state:
        case "done" | "failed" | "unknown" as outcome:
            call.outcome = outcome
        case "denied" | "cancelled":
            call.outcome = None


def _undo(call: Call) -> None:
    if call.outcome is not None:
        call.outcome = "undone"
