"""Whether a journal is what was written: digests of bodies, the chain of each run, that over all runs, and lists."""

import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from copilot_kit.errors import BrokenRecord
from copilot_kit.journal.agreement import Difference, differences
from copilot_kit.journal.auditable import Anchor, Auditable, Whole
from copilot_kit.journal.heads import Link, broken_link, is_stream
from copilot_kit.journal.store import GENESIS, Sealed, body_of, chain_hash
from copilot_kit.records import SCHEMA, Erased

MOST = 100
"""Differences that a report names; the runs in which there are any are all named."""
_AT_MOST = 200
REBUILD = "the records are right; build the lists from them anew with: copilot-kit journal reindex"


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


@dataclass(frozen=True, slots=True)
class Place:
    """The first place where a journal, of all its runs, is not what was written."""

    run_id: str | None
    """None: the chain over all runs."""
    seq: int
    """Of the record; of the link, in the chain."""
    cause: str
    of: Literal["records", "lists"] = "records"
    """lists: what is kept beside the records says something else than they do."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in a whole journal."""

    ok: bool
    records: int
    runs: int
    first_bad: Place | None = None
    erased: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Records whose bodies were erased, by run; a record of each run says by whom."""
    head: Anchor | None = None
    """The last link of the chain over all runs: kept elsewhere, it shows later whether anything was cut since."""
    differences: tuple[Difference, ...] = ()
    """Where lists, and the counts that trust stands on, say something else than sound records; the first `MOST`."""
    differing: tuple[str, ...] = ()
    """All runs of which they do."""


def verify(records: Iterable[Sealed], *, anchor: Anchor | None = None) -> Verification:
    """Return whether these are all records of one run, unchanged and in order."""
    prev, seq = GENESIS, -1
    erased: list[int] = []
    named: set[int] = set()
    for record in records:
        cause = flaw_in(record, seq=seq + 1, prev=prev)
        if cause is not None:
            return Verification(ok=False, records=seq + 1, first_bad=Flaw(seq + 1, cause), erased=tuple(erased))
        prev, seq = record.head.hash, record.head.seq
        if record.payload is None:
            erased.append(seq)
        elif record.head.kind == "erased":
            named.update(_named(record.payload))
    flaw = None if anchor is None else _end_flaw(anchor, seq=seq, last=prev)
    unnamed = sorted(set(erased) - named)
    if unnamed:
        flaw = Flaw(unnamed[0], "its body was removed, and no record of an erasure names it")
    return Verification(ok=flaw is None, records=seq + 1, first_bad=flaw, erased=tuple(erased))


async def verify_run(store: Auditable, run_id: str, *, anchor: Anchor | None = None) -> Verification:
    """Return whether a stored run is what was written; an `anchor` of your own finds what the store's cannot."""
    (whole,) = await store.whole([run_id])
    return verify(whole.records, anchor=anchor or whole.end)


async def verify_all(store: Auditable, *, anchor: Anchor | None = None) -> Report:
    """Return whether a whole journal is what was written: each run, and that none was removed, cut short or slipped in.

    Where the records of a run are sound, so must be what lists say of it; each run is looked at as of one moment.
    anchor: `head` of an earlier report, kept elsewhere; without one, runs cut off the end of the chain together with
    their links cannot be told from runs that never were.
    """
    run_ids = await store.run_ids()
    links = await store.links()
    broken = broken_link(links, anchor=None if anchor is None else (anchor.seq, anchor.hash))
    bad = None if broken is None else Place(None, *broken)
    heads: dict[str, list[Link]] = {}
    for link in links:
        heads.setdefault(link.run_id, []).append(link)
    records = runs = 0
    erased: dict[str, tuple[int, ...]] = {}
    unlike: list[Difference] = []
    differing: list[str] = []
    async for run_id, whole in _each(store, sorted({*run_ids, *heads})):
        found = verify(whole.records, anchor=whole.end)
        records += found.records
        runs += (bool(whole.records) or whole.end is not None) and not is_stream(run_id)
        flaw, wrong = _compared(run_id, whole, found.first_bad, heads.get(run_id, []))
        if flaw is not None and bad is None:
            bad = Place(run_id, flaw.seq, flaw.cause)
        if wrong:
            differing.append(run_id)
            unlike += wrong[: MOST - len(unlike)]
        if found.erased:
            erased[run_id] = found.erased
    if unlike and bad is None:
        bad = Place(unlike[0].run_id, unlike[0].seq, f"{unlike[0]}: {REBUILD}", "lists")
    head = Anchor(links[-1].nr, links[-1].hash) if links else None
    return Report(ok=bad is None, records=records, runs=runs, first_bad=bad, erased=erased, head=head,
                  differences=tuple(unlike), differing=tuple(differing))  # fmt: skip


async def _each(store: Auditable, run_ids: Sequence[str]) -> AsyncIterator[tuple[str, Whole]]:
    done = 0
    while done < len(run_ids):
        for whole in await store.whole(run_ids[done : done + _AT_MOST]):
            yield run_ids[done], whole
            done += 1


def _compared(
    run_id: str, whole: Whole, flaw: Flaw | None, links: Sequence[Link]
) -> tuple[Flaw | None, list[Difference]]:
    """Return what is wrong with the records of a run; only if nothing is, they can say what is wrong with lists."""
    if flaw is None and (whole.records or links or whole.end is not None):
        flaw = _head_flaw(whole.records, links)
    if flaw is not None:
        return flaw, []
    try:
        return None, differences(run_id, whole)
    except BrokenRecord as error:
        return Flaw(len(whole.records) - 1, str(error)), []


def _head_flaw(records: Sequence[Sealed], links: Sequence[Link]) -> Flaw | None:
    if not links:
        return Flaw(0, "the chain over all runs does not know it: it was slipped in, or its links were removed")
    for link in links:
        if link.seq >= len(records):
            cause = "the run was removed" if not records else f"records {len(records)} to {link.seq} are missing"
            return Flaw(len(records), f"{cause}: the chain over all runs names record {link.seq}")
        if records[link.seq].head.hash != link.head:
            return Flaw(link.seq, "it is not the record that the chain over all runs names")
    return None


def _named(payload: bytes) -> tuple[int, ...]:
    try:
        body = body_of(payload)
    except ValueError:
        return ()
    return body.seqs if isinstance(body, Erased) else ()


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
