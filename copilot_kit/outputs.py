"""What a tool call came to, as content that a model reads."""

import os
import re
from dataclasses import dataclass
from typing import Any, Literal

import pydantic_core

from copilot_kit.errors import CopilotError
from copilot_kit.messages import File, Foreign, ResultContent, Text

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
_SHORTEST_SECRET = 8
_LONGEST_ERROR = 2_000


class ToolError(CopilotError):
    """Raised by a tool: the call failed, and the text is written for the model to read."""


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """What came of a call. `unknown`: it may or may not have had its effect."""

    content: tuple[ResultContent, ...]
    outcome: Literal["ok", "error", "unknown"] = "ok"


def unsettled(text: str) -> ToolOutput:
    """Return an output that says that nobody knows whether the effect happened."""
    return ToolOutput(content=(Text(text=text),), outcome="unknown")


def unreadable(text: str) -> ToolOutput:
    """Return the output of a call that was made and whose result cannot be told; not an error: it would be repeated."""
    return ToolOutput(content=failed(text).content)


def words_of(error: BaseException) -> str:
    """Return the error's name and its words, if it has any that can be had."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001  an error in telling an error
        return type(error).__name__


def failed(text: str) -> ToolOutput:
    """Return an error that the model reads: without secrets, and cut where it is long."""
    text = _without_secrets(text)
    if len(text) > _LONGEST_ERROR:
        text = f"{text[:_LONGEST_ERROR]} [cut: {len(text) - _LONGEST_ERROR} more characters]"
    return ToolOutput(content=(Text(text=_encodable(text)),), outcome="error")


def _without_secrets(text: str) -> str:
    """Return the text without the values of environment variables that are named like secrets."""
    for name, value in os.environ.items():
        if len(value) >= _SHORTEST_SECRET and _SECRET_NAME.search(name) and value in text:
            text = text.replace(value, f"[{name}]")
    return text


def output_of(value: Any) -> ToolOutput:
    """Return what a tool returned as content: text as it is, parts as they are, anything else as JSON."""
    match value:
        case ToolOutput(content):
            if not all(isinstance(part, Text | File | Foreign) for part in content):
                raise TypeError("content of a ToolOutput must be Text, File or Foreign")
            return ToolOutput(content=tuple(map(_clean, content)), outcome=value.outcome)
        case str():
            return ToolOutput(content=(Text(text=_encodable(value)),))
        case Text() | File() | Foreign():
            return ToolOutput(content=(_clean(value),))
        case [Text() | File() | Foreign(), *_] if all(isinstance(part, Text | File | Foreign) for part in value):
            return ToolOutput(content=tuple(map(_clean, value)))
        case _:
            return ToolOutput(content=(Text(text=_json(value)),))


def _json(value: Any) -> str:
    return pydantic_core.to_json(value, inf_nan_mode="constants", bytes_mode="base64", fallback=str).decode()


def _clean(part: ResultContent) -> ResultContent:
    if not isinstance(part, Text) or part.text.isascii():
        return part
    text = _encodable(part.text)
    return part if text == part.text else part.model_copy(update={"text": text})


def _encodable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def cut(output: ToolOutput, limit: int) -> ToolOutput:
    """Return the output with at most `limit` characters of text, and a note of what is missing."""
    length = sum(len(part.text) for part in output.content if isinstance(part, Text))
    if length <= limit:
        return output
    left, kept = limit, list[ResultContent]()
    for part in output.content:
        if isinstance(part, Text):
            kept += [part.model_copy(update={"text": part.text[:left]})] if left else []
            left -= min(left, len(part.text))
        else:
            kept.append(part)
    note = f"\n[Cut here: {length - limit} of {length} characters are missing. Ask for less, or for a part.]"
    return ToolOutput(content=(*kept, Text(text=note)), outcome=output.outcome)
