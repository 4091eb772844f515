"""What people did at the approval gate, as scores: accepted unchanged, edited, rejected, answered in the tool's place.

The record of the gate is made in daily work, by people who had to live with what they allowed; it costs no labelling.
What it cannot score: calls that nobody was asked about, whether a yes was read before it was given (`looked_s` is in
the journal), and cases that people never let the agent near: it is no random sample of the work.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from copilot_kit.journal.index import Journal
from copilot_kit.journal.state import RunState
from copilot_kit.journal.store import Store
from copilot_kit_evals.items import Item
from copilot_kit_evals.scorers.editions import edition
from copilot_kit_evals.scores import Output, Score

DECIDED: Final = ("accepted", "wording_edited", "edited", "rejected", "answered")
"""How a person can take a call; only the first counts as right."""


@dataclass(frozen=True, slots=True)
class GateRecord:
    """Scores the share of an agent's proposed calls that people accepted unchanged; no value where none was decided.

    `parts` has the share of each way to decide; `meta` the counts, also of calls that still wait or expired. Needs the
    store that the agent writes its journal to.
    """

    store: Store
    name: str = "gate"

    @property
    def digest(self) -> str:
        """Of the rules."""
        return edition("gate", 1)

    async def __call__(self, item: Item, output: Output) -> Score:  # noqa: ARG002  the record is the run's
        """Return the score of the output's run; without value where no agent made one."""
        if output.run is None:
            return Score(reason="no agent made this answer, so that no gate has a record of it")
        return score_of(await decisions_of(self.store, output.run.id))


async def decisions_of(store: Store, run_id: str) -> list[str]:
    """Return how each proposed call of a run was taken: one of `DECIDED`, or pending, expired, cancelled."""
    entries = await store.read(run_id)
    if not entries:
        return []
    asked = RunState.of(entries).proposals.values()
    again = {one.proposal.again_of for one in asked}
    return [
        way_of(one.state, wording_only=one.decision is not None and one.decision.wording_only)
        for one in asked
        if one.proposal.id not in again  # what replaced it is the one that was decided
    ]


def way_of(state: str, *, wording_only: bool) -> str:
    """Return the way that a proposal's state stands for."""
    if state == "edited" and wording_only:
        return "wording_edited"
    return "accepted" if state == "approved" else state


def score_of(ways: Iterable[str]) -> Score:
    """Return the score of calls that were taken in these ways."""
    counts = Counter(ways)
    decided = sum(counts[way] for way in DECIDED)
    meta: dict[str, JsonValue] = {"counts": {**counts}} if counts else {}
    if not decided:
        return Score(reason="nobody has decided a call of this run", meta=meta)
    shares: dict[str, float | None] = {way: counts[way] / decided for way in DECIDED}
    return Score(value=shares["accepted"], parts=shares, meta=meta)


@dataclass(frozen=True, slots=True)
class GateLabel:
    """One call that a person decided: what a judge of such calls is to be measured against."""

    run_id: str
    call_id: str
    tool: str
    model: str
    prompt_version: str
    way: str
    value: float
    """1 for accepted unchanged, else 0."""
    by: str | None


async def labels_of(journal: Journal, *, tool: str | None = None, last: int = 1000) -> list[GateLabel]:
    """Return the decided calls among the last of a journal, newest first."""
    found = []
    for row in await journal.calls(tool=tool, limit=last):
        way = way_of(row.state, wording_only=row.wording_only)
        if way in DECIDED:
            found.append(GateLabel(row.run_id, row.call_id, row.tool, row.model, row.prompt_version, way,
                                   float(way == "accepted"), row.by))  # fmt: skip
    return found
