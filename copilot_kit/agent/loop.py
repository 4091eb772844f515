"""The loop: ask the model, handle its calls, ask again, until there is an answer or somebody must decide."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TypeAlias

from pydantic import JsonValue, ValidationError

from copilot_kit.agent.answer import Answer
from copilot_kit.agent.checking import concluded
from copilot_kit.agent.limits import check
from copilot_kit.agent.windows import close_window, hands_over, make_room
from copilot_kit.agent.work import Work
from copilot_kit.approval.executor import handle
from copilot_kit.approval.receipts import edit_note, receipt
from copilot_kit.context.window import OURS, can_close
from copilot_kit.errors import ContextOverflow, LimitReached
from copilot_kit.events import Event, Failed, closing
from copilot_kit.journal.session import RunChanged, Session
from copilot_kit.journal.store import Entry
from copilot_kit.journal.thread import CallState, Thread
from copilot_kit.messages import Message, Source, Text
from copilot_kit.records import (
    Body,
    Failure,
    Interrupted,
    MessageAdded,
    Received,
    Requested,
    Responded,
    RunEnded,
)
from copilot_kit.request import Request
from copilot_kit.response import Response
from copilot_kit.sending import check_asked

AgentEvent: TypeAlias = Event | Entry
"""What a running agent tells: the model's events as they come, and each record when it is written."""


async def advance(session: Session, work: Work) -> AsyncIterator[AgentEvent]:
    """Take the run as far as it goes now: to its end, to a wait for a person, or to an error of the model.

    Raises `ModelError` when the model does not answer and `LimitReached` at a limit; the run can then be resumed.
    """
    begun, turns, tries = time.monotonic(), 0, 0
    path = work.edge.thread
    while not _over(session, path):
        thread = session.state.threads[path]
        try:
            if thread.calls:
                async with closing(_handled(session, work)) as entries:
                    async for entry in entries:
                        yield entry
                if _waits(session, path):  # a stop, or a decision, may have come while the tools ran
                    decided = await _asked(session, work)
                    if not decided:
                        return
                    for entry in decided:
                        yield entry
                    begun, turns = time.monotonic(), 0  # people's time is not the run's, and a decision begins anew
                continue
            if not thread.answered or hands_over(thread):
                worked_s = time.monotonic() - begun
                async with closing(_turn(session, work, turns=turns, worked_s=worked_s)) as events:
                    async for event in events:
                        turns += isinstance(event, Entry) and isinstance(event.body, Responded)
                        yield event
                continue
            tries += 1
            conclusion = await _conclusion(session, work, last_try=tries > work.output_tries)
            for entry in await session.append(*conclusion, path=path, unless_changed=True):
                yield entry
        except RunChanged as changed:
            for entry in changed.entries:
                yield entry


def _over(session: Session, path: tuple[str, ...]) -> bool:
    return session.state.ended is not None or session.state.threads[path].ended is not None


def _waits(session: Session, path: tuple[str, ...]) -> bool:
    """Tell whether no call of the turn can go on before somebody decides."""
    threads = session.state.threads
    if _over(session, path) or not threads[path].calls:
        return False
    open_calls = [call for call in threads[path].calls.values() if not call.settled and not call.unknown]
    inner = {call.call.call_id: (*path, call.call.call_id) for call in open_calls}
    return all(_waits(session, inner[call.call.call_id]) if inner[call.call.call_id] in threads else call.pending
               for call in open_calls)  # fmt: skip


async def _handled(session: Session, work: Work) -> AsyncIterator[Entry]:
    """Take the calls of the turn as far as they go, and the agents that they have begun."""
    for part in (handle(session, work.edge), _nested(session, work)):
        async with closing(part) as entries:
            async for entry in entries:
                yield entry


async def _nested(session: Session, work: Work) -> AsyncIterator[Entry]:
    """Take each agent that a call has begun as far as it goes, and give its answer to the call.

    Its records are told; what its model says while it says it is not, since nobody asked it but this agent.
    """
    path = work.edge.thread
    for state in list(session.state.threads[path].calls.values()):
        inner = session.state.threads.get((*path, state.call.call_id))
        if state.settled or inner is None or session.state.ended is not None:
            continue
        if state.call.name not in work.nested:
            words = f"There is no agent {state.call.name!r} any more; what it had begun is left as it is."
            gone = receipt(state.call, "failed", words, outcome="error")
            for entry in await session.append(gone, path=path):
                yield entry
            continue
        async with closing(advance(session, work.nested[state.call.name](state.call.call_id))) as events:
            async for event in events:
                if isinstance(event, Entry):
                    yield event
        if inner.ended is not None:
            for entry in await session.append(_answer_of(state, inner), path=path):
                yield entry


def _answer_of(state: CallState, inner: Thread) -> Received:
    """Return what a nested agent came to, as the result of its call; a model wrote it, so nothing in it is trusted."""
    call, source = state.call, Source(kind="model", ref=state.call.name)
    decision = None if state.asked is None else state.asked.decision
    note = [] if decision is None or decision.arguments is None else [edit_note(decision.by.id, decision.arguments)]
    if inner.ended is not None and inner.ended.status == "failed":
        words = "it gave no answer" if inner.ended.failure is None else inner.ended.failure.message
        return receipt(call, "failed", *note, Text(text=f"{call.name} failed: {words}", source=source), outcome="error")
    said = "" if inner.response is None else inner.response.text
    return receipt(call, "done", *note, Text(text=said, source=source), outcome="ok")


