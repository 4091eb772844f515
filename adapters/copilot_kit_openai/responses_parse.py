"""A request body of the Responses API read as ours: the way back from `responses_request`.

Used to check the adapter against recorded traffic, and to take over conversations that other clients began.
"""

import base64
import binascii
import mimetypes
from collections.abc import Mapping
from typing import Any, cast

from copilot_kit.ids import new_id
from copilot_kit.messages import (
    File,
    Foreign,
    Message,
    Part,
    Reasoning,
    ResultContent,
    Role,
    Text,
    ToolCall,
    ToolResult,
    UnknownPart,
    Wire,
)
from copilot_kit.request import (
    AnyTool,
    ContextEditing,
    Effort,
    OutputSpec,
    ProviderTool,
    Request,
    Settings,
    ToolChoice,
    ToolSpec,
)
from copilot_kit_openai.dialects import Dialect
from copilot_kit_openai.responses_items import OUTPUTS, Item, foreign_item, parts_of
from copilot_kit_openai.responses_messages import file_kind
from copilot_kit_openai.responses_request import compacts, effort_levels

_TYPED = frozenset(
    {
        "model",
        "input",
        "instructions",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "max_output_tokens",
        "temperature",
        "top_p",
        "reasoning",
        "text",
        "stream",
    }
)
_TOOL_FIELDS = frozenset({"type", "name", "description", "parameters", "strict"})
_AUDIO = {"wav": "audio/wav", "mp3": "audio/mpeg"}


def parse_request(dialect: Dialect, body: Mapping[str, Any]) -> tuple[str, Request]:
    """Return the model's name and our request; encoding it again gives a body that says the same."""
    extra: dict[str, Any] = {name: value for name, value in body.items() if name not in _TYPED}
    for absent in ("store", "include"):
        extra.setdefault(absent, None)
    if body.get("stream") is False:
        extra["stream"] = False
    if "input" not in body:
        extra["input"] = None
    elif not _is_input(body["input"]):
        extra["input"] = body["input"]  # a mistake, and the provider said so
        body = {**body, "input": []}
    if body.get("tools") == []:
        extra["tools"] = []
    reader = _Reader(dialect)
    messages = reader.messages(body)
    functions = {tool.get("name") for tool in body.get("tools") or [] if tool.get("type") == "function"}
    choice = _choice(body.get("tool_choice"), functions)
    if choice is None and body.get("tool_choice") is not None:
        extra["tool_choice"] = body["tool_choice"]
    effort = _effort(dialect, str(body.get("model")), body.get("reasoning"), extra)
    output = _output(body.get("text"), extra)
    settings = Settings(
        effort=effort,
        max_output_tokens=body.get("max_output_tokens"),
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        context=_context(dialect, extra),
        extra={dialect.name: extra},
    )
    request = Request(
        messages=tuple(messages),
        tools=tuple(reader.tool(tool) for tool in body.get("tools") or []),
        tool_choice=choice,
        parallel_tools=body.get("parallel_tool_calls"),
        output=output,
        settings=settings,
        delivery="stream" if body.get("stream") else "whole",
    )
    return str(body.get("model") or ""), request


def _is_input(value: Any) -> bool:
    return isinstance(value, str | None) or (isinstance(value, list) and all(isinstance(item, dict) for item in value))


def _choice(choice: Any, functions: set[Any]) -> ToolChoice | None:
    match choice:
        case "auto" | "none" | "required":
            return cast("ToolChoice", choice)
        case {"type": "function", "name": str(name), **rest} if not rest and name in functions:
            return (name,)
        case {"type": "allowed_tools", "mode": "required", "tools": [_, _, *_] as tools} if all(
            isinstance(tool, dict) and tool.keys() == {"type", "name"} and tool["name"] in functions for tool in tools
        ):
            return tuple(str(tool["name"]) for tool in tools)
        case _:
            return None


def _context(dialect: Dialect, extra: dict[str, Any]) -> ContextEditing | None:
    match extra.get("context_management"):
        case [{"type": "compaction", "compact_threshold": int(tokens), **rest}] if not rest and compacts(dialect):
            del extra["context_management"]
            return ContextEditing(compact_at=tokens)
        case _:
            return None


def _effort(dialect: Dialect, model: str, reasoning: Any, extra: dict[str, Any]) -> Effort | None:
    if not isinstance(reasoning, dict):
        return None
    rest = dict(reasoning)
    ours = {theirs: level for level, theirs in effort_levels(dialect, model).items()}
    effort = ours.get(rest.get("effort") or "")
    if effort is not None:
        del rest["effort"]
    if rest or not reasoning:
        extra["reasoning"] = rest
    return effort


