"""A journal behind an unreliable wire: slow, refusing, losing its answers, written to by others as well."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from benchmarks.simulation.world import World
from copilot_kit.errors import Conflict, JournalError, NotOwner
from copilot_kit.journal.state import RunState
from copilot_kit.journal.store import Draft, Entry, RunRow
from copilot_kit.records import Assigned, Body, Principal, RunStopped

T = TypeVar("T")
_FOREVER_S = 1e9
_STOPS = 0.3
_NAMED = ("call_id", "proposal_id", "rule_id", "state", "status")
BUSYBODY = Principal(id="busybody")


class Aside:
    """A store whose threads are its own: each of its operations is over before anything else of the play happens."""

    def __init__(self, made: Callable[[], Any]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._store = made()

    def now(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what an operation returns, once it is over."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def __getattr__(self, name: str) -> Any:
        """Return the store's method, made to be over at once."""
        method = getattr(self._store, name)

        async def over(*args: Any, **kwargs: Any) -> Any:
            return self.now(method(*args, **kwargs))

        return over

    def end(self) -> None:
        """Let go of the store and of the thread."""
        self.now(self._store.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@dataclass(frozen=True, slots=True)
class _Lease:
    owner: str
    epoch: int
    until: float


class Wire:
    """What players reach the journal through; see `copilot_kit.journal.store.Store` for what it promises."""

    shared = True
    closed = False

    def __init__(self, inner: Any, world: World) -> None:
        self.inner = inner
        self._world = world
        self._leases: dict[str, _Lease] = {}
        self._under_way: set[asyncio.Task[Any]] = set()

    async def append(
        self, run_id: str, drafts: Sequence[Draft], *, after: int, epoch: int = 0, durable: bool = True
    ) -> list[Entry]:
        """Add records; what was sent may be written although the sender is gone by then."""
        kinds = "+".join(draft.body.kind for draft in drafts)
        await self._world.seam(f"sending {kinds}")
        if self._world.happens(self._world.rates.refuse):
            self._world.tell(f"refused {run_id}: {kinds}")
            raise JournalError("The journal cannot be written to (injected). Try again.")
        writing = asyncio.ensure_future(self._write(run_id, drafts, after=after, epoch=epoch, durable=durable))
        self._under_way.add(writing)
        writing.add_done_callback(self._over)
        added: list[Entry] = await asyncio.shield(writing)
        await self._world.seam(f"hearing of {kinds}")
        if self._world.happens(self._world.rates.lose):
            self._world.tell(f"lost the answer for {run_id}: {kinds}")
            raise JournalError("The journal's answer was lost (injected). Look what is there.")
        return added

    async def _write(
        self, run_id: str, drafts: Sequence[Draft], *, after: int, epoch: int, durable: bool
    ) -> list[Entry]:
        await asyncio.sleep(self._world.chance.random() * 0.01)
        if self._world.happens(self._world.rates.meddle):
            await self._meddle(run_id, stops=any(draft.body.kind == "intended" for draft in drafts))
        try:
            added: list[Entry] = await self.inner.append(run_id, drafts, after=after, epoch=epoch, durable=durable)
        except (Conflict, NotOwner) as error:
            self._world.tell(f"{type(error).__name__} for {run_id}: {'+'.join(d.body.kind for d in drafts)}")
            raise
        for entry in added:
            self._world.tell(f"wrote {run_id} {entry.head.seq}: {told(entry)}")
        return added

    async def _meddle(self, run_id: str, *, stops: bool) -> None:
        """Write something just before, so that the record that was to be written comes too late: sometimes a stop."""
        entries = await self.inner.read(run_id)
        state = RunState.of(entries) if entries else None
        if state is None or state.ended is not None:
            return
        body: Body | None = Assigned(proposal_id=state.pending[0].id, to="anna", by=BUSYBODY) if state.pending else None
        if stops and self._world.chance.random() < _STOPS:
            self._world.tell(f"{BUSYBODY.id} stops {run_id}")
            body = RunStopped(by=BUSYBODY)
        if body is not None:
            await self.inner.append(run_id, [Draft(body)], after=entries[-1].head.seq)

    def _over(self, writing: "asyncio.Task[Any]") -> None:
        self._under_way.discard(writing)
        if not writing.cancelled():
            writing.exception()  # told to whoever still listens

    async def read(self, run_id: str, *, after: int = -1) -> list[Entry]:
        """Return the records behind `after`."""
        await self._world.seam("reading")
        if self._world.happens(self._world.rates.refuse):
            raise JournalError("The journal cannot be read (injected). Try again.")
        entries: list[Entry] = await self.inner.read(run_id, after=after)
        await self._world.seam("having read")
        return entries

    async def runs(self, *, limit: int = 50, waiting: bool = False) -> list[RunRow]:
        """Return the runs that were written to last."""
        await self._world.seam("listing")
        rows: list[RunRow] = await self.inner.runs(limit=limit, waiting=waiting)
        return rows

    async def acquire(self, run_id: str, *, owner: str, ttl_s: float) -> int:
        """Take or renew a lease; it ends by the wall clock, which jumps."""
        await self._world.seam("acquiring")
        if self._world.happens(self._world.rates.refuse):
            raise JournalError("The journal cannot be written to (injected). Try again.")
        now = self._world.loop.wall().timestamp()
        held = self._leases.get(run_id)
        if held is not None and held.owner != owner:
            if held.until > now:
                raise NotOwner(f"Run {run_id!r} is being worked on by {held.owner!r}. Wait for it.")
            await self.inner.release(run_id, epoch=held.epoch)
        epoch: int = await self.inner.acquire(run_id, owner=owner, ttl_s=_FOREVER_S)
        if held is None or held.owner != owner:
            self._world.tell(f"took {run_id}, epoch {epoch}")
        self._leases[run_id] = _Lease(owner, epoch, now + ttl_s)
        self._world.leased(run_id, epoch)
        await self._world.seam("having acquired")
        return epoch

    async def release(self, run_id: str, *, epoch: int) -> None:
        """Give a lease back."""
        await self._world.seam("releasing")
        held = self._leases.get(run_id)
        if held is not None and held.epoch == epoch:
            del self._leases[run_id]
            await self.inner.release(run_id, epoch=epoch)

    async def ready(self, *, limit: int = 50) -> list[str]:
        """Return runs that can go on; leases that are over by the wall clock hold nobody up."""
        now = self._world.loop.wall().timestamp()
        for run_id, held in list(self._leases.items()):
            if held.until <= now:
                del self._leases[run_id]
                await self.inner.release(run_id, epoch=held.epoch)
        ready: list[str] = await self.inner.ready(limit=limit)
        return ready

    async def close(self) -> None:
        """Nothing to let go of."""


def told(entry: Entry) -> str:
    """Return a record in a few words."""
    body: Any = entry.body
    words = [body.kind, *(f"{getattr(body, name)}" for name in _NAMED if getattr(body, name, None))]
    match body.kind:
        case "proposed":
            words.append(
                f"{body.proposal.id} of {body.proposal.call_id}: {body.proposal.tool} {body.proposal.arguments}"
            )
        case "decided":
            words.append(f"{body.decision.verdict} {body.decision.proposal_id} by {body.decision.by.id}")
        case "responded":
            calls = [f"{call.call_id}={call.name}({call.args_json})" for call in body.response.calls]
            words += calls or [repr(body.response.text[:40])]
        case "received":
            words.append(repr(body.result.text[:60]))
    return " ".join(words) + "".join(f" /{step}" for step in entry.head.path)
