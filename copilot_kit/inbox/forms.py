"""The edit form of a call: fields from the tool's JSON schema, or from the values that are there, and back again."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import quote, unquote

from pydantic import JsonValue

from copilot_kit.arguments import Unreadable, compact, parse
from copilot_kit.errors import UsageError
from copilot_kit.inbox.marking import is_plain, json_shown
from copilot_kit.inbox.values import pointer

Kind: TypeAlias = Literal["text", "number", "choice", "json"]
_NUMBER: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_PREFIX: Final = "at:"


@dataclass(frozen=True, slots=True)
class Field:
    """One input of the form."""

    name: str
    """Of the input: `at:/order`."""
    label: str
    kind: Kind
    value: str
    help: str = ""
    choices: tuple[str, ...] = ()
    """For a choice: each as JSON."""
    absent: bool = False
    """The call does not have it; left empty, it stays so."""


def fields_of(arguments: Mapping[str, JsonValue], schema: Mapping[str, Any] | None = None) -> tuple[Field, ...]:
    """Return the inputs for these arguments; with the tool's schema also for those that they leave out."""
    properties: Mapping[str, Any] = {} if schema is None else schema.get("properties", {})
    definitions: Mapping[str, Any] = {} if schema is None else schema.get("$defs", {})
    there = [_field(name, value, _resolved(properties.get(name), definitions)) for name, value in arguments.items()]
    left_out = [name for name in properties if name not in arguments]
    return (*there, *(_absent(name, _resolved(properties[name], definitions)) for name in left_out))


def arguments_in(form: Mapping[str, str], before: Mapping[str, JsonValue], schema: Mapping[str, Any] | None) -> str:
    """Return the arguments of a filled form as canonical JSON; raises `UsageError` where one cannot be read."""
    made: dict[str, JsonValue] = {}
    for field in fields_of(before, schema):
        given = form.get(field.name)
        if given is None or (field.absent and not given.strip()):
            if not field.absent:
                raise UsageError(f"The form lacks {field.label!r}. Open the card again and repeat the edit.")
            continue
        made[_member(field.name)] = _read(field, given.replace("\r\n", "\n"))
    return compact(made)


def canonical(text: str) -> str:
    """Return raw JSON that a person wrote in its canonical form; raises `UsageError` if it is no object."""
    try:
        return compact(parse(text))
    except Unreadable as error:
        raise UsageError(f"The arguments cannot be read: {error} Nothing was decided.") from error


def _field(name: str, value: JsonValue, schema: Mapping[str, Any]) -> Field:
    label, help_text = name, _words(schema)
    at = _input(name)
    choices = schema.get("enum")
    if isinstance(choices, list) and value in choices:
        return Field(at, label, "choice", json_shown(value), help_text, tuple(map(json_shown, choices)))
    match value:
        case bool() if schema.get("type", "boolean") == "boolean":
            return Field(at, label, "choice", json.dumps(value), help_text, ("true", "false"))
        case int() | float() if not isinstance(value, bool) and schema.get("type", "number") in {"number", "integer"}:
            return Field(at, label, "number", json.dumps(value), help_text)
        case str() if is_plain(value) and schema.get("type", "string") == "string":
            return Field(at, label, "text", value, help_text)
        case _:
            return Field(at, label, "json", json_shown(value), help_text)


def _absent(name: str, schema: Mapping[str, Any]) -> Field:
    kind: Kind = {"string": "text", "number": "number", "integer": "number"}.get(str(schema.get("type")), "json")  # type: ignore[assignment]
    return Field(_input(name), name, kind, "", _words(schema), absent=True)


def _read(field: Field, given: str) -> JsonValue:
    match field.kind:
        case "text":
            return given
        case "number":
            if _NUMBER.fullmatch(given.strip()) is None:
                raise UsageError(f"{field.label!r} is {given!r}, not a number. Write it as 12.5. Nothing was decided.")
            return _json(field, given.strip())
        case "choice" | "json":
            return _json(field, given)


def _json(field: Field, text: str) -> JsonValue:
    try:
        held: dict[str, JsonValue] = parse(f'{{"value":{text}}}')
    except Unreadable as error:
        raise UsageError(f"{field.label!r} cannot be read as JSON: {error} Nothing was decided.") from error
    if list(held) != ["value"]:
        raise UsageError(f"{field.label!r} is {text!r}, more than one JSON value. Write one. Nothing was decided.")
    return held["value"]


def _input(name: str) -> str:
    return f"{_PREFIX}{quote(pointer((name,)), safe='/~')}"


def _member(name: str) -> str:
    return unquote(name.removeprefix(f"{_PREFIX}/")).replace("~1", "/").replace("~0", "~")


def _words(schema: Mapping[str, Any]) -> str:
    return str(schema.get("description") or "")


def _resolved(schema: Any, definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    match schema:
        case {"$ref": str(ref)}:
            found = definitions.get(ref.rsplit("/", 1)[-1], {})
            return {**found, **schema}
        case dict():
            return schema
        case _:
            return {}
