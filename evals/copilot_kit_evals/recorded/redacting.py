"""What may be kept of a conversation and of a call's arguments: keys and tokens go, and what a hook takes out.

The format's own words (kinds, ids, roles, times, the names of tools and of their arguments) stay as they are, so that
a hook may do with a text what it likes. Bytes of files are kept or not as a whole: no hook can look into them.
"""

import json
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from pydantic import JsonValue

from copilot_kit.errors import UsageError
from copilot_kit.messages import Message
from copilot_kit.redaction import without_secrets

Redact: TypeAlias = Callable[[str], str]
"""Called with every text before it is kept; returns what may be."""
_OPAQUE: Final = frozenset({"reasoning", "foreign"})
_FORM: Final = frozenset({
    "type", "role", "id", "call_id", "at", "executed_by", "media_type", "cache", "form", "replaces", "outcome", "kind",
    "origin", "model", "prefix_digest", "data",
})  # fmt: skip
"""Fields of messages and parts that hold no words of anybody."""


def told(message: Message) -> dict[str, Any]:
    """Return a message as JSON, without what its application noted at it: that is sent to nobody."""
    return {name: one for name, one in message.model_dump(mode="json").items() if name != "meta"}


def kept_message(message: dict[str, Any], redact: Redact | None) -> dict[str, Any]:
    """Return what may be kept of a message as JSON; one that was changed loses what is sealed or only its origin's."""
    bare = without_secrets(message)
    clean = {**bare, "parts": [_part(one, redact) for one in bare["parts"]]}
    if "wire" in bare:
        clean["wire"] = _walked(bare["wire"], redact)
    if clean == message:
        return message
    return {name: _unsealed(one) for name, one in clean.items()}


def kept_arguments(arguments: dict[str, JsonValue], redact: Redact | None) -> dict[str, JsonValue]:
    """Return what may be kept of a call's arguments; their names stay."""
    clean: dict[str, JsonValue] = without_secrets(arguments)
    return clean if redact is None else {name: _value(one, redact) for name, one in clean.items()}


def kept_text(text: str, redact: Redact | None) -> str:
    """Return what may be kept of a text; raises `UsageError` where the hook breaks or gives something else."""
    return _hooked(without_secrets(text), redact)


def _hooked(text: str, redact: Redact | None) -> str:
    if redact is None:
        return text
    try:
        kept = redact(text)
    except Exception as error:  # whatever a hook raises: nothing is kept that it did not see
        raise UsageError(
            f"The --redact function raised {type(error).__name__}: {error}. It must take any text; nothing was written."
        ) from error
    if not isinstance(kept, str):
        raise UsageError(
            f"The --redact function returned {type(kept).__name__}, not a text. Return what may be kept, '' for "
            "nothing; nothing was written."
        )
    return kept


def _part(part: dict[str, Any], redact: Redact | None) -> dict[str, Any]:
    clean = {}
    for name, one in part.items():
        if name in _FORM or (name == "name" and part["type"] == "tool_call"):
            clean[name] = one
        elif name == "args_json":
            clean[name] = _json_text(one, redact)
        elif name == "content" and isinstance(one, list):
            clean[name] = [_content(inner, redact) for inner in one]
        else:
            clean[name] = _walked(one, redact)
    return clean


def _content(part: dict[str, Any], redact: Redact | None) -> dict[str, Any]:
    """Return a part of a tool's result; its text may be JSON, in which keys are known by their names."""
    clean = _part(part, redact)
    return {**clean, "text": _json_text(part["text"], redact)} if isinstance(part.get("text"), str) else clean


def _json_text(text: str, redact: Redact | None) -> str:
    """Return what may be kept of a text that may be JSON; it stays as it was written where nothing goes."""
    if not text.lstrip().startswith(("{", "[")):
        return _hooked(text, redact)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _hooked(text, redact)
    clean = without_secrets(value)
    if redact is not None:
        clean = ({name: _value(one, redact) for name, one in clean.items()}
                 if isinstance(clean, dict) else _value(clean, redact))  # fmt: skip
    return text if clean == value else json.dumps(clean, ensure_ascii=False)


def _value(value: Any, redact: Redact) -> Any:
    """Return a value of an argument; names within it may be data, too."""
    match value:
        case str():
            return _hooked(value, redact)
        case list():
            return [_value(one, redact) for one in value]
        case dict():
            return {_hooked(name, redact): _value(one, redact) for name, one in value.items()}
        case _:
            return value


def _walked(value: Any, redact: Redact | None) -> Any:
    match value:
        case str():
            return _hooked(value, redact)
        case list():
            return [_walked(one, redact) for one in value]
        case dict():
            return {name: one if name in _FORM else _walked(one, redact) for name, one in value.items()}
        case _:
            return value


def _unsealed(value: Any) -> Any:
    """Return a value without sealed parts and without what only an origin understands, which may repeat the words."""
    match value:
        case list():
            return [_unsealed(one) for one in value if not (isinstance(one, dict) and one.get("type") in _OPAQUE)]
        case dict():
            sealed = ("opaque", "prefix_digest") if "origin" in value else ()
            return {name: _unsealed(one) for name, one in value.items() if name not in sealed}
        case _:
            return value
