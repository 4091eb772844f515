"""The loop: ask the model, handle its calls, ask again, until there is an answer or somebody must decide."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pydantic import JsonValue, TypeAdapter, ValidationError

from copilot_kit.agent.limits import Limits, check
from copilot_kit.approval.executor import Edge, handle
from copilot_kit.assembly import Assembly
from copilot_kit.errors import LimitReached, ModelError, TransportFailed
from copilot_kit.events import Ended, Event, Failed, PartDelta, PartEnd, PartStart, Started, closing
from copilot_kit.ids import NewId
from copilot_kit.journal.session import RunChanged, Session
from copilot_kit.journal.store import Entry
from copilot_kit.messages import Message, Source, Text
from copilot_kit.model import Model
from copilot_kit.records import (
    Failure,
    Interrupted,
    MessageAdded,
    Proposal,
    Requested,
    Responded,
    RunEnded,
)
from copilot_kit.request import AnyTool, OutputSpec, Request, Settings
from copilot_kit.response import Response, Served, Stop

AgentEvent: TypeAlias = Event | Entry
"""What a running agent tells: the model's events as they come, and each record when it is written."""
Approver: TypeAlias = Callable[[Proposal], Awaitable[None]]
"""Asked for each waiting proposal; decides through `decide`, or leaves it waiting."""
SHIELD_S = 5.0


@dataclass(frozen=True, slots=True)
class Work:
    """Everything the loop needs besides the run itself."""

    model: Model
    slot: str | None
    edge: Edge
    tools: tuple[AnyTool, ...]
    tools_digest: str
    settings: Settings
    output: OutputSpec | None
    parse_output: TypeAdapter[Any] | None
    output_tries: int
    limits: Limits
    delivery: Literal["stream", "whole"]
    new_id: NewId
    priced: Callable[[Response], Response]
    approver: Approver | None = None


async def advance(session: Session, work: Work) -> AsyncIterator[AgentEvent]:
    """Take the run as far as it goes now: to its end, to a wait for a person, or to an error of the model.

    Raises `ModelError` when the model does not answer and `LimitReached` at a limit; the run can then be resumed.
    """
    begun, turns, tries = time.monotonic(), 0, 0
    while session.state.ended is None:
        thread = session.state.threads[work.edge.thread]
        try:
            if thread.calls:
                async for entry in handle(session, work.edge):
                    yield entry
                if thread.calls:
                    if not await _asked(session, work):
                        return
                    continue
            if not thread.answered:
                check(work.limits, session.state, turns=turns, worked_s=time.monotonic() - begun)
                async for event in _ask(session, work):
                    yield event
                turns += 1
                continue
            tries += 1
            conclusion = _conclusion(work, thread.response, last_try=tries > work.output_tries)
            for entry in await session.append(conclusion, unless_changed=True):
                yield entry
        except RunChanged:
            continue
        except LimitReached as error:
            failure = Failure(error=type(error).__name__, message=str(error))
            for entry in await session.append(Interrupted(model=work.model.id, failure=failure), durable=True):
                yield entry
            error.run_id = session.run_id
            raise


async def _asked(session: Session, work: Work) -> bool:
    """Let the approver decide what waits; tell whether anything was decided."""
    if work.approver is None:
        return False
    seq = session.state.seq
    for proposal in session.state.pending:
        await work.approver(proposal)
    await session.catch_up()
    return session.state.seq != seq


def _conclusion(work: Work, response: Response | None, *, last_try: bool) -> RunEnded | MessageAdded:
    """Return the end of the run, or what the model is told if its answer does not have the form asked for."""
    if response is None or work.parse_output is None or response.stop.kind == "refusal":
        return RunEnded(status="done")
    try:
        value: JsonValue = work.parse_output.dump_python(work.parse_output.validate_json(response.text), mode="json")
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'answer'}: {e['msg']}" for e in error.errors()[:5])
        if last_try:
            failure = Failure(error="BadOutput", message=f"The answer does not fit the schema: {faults}.")
            return RunEnded(status="failed", failure=failure)
        words = f"This does not fit the schema: {faults}. Answer again with JSON that does, and nothing else."
        source = Source(kind="application", trusted=True)
        message = Message(id=work.new_id("msg"), role="user", parts=(Text(text=words, source=source),))
        return MessageAdded(message=message)
    return RunEnded(status="done", output=value)


