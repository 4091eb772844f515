"""The line of a run in a list, kept up record by record: the same as its fold says, without folding."""

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from copilot_kit.records import (
    Body,
    Decided,
    Interrupted,
    Lapsed,
    MessageAdded,
    ModelSwitched,
    Proposed,
    Received,
    Requested,
    Responded,
    RunEnded,
    RunStarted,
    RunStatus,
    RunStopped,
)

Kind: TypeAlias = Literal["proposal", "unknown"]
Ended: TypeAlias = Literal["", "done", "failed", "stopped"]
_ROOT = ""
"""The path of the run's own agent, as it is written."""


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
    ended: Ended = ""
    broken: bool = False
    """The last request got no whole answer."""
    pending: int = 0
    unknown: int = 0
    started_us: int = 0

    @property
    def status(self) -> RunStatus:
        """Where the run stands."""
        if self.ended:
            return self.ended
        if self.pending or self.unknown:
            return "waiting"
        return "failed" if self.broken else "running"

    def take(  # noqa: PLR0912  one arm for each kind of record
        self, body: Body, path: str, waiting: Waiting, *, at_us: int
    ) -> None:
        """Take in the next record, as `RunState.apply` would."""
        nested = path != _ROOT
        match body:
            case RunStarted() | ModelSwitched() | RunEnded() | Interrupted() | MessageAdded() | Requested() if nested:
                pass  # of an agent nested in the run: the run itself goes on as it did
            case RunStarted(agent=agent, title=title):
                self.agent, self.title, self.started_us = agent, title, at_us
            case MessageAdded():
                self.ended, self.broken = "", False
            case Requested():
                self.broken = False
            case Interrupted():
                self.broken = True
            case Responded(response=response, failure=failure):
                self.broken = self.broken if nested else failure is not None
                if self.unknown and response.state == "complete":  # the next turn: the last one's calls are forgotten
                    self.unknown -= waiting.clear("unknown", path)
            case Received(state=state, call_id=call_id) if state == "unknown" or self.unknown:
                self._receive(call_id, path, waiting, unknown=state == "unknown")
            case Proposed(proposal=proposal):
                self.pending += waiting.add("proposal", proposal.id, path)
            case Decided(decision=decision):
                self.pending -= waiting.remove("proposal", decision.proposal_id)
            case Lapsed(proposal_id=proposal_id):
                self.pending -= waiting.remove("proposal", proposal_id)
            case RunEnded() | RunStopped():
                self._end("stopped" if isinstance(body, RunStopped) else body.status, waiting)
            case _:  # nobody waits because of it
                pass

    def _receive(self, call_id: str, path: str, waiting: Waiting, *, unknown: bool) -> None:
        if unknown:
            self.unknown += waiting.add("unknown", call_id, path)
        else:
            self.unknown -= waiting.remove("unknown", call_id)

    def _end(self, status: Literal["done", "failed", "stopped"], waiting: Waiting) -> None:
        self.ended = status
        if self.pending:
            waiting.clear("proposal")
            self.pending = 0
