"""The line of a run in a list, kept up record by record: the same as its fold says, without folding."""

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from copilot_kit.records import (
    Body,
    Decided,
    Lapsed,
    MessageAdded,
    Proposed,
    Received,
    Responded,
    RunEnded,
    RunStarted,
    RunStatus,
    RunStopped,
)

Kind: TypeAlias = Literal["proposal", "unknown"]


class Waiting(Protocol):
    """What of one run waits for a person."""

    def add(self, kind: Kind, item: str, path: str) -> int:
        """Add an item; returns 0 if it was there already, else 1."""
        ...

    def remove(self, kind: Kind, item: str) -> int:
        """Remove an item; returns 0 if it was not there, else 1."""
        ...

    def clear(self, kind: Kind, path: str | None = None) -> int:
        """Remove all of a kind, or all at one path; returns how many."""
        ...


@dataclass(slots=True)
class Tally:
    """What a list shows of a run, and what is needed to keep it up."""

    agent: str = ""
    title: str = ""
    status: RunStatus = "running"
    pending: int = 0
    unknown: int = 0
    started_us: int = 0

    def take(self, body: Body, path: str, waiting: Waiting, *, at_us: int) -> None:
        """Take in the next record, as `RunState.apply` would."""
        match body:
            case RunStarted(agent=agent, title=title):
                self.agent, self.title, self.started_us = agent, title, at_us
            case MessageAdded():
                self.status = "running"
            case Proposed(proposal=proposal):
                self.pending += waiting.add("proposal", proposal.id, path)
            case Decided(decision=decision):
                self.pending -= waiting.remove("proposal", decision.proposal_id)
            case Lapsed(proposal_id=proposal_id):
                self.pending -= waiting.remove("proposal", proposal_id)
            case Received(state="unknown", call_id=call_id):
                self.unknown += waiting.add("unknown", call_id, path)
            case Received(call_id=call_id) if self.unknown:
                self.unknown -= waiting.remove("unknown", call_id)
            case Responded() if self.unknown:  # the next turn: the fold forgets the calls of the last
                self.unknown -= waiting.clear("unknown", path)
            case RunEnded(status=status):
                self._end(status, waiting)
            case RunStopped():
                self._end("stopped", waiting)
            case _:  # requests, answers, intents: nobody waits because of them
                pass
        if self.status in {"running", "waiting"}:
            self.status = "waiting" if self.pending or self.unknown else "running"

    def _end(self, status: RunStatus, waiting: Waiting) -> None:
        self.status = status
        if self.pending:
            waiting.clear("proposal")
            self.pending = 0
