"""Puts a turn as we decoded it in the place of the same turn as a recorded client sent it back."""

import json
from typing import Any

from copilot_kit.messages import Message, Part, Reasoning, Text, ToolCall, ToolResult
from copilot_kit.request import Request
from copilot_kit.response import Response


def spoken_again(request: Request, earlier: Request, answer: Response, *, empty_says_nothing: bool) -> Request | None:
    """Return `request` with `answer` as the assistant turn that follows the messages of `earlier`.

    None if that is no comparison: the recorded client did not go on from there, or changed the turn (left reasoning
    out, trimmed its text). `empty_says_nothing`: an empty text that a client adds beside calls is no change.
    """
    gists = _spoken if empty_says_nothing else _gists
    place = len(earlier.messages)
    if len(request.messages) <= place or request.messages[place].role != "assistant":
        return None
    recorded = request.messages[place]
    if gists(recorded) != gists(answer.message):
        return None
    begun = [(message.role, gists(message)) for message in request.messages[:place]]
    if begun != [(message.role, gists(message)) for message in earlier.messages]:
        return None
    calls = zip((p for p in recorded.parts if isinstance(p, ToolCall)),
                (p for p in answer.message.parts if isinstance(p, ToolCall)), strict=True)  # fmt: skip
    if any(_wire_id(theirs) != _wire_id(ours) for theirs, ours in calls):
        return None  # the client renamed the calls
    names = {_wire_id(part): part.call_id for part in answer.message.parts if isinstance(part, ToolCall)}
    later = tuple(_renamed(message, names) for message in request.messages[place + 1 :])
    return request.model_copy(update={"messages": (*request.messages[:place], answer.message, *later)})


def _gists(message: Message) -> list[tuple[Any, ...]]:
    return [_gist(part) for part in message.parts]


def _spoken(message: Message) -> list[tuple[Any, ...]]:
    return [_gist(part) for part in message.parts if not (isinstance(part, Text) and not part.text)]


def _gist(part: Part) -> tuple[Any, ...]:
    match part:
        case Text():
            return (part.type, part.text)
        case Reasoning():
            return (part.type, part.text or "")
        case ToolCall():
            return (part.type, part.name, _parsed(part.args_json), part.executed_by)
        case ToolResult():
            return (part.type, tuple(_gist(inner) for inner in part.content))
        case _:
            return (part.type,)


def _parsed(args_json: str) -> str:
    try:
        return json.dumps(json.loads(args_json or "{}"), sort_keys=True)
    except ValueError:
        return args_json


def _wire_id(part: ToolCall | ToolResult) -> str | None:
    return None if part.wire is None else part.wire.id


def _renamed(message: Message, names: dict[str | None, str]) -> Message:
    parts = tuple(
        part.model_copy(update={"call_id": names[_wire_id(part)]})
        if isinstance(part, ToolResult) and _wire_id(part) in names
        else part
        for part in message.parts
    )
    return message.model_copy(update={"parts": parts})
