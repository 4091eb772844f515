"""Schemas that the provider is asked to hold the model to: what it wants of them, and how much of it.

Limits: https://platform.claude.com/docs/en/build-with-claude/structured-outputs; the API refuses more with a 400.
"""

from dataclasses import dataclass
from typing import Any

from copilot_kit_anthropic.json_bytes import Json

MAX_TOOLS = 20
MAX_OPTIONAL = 24
MAX_UNIONS = 16


@dataclass(slots=True)
class Allowance:
    """What one request may still ask for, over all of its strict schemas together."""

    tools: int = MAX_TOOLS
    optional: int = MAX_OPTIONAL
    unions: int = MAX_UNIONS

    def take(self, schema: Json) -> str | None:
        """Count this schema in; returns why it does not fit, or None."""
        cost = _Cost()
        problem = cost.walk(schema)
        if problem is None and schema.get("type") != "object":
            problem = "a strict schema must be of type object"
        if problem is None and _is_recursive(schema):
            problem = "strict schemas must not be recursive"
        if problem is not None:
            return problem
        left = (self.tools - 1, self.optional - cost.optional, self.unions - cost.unions)
        names = (f"{MAX_TOOLS} strict tools", f"{MAX_OPTIONAL} optional parameters", f"{MAX_UNIONS} unions")
        for rest, name in zip(left, names, strict=True):
            if rest < 0:
                return f"a request may have {name} at most"
        self.tools, self.optional, self.unions = left
        return None


@dataclass(slots=True)
class _Cost:
    optional: int = 0
    unions: int = 0

    def walk(self, node: object) -> str | None:
        if isinstance(node, list):
            return next((problem for item in node if (problem := self.walk(item)) is not None), None)
        if not isinstance(node, dict):
            return None
        if "anyOf" in node or isinstance(node.get("type"), list):
            self.unions += 1
        properties = node.get("properties")
        if isinstance(properties, dict):
            required = node.get("required")
            needed = set(required) if isinstance(required, list) else set()
            self.optional += len(set(properties) - needed)
        if node.get("additionalProperties") not in (None, False):
            return "a strict schema must not allow additional properties"
        return self.walk(list(node.values()))


def _is_recursive(schema: Json) -> bool:
    """Tell whether a definition reaches itself."""
    definitions = {f"#/{group}/{name}": body for group in ("$defs", "definitions")
                   for name, body in (schema.get(group) or {}).items()}  # fmt: skip
    links = {name: _references(body) for name, body in definitions.items()}
    links["#"] = _references({k: v for k, v in schema.items() if k not in ("$defs", "definitions")})
    for start, near in links.items():
        seen: set[str] = set()
        ahead = list(near)
        while ahead:
            name = ahead.pop()
            if name == start:
                return True
            if name not in seen:
                seen.add(name)
                ahead.extend(links.get(name, ()))
    return False


def _references(node: object) -> set[str]:
    if isinstance(node, list):
        return set().union(*[_references(item) for item in node])
    if not isinstance(node, dict):
        return set()
    here = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
    return here.union(*[_references(value) for value in node.values()])


def closed(schema: Json) -> Json:
    """Return the schema with `additionalProperties: false` at every object that says nothing about it."""
    copy = {key: _closed(value) for key, value in schema.items()}
    if schema.get("type") == "object" and "additionalProperties" not in schema:
        copy["additionalProperties"] = False
    return copy


def _closed(node: Any) -> Any:
    if isinstance(node, list):
        return [_closed(item) for item in node]
    return closed(node) if isinstance(node, dict) else node
