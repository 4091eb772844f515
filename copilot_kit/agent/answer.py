"""An answer as it comes: kept so that nothing is lost whichever way it ends, and made a record."""

import time
from collections.abc import Set as AbstractSet

from copilot_kit.agent.work import Work
from copilot_kit.assembly import Assembly
from copilot_kit.errors import ModelError, TransportFailed
from copilot_kit.events import Ended, Event, Failed, PartDelta, PartEnd, PartStart, Started
from copilot_kit.ids import NewId
from copilot_kit.messages import Message, Part, ToolCall
from copilot_kit.records import CANCELLED, Failure, Interrupted, Responded
from copilot_kit.response import Response, Served, Stop


class Answer:
    """Keeps what came of an answer, so that nothing is lost whichever way it ends."""

    __slots__ = ("assembly", "begun", "error", "first_s", "partial", "response", "served", "taken", "work")

    def __init__(self, work: Work, begun: float, taken: AbstractSet[str]) -> None:
        self.work = work
        self.begun = begun
        self.taken = taken
        self.first_s: float | None = None
        self.served: Served | None = None
        self.assembly = Assembly()
        self.response: Response | None = None
        self.partial: Response | None = None
        self.error: ModelError | None = None

    def take(self, event: Event) -> None:
        """Take in the next event."""
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
            response = _with_own_call_ids(self._stamped(self.response), self.taken, self.work.new_id)
            return Responded(response=response, took_s=took_s, first_event_s=self.first_s)
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

    def broken(self, error: Exception) -> Responded | Interrupted:
        """Return the record of an answer that ended in an error which is no answer of a model."""
        return self._cut(Failure(error=type(error).__name__, message=str(error), started=self.first_s is not None),
                         Stop(kind="error"))  # fmt: skip

    def cancelled(self) -> Responded | Interrupted:
        """Return the record of an answer that the caller stopped listening to."""
        words = "The run was cancelled while the model answered."
        return self._cut(Failure(error=CANCELLED, message=words, started=True), Stop(kind="cancelled"))

    def _cut(self, failure: Failure, stop: Stop) -> Responded | Interrupted:
        took_s = time.monotonic() - self.begun
        parts = self.assembly.so_far()
        if not parts:
            return Interrupted(model=self.work.model.id, failure=failure, took_s=took_s)
        message = Message(id=self.work.new_id("msg"), role="assistant", parts=parts)
        served = self.served or Served(asked=self.work.model.id, provider=self.work.model.id.partition(":")[0])
        response = Response(message=message, model=served, stop=stop, state="partial")
        return Responded(response=self._stamped(response), took_s=took_s, first_event_s=self.first_s, failure=failure)

    def _stamped(self, response: Response) -> Response:
        response = self.work.priced(response)
        if self.work.slot is None or response.model.slot == self.work.slot:
            return response
        model = response.model.model_copy(update={"slot": self.work.slot})
        return response.model_copy(update={"model": model})


def _with_own_call_ids(response: Response, taken: AbstractSet[str], new_id: NewId) -> Response:
    """Return the response with call ids that are unique in the run: decisions, receipts and keys hang on them.

    Adapters make them so; one that passes on a provider's own may repeat them, in a turn or across turns.
    """
    ids = [call.call_id for call in response.message.calls]
    if len(set(ids)) == len(ids) and taken.isdisjoint(ids):
        return response
    seen = set(taken)
    parts: list[Part] = []
    for part in response.message.parts:
        if isinstance(part, ToolCall) and part.executed_by == "client":
            own = part.model_copy(update={"call_id": new_id("call")}) if part.call_id in seen else part
            seen.add(own.call_id)
            parts.append(own)
        else:
            parts.append(part)
    message = response.message.model_copy(update={"parts": tuple(parts)})
    return response.model_copy(update={"message": message})