async def _asked(session: Session, work: Work) -> list[Entry]:
    """Let the approver decide what waits, one by one; return what was written meanwhile, nothing if nobody decided."""
    fresh: list[Entry] = []
    if work.approver is None or work.edge.thread:  # a nested agent's proposals are put by the one at the top
        return fresh
    for proposal in session.state.pending:
        if session.state.proposals[proposal.id].state == "pending":  # no stop and nobody else's decision came before
            await work.approver(proposal)
            fresh += await session.catch_up()
    return fresh


async def _conclusion(session: Session, work: Work, *, last_try: bool) -> list[Body]:
    """Return the end of the run, or what the model is told if its answer is not what was asked for."""
    response = session.state.threads[work.edge.thread].response
    if response is not None and response.stop.kind == "refusal":
        return [RunEnded(status="done")]
    end = _formed(work, response, last_try=last_try)
    if isinstance(end, RunEnded) and end.status == "done":
        return await concluded(session, work, end)
    return [end]


def _formed(work: Work, response: Response | None, *, last_try: bool) -> RunEnded | MessageAdded:
    """Return the end of the run, or what the model is told if its answer does not have the form asked for."""
    if response is None or work.parse_output is None:
        return RunEnded(status="done")
    try:
        value: JsonValue = work.parse_output.dump_python(work.parse_output.validate_json(response.text), mode="json")
        return RunEnded(status="done", output=value)  # refuses what JSON cannot hold, such as infinity
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'answer'}: {e['msg']}" for e in error.errors()[:5])
        if last_try:
            failure = Failure(error="BadOutput", message=f"The answer does not fit the schema: {faults}.")
            return RunEnded(status="failed", failure=failure)
        words = f"This does not fit the schema: {faults}. Answer again with JSON that does, and nothing else."
        source = Source(kind="application")  # the faults hold names that the model made up
        part = Text(text=words, source=source)
        message = Message(id=work.new_id("msg"), role="user", parts=(part,), meta={OURS: "schema"})
        return MessageAdded(message=message)


async def _turn(session: Session, work: Work, *, turns: int, worked_s: float) -> AsyncIterator[AgentEvent]:
    """Make room in the window where that is needed, else ask the model."""
    thread = session.state.threads[work.edge.thread]
    try:
        moved = await (close_window(session, work) if thread.answered else make_room(session, work))
    except LimitReached as error:
        for entry in await _broken_off(session, work, error):
            yield entry
        raise
    for entry in moved:
        yield entry
    if moved:
        return
    try:
        async with closing(_ask(session, work, turns=turns, worked_s=worked_s)) as events:
            async for event in events:
                yield event
    except ContextOverflow:
        if not can_close(thread.window):
            raise
        for entry in await close_window(session, work, overflowed=True):  # each is shorter
            yield entry


async def _broken_off(session: Session, work: Work, error: LimitReached) -> list[Entry]:
    """Write down that a limit ends the run for now."""
    error.run_id = session.run_id
    failure = Failure(error=type(error).__name__, message=str(error))
    broken_off = Interrupted(model=work.model.id, failure=failure)
    return await session.append(broken_off, path=work.edge.thread, durable=True)


async def _ask(session: Session, work: Work, *, turns: int, worked_s: float) -> AsyncIterator[AgentEvent]:
    """Ask the model once, if the limits allow it, and write down what came, whole, partial or nothing."""
    try:
        check(work.limits, session.state, turns=turns, worked_s=worked_s)
    except LimitReached as error:
        for entry in await _broken_off(session, work, error):
            yield entry
        raise
    messages = session.state.threads[work.edge.thread].window.messages
    request = Request(
        messages=tuple(messages),
        tools=work.tools,
        output=work.output,
        settings=work.settings,
        delivery=work.delivery,
    )
    asked = Requested(model=work.model.id, first=messages[0].id, last=messages[-1].id, tools_digest=work.tools_digest,
                      settings=work.settings, output=work.output)  # fmt: skip
    for entry in await session.append(asked, path=work.edge.thread, unless_changed=True):
        yield entry
    answer = Answer(work, time.monotonic(), session.state.called)
    try:
        check_asked(work.model.id)
        async with closing(work.model.stream(request)) as events:
            async for event in events:
                answer.take(event)
                if not isinstance(event, Failed):
                    yield event
    except (asyncio.CancelledError, GeneratorExit):
        await session.last_words(answer.cancelled(), path=work.edge.thread)
        raise
    except Exception as error:
        # A key that is missing, a fault in an adapter: no answer, and the run must not look as if it still worked.
        for entry in await session.append(answer.broken(error), path=work.edge.thread):
            yield entry
        raise
    record = answer.record()
    for entry in await session.append(record, path=work.edge.thread):
        yield entry
    if answer.error is not None:
        answer.error.run_id = session.run_id
        raise answer.error
