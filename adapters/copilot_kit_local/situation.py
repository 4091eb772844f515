"""A conversation as a small model can read it: what it is about, what came of the calls, what a person objected to."""

from collections.abc import Sequence
from dataclasses import dataclass

from copilot_kit.messages import Message, Text, ToolCall, ToolResult
from copilot_kit.response import Dropped
from copilot_kit.wire import Target, fit


@dataclass(frozen=True, slots=True)
class Refused:
    """A call that was made in this turn and did not run, or failed."""

    name: str
    args_json: str
    note: str
    """What the person or the tool said of it."""


@dataclass(frozen=True, slots=True)
class Situation:
    """The user's last words and what has become of them so far."""

    text: str
    refused: tuple[Refused, ...]
    facts: tuple[str, ...]
    """Results of calls that ran."""


def plain_messages(messages: Sequence[Message], target: Target) -> tuple[list[dict[str, str]], list[Dropped]]:
    """Return role and words of each message, and receipts for what is not words; calls and results are not here."""
    said: list[dict[str, str]] = []
    dropped: list[Dropped] = []
    for message in messages:
        texts: list[str] = []
        for part in message.parts:
            fitted, receipt = fit(part, target, message_id=message.id)
            if receipt is not None:
                dropped.append(receipt)
            if isinstance(fitted, Text):
                texts.append(fitted.text)
            elif fitted is not None and not isinstance(fitted, ToolCall | ToolResult):
                dropped.append(Dropped(kind="part", name=fitted.type, reason="a local model reads words only",
                                       message_id=message.id))  # fmt: skip
        words = "\n".join(text for text in texts if text)
        if words and message.role != "tool":
            said.append({"role": message.role, "content": words})
    return _joined(said), dropped


def situation_of(messages: Sequence[Message]) -> Situation:
    """Return the last turn of the user, with the calls that followed it sorted by what came of them."""
    last = max((i for i, message in enumerate(messages) if message.role == "user"), default=0)
    calls = {call.call_id: call for message in messages[last:] for call in message.calls}
    refused: list[Refused] = []
    facts: list[str] = []
    for message in messages[last:]:
        for part in message.parts:
            if not isinstance(part, ToolResult):
                continue
            call = calls.get(part.call_id)
            if part.outcome == "ok" or call is None:
                facts.append(part.text)
            else:
                refused.append(Refused(call.name, call.args_json, note_of(part)))
    text = messages[last].text if messages else ""
    return Situation(text=text, refused=tuple(refused), facts=tuple(facts))


def note_of(result: ToolResult) -> str:
    """Return what a person said of a refused call, in the person's own words; all of the result if nobody did."""
    texts = [part for part in result.content if isinstance(part, Text)]
    words = [part.text for part in texts if part.source is not None and part.source.kind == "person"]
    return "".join(words or [part.text for part in texts]).strip()


def _joined(said: list[dict[str, str]]) -> list[dict[str, str]]:
    """Join neighbours of one role: chat templates want turns."""
    joined: list[dict[str, str]] = []
    for one in said:
        if joined and joined[-1]["role"] == one["role"]:
            joined[-1] = {"role": one["role"], "content": f"{joined[-1]['content']}\n\n{one['content']}"}
        else:
            joined.append(one)
    return joined
