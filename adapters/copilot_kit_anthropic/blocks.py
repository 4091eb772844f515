"""Content blocks of the wire as our parts. Each block that comes can be sent back exactly as it came.

What has a neutral form takes it, and its further fields stay in `wire.opaque`; what has none stays whole, as data.
The way back is in `encoded`.
"""

import base64
import binascii
import mimetypes
from collections.abc import Mapping
from typing import Any

from copilot_kit.ids import NewId, new_id
from copilot_kit.messages import (
    Citation,
    File,
    Foreign,
    Outcome,
    Part,
    Reasoning,
    ResultContent,
    Text,
    ToolCall,
    ToolResult,
    Wire,
)
from copilot_kit_anthropic.json_bytes import Json, dumped


class CallIds:
    """Our names of the provider's calls, within one conversation: the same id means the same call."""

    __slots__ = ("_names", "_new_id")

    def __init__(self, new: NewId = new_id) -> None:
        self._new_id = new
        self._names: dict[str, str] = {}

    def begin(self, theirs: str) -> str:
        """Return a new name for a call that is made now; a provider may use an id twice."""
        ours = self._names[theirs] = self._new_id("call")
        return ours

    def known(self, theirs: str) -> str:
        """Return the name of a call that is answered now."""
        return self._names[theirs] if theirs in self._names else self.begin(theirs)


def is_server_call(kind: str) -> bool:
    """Tell whether a block type is a call that the provider runs: server_tool_use, mcp_tool_use and later ones."""
    return kind.endswith("_tool_use")


def is_server_result(kind: str) -> bool:
    """Tell whether a block type is the result of such a call."""
    return kind.endswith("_tool_result")


def part_of(block: Json, origin: str, calls: CallIds) -> Part:
    """Return the part for a block of the model or of the caller; a block of an unknown shape is kept as `Foreign`."""
    kind = block.get("type")
    match kind:
        case "text" if isinstance(block.get("text"), str):
            return text_part(block, origin)
        case "thinking" if isinstance(block.get("thinking"), str):
            return thinking_part(block, origin)
        case "redacted_thinking" | "thinking":
            return Reasoning(form="hidden", wire=Wire(origin=origin, opaque=dict(block)))
        case "tool_result" if isinstance(block.get("tool_use_id"), str):
            return _result_part(block, origin, calls)
        case "image" | "document" | "container_upload":
            return _file_part(block, origin) or foreign_part(block, origin)
        case str() if (kind == "tool_use" or is_server_call(kind)) and _is_call(block):
            return call_part(block, origin, calls, args_json=dumped(block["input"]).decode())
        case str() if is_server_result(kind) and isinstance(block.get("tool_use_id"), str):
            return _server_result_part(block, origin, calls)
        case _:
            return foreign_part(block, origin)


def foreign_part(block: Json, origin: str) -> Foreign:
    """Return a block as data that goes back to its origin unchanged."""
    provider = origin.partition(".")[0]
    return Foreign(kind=f"{provider}.{block.get('type')}", value=block, wire=Wire(origin=origin))


def text_part(block: Json, origin: str) -> Text:
    """Return a text, with its citations."""
    raw = block.get("citations")
    citations = tuple(citation(c, origin) for c in raw) if isinstance(raw, list) else ()
    rest = {k: v for k, v in block.items() if k not in ("type", "text", "citations")}
    if not rest and not citations:
        return Text(text=block["text"])
    return Text(text=block["text"], citations=citations, wire=Wire(origin=origin, opaque=rest or None))


