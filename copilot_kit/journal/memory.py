"""A journal that lives as long as its process: for throw-away runs and for tests."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, TypeAlias

from copilot_kit.errors import Conflict, NotOwner
from copilot_kit.journal.auditable import Anchor, Whole
from copilot_kit.journal.folding import Folded, evidence_of, sorted_waiting
from copilot_kit.journal.heads import Link, is_stream, link_after, needs_link
from copilot_kit.journal.index import CallRow, Claim, Evidence, Order, Waiting
from copilot_kit.journal.state import RunState
from copilot_kit.journal.store import GENESIS, Draft, Entry, Head, RunRow, Sealed, seal, unseal
from copilot_kit.records import Erased, Principal

_Row: TypeAlias = tuple[Any, ...]
"""A record as plain values, which the garbage collector does not walk, however many runs there are."""
_FIELDS = attrgetter(*Head.__slots__)


def _row(one: Sealed) -> _Row:
    return (*_FIELDS(one.head), one.salt, one.payload)


def _sealed(row: _Row) -> Sealed:
    return Sealed(Head(*row[:-2]), *row[-2:])


class MemoryStore:
    """Keeps records in memory, sealed like durable ones; lists are folded when they are asked for."""

    def __init__(self, *, tenant: str = "local", clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._tenant = tenant
        self._clock = clock
        self._rows: dict[str, list[_Row]] = {}
        self._leases: dict[str, tuple[int, str, float]] = {}
        self._links: list[Link] = []
        self._claims: dict[str, Claim] = {}
        self._folded: dict[str, Folded] = {}
        self._moved = 0

    shared = False
    closed = False

    async def append(
        self, run_id: str, drafts: Sequence[Draft], *, after: int, epoch: int = 0, durable: bool = True
    ) -> list[Entry]:
        """Add records to a run; see `Store`. `durable` means nothing here."""
        del durable
        rows = self._rows.get(run_id, [])
        lease = self._leases.get(run_id)
        if epoch and (lease is None or lease[0] != epoch):
            raise NotOwner(f"Run {run_id!r} was taken over by another owner. Let it finish, or resume it there.")
        if len(rows) - 1 != after:
            raise Conflict(f"Run {run_id!r} is at record {len(rows) - 1}, not {after}. Read it again and retry.")
        fresh: list[_Row] = []
        added: list[Entry] = []
        prev = _sealed(rows[-1]).head.hash if rows else GENESIS
        for seq, draft in enumerate(drafts, len(rows)):
            one = seal(draft, tenant=self._tenant, run_id=run_id, seq=seq, epoch=epoch, at=self._clock(), prev=prev)
            fresh.append(_row(one))
            added.append(Entry(one.head, draft.body))
            prev = one.head.hash
        if added:
            self._link(added, new=not rows)
            self._rows.setdefault(run_id, []).extend(fresh)
            self._moved += 1
        return added

    def _link(self, added: list[Entry], *, new: bool) -> None:
        head = added[-1].head
        if needs_link(head.run_id, (entry.head.kind for entry in added), new=new):
            last = (self._links[-1].nr, self._links[-1].hash) if self._links else None
            self._links.append(link_after(last, tenant=self._tenant, run_id=head.run_id, seq=head.seq, head=head.hash))

    async def read(self, run_id: str, *, after: int = -1) -> list[Entry]:
        """Return the records of a run behind `after`."""
        return self._entries(run_id, after)

    async def runs(self, *, limit: int = 50, waiting: bool = False) -> list[RunRow]:
        """Return the runs that were written to last."""
        rows = [RunState.of(self._entries(run_id, -1)).row() for run_id in self._rows if not is_stream(run_id)]
        rows = [row for row in rows if row.status == "waiting" or not waiting]
        return sorted(rows, key=lambda row: row.updated_at, reverse=True)[:limit]

    async def acquire(self, run_id: str, *, owner: str, ttl_s: float) -> int:
        """Take the lease of a run; see `Store`."""
        now = time.monotonic()
        epoch, holder, until = self._leases.get(run_id, (0, "", 0.0))
        if holder and holder != owner and until > now:
            raise NotOwner(f"Run {run_id!r} is being worked on by {holder!r}. Wait for it, or stop that process.")
        if holder != owner:
            epoch += 1
        self._leases[run_id] = (epoch, owner, now + ttl_s)
        self._moved += 1
        return epoch

    async def release(self, run_id: str, *, epoch: int) -> None:
        """Give the lease back."""
        lease = self._leases.get(run_id)
        if lease is not None and lease[0] == epoch:
            self._leases[run_id] = (epoch, "", 0.0)
            self._moved += 1

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
        """Return what waits; see `Index`."""
        items = [
            pair
            for run in self._fold()
            for pair in run.waiting()
            if tool in {None, pair[0].tool} and assigned_to in {None, pair[0].assigned_to}
        ]
        found = sorted_waiting(items, order, search)[offset : offset + limit]
        return [self._claimed(waiting) for waiting in found]

    async def waiting_count(self) -> int:
        """Return how many things wait."""
        return sum(len(run.items) for run in self._fold())

    async def calls(self, *, tool: str | None = None, limit: int = 50) -> list[CallRow]:
        """Return the calls that passed the gate, last asked first."""
        rows = [row for run in self._fold() for row in run.call_rows() if tool in {None, row.tool}]
        return sorted(rows, key=lambda row: (row.asked_at, row.run_id, row.seq), reverse=True)[:limit]

    async def evidence(self, *, tool: str | None = None) -> list[Evidence]:
        """Return how calls fared."""
        calls = [call for run in self._fold() for call in run.fates() if tool in {None, call.key[0]}]
        return evidence_of(calls)

    async def ready(self, *, limit: int = 50) -> list[str]:
        """Return runs that can go on and that nobody holds, longest untouched first."""
        free = [run for run in self._fold() if run.tally.ready and not self._held(run.run_id)]
        free.sort(key=lambda run: (run.updated_at, run.run_id))
        return [run.run_id for run in free[:limit]]

    async def claim(self, proposal_id: str, *, by: Principal, ttl_s: float) -> Claim:
        """Claim a card; see `Index`."""
        now = self._clock()
        claim = self._claims.get(proposal_id)
        if claim is None or claim.by == by.id or claim.until <= now:
            claim = self._claims[proposal_id] = Claim(by.id, now + timedelta(seconds=ttl_s))
            self._moved += 1
        return claim

    async def unclaim(self, proposal_id: str, *, by: Principal) -> None:
        """Let go of a card, if the claim is this person's."""
        claim = self._claims.get(proposal_id)
        if claim is not None and claim.by == by.id:
            del self._claims[proposal_id]
            self._moved += 1

    async def moved(self) -> int:
        """Return a number that changes with every append, lease and claim."""
        return self._moved

    async def sealed(self, run_id: str) -> list[Sealed]:
        """Return all records of a run as they are kept."""
        return [_sealed(row) for row in self._rows.get(run_id, [])]

    async def whole(self, run_ids: Sequence[str]) -> list[Whole]:
        """Return all records of the first of these runs; nothing else is kept of it."""
        records = await self.sealed(run_ids[0])
        last = records[-1].head if records else None
        return [Whole(records, None if last is None else Anchor(last.seq, last.hash), None)]

    async def reindex(self, run_id: str) -> None:
        """Forget what was folded of a run; it is folded anew when it is asked for."""
        self._folded.pop(run_id, None)

    async def run_ids(self) -> list[str]:
        """Return the ids of all runs and streams."""
        return list(self._rows)

    async def links(self) -> list[Link]:
        """Return the chain over all runs."""
        return list(self._links)

    async def runs_of(self, subject: str) -> list[str]:
        """Return the runs whose data is about this subject."""
        return [run.run_id for run in self._fold() if run.tally.subject == subject]

    async def blank(self, run_id: str, erased: Erased, *, after: int) -> Entry:
        """Append the record of an erasure and remove the bodies that it names; see `Erasable`."""
        self._fold()
        (entry,) = await self.append(run_id, [Draft(erased)], after=after)
        rows = self._rows[run_id]
        for seq in erased.seqs:
            rows[seq] = (*rows[seq][:-2], b"", None)
        self._folded[run_id].erase()
        return entry

    async def scrub(self) -> None:
        """Nothing is left anywhere."""

    async def close(self) -> None:
        """Nothing to let go of."""

    def _entries(self, run_id: str, after: int) -> list[Entry]:
        kept = (_sealed(row) for row in self._rows.get(run_id, [])[after + 1 :])
        return [unseal(one.head, one.payload) for one in kept]

    def _fold(self) -> list[Folded]:
        """Return all runs, each folded on from where it was when it was last asked for."""
        for run_id, rows in self._rows.items():
            if is_stream(run_id):
                continue
            folded = self._folded.setdefault(run_id, Folded(run_id))
            if folded.seq < len(rows) - 1:
                folded.take(self._entries(run_id, folded.seq))
        return list(self._folded.values())

    def _held(self, run_id: str) -> bool:
        _, owner, until = self._leases.get(run_id, (0, "", 0.0))
        return bool(owner) and until > time.monotonic()

    def _claimed(self, waiting: Waiting) -> Waiting:
        claim = self._claims.get(waiting.id)
        if claim is None or claim.until <= self._clock():
            return waiting
        return replace(waiting, claimed_by=claim.by, claimed_until=claim.until)
