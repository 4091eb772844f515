"""What a journal says of each call of a run, gathered: asked, seen, decided, run, received, taken back."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from copilot_kit.journal import Entry
from copilot_kit.records import (
    Decided,
    Decision,
    Erased,
    Intended,
    Lapsed,
    Principal,
    Proposal,
    Proposed,
    Received,
    RunStarted,
    RunStopped,
    Undoing,
    Undone,
)


@dataclass(slots=True)
class Asking:
    """One time that a person was asked about a call."""

    proposal: Proposal
    at: datetime
    decision: Decision | None = None
    lapsed: tuple[datetime, str, str] | None = None
    """When it ended without a decision, as what, and why."""


@dataclass(slots=True)
class CallTrail:
    """Everything about one call, in the order in which it happened."""

    call_id: str
    path: tuple[str, ...]
    asked: list[Asking] = field(default_factory=list)
    intended: tuple[datetime, Intended] | None = None
    received: list[tuple[datetime, Received]] = field(default_factory=list)
    undoing: list[tuple[datetime, Undoing]] = field(default_factory=list)
    undone: list[tuple[datetime, Undone]] = field(default_factory=list)

    @property
    def tool(self) -> str:
        """Its tool, as far as anything says."""
        if self.asked:
            return self.asked[-1].proposal.tool
        if self.intended is not None and self.intended[1].tool:
            return self.intended[1].tool
        return self.received[-1][1].tool if self.received else ""

    @property
    def outcome(self) -> str:
        """How it stands."""
        if self.undone:
            return f"undo {self.undone[-1][1].state}"
        if self.received:
            return self.received[-1][1].state
        if self.intended is not None:
            return "begun"
        if self.asked and self.asked[-1].lapsed is not None:
            return self.asked[-1].lapsed[1]
        return "decided" if self.asked and self.asked[-1].decision is not None else "waiting"

    @property
    def ran(self) -> str | None:
        """The canonical bytes that ran; None: it never began, or what it was is erased."""
        if self.intended is None:
            return None
        if self.intended[1].arguments:
            return self.intended[1].arguments
        last = self.asked[-1] if self.asked else None
        if last is None or last.decision is None:
            return None
        return last.decision.arguments or last.proposal.arguments


@dataclass(slots=True)
class Trail:
    """What happened in a run that somebody may have to answer for."""

    run_id: str
    started: RunStarted | None = None
    started_at: datetime | None = None
    calls: dict[str, CallTrail] = field(default_factory=dict)
    stopped: list[tuple[datetime, RunStopped]] = field(default_factory=list)
    erased: list[tuple[datetime, Erased]] = field(default_factory=list)
    bare: list[tuple[int, str]] = field(default_factory=list)
    """Records of which only the head is left: where, and of which kind."""


def trail_of(entries: Iterable[Entry]) -> Trail:
    """Return the trail of a run from its records; one whose body was erased is named as such."""
    trail = Trail("")
    asked: dict[str, Asking] = {}
    for entry in entries:
        trail.run_id = entry.head.run_id
        call = _of_call(trail, entry)
        if call is not None:
            _take_call(call, entry, asked)
        else:
            _take(trail, entry, asked)
    return trail


def _take(trail: Trail, entry: Entry, asked: dict[str, Asking]) -> None:
    """Take in what is about the run, or about a question that stands there already."""
    head = entry.head
    match entry.body:
        case None:
            trail.bare.append((head.seq, head.kind))
        case RunStarted() as started if not head.path:
            trail.started, trail.started_at = started, head.at
        case Decided(decision=decision) if decision.proposal_id in asked:
            asked[decision.proposal_id].decision = asked[decision.proposal_id].decision or decision
        case Lapsed(proposal_id=proposal_id, state=state, because=because) if proposal_id in asked:
            asked[proposal_id].lapsed = (head.at, state, because)
        case RunStopped() as stopped:
            trail.stopped.append((head.at, stopped))
        case Erased() as erased:
            trail.erased.append((head.at, erased))
        case _:
            pass


def _take_call(call: CallTrail, entry: Entry, asked: dict[str, Asking]) -> None:
    at = entry.head.at
    match entry.body:
        case Proposed(proposal=proposal):
            asked[proposal.id] = Asking(proposal, at)
            call.asked.append(asked[proposal.id])
        case Intended() as intended:
            call.intended = (at, intended)
        case Received() as received:
            call.received.append((at, received))
        case Undoing() as undoing:
            call.undoing.append((at, undoing))
        case Undone() as undone:
            call.undone.append((at, undone))
        case _:
            pass


def as_json(trail: Trail) -> dict[str, Any]:
    """Return the trail for machines, with nothing left out."""
    started = trail.started
    return {
        "run_id": trail.run_id,
        "title": None if started is None else started.title,
        "agent": None if started is None else started.agent,
        "model": None if started is None else started.model,
        "by": None if started is None else _person(started.by),
        "subject": None if started is None else started.subject,
        "started_at": None if trail.started_at is None else trail.started_at.isoformat(),
        "calls": [_call(call) for call in trail.calls.values()],
        "stopped": [{"at": at.isoformat(), "by": _person(one.by), "text": one.text} for at, one in trail.stopped],
        "erased": [
            {"at": at.isoformat(), "by": _person(one.by), "reason": one.reason, "records": list(one.seqs)}
            for at, one in trail.erased
        ],
        "without_body": [{"seq": seq, "kind": kind} for seq, kind in trail.bare],
    }


def _of_call(trail: Trail, entry: Entry) -> CallTrail | None:
    """Return the call that a record is about, begun if it is the first one."""
    match entry.body:
        case Proposed(proposal=proposal):
            call_id = proposal.call_id
        case Intended() | Received() | Undoing() | Undone() as body:
            call_id = body.call_id
        case _:
            return None
    return trail.calls.setdefault(call_id, CallTrail(call_id, entry.head.path))


def _call(call: CallTrail) -> dict[str, Any]:
    intended = None if call.intended is None else call.intended[1]
    return {
        "call_id": call.call_id,
        "path": list(call.path),
        "tool": call.tool,
        "outcome": call.outcome,
        "asked": [_asking(one) for one in call.asked],
        "ran": None if call.intended is None or intended is None else {
            "at": call.intended[0].isoformat(),
            "arguments": call.ran,
            "call_digest": intended.call_digest,
            "idempotency_key": intended.idempotency_key,
            "allowed": [reason.model_dump() for reason in intended.allowed],
            "rule_id": intended.rule_id,
            "tool_version": intended.tool_version,
        },
        "receipts": [
            {"at": at.isoformat(), "state": one.state, "took_s": one.took_s, "outcome": one.result.outcome,
             "text": one.result.text, "settled_by": _person(one.settled_by)}
            for at, one in call.received
        ],
        "undo": [
            *({"at": at.isoformat(), "state": "begun", "by": _person(one.by)} for at, one in call.undoing),
            *({"at": at.isoformat(), "state": one.state, "by": _person(one.by), "text": one.text}
              for at, one in call.undone),
        ],
    }  # fmt: skip


def _asking(one: Asking) -> dict[str, Any]:
    proposal, decision = one.proposal, one.decision
    return {
        "proposal_id": proposal.id,
        "at": one.at.isoformat(),
        "agents": [step.agent for step in proposal.path],
        "model": proposal.model,
        "prompt_version": proposal.prompt_version,
        "tool_version": proposal.tool_version,
        "arguments": proposal.arguments,
        "reasons": [reason.model_dump() for reason in proposal.reasons],
        "call_digest": proposal.call_digest,
        "shown_digest": proposal.shown_digest,
        "expires_at": None if proposal.expires_at is None else proposal.expires_at.isoformat(),
        "lapsed": None if one.lapsed is None else {
            "at": one.lapsed[0].isoformat(), "state": one.lapsed[1], "because": one.lapsed[2],
        },
        "decision": None if decision is None else json.loads(decision.model_dump_json()),
    }  # fmt: skip


def _person(by: Principal | None) -> dict[str, Any] | None:
    return None if by is None else by.model_dump(mode="json")
