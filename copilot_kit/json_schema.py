"""The signature of a tool that is described by a JSON schema alone: what others wrote, checked without trusting it.

`jsonschema_rs` does the checking (imported when the first such tool is made). It was chosen over `jsonschema` because
its regular expressions take linear time, or stop at a limit of steps where they look around: Python's `re` hangs on
`^(a+)+$`, and a schema is somebody else's text. References lead into the schema itself only, nothing is fetched. How
much work a value is for a schema is counted before it is checked, since alternatives of alternatives double it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from copilot_kit.arguments import compact, parse, place_name
from copilot_kit.errors import MissingExtra, UsageError
from copilot_kit.schema import Filled, Unfit

if TYPE_CHECKING:
    from jsonschema_rs import Validator

MAX_SCHEMA_CHARS = 200_000
"""Longest schema that is taken, written as JSON."""
MAX_STEPS = 200_000
"""Most pairs of a part of the schema and a part of the value that one check may visit; about a tenth of a second."""

_TOLD_STEPS = 4_000  # telling each fault of deep alternatives is far dearer than finding that there is one
_REGEX_BYTES = 1_000_000
_REGEX_STEPS = 20_000
_MOST_WORDS = 200
_EACH_OF = ("allOf", "anyOf", "oneOf")
_SAME_VALUE = ("not", "if", "then", "else")
_EACH_MEMBER = ("additionalProperties", "unevaluatedProperties")
_EACH_ITEM = ("items", "additionalItems", "unevaluatedItems", "contains")
_NAMED = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")


@dataclass(frozen=True, slots=True)
class JsonSignature:
    """The signature that a JSON schema gives; the function is called with one dict, and the context if it takes two."""

    parameters: dict[str, Any]
    validator: "Validator"
    takes_context: bool
    defaults: dict[str, Any] = field(default_factory=dict)
    """What the schema says of arguments that are left out."""

    def written(self, raw: dict[str, Any]) -> tuple[Any, str]:
        """Return checked arguments, with the declared defaults where those fit too, and their canonical text."""
        full = {**self.defaults, **raw}
        checked = full if len(full) > len(raw) and self._fits(full) else raw
        if checked is raw:
            self._check(raw)
        return checked, compact(checked)

    def filled(self, canonical: str, context: Any) -> Filled:
        """Return the arguments as one dict, with the context if the function takes it."""
        arguments = self.named(canonical)
        return ((arguments, context) if self.takes_context else (arguments,)), {}

    def named(self, canonical: str) -> dict[str, Any]:
        """Return the arguments by name."""
        try:
            arguments = parse(canonical)
        except ValueError as error:
            raise Unfit([str(error)]) from error
        self._check(arguments)
        return arguments

    def _fits(self, arguments: dict[str, Any]) -> bool:
        return steps(self.parameters, arguments) <= MAX_STEPS and self.validator.is_valid(arguments)

    def _check(self, arguments: dict[str, Any]) -> None:
        needed = steps(self.parameters, arguments)
        if needed > MAX_STEPS:
            raise Unfit(["they are too large, or too deeply nested, to be checked against the schema"])
        if self.validator.is_valid(arguments):
            return
        if needed > _TOLD_STEPS:
            raise Unfit(["they do not fit the schema"])
        raise Unfit(dict.fromkeys(map(_fault, self.validator.iter_errors(arguments))))


def read_json_schema(parameters: Mapping[str, Any], *, name: str, takes_context: bool = False) -> JsonSignature:
    """Return the signature; raises UsageError for a schema that is not one, leads elsewhere, or is too large."""
    try:
        import jsonschema_rs
    except ImportError as error:
        raise MissingExtra("A tool from a JSON schema", "schema") from error
    schema = _own_copy(parameters, name)
    if schema.get("type") != "object":
        raise UsageError(
            f"The schema of tool {name!r} has the type {schema.get('type')!r}; arguments are an object. Write "
            "'type': 'object', with 'properties'."
        )
    _check_references(schema, name)
    patterns = jsonschema_rs.FancyRegexOptions(
        backtrack_limit=_REGEX_STEPS, size_limit=_REGEX_BYTES, dfa_size_limit=_REGEX_BYTES
    )
    try:
        validator = jsonschema_rs.validator_for(schema, pattern_options=patterns, validate_formats=False, offline=True)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        words = str(getattr(error, "message", error))[:_MOST_WORDS]
        raise UsageError(f"The schema of tool {name!r} is no JSON schema that can be checked: {words}. Correct it."
                         ) from error  # fmt: skip
    schema.setdefault("properties", {})
    defaults = {key: inner["default"] for key, inner in schema["properties"].items()
                if isinstance(inner, dict) and "default" in inner}  # fmt: skip
    return JsonSignature(schema, validator, takes_context, defaults)


def steps(schema: Any, value: Any) -> int:
    """Return how many pairs of subschema and value a check that never stops early would visit; MAX_STEPS + 1 is more.

    Written with a stack of its own: a schema can refer to itself without end.
    """
    count, pairs = 0, [(schema, value)]
    while pairs and count <= MAX_STEPS:
        count += 1
        part, inner = pairs.pop()
        if isinstance(part, dict):
            try:
                pairs += islice(_followed(schema, part, inner), MAX_STEPS)
            except (TypeError, AttributeError, LookupError, ValueError):  # a reference into what is no schema
                return MAX_STEPS + 1
        if len(pairs) > MAX_STEPS:
            return MAX_STEPS + 1
    return count


def _followed(root: Any, part: dict[str, Any], value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the subschemas that a check goes on to, each with the value that it is held against."""
    for keyword, inner in part.items():
        if keyword == "$ref":
            yield _target(root, inner), value
        elif keyword in _EACH_OF:
            yield from ((option, value) for option in inner)
        elif keyword in _SAME_VALUE:
            yield inner, value
        elif keyword in ("dependentSchemas", "dependencies"):
            yield from ((each, value) for each in inner.values())
        elif isinstance(value, dict):
            yield from _members(keyword, inner, value)
        elif isinstance(value, list):
            yield from _items(keyword, inner, value)


