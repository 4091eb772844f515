"""A tool call as a form that the grammar holds the model to: first the tool's name, then its arguments.

{"action": "refund", "order": "HP-1042", "reason": "damaged"}
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from copilot_kit.arguments import compact
from copilot_kit.errors import InvalidRequest
from copilot_kit.request import ToolSpec
from copilot_kit_local.situation import Refused

_NAME_KEYS = ("action", "tool", "function_name", "copilot_kit_tool")


def name_key(tools: Sequence[ToolSpec]) -> str:
    """Return the key that holds the tool's name: one that is no argument of any tool."""
    taken = {name for tool in tools for name in _properties(tool)}
    return next(key for key in _NAME_KEYS if key not in taken)


def form_of(tools: Sequence[ToolSpec], key: str) -> dict[str, Any]:
    """Return the JSON schema of one call of one of these tools."""
    forms = [_form(tool, key) for tool in tools]
    return {"anyOf": forms} if len(forms) > 1 else forms[0]


def written(tool: ToolSpec, arguments: Mapping[str, JsonValue], key: str) -> str:
    """Return a call in the form, its arguments in the order in which the grammar asks for them."""
    ordered = {name: arguments[name] for name in _properties(tool) if name in arguments}
    return json.dumps({key: tool.name, **ordered}, ensure_ascii=False)


def read(text: str, key: str) -> tuple[str, str] | None:
    """Return name and arguments of the call that was written, None if it was cut off."""
    try:
        held = json.loads(text)
        return held.pop(key), json.dumps(held, ensure_ascii=False)
    except (ValueError, KeyError, AttributeError):
        return None


def without(tools: Sequence[ToolSpec], refused: Refused) -> tuple[ToolSpec, ...]:
    """Return the tools so that this call cannot be made again: one value the fewer, or the tool left out."""
    narrowed: list[ToolSpec] = []
    for tool in tools:
        if tool.name != refused.name:
            narrowed.append(tool)
        elif (smaller := _smaller(tool, _held(refused.args_json))) is not None:
            narrowed.append(smaller)
    return tuple(narrowed)


def same_call(name: str, args_json: str, refused: Refused) -> bool:
    """Tell whether this is the refused call again."""
    if name != refused.name:
        return False
    return compact(_held(args_json)) == compact(_held(refused.args_json))


def _held(args_json: str) -> dict[str, Any]:
    """Return arguments as data; those that another model broke are none."""
    try:
        held = json.loads(args_json)
    except ValueError:
        return {}
    return held if isinstance(held, dict) else {}


def _smaller(tool: ToolSpec, arguments: Mapping[str, Any]) -> ToolSpec | None:
    for name, schema in _properties(tool).items():
        values = schema.get("enum", ())
        left = [value for value in values if value != arguments.get(name)]
        if left and len(left) < len(values):
            properties = {**_properties(tool), name: {**schema, "enum": left}}
            return tool.model_copy(update={"parameters": {**tool.parameters, "properties": properties}})
    return None


def _properties(tool: ToolSpec) -> dict[str, Any]:
    held = tool.parameters.get("properties")
    return held if isinstance(held, dict) else {}


def _form(tool: ToolSpec, key: str) -> dict[str, Any]:
    definitions = tool.parameters.get("$defs")
    known = definitions if isinstance(definitions, dict) else {}
    properties = {name: _resolved(schema, known, tool.name) for name, schema in _properties(tool).items()}
    required = tool.parameters.get("required")
    return {
        "type": "object",
        "properties": {key: {"const": tool.name}, **properties},
        "required": [key, *(required if isinstance(required, list) else ())],
        "additionalProperties": False,
    }


def _resolved(schema: Any, definitions: Mapping[str, Any], name: str, above: tuple[str, ...] = ()) -> Any:
    """Return the schema with its references replaced: several tools share one form, their definitions may not clash."""
    if isinstance(schema, list):
        return [_resolved(one, definitions, name, above) for one in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return {word: _resolved(one, definitions, name, above) for word, one in schema.items()}
    wanted = reference.rpartition("/")[2]
    if wanted in above or wanted not in definitions:
        raise InvalidRequest(
            f"Tool {name!r} has a schema that refers to {reference!r}, which a grammar cannot hold. "
            "Write the arguments without recursion.",
            param="tools",
        )
    return _resolved(definitions[wanted], definitions, name, (*above, wanted))
