"""A journal that lives as long as its process: for throw-away runs and for tests."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, TypeAlias

from copilot_kit.errors import Conflict, NotOwner
from copilot_kit.journal.state import RunState
from copilot_kit.journal.store import GENESIS, Draft, Entry, Head, RunRow, Sealed, seal, unseal
from copilot_kit.journal.verify import Anchor

_Row: TypeAlias = tuple[Any, ...]
"""A record as plain values, which the garbage collector does not walk, however many runs there are."""
_FIELDS = attrgetter(*Head.__slots__)


def _row(one: Sealed) -> _Row:
    return (*_FIELDS(one.head), one.salt, one.payload)


def _sealed(row: _Row) -> Sealed:
    return Sealed(Head(*row[:-2]), *row[-2:])


class MemoryStore:
    """Keeps records in memory, sealed like durable ones."""

    def __init__(self, *, tenant: str = "local", clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._tenant = tenant
        self._clock = clock
        self._rows: dict[str, list[_Row]] = {}
        self._leases: dict[str, tuple[int, str, float]] = {}

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
        self._rows.setdefault(run_id, []).extend(fresh)
        return added

    async def read(self, run_id: str, *, after: int = -1) -> list[Entry]:
        """Return the records of a run behind `after`."""
        kept = (_sealed(row) for row in self._rows.get(run_id, [])[after + 1 :])
        return [unseal(one.head, one.payload) for one in kept]

    async def runs(self, *, limit: int = 50, waiting: bool = False) -> list[RunRow]:
        """Return the runs that were written to last."""
        rows = [RunState.of(await self.read(run_id)).row() for run_id in self._rows]
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
        return epoch

    async def release(self, run_id: str, *, epoch: int) -> None:
        """Give the lease back."""
        lease = self._leases.get(run_id)
        if lease is not None and lease[0] == epoch:
            self._leases[run_id] = (epoch, "", 0.0)

    async def sealed(self, run_id: str) -> list[Sealed]:
        """Return all records of a run as they are kept."""
        return [_sealed(row) for row in self._rows.get(run_id, [])]

    async def anchor(self, run_id: str) -> Anchor | None:
        """Return seq and hash of the run's last record."""
        rows = self._rows.get(run_id)
        last = _sealed(rows[-1]).head if rows else None
        return None if last is None else Anchor(last.seq, last.hash)

    async def close(self) -> None:
        """Nothing to let go of."""
