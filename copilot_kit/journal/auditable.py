"""What a check of a journal asks of its store: its records as they are kept, and the rows that lists are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from copilot_kit.journal.heads import Link
from copilot_kit.journal.store import Sealed

Cells: TypeAlias = Mapping[str, Any]
"""A row by its columns, without tenant and run_id."""
Rows: TypeAlias = dict[tuple[str, str, str], Cells]
"""The rows that lists are made of, of one run; by table, then kind and id where a run has several there."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """What is known from elsewhere of a run's last record: without one, a cut end cannot be told from a short run."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Whole:
    """All that a store keeps of one run, as of one moment."""

    records: list[Sealed]
    end: Anchor | None
    """What is kept of the last record apart from the records."""
    rows: Rows | None
    """None: nothing is kept for lists, they are folded when they are asked for."""


class Auditable(Protocol):
    """A store that shows what it keeps as it keeps it.

    Contract: none of these repairs, skips or reorders anything, and none decodes a body.
    """

    async def run_ids(self) -> list[str]:
        """Return the ids of all runs and streams that any record, or any row for lists, is of."""
        ...

    async def links(self) -> list[Link]:
        """Return the chain over all runs, in order of number."""
        ...

    async def sealed(self, run_id: str) -> list[Sealed]:
        """Return all records of a run, in order of seq."""
        ...

    async def whole(self, run_ids: Sequence[str]) -> list[Whole]:
        """Return all that is kept of the first of these runs, as of one moment, however busily others write to them.

        As many of them as are no burden together, in order, and at least one.
        """
        ...
