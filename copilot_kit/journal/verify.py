"""Whether the records of a run are those that were written: digests of bodies and the chain, recomputed."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from copilot_kit.journal.store import GENESIS, Sealed, chain_hash
from copilot_kit.records import SCHEMA


@dataclass(frozen=True, slots=True)
class Anchor:
    """What is known from elsewhere of a run's last record: without one, a cut end cannot be told from a short run."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Flaw:
    """The first place where a journal is not what was written."""

    seq: int
    cause: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found in the records of one run."""

    ok: bool
    records: int
    first_bad: Flaw | None = None
    erased: tuple[int, ...] = ()
    """Records whose bodies were erased: their heads stand, and the chain with them."""


class Auditable(Protocol):
    """A store that shows its records as it keeps them.

    Contract: `sealed` and `anchor` never repair, skip or reorder anything, and decode no body.
    """

    async def sealed(self, run_id: str) -> list[Sealed]:
        """Return all records of a run, in order of seq."""
        ...

    async def anchor(self, run_id: str) -> Anchor | None:
        """Return what the store keeps of the run's last record apart from the records."""
        ...


def verify(records: Iterable[Sealed], *, anchor: Anchor | None = None) -> Verification:
    """Return whether these are all records of one run, unchanged and in order."""
    prev, seq = GENESIS, -1
    erased: list[int] = []
    for record in records:
        cause = flaw_in(record, seq=seq + 1, prev=prev)
        if cause is not None:
            return Verification(ok=False, records=seq + 1, first_bad=Flaw(seq + 1, cause), erased=tuple(erased))
        prev, seq = record.head.hash, record.head.seq
        if record.payload is None:
            erased.append(seq)
    flaw = None if anchor is None else _end_flaw(anchor, seq=seq, last=prev)
    return Verification(ok=flaw is None, records=seq + 1, first_bad=flaw, erased=tuple(erased))


async def verify_run(store: Auditable, run_id: str, *, anchor: Anchor | None = None) -> Verification:
    """Return whether a stored run is what was written; an `anchor` of your own finds what the store's cannot."""
    return verify(await store.sealed(run_id), anchor=anchor or await store.anchor(run_id))


def flaw_in(record: Sealed, *, seq: int, prev: str | None) -> str | None:
    """Return what is wrong with a record at this place; `prev` None: the one before it is not at hand."""
    head = record.head
    if head.seq != seq:
        return f"record {head.seq} stands where {seq} should: records were removed or reordered"
    if head.schema > SCHEMA:
        return f"its schema {head.schema} is newer than {SCHEMA}"
    if prev is not None and head.prev != prev:
        return "it does not follow the record before it: one of the two was replaced"
    fields = (head.tenant, head.run_id, head.seq, head.path, head.epoch, head.at, head.kind, head.body_digest)
    if chain_hash(*fields, head.prev, head.schema) != head.hash:
        return "its head was changed after it was written"
    if record.payload is not None and hashlib.sha256(record.salt + record.payload).hexdigest() != head.body_digest:
        return "its body was changed after it was written"
    return None


def _end_flaw(anchor: Anchor, *, seq: int, last: str) -> Flaw | None:
    if anchor.seq > seq:
        return Flaw(seq + 1, f"records {seq + 1} to {anchor.seq} are missing")
    if anchor.seq < seq or anchor.hash != last:
        return Flaw(seq, f"the run should end with record {anchor.seq}, {anchor.hash[:12]}…")
    return None
