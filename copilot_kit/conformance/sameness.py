"""Tells whether two request bodies mean the same to a provider, and where they do not.

The same are: a string and a list with one text part; absent and null; keys in any
order; a call's arguments as text or parsed; `stream: false` and no `stream`. Everything else that a recorded body holds
must come out again, and nothing else may be there.
"""

import json
from typing import Any

_TEXT_KEYS = {"content", "system", "output"}
_VERBATIM_KEYS = {"parameters", "schema", "input_schema", "input"}
"""Objects under these are the application's own: a null in them is a null."""
_MAY_ADD = {("stream_options",)}
"""Places that an encoder may fill of its own: usage in a stream costs nothing and changes no answer."""


def normal(body: Any, api: str) -> Any:
    """Return the body in the one form that all bodies of the same meaning share."""
    return _normal(body, api, "")


def _normal(value: Any, api: str, key: str) -> Any:
    match value:
        case dict() if key in _VERBATIM_KEYS:
            return value
        case dict():
            return _normal_object(value, api)
        case list():
            return [_normal(item, api, "") for item in value]
        case _:
            return value


def _normal_object(value: dict[str, Any], api: str) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, inner in value.items():
        if inner is None or (key == "stream" and inner is False):
            continue
        if key == "arguments":
            kept[key] = _arguments(inner)
        elif key in _TEXT_KEYS and isinstance(inner, str):
            if inner or not value.get("tool_calls"):
                kept[key] = [{"type": _text_type(value, api), "text": inner}]
        elif key == "input" and isinstance(inner, str) and api == "responses" and "model" in value:
            kept[key] = [{"role": "user", "content": [{"type": "input_text", "text": inner}]}]
        else:
            kept[key] = _normal(inner, api, key)
    if api == "responses" and kept.get("type") == "message":
        del kept["type"]  # an item with a role is a message
    if api == "chat" and kept.get("strict") is False:
        del kept["strict"]  # the server's own default
    return kept


def _text_type(owner: dict[str, Any], api: str) -> str:
    if api != "responses":
        return "text"
    return "output_text" if owner.get("role") == "assistant" else "input_text"


def _arguments(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not value.strip():
        return {}
    try:
        return json.loads(value)
    except ValueError:
        return value


def differences(recorded: Any, sent: Any, *, more_is_fine: bool = False) -> list[str]:
    """Return the places where what was sent is not what was recorded, each as one line; both in normal form.

    more_is_fine: keys that only the sent one has are no difference.
    """
    return list(_differences(recorded, sent, (), more_is_fine))


def _differences(recorded: Any, sent: Any, place: tuple[str, ...], more: bool) -> list[str]:  # noqa: FBT001
    if isinstance(recorded, dict) and isinstance(sent, dict):
        lines = []
        for key in sorted({*recorded, *sent}):
            inner = (*place, str(key))
            if key not in sent:
                lines.append(f"{_dotted(inner)}: recorded {_short(recorded[key])}, not sent")
            elif key in recorded:
                lines += _differences(recorded[key], sent[key], inner, more)
            elif not more and inner not in _MAY_ADD:
                lines.append(f"{_dotted(inner)}: not recorded, sent {_short(sent[key])}")
        return lines
    if isinstance(recorded, list) and isinstance(sent, list) and len(recorded) == len(sent):
        pairs = enumerate(zip(recorded, sent, strict=True))
        return [line for n, (a, b) in pairs for line in _differences(a, b, (*place, str(n)), more)]
    if _same(recorded, sent):
        return []
    return [f"{_dotted(place)}: recorded {_short(recorded)}, sent {_short(sent)}"]


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    return bool(a == b)


def _dotted(place: tuple[str, ...]) -> str:
    return ".".join(place) or "body"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:80]} … {text[-30:]} ({len(text)} characters)"  # noqa: PLR2004
