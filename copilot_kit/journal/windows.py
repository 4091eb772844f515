"""What of one agent's conversation is sent to its model: a fold of the same records as the conversation itself."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from copilot_kit.messages import File, Foreign, Message, Part, Reasoning, Summary, Text, ToolCall, ToolResult
from copilot_kit.records import HandoverAsked, Notes, ResultsCleared, WindowClosed
from copilot_kit.response import Response

CHARS_PER_TOKEN = 3.5
"""On the safe side for English prose, JSON and code; what the provider reports corrects it."""
_FILE_TOKENS = 1_600
_MESSAGE_TOKENS = 4
_LEAST, _MOST = 0.5, 3.0
_ENOUGH = 400
"""Tokens by which a window must have grown, so that its growth tells how a provider counts."""


@dataclass(slots=True)
class Sent:
    """The window of one agent: the messages of its next request, and how many tokens they are."""

    messages: list[Message] = field(default_factory=list)
    count: int = 1
    """Windows so far."""
    begun: int = 0
    """How many messages this window began with."""
    idle: int = 0
    """Windows in a row, up to this one, that closed when the model had answered in them once."""
    handover: str | None = None
    """Id of the message that told the model to write down what it will need; None: it was not told yet."""
    cleared: set[str] = field(default_factory=set)
    """Calls whose results are not sent any more."""
    estimated: float = 0.0
    """Tokens of `messages`, by their length."""
    known: int | None = None
    """Tokens of the first `known_to` messages and all that goes with them, as the provider counted."""
    known_to: int = 0
    since: float = 0.0
    """Tokens of the messages behind those, by their length."""
    ratio: float = 1.0
    """Counted by estimated, of messages, as far as the window has grown."""
    beside: float | None = None
    """Tokens of what goes with the messages, such as tools, as the provider counted; None: no answer told yet."""
    first: tuple[float, int] | None = None
    """The first request of this window that was counted: estimated and counted tokens."""

    @property
    def tokens(self) -> int:
        """How many tokens the next request will have, tools aside as long as no answer told (`beside`)."""
        if self.known is None:
            return round(self.estimated * self.ratio + (self.beside or 0.0))
        return self.known + round(self.since * self.ratio)

    def add(self, message: Message) -> None:
        """Take in a message that was said."""
        self.messages.append(message)
        size = tokens_of(message.parts)
        self.estimated += size
        self.since += size

    def counted(self, response: Response) -> None:
        """Take in what an answer tells of the request; if it has parts, it is the last of the messages now."""
        read, said = response.usage.input, bool(response.message.parts)
        if read is None:
            return
        own = tokens_of(response.message.parts) if said else 0.0
        if any(isinstance(part, Summary) for part in response.message.parts):
            # The provider summed up on its way: it read all that went before, and from now on this answer alone.
            self.known = round(own * self.ratio + (self.beside or 0.0))
            self.known_to, self.since, self.estimated, self.first = len(self.messages), 0.0, own, None
            return
        asked = self.estimated - own
        self._learn(asked, read)
        written = response.usage.output if said and response.usage.output is not None else round(own * self.ratio)
        self.known, self.known_to, self.since = read + written, len(self.messages), 0.0

    def _learn(self, asked: float, read: int) -> None:
        """Take in how long a request was, told apart by what grows with the messages and what does not."""
        if asked <= 0:
            return
        if self.first is None:
            self.first = asked, read
        grown = asked - self.first[0]
        if grown >= _ENOUGH:
            self.ratio = min(max((read - self.first[1]) / grown, _LEAST), _MOST)
        elif self.beside is None:
            self.ratio = min(max(read / asked, _LEAST), 1.0)
        self.beside = max(read - self.ratio * asked, 0.0)

    def ask(self, asked: HandoverAsked) -> None:
        """Take in that the model is told to write down what it will need."""
        self.handover = asked.message.id

    def clear(self, cleared: ResultsCleared) -> None:
        """Leave out these results from now on."""
        fresh = frozenset(cleared.call_ids) - self.cleared
        self.cleared.update(fresh)
        self._become([_stubbed(message, fresh) for message in self.messages])

    def close(self, closed: WindowClosed) -> None:
        """Begin the next window."""
        kept: list[Message] = []
        if closed.kept is not None:
            ids = [message.id for message in self.messages]
            kept = self.messages[ids.index(closed.kept[0]) : ids.index(closed.kept[1]) + 1]
            kept = [message for message in kept if message.id != self.handover]
        told = [message for message in self.messages if message.role == "system"]
        self.idle = self.idle + 1 if self.answers() <= 1 else 0
        self.count += 1
        self.handover = None
        self._become([*told, closed.opening, *(message for message in kept if message.role != "system")])
        self.begun = len(self.messages)

    def answers(self) -> int:
        """Return how often the model has answered in this window before it was told that it closes."""
        answers = 0
        for message in self.messages[self.begun :]:
            if message.id == self.handover:
                break
            answers += message.role == "assistant"
        return answers

    def _become(self, messages: list[Message]) -> None:
        self.messages = messages
        self.estimated = sum(tokens_of(message.parts) for message in messages)
        self.known, self.known_to, self.since, self.first = None, 0, self.estimated, None


def window_words(body: HandoverAsked | ResultsCleared | WindowClosed) -> str:
    """Return what happened to the window, for a person."""
    match body:
        case HandoverAsked():
            return "the window is nearly full: the model is told to write down what it will need"
        case ResultsCleared(call_ids=call_ids, tokens_before=before, tokens_after=after):
            return f"results of {len(call_ids)} calls leave the window: {before:,} to {after:,} tokens"
        case WindowClosed(notes=notes, tokens_before=before, tokens_after=after):
            return f"a new window begins, {_NOTES[notes]}: {before:,} to {after:,} tokens"


_NOTES: dict[Notes, str] = {
    "none": "from a summary",
    "written": "from the model's notes",
    "repaired": "from a summary, since the model had written no notes",
    "listed": "from a list of the last calls, since no model could sum up",
}


def _stubbed(message: Message, call_ids: frozenset[str]) -> Message:
    """Return the message without the content of these calls' results; what a result says of itself does not count."""
    if message.role != "tool" or not any(
        isinstance(part, ToolResult) and part.call_id in call_ids for part in message.parts
    ):
        return message
    parts = tuple(
        stub(part, message.id) if isinstance(part, ToolResult) and part.call_id in call_ids else part
        for part in message.parts
    )
    return message.model_copy(update={"parts": parts})


