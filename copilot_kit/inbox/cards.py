"""A proposal as a person sees it on a page: plain data, made from the run's records, with nothing left out unsaid."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from copilot_kit.approval.entitlement import entitled
from copilot_kit.effects import Effect
from copilot_kit.inbox.values import PREVIEW, Excerpt, Mark, Value, excerpt, values_of
from copilot_kit.journal.state import RunState
from copilot_kit.journal.thread import Asked
from copilot_kit.messages import Message, Source, Summary, Text, ToolCall, ToolResult
from copilot_kit.records import Decision, Preview, Principal, Proposal, ProposalState, Reason

EXPIRES_SOON: Final = timedelta(minutes=15)
EFFECTS: Final[dict[Effect, str]] = {
    "read": "changes nothing",
    "write": "changes something of yours",
    "external": "leaves the house",
}


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a diff."""

    kind: Literal["added", "removed", "place", "same"]
    text: str


@dataclass(frozen=True, slots=True)
class PreviewView:
    """What the tool itself says of the call."""

    kind: Literal["text", "diff", "table"]
    title: str
    text: Excerpt
    """For text and diff; the lines of a diff are in `diff` as well."""
    diff: tuple[DiffLine, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    cost: str | None = None
    recipients: tuple[str, ...] = ()
    reversible: bool | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """One part of the conversation that led to the call."""

    role: str
    label: str
    text: str
    origin: Mark | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the proposal, for whoever comes late."""

    state: ProposalState
    by: str | None = None
    at: datetime | None = None
    text: str | None = None
    arguments: str | None = None
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """One call that waits, or waited, for a person."""

    run_id: str
    id: str
    call_id: str
    title: str
    tool: str
    tool_version: str
    effect: Effect
    effect_words: str
    undoable: bool
    own: bool
    agents: tuple[str, ...]
    model: str
    prompt_version: str
    call_digest: str
    shown_digest: str
    turn: str
    reasons: tuple[Reason, ...]
    values: tuple[Value, ...]
    canonical: str
    preview: PreviewView | None
    note: str
    """What the model said beside the call: its claim, not ours."""
    conversation: tuple[Said, ...]
    queued_at: datetime | None
    expires_at: datetime | None
    expires_soon: bool
    changed: tuple[str, ...]
    """What is another than when this call was asked before; empty where it was not."""
    may_decide: tuple[str, ...]
    entitled: bool
    """Whether the person who looks may decide."""
    assigned_to: str | None
    outcome: Outcome

    @property
    def is_pending(self) -> bool:
        """It can be decided now."""
        return self.outcome.state == "pending"

    @property
    def folded(self) -> tuple[str, ...]:
        """Folds that hide something: while there are any, the call cannot be approved."""
        texts = [value.text for value in self.values]
        if self.preview is not None:
            texts.append(self.preview.text)
        return tuple(text.fold for text in texts if not text.is_open)


def card_of(
    state: RunState, proposal_id: str, *, for_whom: Principal, now: datetime, opened: Collection[str] = ()
) -> Card | None:
    """Return the card of a proposal, None if the run has none of this id.

    opened: the folds to show in full, `*` for all.
    """
    asked = state.proposals.get(proposal_id)
    if asked is None:
        return None
    proposal = asked.proposal
    note, conversation = _background(state, proposal)
    return Card(
        run_id=state.run_id,
        id=proposal.id,
        call_id=proposal.call_id,
        title="" if state.started is None else state.started.title,
        tool=proposal.tool,
        tool_version=proposal.tool_version,
        effect=proposal.effect,
        effect_words=EFFECTS[proposal.effect],
        undoable=proposal.undoable,
        own=proposal.own,
        agents=tuple(step.agent for step in proposal.path),
        model=proposal.model,
        prompt_version=proposal.prompt_version,
        call_digest=proposal.call_digest,
        shown_digest=proposal.shown_digest,
        turn=proposal.turn,
        reasons=proposal.reasons,
        values=values_of(json.loads(proposal.arguments), roles=proposal.roles, provenance=proposal.provenance,
                         opened=opened),
        canonical=proposal.arguments,
        preview=None if proposal.preview is None else _preview(proposal.preview, opened),
        note=note,
        conversation=conversation,
        queued_at=proposal.queued_at,
        expires_at=proposal.expires_at,
        expires_soon=proposal.expires_at is not None and proposal.expires_at - now < EXPIRES_SOON,
        changed=_changed(state, proposal),
        may_decide=proposal.may_decide,
        entitled=entitled(for_whom, proposal.may_decide),
        assigned_to=asked.assigned_to,
        outcome=_outcome(asked, now),
    )  # fmt: skip


def said_of(messages: Sequence[Message]) -> tuple[Said, ...]:
    """Return the conversation as a person reads it: words, calls and results, each with who said it."""
    return tuple(said for message in messages for part in message.parts if (said := _said(message, part)) is not None)


def _said(message: Message, part: object) -> Said | None:
    match part:
        case Text(text=text, source=source) if text.strip():
            return Said(message.role, _speaker(message, source), text, _origin(source))
        case Summary(text=str(text), source=source):
            return Said(message.role, "summary", text, _origin(source))
        case ToolCall(name=name, args_json=args):
            return Said("call", f"calls {name}", args)
        case ToolResult(text=text, outcome=outcome):
            return Said("result", "result" if outcome == "ok" else f"result: {outcome}", text)
        case _:
            return None


_ROLES: Final = {"system": "instructions", "user": "user", "assistant": "model", "tool": "tool"}


def _speaker(message: Message, source: Source | None) -> str:
    """Return who says it: in the user's place stands much that no user said."""
    if message.role == "user" and source is not None and source.kind in {"application", "memory"}:
        return source.kind
    return _ROLES.get(message.role, message.role)


def _origin(source: Source | None) -> Mark | None:
    return None if source is None else Mark(source.kind, source.ref or source.kind, source.trusted)


def _background(state: RunState, proposal: Proposal) -> tuple[str, tuple[Said, ...]]:
    """Return what the model said beside the call, and everything that was said before it."""
    at = tuple(step.call_id for step in proposal.path if step.call_id is not None)
    thread = state.threads.get(at)
    if thread is None:
        return "", ()
    for index, message in enumerate(thread.messages):
        if any(call.call_id == proposal.call_id for call in message.calls):
            return message.text, said_of(thread.messages[:index])
    return "", said_of(thread.messages)


def _preview(preview: Preview, opened: Collection[str]) -> PreviewView:
    text = excerpt(preview.body, fold=PREVIEW, opened=opened) if preview.body else Excerpt(())
    head, *rows = preview.rows or ((),)
    return PreviewView(
        kind=preview.kind,
        title=preview.title,
        text=text,
        diff=tuple(map(_diff_line, text.lines)) if preview.kind == "diff" else (),
        head=head,
        rows=tuple(rows),
        cost=preview.cost,
        recipients=preview.recipients,
        reversible=preview.reversible,
    )


def _diff_line(line: str) -> DiffLine:
    if line.startswith(("@@", "--- ", "+++ ")):
        return DiffLine("place", line)
    return DiffLine("added" if line[:1] == "+" else "removed" if line[:1] == "-" else "same", line)


def _changed(state: RunState, proposal: Proposal) -> tuple[str, ...]:
    before = state.proposals.get(proposal.again_of or "")
    if before is None:
        return ()
    old = before.proposal
    pairs = {
        "the arguments": (old.arguments, proposal.arguments),
        "the tool": ((old.tool, old.tool_version), (proposal.tool, proposal.tool_version)),
        "the model": (old.for_model or old.model, proposal.for_model or proposal.model),
        "the prompt": (old.prompt_version, proposal.prompt_version),
    }
    return tuple(name for name, (then, now) in pairs.items() if then != now) or ("nothing",)


def _outcome(asked: Asked, now: datetime) -> Outcome:
    decision: Decision | None = asked.decision
    if decision is not None:
        return Outcome(asked.state, decision.by.name or decision.by.id, decision.at, decision.text,
                       decision.arguments, decision.channel)  # fmt: skip
    expires_at = asked.proposal.expires_at
    if asked.state == "pending" and expires_at is not None and expires_at <= now:
        return Outcome("expired", at=expires_at)
    return Outcome(asked.state)
