"""What is to become of a call: it runs, it waits for a person, it is refused, or it is shown to be lost.

Looked at anew whenever the run goes on. Since it was first asked about, a call may only have become harder to run: a
yes counts for the very call that was shown, with the tool, the model and the prompt that it was shown with.
"""

import contextlib
import json
from dataclasses import replace
from datetime import datetime, timedelta

from copilot_kit.approval import receipts, standing
from copilot_kit.approval.digests import call_digest, shown_digest
from copilot_kit.approval.edge import AnyTool, Edge, Ready, Traced
from copilot_kit.approval.entitlement import entitled
from copilot_kit.approval.gate import GateCall, Ruling
from copilot_kit.effects import Effect
from copilot_kit.errors import ToolRefused, UsageError
from copilot_kit.journal.index import Index
from copilot_kit.journal.session import Session
from copilot_kit.journal.thread import Asked, CallState
from copilot_kit.messages import ToolCall
from copilot_kit.records import Body, Lapsed, Preview, Proposal, Proposed, Reason
from copilot_kit.response import Served
from copilot_kit.tools import arguments_of

_CLOSED = ("rejected", "answered", "expired", "cancelled")
_DIGITS = 13
_SUGGESTION = "this is a suggestion, on which a person acts elsewhere; only reads run"


async def admit(session: Session, edge: Edge, state: CallState) -> list[Body] | Ready:
    """Return the call if it may run now, else what is to be written down of it; nothing where it goes on waiting."""
    if state.intended is not None or state.unknown:
        return await _whereabouts(session, edge, state)
    asked = state.asked
    if asked is None:
        return await _judged(session, edge, state, [], None)
    if asked.state in _CLOSED:
        return [receipts.closed(state.call, asked)]
    if asked.state == "pending" and expired(asked.proposal, edge.clock()):
        gone = Lapsed(proposal_id=asked.proposal.id, state="expired", because="time")
        return [gone, receipts.closed(state.call, Asked(asked.proposal, "expired"))]
    changed = _changed(edge, asked.proposal, *await edge.now())
    if changed is None:
        return [] if asked.state == "pending" else await _judged(session, edge, state, [], None)
    gone = Lapsed(proposal_id=asked.proposal.id, state="cancelled", because=changed.code)
    return await _judged(session, edge, state, [gone], changed)


def expired(proposal: Proposal, now: datetime) -> bool:
    """Return whether the time to decide is over."""
    return proposal.expires_at is not None and proposal.expires_at <= now


def _changed(edge: Edge, proposal: Proposal, model: str, prompt: str) -> Reason | None:
    """Return what is not as it was when a person was asked; a yes to that is no yes to this.

    model, prompt: what is asked now, and how, or what the run's slot has moved on to.
    """
    tool = edge.tools.get(proposal.tool)
    if tool is None or tool.version != proposal.tool_version or _declared(tool, proposal.arguments) != _shown(proposal):
        return Reason(code="tool-changed", text="the tool was changed since you were last asked")
    if proposal.for_model and proposal.for_model != model:
        words = f"the model was changed since you were last asked, from {proposal.for_model} to {model}"
        return Reason(code="model-changed", text=words)
    if proposal.for_prompt and proposal.for_prompt != prompt:
        return Reason(code="prompt-changed", text="what the agent is told was changed since you were last asked")
    return None


def _declared(tool: AnyTool, arguments: str) -> tuple[object, ...]:
    """Return what a card says of a tool besides its version, which may be a name that stayed the same."""
    return (tool.effect_of(arguments_of(arguments)), tool.own, tool.undo is not None, dict(tool.roles))


def _shown(proposal: Proposal) -> tuple[object, ...]:
    return (proposal.effect, proposal.own, proposal.undoable, proposal.roles)


async def _whereabouts(session: Session, edge: Edge, state: CallState) -> list[Body]:
    """Return what can be found out of a call that was begun and left without a word; it is never begun again."""
    tool, intended = edge.tools.get(state.call.name), state.intended
    if intended is not None and tool is not None and tool.check is not None and tool.version == intended.tool_version:
        context = edge.context(session, state.call.call_id, intended.call_digest)
        done = await tool.find_out(intended.arguments, context)
        if done is not None:
            return [receipts.found_out(state.call, done=done)]
    return [] if state.unknown else [receipts.lost(state.call)]


