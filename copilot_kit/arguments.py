"""Arguments as a model writes them, read so that what is shown, what is digested and what is run are one value.

`json.loads` and pydantic both take NaN and 1e400, keep the last of two equal keys, and pass lone surrogates on; a
person would then approve something else than what runs. Here such text is refused, with words a model can act on.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, TypeAlias

MAX_CHARS = 1_000_000
"""Longest argument text that is parsed at all."""
MAX_DEPTH = 64
"""Deepest nesting of objects and arrays."""
EXACT_INTEGER = 2**53
"""Beyond this, integers change their value in JavaScript and in every float."""

_MAX_DIGITS = 400  # more than any float has; guards against quadratic conversion
_LONG_NUMBER = re.compile(r"\d{16}")


Place: TypeAlias = tuple[str | int, ...]
"""The way from the whole value to a leaf: member names and indices."""


class Unreadable(ValueError):
    """The text is not the JSON object that arguments must be; says what is wrong and what would be right."""


def parse(args_json: str) -> dict[str, Any]:
    """Return the object that the text holds; the empty text is an object without members."""
    if not args_json.strip(" \t\r\n"):
        return {}
    if len(args_json) > MAX_CHARS:
        raise Unreadable(f"the text has {len(args_json)} characters; at most {MAX_CHARS} are taken. Send less.")
    if args_json.count("{") + args_json.count("[") > MAX_DEPTH:
        _check_depth(args_json)
    try:
        value = _DECODER.decode(args_json)
    except json.JSONDecodeError as error:
        raise Unreadable(
            f"not valid JSON: {error.msg} at character {error.pos}, near {_near(args_json, error.pos)!r}. "
            "Send one JSON object and nothing else."
        ) from error
    if not isinstance(value, dict):
        raise Unreadable(f"a JSON {_kind(value)} where an object is needed. Send an object with one member each.")
    return value


def compact(value: Any) -> str:
    """Return the one way to write this value: keys sorted, no spaces, each character as it is.

    Nothing is normalised: a file's name in decomposed letters is that file's and not its look-alike's. What looks
    alike is told apart where it is shown, by `copilot_kit.display`.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Unreadable(
            f"half of a surrogate pair, {text[error.start]!r}, which is no character. Send the whole character."
        ) from error
    return text


def changed_values(raw: Any, checked: Any, args_json: str, text: str) -> str:
    """Return where the checking, or another reader, makes another value of what was written; empty: nowhere.

    raw, checked: before and after; args_json, text: both as JSON.
    """
    if places := inexact_integers(raw, checked, args_json + text):
        return f"{', '.join(places)}: an integer beyond 2^53, which other programs read as another number."
    if ("true" in args_json or "false" in args_json) and (places := numbers_from_booleans(raw, checked)):
        return f"{', '.join(places)}: true or false where a number is wanted."
    return ""


def inexact_integers(raw: Any, value: Any, written: str) -> list[str]:
    """Return where integers stand that other programs read as other numbers: in the value, or lost on the way to it.

    raw: what the text held; value: what validation made of it; written: both as JSON.
    """
    if _LONG_NUMBER.search(written) is None:
        return []
    made = dict(_leaves(value))
    lost = [place for place, leaf in _leaves(raw) if _is_inexact(leaf) and not isinstance(made.get(place), str)]
    kept = [place for place, leaf in made.items() if _is_inexact(leaf)]
    return [place_name(place) for place in dict.fromkeys([*lost, *kept])]


def _is_inexact(leaf: Any) -> bool:
    return type(leaf) is int and abs(leaf) > EXACT_INTEGER


def numbers_from_booleans(raw: Any, value: Any) -> list[str]:
    """Return where validation made a number of `true` or `false`."""
    made = dict(_leaves(value))
    return [
        place_name(place)
        for place, leaf in _leaves(raw)
        if isinstance(leaf, bool) and place in made and not isinstance(made[place], bool | str | None)
    ]


def place_name(place: Place) -> str:
    """Return the place as a person writes it: `cc[2].name`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).removeprefix(".")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Unreadable(f"the key {twice!r} stands there twice. Send each key once.")
    return members


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise Unreadable(f"a number of {len(digits)} digits; at most {_MAX_DIGITS} are taken. Send it as a string.")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise Unreadable(f"the number {digits[:40]} is too large for any program. Send a smaller one, or a string.")
    return number


def _constant(name: str) -> float:
    raise Unreadable(f"{name} is not JSON. Send a number, null or a string.")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant, strict=True
)


def _check_depth(text: str) -> None:
    depth = 0
    for mark in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[{\]}]', text, re.DOTALL):
        if mark[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise Unreadable(f"nested more than {MAX_DEPTH} deep. Send a flatter value.")
        elif mark[0] in "]}":
            depth -= 1


def _leaves(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    match value:
        case dict():
            for name, member in value.items():
                yield from _leaves(member, (*place, name))
        case list() | tuple():
            for index, item in enumerate(value):
                yield from _leaves(item, (*place, index))
        case _:
            yield place, value


def _near(text: str, position: int) -> str:
    return text[max(0, position - 20) : position + 20]


def _kind(value: Any) -> str:
    names = {list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")