def _output(text: Any, extra: dict[str, Any]) -> OutputSpec | None:
    if not isinstance(text, dict):
        return None
    rest = dict(text)
    form = rest.get("format")
    output = None
    if isinstance(form, dict) and form.get("type") == "json_schema" and isinstance(form.get("schema"), dict):
        known = {"type", "name", "schema", "description", "strict"}
        further: dict[str, Any] = {name: value for name, value in form.items() if name not in known}
        if form.get("strict") is None:
            further["strict"] = None
        output = OutputSpec(
            json_schema=form["schema"],
            name=str(form.get("name") or "answer"),
            description=form.get("description"),
            mode="native",
            strict=form.get("strict"),
        )
        del rest["format"]
        rest |= {"format": further} if further else {}
    if rest or not text:
        extra["text"] = rest
    return output


class _Reader:
    """Reads the items of one request for one provider."""

    def __init__(self, dialect: Dialect) -> None:
        self._provider = dialect.name
        self._origin = dialect.origin("responses")

    def messages(self, body: Mapping[str, Any]) -> list[Message]:
        found: list[Message] = []
        if isinstance(body.get("instructions"), str):
            found.append(self._message("system", [Text(text=body["instructions"])]))
        given = body.get("input")
        if isinstance(given, str):
            return [*found, self._message("user", [Text(text=given)], {"bare": True})]
        turn: list[Part] = []
        results: list[Part] = []
        for item in given or []:
            side = _side(item)
            if turn and (side != "assistant" or _begins_anew(item, turn[-1])):
                found.append(self._turn(turn))
                turn = []
            if results and side != "tool":
                found.append(self._message("tool", results))
                results = []
            if side == "assistant":
                turn += self._spoken(item)
            elif side == "tool":
                results.append(self._result(item))
            else:
                found.append(self._heard(item, side))
        found += [self._turn(turn)] if turn else []
        return found + ([self._message("tool", results)] if results else [])

    def tool(self, tool: Item) -> AnyTool:
        """Return a tool's definition."""
        plain = tool.get("type") == "function" and isinstance(tool.get("parameters"), dict) and "name" in tool
        if not plain:
            value = {name: value for name, value in tool.items() if name != "type"}
            return ProviderTool(kind=f"{self._provider}.{tool.get('type')}", value=value)
        further: dict[str, Any] = {name: value for name, value in tool.items() if name not in _TOOL_FIELDS}
        if tool.get("strict") is None:
            further["strict"] = None
        return ToolSpec(
            name=tool["name"],
            description=tool.get("description"),
            parameters=tool["parameters"],
            strict=tool.get("strict"),
            wire=Wire(origin=self._origin, opaque=further) if further else None,
        )

    def _message(self, role: Role, parts: list[Part], opaque: Item | None = None) -> Message:
        wire = Wire(origin=self._origin, opaque=opaque) if opaque else None
        return Message(id=new_id("msg"), role=role, parts=tuple(parts), wire=wire)

    def _turn(self, parts: list[Part]) -> Message:
        thought = any(isinstance(part, Reasoning) for part in parts)
        return self._message("assistant", parts, {"as_sent": True} if thought else None)

    def _spoken(self, item: Item) -> list[Part]:
        if not _remembers(item):
            content = item["content"]
            words = content if isinstance(content, str) else content[0]["text"]
            # Without a memory of its own an empty text would not be sent.
            empty = Wire(origin=self._origin, opaque={"shell": {"role": "assistant"}})
            return [Text(text=words, wire=None if words else empty)]
        parts = parts_of(item, self._origin, _same)
        if len(parts) == 1 and isinstance(parts[0], ToolCall) and parts[0].wire is not None:
            call = parts[0]
            if item.get("type") == "function_call" and isinstance(item.get("arguments"), str):
                return [call.model_copy(update={"args_json": item["arguments"]})]
        return parts

    def _result(self, item: Item) -> Part:
        kind = item.get("type")
        if kind not in {"function_call_output", "custom_tool_call_output"} or not isinstance(item.get("call_id"), str):
            return parts_of(item, self._origin, _same)[0]
        output = item.get("output")
        content: list[ResultContent] = []
        if isinstance(output, str):
            content = [Text(text=output)]
        elif isinstance(output, list):
            content = [self._content(piece) for piece in output]
        else:
            return foreign_item(item, self._origin)
        memory: Item = {"list": True} if isinstance(output, list) else {}
        shell = {name: value for name, value in item.items() if name not in {"call_id", "output"}}
        wire = Wire(origin=self._origin, id=item["call_id"], opaque={"shell": shell, **memory})
        return ToolResult(call_id=item["call_id"], content=tuple(content), wire=wire)

    def _heard(self, item: Item, role: Role) -> Message:
        content = item.get("content")
        shell = {name: value for name, value in item.items() if name != "content"}
        memory: Item = {} if shell == {"role": "user"} else {"shell": shell}
        if isinstance(content, str):
            return self._message(role, [Text(text=content)], memory)
        if not isinstance(content, list) or not content:
            return self._message(role, [foreign_item(item, self._origin)])
        if len(content) == 1:
            memory["list"] = True
        return self._message(role, [self._content(piece) for piece in content], memory)

    def _content(self, piece: Item) -> Text | File | Foreign:
        kind = piece.get("type")
        if kind in {"input_text", "text"} and isinstance(piece.get("text"), str):
            further = {name: value for name, value in piece.items() if name not in {"type", "text"}}
            wire = Wire(origin=self._origin, opaque={"part": further}) if further else None
            return Text(text=piece["text"], wire=wire)
        file = self._file(piece) if kind in {"input_image", "input_file", "input_audio"} else None
        if file is not None:
            return file
        wire = Wire(origin=self._origin, opaque={"content": True})
        return Foreign(kind=f"{self._provider}.{kind}", value=piece, wire=wire)

    def _file(self, piece: Item) -> File | None:
        """Return a file; None where it could not be written back as it was."""
        kind = str(piece["type"])
        if kind == "input_audio":
            sound = piece.get("input_audio") or {}
            data = _canonical(sound.get("data"))
            media_type = _AUDIO.get(str(sound.get("format")))
            plain = piece.keys() == {"type", "input_audio"} and sound.keys() == {"data", "format"}
            return File(media_type=media_type, data=data) if plain and data and media_type else None
        place = "image_url" if kind == "input_image" else "file_url"
        url, raw, file_id = piece.get(place), piece.get("file_data"), piece.get("file_id")
        given = [value for value in (url, raw, file_id) if value is not None]
        if len(given) != 1 or not isinstance(given[0], str):
            return None
        name = piece.get("filename")
        media_type, data = _data_of(raw if raw is not None else url)
        if raw is not None and data is None:
            return None
        if data is None:
            media_type = _guess(url or name or "", kind)
        held = {"type", place, "file_data", "file_id", "filename"}
        memory: Item = {key: value for key, value in piece.items() if key not in held}
        if kind == "input_file" and not name:
            memory["filename"] = None
        if file_kind(media_type, has_data=data is not None) != kind:
            memory["type"] = kind
        wire = Wire(origin=self._origin, id=file_id, opaque={"part": memory}) if memory or file_id else None
        return File(media_type=media_type, data=data, url=url if data is None else None, name=name, wire=wire)


