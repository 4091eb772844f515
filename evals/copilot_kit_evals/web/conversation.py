"""Messages as a page shows them: who speaks, and each part in words."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from copilot_kit.messages import File, Foreign, Message, Reasoning, Summary, Text, ToolCall, ToolResult
from copilot_kit_evals.items import Item, conversation

Kind: TypeAlias = Literal["text", "refusal", "reasoning", "call", "result", "other"]


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a message."""

    kind: Kind
    text: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message."""

    role: str
    pieces: tuple[Piece, ...]


def turns_of(messages: Sequence[Message]) -> list[Turn]:
    """Return the messages for a page."""
    return [Turn(one.role, pieces_of(one)) for one in messages]


def asked_of(item: Item, variant: str) -> list[Turn]:
    """Return what an item asks, as it is written."""
    asked = item.asked(variant)
    words = json.dumps(asked, ensure_ascii=False, indent=1) if isinstance(asked, dict) else asked
    return turns_of(conversation(words, item_id=item.id))


def pieces_of(message: Message) -> tuple[Piece, ...]:
    """Return the parts of a message in words."""
    return tuple(_piece(part) for part in message.parts)


def answer_pieces(message: Message | None) -> tuple[Piece, ...]:
    """Return what people compare of an answer: words and calls, without what was only thought."""
    if message is None:
        return ()
    return tuple(piece for part in message.parts
                 if isinstance(part, Text | ToolCall | File) and (piece := _piece(part)).text.strip())  # fmt: skip


def _piece(part: object) -> Piece:
    match part:
        case Text(text=text, refusal=refusal):
            return Piece("refusal" if refusal else "text", text)
        case Reasoning(text=text):
            return Piece("reasoning", text or "(not shown by the provider)", "reasoning")
        case ToolCall(name=name, args_json=arguments):
            return Piece("call", _indented(arguments), f"calls {name}")
        case ToolResult(outcome=outcome):
            return Piece("result", part.text, "result" if outcome == "ok" else f"result: {outcome}")
        case File(media_type=media_type, name=name):
            return Piece("other", name or "a file", media_type)
        case Summary(text=text):
            return Piece("other", text or "", "summary")
        case Foreign(kind=kind, value=value):
            return Piece("other", json.dumps(value, ensure_ascii=False, indent=1), kind)
        case _:
            return Piece("other", "a part of a kind that this version does not know", "unknown")


def _indented(arguments: str) -> str:
    try:
        return json.dumps(json.loads(arguments), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return arguments