async def _judged(
    session: Session, edge: Edge, state: CallState, bodies: list[Body], changed: Reason | None
) -> list[Body] | Ready:
    """Return what the gate makes of the call as it would run."""
    call, asked = state.call, state.asked
    tool = edge.tools.get(call.name)
    if tool is None:
        known = ", ".join(sorted(edge.tools)) or "none"
        words = f"There is no tool {call.name!r}. The tools are: {known}."
        return [*bodies, receipts.receipt(call, "failed", words, outcome="error")]
    try:
        arguments = tool.canonical(_written(call, asked, tool))
    except ToolRefused as error:
        return [*bodies, receipts.receipt(call, "failed", str(error), outcome="error")]
    except Exception as error:  # noqa: BLE001  a check of the application's own; the run must not end with it each time
        words = f"The arguments of {tool.name} could not be checked; it did not run. {type(error).__name__}: {error}"
        return [*bodies, receipts.receipt(call, "failed", words, outcome="error")]
    digest = call_digest(run_id=session.run_id, path=edge.path, call_id=call.call_id, tool=tool.name,
                         version=tool.version, arguments=arguments)  # fmt: skip
    seen = await _gate_call(session, edge, tool, call, arguments, digest=digest)
    ruling = _of_a_suggestion(session, seen.effect) or edge.gate.judge(seen)
    if seen.arguments != arguments_of(arguments):
        ruling, seen = _misled(ruling), replace(seen, arguments=arguments_of(arguments))
    if ruling.verdict == "deny":
        why = "; ".join(reason.text for reason in ruling.reasons)
        return [*bodies, receipts.receipt(call, "denied", f"Not allowed here: {why}.", outcome="denied")]
    ready = Ready(call, tool, arguments, seen.effect, digest, seen.model, seen.prompt_version, _editor(session, call))
    if asked is not None and changed is None and _approved(asked, tool, digest, _deciders(edge, tool, ruling)):
        if asked.decision is not None and asked.decision.rule is not None:
            with contextlib.suppress(UsageError):  # a rule that cannot begin allows nothing, and stops nothing
                await standing.begin(session.store, asked.decision.rule, now=edge.clock())
        return ready
    if asked is None and ruling.verdict == "allow":
        return _allowed(ready, ruling.reasons)
    if asked is None and not ruling.explicit:
        rule = await standing.use(session.store, seen, run_id=session.run_id, call_id=call.call_id, now=edge.clock(),
                                  may_decide=_deciders(edge, tool, ruling))  # fmt: skip
        if rule is not None:
            return _allowed(ready, (Reason(code="standing-rule", text=standing.in_words(rule)),), rule.id)
    proposal = _proposal(session, edge, ready, seen, ruling, asked=asked, changed=changed)
    return [*bodies, Proposed(proposal=_digested(proposal, *await edge.now()))]


def _allowed(ready: Ready, reasons: tuple[Reason, ...], rule_id: str | None = None) -> Ready:
    return replace(ready, allowed=reasons, rule_id=rule_id)


def _misled(ruling: Ruling) -> Ruling:
    """Return what is to become of a call whose arguments a rule has changed: those after it saw another call."""
    why = Reason(code="rule-failed", text="a rule changed the arguments that it looked at, so that others saw another")
    return ruling if ruling.verdict == "deny" else replace(ruling, verdict="ask", reasons=(why,), explicit=True)


def _of_a_suggestion(session: Session, effect: Effect) -> Ruling | None:
    started = session.state.started
    if started is None or started.purpose == "task" or effect == "read":
        return None
    return Ruling("deny", (Reason(code="suggestion", text=_SUGGESTION),))


def _written(call: ToolCall, asked: Asked | None, tool: AnyTool) -> str:
    """Return the arguments as a person decided them: theirs, or those that were shown; never asked, the model's.

    What was shown is read, and not the model's text once more: its defaults may have changed, such as the time of day.
    """
    if asked is None:
        return call.args_json
    decision = asked.decision
    if decision is not None and decision.verdict == "edit" and decision.arguments is not None:
        return decision.arguments
    return asked.proposal.arguments if asked.proposal.tool_version == tool.version else call.args_json


def _approved(asked: Asked, tool: AnyTool, digest: str, may_decide: tuple[str, ...]) -> bool:
    """Tell whether the person's yes is a yes to exactly this call, and theirs to give as the rules stand now."""
    decision, shown = asked.decision, asked.proposal
    if decision is None or decision.call_digest != shown.call_digest or not entitled(decision.by, may_decide):
        return False
    if decision.verdict == "edit":
        return decision.arguments is not None and shown.tool_version == tool.version
    return decision.verdict == "approve" and decision.call_digest == digest


