"""The one interface to where records are kept, and how a record is sealed into its run's chain."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from pydantic import ConfigDict, TypeAdapter, ValidationError

from copilot_kit.errors import BrokenRecord, JournalError
from copilot_kit.records import SCHEMA, Body, RunStatus

GENESIS = "0" * 64
"""What the first record of a run names as its predecessor."""
SALT_BYTES = 16

_BODY: TypeAdapter[Body] = TypeAdapter(Body, config=ConfigDict(defer_build=True))


@dataclass(frozen=True, slots=True)
class Draft:
    """A record before it has its place: what happened, and at which depth (call ids down to the acting agent)."""

    body: Body
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Head:
    """A record without its body. Order is `seq`, never `at`."""

    schema: int
    tenant: str
    run_id: str
    seq: int
    path: tuple[str, ...]
    epoch: int
    """Of the lease under which it was written; 0: written without one (decisions, stops)."""
    at: datetime
    kind: str
    body_digest: str
    """SHA-256 over salt and body."""
    prev: str
    hash: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """A record with the bytes of its body, as a store keeps it."""

    head: Head
    salt: bytes
    payload: bytes | None
    """None where it was erased."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as it is read back; `body` is None where it was erased."""

    head: Head
    body: Body | None


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in a list."""

    run_id: str
    agent: str
    title: str
    status: RunStatus
    seq: int
    """Of its last record."""
    pending: int
    """Proposals that wait."""
    started_at: datetime
    updated_at: datetime
    purpose: Literal["task", "suggestion"] = "task"


def seal(draft: Draft, *, tenant: str, run_id: str, seq: int, epoch: int, at: datetime, prev: str) -> Sealed:
    """Return the draft with its place in the chain: hash = SHA-256 over all other fields of the head."""
    try:
        payload = draft.body.model_dump_json().encode()
    except ValueError as error:  # half a surrogate pair, for one
        raise JournalError(
            f"A record ({draft.body.kind}) of run {run_id!r} cannot be kept as UTF-8 JSON: {error}. "
            "Replace what is no text before it gets here; nothing was added."
        ) from error
    salt = os.urandom(SALT_BYTES)
    digest = hashlib.sha256(salt + payload).hexdigest()
    kind = draft.body.kind
    link = chain_hash(tenant, run_id, seq, draft.path, epoch, at, kind, digest, prev)
    head = Head(SCHEMA, tenant, run_id, seq, draft.path, epoch, at, kind, digest, prev, link)
    return Sealed(head, salt, payload)


def chain_hash(  # noqa: PLR0913, PLR0917  the fields of the head, in their order
    tenant: str, run_id: str, seq: int, path: tuple[str, ...], epoch: int, at: datetime, kind: str, body_digest: str,
    prev: str, schema: int = SCHEMA,
) -> str:  # fmt: skip
    """Return the hash of a head: fields joined by an unambiguous separator, in the order of `Head`."""
    where = json.dumps(path) if path else "[]"
    fields = (str(schema), tenant, run_id, str(seq), where, str(epoch), at.isoformat(), kind, body_digest, prev)
    return hashlib.sha256("\x1f".join(fields).encode()).hexdigest()


def unseal(head: Head, payload: bytes | None) -> Entry:
    """Return the entry of a stored record; raises `BrokenRecord` with the place and the cause."""
    if head.schema > SCHEMA:
        raise BrokenRecord(
            f"Record {head.seq} of run {head.run_id!r} has schema {head.schema}, newer than {SCHEMA}. "
            "Update copilot-kit to read this journal; nothing was changed."
        )
    if payload is None:
        return Entry(head, None)
    try:
        return Entry(head, _BODY.validate_json(payload))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BrokenRecord(
            f"Record {head.seq} ({head.kind}) of run {head.run_id!r} cannot be read: {where}: {first['msg']}. "
            "Restore the journal from a backup; the damaged record was left as it is."
        ) from error


def body_of(payload: bytes) -> Body:
    """Return the body that these bytes hold; raises `ValueError`."""
    return _BODY.validate_json(payload)


class Store(Protocol):
    """Where journals are kept.

    Contract:
    - `append` adds all drafts or none, exactly after record `after`; if somebody else appended first it raises
      `Conflict` and adds nothing. With `durable`, they survive a power cut before it returns.
    - A non-zero `epoch` must be that of the newest lease of the run, else `NotOwner`; epoch 0 needs no lease.
    - `read` returns the records in order of seq; a broken one raises `BrokenRecord`.
    - All methods may be called from several tasks and processes at once.
    """

    @property
    def shared(self) -> bool:
        """Whether other processes can reach these runs, so that leases must end by themselves and be kept alive."""
        ...

    async def append(
        self, run_id: str, drafts: Sequence[Draft], *, after: int, epoch: int = 0, durable: bool = True
    ) -> list[Entry]:
        """Add records to a run and return them; `after` is -1 for a new run."""
        ...

    async def read(self, run_id: str, *, after: int = -1) -> list[Entry]:
        """Return the records of a run behind `after`; an unknown run has none."""
        ...

    async def runs(self, *, limit: int = 50, waiting: bool = False) -> list[RunRow]:
        """Return the runs that were written to last; with `waiting`, only those that wait for a person."""
        ...

    async def acquire(self, run_id: str, *, owner: str, ttl_s: float) -> int:
        """Take the lease of a run and return its epoch, one higher than any before; raises `NotOwner` if it is held.

        The run need not exist yet. The same owner renews by acquiring again and keeps its epoch, late too, if nobody
        took the lease in the meantime.
        """
        ...

    async def release(self, run_id: str, *, epoch: int) -> None:
        """Give the lease back, if it is still this one."""
        ...

    async def close(self) -> None:
        """Let go of files and connections; what was appended stays."""
        ...
