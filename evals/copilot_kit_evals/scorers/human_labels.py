"""What people said of answers, read from a file of labels.

A label belongs to the very words that were judged: it holds for an answer only if item and answer are the same, whoever
gave it, whatever model or run it came from. What it cannot score: answers that nobody has looked at (no value), and
whether the people were right.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from copilot_kit.display import visible
from copilot_kit.messages import Record
from copilot_kit_evals.items import BadDataset, Item
from copilot_kit_evals.scorers.calibrating import Labelled
from copilot_kit_evals.scorers.editions import edition
from copilot_kit_evals.scores import Output, Score, digest_of


def _is_none(value: object) -> bool:
    return value is None


class Label(Record):
    """One line of a file of labels: what one person said of one answer. The page writes all fields, you need three."""

    item: str
    answer: str
    """All words of the answer."""
    value: float | None = Field(default=None, ge=0, le=1)
    """1 right, 0 wrong; None: skipped, or a label that was taken back."""
    by: str | None = None
    reason: str | None = None
    state: Literal["said", "skip", "undone"] = Field(default="said", exclude_if=lambda state: state == "said")
    at: datetime | None = Field(default=None, exclude_if=_is_none)
    task: str | None = Field(default=None, exclude_if=_is_none)
    model: str | None = Field(default=None, exclude_if=_is_none)
    """The candidate whose answer it was; the person did not see it."""
    cluster: str | None = Field(default=None, exclude_if=_is_none)
    repeat: int | None = Field(default=None, exclude_if=_is_none)
    position: int | None = Field(default=None, exclude_if=_is_none)
    """How many this person had labelled before it, and one."""
    took_s: float | None = Field(default=None, exclude_if=_is_none)
    seed: int | None = Field(default=None, exclude_if=_is_none)
    """Of what was drawn."""
    showing: str = Field(default="", exclude_if=lambda showing: not showing)
    """Names what was shown."""

    @model_validator(mode="after")
    def _has_value(self) -> Self:
        if (self.value is None) == (self.state == "said"):
            raise ValueError("a label has a value, unless its state is skip or undone")
        return self

    @property
    def rater(self) -> str:
        """Who said it."""
        return self.by or ""

    @property
    def is_undone(self) -> bool:
        """Whether it takes back what was said before."""
        return self.state == "undone"


def standing_labels(labels: Iterable[Label]) -> list[tuple[Label, float]]:
    """Return the labels that stand, with their values: of several that one person gave an answer the last."""
    last: dict[tuple[str, str, str | int, str], Label] = {}
    for place, label in enumerate(labels):
        key = (label.item, label.answer.strip(), label.by or place, label.showing)
        last.pop(key, None)
        last[key] = label
    return [(one, one.value) for one in last.values() if one.value is not None]


def read_labels(path: Path) -> list[Label]:
    """Return the labels of a file of JSON lines; raises `BadDataset` with the line that is wrong."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), 1):
        if line.strip():
            try:
                found.append(Label.model_validate_json(line))
            except ValidationError as error:
                first = error.errors(include_url=False)[0]
                raise BadDataset(
                    f"{visible(path.name)}, line {number}: {first['msg']} at {first['loc']!r}. A label has the fields "
                    f"{', '.join(Label.model_fields)}."
                ) from error
    return found


@dataclass(frozen=True)
class HumanLabels:
    """Scores the mean of what people said of this very answer; `parts` has each person's, no value where nobody did."""

    labels: Sequence[Label]
    name: str = "human"

    @cached_property
    def digest(self) -> str:
        """Of the labels."""
        return edition("human_labels", 1, labels=digest_of(json.dumps([one.model_dump() for one in self.labels])))

    @cached_property
    def _by_answer(self) -> dict[tuple[str, str], list[tuple[Label, float]]]:
        found: dict[tuple[str, str], list[tuple[Label, float]]] = {}
        for label, value in standing_labels(self.labels):
            found.setdefault((label.item, label.answer.strip()), []).append((label, value))
        return found

    async def __call__(self, item: Item, output: Output) -> Score:
        """Return the score; several labels of one person count as the last of them."""
        given = self._by_answer.get((item.id, output.text.strip()), [])
        if not given:
            return Score(reason="nobody has labelled this answer")
        each = {label.by or f"label {place}": value for place, (label, value) in enumerate(given, 1)}
        told = "\n".join(label.reason for label, _ in given if label.reason)
        return Score(value=sum(each.values()) / len(each), reason=told or None, parts={**each})


def labelled(labels: Iterable[Label], items: Iterable[Item]) -> list[Labelled]:
    """Return labels with their items, for `calibrate`; those of items that are not there are left out."""
    known = {item.id: item for item in items}
    return [
        Labelled(known[label.item], Output(label.answer), value, label.by)
        for label, value in standing_labels(labels)
        if label.item in known
    ]
