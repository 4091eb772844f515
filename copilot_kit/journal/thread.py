"""The conversation of one agent, and where the calls of its last turn stand; folded by `RunState`."""

from dataclasses import dataclass, field

from copilot_kit.journal.windows import Sent
from copilot_kit.messages import Message, Text, ToolCall
from copilot_kit.records import (
    Decision,
    HandoverAsked,
    Intended,
    Interrupted,
    ModelSwitched,
    Proposal,
    ProposalState,
    Received,
    ResultsCleared,
    RunEnded,
    RunStarted,
    WindowClosed,
)
from copilot_kit.response import Response


@dataclass(slots=True)
class Asked:
    """A proposal and what became of it."""

    proposal: Proposal
    state: ProposalState = "pending"
    decision: Decision | None = None
    assigned_to: str | None = None


@dataclass(slots=True)
class CallState:
    """Where one call of the last turn stands."""

    call: ToolCall
    asked: Asked | None = None
    intended: Intended | None = None
    received: Received | None = None

    @property
    def settled(self) -> bool:
        """It has a result that the model can be told."""
        return self.received is not None and self.received.state != "unknown"

    @property
    def unknown(self) -> bool:
        """It was begun and nobody knows how it ended: a person must say."""
        return self.received is not None and self.received.state == "unknown"

    @property
    def pending(self) -> bool:
        """It waits for a person's decision."""
        return self.received is None and self.asked is not None and self.asked.state == "pending"


@dataclass(slots=True)
class Thread:
    """The conversation of one agent: the run's own, or that of an agent nested in it."""

    started: RunStarted | None = None
    ended: RunEnded | None = None
    """Only of a nested agent: its answer is what its call results in. How the run itself ended is in its state."""
    messages: list[Message] = field(default_factory=list)
    """All that was ever said, in order."""
    window: Sent = field(default_factory=Sent)
    """What of it is sent to the model."""
    calls: dict[str, CallState] = field(default_factory=dict)
    """Of the last turn, in call order, until all of them have results."""
    response: Response | None = None
    model: str = ""
    """Name of the model that was asked last: the one that proposed the calls."""
    answered: bool = False
    """The last word is the model's, and it is not to be continued."""
    interrupted: Message | None = None
    """What came of an answer that broke off: asked again it is forgotten, spoken to it becomes part of the talk."""

    def add(self, message: Message) -> None:
        """Take in a message that came from outside the model."""
        if self.interrupted is not None:
            self._say(self.interrupted)
            self.interrupted = None
        self._say(message)
        self.answered = False

    def _say(self, message: Message) -> None:
        self.messages.append(message)
        self.window.add(message)

    def respond(self, response: Response) -> None:
        """Take in the model's answer."""
        self.response = response
        if response.state == "partial":
            said = tuple(part for part in response.message.parts if isinstance(part, Text) and part.text)
            self.interrupted = response.message.model_copy(update={"parts": said}) if said else None
            return
        if response.message.parts:
            self._say(response.message)
        self.window.counted(response)
        self.calls = {call.call_id: CallState(call) for call in response.calls}
        self.answered = not self.calls and response.stop.kind != "paused"

    def move(self, body: HandoverAsked | ResultsCleared | WindowClosed) -> None:
        """Take in what changes the window."""
        self.interrupted = None
        match body:
            case HandoverAsked(message=message):
                self.add(message)
                self.window.ask(body)
            case ResultsCleared():
                self.window.clear(body)
            case WindowClosed(opening=opening):
                self.messages.append(opening)
                self.window.close(body)
                self.answered = False

    def nest(self, body: RunStarted | ModelSwitched | RunEnded | Interrupted) -> None:
        """Take in a record of a nested agent that would say something of the run at the top."""
        match body:
            case RunStarted():
                self.started = body
            case RunEnded():
                self.ended = body
            case _:
                pass

    def receive(self, received: Received) -> None:
        """Take in what became of a call; the last one of a turn ends it."""
        state = self.calls.get(received.call_id)
        if state is None:
            return
        state.received = received
        if all(call.settled for call in self.calls.values()):
            parts = tuple(call.received.result for call in self.calls.values() if call.received is not None)
            last = self.messages[-1].id
            self._say(Message(id=f"{last}.results", role="tool", parts=parts))
            self.calls = {}
