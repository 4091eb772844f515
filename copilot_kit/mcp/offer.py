"""What a server says that it offers, with names that every model takes and texts that hide nothing."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from copilot_kit.display import escaped

MAX_TOOLS = 1_000
"""Most tools that are taken of one server."""
_LONGEST_NAME = 64
_LONGEST_DESCRIPTION = 4_000
_ODD = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool as its server describes it."""

    name: str
    description: str
    schema: Mapping[str, Any]
    reads_only: bool
    """Its annotations say that it changes nothing; by itself that is worth nothing."""
    digest: str
    """Over its name, description, schema and annotations, and over which server it is."""


def offered(listed: Mapping[str, Any], server: Mapping[str, str | None]) -> Offered:
    """Return the tool from its entry in the server's list, as the protocol writes it."""
    told = {key: listed.get(key) for key in ("name", "title", "description", "inputSchema", "annotations")}
    text = json.dumps([told, dict(server)], sort_keys=True)
    annotations = listed.get("annotations") or {}
    return Offered(
        name=str(listed["name"]),
        description=_readable(listed.get("description") or listed.get("title") or "", _LONGEST_DESCRIPTION),
        schema=_readable_schema(listed.get("inputSchema") or {}),
        reads_only=annotations.get("readOnlyHint") is True and annotations.get("destructiveHint") is not True,
        digest="sha256:" + hashlib.sha256(text.encode()).hexdigest(),
    )


def clean_names(names: Iterable[str], prefix: str) -> dict[str, str]:
    """Return for each name of the server one that every provider takes; no two are the same.

    A name that had to be changed into one that is taken, or that is too long, ends in a digest of what it was.
    """
    cleaned: dict[str, str] = {}
    plain = {name: _joined(prefix, name) for name in names}
    for name, wanted in plain.items():
        twins = [other for other, same in plain.items() if same == wanted and other != name]
        exact = wanted == (f"{prefix}_{name}" if prefix else name)
        alone = not twins or (exact and len(wanted) <= _LONGEST_NAME)
        cleaned[name] = wanted if alone and len(wanted) <= _LONGEST_NAME else _marked(wanted, name)
    return cleaned


def _joined(prefix: str, name: str) -> str:
    joined = _ODD.sub("_", f"{prefix}_{name}" if prefix else name)
    return joined if joined[:1].isalpha() or joined[:1] == "_" else f"_{joined}"


def _marked(wanted: str, name: str) -> str:
    mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{wanted[: _LONGEST_NAME - 9]}_{mark}"


def _readable_schema(schema: Any) -> Any:
    """Return the schema with its texts readable: a model reads them, and a person could not see what they hide."""
    match schema:
        case dict():
            return {
                key: _readable(value, _LONGEST_DESCRIPTION)
                if key in ("description", "title", "$comment") and isinstance(value, str)
                else _readable_schema(value)
                for key, value in schema.items()
            }
        case list():
            return [_readable_schema(item) for item in schema]
        case _:
            return schema


def _readable(text: str, limit: int) -> str:
    shown = "\n".join(escaped(line) for line in text[:limit].splitlines())
    return shown if len(text) <= limit else f"{shown} [cut: {len(text) - limit} more characters]"
