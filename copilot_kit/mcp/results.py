"""What a server returned, as content that a model reads: text of others, labelled with whose it is."""

import base64
import binascii
import json
import re
from typing import Any

from mcp_types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)

from copilot_kit.messages import File, ResultContent, Source, Text
from copilot_kit.outputs import ToolOutput

MOST_BLOCKS = 200
"""Most blocks of a result that are taken."""
MOST_BYTES = 5_000_000
"""Most bytes of images, sound and other files in a result."""
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]{1,100}")


def output_of_result(result: CallToolResult, source: Source) -> ToolOutput:
    """Return the result's blocks as parts; what is left out is said in its place."""
    content: list[ResultContent] = []
    room = MOST_BYTES
    for block in result.content[:MOST_BLOCKS]:
        part = _part(block, source, room)
        if isinstance(part, File):
            room -= len(part.data or b"")
        content.append(part)
    if len(result.content) > MOST_BLOCKS:
        content.append(_text(f"[{len(result.content) - MOST_BLOCKS} more blocks were left out.]", source))
    if result.structured_content is not None and not _is_told(result):
        content.append(_text(json.dumps(result.structured_content, ensure_ascii=False), source))
    return ToolOutput(content=tuple(content), outcome="error" if result.is_error else "ok")


def _part(block: Any, source: Source, room: int) -> ResultContent:
    match block:
        case TextContent(text=text):
            return _text(text, source)
        case ImageContent(data=data, mime_type=kind) | AudioContent(data=data, mime_type=kind):
            return _file(data, kind, None, source, room)
        case EmbeddedResource(resource=TextResourceContents(text=text)):
            return _text(text, source)
        case EmbeddedResource(resource=BlobResourceContents(blob=data, mime_type=kind, uri=uri)):
            return _file(data, kind or "", uri, source, room)
        case ResourceLink(uri=uri, name=name):
            return _text(f"[The server names a resource, {name!r}: {uri}. It was not fetched.]", source)
        case _:
            return _text(f"[A block of type {getattr(block, 'type', '?')!r} was left out.]", source)


def _text(text: str, source: Source) -> Text:
    return Text(text=text, source=source)


def _file(data: str, kind: str, name: str | None, source: Source, room: int) -> ResultContent:
    media_type = kind if _MEDIA_TYPE.fullmatch(kind) else "application/octet-stream"
    if len(data) * 3 // 4 > room:
        return _text(f"[{media_type} of {len(data) * 3 // 4} bytes was left out: too large.]", source)
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return _text(f"[{media_type} was left out: it is not in base64.]", source)
    return File(media_type=media_type, data=content, name=name, source=source)


def _is_told(result: CallToolResult) -> bool:
    """Tell whether a block of text says the same as the structured content, as the protocol asks servers to do."""
    for block in result.content:
        if isinstance(block, TextContent):
            if result.structured_content == {"result": block.text}:
                return True  # how servers wrap what is no object
            try:
                if json.loads(block.text) == result.structured_content:
                    return True
            except (ValueError, RecursionError):
                continue
    return False
