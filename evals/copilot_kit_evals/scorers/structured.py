"""Answers that are JSON: whether they fit a schema, and which fields are right."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from copilot_kit.errors import MissingExtra, UsageError
from copilot_kit_evals.items import Item
from copilot_kit_evals.scorers.matching import normalised
from copilot_kit_evals.scores import Output, Score, digest_of

_FENCED: Final = re.compile(r"```(?:json)?[^\S\n]*\n(.*?)```", re.DOTALL)
_MISSING: Final = object()
_LONGEST: Final = 200


def json_in(text: str) -> Any:
    """Return the JSON of an answer: all of it, a fenced block, or the outermost braces; raises `ValueError`."""
    candidates = [text, *_FENCED.findall(text)]
    for opening, closing in ("{}", "[]"):
        first, last = text.find(opening), text.rfind(closing)
        if 0 <= first < last:
            candidates.append(text[first : last + 1])
    for one in candidates:
        try:
            return json.loads(one)
        except (ValueError, RecursionError):
            continue
    raise ValueError("there is no JSON in the answer")


@dataclass(frozen=True)
class Schema:
    """Right if the answer is JSON that fits a JSON schema; without one the item's target is it."""

    schema: Mapping[str, Any] | None = None
    name: str = "schema"

    @property
    def digest(self) -> str:
        """Over what it does."""
        return digest_of(f"schema 1 {json.dumps(self.schema, sort_keys=True)}")

    async def __call__(self, item: Item, output: Output) -> Score:
        """Return 1 or 0."""
        checked = self._checked if self.schema is not None else _validator(item.target)
        try:
            value = json_in(output.text)
        except ValueError as error:
            return Score(value=0.0, reason=str(error), meta={"unparsed": True})
        faults = [one.message for one in checked.iter_errors(value)]
        return Score(value=float(not faults), reason=faults[0][:_LONGEST] if faults else None)

    @cached_property
    def _checked(self) -> Any:
        return _validator(self.schema)


def _validator(schema: Any) -> Any:
    try:
        import jsonschema_rs
    except ModuleNotFoundError as error:
        raise MissingExtra("Scoring against a JSON schema", "schema") from error
    try:
        return jsonschema_rs.validator_for(schema, offline=True)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError, TypeError) as error:
        raise UsageError(f"What answers are held against is no JSON schema: {error}. Correct it.") from error


@dataclass(frozen=True, slots=True)
class Fields:
    """The share of the target's fields that the answer has right; 1 only if all are.

    The target is an object; fields within fields count one by one, as `address.city`. Words are compared without
    regard to capitals, marks and spaces, unless `exact` names the field; numbers with a relative tolerance; lists in
    their order, unless `unordered` names them. What the answer has beyond the target does not count.
    """

    exact: tuple[str, ...] = ()
    unordered: tuple[str, ...] = ()
    tolerance: float = 0.0
    weights: Mapping[str, float] = field(default_factory=dict)
    name: str = "fields"

    @property
    def digest(self) -> str:
        """Over what it does."""
        told = [self.exact, self.unordered, self.tolerance, dict(self.weights)]
        return digest_of(f"fields 1 {json.dumps(told, sort_keys=True)}")

    async def __call__(self, item: Item, output: Output) -> Score:
        """Return the share, with each field as a part."""
        if not isinstance(item.target, dict) or not item.target:
            raise UsageError(f"The target of item {item.id!r} is {item.target!r}; an object with fields is wanted.")
        wanted = _flat(item.target)
        try:
            said = output.value if isinstance(output.value, dict) else json_in(output.text)
        except ValueError as error:
            return Score(value=0.0, reason=str(error), parts=dict.fromkeys(wanted, 0.0), meta={"unparsed": True})
        got = _flat(said) if isinstance(said, dict) else {}
        parts = {name: float(self._same(name, value, got.get(name, _MISSING))) for name, value in wanted.items()}
        weights = {name: self.weights.get(name, 1.0) for name in parts}
        value = sum(parts[name] * weights[name] for name in parts) / sum(weights.values())
        wrong = [name for name, right in parts.items() if not right]
        return Score(value=value, parts=dict(parts), reason=f"wrong: {', '.join(wrong)}"[:_LONGEST] if wrong else None)

    def _same(self, name: str, wanted: Any, got: Any) -> bool:
        if isinstance(wanted, list) and isinstance(got, list):
            if name in self.unordered:
                return sorted(map(_text, wanted)) == sorted(map(_text, got))
            pairs = zip(wanted, got, strict=False)
            return len(wanted) == len(got) and all(self._same(name, a, b) for a, b in pairs)
        if isinstance(wanted, bool) or isinstance(got, bool) or wanted is None:
            return wanted is got
        if isinstance(wanted, int | float):
            number = _number(got)
            return number is not None and abs(number - wanted) <= self.tolerance * abs(wanted)
        if isinstance(wanted, str) and isinstance(got, str) and name not in self.exact:
            return wanted == got or (normalised(wanted, articles=True) == normalised(got, articles=True) != "")
        return bool(wanted == got)


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, inner in value.items():
        if isinstance(inner, dict) and inner:
            found |= _flat(inner, f"{prefix}{name}.")
        else:
            found[prefix + name] = inner
    return found


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _text(value: Any) -> str:
    return normalised(value, articles=True) if isinstance(value, str) else json.dumps(value, sort_keys=True)
