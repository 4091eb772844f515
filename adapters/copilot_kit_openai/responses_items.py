"""Items of the Responses API read as our parts: what its answers and its requests have in common.

How a part remembers the item it came from (`wire.opaque`), so that the item can be sent back exactly:

- `{"item": …}`: the whole item; reasoning and everything that is not text or a plain call.
- `{"shell": …}`: the item without the fields that the part holds itself (words, call id, name, arguments).
- `{"shell": …, "part": …}`: the same for a content part of a message; only the first part of a message has the shell.
- `{"of": id}`: a result that came inside the call's own item; it is sent with it.
"""

import base64
import binascii
from collections.abc import Callable
from typing import Any, TypeAlias

from pydantic_core import to_json

from copilot_kit.ids import NewId, new_id
from copilot_kit.messages import (
    Citation,
    ExecutedBy,
    File,
    Foreign,
    Part,
    Reasoning,
    ResultContent,
    Summary,
    Text,
    ToolCall,
    ToolResult,
    Wire,
)

Item: TypeAlias = dict[str, Any]
NameCall: TypeAlias = Callable[[str], str]
"""Gives our id of a call for the provider's."""

ANSWERED_BY = {
    "function_call": "function_call_output",
    "custom_tool_call": "custom_tool_call_output",
    "computer_call": "computer_call_output",
    "local_shell_call": "local_shell_call_output",
    "shell_call": "shell_call_output",
    "apply_patch_call": "apply_patch_call_output",
    "tool_search_call": "tool_search_output",
}
"""Calls that the application may have to run, and the item that carries the result back."""

OUTPUTS = frozenset(ANSWERED_BY.values()) | {"program_output"}

_ARGUMENTS = {
    "web_search_call": "action",
    "computer_call": "action",
    "local_shell_call": "action",
    "shell_call": "action",
    "apply_patch_call": "operation",
    "tool_search_call": "arguments",
}
_RUN_THERE = frozenset(
    {"web_search_call", "x_search_call", "file_search_call", "code_interpreter_call", "mcp_call", "program"}
)
_ITS_CONTAINERS = frozenset({"container_auto", "container_reference"})
_NOT_ARGUMENTS = frozenset({"type", "id", "call_id", "status", "results", "outputs", "fingerprint", "caller"})


def own_names(make: NewId = new_id) -> NameCall:
    """Return a namer that makes one id of ours for each of the provider's, for one answer."""
    made: dict[str, str] = {}

    def name(theirs: str) -> str:
        if theirs not in made:
            made[theirs] = make("call")
        return made[theirs]

    return name


def parts_of(item: Item, origin: str, name_call: NameCall) -> list[Part]:
    """Return what an item says: mostly one part, several for the content of a message or a call with its result."""
    kind = item.get("type")
    match kind:
        case "message" if item.get("role", "assistant") == "assistant" and item.get("content"):
            return _said(item, origin)
        case "reasoning":
            return [_reasoning(item, origin)]
        case "custom_tool_call" if executed_by(item, origin) == "provider":
            return _whole_call(item, origin, name_call)
        case "function_call" | "custom_tool_call":
            return [_call(item, origin, name_call)]
        case "image_generation_call" if (image := _image(item, origin)) is not None:
            return [image]
        case _ if kind in _ARGUMENTS or kind in _RUN_THERE:
            return _whole_call(item, origin, name_call)
        case _ if kind in OUTPUTS:
            return [_output(item, origin, name_call)]
        case _:
            return [foreign_item(item, origin)]


def foreign_item(item: Item, origin: str) -> Foreign:
    """Return an item that has no neutral form, as data that goes back unchanged."""
    kind = f"{origin.partition('.')[0]}.{item.get('type') or 'item'}"
    return Foreign(kind=kind, value=item, wire=Wire(origin=origin, id=_text(item.get("id"))))


def summed_up(part: Part, span: tuple[str, str] | None) -> Part:
    """Return a compaction item as the summary that it is, of these messages; nobody but the provider can read it."""
    match part:
        case Foreign(kind=kind, value={"encrypted_content": str()} as item, wire=Wire() as wire) if span is not None:
            if kind.endswith(".compaction"):
                return Summary(replaces=span, wire=wire.model_copy(update={"opaque": {"item": item}}))
    return part


def text_in(value: object) -> str:
    """Return the words of a string or of a list of content parts."""
    if isinstance(value, str):
        return value
    return "".join([str(part.get("text") or "") for part in _objects(value)])


