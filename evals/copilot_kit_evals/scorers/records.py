"""What was read out of a text, held against what stands in it: values right, missed and invented, over many records.

Every value of the target and of the answer is looked at where one of both is not null. So leaving a field open that the
text says nothing of costs nothing and earns nothing, and what is invented there is a fault as much as what is missed.
Records in a list are paired so that most values agree, whatever their order; one too many or too few costs all of its
values. Lists of plain values count one by one, without order. Words are compared without regard to case, space, and
marks at their ends; numbers as numbers, also when they are written as text with a decimal point.
What it cannot score: several right readings of one text, but as items with a text that has one.
"""

import json
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from copilot_kit_evals.items import BadDataset, Item
from copilot_kit_evals.scorers.editions import edition
from copilot_kit_evals.scorers.structured import json_in
from copilot_kit_evals.scores import Output, Score

_MARKS: Final = " \t.,;:!?'\"\u201c\u201d\u2018\u2019"
_MOST: Final = 100
"""Of records that are paired; more of them are too many in any case."""
_SHOWN: Final = 200


@dataclass(slots=True)
class _Tally:
    """Of values by the place of their field: how many count, and how many are right."""

    counted: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)

    def add(self, place: str, *, right: bool, count: int = 1) -> None:
        if count:
            self.counted[place] += count
            self.right[place] += count * right

    def take(self, other: "_Tally") -> None:
        self.counted.update(other.counted)
        self.right.update(other.right)

    @property
    def share(self) -> float:
        total = self.counted.total()
        return self.right.total() / total if total else 1.0


@dataclass(frozen=True, slots=True)
class Records:
    """The share of right values among all that the target or the answer gives; `whole`: 1 if all are right, else 0.

    `parts` has the share of each field, as `records.date` or `sender.name`, whichever record it is of.
    """

    level: Literal["values", "whole"] = "values"
    name: str = "records"

    @property
    def digest(self) -> str:
        """Of the rules and the level."""
        return edition("records", 1, level=self.level)

    async def __call__(self, item: Item, output: Output) -> Score:
        """Return the share; an answer that is no JSON has no value right."""
        if not isinstance(item.target, dict | list):
            raise BadDataset(f"The target of item {item.id!r} is {item.target!r}; an object or a list is wanted.")
        try:
            said = output.value if isinstance(output.value, dict | list) else json_in(output.text)
        except ValueError as error:
            return Score(value=0.0, reason=str(error), meta={"unparsed": True})
        if type(said) is not type(item.target):
            return Score(value=0.0, reason=f"the answer is {_kind(said)}, not {_kind(item.target)}")
        found = _compared(item.target, said, "")
        parts: dict[str, float | None] = {
            place: found.right[place] / count for place, count in sorted(found.counted.items())
        }
        wrong = [place for place, share in parts.items() if share != 1]
        value = found.share if self.level == "values" else float(found.share == 1)
        return Score(value=value, parts=parts, reason=f"wrong: {', '.join(wrong)}"[:_SHOWN] if wrong else None)


def _kind(value: object) -> str:
    return {dict: "an object", list: "a list", str: "a text", type(None): "null"}.get(type(value), "a plain value")


def _compared(wanted: Any, said: Any, place: str) -> _Tally:
    match wanted, said:
        case dict(), dict():
            return _objects(wanted, said, place)
        case list(), list() if any(isinstance(one, dict) for one in wanted):
            return _paired(wanted, said, place)
        case list(), list():
            return _plain(wanted, said, place)
        case _:
            tally = _Tally()
            if isinstance(wanted, dict | list) or isinstance(said, dict | list):
                tally.add(place, right=False, count=max(1, _values(wanted), _values(said)))
            elif wanted is not None or said is not None:
                tally.add(place, right=same(wanted, said))
            return tally


def _objects(wanted: Mapping[str, Any], said: Mapping[str, Any], place: str) -> _Tally:
    tally = _Tally()
    for name in wanted:
        tally.take(_compared(wanted[name], said.get(name), f"{place}.{name}" if place else name))
    for name in said.keys() - wanted.keys():
        if count := _values(said[name]):
            tally.add(f"{place}.{name}"[:_SHOWN] if place else name[:_SHOWN], right=False, count=count)
    return tally


def _paired(wanted: Sequence[Any], said: Sequence[Any], place: str) -> _Tally:
    """Pair the most alike first; what is left over on either side is wrong."""
    tally, near = _Tally(), said[:_MOST]
    every = [(_compared(one, other, place), row, column)
             for row, one in enumerate(wanted) for column, other in enumerate(near)]  # fmt: skip
    rows, columns = set(range(len(wanted))), set(range(len(said)))
    for found, row, column in sorted(every, key=lambda one: (-one[0].share, one[1], one[2])):
        if row in rows and column in columns:
            rows.remove(row)
            columns.remove(column)
            tally.take(found)
    for row in rows:
        tally.take(_compared(wanted[row], None if not isinstance(wanted[row], dict) else {}, place))
    surplus = sum(_values(said[column]) for column in columns)
    if surplus:
        tally.add(f"{place} too many".strip(), right=False, count=surplus)
    return tally


def _plain(wanted: Sequence[Any], said: Sequence[Any], place: str) -> _Tally:
    left = [one for one in said if not isinstance(one, dict | list)][:_MOST]
    tally, right = _Tally(), 0
    for one in wanted:
        found = next((other for other in left if same(one, other)), None)
        if found is not None:
            left.remove(found)
            right += 1
    tally.add(place, right=True, count=right)
    tally.add(place, right=False, count=max(len(wanted), len(said)) - right)
    return tally


def _values(value: Any) -> int:
    """Return how many values that are not null there are."""
    return sum(1 for _ in _leaves(value))


def _leaves(value: Any) -> Iterator[Any]:
    open_ones = [value]
    while open_ones:
        one = open_ones.pop()
        if isinstance(one, dict):
            open_ones += one.values()
        elif isinstance(one, list):
            open_ones += one
        elif one is not None:
            yield one


def same(wanted: Any, said: Any) -> bool:
    """Tell whether two plain values are one."""
    if isinstance(wanted, bool) or isinstance(said, bool):
        return wanted is said
    if wanted is None or said is None:
        return wanted is said
    if isinstance(wanted, str):
        return _word(wanted) == _word(said if isinstance(said, str) else json.dumps(said))
    try:
        return bool(float(said) == float(wanted))
    except (TypeError, ValueError, OverflowError):
        return False


def _word(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().strip(_MARKS).split())
