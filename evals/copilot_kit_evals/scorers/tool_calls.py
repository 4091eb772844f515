"""Whether a model called the right tools with the right arguments.

The rules are those of the Berkeley Function Calling Leaderboard's check of Python calls (Patil et al., ICML 2025;
package bfcl-eval, `ast_checker`): name, required arguments, no unexpected ones, the declared type of each, and a value
among the accepted ones, where text is compared without case, blanks and the signs `,./-_*^`. An empty string among the
accepted values says that the argument may be left out. A whole number stands for a float, never the reverse.

Both say the same of 31,826 of 31,827 calls made of the accepted answers and of changes to them (bfcl-eval 2026.3.23).
Where ours differ: an empty list is not taken for one that may be left out, a whole number stands for a float inside
lists too, True is never 1, and text in deeper structures is compared as at the top.
What it cannot score: calls written as text instead of made, and whether a call was wise in an order of its own.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from copilot_kit.messages import ToolCall
from copilot_kit_evals.items import BadDataset, Item
from copilot_kit_evals.scorers.editions import edition
from copilot_kit_evals.scores import Output, Score

Fault: TypeAlias = Literal["missing", "unexpected", "type", "value"]
_UNSAID: Final = ""
"""Among the accepted values: the argument may be left out."""
_IGNORED: Final = str.maketrans({**dict.fromkeys(" ,./-_*^", ""), "'": '"'})
_TYPES: Final[dict[str, type]] = {
    "string": str, "integer": int, "float": float, "number": float, "boolean": bool,
    "array": list, "tuple": list, "dict": dict, "object": dict,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Made:
    """A call as a model made it; `arguments` is None where they are no JSON object."""

    name: str
    arguments: Mapping[str, Any] | None

    @classmethod
    def of(cls, call: ToolCall) -> "Made":
        """Return what the call asks for."""
        try:
            value = json.loads(call.args_json or "{}")
        except (ValueError, RecursionError):
            value = None
        return cls(call.name, value if isinstance(value, dict) else None)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call that would be right: by argument the values that are accepted, and what the function declares of it."""

    name: str
    accepted: Mapping[str, Sequence[Any]]
    declared: Mapping[str, Any] | None = None
    """The function's `parameters`; None: nothing is known of its types and of what it requires."""

    def faults(self, made: Made) -> dict[str, Fault] | None:
        """Return what is wrong by argument; None where it is another function, or the arguments are no object."""
        if made.arguments is None or not same_name(made.name, self.name):
            return None
        found: dict[str, Fault] = {}
        required = (self.declared or {}).get("required") or ()
        for name, accepted in self.accepted.items():
            if name not in made.arguments:
                if name in required or not any(value == _UNSAID for value in accepted if isinstance(value, str)):
                    found[name] = "missing"
            elif fault := value_fault(made.arguments[name], accepted, self._schema(name)):
                found[name] = fault
        found |= {name: "missing" for name in required if name not in made.arguments}
        found |= {name: "unexpected" for name in made.arguments if name not in self.accepted}
        return found

    def share(self, made: Made) -> float:
        """Return the share of right arguments among those that are expected or given; 0 for another function."""
        faults = self.faults(made)
        if faults is None or made.arguments is None:
            return 0.0
        looked_at = (self.accepted.keys() & made.arguments.keys()) | faults.keys()
        return 1 - len(faults) / len(looked_at) if looked_at else 1.0

    def _schema(self, name: str) -> Mapping[str, Any]:
        schema = ((self.declared or {}).get("properties") or {}).get(name)
        return schema if isinstance(schema, dict) else {}


def same_name(one: str, other: str) -> bool:
    """Tell whether two names are one function's: providers that take no dots get `math_hypot` for `math.hypot`."""
    return one.replace(".", "_") == other.replace(".", "_")


def value_fault(value: Any, accepted: Sequence[Any], schema: Mapping[str, Any]) -> Fault | None:
    """Return what is wrong with a value: its type by the schema, or that it is not among the accepted ones."""
    wanted = _TYPES.get(str(schema.get("type")))
    example = next((one for one in accepted if one != _UNSAID), None)
    if wanted is not None and not _is(value, wanted):
        # An answer of another type than declared may be the name of a variable: then it must be that very name.
        if example is None or type(value) is not type(example):
            return "type"
        return None if any(type(value) is type(one) and value == one for one in accepted) else "value"
    if wanted is None and example is not None and not _is(value, type(example)):
        return "type"
    items = schema.get("items")
    if isinstance(value, list) and isinstance(items, dict) and (kind := _TYPES.get(str(items.get("type")))):
        alike = {type(element) for one in accepted if isinstance(one, list) for element in one}
        if any(not _is(element, kind) and type(element) not in alike for element in value):
            return "type"
    return None if any(_accepts(one, value) for one in accepted) else "value"


def _is(value: Any, kind: type) -> bool:
    return type(value) is kind or (kind is float and type(value) is int)


