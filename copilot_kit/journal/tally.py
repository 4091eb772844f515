"""The line of a run in a list and what of it waits, kept up record by record: as its fold says, without folding."""

import json
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from copilot_kit.journal.calls import Call, Kind, Where
from copilot_kit.journal.times import micros
from copilot_kit.records import (
    Assigned,
    Body,
    Decided,
    Erased,
    Interrupted,
    Lapsed,
    MessageAdded,
    ModelSwitched,
    Proposal,
    Proposed,
    Received,
    Requested,
    Responded,
    RunEnded,
    RunStarted,
    RunStatus,
    RunStopped,
)

Ended: TypeAlias = Literal["", "done", "failed", "stopped"]
_ROOT = ""
"""The path of the run's own agent, as it is written."""


@dataclass(slots=True)
class Item:
    """Something that waits for a person."""

    kind: Kind
    id: str
    path: str
    seq: int
    call_id: str
    agent: str
    tool: str
    queued_us: int
    asked_us: int
    expires_us: int | None
    words: str
    """What a search looks through."""
    assigned_to: str | None = None


class Waiting(Protocol):
    """What of one run waits for a person."""

    def add(self, item: Item) -> int:
        """Add an item; returns 0 if it was there already, else 1."""
        ...

    def remove(self, kind: Kind, item: str) -> int:
        """Remove an item; returns 0 if it was not there, else 1."""
        ...

    def clear(self, kind: Kind, path: str | None = None) -> int:
        """Remove all of a kind, or all at one path; returns how many."""
        ...

    def assign(self, proposal_id: str, to: str | None) -> None:
        """Say who is to decide a proposal, if it waits."""
        ...

    def call(self, call_id: str) -> Call | None:
        """Return a call that passed the gate."""
        ...

    def arguments(self, call: Call) -> str:
        """Return the arguments of such a call; nothing where they were erased."""
        ...

    def cancel(self) -> None:
        """Turn all pending calls into cancelled ones."""
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
    running: int = 0
    """Calls that passed the gate and of which it is still to be said what became of them."""
    fresh: bool = False
    """A person has said something that no owner of the run has followed yet."""
    purpose: str = "task"
    subject: str | None = None
    started_us: int = 0

    @property
    def status(self) -> RunStatus:
        """Where the run stands."""
        if self.ended:
            return self.ended
        if self.pending or self.unknown:
            return "waiting"
        return "failed" if self.broken else "running"

    @property
    def ready(self) -> bool:
        """Somebody could go on with the run; a suggestion is its caller's own affair."""
        if self.purpose != "task":
            return False
        if self.ended:  # its owner may have died in a call: the next one shows it
            return self.ended == "stopped" and self.fresh and self.running > 0
        return self.fresh or self.status == "running"

    def take(self, body: Body, where: Where, waiting: Waiting) -> None:
        """Take in the next record, as `RunState.apply` would."""
        said = isinstance(body, RunStopped) or (isinstance(body, Decided | Lapsed | Received) and not self.ended)
        self.fresh = not where.epoch and (self.fresh or said)
        nested = where.path != _ROOT
        match body:
            case RunStarted() | ModelSwitched() | RunEnded() | Interrupted() | MessageAdded() | Requested() if nested:
                pass  # of an agent nested in the run: the run itself goes on as it did
            case RunStarted():
                self.agent, self.title, self.started_us = body.agent, body.title, where.at_us
                self.purpose, self.subject = body.purpose, body.subject
            case MessageAdded():
                self.ended, self.broken = "", False
            case Requested():
                self.broken = False
            case Interrupted(failure=failure):
                self.broken = not failure.is_cancelled
            case Responded(response=response, failure=failure):
                self.broken = self.broken if nested else failure is not None and not failure.is_cancelled
                if self.unknown and response.state == "complete":  # the next turn: the last one's calls are forgotten
                    self.unknown -= waiting.clear("unknown", where.path)
            case Received(state=state) if state == "unknown" or self.unknown:
                self._receive(body, where, waiting)
            case RunEnded() | RunStopped():
                self._end("stopped" if isinstance(body, RunStopped) else body.status, waiting)
            case Proposed() | Decided() | Lapsed() | Assigned():
                self._ask(body, where, waiting)
            case Erased():
                self._erase(body, waiting)
            case _:  # nobody waits because of it
                pass

    def _ask(self, body: Proposed | Decided | Lapsed | Assigned, where: Where, waiting: Waiting) -> None:
        match body:
            case Proposed(proposal=proposal):
                self.pending += waiting.add(_asked(proposal, where, self.title))
            case Decided(decision=decision):
                self.pending -= waiting.remove("proposal", decision.proposal_id)
            case Lapsed(proposal_id=proposal_id):
                self.pending -= waiting.remove("proposal", proposal_id)
            case Assigned(proposal_id=proposal_id, to=to):
                waiting.assign(proposal_id, to)

    def _receive(self, received: Received, where: Where, waiting: Waiting) -> None:
        if received.state != "unknown":
            self.unknown -= waiting.remove("unknown", received.call_id)
            return
        call = waiting.call(received.call_id)
        agent = self.agent if call is None else call.agent
        arguments = "" if call is None else waiting.arguments(call)
        words = searchable(self.title, received.tool, arguments)
        at = where.at_us
        self.unknown += waiting.add(Item("unknown", received.call_id, where.path, where.seq, received.call_id, agent,
                                         received.tool, at, at, None, words))  # fmt: skip

    def _end(self, status: Literal["done", "failed", "stopped"], waiting: Waiting) -> None:
        self.ended = status
        if self.pending:
            waiting.cancel()
            waiting.clear("proposal")
            self.pending = 0

    def _erase(self, erased: Erased, waiting: Waiting) -> None:
        """Keep what the erasure says of the run; it was refused while anybody had to see to it."""
        self.agent, self.purpose, self.ended = erased.agent, erased.purpose, erased.status
        self.title, self.subject, self.broken, self.fresh = "", None, False, False
        self.pending -= waiting.clear("proposal")
        self.unknown -= waiting.clear("unknown")


def _asked(proposal: Proposal, where: Where, title: str) -> Item:
    queued = where.at_us if proposal.queued_at is None else micros(proposal.queued_at)
    expires = None if proposal.expires_at is None else micros(proposal.expires_at)
    agent = proposal.path[-1].agent if proposal.path else ""
    words = searchable(title, proposal.tool, proposal.arguments)
    return Item("proposal", proposal.id, where.path, where.seq, proposal.call_id, agent, proposal.tool, queued,
                where.at_us, expires, words)  # fmt: skip


def searchable(title: str, tool: str, arguments: str) -> str:
    """Return what a search looks through, in one case."""
    return f"{title}\n{tool}\n{arguments}".casefold()


def search_forms(search: str) -> list[tuple[str, ...]]:
    """Return for each word of a search the forms in which it may stand in `searchable` text: plain, and as in JSON."""
    words = search.casefold().split()
    return [tuple({word, json.dumps(word, ensure_ascii=False)[1:-1]}) for word in words]