def citations_of(annotations: object, origin: str) -> tuple[Citation, ...]:
    """Return the annotations of a text, each with its own words kept for sending it back."""
    return tuple(
        Citation(
            title=_text(a.get("title") or a.get("filename")),
            url=_text(a.get("url")),
            start=_number(a.get("start_index")),
            end=_number(a.get("end_index")),
            wire=Wire(origin=origin, id=_text(a.get("file_id")), opaque=a),
        )
        for a in _objects(annotations)
    )


def _said(item: Item, origin: str) -> list[Part]:
    shell = {key: value for key, value in item.items() if key != "content"}
    content = item["content"]
    if isinstance(content, str):
        return [Text(text=content, wire=Wire(origin=origin, id=_text(item.get("id")), opaque={"shell": shell}))]
    parts: list[Part] = []
    for raw in content:
        opaque: Item = {"shell": shell} if not parts else {}
        parts.append(_content(raw, opaque, Wire(origin=origin, id=_text(item.get("id")))))
    return parts


def _content(raw: Item, opaque: Item, wire: Wire) -> Part:
    kind = raw.get("type")
    if kind not in {"output_text", "refusal"}:
        opaque["part"] = {}
        made_by = wire.origin.partition(".")[0]
        return Foreign(kind=f"{made_by}.{kind}", value=raw, wire=wire.model_copy(update={"opaque": opaque}))
    refusal = kind == "refusal"
    words = raw.get("refusal" if refusal else "text") or ""
    citations = citations_of(raw.get("annotations"), wire.origin)
    left_out = {"text", "refusal", "annotations"} if citations else {"text", "refusal"}
    opaque["part"] = {key: value for key, value in raw.items() if key not in left_out}
    wire = Wire(origin=wire.origin, id=wire.id, opaque=opaque)
    return Text(text=words, refusal=refusal, citations=citations, wire=wire)


def _reasoning(item: Item, origin: str) -> Reasoning:
    full = text_in(item.get("content"))
    summary = "\n\n".join([text_in([part]) for part in _objects(item.get("summary"))])
    wire = Wire(origin=origin, id=_text(item.get("id")), opaque={"item": item})
    if full:
        return Reasoning(text=full, form="full", wire=wire)
    return Reasoning(text=summary or None, form="summary" if summary else "hidden", wire=wire)


def _call(item: Item, origin: str, name_call: NameCall) -> ToolCall:
    custom = item["type"] == "custom_tool_call"
    theirs = _text(item.get("call_id")) or _text(item.get("id")) or ""
    arguments = item.get("input" if custom else "arguments")
    if custom:
        args = to_json({"input": arguments or ""}).decode()
    elif isinstance(arguments, str) or arguments is None:
        args = arguments if arguments and arguments.strip() else "{}"
    else:
        args = to_json(arguments).decode()
    kept = {"call_id", "name", "input" if custom else "arguments"}
    shell = {key: value for key, value in item.items() if key not in kept}
    return ToolCall(
        call_id=name_call(theirs),
        name=str(item.get("name") or ""),
        args_json=args,
        wire=Wire(origin=origin, id=theirs or None, opaque={"shell": shell}),
    )


def executed_by(item: Item, origin: str) -> ExecutedBy:
    """Tell who runs this call, or ran it."""
    kind = item.get("type")
    if kind == "custom_tool_call":
        return "provider" if origin.startswith("xai.") else "client"  # so xAI writes down its own searches
    if kind in _RUN_THERE or kind == "program_output":
        return "provider"
    if kind in {"tool_search_call", "tool_search_output"}:
        return "client" if item.get("execution") == "client" else "provider"
    environment = item.get("environment")
    there = isinstance(environment, dict) and environment.get("type") in _ITS_CONTAINERS
    return "provider" if kind == "shell_call" and there else "client"


def _whole_call(item: Item, origin: str, name_call: NameCall) -> list[Part]:
    kind = str(item["type"])
    theirs = _text(item.get("call_id")) or (kind if kind == "tool_search_call" else _text(item.get("id")) or kind)
    wire = Wire(origin=origin, id=_text(item.get("call_id")) or _text(item.get("id")), opaque={"item": item})
    name = str(item.get("name") or kind.removesuffix("_call"))
    call = ToolCall(
        call_id=name_call(theirs),
        name=name,
        args_json=_arguments(item),
        executed_by=executed_by(item, origin),
        wire=wire,
    )
    result = _result_inside(item, call)
    return [call] if result is None else [call, result]


