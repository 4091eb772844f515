"""The execution edge: the one place where a call of a model becomes an action.

Every call of a turn passes here, in call order: refused, proposed to a person, or run. What changes something is
intended durably before it starts and has its receipt before the model hears of it; a call that was begun and has no
receipt is never begun again.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from copilot_kit.approval.digests import call_digest, idempotency_key, shown_digest
from copilot_kit.approval.gate import Gate, GateCall, Ruling
from copilot_kit.errors import ToolRefused
from copilot_kit.events import closing
from copilot_kit.ids import NewId
from copilot_kit.journal.session import RunChanged, Session, to_its_end
from copilot_kit.journal.state import Asked, CallState
from copilot_kit.journal.store import Entry
from copilot_kit.messages import Outcome, ResultContent, Source, Text, ToolCall, UnknownPart, answer
from copilot_kit.outputs import ToolOutput
from copilot_kit.records import (
    Body,
    Decision,
    Intended,
    Preview,
    Proposal,
    Proposed,
    ReceiptState,
    Received,
    Step,
)
from copilot_kit.response import Served
from copilot_kit.tools import Tool, ToolContext, arguments_of

_Tool: TypeAlias = Tool[..., Any]


@dataclass(frozen=True, slots=True)
class Edge:
    """What the edge needs to know of the agent whose calls it handles."""

    tools: Mapping[str, _Tool]
    gate: Gate
    path: tuple[Step, ...]
    prompt_version: str
    deps: Any
    new_id: NewId

    @property
    def thread(self) -> tuple[str, ...]:
        """The path of call ids that the agent's records carry."""
        return tuple(step.call_id for step in self.path if step.call_id is not None)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A call that may run now."""

    call: ToolCall
    tool: _Tool
    arguments: str
    digest: str
    editor: str | None = None
    """Who wrote these arguments in the place of the model's."""


async def handle(session: Session, edge: Edge) -> AsyncIterator[Entry]:
    """Take every open call of the last turn as far as it goes now; yields the records of it.

    After this each call has its result, waits for a person, or is of unknown outcome.
    """
    bodies: list[Body] = []
    ready: list[_Ready] = []
    for state in list(session.state.threads[edge.thread].calls.values()):
        if state.received is None and not state.pending:
            outcome = _next(session, edge, state)
            if isinstance(outcome, _Ready):
                ready.append(outcome)
            else:
                bodies.append(outcome)
    if bodies:
        for entry in await session.append(*bodies, path=edge.thread, unless_changed=True):
            yield entry
    reads = [one for one in ready if one.tool.effect == "read"]
    if reads:
        for entry in await _run_reads(session, edge, reads):
            yield entry
    effects = [one for one in ready if one.tool.effect != "read"]
    if effects:
        async with closing(_run_effects(session, edge, effects)) as entries:
            async for entry in entries:
                yield entry


def closed_receipts(session: Session, edge: Edge) -> list[Body]:
    """Return the receipts of calls that a stop left open, so that the conversation can go on behind them."""
    calls = session.state.threads[edge.thread].calls.values()
    words = "The run was stopped; it did not run."
    return [
        _receipt(state.call, "cancelled", words, outcome="cancelled")
        for state in calls
        if not state.settled and state.intended is None
    ]


def lost_receipts(session: Session, edge: Edge) -> list[Body]:
    """Return the receipts of calls that an owner began and left without a word: nobody knows how they ended."""
    calls = session.state.threads[edge.thread].calls.values()
    return [_lost(state.call) for state in calls if state.intended is not None and state.received is None]


def _next(session: Session, edge: Edge, state: CallState) -> Body | _Ready:
    """Return what is to be written down of a call, or the call if it may run."""
    call = state.call
    if state.intended is not None:
        return _lost(call)
    if state.asked is not None and state.asked.state in _CLOSED:
        return _closed(call, state.asked)
    tool = edge.tools.get(call.name)
    if tool is None:
        known = ", ".join(sorted(edge.tools)) or "none"
        return _receipt(call, "failed", f"There is no tool {call.name!r}. The tools are: {known}.", outcome="error")
    try:
        arguments = tool.canonical(_written(call, state.asked, tool))
    except ToolRefused as error:
        return _receipt(call, "failed", str(error), outcome="error")
    ruling = edge.gate.judge(_gate_call(session, edge, tool, arguments))
    if ruling.verdict == "deny":
        why = "; ".join(reason.text for reason in ruling.reasons)
        return _receipt(call, "denied", f"Not allowed here: {why}.", outcome="denied")
    digest = call_digest(run_id=session.run_id, path=edge.path, call_id=call.call_id, tool=tool.name,
                         version=tool.version, arguments=arguments)  # fmt: skip
    if state.asked is not None:
        if _approved(state.asked, tool, digest):
            return _Ready(call, tool, arguments, digest, _editor(session, call))
        ruling = Ruling("ask", ruling.reasons)
    if ruling.verdict == "allow":
        return _Ready(call, tool, arguments, digest)
    return Proposed(proposal=_proposal(session, edge, call, tool, arguments, digest=digest, ruling=ruling))


