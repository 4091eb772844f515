"""What a rule wants of a call's arguments: conditions on parsed values that hold, do not hold, or cannot be told.

A condition cannot be told where the argument is missing or of another JSON type than what it is compared with. Then a
rule that allows does not match and one that asks or denies does: a misspelt argument makes a gate stricter, never
looser. Text is compared as it is, letter by letter, without any normalisation.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, TypeAlias

from pydantic import JsonValue

from copilot_kit.arguments import compact
from copilot_kit.errors import UsageError

Wanted: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Conditions by argument, all of which must hold: `{"amount": {"above": 100, "at_most": 500}}`."""
When: TypeAlias = Wanted | Sequence[Wanted]
"""Conditions, or alternatives of which one must hold; no alternatives hold never."""
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on one value."""

    argument: str
    """Its name, or a JSON pointer to a value within: `/order/id`."""
    operator: str
    operand: Any

    def __str__(self) -> str:
        return f"{self.argument} {self.operator.replace('_', ' ')} {compact(self.operand)}"

    def test(self, arguments: Mapping[str, JsonValue], *, strict: bool) -> bool | None:
        """Tell whether it holds; None: it cannot be told.

        Of a list, each item is tested, and an empty one is like null. strict: it holds if it does for any item, else
        only if it does for all.
        """
        value, holds = _value_at(arguments, self.argument), _OPERATORS[self.operator]
        if value is _MISSING:
            return None
        if not isinstance(value, list) or self._is_of_lists:
            return holds(value, self.operand)
        told = [holds(item, self.operand) for item in value or [None]]
        return _any(told) if strict else _all(told)

    @property
    def _is_of_lists(self) -> bool:
        """Whether it is about a list as a whole."""
        if self.operator in {"in", "not_in"}:
            return any(_kind(one) == "array" for one in self.operand)
        return self.operator == "given" or _kind(self.operand) == "array"


@dataclass(frozen=True, slots=True)
class Conditions:
    """Alternatives, each of which is a list of conditions that must all hold."""

    alternatives: tuple[tuple[Condition, ...], ...]

    def __str__(self) -> str:
        return " or ".join(" and ".join(map(str, conditions)) for conditions in self.alternatives) or "never"

    def test(self, arguments: Mapping[str, JsonValue], *, strict: bool) -> bool | None:
        """Tell whether one alternative holds; None: it cannot be told."""
        return _any([_all([one.test(arguments, strict=strict) for one in each]) for each in self.alternatives])


def read_conditions(when: object) -> Conditions:
    """Return the conditions; raises `UsageError` for an operator that there is not or that has no fitting operand."""
    if isinstance(when, Mapping):
        return Conditions((_alternative(when),))
    if isinstance(when, str) or not isinstance(when, Sequence):
        raise UsageError(f'when={when!r} is no condition. Write when={{"amount": {{"above": 100}}}}.')
    return Conditions(tuple(_alternative(one) for one in when))


def _alternative(wanted: object) -> tuple[Condition, ...]:
    if not isinstance(wanted, Mapping) or not wanted:
        raise UsageError(f"{wanted!r} says nothing of any argument. Name one, or leave `when` out to match every call.")
    conditions = [
        _condition(argument, operator, operand)
        for argument, tests in wanted.items()
        for operator, operand in _tests(argument, tests).items()
    ]
    return tuple(conditions)


def _tests(argument: object, tests: object) -> Mapping[str, Any]:
    if not isinstance(argument, str) or not argument:
        raise UsageError(f"{argument!r} names no argument. Write its name, or a pointer such as '/order/id'.")
    if isinstance(tests, Mapping) and tests:
        return tests
    raise UsageError(f"{argument} = {tests!r} says no condition. Write {argument} = {{ equals = {tests!r} }}.")


def _condition(argument: str, operator: str, operand: Any) -> Condition:
    if operator not in _OPERATORS:
        near = get_close_matches(operator, _OPERATORS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"write one of {', '.join(_OPERATORS)}."
        raise UsageError(f"There is no condition {operator!r} (on {argument!r}): {hint}")
    wanted = _misfit(operator, operand)
    if wanted:
        raise UsageError(f"{argument!r} {operator} {operand!r}: it takes {wanted}. Correct the rule.")
    try:
        frozen = json.loads(compact(operand))  # what the caller does with a list later changes no rule
    except (TypeError, ValueError) as error:
        raise UsageError(f"{argument!r} {operator} {operand!r} is no JSON value, so no argument has it.") from error
    return Condition(argument, operator, frozen)


def _misfit(operator: str, operand: Any) -> str:
    """Return what the operator takes, if it is not what it has got."""
    match operator:
        case "given" if not isinstance(operand, bool):
            return "true or false; a value that is not given is null or empty"
        case "in" if not isinstance(operand, list | tuple):
            return "a list of values"
        case "not_in" if not isinstance(operand, list | tuple) or not operand:
            return "a list of values that is not empty"
        case "above" | "at_least" | "below" | "at_most" if _kind(operand) != "number" or not _is_finite(operand):
            return "a number"
        case "starts_with" | "ends_with" if not isinstance(operand, str) or not operand:
            return "text that is not empty"
        case _:
            return ""


def _same(value: JsonValue, other: JsonValue) -> bool | None:
    """Tell whether two values are the same; numbers by what they are worth, everything else by its bytes."""
    kinds = _kind(value), _kind(other)
    if "null" in kinds:
        return value is None and other is None
    if kinds[0] != kinds[1]:
        return None
    return value == other if kinds[0] == "number" else _written(value) == _written(other)


def _in(value: JsonValue, operand: Sequence[JsonValue]) -> bool | None:
    told = [_same(value, other) for other in operand]
    if True in told:
        return True
    unlike = value is not None and any(other is not None for other in operand) and not _has_kind(operand, value)
    return None if unlike else False


def _has_kind(operand: Sequence[JsonValue], value: JsonValue) -> bool:
    return any(_kind(other) == _kind(value) for other in operand)


def _not(test: Callable[[JsonValue, Any], bool | None]) -> Callable[[JsonValue, Any], bool | None]:
    """Return the opposite; that what is not given is none of the others says nothing of it."""

    def negated(value: JsonValue, operand: Any) -> bool | None:
        told = test(value, operand)
        return None if told is None or not (told or _is_given(value)) else not told

    return negated


def _is_given(value: JsonValue) -> bool:
    return value is not None and value not in ("", [], {})


def _of_numbers(test: Callable[[Any, Any], bool]) -> Callable[[JsonValue, Any], bool | None]:
    return lambda value, operand: test(value, operand) if _kind(value) == "number" and _is_finite(value) else None


def _of_text(test: Callable[[str, str], bool]) -> Callable[[JsonValue, Any], bool | None]:
    return lambda value, operand: test(value, operand) if isinstance(value, str) else None


_OPERATORS: Final[Mapping[str, Callable[[JsonValue, Any], bool | None]]] = {
    "given": lambda value, wanted: _is_given(value) == wanted,
    "equals": _same,
    "not_equals": _not(_same),
    "in": _in,
    "not_in": _not(_in),
    "above": _of_numbers(lambda value, limit: value > limit),
    "at_least": _of_numbers(lambda value, limit: value >= limit),
    "below": _of_numbers(lambda value, limit: value < limit),
    "at_most": _of_numbers(lambda value, limit: value <= limit),
    "starts_with": _of_text(str.startswith),
    "ends_with": _of_text(str.endswith),
}
_MISSING: Final = object()


def _any(told: Sequence[bool | None]) -> bool | None:
    return True if True in told else None if None in told else False


def _all(told: Sequence[bool | None]) -> bool | None:
    return False if False in told else None if None in told else True


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list() | tuple():
            return "array"
        case _:
            return "object"


def _is_finite(number: Any) -> bool:
    return isinstance(number, int) or math.isfinite(number)


def _written(value: JsonValue) -> str | None:
    try:
        return compact(value)
    except ValueError:
        return None


def _value_at(arguments: Mapping[str, JsonValue], argument: str) -> Any:
    if not argument.startswith("/"):
        return arguments.get(argument, _MISSING)
    value: Any = arguments
    for token in argument.split("/")[1:]:
        step = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and _INDEX.fullmatch(step) and int(step) < len(value):
            value = value[int(step)]
        else:
            return _MISSING
    return value