def _members(keyword: str, inner: Any, value: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    if keyword == "properties":
        yield from ((inner[name], member) for name, member in value.items() if name in inner)
    elif keyword == "patternProperties":
        yield from ((each, member) for each in inner.values() for member in value.values())
    elif keyword in _EACH_MEMBER:
        yield from ((inner, member) for member in value.values())
    elif keyword == "propertyNames":
        yield from ((inner, name) for name in value)


def _items(keyword: str, inner: Any, value: list[Any]) -> Iterator[tuple[Any, Any]]:
    if keyword == "prefixItems" or (keyword == "items" and isinstance(inner, list)):
        yield from zip(inner, value, strict=False)
    elif keyword in _EACH_ITEM:
        yield from ((inner, item) for item in value)


def _own_copy(parameters: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the schema as data of our own, so that nobody changes it later."""
    try:
        text = json.dumps(dict(parameters), allow_nan=False)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"The schema of tool {name!r} cannot be written as JSON: {error}. Correct it.") from error
    if len(text) > MAX_SCHEMA_CHARS:
        raise UsageError(
            f"The schema of tool {name!r} has {len(text)} characters; at most {MAX_SCHEMA_CHARS} are taken. "
            "Describe less, or split the tool."
        )
    try:
        return parse(text)
    except ValueError as error:
        raise UsageError(f"The schema of tool {name!r} cannot be taken: {error}") from error


def _check_references(schema: dict[str, Any], name: str) -> None:
    """Raise UsageError where a reference leads out of the schema, or nowhere."""
    for part in _parts(schema):
        if part is not schema and "$id" in part:
            raise _elsewhere(name, part["$id"])
        for keyword in ("$dynamicRef", "$recursiveRef"):
            if keyword in part:
                raise _elsewhere(name, part[keyword])
        if "$ref" in part:
            try:
                _target(schema, part["$ref"])
            except (KeyError, IndexError, ValueError, TypeError) as error:
                raise _elsewhere(name, part["$ref"]) from error


def _elsewhere(name: str, reference: Any) -> UsageError:
    shown = str(reference)[:_MOST_WORDS]
    return UsageError(
        f"The schema of tool {name!r} refers to {shown!r}, which is not a part of it; nothing is fetched. "
        "Put it under '$defs' and refer to '#/$defs/NAME'."
    )


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield every subschema once, wherever the schema says one stands; it is not nested deeper than `parse` takes."""
    if not isinstance(schema, dict):
        return
    yield schema
    for keyword, inner in schema.items():
        if keyword in _NAMED or keyword == "dependencies":
            children = list(inner.values()) if isinstance(inner, dict) else []
        elif keyword in _EACH_OF or keyword == "prefixItems":
            children = inner if isinstance(inner, list) else []
        elif keyword in (*_SAME_VALUE, *_EACH_MEMBER, *_EACH_ITEM, "propertyNames"):
            children = inner if isinstance(inner, list) else [inner]
        else:
            children = []
        for child in children:
            yield from _parts(child)


def _target(root: Any, reference: Any) -> Any:
    """Return the part of the schema that a JSON pointer names."""
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        raise ValueError(reference)
    part = root
    for step in reference[2:].split("/") if len(reference) > 1 else []:
        key = step.replace("~1", "/").replace("~0", "~")
        part = part[int(key)] if isinstance(part, list) else part[key]
    return part


def _fault(error: Any) -> str:
    place = place_name(tuple(error.instance_path))
    match error.kind.as_dict():
        case {"property": str(missing)} if error.kind.name == "required":
            return f"{place_name((*error.instance_path, missing))} is missing"
        case {"unexpected": list(names)}:
            return "; ".join(f"{place_name((*error.instance_path, one))} is not an argument" for one in names)
        case _:
            words = error.message
            words = words if len(words) <= _MOST_WORDS else f"{words[:_MOST_WORDS]}… ({len(words)} characters)"
            return f"{place or 'the arguments'}: {words}"