def _written(call: ToolCall, asked: Asked | None, tool: _Tool) -> str:
    """Return the arguments as a person decided them: theirs, or those that were shown; undecided, the model's.

    What was shown is read, and not the model's text once more: its defaults may have changed, such as the time of day.
    """
    if asked is None or asked.decision is None:
        return call.args_json
    if asked.decision.verdict == "edit" and asked.decision.arguments is not None:
        return asked.decision.arguments
    return asked.proposal.arguments if asked.proposal.tool_version == tool.version else call.args_json


def _approved(asked: Asked, tool: _Tool, digest: str) -> bool:
    """Tell whether the person's yes is a yes to exactly this call with this tool."""
    decision, shown = asked.decision, asked.proposal
    if decision is None or decision.call_digest != shown.call_digest:
        return False
    if decision.verdict == "edit":
        return decision.arguments is not None and shown.tool_version == tool.version
    return decision.verdict == "approve" and decision.call_digest == digest


def _editor(session: Session, call: ToolCall) -> str | None:
    """Return who changed the arguments of this call last, if a person did."""
    asked = (one for one in session.state.proposals.values() if one.proposal.call_id == call.call_id)
    edits = [one.decision.by.id for one in asked if one.decision is not None and one.decision.verdict == "edit"]
    return edits[-1] if edits else None


def _gate_call(session: Session, edge: Edge, tool: _Tool, arguments: str) -> GateCall:
    model = session.state.threads[edge.thread].model or session.state.model
    return GateCall(tool.name, tool.version, tool.effect, json.loads(arguments), edge.path, model)


def _proposal(
    session: Session, edge: Edge, call: ToolCall, tool: _Tool, arguments: str, *, digest: str, ruling: Ruling
) -> Proposal:
    response = session.state.threads[edge.thread].response
    model = session.state.model if response is None else _named(response.model)
    proposal = Proposal(
        id=edge.new_id("prop"),
        call_id=call.call_id,
        path=edge.path,
        tool=tool.name,
        tool_version=tool.version,
        effect=tool.effect,
        arguments=arguments,
        preview=_preview(tool, arguments),
        model=model,
        prompt_version=edge.prompt_version,
        reasons=ruling.reasons,
        call_digest=digest,
        shown_digest="",
    )
    return proposal.model_copy(update={"shown_digest": shown_digest(proposal)})


def _named(model: Served) -> str:
    return f"{model.provider}:{model.asked} > {model.served or model.asked}"


def _preview(tool: _Tool, arguments: str) -> Preview | None:
    """Return what the tool itself shows of the call; one that cannot say it leaves the arguments to speak."""
    if tool.preview is None:
        return None
    try:
        shown = tool.preview(**arguments_of(arguments))
    except Exception as error:  # noqa: BLE001  the preview is the application's code; the question must be asked anyway
        shown = f"The tool's preview failed: {type(error).__name__}: {error}"
    return shown if isinstance(shown, Preview) else Preview(title=tool.name, body=str(shown))


_CLOSED = ("rejected", "answered", "expired", "cancelled")
_LOST = (
    "This call was begun and its outcome is not known: the process ended in between. It is not repeated. "
    "A person settles it."
)


def _lost(call: ToolCall) -> Received:
    return _receipt(call, "unknown", _LOST, outcome="unknown")


def _closed(call: ToolCall, asked: Asked) -> Received:
    """Return the receipt of a call that a person, or time, has kept from running."""
    decision = asked.decision
    match asked.state, decision:
        case "answered", decision if decision is not None:
            return _receipt(call, "done", _by(decision, decision.text or ""), outcome="ok")
        case "rejected", decision if decision is not None:
            words = Text(text="A person rejected this call; it did not run. Do not repeat it unchanged.")
            why = [Text(text=" The reason: "), _by(decision, decision.text)] if decision.text else []
            return _receipt(call, "denied", words, *why, outcome="denied")
        case "expired", _:
            return _receipt(call, "cancelled", "Nobody decided in time; it did not run.", outcome="expired")
        case _:
            return _receipt(call, "cancelled", "It was cancelled; it did not run.", outcome="cancelled")


