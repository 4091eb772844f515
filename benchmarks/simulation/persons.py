"""The persons of a play: they decide late, twice, at once, from stale cards, and now and then rightly."""

import asyncio
from collections.abc import Awaitable, Callable

from benchmarks.simulation.store import Wire
from benchmarks.simulation.world import World
from copilot_kit.approval.decisions import Choice, ask_again, assign, decide, decide_together, lapse, settle, stop
from copilot_kit.approval.standing import listed, offered, revoke
from copilot_kit.errors import CopilotError, NotDecidable, UsageError
from copilot_kit.journal.state import RunState
from copilot_kit.records import Principal, Proposal, StandingRule, Verdict

EDITS = ('{"to":"bob"}', '{"to":"mallory","amount":1}', '{"amount":2,"to":"eve","stamp":0}', '{"text":"quiet"}',
         '{"text":"loud!"}', '{"item":"tea"}', "{}", "{", '{"to":7}')  # fmt: skip


class Person:
    """Somebody who reads the journal and decides, over the same unreliable wire."""

    def __init__(self, world: World, wire: Wire, name: str) -> None:
        groups = ("ops",) if name == "anna" else ()
        self.who = Principal(id=name, authenticated="token", groups=groups)
        self._world = world
        self._wire = wire
        self._cards: list[tuple[str, Proposal]] = []
        """What was on the screen once, decided since or not."""

    async def work(self, runs: list[str]) -> None:
        """Do some things, in any order."""
        for _ in range(self._world.chance.randint(4, 14)):
            await asyncio.sleep(self._world.chance.expovariate(0.5))
            try:
                await self._act(self._world.chance.choice(runs))
            except (NotDecidable, UsageError) as error:
                self._world.tell(f"{self.who.id} is told: {str(error)[:90]}")
            except CopilotError as error:
                self._world.tell(f"{self.who.id} cannot: {type(error).__name__}")

    async def _act(self, run_id: str) -> None:
        entries = await self._wire.read(run_id)
        if not entries:
            return
        state = RunState.of(entries)
        self._cards += [(run_id, proposal) for proposal in state.pending]
        self._world.seen.update({proposal.id: proposal for proposal in state.pending})
        chance = self._world.chance
        acts: list[Callable[[RunState], Awaitable[None]]] = [
            *[self._decide] * 8, *[self._settle] * 3, self._stop, self._assign, self._together, self._lapse,
            *[self._ask_again] * 2, self._revoke,
        ]  # fmt: skip
        await chance.choice(acts)(state)

    async def _decide(self, state: RunState) -> None:
        stale = self._world.happens(self._world.rates.careless)
        cards = self._cards if stale else [(state.run_id, proposal) for proposal in state.pending]
        if cards:
            run_id, proposal = self._world.chance.choice(cards)
            verdict: Verdict = self._world.chance.choice(("approve", "approve", "approve", "edit", "reject", "answer"))
            await self.decide(run_id, proposal, verdict)

    async def decide(self, run_id: str, proposal: Proposal, verdict: Verdict) -> None:
        """Decide a card and keep what was acknowledged."""
        world, chance = self._world, self._world.chance
        careless = world.happens(world.rates.careless)
        shown = chance.choice((None, "0" * 64, *(card.call_digest for _, card in self._cards))) if careless else (
            proposal.call_digest
        )  # fmt: skip
        decision = await decide(
            self._wire, run_id, proposal.id, verdict, by=self.who,
            arguments=chance.choice(EDITS) if verdict == "edit" else None,
            text="Because." if verdict in {"answer", "reject"} else None, shown=shown,
            rule=self._rule(proposal) if verdict == "approve" and world.happens(0.3) else None,
        )  # fmt: skip
        world.tell(f"{self.who.id} decided {proposal.id}: {verdict} {decision.arguments or ''}")
        world.decided.setdefault((run_id, proposal.id), []).append(decision)
        if shown not in {None, proposal.call_digest}:
            raise world.broken(f"{proposal.id} was decided by somebody who was shown another call")

    def _rule(self, proposal: Proposal) -> StandingRule | None:
        rule = offered(proposal, by=self.who, now=self._world.loop.wall(), new_id=self._world.new_id)
        return None if rule is None else rule.model_copy(update={"uses": self._world.chance.randint(1, 2)})

    async def _together(self, state: RunState) -> None:
        world = self._world
        choices = [Choice(one.id, world.chance.choice(("approve", "reject")), shown=one.call_digest)
                   for one in state.pending[:3]]  # fmt: skip
        if choices:
            for decision in await decide_together(self._wire, state.run_id, choices, by=self.who):
                world.tell(f"{self.who.id} decided {decision.proposal_id} with others: {decision.verdict}")
                world.decided.setdefault((state.run_id, decision.proposal_id), []).append(decision)

    async def _assign(self, state: RunState) -> None:
        for proposal in state.pending[:1]:
            await assign(self._wire, state.run_id, proposal.id, to="ben", by=self.who)

    async def _lapse(self, state: RunState) -> None:
        await lapse(self._wire, state.run_id)

    async def _ask_again(self, state: RunState) -> None:
        over = [one.proposal for one in state.proposals.values() if one.state == "expired"] or state.pending
        if over:
            proposal = self._world.chance.choice(over)
            await ask_again(self._wire, state.run_id, proposal.id, by=self.who, new_id=self._world.new_id)
            self._world.tell(f"{self.who.id} asks {proposal.id} again")

    async def _revoke(self, _state: RunState) -> None:
        granted = [one for one in await listed(self._wire) if one.ended is None]
        if granted:
            await revoke(self._wire, granted[0].rule.id, by=self.who)

    async def _settle(self, state: RunState) -> None:
        for unknown in state.unknown:
            await self.settle(state.run_id, unknown.call.call_id)

    async def settle(self, run_id: str, call_id: str) -> None:
        """Say of a call in doubt what is true, or what it looks like."""
        done = self._world.happened(run_id, call_id)
        if done and self._world.happens(self._world.rates.careless):
            done = False
        await settle(self._wire, run_id, call_id, done=done, by=self.who)
        self._world.tell(f"{self.who.id} settled {call_id}: {'done' if done else 'not done'}")

    async def _stop(self, state: RunState) -> None:
        await stop(self._wire, state.run_id, by=self.who, text="Enough.")
        self._world.tell(f"{self.who.id} stopped {state.run_id}")
