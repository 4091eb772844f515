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
from copilot_kit.ids import NewId
from copilot_kit.journal.session import RunChanged, Session
from copilot_kit.journal.state import Asked, CallState
from copilot_kit.journal.store import Entry
from copilot_kit.messages import Outcome, ResultContent, Source, Text, ToolCall, UnknownPart, answer
from copilot_kit.outputs import ToolOutput
from copilot_kit.records import (
    Body,
    Intended,
    Proposal,
    Proposed,
    ReceiptState,
    Received,
    Step,
)
from copilot_kit.tools import Tool, ToolContext

_Tool: TypeAlias = Tool[..., Any]
SHIELD_S = 5.0
"""How long a cancelled run may take to write down what it began."""


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
        async for entry in _run_effects(session, edge, effects):
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


def _next(session: Session, edge: Edge, state: CallState) -> Body | _Ready:
    """Return what is to be written down of a call, or the call if it may run."""
    call = state.call
    if state.intended is not None:
        return _receipt(call, "unknown", _LOST, outcome="unknown")
    if state.asked is not None and state.asked.state in _CLOSED:
        return _closed(call, state.asked)
    tool = edge.tools.get(call.name)
    if tool is None:
        known = ", ".join(sorted(edge.tools)) or "none"
        return _receipt(call, "failed", f"There is no tool {call.name!r}. The tools are: {known}.", outcome="error")
    edited = state.asked.decision.arguments if state.asked is not None and state.asked.decision is not None else None
    try:
        arguments = tool.canonical(edited if edited is not None else call.args_json)
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
            return _Ready(call, tool, arguments, digest)
        ruling = Ruling("ask", ruling.reasons)
    if ruling.verdict == "allow":
        return _Ready(call, tool, arguments, digest)
    return Proposed(proposal=_proposal(session, edge, call, tool, arguments, digest=digest, ruling=ruling))


def _approved(asked: Asked, tool: _Tool, digest: str) -> bool:
    """Tell whether the person's yes is a yes to exactly this call with this tool."""
    if asked.decision is None:
        return False
    if asked.decision.verdict == "edit":
        return asked.proposal.tool_version == tool.version
    return asked.decision.call_digest == digest


def _gate_call(session: Session, edge: Edge, tool: _Tool, arguments: str) -> GateCall:
    return GateCall(tool.name, tool.version, tool.effect, json.loads(arguments), edge.path, session.state.model)


def _proposal(
    session: Session, edge: Edge, call: ToolCall, tool: _Tool, arguments: str, *, digest: str, ruling: Ruling
) -> Proposal:
    response = session.state.threads[edge.thread].response
    model = session.state.model if response is None else f"{response.model.asked} > {response.model.served}"
    proposal = Proposal(
        id=edge.new_id("prop"),
        call_id=call.call_id,
        path=edge.path,
        tool=tool.name,
        tool_version=tool.version,
        effect=tool.effect,
        arguments=arguments,
        model=model,
        prompt_version=edge.prompt_version,
        reasons=ruling.reasons,
        call_digest=digest,
        shown_digest="",
    )
    return proposal.model_copy(update={"shown_digest": shown_digest(proposal)})


_CLOSED = ("rejected", "answered", "expired", "cancelled")
_LOST = (
    "This call was begun and its outcome is not known: the process ended in between. It is not repeated. "
    "A person settles it."
)


def _closed(call: ToolCall, asked: Asked) -> Received:
    """Return the receipt of a call that a person, or time, has kept from running."""
    decision = asked.decision
    match asked.state, decision:
        case "answered", decision if decision is not None:
            source = Source(kind="person", ref=decision.by.id, trusted=True)
            return _receipt(call, "done", decision.text or "", outcome="ok", source=source)
        case "rejected", decision if decision is not None:
            why = f" The reason: {decision.text}" if decision.text else ""
            words = f"A person rejected this call; it did not run.{why} Do not repeat it unchanged."
            return _receipt(call, "denied", words, outcome="denied")
        case "expired", _:
            return _receipt(call, "cancelled", "Nobody decided in time; it did not run.", outcome="expired")
        case _:
            return _receipt(call, "cancelled", "It was cancelled; it did not run.", outcome="cancelled")


def _receipt(
    call: ToolCall, state: ReceiptState, text: str, *, outcome: Outcome, source: Source | None = None
) -> Received:
    result = answer(call, Text(text=text, source=source), outcome=outcome)
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
    in between is seen before anything more begins.
    """
    receipts: list[Body] = []
    for one in effects:
        intent = Intended(call_id=one.call.call_id, call_digest=one.digest, idempotency_key=idempotency_key(one.digest))
        try:
            entries = await session.append(*receipts, intent, path=edge.thread, unless_changed=True)
        except RunChanged:
            if receipts:
                await session.append(*receipts, path=edge.thread)
            raise
        for entry in entries:
            yield entry
        try:
            receipts = [await _run(session, edge, one)]
        except asyncio.CancelledError:
            lost = _receipt(one.call, "unknown", _CANCELLED, outcome="unknown")
            await _shielded(session, lost, path=edge.thread)
            raise
    for entry in await session.append(*receipts, path=edge.thread):
        yield entry


_CANCELLED = "The run was cancelled while this call ran; its outcome is not known. It is not repeated."


async def _shielded(session: Session, body: Body, *, path: tuple[str, ...]) -> None:
    await asyncio.wait_for(asyncio.shield(session.append(body, path=path)), SHIELD_S)


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
    result = answer(one.call, *_sourced(output, one.tool), outcome=output.outcome)
    state: ReceiptState = "done" if output.outcome == "ok" else "unknown" if output.outcome == "unknown" else "failed"
    return Received(call_id=one.call.call_id, tool=one.tool.name, state=state, result=result,
                    took_s=time.monotonic() - begun)  # fmt: skip


def _sourced(output: ToolOutput, tool: _Tool) -> list[ResultContent]:
    source = Source(kind="tool", ref=tool.name)
    return [
        part if isinstance(part, UnknownPart) or part.source is not None else part.model_copy(update={"source": source})
        for part in output.content
    ]
