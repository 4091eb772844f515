"""The execution edge: the one place where a call of a model becomes an action.

Every call of a turn passes here, in call order: refused, proposed to a person, or run. What changes something is
intended durably before it starts and has its receipt before the model hears of it; a call that was begun and has no
receipt is never begun again.
"""

import asyncio
import time
from collections.abc import AsyncIterator

from copilot_kit.approval import receipts
from copilot_kit.approval.admission import admit
from copilot_kit.approval.digests import idempotency_key
from copilot_kit.approval.edge import Edge, Ready
from copilot_kit.events import closing
from copilot_kit.journal.session import RunChanged, Session, to_its_end
from copilot_kit.journal.store import Entry
from copilot_kit.messages import ResultContent, answer
from copilot_kit.records import Body, Intended, ReceiptState, Received


async def handle(session: Session, edge: Edge) -> AsyncIterator[Entry]:
    """Take every open call of the last turn as far as it goes now; yields the records of it.

    After this each call has its result, waits for a person, is of unknown outcome, or is an agent that has begun.
    """
    bodies: list[Body] = []
    ready: list[Ready] = []
    for state in list(session.state.threads[edge.thread].calls.values()):
        if state.settled or (*edge.thread, state.call.call_id) in session.state.threads:
            continue
        outcome = await admit(session, edge, state)
        if isinstance(outcome, Ready):
            ready.append(outcome)
        else:
            bodies += outcome
    if bodies:
        for entry in await session.append(*bodies, path=edge.thread, unless_changed=True):
            yield entry
    agents = [one for one in ready if one.tool.name in edge.nested]
    own = [one for one in ready if one.tool.name not in edge.nested]
    reads = [one for one in own if one.effect == "read"]
    for entry in [*await _begin_agents(session, edge, agents), *await _run_reads(session, edge, reads)]:
        yield entry
    effects = [one for one in own if one.effect != "read"]
    if effects and session.state.ended is None:  # a stop may have come while the reads ran
        async with closing(_run_effects(session, edge, effects, fresh=not reads)) as entries:
            async for entry in entries:
                yield entry


def closed_receipts(session: Session, thread: tuple[str, ...]) -> list[Body]:
    """Return the receipts of calls that a stop left open, so that the conversation can go on behind them."""
    calls = session.state.threads[thread].calls.values()
    words = "The run was stopped; it did not run."
    return [
        receipts.receipt(state.call, "cancelled", words, outcome="cancelled")
        for state in calls
        if not state.settled and state.intended is None
    ]


def lost_receipts(session: Session, thread: tuple[str, ...]) -> list[Body]:
    """Return the receipts of calls that an owner began and left without a word: nobody knows how they ended."""
    calls = session.state.threads[thread].calls.values()
    return [receipts.lost(state.call) for state in calls if state.intended is not None and state.received is None]


async def _begin_agents(session: Session, edge: Edge, agents: list[Ready]) -> list[Entry]:
    """Write down that nested agents begin; the loop then takes them on."""
    entries: list[Entry] = []
    for one in agents:
        begun = await edge.nested[one.tool.name](one.arguments)
        entries += await session.append(*begun, path=(*edge.thread, one.call.call_id), unless_changed=True)
    return entries


async def _run_reads(session: Session, edge: Edge, reads: list[Ready]) -> list[Entry]:
    """Run reads side by side; their receipts need no disk, since a lost one is just read again."""
    if not reads:
        return []
    if len(reads) == 1:
        receipts = [await _run(session, edge, reads[0])]
    else:
        receipts = await asyncio.gather(*(_run(session, edge, one) for one in reads))
    return await session.append(*receipts, path=edge.thread, durable=False)


async def _run_effects(session: Session, edge: Edge, effects: list[Ready], *, fresh: bool) -> AsyncIterator[Entry]:
    """Run effects one after the other in call order; a receipt and the next intent are one write.

    An intent is written only if nobody else wrote since this owner looked, so that a stop or a decision that arrived
    in between is seen before anything more begins. So is a standing rule that was revoked meanwhile: a call that had to
    wait for others is looked at once more (fresh: the first had not). A write that has begun is finished whatever
    happens: only so it is known what must be said of a call when the run is cancelled.
    """
    ended: list[Received] = []
    running: str | None = None
    try:
        for one in effects:
            again = one if fresh else await _looked_at_again(session, edge, one, ended)
            bodies = [_intent(edge, again)] if isinstance(again, Ready) else again
            try:
                entries = await to_its_end(session.append(*ended, *bodies, path=edge.thread, unless_changed=True))
            except RunChanged as changed:
                if ended:
                    changed.entries += await to_its_end(session.append(*ended, path=edge.thread))
                raise
            for entry in entries:
                yield entry
            ended = []
            if isinstance(again, Ready):
                fresh, running = False, one.call.call_id
                ended = [await _run(session, edge, again)]
                running = None
        if ended:
            for entry in await to_its_end(session.append(*ended, path=edge.thread)):
                yield entry
    except (asyncio.CancelledError, GeneratorExit):
        last = _left_open(session, edge, ended, running=running)
        if last:
            await session.last_words(*last, path=edge.thread)
        raise


async def _looked_at_again(session: Session, edge: Edge, one: Ready, ended: list[Received]) -> list[Body] | Ready:
    try:
        return await admit(session, edge, session.state.threads[edge.thread].calls[one.call.call_id])
    except Exception:
        if ended:  # what ran before it is known, whatever is the matter with this one
            await to_its_end(session.append(*ended, path=edge.thread))
        raise


_CANCELLED = "The run was cancelled while this call ran; its outcome is not known. It is not repeated."
_NOT_BEGUN = "The run was cancelled before this call began; it did not run."


def _left_open(session: Session, edge: Edge, ended: list[Received], *, running: str | None) -> list[Received]:
    """Return what a cancelled run must still say of the calls that it has intended."""
    known = {receipt.call_id: receipt for receipt in ended}
    calls = [state.call for state in session.state.threads[edge.thread].calls.values()
             if state.intended is not None and state.received is None]  # fmt: skip
    return [
        known[call.call_id]
        if call.call_id in known
        else receipts.receipt(call, "unknown", _CANCELLED, outcome="unknown")
        if call.call_id == running
        else receipts.receipt(call, "cancelled", _NOT_BEGUN, outcome="cancelled")
        for call in calls
    ]


def _intent(edge: Edge, one: Ready) -> Intended:
    return Intended(
        call_id=one.call.call_id,
        call_digest=one.digest,
        idempotency_key=idempotency_key(one.digest),
        tool=one.tool.name,
        tool_version=one.tool.version,
        effect=one.effect,
        arguments=one.arguments,
        model=one.model,
        prompt_version=one.prompt_version,
        agent=edge.path[-1].agent,
        allowed=one.allowed,
        rule_id=one.rule_id,
        undoable=one.tool.undo is not None,
    )


async def _run(session: Session, edge: Edge, one: Ready) -> Received:
    begun = time.monotonic()
    output = await one.tool.run(one.arguments, edge.context(session, one.call.call_id, one.digest, one))
    note: list[ResultContent] = [] if one.editor is None else [receipts.edit_note(one.editor, one.arguments)]
    content = receipts.sourced(output, tool=one.tool.name, trusted=one.tool.trusted_result)
    state: ReceiptState = "done" if output.outcome == "ok" else "unknown" if output.outcome == "unknown" else "failed"
    return Received(call_id=one.call.call_id, tool=one.tool.name, state=state,
                    result=answer(one.call, *note, *content, outcome=output.outcome),
                    took_s=time.monotonic() - begun)  # fmt: skip
