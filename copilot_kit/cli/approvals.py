"""The question in the terminal: one card, one key, one decision about exactly what was shown."""

import asyncio
import getpass
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from copilot_kit.approval import decide, stop
from copilot_kit.cli.keys import Draft, Keyboard
from copilot_kit.cli.question import Choice, Question, Setting, Tools
from copilot_kit.cli.screen import folded, shown
from copilot_kit.display import visible
from copilot_kit.errors import NotDecidable, UsageError
from copilot_kit.journal import RunState, Store
from copilot_kit.journal.thread import Asked
from copilot_kit.records import Principal, Proposal

__all__ = ["Choice", "Desk", "Tools", "closed", "this_person"]
_LOOK_S: Final = 0.25
PAST: Final = {
    "approve": "approved", "edit": "approved with your changes", "reject": "rejected", "answer": "answered by you",
}  # fmt: skip


def this_person() -> Principal:
    """Return the terminal's own user."""
    return Principal(id=getpass.getuser(), authenticated="local")


@dataclass(frozen=True, slots=True)
class Desk:
    """A person at a terminal who decides what an agent proposes."""

    keyboard: Keyboard
    tools: Tools = field(default_factory=dict)
    """For checking what a person edits before it is sent off."""
    by: Principal = field(default_factory=this_person)
    clock: Callable[[], float] = time.monotonic
    drafts: dict[tuple[str, str], Draft] = field(default_factory=dict)
    """Words typed and not sent, by proposal and what they are for."""
    tell: Callable[[str], None] = shown
    """Told what became of a decision."""

    async def decide(self, store: Store, run_id: str, proposal: Proposal) -> Choice:
        """Ask about one proposal and write the decision down; skipping leaves it waiting."""
        gone = asyncio.ensure_future(closed(store, run_id, proposal.id))
        try:
            choice = await self.ask(proposal, gone=gone)
        finally:
            gone.cancel()
        return await self.write(store, run_id, proposal, choice)

    async def ask(self, proposal: Proposal, *, gone: "asyncio.Task[str] | None" = None) -> Choice:
        """Show the card and return what the person wants; Enter and a closed terminal never approve.

        gone: ends the question as soon as it is done.
        """
        return await Question(self.setting(), proposal).asked(gone)

    def setting(self) -> Setting:
        """Return what a question needs of this desk; the caller may add to it."""
        return Setting(self.keyboard, self.clock, tools=self.tools, drafts=self.drafts)

    async def write(self, store: Store, run_id: str, proposal: Proposal, choice: Choice) -> Choice:
        """Write down what the person chose, and say so; what came too late is said, and is `gone`."""
        match choice.verdict:
            case "skip" | "back":
                self.tell("  left waiting")
            case "stop":
                await stop(store, run_id, by=self.by, text="stopped in the terminal")
                self.tell("  stopped; nothing that waits will run")
            case "approve" | "edit" | "reject" | "answer" as verdict:
                try:
                    await decide(
                        store, run_id, proposal.id, verdict, by=self.by, arguments=choice.arguments, text=choice.text,
                        shown=proposal.call_digest, shown_digest=choice.saw, looked_s=choice.looked_s,
                        channel="terminal", rule=choice.rule,
                    )  # fmt: skip
                except (NotDecidable, UsageError) as error:
                    self.tell(folded(visible(str(error)), indent="  "))
                    return Choice("gone", looked_s=choice.looked_s, key=choice.key)
                self.drafts.pop((proposal.id, verdict), None)
                self.tell(f"  {PAST[verdict]}{'' if choice.rule is None else ', and the rule stands'}")
            case "gone":
                self.tell(folded(visible(choice.text or ""), indent="  "))
            case "again" | "other":
                pass
        return choice


async def closed(store: Store, run_id: str, proposal_id: str, *, look_s: float = _LOOK_S) -> str:
    """Return, as soon as the proposal waits no more, what became of it and who says so."""
    state = RunState.of(await store.read(run_id))
    while True:
        asked = state.proposals.get(proposal_id)
        if asked is not None and asked.state != "pending":
            return _became(asked)
        await asyncio.sleep(look_s)
        for entry in await store.read(run_id, after=state.seq):
            state.apply(entry)


def _became(asked: Asked) -> str:
    decision = asked.decision
    if decision is None:
        return f"Decided elsewhere: the call is {asked.state} by now. Nothing was changed here."
    at = decision.at.astimezone()
    who = decision.by.name or decision.by.id
    return f"Decided elsewhere: the call is already {asked.state}, by {who} ({decision.channel}) at {at:%H:%M:%S}."
