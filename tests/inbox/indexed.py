"""A memory journal that can be listed: stands in until the stores can be."""

from datetime import UTC, datetime, timedelta

from copilot_kit.journal import MemoryStore
from copilot_kit.journal.index import Claim, Waiting
from copilot_kit.journal.state import RunState


class IndexedStore(MemoryStore):
    def __init__(self):
        super().__init__()
        self._claims = {}
        self._count = 0

    async def append(self, run_id, drafts, **rest):
        entries = await super().append(run_id, drafts, **rest)
        self._count += 1
        return entries

    async def waiting(self, *, order="queued", search="", tool=None, assigned_to=None, limit=50, offset=0):
        rows = []
        for run_id in self._rows:
            if run_id.startswith("@"):
                continue
            state = RunState.of(await self.read(run_id))
            for asked in state.proposals.values():
                proposal = asked.proposal
                if asked.state != "pending":
                    continue
                held = self._claims.get(proposal.id)
                rows.append(
                    Waiting("proposal", run_id, proposal.id, (), state.seq, state.started.title, state.started.agent,
                            proposal.tool, proposal.queued_at or state.updated_at, proposal.expires_at,
                            asked.assigned_to, held and held.by, held and held.until, proposal)
                )  # fmt: skip
            rows += [Waiting("unknown", run_id, call.call.call_id, (), state.seq, state.started.title,
                             state.started.agent, call.call.name, state.updated_at) for call in state.unknown]  # fmt: skip
        rows = [row for row in rows if (tool is None or row.tool == tool)
                and (assigned_to is None or row.assigned_to == assigned_to)
                and all(word in f"{row.title} {row.tool} {row.proposal and row.proposal.arguments}".lower()
                        for word in search.lower().split())]  # fmt: skip
        return rows[offset : offset + limit]

    async def waiting_count(self):
        return len(await self.waiting(limit=10**9))

    async def calls(self, *, tool=None, limit=50):
        return []

    async def evidence(self, *, tool=None):
        return []

    async def ready(self, *, limit=50):
        return []

    async def claim(self, proposal_id, *, by, ttl_s):
        held = self._claims.get(proposal_id)
        if held is None or held.by == by.id or held.until < datetime.now(UTC):
            held = self._claims[proposal_id] = Claim(by.id, datetime.now(UTC) + timedelta(seconds=ttl_s))
            self._count += 1
        return held

    async def unclaim(self, proposal_id, *, by):
        held = self._claims.get(proposal_id)
        if held is not None and held.by == by.id:
            del self._claims[proposal_id]
            self._count += 1

    async def moved(self):
        return self._count
