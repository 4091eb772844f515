"""Calls that people judged, with what the model proposed and what the person made of it, as the journal has them."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import JsonValue

from copilot_kit.effects import ArgumentRole
from copilot_kit.errors import BrokenRecord
from copilot_kit.journal.index import CallRow
from copilot_kit.journal.store import Entry, Store
from copilot_kit.records import Decided, Decision, Proposal, Proposed, Verdict
from copilot_kit.tools import arguments_of

_AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True)
class Judged:
    """A call that a person judged."""

    run_id: str
    proposal_id: str
    tool: str
    verdict: Verdict
    by: str
    at: datetime
    proposed: dict[str, JsonValue]
    """The arguments as the model wrote them, checked and with defaults."""
    wanted: dict[str, JsonValue]
    """The arguments as the person left them."""
    said: str
    """Why they rejected it, or what they answered in the tool's place."""
    roles: dict[str, ArgumentRole]
    batch: str | None
    """The same for calls that were decided as one."""

    @property
    def names(self) -> dict[str, JsonValue]:
        """What the call is about: its arguments without those that are only words, if there are others."""
        kept = {name: value for name, value in self.proposed.items() if self.roles.get(name) not in _WORDS}
        return kept or self.proposed


_WORDS: Final = frozenset({"wording", "content"})


async def read_judged(store: Store, rows: Iterable[CallRow]) -> list[Judged]:
    """Return the calls of these rows, oldest decision first; those whose run was erased or is damaged are left out."""
    wanted: dict[str, set[int]] = {}
    for row in rows:
        wanted.setdefault(row.run_id, set()).add(row.seq)
    runs = list(wanted.items())
    found: list[Judged] = []
    for first in range(0, len(runs), _AT_ONCE):
        reading = [_of_run(store, run_id, seqs) for run_id, seqs in runs[first : first + _AT_ONCE]]
        found += [one for some in await asyncio.gather(*reading) for one in some]
    return sorted(found, key=lambda one: (one.at, one.run_id, one.proposal_id))


async def _of_run(store: Store, run_id: str, seqs: set[int]) -> list[Judged]:
    try:
        entries = await store.read(run_id, after=min(seqs) - 1)
    except BrokenRecord:  # `audit verify` says so; it must not hide what other runs teach
        return []
    return _matched(run_id, entries, seqs)


def _matched(run_id: str, entries: Sequence[Entry], seqs: set[int]) -> list[Judged]:
    proposals: dict[str, Proposal] = {}
    found: list[Judged] = []
    for entry in entries:
        match entry.body:
            case Proposed(proposal=proposal) if entry.head.seq in seqs:
                proposals[proposal.id] = proposal
            case Decided(decision=decision) if decision.proposal_id in proposals:
                found.append(_judged(run_id, proposals[decision.proposal_id], decision))
            case _:
                pass
    return found


def _judged(run_id: str, proposal: Proposal, decision: Decision) -> Judged:
    proposed = arguments_of(proposal.arguments)
    edited = decision.verdict == "edit" and decision.arguments is not None
    return Judged(
        run_id=run_id,
        proposal_id=proposal.id,
        tool=proposal.tool,
        verdict=decision.verdict,
        by=decision.by.id,
        at=decision.at,
        proposed=proposed,
        wanted=arguments_of(decision.arguments or "") if edited else proposed,
        said=decision.text or "",
        roles=proposal.roles,
        batch=decision.batch,
    )
