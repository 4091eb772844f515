"""The whole story of a run: each record in words, with who, when, and the digest of what they saw."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias, TypedDict

from copilot_kit.inbox.cards import said_of
from copilot_kit.journal.store import Entry
from copilot_kit.journal.windows import window_words
from copilot_kit.records import (
    Assigned,
    Body,
    Checked,
    Decided,
    Decision,
    Erased,
    Failure,
    HandoverAsked,
    Intended,
    Interrupted,
    Lapsed,
    MessageAdded,
    ModelSwitched,
    OutcomeKnown,
    Principal,
    Proposal,
    Proposed,
    Received,
    Requested,
    Responded,
    ResultsCleared,
    RuleGranted,
    RuleRevoked,
    RuleUsed,
    RunEnded,
    RunStarted,
    RunStopped,
    SlotMoved,
    Undoing,
    Undone,
    WindowClosed,
)
from copilot_kit.response import Response, Usage

_Texts: TypeAlias = tuple[tuple[str, str], ...]


class _Rest(TypedDict, total=False):
    texts: _Texts
    by: str | None
    proposal_id: str | None
    call_id: str | None
    digest: str | None


_Told: TypeAlias = tuple[str, str, _Rest]
_PAST: Final = {"approve": "approved", "edit": "edited", "reject": "rejected", "answer": "answered"}


@dataclass(frozen=True, slots=True)
class Line:
    """One record in words."""

    seq: int
    at: datetime
    depth: int
    """How deep in nested agents it happened."""
    kind: str
    """Of the record; with its state where that matters: `received-unknown`."""
    words: str
    texts: tuple[tuple[str, str], ...] = ()
    """What belongs to it in full: a label, and the text."""
    by: str | None = None
    proposal_id: str | None = None
    call_id: str | None = None
    """Of a call that was begun or ended here."""
    digest: str | None = None
    """Of the card that was shown, or the call that ran."""


def story_of(entries: Sequence[Entry]) -> tuple[Line, ...]:
    """Return the records of a run, in order, as lines."""
    telling = _Telling()
    return tuple(telling.line(entry) for entry in entries)


class _Telling:
    """Remembers what was called and asked, to name it where only its id is written."""

    def __init__(self) -> None:
        self._asked: dict[str, Proposal] = {}
        self._called: dict[str, str] = {}

    def line(self, entry: Entry) -> Line:
        head = entry.head
        if entry.body is None:
            return Line(head.seq, head.at, len(head.path), "gone", f"{head.kind}: its text was erased")
        found = self._of_run(entry.body) or self._of_call(entry.body) or self._of_journal(entry.body)
        kind, words, rest = found or (head.kind, head.kind.replace("_", " "), {})
        return Line(head.seq, head.at, len(head.path), kind, words, **rest)

    def _of_run(self, body: Body) -> _Told | None:
        match body:
            case RunStarted(agent=agent, model=model, by=by):
                return "run_started", f"run started: agent {agent}, model {model}", _by(by)
            case MessageAdded(message=message):
                said = tuple((one.label, one.text) for one in said_of([message]))
                labels = {label for label, _ in said}
                speaker = labels.pop() if message.role == "user" and len(labels) == 1 else message.role
                return f"message-{message.role}", f"{speaker} message", {"texts": said}
            case ModelSwitched(model=model, by=by):
                return body.kind, f"model switched to {model}", _by(by)
            case Requested(model=model):
                return body.kind, f"model asked: {model}", {}
            case Responded(response=response, took_s=took_s, failure=failure):
                self._called |= {call.call_id: call.name for call in response.message.calls}
                return body.kind, _answered(response, took_s), {"texts": _said(response, failure)}
            case Interrupted(model=model, failure=failure):
                return body.kind, f"no answer of {model}", {"texts": _failed(failure)}
            case RunStopped(by=by, text=text):
                return body.kind, "run stopped", {**_by(by), "texts": _texts("why", text)}
            case RunEnded(status=status, failure=failure):
                return f"run_ended-{status}", f"run ended: {status}", {"texts": _failed(failure)}
            case HandoverAsked() | ResultsCleared() | WindowClosed() as moved:
                shown = said_of([moved.opening]) if isinstance(moved, WindowClosed) else ()
                texts = _texts("it begins with", "\n".join(one.text.strip("\n") for one in shown))
                return moved.kind, window_words(moved), {"texts": texts}
            case Checked(name=name, passed=passed, evidence=evidence):
                words = f"check {name} {'holds' if passed else 'does not hold'}"
                return body.kind, words, {"texts": _texts("found", evidence)}
            case OutcomeKnown(verdict=verdict, by=by):
                return body.kind, f"suggestion {verdict}", _by(by)
            case _:
                return None

    def _of_call(self, body: Body) -> _Told | None:
        match body:
            case Proposed(proposal=proposal):
                self._asked[proposal.id] = proposal
                return self._proposed(proposal)
            case Decided(decision=decision):
                return self._decided(decision)
            case Lapsed(proposal_id=proposal_id, state=state, because=because):
                words = f"{self._tool(proposal_id)}: {state}{f' ({because})' if because else ''}"
                return f"lapsed-{state}", words, {"proposal_id": proposal_id}
            case Assigned(proposal_id=proposal_id, to=to, by=by):
                words = f"{self._tool(proposal_id)} given to {to or 'all'}"
                return body.kind, words, {**_by(by), "proposal_id": proposal_id}
            case Intended(call_id=call_id) as intended:
                why = "; ".join(reason.text for reason in intended.allowed)
                texts = _texts("exactly these bytes", intended.arguments) + _texts("nobody was asked because", why)
                tool = intended.tool or self._called.get(call_id, call_id)
                return body.kind, f"{tool} begins", {"texts": texts, "call_id": call_id, "digest": intended.call_digest}
            case Received() as received:
                return self._received(received)
            case Undoing(call_id=call_id, by=by):
                return body.kind, f"{self._name(call_id)} is about to be taken back", {**_by(by), "call_id": call_id}
            case Undone(call_id=call_id, state=state, text=text, by=by):
                words = f"taking back {self._name(call_id)}: {state}"
                return f"undone-{state}", words, {**_by(by), "texts": _texts("it says", text), "call_id": call_id}
            case _:
                return None

    def _of_journal(self, body: Body) -> _Told | None:
        match body:
            case RuleGranted(rule=rule):
                return body.kind, f"standing rule {rule.id} for {rule.tool} granted", _by(rule.by)
            case RuleRevoked(rule_id=rule_id, by=by):
                return body.kind, f"standing rule {rule_id} revoked", _by(by)
            case RuleUsed(rule_id=rule_id, run_id=run_id):
                return body.kind, f"standing rule {rule_id} used in {run_id}", {}
            case SlotMoved(slot=slot, model=model, by=by):
                return body.kind, f"slot {slot} moved to {model or 'no model'}", _by(by)
            case Erased(seqs=seqs, by=by, reason=reason):
                return body.kind, f"texts of {len(seqs)} records erased", {**_by(by), "texts": _texts("why", reason)}
            case _:
                return None

    def _proposed(self, proposal: Proposal) -> _Told:
        why = "; ".join(reason.text for reason in proposal.reasons)
        texts = _texts("with", proposal.arguments) + _texts("because", why)
        rest: _Rest = {"texts": texts, "proposal_id": proposal.id, "digest": proposal.shown_digest}
        return "proposed", f"a person is asked: {proposal.tool}", rest

    def _decided(self, decision: Decision) -> _Told:
        asked = self._asked.get(decision.proposal_id)
        scope = "" if decision.rule is None else f", and from now on by rule {decision.rule.id}"
        looked = "" if decision.looked_s is None else f" after looking for {decision.looked_s:.1f} s"
        known = "" if decision.by.authenticated != "asserted" else " (as the application says)"
        together = " together with others" if decision.batch else ""
        words = (f"{self._tool(decision.proposal_id)}: {_PAST[decision.verdict]}{together}{scope} "
                 f"in {decision.channel}{looked}{known}")  # fmt: skip
        texts = _texts("with", decision.arguments) + _texts("saying", decision.text)
        seen = decision.shown_digest or (None if asked is None else asked.shown_digest)
        rest: _Rest = {**_by(decision.by), "texts": texts, "proposal_id": decision.proposal_id, "digest": seen}
        return f"decided-{decision.verdict}", words, rest

    def _received(self, received: Received) -> _Told:
        took = f" in {received.took_s:.1f} s" if received.took_s else ""
        settled = ", settled" if received.settled_by is not None else ""
        rest: _Rest = {**_by(received.settled_by), "texts": _texts("result", received.result.text),
                "call_id": received.call_id}  # fmt: skip
        return f"received-{received.state}", f"{received.tool}: {received.state}{took}{settled}", rest

    def _tool(self, proposal_id: str) -> str:
        asked = self._asked.get(proposal_id)
        return proposal_id if asked is None else asked.tool

    def _name(self, call_id: str) -> str:
        return self._called.get(call_id, call_id)


def _by(by: Principal | None) -> _Rest:
    return {} if by is None else {"by": by.name or by.id}


def _texts(label: str, text: str | None) -> _Texts:
    return ((label, text),) if text else ()


def _failed(failure: Failure | None) -> _Texts:
    return () if failure is None else ((failure.error, failure.message),)


def _answered(response: Response, took_s: float) -> str:
    served = response.model.served
    name = response.model.asked if served in {None, response.model.asked} else f"{response.model.asked} > {served}"
    partial = "" if response.state == "complete" else f" (partial, {response.stop.kind})"
    return f"model answered{partial}: {name} in {took_s:.1f} s{_spent(response.usage)}"


def _spent(usage: Usage) -> str:
    tokens = "" if usage.input is None or usage.output is None else f", {usage.input:,} in, {usage.output:,} out"
    return tokens if usage.cost_usd is None else f"{tokens}, ${usage.cost_usd:.4f}"


def _said(response: Response, failure: Failure | None) -> _Texts:
    said = tuple((one.label, one.text) for one in said_of([response.message]))
    return said if failure is None else (*said, (failure.error, failure.message))