def _deciders(edge: Edge, tool: AnyTool, ruling: Ruling) -> tuple[str, ...]:
    """Return who may decide: whom the rules name, else the tool, else the agent."""
    return ruling.may_decide or tool.may_decide or edge.may_decide


def _editor(session: Session, call: ToolCall) -> str | None:
    """Return who changed the arguments of this call last, if a person did."""
    asked = (one for one in session.state.proposals.values() if one.proposal.call_id == call.call_id)
    edits = [one.decision.by.id for one in asked if one.decision is not None and one.decision.verdict == "edit"]
    return edits[-1] if edits else None


async def _gate_call(
    session: Session, edge: Edge, tool: AnyTool, call: ToolCall, arguments: str, *, digest: str
) -> GateCall:
    response = session.state.threads[edge.thread].response
    model = edge.model if response is None else _named(response.model)
    prompt = edge.prompt_read(session)
    parsed = arguments_of(arguments)
    origins = Traced(lambda: edge.provenance.of(session, edge.thread, arguments_of(arguments), tool.roles))
    effect = tool.effect_of(parsed)
    flows = edge.gate.wants_provenance and effect != "read"
    said = edge.provenance.up_to_now(session, edge.thread) if flows else None
    evidence = None
    if edge.gate.wants_evidence and isinstance(session.store, Index):
        key = (tool.version, model, prompt)
        rows = await session.store.evidence(tool=tool.name)
        evidence = next((row for row in rows if (row.tool_version, row.model, row.prompt_version) == key), None)
    return GateCall(
        tool.name, tool.version, effect, parsed, edge.path, model, prompt, tool.own, tool.undo is not None,
        tool.roles, origins, evidence, int(digest[:_DIGITS], 16) / 16**_DIGITS,
        asked_for=said is not None and said.asks_for(tool.name, parsed, tool.roles, tools=edge.tools),
        made_before=said is not None and said.made_before(tool.name, parsed, tool.roles, call_id=call.call_id),
        contested=tool.name in session.state.contested,
    )  # fmt: skip


def _proposal(
    session: Session, edge: Edge, ready: Ready, seen: GateCall, ruling: Ruling, *, asked: Asked | None,
    changed: Reason | None,
) -> Proposal:  # fmt: skip
    tool, now, before = ready.tool, edge.clock(), None if asked is None else asked.proposal
    response = session.state.threads[edge.thread].response
    within = ruling.answer_within_s or tool.answer_within_s or edge.answer_within_s
    same = before is not None and before.arguments == ready.arguments
    return Proposal(
        id=edge.new_id("prop"),
        call_id=ready.call.call_id,
        path=edge.path,
        tool=tool.name,
        tool_version=tool.version,
        effect=ready.effect,
        arguments=ready.arguments,
        preview=_preview(tool, ready.arguments),
        model=seen.model,
        prompt_version=seen.prompt_version,
        reasons=ruling.reasons if changed is None else (changed, *ruling.reasons),
        may_decide=_deciders(edge, tool, ruling),
        expires_at=None if within is None else now + timedelta(seconds=within),
        answer_within_s=within,
        call_digest=ready.digest,
        shown_digest="",
        own=tool.own,
        undoable=tool.undo is not None,
        roles=dict(tool.roles),
        provenance=tuple(seen.provenance),
        turn="" if response is None else response.message.id,
        queued_at=before.queued_at if before is not None and same else now,
        again_of=None if before is None else before.id,
    )


def _digested(proposal: Proposal, model: str, prompt: str) -> Proposal:
    """Return the proposal as it is shown, with the model and the prompt that a yes to it will be a yes to."""
    proposal = proposal.model_copy(update={"for_model": model, "for_prompt": prompt})
    return proposal.model_copy(update={"shown_digest": shown_digest(proposal)})


def _named(model: Served) -> str:
    return f"{model.provider}:{model.asked} > {model.served or model.asked}"


def _preview(tool: AnyTool, arguments: str) -> Preview | None:
    """Return what the tool itself shows of the call; one that cannot say it leaves the arguments to speak."""
    if tool.preview is None:
        return None
    try:
        shown = tool.preview(**json.loads(arguments))
        preview = shown if isinstance(shown, Preview) else Preview(title=tool.name, body=str(shown))
        preview.model_dump_json()  # refuses what the journal cannot keep, such as names of files that are no text
    except Exception as error:  # noqa: BLE001  the preview is the application's code; the question must be asked anyway
        words = f"The tool's preview failed: {type(error).__name__}: {error}"
        return Preview(title=tool.name, body=words.encode(errors="backslashreplace").decode())
    return preview
