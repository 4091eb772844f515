"""What people prefer, as they said it: `RUN/preferences.jsonl`, a line a judgment, to which lines are only added.

    {"at": "2026-11-23T09:00:00Z", "rater": "anna", "task": "capitals", "item": "fr", "cluster": "fr",
     "left": "stub:new", "right": "stub:old", "winner": "left", "reason": "shorter", "position": 3, "took_s": 4.2,
     "seed": 0, "showing": "9f2c…", "left_answer": "1b6d…", "right_answer": "c04e…"}

`left` and `right` are the candidates as the rater had them before them, without their names. `item` is called as
exports call it. For each rater and showing the last line counts: a judgment that was taken back is followed by one
whose winner is `undone`. `skip` is no judgment. `standing` and `standing_rows` do that for whoever reads; the commands
`copilot-kit stats bt` and `stats judge` read the file as it is.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

from pydantic import Field

from copilot_kit.messages import Record
from copilot_kit_evals.tables import BadTable, Table

PREFERENCES: Final = "preferences.jsonl"
Winner: TypeAlias = Literal["left", "right", "tie", "bothbad", "skip", "undone"]
NO_VOTE: Final = frozenset({"skip", "undone"})


def _is_empty(value: object) -> bool:
    return not value


class Preference(Record):
    """One line: what a rater said of two answers to one item."""

    at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    rater: str
    task: str
    item: str
    """Its id, with the task in front where the run has several."""
    cluster: str
    """What hangs together: the item's own cluster, or else the item."""
    variant: str = Field(default="", exclude_if=_is_empty)
    repeat: int = Field(default=0, exclude_if=_is_empty)
    left: str
    """The candidate whose answer stood left."""
    right: str
    winner: Winner
    """`bothbad` is a tie of two bad ones, and read as a tie."""
    reason: str | None = Field(default=None, exclude_if=_is_empty)
    position: int
    """How many this rater had judged before it, and one."""
    again: bool = Field(default=False, exclude_if=_is_empty)
    """The pair's second showing, with its sides exchanged: it measures the rater, and is a vote like any other."""
    took_s: float | None = None
    """From the page to the judgment; None where the page was made by another process."""
    seed: int
    """Of what was drawn: pairs, order and sides."""
    showing: str
    """Names pair and showing; says nothing of the sides."""
    left_answer: str
    """Digest of the very words."""
    right_answer: str

    @property
    def is_undone(self) -> bool:
        """Tell whether it takes back what the rater said of this showing before."""
        return self.winner == "undone"

    @property
    def counts(self) -> bool:
        """Tell whether it is a vote."""
        return self.winner not in NO_VOTE


def standing(lines: Iterable[Preference]) -> list[Preference]:
    """Return the judgments that stand: the last of each rater and showing, without what was skipped or taken back."""
    last = {(one.rater, one.showing): one for one in lines}
    return [one for one in last.values() if one.counts]


def standing_rows(table: Table) -> Table:
    """Return only the rows that stand, where a table is a file that these pages wrote; any other table as it is.

    It may be one of preferences, or of labels, whose state says what a preference's winner says.
    """
    if not table.has("showing") or not table.has("rater", "by"):
        return table
    keys = zip(table.columns[table.called("rater", "by")], table.columns[table.called("showing")], strict=True)
    last = {key if key[1] else place: place for place, key in enumerate(keys)}
    said = table.columns[table.called("winner", "state")] if table.has("winner", "state") else [""] * len(table)
    kept = sorted(place for place in last.values() if said[place] not in NO_VOTE)
    if not kept:
        raise BadTable(f"{table.name} has no judgment that stands: all were skipped or taken back. Judge some more.")
    return table.rows(kept)
