"""The JSON schema and the validator of a function's arguments, read from its signature, hints and docstring."""

import dataclasses
import inspect
import json
import re
import typing
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo

from copilot_kit.errors import UsageError

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_SECTION = re.compile(
    r"^(?P<indent>[ \t]*)(?P<name>Args|Arguments|Parameters|Returns?|Raises|Yields|Examples?|Notes?):[ \t]*$",
    re.MULTILINE,
)
_ENTRY = re.compile(r"^\*{0,2}(?P<name>\w+)[ \t]*(?:\([^)]*\))?[ \t]*:[ \t]*(?P<text>.*)$")
_FIELD_LIST = re.compile(r"^[ \t]*:(?:param|parameter|arg)[ \t]+(?:[\w\[\], .|]+[ \t]+)?(?P<name>\w+):", re.MULTILINE)


@dataclasses.dataclass(frozen=True, slots=True)
class Signature:
    """What the arguments of a function must be."""

    adapter: TypeAdapter[Any]
    parameters: dict[str, Any]
    """JSON schema, an object."""
    injected: str | None
    """The parameter that the application fills in; the model does not see it."""


def check_parameters(function: Callable[..., Any], name: str) -> None:
    """Raise UsageError where the function cannot be called with named JSON arguments."""
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in _BY_NAME:
            raise UsageError(
                f"Tool {name!r} takes {str(parameter)!r}, which a model cannot name. "
                "Give each argument a name and a type of its own."
            )
        if parameter.annotation is inspect.Parameter.empty:
            hint = " For a method, wrap the bound one: tool(thing.method)." if parameter.name == "self" else ""
            raise UsageError(
                f"Argument {parameter.name!r} of tool {name!r} has no type. "
                f"Write one, as in '{parameter.name}: str'; the model is told of it.{hint}"
            )


def read_signature(
    function: Callable[..., Any], *, name: str, inject: type, local_names: Mapping[str, Any] | None = None
) -> Signature:
    """Return the schema and the validator; `inject` is the type of the parameter that the model does not see."""
    try:
        hints = typing.get_type_hints(function, localns=dict(local_names or {}), include_extras=True)
    except NameError as error:
        raise UsageError(
            f"The types of tool {name!r} cannot be read: {error}. Define or import them before the first call."
        ) from error
    _, described = read_docstring(inspect.getdoc(function))
    fields: list[tuple[str, Any, Any]] = []
    injected = None
    for parameter in inspect.signature(function).parameters.values():
        hint = hints[parameter.name]
        if hint is inject:
            injected = parameter.name
        else:
            fields.append(_field(parameter, hint, described.get(parameter.name)))
    try:
        adapter = _adapter(fields)
        parameters = _tidy(adapter.json_schema())
    except PydanticUserError as error:
        raise UsageError(
            f"The arguments of tool {name!r} have no JSON schema: {str(error).splitlines()[0]} "
            "Use types that JSON can carry: str, int, float, bool, list, dict, Literal, or a pydantic model."
        ) from error
    if '"writeOnly": true' in json.dumps(parameters):
        raise UsageError(
            f"Tool {name!r} takes a secret as an argument, which a model would have to know. "
            "Take it from ToolContext.deps, or from the application."
        )
    parameters.setdefault("properties", {})
    return Signature(adapter=adapter, parameters=parameters, injected=injected)


def read_docstring(text: str | None) -> tuple[str | None, dict[str, str]]:
    """Return the description, and what the docstring says of each argument (Google's or Sphinx's way)."""
    if not text:
        return None, {}
    section = _SECTION.search(text)
    field_list = _FIELD_LIST.search(text)
    starts = [mark.start() for mark in (section, field_list) if mark is not None]
    description = text[: min(starts)].strip() if starts else text.strip()
    described = _field_list(text)
    for mark in _SECTION.finditer(text):
        if mark["name"] in ("Args", "Arguments", "Parameters"):
            described |= _entries(text[mark.end() :], len(mark["indent"]))
    return description or None, described


def _entries(text: str, indent: int) -> dict[str, str]:
    found: dict[str, str] = {}
    name, level = "", 0
    for line in text.splitlines():
        words = line.strip()
        depth = len(line) - len(line.lstrip())
        if not words:
            continue
        if depth <= indent:
            break
        entry = _ENTRY.match(words)
        if entry is not None and (not name or depth <= level):
            name, level = entry["name"], depth
            found[name] = entry["text"]
        elif name:
            found[name] = f"{found[name]} {words}".strip()
    return found


def _field_list(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for mark in _FIELD_LIST.finditer(text):
        rest = re.split(r"^[ \t]*:|^[ \t]*$", text[mark.end() :], maxsplit=1, flags=re.MULTILINE)[0]
        found[mark["name"]] = " ".join(rest.split())
    return found


def _field(parameter: inspect.Parameter, hint: Any, description: str | None) -> tuple[str, Any, Any]:
    default = parameter.default
    if default is None and type(None) not in typing.get_args(hint):
        hint = hint | None if isinstance(hint, type) else typing.Optional[hint]  # noqa: UP045  aliases and strings too
    text = next((note for note in getattr(hint, "__metadata__", ()) if isinstance(note, str)), description)
    if text is not None and not _is_described(hint):
        hint = Annotated[hint, Field(description=text)]
    if default is inspect.Parameter.empty:
        return parameter.name, hint, dataclasses.field()
    if isinstance(default, list | dict | set):
        return parameter.name, hint, dataclasses.field(default_factory=partial(type(default), default))
    return parameter.name, hint, default


def _is_described(hint: Any) -> bool:
    return any(isinstance(note, FieldInfo) and note.description for note in getattr(hint, "__metadata__", ()))


def _adapter(fields: list[tuple[str, Any, Any]]) -> TypeAdapter[Any]:
    plain = dataclasses.make_dataclass("Arguments", fields, kw_only=True)
    config = ConfigDict(extra="forbid", validate_default=True, coerce_numbers_to_str=True, allow_inf_nan=False)
    return TypeAdapter(pydantic_dataclass(plain, config=config))


def _tidy(schema: Any) -> Any:
    """Return the schema without the titles that pydantic makes of names: tokens that say nothing new."""
    match schema:
        case dict():
            return {key: _tidy_member(key, value) for key, value in schema.items() if key != "title"}
        case list():
            return [_tidy(item) for item in schema]
        case _:
            return schema


def _tidy_member(key: str, value: Any) -> Any:
    if key in ("properties", "$defs", "patternProperties"):
        return {name: _tidy(inner) for name, inner in value.items()}
    return value if key in ("default", "const", "enum", "examples") else _tidy(value)