def citation(raw: Json, origin: str) -> Citation:
    """Return a citation: what all providers tell of one, and the whole of it for the way back."""
    in_characters = raw.get("type") == "char_location"
    return Citation(
        title=_text(raw.get("document_title") or raw.get("title")),
        url=_text(raw.get("url") or raw.get("source")),
        quote=_text(raw.get("cited_text")),
        start=raw.get("start_char_index") if in_characters else None,
        end=raw.get("end_char_index") if in_characters else None,
        wire=Wire(origin=origin, opaque=raw),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def thinking_part(block: Json, origin: str, prefix_digest: str | None = None) -> Reasoning:
    """Return thinking; without readable text it is hidden, and its signature is needed all the same."""
    rest = {k: v for k, v in block.items() if k != "thinking"}
    text = block["thinking"]
    wire = Wire(origin=origin, opaque=rest, prefix_digest=prefix_digest)
    return Reasoning(text=text, form="full" if text else "hidden", wire=wire)


def _is_call(block: Json) -> bool:
    return isinstance(block.get("id"), str) and isinstance(block.get("name"), str) and "input" in block


def call_part(block: Json, origin: str, calls: CallIds, *, args_json: str) -> ToolCall:
    """Return a call of the application's tools, or one that the provider ran itself."""
    kind = block["type"]
    rest = {k: v for k, v in block.items() if k not in ("id", "name", "input") and (k, v) != ("type", "tool_use")}
    return ToolCall(
        call_id=calls.begin(block["id"]),
        name=block["name"],
        args_json=args_json,
        executed_by="client" if kind == "tool_use" else "provider",
        wire=Wire(origin=origin, id=block["id"], opaque=rest or None),
    )


def _result_part(block: Json, origin: str, calls: CallIds) -> ToolResult:
    rest = {k: v for k, v in block.items() if k not in ("type", "tool_use_id", "content")}
    failed = rest.get("is_error") is True
    if failed:
        del rest["is_error"]
    raw = block.get("content")
    content: tuple[ResultContent, ...] = ()
    if isinstance(raw, str):
        content = (Text(text=raw),)
    elif isinstance(raw, list) and raw:
        content = tuple(_content_part(item, origin, calls) for item in raw)
    elif raw is not None:
        rest["content"] = raw
    return ToolResult(
        call_id=calls.known(block["tool_use_id"]),
        content=content,
        outcome="error" if failed else "ok",
        wire=Wire(origin=origin, id=block["tool_use_id"], opaque=rest or None),
    )


def _content_part(item: Json, origin: str, calls: CallIds) -> ResultContent:
    part = part_of(item, origin, calls)
    return part if isinstance(part, Text | File | Foreign) else foreign_part(item, origin)


def _server_result_part(block: Json, origin: str, calls: CallIds) -> ToolResult:
    rest = {k: v for k, v in block.items() if k not in ("tool_use_id", "content")}
    raw = block.get("content")
    content: tuple[ResultContent, ...] = ()
    if isinstance(raw, list) and raw and all(set(item) == {"type", "text"} for item in raw):
        content = tuple(Text(text=item["text"]) for item in raw)
    elif "content" in block:
        content = (Foreign(kind=f"{origin}.content", value=raw, wire=Wire(origin=origin)),)
    return ToolResult(
        call_id=calls.known(block["tool_use_id"]),
        content=content,
        outcome=_server_outcome(block),
        executed_by="provider",
        wire=Wire(origin=origin, id=block["tool_use_id"], opaque=rest),
    )


def _server_outcome(block: Json) -> Outcome:
    content = block.get("content")
    kind = content.get("type") if isinstance(content, dict) else None
    failed = block.get("is_error") is True or (isinstance(kind, str) and kind.endswith("_error"))
    return "error" if failed else "ok"


def _file_part(block: Json, origin: str) -> File | None:
    """Return the file of an image or document block; None where its source has no neutral form."""
    source: Any = block.get("source")
    if block["type"] == "container_upload":
        source = {"type": "file", "file_id": block.get("file_id")}
    if not isinstance(source, dict):
        return None
    named = block["type"] == "document" and isinstance(block.get("title"), str)
    name = block["title"] if named else None
    left_out = ("source", "file_id", "title") if named else ("source", "file_id")
    rest = {k: v for k, v in block.items() if k not in left_out}
    if rest == {"type": _block_type(_media_type(block, source))}:
        rest = {}
    wire = Wire(origin=origin, opaque=rest) if rest else None
    match source:
        case {"type": "base64", "media_type": str(media), "data": str(data), **more} if not more:
            return _inline(media, _bytes(data), name, wire)
        case {"type": "text", "media_type": "text/plain", "data": str(data), **more} if not more:
            return _inline("text/plain", data.encode(), name, wire)
        case {"type": "url", "url": str(url), **more} if not more:
            return File(media_type=_media_type(block, source), url=url, name=name, wire=wire)
        case {"type": "file", "file_id": str(file_id), **more} if not more:
            held = Wire(origin=origin, id=file_id, opaque=rest or {"type": block["type"]})
            return File(media_type=_media_type(block, source), name=name, wire=held)
        case _:
            return None


def _inline(media: str, data: bytes | None, name: str | None, wire: Wire | None) -> File | None:
    return None if data is None else File(media_type=media, data=data, name=name, wire=wire)


def _bytes(data: str) -> bytes | None:
    """Return the bytes of base64 text; None where encoding them again would not give the same text."""
    try:
        value = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return None
    return value if base64.b64encode(value).decode() == data else None


def _media_type(block: Json, source: Mapping[str, object]) -> str:
    stated = source.get("media_type")
    if isinstance(stated, str):
        return stated
    guess = mimetypes.guess_type(str(source.get("url", "")))[0]
    if block["type"] == "image":
        return guess if guess and guess.startswith("image/") else "image/*"
    if source.get("type") == "url":
        return "application/pdf"
    return "application/octet-stream"


def _block_type(media: str) -> str:
    return "image" if media.startswith("image/") else "document"
