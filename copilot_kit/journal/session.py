"""One owner's hold on a run: its lease, its state, and appends that keep both true."""

import asyncio
import contextlib
import logging
import math
import os
import socket
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

from copilot_kit.errors import Conflict, JournalError, NotOwner
from copilot_kit.ids import new_id
from copilot_kit.journal.state import RunState
from copilot_kit.journal.store import Draft, Entry, Store
from copilot_kit.records import DURABLE, Body

T = TypeVar("T")
_LOG = logging.getLogger(__name__)
LEASE_S = 10.0
"""A killed owner's run can be taken over after so long."""
SHIELD_S = 5.0
"""How long a cancelled owner may take to write down what it began."""


class RunChanged(Exception):
    """Somebody appended something that makes this draft wrong: a stop, a decision. `entries` are all that is new."""

    def __init__(self, entries: list[Entry]) -> None:
        super().__init__()
        self.entries = entries


class Session:
    """The records of a run as this owner knows them.

    Contract: between `open` and its end nobody else runs this run's tools; decisions and stops of others may arrive at
    any time and are taken in at the next append.
    """

    __slots__ = ("epoch", "run_id", "state", "store")

    def __init__(self, store: Store, state: RunState, epoch: int) -> None:
        self.store = store
        self.state = state
        self.run_id = state.run_id
        self.epoch = epoch

    async def append(
        self, *bodies: Body, path: tuple[str, ...] = (), durable: bool | None = None, unless_changed: bool = False
    ) -> list[Entry]:
        """Append these facts and return all records that are new, others' among them.

        durable: by default, if one of the kinds must not be lost.
        unless_changed: raise `RunChanged`, with nothing appended, if others wrote since this owner looked.
        """
        drafts = [Draft(body, path) for body in bodies]
        safe = any(body.kind in DURABLE for body in bodies) if durable is None else durable
        fresh: list[Entry] = []
        while True:
            try:
                added = await self.store.append(
                    self.run_id, drafts, after=self.state.seq, epoch=self.epoch, durable=safe
                )
            except Conflict:
                fresh += await self.catch_up()
                if unless_changed:
                    raise RunChanged(fresh) from None
                continue
            for entry in added:
                self.state.apply(entry)
            return fresh + added

    async def last_words(self, *bodies: Body, path: tuple[str, ...] = ()) -> None:
        """Write down what a cancelled owner leaves behind, for a bounded time; a failure is logged, not raised."""
        writing = asyncio.ensure_future(self.append(*bodies, path=path, durable=True))
        await asyncio.wait([writing], timeout=SHIELD_S)
        if not writing.done():
            _LOG.warning("run %s: its last words were not written within %g s", self.run_id, SHIELD_S)
        elif not writing.cancelled() and (error := writing.exception()) is not None:
            _LOG.warning("run %s: its last words could not be written: %s", self.run_id, error)

    async def catch_up(self) -> list[Entry]:
        """Take in what others wrote, and return it."""
        entries = await self.store.read(self.run_id, after=self.state.seq)
        for entry in entries:
            self.state.apply(entry)
        return entries


@contextlib.asynccontextmanager
async def held(store: Store, run_id: str, *, wait_s: float = 0.0) -> AsyncIterator[Session]:
    """Hold a run's lease while the block runs, renewing it in the background; raises `NotOwner` if another has it.

    wait_s: how long to wait for another owner's lease to end.
    """
    owner = f"{socket.gethostname()}:{os.getpid()}:{new_id('own')}"
    epoch = await _acquire(store, run_id, owner=owner, wait_s=wait_s)
    renewal = asyncio.create_task(_renew(store, run_id, owner)) if store.shared else None
    try:
        entries = await store.read(run_id)
        yield Session(store, RunState.of(entries) if entries else RunState(run_id), epoch)
    finally:
        if renewal is not None:
            renewal.cancel()
        await to_its_end(store.release(run_id, epoch=epoch))


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Return what the work returns; a cancellation goes on when the work has ended, or after `SHIELD_S`."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_untold)  # the cancellation is what the caller hears
        await asyncio.wait([task], timeout=SHIELD_S)
        raise


def _untold(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled():
        task.exception()


async def _acquire(store: Store, run_id: str, *, owner: str, wait_s: float) -> int:
    begun = time.monotonic()
    while True:
        try:
            return await store.acquire(run_id, owner=owner, ttl_s=LEASE_S if store.shared else math.inf)
        except NotOwner:
            if time.monotonic() - begun >= wait_s:
                raise
            await asyncio.sleep(min(0.2, wait_s))


async def _renew(store: Store, run_id: str, owner: str) -> None:
    while True:
        await asyncio.sleep(LEASE_S / 3)
        try:
            await store.acquire(run_id, owner=owner, ttl_s=LEASE_S)
        except NotOwner:
            return  # the next append is refused and says so
        except JournalError as error:  # the disk may be well again before the lease ends
            _LOG.warning("run %s: its lease was not renewed: %s", run_id, error)
