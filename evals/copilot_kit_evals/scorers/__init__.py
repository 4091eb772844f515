"""Scorers that ask no model, and the names that suites without Python know them by."""

from collections.abc import Callable, Mapping
from typing import Final

from copilot_kit.errors import UsageError
from copilot_kit_evals.scorers.choices import Choice
from copilot_kit_evals.scorers.matching import Exact, Normalised, Pattern
from copilot_kit_evals.scorers.quantities import Quantity
from copilot_kit_evals.scorers.structured import Fields, Schema
from copilot_kit_evals.scores import Scorer

__all__ = ["Exact", "Normalised", "Pattern", "Choice", "Quantity", "Fields", "Schema", "NAMED", "named"]

NAMED: Final[Mapping[str, Callable[[], Scorer]]] = {
    "exact": Exact,
    "normalised": Normalised,
    "regex": Pattern,
    "choice": Choice,
    "number": Quantity,
    "fields": Fields,
}
"""By the names that a command or a file gives them; more come from their own modules."""


def named(name: str) -> Scorer:
    """Return the scorer of this name."""
    if name not in NAMED:
        raise UsageError(f"There is no scorer {name!r}. Take one of {', '.join(NAMED)}, or write a suite in Python.")
    return NAMED[name]()
