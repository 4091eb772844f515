"""What people said of answers, read from a file of labels.

A label belongs to the very words that were judged: it holds for an answer only if item and answer are the same, whoever
gave it, whatever model or run it came from. What it cannot score: answers that nobody has looked at (no value), and
whether the people were right.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import Field, ValidationError

from copilot_kit.display import visible
from copilot_kit.messages import Record
from copilot_kit_evals.items import BadDataset, Item
from copilot_kit_evals.scorers.calibrating import Labelled
from copilot_kit_evals.scorers.editions import edition
from copilot_kit_evals.scores import Output, Score, digest_of


class Label(Record):
    """One line of a file of labels: what one person said of one answer."""

    item: str
    answer: str
    """All words of the answer."""
    value: float = Field(ge=0, le=1)
    """1 right, 0 wrong."""
    by: str | None = None
    reason: str | None = None


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
    def _by_answer(self) -> dict[tuple[str, str], list[Label]]:
        found: dict[tuple[str, str], list[Label]] = {}
        for label in self.labels:
            found.setdefault((label.item, label.answer.strip()), []).append(label)
        return found

    async def __call__(self, item: Item, output: Output) -> Score:
        """Return the score; several labels of one person count as the last of them."""
        given = self._by_answer.get((item.id, output.text.strip()), [])
        if not given:
            return Score(reason="nobody has labelled this answer")
        each = {label.by or f"label {place}": label.value for place, label in enumerate(given, 1)}
        told = "\n".join(label.reason for label in given if label.reason)
        return Score(value=sum(each.values()) / len(each), reason=told or None, parts={**each})


def labelled(labels: Iterable[Label], items: Iterable[Item]) -> list[Labelled]:
    """Return labels with their items, for `calibrate`; those of items that are not there are left out."""
    known = {item.id: item for item in items}
    return [
        Labelled(known[label.item], Output(label.answer), label.value, label.by)
        for label in labels
        if label.item in known
    ]