def _by(decision: Decision, words: str) -> Text:
    """Return a person's own words as a part of its own, so that nobody has to guess whose they are."""
    return Text(text=words, source=Source(kind="person", ref=decision.by.id, trusted=True))


def _receipt(call: ToolCall, state: ReceiptState, *content: str | Text, outcome: Outcome) -> Received:
    result = answer(call, *content, outcome=outcome)
    return Received(call_id=call.call_id, tool=call.name, state=state, result=result)


async def _run_reads(session: Session, edge: Edge, reads: list[_Ready]) -> list[Entry]:
    """Run reads side by side; their receipts need no disk, since a lost one is just read again."""
    if len(reads) == 1:
        receipts = [await _run(session, edge, reads[0])]
    else:
        receipts = await asyncio.gather(*(_run(session, edge, one) for one in reads))
    return await session.append(*receipts, path=edge.thread, durable=False)


async def _run_effects(session: Session, edge: Edge, effects: list[_Ready]) -> AsyncIterator[Entry]:
    """Run effects one after the other in call order; a receipt and the next intent are one write.

    An intent is written only if nobody else wrote since this owner looked, so that a stop or a decision that arrived
    in between is seen before anything more begins. A write that has begun is finished whatever happens: only so it is
    known what must be said of a call when the run is cancelled.
    """
    receipts: list[Received] = []
    running: str | None = None
    try:
        for one in effects:
            intent = Intended(call_id=one.call.call_id, call_digest=one.digest,
                              idempotency_key=idempotency_key(one.digest))  # fmt: skip
            try:
                entries = await to_its_end(session.append(*receipts, intent, path=edge.thread, unless_changed=True))
            except RunChanged as changed:
                if receipts:
                    changed.entries += await to_its_end(session.append(*receipts, path=edge.thread))
                raise
            for entry in entries:
                yield entry
            running = one.call.call_id
            receipts = [await _run(session, edge, one)]
            running = None
        for entry in await to_its_end(session.append(*receipts, path=edge.thread)):
            yield entry
    except (asyncio.CancelledError, GeneratorExit):
        last = _left_open(session, edge, receipts, running=running)
        if last:
            await session.last_words(*last, path=edge.thread)
        raise


_CANCELLED = "The run was cancelled while this call ran; its outcome is not known. It is not repeated."
_NOT_BEGUN = "The run was cancelled before this call began; it did not run."


def _left_open(session: Session, edge: Edge, receipts: list[Received], *, running: str | None) -> list[Received]:
    """Return what a cancelled run must still say of the calls that it has intended."""
    known = {receipt.call_id: receipt for receipt in receipts}
    calls = [state.call for state in session.state.threads[edge.thread].calls.values()
             if state.intended is not None and state.received is None]  # fmt: skip
    return [
        known[call.call_id]
        if call.call_id in known
        else _receipt(call, "unknown", _CANCELLED, outcome="unknown")
        if call.call_id == running
        else _receipt(call, "cancelled", _NOT_BEGUN, outcome="cancelled")
        for call in calls
    ]


async def _run(session: Session, edge: Edge, one: _Ready) -> Received:
    context = ToolContext(
        run_id=session.run_id,
        call_id=one.call.call_id,
        path=edge.thread,
        idempotency_key=idempotency_key(one.digest),
        deps=edge.deps,
        agent=edge.path[-1].agent,
    )
    begun = time.monotonic()
    output = await one.tool.run(one.arguments, context)
    result = answer(one.call, *_edit_note(one), *_sourced(output, one.tool), outcome=output.outcome)
    state: ReceiptState = "done" if output.outcome == "ok" else "unknown" if output.outcome == "unknown" else "failed"
    return Received(call_id=one.call.call_id, tool=one.tool.name, state=state, result=result,
                    took_s=time.monotonic() - begun)  # fmt: skip


def _edit_note(one: _Ready) -> list[ResultContent]:
    """Return what the model is told where the call that ran is not the one that it asked for."""
    if one.editor is None:
        return []
    source = Source(kind="person", ref=one.editor, trusted=True)
    return [Text(text=f"A person changed the arguments; this ran: {one.arguments}\n", source=source)]


def _sourced(output: ToolOutput, tool: _Tool) -> list[ResultContent]:
    source = Source(kind="tool", ref=tool.name)
    return [
        part if isinstance(part, UnknownPart) or part.source is not None else part.model_copy(update={"source": source})
        for part in output.content
    ]
