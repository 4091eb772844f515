"""The chain over all runs: it names the heads of runs as they begin, are decided and end.

The chain of a run cannot tell that the whole run was removed, or that its end was cut together with what its row says
of it; this one can, for each run names its predecessor's link. It costs one row for each append that needs one.
What was cut off its own end is found only with an anchor that is kept elsewhere.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from copilot_kit.journal.store import GENESIS

LINKED = frozenset({"decided", "run_ended", "run_stopped", "undone", "erased"})
"""Kinds after which the head of a run is linked, as it is after its first append; a stream's is after each."""


@dataclass(frozen=True, slots=True)
class Link:
    """One link: that a run had this record, with this hash."""

    tenant: str
    nr: int
    run_id: str
    seq: int
    head: str
    """Hash of that record."""
    prev: str
    hash: str


def is_stream(run_id: str) -> bool:
    """Return whether this is no run, but a stream of records of its own kind, as `@rules`."""
    return run_id.startswith("@")


def needs_link(run_id: str, kinds: Iterable[str], *, new: bool) -> bool:
    """Return whether the head of this run is linked after an append of such records."""
    return new or is_stream(run_id) or not LINKED.isdisjoint(kinds)


def link_after(last: tuple[int, str] | None, *, tenant: str, run_id: str, seq: int, head: str) -> Link:
    """Return the next link behind the one of this number and hash."""
    nr, prev = (0, GENESIS) if last is None else (last[0] + 1, last[1])
    return Link(tenant, nr, run_id, seq, head, prev, link_hash(tenant, nr, run_id, seq, head, prev))


def link_hash(tenant: str, nr: int, run_id: str, seq: int, head: str, prev: str) -> str:
    """Return the hash of a link over all its other fields."""
    fields = (tenant, str(nr), run_id, str(seq), head, prev)
    return hashlib.sha256("\x1f".join(fields).encode()).hexdigest()


def broken_link(links: Sequence[Link], *, anchor: tuple[int, str] | None = None) -> tuple[int, str] | None:
    """Return the number of the first link that is not as it was written, and what is wrong with it.

    anchor: number and hash of a link that was the last one at some time.
    """
    prev = GENESIS
    for nr, link in enumerate(links):
        if link.nr != nr:
            return nr, f"link {link.nr} stands where {nr} should: links were removed"
        if link.prev != prev:
            return nr, "it does not follow the link before it: one of the two was replaced"
        if link.hash != link_hash(link.tenant, nr, link.run_id, link.seq, link.head, prev):
            return nr, "it was changed after it was written"
        prev = link.hash
    if anchor is None:
        return None
    if anchor[0] >= len(links):
        return len(links), f"links {len(links)} to {anchor[0]} are missing"
    if links[anchor[0]].hash != anchor[1]:
        return anchor[0], f"it should have the hash {anchor[1][:12]}…: the chain was written anew"
    return None


def lock_number(*names: str) -> int:
    """Return the number by which writers in several processes lock a run, or with a tenant alone its chain."""
    digest = hashlib.blake2b(
        "\x1f".join(("copilot-kit", *names)).encode(errors="surrogatepass"), digest_size=8
    ).digest()
    return int.from_bytes(digest, "big", signed=True)