async def _ask(session: Session, work: Work) -> AsyncIterator[AgentEvent]:
    """Ask the model once and write down what came, whole, partial or nothing."""
    messages = session.state.threads[work.edge.thread].messages
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
    answer = _Answer(work, time.monotonic())
    try:
        async with closing(work.model.stream(request)) as events:
            async for event in events:
                answer.take(event)
                if not isinstance(event, Failed):
                    yield event
    except (asyncio.CancelledError, GeneratorExit):
        record = answer.cancelled()
        await asyncio.wait_for(asyncio.shield(session.append(record, path=work.edge.thread, durable=True)), SHIELD_S)
        raise
    record = answer.record()
    for entry in await session.append(record, path=work.edge.thread):
        yield entry
    if answer.error is not None:
        answer.error.run_id = session.run_id
        raise answer.error


class _Answer:
    """Keeps what came of an answer, so that nothing is lost whichever way it ends."""

    __slots__ = ("assembly", "begun", "error", "first_s", "partial", "response", "served", "work")

    def __init__(self, work: Work, begun: float) -> None:
        self.work = work
        self.begun = begun
        self.first_s: float | None = None
        self.served: Served | None = None
        self.assembly = Assembly()
        self.response: Response | None = None
        self.partial: Response | None = None
        self.error: ModelError | None = None

    def take(self, event: Event) -> None:
        if self.first_s is None:
            self.first_s = time.monotonic() - self.begun
        match event:
            case PartDelta(index, text, args_json):
                if text is not None:
                    self.assembly.add_text(index, text)
                elif args_json is not None:
                    self.assembly.add_args(index, args_json)
            case PartStart(index, part):
                self.assembly.open(part, index)
            case PartEnd(index, part):
                self.assembly.close(index, part)
            case Started(model):
                self.served = model
            case Ended(response):
                self.response = response
            case Failed(error, partial):
                self.error, self.partial = error, partial

    def record(self) -> Responded | Interrupted:
        """Return the record of an answer that ended by itself."""
        took_s = time.monotonic() - self.begun
        if self.response is not None:
            return Responded(response=self._stamped(self.response), took_s=took_s, first_event_s=self.first_s)
        if self.error is None:
            self.error = TransportFailed(
                f"The events of {self.work.model.id} stopped without an end. Report this to the adapter's authors.",
                model=self.work.model.id,
                started=True,
            )
        failure = Failure(error=type(self.error).__name__, message=str(self.error), started=self.error.started)
        if self.partial is not None and self.partial.message.parts:
            partial = self._stamped(self.partial)
            return Responded(response=partial, took_s=took_s, first_event_s=self.first_s, failure=failure)
        return Interrupted(model=self.work.model.id, failure=failure, took_s=took_s)

    def cancelled(self) -> Responded | Interrupted:
        """Return the record of an answer that the caller stopped listening to."""
        took_s = time.monotonic() - self.begun
        failure = Failure(error="Cancelled", message="The run was cancelled while the model answered.", started=True)
        parts = self.assembly.so_far()
        if not parts:
            return Interrupted(model=self.work.model.id, failure=failure, took_s=took_s)
        message = Message(id=self.work.new_id("msg"), role="assistant", parts=parts)
        served = self.served or Served(asked=self.work.model.id, provider=self.work.model.id.partition(":")[0])
        response = Response(message=message, model=served, stop=Stop(kind="cancelled"), state="partial")
        return Responded(response=self._stamped(response), took_s=took_s, first_event_s=self.first_s, failure=failure)

    def _stamped(self, response: Response) -> Response:
        response = self.work.priced(response)
        if self.work.slot is None or response.model.slot == self.work.slot:
            return response
        model = response.model.model_copy(update={"slot": self.work.slot})
        return response.model_copy(update={"model": model})
