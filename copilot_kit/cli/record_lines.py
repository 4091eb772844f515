"""Records of a run as lines that a person reads: what happened, how long it took, what it cost."""

from collections.abc import Iterator
from datetime import datetime

from copilot_kit.cli.screen import spent
from copilot_kit.display import visible
from copilot_kit.journal import Entry
from copilot_kit.journal.windows import window_words
from copilot_kit.messages import Message
from copilot_kit.records import (
    Assigned,
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
from copilot_kit.response import Response

_EXCERPT_CHARS = 100


class Telling:
    """Turns records into lines; remembers what was called, and when a person was asked, to say how long they took."""

    def __init__(self) -> None:
        self._asked: dict[str, tuple[Proposal, datetime]] = {}
        self._called: dict[str, str] = {}

    def lines(self, entry: Entry) -> list[str]:
        """Return the lines of one record."""
        at = entry.head.at.astimezone()
        depth = "  " * len(entry.head.path)
        first, *rest = self._words(entry)
        return [f"{at:%H:%M:%S} {entry.head.seq:>4} {depth}{first}", *(f"{'':14}{depth}{line}" for line in rest)]

    def _words(self, entry: Entry) -> list[str]:  # noqa: C901, PLR0912  one arm for each kind of record
        match entry.body:
            case None:
                return [f"{entry.head.kind}: erased"]
            case RunStarted(agent=agent, model=model, slot=slot):
                return [f"run started: agent {visible(agent)}, model {visible(_slotted(model, slot))}"]
            case MessageAdded(message=message):
                return [f"{message.role}: {_excerpt(_text_of(message))}"]
            case ModelSwitched(model=model, slot=slot):
                return [f"model switched to {visible(_slotted(model, slot))}"]
            case HandoverAsked() | ResultsCleared() | WindowClosed() as moved:
                return [window_words(moved)]
            case Checked(name=name, passed=passed, evidence=evidence):
                return [f"check {visible(name)} {'holds' if passed else 'does not hold'}{_reason(evidence or None)}"]
            case Requested(model=model):
                return [f"model asked: {visible(model)}"]
            case Responded(response=response, took_s=took_s, failure=failure):
                self._called.update((call.call_id, call.name) for call in response.calls)
                return _answered(response, took_s, failure)
            case Interrupted(model=model, failure=failure):
                return [f"no answer of {visible(model)}: {_failed(failure)}"]
            case Proposed(proposal=proposal):
                self._asked[proposal.id] = (proposal, entry.head.at)
                return [f"a person is asked: {visible(proposal.tool)} {visible(proposal.arguments)}", *_why(proposal)]
            case Decided(decision=decision):
                return self._decided(decision)
            case Lapsed(proposal_id=proposal_id, state=state):
                return [f"{state}: {self._tool(proposal_id)}"]
            case Intended(call_id=call_id):
                return [f"about to run {visible(self._called.get(call_id, call_id))}"]
            case Received() as received:
                return [_received(received)]
            case Assigned(proposal_id=proposal_id, to=to, by=by):
                return [f"{self._tool(proposal_id)} given to {visible(to or 'all')} by {visible(by.id)}"]
            case Undoing(call_id=call_id, by=by):
                return [f"about to undo {visible(self._called.get(call_id, call_id))}, for {visible(by.id)}"]
            case Undone(call_id=call_id, state=state, text=text):
                return [f"undo of {visible(self._called.get(call_id, call_id))} {state}{_reason(text)}"]
            case OutcomeKnown(verdict=verdict, by=by):
                return [f"suggestion {verdict} by {visible(by.id)}"]
            case RuleGranted(rule=rule):
                return [f"rule {visible(rule.id)} granted for {visible(rule.tool)} by {visible(rule.by.id)}"]
            case RuleRevoked(rule_id=rule_id, by=by):
                return [f"rule {visible(rule_id)} revoked by {visible(by.id)}"]
            case RuleUsed(rule_id=rule_id, run_id=run_id):
                return [f"rule {visible(rule_id)} used in {visible(run_id)}"]
            case SlotMoved(slot=slot, model=model, by=by):
                return [f"slot {visible(slot)} moved to {visible(model or 'no model')} by {visible(by.id)}"]
            case Erased(seqs=seqs, by=by, reason=reason):
                return [f"{len(seqs)} bodies erased by {visible(by.id)}{_reason(reason)}"]
            case RunStopped(by=by, text=text):
                return [f"stopped by {visible(by.name or by.id)}{_reason(text)}"]
            case RunEnded(status=status, failure=failure):
                return [f"run ended: {status}{'' if failure is None else f', {_failed(failure)}'}"]

    def _tool(self, proposal_id: str) -> str:
        asked = self._asked.get(proposal_id)
        return visible(asked[0].tool if asked is not None else proposal_id)

    def _decided(self, decision: Decision) -> list[str]:
        asked = self._asked.get(decision.proposal_id)
        waited = "" if asked is None else f" after {duration((decision.at - asked[1]).total_seconds())}"
        by = visible(decision.by.name or decision.by.id)
        known = "" if decision.by.authenticated != "asserted" else " (as the application says)"
        line = f"{decision.verdict}: {self._tool(decision.proposal_id)}, by {by}{known}{waited}{_reason(decision.text)}"
        return [line] if decision.arguments is None else [line, f"with {visible(decision.arguments)}"]


def duration(seconds: float) -> str:
    """Return a time span in the unit that suits it."""
    if seconds < 1:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < 100:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"  # noqa: PLR2004


def _answered(response: Response, took_s: float, failure: Failure | None) -> list[str]:
    served = response.model.served
    name = response.model.asked if served in {None, response.model.asked} else f"{response.model.asked} > {served}"
    partial = "" if response.state == "complete" else f" (partial, {response.stop.kind})"
    lines = [f"model answered{partial}: {visible(name)} · {duration(took_s)} · {spent(response.usage)}"]
    if response.text:
        lines.append(_excerpt(response.text))
    lines += [f"calls {visible(call.name)} {_excerpt(call.args_json)}" for call in response.message.calls]
    lines += [f"dropped: {line}" for line in dropped_lines(response)]
    return lines if failure is None else [*lines, _failed(failure)]


def dropped_lines(response: Response) -> Iterator[str]:
    """Yield what was asked for and not sent as such."""
    for one in response.dropped:
        became = "" if one.became is None else f", sent as {visible(one.became)}"
        yield f"{one.kind} {visible(one.name)} ({visible(one.reason)}{became})"


def _received(received: Received) -> str:
    text = _excerpt(received.result.text)
    settled = "" if received.settled_by is None else f", settled by {visible(received.settled_by.id)}"
    return f"{visible(received.tool)} {received.state} in {duration(received.took_s)}{settled}: {text}"


def _why(proposal: Proposal) -> list[str]:
    return [f"because {visible('; '.join(reason.text for reason in proposal.reasons))}"] if proposal.reasons else []


def _failed(failure: Failure) -> str:
    return visible(f"{failure.error}: {failure.message}")


def _reason(text: str | None) -> str:
    return f": {visible(text)}" if text else ""


def _slotted(model: str, slot: str | None) -> str:
    return model if slot is None else f"{model} (slot {slot})"


def _text_of(message: Message) -> str:
    return message.text or f"{len(message.parts)} parts"


def _excerpt(text: str) -> str:
    words = " ".join(text.split())
    if len(words) <= _EXCERPT_CHARS:
        return visible(words)
    return f"{visible(words[:_EXCERPT_CHARS].rstrip())}… ({len(text):,} characters)"