def _side(item: Item) -> Role:
    kind = item.get("type", "message" if "role" in item else "item_reference")
    if kind == "message":
        role = item.get("role")
        return "assistant" if role == "assistant" else "system" if role in {"system", "developer"} else "user"
    if kind in OUTPUTS and kind != "program_output" and item.get("execution") != "server":
        return "tool"
    return "user" if kind == "mcp_approval_response" else "assistant"


def _remembers(item: Item) -> bool:
    """Tell whether an item of the assistant is more than plain words."""
    if item.keys() != {"role", "content"}:
        return True
    match item["content"]:
        case str():
            return False
        case [{"type": "output_text" | "input_text" | "text", "text": str(), **rest}]:
            return bool(rest)
        case _:
            return True


def _begins_anew(item: Item, last: Part) -> bool:
    """Tell whether an item of the assistant stands for a message of its own: plain words after plain words."""
    if isinstance(last, Text) and not last.text and "part" not in _opaque(last):
        return True
    remembered = not isinstance(last, UnknownPart) and last.wire is not None
    return not _remembers(item) and (not remembered or not item["content"])


def _opaque(part: Text) -> Item:
    return part.wire.opaque if part.wire is not None and isinstance(part.wire.opaque, dict) else {}


def _same(theirs: str) -> str:
    return theirs


def _guess(name: str, kind: str) -> str:
    guess = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return guess if kind == "input_file" or guess.startswith("image/") else "image/*"


def _data_of(url: object) -> tuple[str, bytes | None]:
    """Return media type and bytes of a data URL, if writing it again gives the same."""
    if not isinstance(url, str) or not url.startswith("data:"):
        return "", None
    head, _, text = url[5:].partition(",")
    media_type, _, coding = head.partition(";")
    data = _canonical(text) if coding == "base64" and media_type else None
    return media_type, data


def _canonical(text: object) -> bytes | None:
    if not isinstance(text, str):
        return None
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    return data if base64.b64encode(data).decode() == text else None
