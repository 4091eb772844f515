"""An answer held against a rubric by a model: each line apart, with its evidence.

What it cannot score: what the rubric does not say. A line that the judge cannot tell has no value, and then neither has
the whole. The target of the item is shown to the judge as a sample of a right answer unless `shows_target` is False.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import Field

from copilot_kit.errors import UsageError
from copilot_kit.messages import Record
from copilot_kit_evals.items import Item
from copilot_kit_evals.scorers.editions import edition
from copilot_kit_evals.scorers.judging import Calibration, Judge, Signed, marked, prompt_digest, task_of
from copilot_kit_evals.scores import Output, Score

PROMPT: Final = (
    "You check an answer against a rubric. For each line of the rubric, by its id, say whether the answer meets it: "
    "yes, no, or cannot_tell. Judge each line by itself. A line that is met in part is not met. Length, tone and "
    "confidence count for nothing unless a line names them."
)


class Line(Record):
    """One thing that an answer must do."""

    id: str = Field(pattern=r"^[\w-]+$")
    text: str
    weight: float = Field(default=1.0, gt=0)


class Graded(Record):
    """What the judge says of a line."""

    id: str
    evidence: str
    """A sentence or a quotation that shows it."""
    met: Literal["yes", "no", "cannot_tell"]


class Grades(Record):
    """What the judge says of all lines."""

    lines: tuple[Graded, ...]


@dataclass(frozen=True, slots=True)
class Rubric:
    """Scores the weighted share of lines that the answer meets, each line in `parts`."""

    judge: Judge
    lines: Sequence[Line]
    prompt: str = PROMPT
    shows_target: bool = True
    calibration: Calibration | None = None
    name: str = "rubric"

    def __post_init__(self) -> None:
        ids = [line.id for line in self.lines]
        if not ids or len(set(ids)) < len(ids):
            raise UsageError(f"The rubric {self.name!r} has the lines {ids!r}. Give it at least one, each its own id.")

    @property
    def digest(self) -> str:
        """Of judge, prompt and lines."""
        lines = [line.model_dump() for line in self.lines]
        return edition("rubric", 1, judge=self.judge.identity, prompt=prompt_digest(self.prompt, Grades), lines=lines,
                       shows_target=self.shows_target)  # fmt: skip

    async def __call__(self, item: Item, output: Output) -> Score:
        """Return the score; without value where the judge cannot tell a line, or does not answer in its form."""
        signed = Signed(self.judge, self.digest, prompt_digest(self.prompt, Grades), self.calibration)
        asked = await self.judge.ask(self.prompt, self._material(item, output), Grades)
        if asked.verdict is None:
            return signed.score(Score(reason=asked.trouble), asked.usage, asked.served)
        parts = {line.id: _met(line, asked.verdict) for line in self.lines}
        whole = sum(line.weight for line in self.lines)
        untold = [name for name, value in parts.items() if value is None]
        value = None if untold else sum(line.weight * (parts[line.id] or 0) for line in self.lines) / whole
        told = [f"{one.id}: {one.met}: {one.evidence}" for one in asked.verdict.lines if one.id in parts]
        return signed.score(Score(value=value, reason="\n".join(told) or None, parts=parts), asked.usage, asked.served)

    def _material(self, item: Item, output: Output) -> str:
        rubric = "\n".join(f"{line.id}: {line.text}" for line in self.lines)
        shown = [task_of(item), marked("rubric", rubric), marked("answer", output.text)]
        if self.shows_target and item.target is not None:
            target = item.target if isinstance(item.target, str) else json.dumps(item.target, ensure_ascii=False)
            shown.insert(1, marked("sample_of_a_right_answer", target))
        return "\n\n".join(shown)


def _met(line: Line, grades: Grades) -> float | None:
    """Return 1 or 0; None where the judge cannot tell, left the line out, or says both."""
    said = {one.met for one in grades.lines if one.id == line.id}
    return {"yes": 1.0, "no": 0.0}.get(said.pop()) if len(said) == 1 else None
