"""The arguments of a call as rows for a person: every leaf in full, money and receivers first, each with its origin."""

import json
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from pydantic import JsonValue

from copilot_kit.arguments import Place, place_name
from copilot_kit.effects import ArgumentRole
from copilot_kit.records import Origin

LONGEST_LINES: Final = 24
"""A text with more lines than this on the screen is folded."""
SHOWN_LINES: Final = 8
CHARS_A_LINE: Final = 100
PREVIEW: Final = "preview"
"""Names the fold of a preview; those of values are named by their JSON pointers, percent-encoded."""
ALL: Final = "*"
"""Stands for every fold in the list of what was opened."""

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_MONEY = frozenset({
    "amount", "price", "cost", "total", "fee", "payment", "refund", "sum", "cents", "eur", "usd", "gbp", "chf",
    "budget", "salary", "charge",
})  # fmt: skip
_RECEIVERS = frozenset({
    "to", "cc", "bcc", "recipient", "recipients", "receiver", "receivers", "iban", "account", "address", "addresses",
    "email", "emails", "channel", "url", "payee", "participants", "attendees",
})  # fmt: skip
_ORIGINS: Final[Mapping[str, str]] = {
    "user": "from the request",
    "application": "from the application",
    "person": "from a person",
    "model": "the model's own",
    "tool": "from a tool result",
    "document": "from a document",
    "memory": "from memory",
    "summary": "from a summary",
    "derived": "derived",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a value came from, as it is shown beside it."""

    kind: str
    words: str
    trusted: bool


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A text as lines to show, and how much of it is folded away."""

    lines: tuple[str, ...]
    more: str = ""
    """What the fold hides: `412 more lines`; empty: nothing."""
    fold: str = ""
    """Names the fold; empty: there is none, opened or not."""

    @property
    def is_open(self) -> bool:
        """Everything is shown."""
        return not self.more


@dataclass(frozen=True, slots=True)
class Value:
    """One leaf of a call's arguments."""

    at: str
    """JSON pointer into the arguments."""
    name: str
    kind: str
    """`text`, `number`, `true or false`, `nothing`, `empty list`, `empty object`."""
    text: Excerpt
    measure: str = ""
    """How long a longer text is."""
    role: ArgumentRole | None = None
    origin: Mark | None = None
    """None: nobody traced it."""
    is_money: bool = False
    is_receiver: bool = False


def values_of(
    arguments: JsonValue,
    *,
    roles: Mapping[str, ArgumentRole],
    provenance: Iterable[Origin],
    opened: Collection[str] = (),
) -> tuple[Value, ...]:
    """Return a row for each leaf; what a person must look at first comes first, else in the order of the call."""
    origins = {origin.at: origin for origin in provenance}
    rows = [_value(place, leaf, roles, origins, opened) for place, leaf in _leaves(arguments)]
    return tuple(sorted(rows, key=_rank))


def excerpt(text: str, *, fold: str, opened: Collection[str] = ()) -> Excerpt:
    """Return the text as lines; one that is long is folded, unless its fold was opened."""
    lines = text.split("\n")
    rows = [max(1, math.ceil(len(line) / CHARS_A_LINE)) for line in lines]
    if sum(rows) <= LONGEST_LINES:
        return Excerpt(tuple(lines))
    if fold in opened or ALL in opened:
        return Excerpt(tuple(lines), fold=fold)
    kept: list[str] = []
    room = SHOWN_LINES
    for line, height in zip(lines, rows, strict=True):
        if height > room:
            if not kept:  # one line that is long by itself is cut inside
                cut = room * CHARS_A_LINE
                return Excerpt((line[:cut],), _hidden(len(lines) - 1, len(line) - cut), fold)
            break
        kept.append(line)
        room -= height
    return Excerpt(tuple(kept), _hidden(len(lines) - len(kept), 0), fold)


def pointer(place: Place) -> str:
    """Return the place as a JSON pointer."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in place)


def _hidden(lines: int, chars: int) -> str:
    parts = [f"{chars:,} more characters"] if chars else []
    parts += [f"{lines:,} more line{'s' if lines > 1 else ''}"] if lines else []
    return " and ".join(parts)


def _leaves(value: JsonValue, place: Place = ()) -> Iterator[tuple[Place, JsonValue]]:
    """Yield every leaf with its place; an empty list or object is one, since it says something too."""
    match value:
        case dict() if value:
            for name, member in value.items():
                yield from _leaves(member, (*place, name))
        case list() if value:
            for index, item in enumerate(value):
                yield from _leaves(item, (*place, index))
        case _ if place:
            yield place, value
        case _:
            return


def _value(
    place: Place,
    leaf: JsonValue,
    roles: Mapping[str, ArgumentRole],
    origins: Mapping[str, Origin],
    opened: Collection[str],
) -> Value:
    at = pointer(place)
    origin = origins.get(at)
    role = origin.role if origin is not None and origin.role is not None else roles.get(str(place[0]))
    kind, text, measure = _written(leaf)
    words = {word.lower() for step in place if isinstance(step, str) for word in _WORDS.findall(step)}
    return Value(
        at=at,
        name=place_name(place),
        kind=kind,
        text=excerpt(text, fold=quote(at, safe="/~"), opened=opened),
        measure=measure,
        role=role,
        origin=None if origin is None else _mark(origin),
        is_money=bool(words & _MONEY) and _is_number(leaf),
        is_receiver=bool(leaf) and (role == "destination" or (role is None and bool(words & _RECEIVERS))),
    )


def _written(leaf: JsonValue) -> tuple[str, str, str]:
    """Return kind, text and length of a leaf."""
    match leaf:
        case None:
            return "nothing", "null", ""
        case bool():
            return "true or false", json.dumps(leaf), ""
        case int() | float():
            return "number", json.dumps(leaf), ""
        case list():
            return "empty list", "[]", ""
        case dict():
            return "empty object", "{}", ""
        case "":
            return "empty text", "", ""
        case str():
            lines = leaf.count("\n") + 1
            chars = f"{len(leaf):,} characters" if len(leaf) > CHARS_A_LINE or lines > 1 else ""
            return "text", leaf, chars + (f" in {lines:,} lines" if lines > 1 else "")


def _mark(origin: Origin) -> Mark:
    source = origin.source
    words = _ORIGINS.get(source.kind, source.kind)
    named = f"{words}: {source.ref}" if source.ref else words
    return Mark(source.kind, named, source.trusted)


def _is_number(leaf: JsonValue) -> bool:
    if isinstance(leaf, str):
        return re.fullmatch(r"\D{0,4}\d[\d.,' ]*\D{0,4}", leaf) is not None
    return isinstance(leaf, int | float) and not isinstance(leaf, bool)


def _rank(value: Value) -> int:
    if value.is_money or value.is_receiver:
        return 0
    return 1 if value.role == "object" else 2
