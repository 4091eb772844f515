"""Our messages as content blocks in bytes, and what could not be sent of them.

Independent of the rest of a request, so that each message is encoded once.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from copilot_kit.messages import (
    Cache,
    File,
    Foreign,
    Message,
    Part,
    Reasoning,
    Summary,
    Text,
    ToolCall,
    ToolResult,
    UnknownPart,
    Wire,
)
from copilot_kit.response import Dropped
from copilot_kit.wire import Target, call_id_for, fit
from copilot_kit_anthropic.json_bytes import Json, dumped, is_object

WireRole: TypeAlias = Literal["user", "assistant", "system"]

_MARKS: dict[Cache, bytes] = {
    "auto": b'{"type":"ephemeral"}',
    "5m": b'{"type":"ephemeral","ttl":"5m"}',
    "1h": b'{"type":"ephemeral","ttl":"1h"}',
}


@dataclass(frozen=True, slots=True)
class Block:
    """One content block, and the cache mark that belongs to it."""

    body: bytes
    mark: bytes | None = None
    markable: bool = True
    """Thinking cannot carry a mark of its own."""

    def marked(self, mark: bytes | None) -> bytes:
        """Return the block with this mark."""
        return self.body if mark is None else self.body[:-1] + b',"cache_control":' + mark + b"}"


@dataclass(frozen=True, slots=True)
class Turn:
    """One message, encoded."""

    role: WireRole
    blocks: tuple[Block, ...]
    dropped: tuple[Dropped, ...] = ()
    whole: bytes = b""
    """The blocks joined, with the marks that they came with."""
    bare: bytes = b""
    """The same without marks; equal to `whole` where there are none."""
    marks: int = 0
    joins: bool = False
    """Belongs to the user message before it: the results of one turn must stand in one message."""
    verbatim: bytes | None = None
    """What stands after `"content":` where only a recording has it: empty, of an unknown form, with further fields."""
    digest: bytes = b""
    is_compacted: bool = False
    """Holds a summary that the provider made, as it made it."""

    @property
    def markable(self) -> bool:
        """Its last block may carry a mark and has none."""
        return self.verbatim is None and bool(self.blocks) and self.blocks[-1].markable and self.blocks[-1].mark is None

    def marked(self, mark: bytes) -> bytes:
        """Return the blocks joined, with this mark at the last one."""
        return b",".join([*[block.marked(block.mark) for block in self.blocks[:-1]], self.blocks[-1].marked(mark)])


@dataclass(frozen=True, slots=True)
class Takes:
    """What the model takes in a conversation."""

    images: bool = True
    summaries: bool = True
    """Those that the provider made itself, as it made them."""


EVERYTHING = Takes()


def mark_of(cache: Cache) -> bytes:
    """Return a cache mark in JSON."""
    return _MARKS[cache]


def turn_of(message: Message, target: Target, takes: Takes = EVERYTHING, *, prefix_digest: str | None = None) -> Turn:
    """Return a message as it goes out; nothing of it is lost without a receipt."""
    blocks: list[Block] = []
    dropped: list[Dropped] = []
    opaque = _opaque(message.wire, target)
    for part in message.parts:
        body, mark = _block(part, target, _Context(message.id, prefix_digest, dropped, takes))
        if body is not None:
            blocks.append(Block(body, mark, markable=not isinstance(part, Reasoning)))
    role: WireRole = "user" if message.role == "tool" else message.role
    bare = b",".join([block.body for block in blocks])
    marks = sum(1 for block in blocks if block.mark is not None)
    whole = b",".join([block.marked(block.mark) for block in blocks]) if marks else bare
    return Turn(
        role,
        tuple(blocks),
        tuple(dropped),
        whole,
        bare,
        marks,
        joins=role == "user" and not opaque.get("separate"),
        verbatim=_verbatim(opaque, whole),
        digest=hashlib.sha256(role.encode() + bare).digest() if target.binds_reasoning else b"",
        is_compacted=takes.summaries and any(_is_theirs(part, target) for part in message.parts),
    )


@dataclass(frozen=True, slots=True)
class _Context:
    message_id: str
    prefix_digest: str | None
    dropped: list[Dropped]
    takes: Takes


def _is_theirs(part: Part, target: Target) -> bool:
    return (
        isinstance(part, Summary) and bool(_opaque(part.wire, target)) and "signature" not in _opaque(part.wire, target)
    )


def _opaque(wire: Wire | None, target: Target) -> Json:
    if wire is None or not target.reads(wire.origin) or not isinstance(wire.opaque, dict):
        return {}
    return wire.opaque


def _verbatim(opaque: Json, whole: bytes) -> bytes | None:
    if "content" not in opaque and "fields" not in opaque:
        return None
    content = dumped(opaque["content"]) if "content" in opaque else b"[" + whole + b"]"
    return content + (b"," + dumped(opaque["fields"])[1:-1] if "fields" in opaque else b"")


def _block(part: Part, target: Target, context: _Context) -> tuple[bytes | None, bytes | None]:
    """Return one part as a block without its mark, and the mark."""
    if isinstance(part, Foreign) and part.wire is None and part.kind.startswith(target.origin.partition(".")[0] + "."):
        part = part.model_copy(update={"wire": Wire(origin=target.origin)})  # written by the application for this wire
    fitted, receipt = fit(part, target, message_id=context.message_id, prefix_digest=context.prefix_digest)
    if receipt is not None:
        context.dropped.append(receipt)
    if fitted is None or isinstance(fitted, UnknownPart):
        return None, None
    mark = None if fitted.cache is None else _MARKS[fitted.cache]
    opaque = _opaque(fitted.wire, target)
    match fitted:
        case Text():
            return _text(fitted, opaque), mark
        case Reasoning():
            return _reasoning(fitted, opaque), mark
        case ToolCall():
            return _call(fitted, target, opaque), mark
        case ToolResult():
            return _result(fitted, target, opaque, context), mark
        case File():
            return _file(fitted, opaque, context), mark
        case Foreign():
            return _foreign(fitted.value, mark)
        case Summary():
            return _summary(fitted, opaque if context.takes.summaries else {}), mark


def _text(part: Text, opaque: Json) -> bytes | None:
    # The API refuses texts of white space alone, its own answers' included.
    if not part.text.strip():
        return None
    if not opaque and not part.citations:
        return b'{"type":"text","text":' + dumped(part.text) + b"}"
    block: Json = {"type": "text", "text": part.text}
    if part.citations:
        block["citations"] = [c.wire.opaque for c in part.citations if c.wire is not None]
    return dumped({**block, **opaque})


def _summary(part: Summary, opaque: Json) -> bytes | None:
    if not part.text:
        return None
    kind = {"type": opaque["type"], "content": part.text} if "type" in opaque else {"type": "text", "text": part.text}
    return dumped({**kind, **opaque})


def _reasoning(part: Reasoning, opaque: Json) -> bytes:
    if part.text is None:
        return dumped(opaque)
    return dumped({"type": "thinking", "thinking": part.text, **opaque})


def _id(part: ToolCall | ToolResult, target: Target) -> str:
    """Return the id of a call: that of its maker also on another platform of the same maker, which knows its forms."""
    if part.wire is not None and part.wire.id is not None and target.reads(part.wire.origin):
        return part.wire.id
    return call_id_for(part, target)


def _call(part: ToolCall, target: Target, opaque: Json) -> bytes:
    head = dumped({"type": "tool_use", "id": _id(part, target), "name": part.name, **opaque})
    args = part.args_json if part.args_json.strip() else "{}"
    # The input must be an object: of what is none, the model sees again what it wrote.
    keep = part.executed_by == "provider" or is_object(args)
    raw = args.encode() if keep else dumped({"INVALID_JSON": args})
    return head[:-1] + b',"input":' + raw + b"}"


def _result(part: ToolResult, target: Target, opaque: Json, context: _Context) -> bytes:
    block: Json = {"type": "tool_result", "tool_use_id": _id(part, target), **opaque}
    failed = part.executed_by == "client" and part.outcome != "ok"
    if failed:
        block["is_error"] = True
    if "content" in opaque:
        return dumped(block)
    match part.content:
        case ():
            content = dumped(f"The call was not completed: {part.outcome}.") if failed else b""
        case (Text() as text,) if text.wire is None and text.cache is None and part.executed_by == "client":
            content = dumped(text.text) if text.text or not failed else dumped(part.outcome)
        case (Foreign() as only,) if part.executed_by == "provider" and only.kind.endswith(".content"):
            content = dumped(only.value)
        case items:
            content = _list(items, target, context)
    body = dumped(block)
    return body if not content else body[:-1] + b',"content":' + content + b"}"


def _list(items: Sequence[Part], target: Target, context: _Context) -> bytes:
    blocks = []
    for item in items:
        body, mark = _block(item, target, context)
        if body is not None:
            blocks.append(Block(body).marked(mark))
    return b"[" + b",".join(blocks) + b"]"


def _foreign(value: Any, mark: bytes | None) -> tuple[bytes, bytes | None]:
    # A mark inside the data is taken out, so that prefixes compare equal when marks move on.
    if isinstance(value, dict) and value.get("cache_control") is not None:
        rest = {k: v for k, v in value.items() if k != "cache_control"}
        return dumped(rest), dumped(value["cache_control"])
    return dumped(value), mark


def _file(part: File, opaque: Json, context: _Context) -> bytes | None:
    is_image = part.media_type.startswith("image/")
    kind = opaque.get("type") or ("image" if is_image else "document")
    if kind == "container_upload" and part.wire is not None:
        return dumped({**opaque, "type": kind, "file_id": part.wire.id})
    source = _source(part, held=part.wire.id if part.wire is not None and part.wire.id else None)
    unseen = is_image and not context.takes.images
    if source is None or unseen:
        line = f"[file {part.name or 'without a name'} of type {part.media_type} was left out]"
        api = f"the Messages API takes images, PDF and text, not {part.media_type}"
        reason = "the model takes no images" if unseen else api
        context.dropped.append(
            Dropped(kind="part", name="file", reason=reason, message_id=context.message_id, became="a line of text")
        )
        return dumped({"type": "text", "text": line})
    title = {"title": part.name} if part.name is not None and kind == "document" else {}
    return dumped({"type": kind, "source": source, **title, **opaque})


def _source(part: File, *, held: str | None) -> Json | None:
    if part.data is not None and part.media_type.startswith("text/"):
        text = part.data.decode("utf-8", "replace")
        return {"type": "text", "media_type": "text/plain", "data": text}
    if part.data is not None:
        if not (part.media_type.startswith("image/") or part.media_type == "application/pdf"):
            return None
        return {"type": "base64", "media_type": part.media_type, "data": base64.b64encode(part.data).decode()}
    if part.url is not None:
        return {"type": "url", "url": part.url}
    return {"type": "file", "file_id": held}