def _arguments(item: Item) -> str:
    value = item.get("arguments", item.get("input"))
    if isinstance(value, str):
        return value or "{}"
    field = _ARGUMENTS.get(str(item["type"]))
    if field is not None and isinstance(item.get(field), dict):
        return to_json(item[field]).decode()
    return to_json({key: item[key] for key in item if key not in _NOT_ARGUMENTS}).decode()


def _result_inside(item: Item, call: ToolCall) -> ToolResult | None:
    """Return the result that a call of the provider's own tool brought along, if it did."""
    content: list[ResultContent] = []
    for output in _objects(item.get("outputs")):
        if output.get("type") == "image" and output.get("url"):
            content.append(File(media_type="image/*", url=output["url"]))
        else:
            content.append(Text(text=str(output.get("logs") or "")))
    content += [Text(text=str(found.get("text") or "")) for found in _objects(item.get("results"))]
    if item["type"] == "mcp_call" and item.get("output") is not None:
        content.append(Text(text=str(item["output"])))
    error = item.get("error")
    failed = bool(error) or item.get("status") == "failed"
    if error:
        content.append(Text(text=error if isinstance(error, str) else to_json(error).decode()))
    if not content and not failed:
        return None
    return ToolResult(
        call_id=call.call_id,
        content=tuple(content),
        outcome="error" if failed else "ok",
        executed_by="provider",
        wire=Wire(
            origin=call.wire.origin if call.wire else "",
            id=call.wire.id if call.wire else None,
            opaque={"of": _text(item.get("id")) or ""},
        ),
    )


def _output(item: Item, origin: str, name_call: NameCall) -> ToolResult:
    kind = str(item["type"])
    theirs = _text(item.get("call_id"))
    asked = theirs or ("tool_search_call" if kind == "tool_search_output" else _text(item.get("id")) or kind)
    provider = executed_by(item, origin) == "provider"
    words = _output_text(item)
    return ToolResult(
        call_id=name_call(asked),
        content=(Text(text=words),) if words else (),
        outcome="error" if item.get("status") == "failed" else "ok",
        executed_by="provider" if provider else "client",
        wire=Wire(origin=origin, id=theirs or _text(item.get("id")), opaque={"item": item}),
    )


def _output_text(item: Item) -> str:
    output = item.get("output", item.get("result"))
    if item["type"] == "tool_search_output":
        return ", ".join([str(tool.get("name") or tool.get("type")) for tool in _objects(item.get("tools"))])
    if item["type"] == "shell_call_output":
        return "".join([str(o.get("stdout") or "") + str(o.get("stderr") or "") for o in _objects(output)])
    return text_in(output)


def _image(item: Item, origin: str) -> File | None:
    """Return the generated picture; None where there is none, or where it could not be written back as it was."""
    data = item.get("result")
    if not isinstance(data, str) or not data:
        return None
    try:
        image = base64.b64decode(data, validate=True)
    except binascii.Error:
        return None
    if base64.b64encode(image).decode() != data:
        return None
    shell = {key: value for key, value in item.items() if key != "result"}
    return File(
        media_type=f"image/{item.get('output_format') or 'png'}",
        data=image,
        wire=Wire(origin=origin, id=_text(item.get("id")), opaque={"shell": shell}),
    )


def _objects(value: object) -> list[Item]:
    return [piece for piece in value if isinstance(piece, dict)] if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def starting_part(item: Item, origin: str, name_call: NameCall) -> Part | None:
    """Return the empty part that an item which has just begun will become; None where its kind shows only later."""
    kind = item.get("type")
    theirs = _text(item.get("call_id")) or _text(item.get("id"))
    wire = Wire(origin=origin, id=theirs)
    if kind == "reasoning":
        return Reasoning(form="hidden", wire=wire)
    by = executed_by(item, origin)
    if kind == "function_call" or (kind == "custom_tool_call" and by == "client"):
        return ToolCall(call_id=name_call(theirs or ""), name=str(item.get("name") or ""), args_json="", wire=wire)
    if kind in _RUN_THERE or kind in _ARGUMENTS or kind == "custom_tool_call":
        call = _whole_call(item, origin, name_call)[0]
        return call.model_copy(update={"args_json": "", "wire": wire}) if isinstance(call, ToolCall) else None
    return None
