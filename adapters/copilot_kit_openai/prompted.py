"""Structured answers and tool calls asked for in words, for models whose API has no form for them.

The model writes `{"tool": name, "arguments": {…}}`; a reply that is that object, and nothing else, is a call.
"""

import json
from typing import Any

from copilot_kit.messages import Message, Part, Text, ToolCall, ToolResult
from copilot_kit.request import OutputSpec, Request, ToolSpec


def output_instructions(spec: OutputSpec) -> str:
    """Return the words that ask for an answer in JSON."""
    about = f" ({spec.description})" if spec.description else ""
    return (
        f"Answer with one JSON value{about} and nothing else: no words around it, no code fence. "
        f"It must fit this JSON schema:\n{json.dumps(spec.json_schema, ensure_ascii=False)}"
    )


def described(tool: ToolSpec) -> str | None:
    """Return what a tool is for, with its worked examples, for which these APIs have no field; None if it says none."""
    if not tool.examples:
        return tool.description
    lines = [f"{example.situation}: {json.dumps(example.arguments, ensure_ascii=False)}" for example in tool.examples]
    return "\n".join([*([tool.description] if tool.description else []), *lines])


def tool_instructions(request: Request) -> str:
    """Return the words that tell of the tools and how to call one."""
    lines = ["You can use these tools:"]
    for tool in request.tools:
        if isinstance(tool, ToolSpec):
            schema = json.dumps(tool.parameters, ensure_ascii=False)
            lines.append(f"- {tool.name}: {tool.description or ''} Arguments: {schema}")
            lines += [
                f"  Example: {example.situation}: "
                + json.dumps({"tool": tool.name, "arguments": example.arguments}, ensure_ascii=False)
                for example in tool.examples
            ]
    form = 'To call one, answer with nothing but {"tool": <name>, "arguments": <object>}. One call at a time.'
    match request.tool_choice:
        case "none":
            form = "Do not use them now."
        case "required":
            form += " You must call one now."
        case tuple(names):
            form += f" You must call one of these now: {', '.join(names)}."
        case _:
            form += " If you need none, answer in words."
    return "\n".join([*lines, form])


def with_calls_as_text(request: Request) -> Request:
    """Return the request without tools, its calls and results told in words."""
    messages = tuple(_told(message) for message in request.messages)
    return request.model_copy(update={"messages": messages, "tool_choice": None, "parallel_tools": None})


def _told(message: Message) -> Message:
    if not any(isinstance(part, ToolCall | ToolResult) for part in message.parts):
        return message
    parts = tuple(_told_part(part) for part in message.parts)
    role = "user" if message.role == "tool" else message.role
    return message.model_copy(update={"parts": parts, "role": role})


def _told_part(part: Part) -> Part:
    match part:
        case ToolCall(executed_by="client"):
            return Text(text=f'{{"tool": {json.dumps(part.name)}, "arguments": {part.args_json}}}')
        case ToolResult(executed_by="client"):
            return Text(text=f"Result of the tool ({part.outcome}): {part.text}")
        case _:
            return part


def called(text: str, tools: frozenset[str]) -> tuple[str, str] | None:
    """Return name and arguments of the call that a reply is; None if it is an answer in words."""
    held = _object(text)
    if held is None or not isinstance(name := held.get("tool"), str) or name not in tools:
        return None
    return name, json.dumps(held.get("arguments") or {}, ensure_ascii=False)


def unfenced(text: str) -> str:
    """Return a reply without the code fence that some models put around JSON."""
    stripped = text.strip()
    if not (stripped.startswith("```") and stripped.endswith("```")):
        return text
    return stripped.removeprefix("```").removesuffix("```").removeprefix("json").strip()


def _object(text: str) -> dict[str, Any] | None:
    try:
        held = json.loads(unfenced(text))
    except ValueError:
        return None
    return held if isinstance(held, dict) else None
