"""Scorers that ask no model, and the names that suites without Python know them by."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from copilot_kit.errors import UsageError
from copilot_kit_evals.scorers.code import CodeTests
from copilot_kit_evals.scorers.hard_tasks import HardTask
from copilot_kit_evals.scorers.instructions import Instructions
from copilot_kit_evals.scorers.matching import Exact, Normalised, Pattern
from copilot_kit_evals.scorers.multiple_choice import MultipleChoice
from copilot_kit_evals.scorers.quantities import Quantity
from copilot_kit_evals.scorers.records import Records
from copilot_kit_evals.scorers.structured import Fields, Schema
from copilot_kit_evals.scorers.tool_calls import ToolCalls
from copilot_kit_evals.scorers.word_problems import WordProblem
from copilot_kit_evals.scores import Scorer

__all__ = ["CodeTests", "Exact", "Fields", "HardTask", "Instructions", "MultipleChoice", "Normalised", "Pattern",
           "Quantity", "Records", "Schema", "ToolCalls", "WordProblem", "NAMED", "named"]  # fmt: skip

NAMED: Final[Mapping[str, Callable[[], Scorer]]] = {
    "exact": Exact,
    "normalised": Normalised,
    "contains": partial(Normalised, within=True, name="contains"),
    "regex": Pattern,
    "choice": MultipleChoice,
    "number": Quantity,
    "word_problem": WordProblem,
    "fields": Fields,
    "records": Records,
    "schema": Schema,
    "tool_calls": ToolCalls,
    "instructions": Instructions,
    "code": CodeTests,
    "bbh": HardTask,
}
"""By the names that a command or a file gives them. Judges, labels and the gate's record need more than a name."""


def named(name: str) -> Scorer:
    """Return the scorer of this name."""
    if name not in NAMED:
        raise UsageError(f"There is no scorer {name!r}. Take one of {', '.join(NAMED)}, or write a suite in Python.")
    return NAMED[name]()
