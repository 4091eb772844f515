"""JSON as bytes, in both directions; reading forgives what only a strict reader minds."""

import json
from typing import Any

from pydantic_core import from_json, to_json

Json = dict[str, Any]


def dumped(value: object) -> bytes:
    """Return compact UTF-8 JSON; keys stay in their order."""
    return to_json(value)


def loaded(data: bytes | str) -> Any:
    """Return the value of JSON text. Half a surrogate pair, which some servers write, becomes a question mark.

    Raises ValueError if it is no JSON.
    """
    try:
        return from_json(data, allow_inf_nan=False)
    except ValueError:
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
        value = json.loads(text)
        return from_json(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"), allow_inf_nan=False)


def is_object(text: str) -> bool:
    """Tell whether a text is one JSON object."""
    try:
        return isinstance(from_json(text, allow_inf_nan=False), dict)
    except ValueError:
        return False