def stub(result: ToolResult, message_id: str) -> ToolResult:
    """Return a result with a line in the place of its content, which says where that is."""
    line = f"{_STUB}, {len(result.text):,} characters; it is in message {message_id} of the record of this task.]"
    return result.model_copy(update={"content": (Text(text=line),), "wire": result.wire})


_STUB = "[This result was taken out to save room"


def tokens_of(parts: Iterable[Part]) -> float:
    """Return about how many tokens these parts are."""
    return sum(_size(part) for part in parts) + _MESSAGE_TOKENS


def _size(part: Part) -> float:
    match part:
        case Text(text=text):
            return text_tokens(text)
        case Reasoning(text=text) | Summary(text=text):
            return text_tokens(text or "")
        case ToolCall(name=name, args_json=args):
            return text_tokens(name) + text_tokens(args) + _MESSAGE_TOKENS
        case ToolResult(content=content):
            return sum(_size(one) for one in content) + _MESSAGE_TOKENS
        case File():
            return _FILE_TOKENS
        case Foreign():
            return text_tokens(part.model_dump_json())
        case _:
            return text_tokens(str(part))


def text_tokens(text: str) -> float:
    """Return about how many tokens a text is; letters beyond ASCII count by their bytes."""
    return (len(text) if text.isascii() else len(text.encode("utf-8", "replace"))) / CHARS_PER_TOKEN