def _accepts(accepted: Any, value: Any) -> bool:
    """Tell whether a value is the accepted one; in an accepted object each member lists its accepted values."""
    match accepted, value:
        case dict(), dict():
            return value.keys() <= accepted.keys() and all(
                any(_accepts(one, value[name]) for one in _listed(options))
                if name in value
                else _UNSAID in _listed(options)
                for name, options in accepted.items()
            )
        case list(), list():
            return len(accepted) == len(value) and all(map(_accepts, accepted, value))
        case str(), str():
            return plain(accepted) == plain(value)
        case bool(), _:
            return accepted is value
        case _:
            return not isinstance(value, bool) and bool(accepted == value)


def _listed(options: Any) -> Sequence[Any]:
    return options if isinstance(options, list) else [options]


def plain(text: str) -> str:
    """Return a text as it is compared: without case, blanks and the signs `,./-_*^`, one kind of quotes."""
    return text.translate(_IGNORED).lower()


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """Scores 1 where exactly the wanted calls were made, in whatever order, and 0 otherwise.

    The item's `target` is a list of calls `{name: {argument: [accepted values]}}`, empty where no call is right;
    `meta.functions` holds the definitions, whose types are checked then. Beside the verdict, `parts` has the shares of
    right names, of right arguments and of wholly right calls, and for a single call each argument's own 0 or 1.
    """

    name: str = "tool_calls"

    @property
    def digest(self) -> str:
        """Of the rules."""
        return edition("tool_calls", 1)

    async def __call__(self, item: Item, output: Output) -> Score:
        """Return the score of the calls in the output."""
        return match(wanted_calls(item), [Made.of(call) for call in output.calls])


def wanted_calls(item: Item) -> list[Wanted]:
    """Return the calls that an item names; raises `BadDataset` for a target of another shape."""
    declared = {
        str(one["name"]): one.get("parameters")
        for one in _listed(item.meta.get("functions", []))
        if isinstance(one, dict) and "name" in one
    }
    wanted = []
    for call in item.target if isinstance(item.target, list) else [item.target]:
        if not isinstance(call, dict) or len(call) != 1 or not isinstance(next(iter(call.values())), dict):
            raise BadDataset(
                f"Item {item.id!r} has the target {str(item.target)[:80]!r}. Calls are written as a list of "
                '{"name": {"argument": ["accepted value"]}}, and as an empty list where no call is right.'
            )
        ((name, accepted),) = call.items()
        parameters = declared.get(name)
        options = {argument: _listed(values) for argument, values in dict(accepted).items()}  # type: ignore[arg-type]
        wanted.append(Wanted(name, options, parameters if isinstance(parameters, dict) else None))
    return wanted


def match(wanted: Sequence[Wanted], made: Sequence[Made]) -> Score:
    """Return the score of these calls, whatever their order."""
    if not wanted:
        said = ", ".join(one.name for one in made)
        return Score(value=float(not made), answer=said, reason=f"no call was wanted, and {said or 'none'} was made")
    best, left = list[tuple[Wanted, Made | None]](), list(made)
    for one in wanted:
        found = max(left, key=lambda call, one=one: (one.share(call), same_name(one.name, call.name)), default=None)  # type: ignore[misc]
        if found is not None:
            left.remove(found)
        best.append((one, found))
    right = _most_matched([[one.faults(call) == {} for call in made] for one in wanted])
    most = max(len(wanted), len(made))
    parts: dict[str, float | None] = {
        "calls": right / most,
        "names": sum(call is not None and same_name(one.name, call.name) for one, call in best) / most,
        "arguments": sum(one.share(call) for one, call in best if call is not None) / most,
    }
    if len(wanted) == 1:
        parts |= _each(*best[0])
    return Score(
        value=float(right == len(wanted) == len(made)),
        answer=", ".join(one.name for one in made),
        reason=_why(best, left) or None,
        parts=parts,
    )


def _each(wanted: Wanted, made: Made | None) -> dict[str, float | None]:
    faults = None if made is None else wanted.faults(made)
    if faults is None:
        return {f"argument.{name}": 0.0 for name in wanted.accepted}
    return {f"argument.{name}": float(name not in faults) for name in dict.fromkeys([*wanted.accepted, *faults])}


def _why(best: Iterable[tuple[Wanted, Made | None]], left: Iterable[Made]) -> str:
    told = []
    for one, made in best:
        if made is None:
            told.append(f"{one.name} was not called")
        elif not same_name(made.name, one.name):
            told.append(f"{made.name} was called instead of {one.name}")
        elif made.arguments is None:
            told.append(f"the arguments of {made.name} are no JSON object")
        else:
            told += [f"{made.name}: {name} has the fault '{fault}'" for name, fault in (one.faults(made) or {}).items()]
    return "; ".join([*told, *(f"{made.name} was called though nobody wanted it" for made in left)])


def _most_matched(fits: Sequence[Sequence[bool]]) -> int:
    """Return how many wanted calls can each have a fitting one of their own (augmenting paths, Kuhn 1955)."""
    taken: dict[int, int] = {}

    def place(row: int, tried: set[int]) -> bool:
        for column, fit in enumerate(fits[row]):
            if fit and column not in tried:
                tried.add(column)
                if column not in taken or place(taken[column], tried):
                    taken[column] = row
                    return True
        return False

    return sum(place(row, set()) for row in range(len(fits)))
