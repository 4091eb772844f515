"""Tells whether two request bodies mean the same to a provider, and where they do not.

The same are: a string and a list with one text part; absent and null; keys in any
order; a call's arguments as text or parsed; `stream: false` and no `stream`. Everything else that a recorded body holds
must come out again, and nothing else may be there.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

MISSING: Final = object()
_LONG = 120
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


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where what was sent is not what was recorded; MISSING where one side has nothing."""

    place: tuple[str, ...]
    recorded: Any
    sent: Any

    def __str__(self) -> str:
        dotted = ".".join(self.place) or "body"
        if self.sent is MISSING:
            return f"{dotted}: recorded {_short(self.recorded)}, not sent"
        if self.recorded is MISSING:
            return f"{dotted}: not recorded, sent {_short(self.sent)}"
        return f"{dotted}: recorded {_short(self.recorded)}, sent {_short(self.sent)}"


def differences(recorded: Any, sent: Any, *, place: tuple[str, ...] = ()) -> Iterator[Difference]:
    """Yield the places where two bodies in normal form differ."""
    if isinstance(recorded, dict) and isinstance(sent, dict):
        for key in sorted({*recorded, *sent}):
            inner = (*place, str(key))
            if key in recorded or inner not in _MAY_ADD:
                yield from differences(recorded.get(key, MISSING), sent.get(key, MISSING), place=inner)
    elif isinstance(recorded, list) and isinstance(sent, list):
        for number, (a, b) in enumerate(zip_longest(recorded, sent, fillvalue=MISSING)):
            yield from differences(a, b, place=(*place, str(number)))
    elif not _same(recorded, sent):
        yield Difference(place, recorded, sent)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    return bool(a == b)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONG else f"{text[:80]} … {text[-30:]} ({len(text)} characters)"


def said_in(value: Any, body: bytes, *, key: str = "") -> bool:
    """Tell whether a recorded value can have come from this answer.

    Each string of it must be there, whole or pieced together. What has no words (`false`, `0`, `[]`) must stand there
    under the same key, if that is given: clients write fields of their own into a turn, and no model said those.
    """
    documents = list(_documents(body))
    wanted: dict[str, list[str]] = {}
    _collect(value, "", wanted)
    strings = [text for texts in wanted.values() for text in texts]
    if not strings:
        return not key or any(_holds(document, key, value) for document in documents)
    pieces: dict[str, list[str]] = {}
    for document in documents:
        _collect(document, "", pieces)
    heard = ["".join(texts) for texts in pieces.values()]
    return all(any(text in all_of_it or _escaped(text) in all_of_it for all_of_it in heard) for text in strings)


def _holds(document: Any, key: str, value: Any) -> bool:
    match document:
        case dict():
            here = key in document and _same(document[key], value)
            return here or any(_holds(inner, key, value) for inner in document.values())
        case list():
            return any(_holds(inner, key, value) for inner in document)
        case _:
            return False


def _documents(body: bytes) -> Iterator[Any]:
    for text in [body, *(line.removeprefix(b"data:") for line in body.splitlines() if line.startswith(b"data:"))]:
        with contextlib.suppress(ValueError):
            yield json.loads(text)


def _collect(value: Any, key: str, into: dict[str, list[str]]) -> None:
    match value:
        case str():
            into.setdefault(key, []).append(value)
        case dict():
            for name, inner in value.items():
                _collect(inner, name, into)
        case list():
            for inner in value:
                _collect(inner, key, into)
        case _:
            pass


def _escaped(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]
