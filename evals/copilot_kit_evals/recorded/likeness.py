"""Whether two calls are the same action: equal in what they name, and told apart from those in other words only.

Arguments that are wording (the tool says so, or they are running text) may differ from case to case without being
another action; all others must be equal. What the model left out and its tool filled in may be left out again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final, Literal, TypeAlias

from pydantic import JsonValue

from copilot_kit.messages import ToolCall

Likeness: TypeAlias = Literal["same", "other_words", "other"]
"""same: all it names is equal, and its words are alike. other_words: only its words differ. other: another action."""
WORDING: Final = frozenset({"wording", "content"})
_RUNNING_TEXT: Final = 8
"""Words from which on a text that its tool says nothing of counts as wording."""
_ALIKE: Final = 0.8


@dataclass(frozen=True, slots=True)
class Action:
    """A call as it is compared."""

    tool: str
    arguments: Mapping[str, JsonValue]
    wording: frozenset[str] = frozenset()
    """Names of the arguments that are words."""
    optional: frozenset[str] = frozenset()
    """Names of those that the model had left to the tool."""

    def likeness(self, made: "ToolCall | Action") -> Likeness:
        """Tell how a call that a model made relates to this action."""
        name = made.name if isinstance(made, ToolCall) else made.tool
        given = parsed(made.args_json) if isinstance(made, ToolCall) else made.arguments
        if name != self.tool or given is None:
            return "other"
        named = [one for one in self.arguments if one not in self.wording]
        if not all(_equal(self.arguments[one], given.get(one)) for one in named if self._counts(one, given)):
            return "other"
        if any(one not in self.arguments for one in given):
            return "other"
        words = [one for one in self.arguments if one in self.wording and self._counts(one, given)]
        return "same" if all(_alike(self.arguments[one], given.get(one)) for one in words) else "other_words"

    def repeated_by(self, made: ToolCall) -> Likeness:
        """Tell whether a call is this one again; other_words also where it only says more than was left to the tool."""
        found, given = self.likeness(made), parsed(made.args_json)
        if found != "other" or not self.optional or given is None:
            return found
        needed = {name: value for name, value in self.arguments.items() if name not in self.optional}
        made_of = Action(made.name, {name: value for name, value in given.items() if name not in self.optional})
        return "other" if Action(self.tool, needed, self.wording).likeness(made_of) == "other" else "other_words"

    def _counts(self, name: str, given: Mapping[str, JsonValue]) -> bool:
        return name in given or name not in self.optional


def wording_of(arguments: Mapping[str, JsonValue], roles: Mapping[str, str]) -> frozenset[str]:
    """Return the names of the arguments that are words: by their role, or where nothing is said by their length."""
    said = {name for name, role in roles.items() if role in WORDING}
    running = {name for name, value in arguments.items()
               if name not in roles and isinstance(value, str) and len(value.split()) > _RUNNING_TEXT}  # fmt: skip
    return frozenset(said | running) & arguments.keys()


def parsed(text: str) -> dict[str, JsonValue] | None:
    """Return the arguments in a model's JSON; None where it is no object."""
    try:
        value: Any = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _equal(wanted: JsonValue, given: JsonValue) -> bool:
    match wanted, given:
        case str(), str():
            return " ".join(wanted.split()).casefold() == " ".join(given.split()).casefold()
        case bool(), bool():
            return wanted is given
        case (bool(), str()) | (str(), bool()):
            return str(wanted).casefold() == str(given).casefold()
        case (bool(), _) | (_, bool()):
            return False
        case ((int() | float()), str()) | (str(), (int() | float())):
            return _number(wanted) == _number(given)  # tools take "7" for 7
        case list(), list():
            return len(wanted) == len(given) and all(map(_equal, wanted, given))
        case dict(), dict():
            return wanted.keys() == given.keys() and all(_equal(wanted[name], given[name]) for name in wanted)
        case _:
            return wanted == given


def _number(value: JsonValue) -> float | int | None:
    """Return what a number or its text says; None, which equals no number, where it says none."""
    if not isinstance(value, str):
        return value if isinstance(value, int | float) else None
    try:
        return int(value) if value.strip().lstrip("+-").isdecimal() else float(value)
    except ValueError:
        return None


def _alike(wanted: JsonValue, given: JsonValue) -> bool:
    if not isinstance(wanted, str) or not isinstance(given, str):
        return _equal(wanted, given)
    one, other = wanted.casefold().split(), given.casefold().split()
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= _ALIKE
