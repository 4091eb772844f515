"""What can be asked of a journal across its runs: what waits, what became of calls, whose turn it is.

All of it is derived from the records and kept up with each append, so that no list has to fold a journal.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from copilot_kit.effects import Effect
from copilot_kit.journal.auditable import Auditable
from copilot_kit.journal.store import Store
from copilot_kit.records import Principal, Proposal, ProposalState

Order: TypeAlias = Literal["queued", "due", "newest"]
"""Longest waiting first; the one that expires next first; last asked first."""
Outcome: TypeAlias = Literal["done", "failed", "unknown", "undone"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that waits for a person: a proposal, or a call of unknown outcome."""

    kind: Literal["proposal", "unknown"]
    run_id: str
    id: str
    """Of the proposal, or of the call."""
    path: tuple[str, ...]
    seq: int
    """Of the record that says so."""
    title: str
    """Of the run."""
    agent: str
    """The one that acts: the run's own, or one nested in it."""
    tool: str
    queued_at: datetime
    expires_at: datetime | None = None
    assigned_to: str | None = None
    claimed_by: str | None = None
    claimed_until: datetime | None = None
    proposal: Proposal | None = None
    """None for a call of unknown outcome, and where the body was erased."""


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call that passed the gate: proposed to a person, or allowed without asking."""

    run_id: str
    call_id: str
    proposal_id: str | None
    """The last one about this call; None: nobody was asked."""
    seq: int
    """Of the record with its arguments: the proposal, or the intent of a call that was allowed."""
    agent: str
    tool: str
    tool_version: str
    effect: Effect
    model: str
    prompt_version: str
    state: ProposalState | Literal["allowed"]
    outcome: Outcome | None
    """None: it has not run."""
    wording_only: bool
    by: str | None
    looked_s: float | None
    asked_at: datetime
    decided_at: datetime | None
    undoable: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """How calls of one tool by one model under one prompt have fared; calls of a suggestion are not among them."""

    tool: str
    tool_version: str
    model: str
    prompt_version: str
    clean: int = 0
    """Approved unchanged, ran, and neither failed nor was undone."""
    edited: int = 0
    wording_edited: int = 0
    """Edited in nothing but wording; not in `edited`."""
    rejected: int = 0
    """Rejected, or answered by a person in the tool's place."""
    failed: int = 0
    """Approved unchanged, and failed or of unknown outcome."""
    undone: int = 0
    """Approved unchanged or allowed, and later taken back."""
    allowed_clean: int = 0
    """Ran without asking, and neither failed nor was undone."""
    allowed_failed: int = 0
    recent: tuple[str, ...] = ()
    """What its last 50 calls that a person judged and its last 50 that ran counted as, newest first, as names of the
    counts above. What turned bad lately shows here long before it shows in the counts."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who has a card open, for others to see; it ends by itself and decides nothing."""

    by: str
    until: datetime


@runtime_checkable
class Index(Protocol):
    """Lists over all runs of a journal.

    Contract: answers are as of some moment at or after the call; streams (`@rules`) are never among runs; nothing here
    needs a lease, and nothing here changes a run.
    """

    async def waiting(
        self,
        *,
        order: Order = "queued",
        search: str = "",
        tool: str | None = None,
        assigned_to: str | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> list[Waiting]:
        """Return what waits. search: words that the run's title, the tool or the arguments hold, in any case."""
        ...

    async def waiting_count(self) -> int:
        """Return how many things wait."""
        ...

    async def calls(self, *, tool: str | None = None, limit: int = 50) -> list[CallRow]:
        """Return the calls that passed the gate, last asked first."""
        ...

    async def evidence(self, *, tool: str | None = None) -> list[Evidence]:
        """Return how calls fared, a row for each tool, version, model and prompt."""
        ...

    async def ready(self, *, limit: int = 50) -> list[str]:
        """Return runs that can go on and that nobody works on, longest untouched first.

        Decided or settled since an owner last wrote, or left running by one that died. Not among them: suggestions,
        runs that failed, and runs that wait for nothing but people.
        """
        ...

    async def claim(self, proposal_id: str, *, by: Principal, ttl_s: float) -> Claim:
        """Claim a card, or renew one's own claim; returns the claim in force, which may be somebody else's."""
        ...

    async def unclaim(self, proposal_id: str, *, by: Principal) -> None:
        """Let go of a card, if the claim is this person's."""
        ...

    async def moved(self) -> int:
        """Return a number that changes whenever anything above may have; cheap enough to ask four times a second."""
        ...


@runtime_checkable
class Journal(Store, Index, Auditable, Protocol):
    """All that a journal can be asked: one run's records, lists over all runs, and whether they are as written."""
