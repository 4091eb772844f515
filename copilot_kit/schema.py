"""What the arguments of a tool must be: the schema and the reading of them, from a function's signature and docstring.

A `Signature` may also come from a JSON schema alone: `copilot_kit.json_schema`.
"""

import dataclasses
import inspect
import json
import re
import typing
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Annotated, Any, Protocol, TypeAlias

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo

from copilot_kit.arguments import compact, place_name
from copilot_kit.errors import UsageError

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_SECTION = re.compile(
    r"^(?P<indent>[ \t]*)(?P<name>Args|Arguments|Parameters|Returns?|Raises|Yields|Examples?|Notes?):[ \t]*$",
    re.MULTILINE,
)
_ENTRY = re.compile(r"^\*{0,2}(?P<name>\w+)[ \t]*(?:\([^)]*\))?[ \t]*:[ \t]*(?P<text>.*)$")
_FIELD_LIST = re.compile(r"^[ \t]*:(?:param|parameter|arg)[ \t]+(?:[\w\[\], .|]+[ \t]+)?(?P<name>\w+):", re.MULTILINE)


Filled: TypeAlias = tuple[tuple[Any, ...], dict[str, Any]]
"""What a function is called with: by position, and by name."""


class Unfit(ValueError):
    """Arguments are not what the tool takes; `faults` says where and why, each in words for the model."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))


class Signature(Protocol):
    """What the arguments of a tool must be.

    Contract:
    - `parameters` is the JSON schema that the model is shown, an object with `properties`.
    - `written` returns the arguments as JSON data with their defaults, and their canonical text; written again,
      that text is the same text. It raises `Unfit`, and `Unreadable` for what JSON cannot carry.
    - `filled` returns what the function is called with for a canonical text. It raises `Unfit`.
    - `named` returns the same arguments by name, without what the application fills in.
    """

    @property
    def parameters(self) -> dict[str, Any]:
        """JSON schema, an object."""
        ...

    def written(self, raw: dict[str, Any]) -> tuple[Any, str]:
        """Return checked arguments as data and as canonical text."""
        ...

    def filled(self, canonical: str, context: Any) -> Filled:
        """Return what the function is called with."""
        ...

    def named(self, canonical: str) -> dict[str, Any]:
        """Return the arguments by name."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class FunctionSignature:
    """The signature that Python types give."""

    name: str
    adapter: TypeAdapter[Any]
    parameters: dict[str, Any]
    injected: str | None
    """The parameter that the application fills in; the model does not see it."""

    def written(self, raw: dict[str, Any]) -> tuple[Any, str]:
        """Return checked arguments as data and as canonical text."""
        try:
            checked = self._dump(self.adapter.validator.validate_python(raw))
        except ValidationError as error:
            raise Unfit(_faults(error)) from error
        text = compact(checked)
        self._check_stable(text, checked)
        return checked, text

    def filled(self, canonical: str, context: Any) -> Filled:
        """Return what the function is called with."""
        arguments = self.named(canonical)
        return (), arguments if self.injected is None else {**arguments, self.injected: context}

    def named(self, canonical: str) -> dict[str, Any]:
        """Return the arguments by name, as the types that the function wants."""
        try:
            return dict(vars(self.adapter.validator.validate_json(canonical)))
        except ValidationError as error:
            raise Unfit(_faults(error)) from error

    def _check_stable(self, text: str, checked: Any) -> None:
        try:
            again = self._dump(self.adapter.validator.validate_json(text))
        except ValidationError:
            again = None
        if again != checked and compact(again) != text:
            raise UsageError(
                f"The arguments of tool {self.name!r} change when they are written and read again, so that what is "
                "approved would not be what runs. Use types whose JSON form is also their input."
            )

    def _dump(self, arguments: Any) -> Any:
        return self.adapter.serializer.to_python(arguments, mode="json", by_alias=True)


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
) -> FunctionSignature:
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
    return FunctionSignature(name=name, adapter=adapter, parameters=parameters, injected=injected)


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


def type_words(schema: Any) -> str:
    """Return a JSON schema in a few words, as a model reads what an argument takes."""
    match schema:
        case {"enum": list(values)}:
            return " | ".join(json.dumps(value) for value in values)
        case {"const": value}:
            return json.dumps(value)
        case {"anyOf": list(options)}:
            return " | ".join(type_words(option) for option in options)
        case {"type": "array", "items": items}:
            return f"array of {type_words(items)}"
        case {"type": str(kind)}:
            return kind
        case {"type": [*kinds]}:
            return " | ".join(map(str, kinds))
        case {"$ref": str(ref)}:
            return ref.rsplit("/", 1)[-1]
        case _:
            return "any"


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


def _faults(error: ValidationError) -> list[str]:
    found = error.errors(include_url=False, include_context=False)
    return [_fault(place_name(fault["loc"]), fault["type"], fault["msg"], fault["input"]) for fault in found]


def _fault(place: str, kind: str, message: str, given: Any) -> str:
    match kind:
        case "missing" | "missing_argument" | "missing_keyword_only_argument":
            return f"{place} is missing"
        case "unexpected_keyword_argument" | "extra_forbidden":
            return f"{place} is not an argument"
        case _:
            shown = json.dumps(given, ensure_ascii=False, default=str)
            shown = shown if len(shown) <= 80 else f"{shown[:80]}… ({len(shown)} characters)"  # noqa: PLR2004  one line
            return f"{place or 'the arguments'}: {message[:1].lower()}{message[1:]}, not {shown}"
