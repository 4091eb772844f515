"""When a conversation gets too long for its model: what is cleared, and when the next window begins.

A window is a budget of tokens. As it fills, old results of tools are left out first, with a line in their place; then
the model is told to write down what it will need; then the next window begins with the instructions, the user's words,
what the memory holds, what was written down, and the last turns. Nothing is lost: the journal keeps the conversation.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from copilot_kit.errors import UsageError
from copilot_kit.journal.windows import Sent, tokens_of
from copilot_kit.messages import Message, ToolResult
from copilot_kit.profile import Profile
from copilot_kit.request import Settings

_ANSWER_SHARE = 1 / 8
"""Left for the answer where nobody says how long it may be."""
_LEAST_GAIN = 0.1
"""Clearing changes what the provider has cached: it must be worth that much of the window."""
_LEAST_RESULT = 60
"""Tokens; a shorter result is hardly longer than the line in its place."""
_LAST_CALL, _OVERTIME = 1.0, 1.15
"""Beyond these shares of the window there is no room left to ask for notes, and none to go on writing them."""
_MOST_IDLE = 6
"""Windows in a row with one answer each; what the model needs at once does not fit into one."""
_TRIES = 2
"""Answers that a model has for writing notes."""


@dataclass(frozen=True, slots=True)
class Window:
    """How much of a conversation is sent.

        Agent(memory="notes/", window=Window(tokens=32_000))

    Where the provider itself clears or sums up (`Settings(context=ContextEditing(...))`), this comes in behind it.

    tokens: at most so many in a request; without it, what the model takes, as far as that is known.
    clear_at, close_at: shares of it at which old results are left out, and at which the next window begins.
    keep: share of it for the last turns, which go on into the next window as they are.
    keep_results: the results of so many last turns are not left out.
    """

    tokens: int | None = None
    clear_at: float = 0.6
    close_at: float = 0.8
    keep: float = 0.15
    keep_results: int = 2

    def __post_init__(self) -> None:
        if self.tokens is not None and self.tokens < 1:
            raise UsageError(f"Window(tokens={self.tokens!r}) holds nothing. Give more, or None for the model's own.")
        if self.keep_results < 0:
            raise UsageError(f"Window(keep_results={self.keep_results!r}): give a number of turns, 0 or more.")
        if not 0 < self.clear_at <= self.close_at < 1 or not 0 <= self.keep < self.close_at:
            raise UsageError(
                f"Window(clear_at={self.clear_at!r}, close_at={self.close_at!r}, keep={self.keep!r}) does not fit. "
                "Give shares of the window: 0 < clear_at <= close_at < 1, and keep below close_at."
            )

    def limit(self, profile: Profile, settings: Settings) -> int | None:
        """Return how many tokens a request may have so that there is room for the answer; None: not known."""
        if profile.context_window is None:
            return self.tokens
        answer = settings.max_output_tokens or profile.default_output_tokens or _room_for_answer(profile)
        room = max(profile.context_window - answer, profile.context_window // 2)
        return room if self.tokens is None else min(self.tokens, room)


def _room_for_answer(profile: Profile) -> int:
    share = round((profile.context_window or 0) * _ANSWER_SHARE)
    return share if profile.max_output_tokens is None else min(share, profile.max_output_tokens)


@dataclass(frozen=True, slots=True)
class Clear:
    """Leave out the results of these calls."""

    call_ids: tuple[str, ...]


Step: TypeAlias = Clear | Literal["handover", "close"]
"""What makes room: results are left out, the model is told to write notes, or the next window begins."""


def next_step(
    sent: Sent,
    window: Window,
    limit: int,
    *,
    overhead: int = 0,
    takes_notes: Callable[[], bool],
    may_clear: bool = True,
) -> Step | None:
    """Return what must be done before the model is asked again; None: there is room.

    limit: in tokens, as `Window.limit` says. overhead: of tools, where no answer has told it yet.
    takes_notes: tells whether the agent has a memory that it can write to; asked when that matters, since rules decide.
    may_clear: False where the model refuses its own thoughts behind a conversation that was changed.
    """
    full = (sent.tokens + (overhead if sent.beside is None else 0)) / limit
    if sent.handover is not None:
        return "close" if full > _OVERTIME or _answers_since(sent) >= _TRIES else None
    if full > window.clear_at and may_clear:
        old = clearable(sent, keep=window.keep_results)
        if sum(size for _, size in old) * sent.ratio >= _LEAST_GAIN * limit:
            return Clear(tuple(call_id for call_id, _ in old))
    if full > window.close_at and has_answered(sent):
        return "handover" if full <= _LAST_CALL and takes_notes() else "close"
    return None


def clearable(sent: Sent, *, keep: int) -> list[tuple[str, float]]:
    """Return the calls whose results can be left out, all but those of the last `keep` turns, and how long they are."""
    told = [message for message in sent.messages if message.role == "tool"]
    return [
        (part.call_id, size)
        for message in told[: len(told) - keep]
        for part in message.parts
        if isinstance(part, ToolResult) and part.call_id not in sent.cleared
        and (size := tokens_of((part,))) > _LEAST_RESULT
    ]  # fmt: skip


def kept_turns(messages: Sequence[Message], tokens: float, *, last: float = 0.0) -> list[Message]:
    """Return the last turns that are at most so long together; a call and its result are never parted.

    messages: of the window as far as it is to be kept at all, without the one that asks for notes.
    last: the last turn alone may be so long, so that what a call has just found is not asked for again.
    """
    kept: list[Message] = []
    turn: list[Message] = []
    left = tokens
    for message in reversed(messages):
        if message.role == "system" or is_opening(message):
            break
        turn.insert(0, message)
        if message.role == "tool":
            continue
        length = sum(tokens_of(one.parts) for one in turn)
        left -= length
        if left < 0 and (kept or length > last):
            break
        kept, turn = [*turn, *kept], []
    return kept


OURS = "copilot_kit"
"""In the `meta` of messages that the framework itself adds to a conversation: which of them it is."""


def is_opening(message: Message) -> bool:
    """Tell whether a window begins with this message."""
    return message.meta.get(OURS) == "opening"


def _answers_since(sent: Sent) -> int:
    ids = [message.id for message in sent.messages]
    since = sent.messages[ids.index(sent.handover) + 1 :] if sent.handover in ids else []
    return sum(message.role == "assistant" for message in since)


def has_answered(sent: Sent) -> bool:
    """Tell whether the model has answered in this window; else the next one would begin as this one did, and so on."""
    return any(message.role == "assistant" for message in sent.messages[sent.begun :])


def goes_round(sent: Sent) -> bool:
    """Tell whether windows close again and again without the task getting on, and this one would, too."""
    return sent.idle >= _MOST_IDLE and sent.handover is None and sent.answers() <= 1


def can_close(sent: Sent) -> bool:
    """Tell whether the window holds more than what each window begins with; else closing it would free nothing."""
    said = [message for message in sent.messages if message.role != "system" and not is_opening(message)]
    return any(message.role == "assistant" for message in said)
