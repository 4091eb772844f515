"""The state of a run: a fold of its records, and nothing else."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from pydantic import JsonValue

from copilot_kit.errors import BrokenRecord
from copilot_kit.journal.store import Entry, RunRow
from copilot_kit.journal.thread import Asked, CallState, Thread
from copilot_kit.messages import Message
from copilot_kit.overlays import Overlay
from copilot_kit.records import (
    Assigned,
    Checked,
    Decided,
    Erased,
    Failure,
    HandoverAsked,
    Intended,
    Interrupted,
    Lapsed,
    MessageAdded,
    ModelSwitched,
    OutcomeKnown,
    Proposal,
    ProposalState,
    Proposed,
    Received,
    Requested,
    Responded,
    ResultsCleared,
    RunEnded,
    RunStarted,
    RunStatus,
    RunStopped,
    Undoing,
    Undone,
    WindowClosed,
)
from copilot_kit.request import Settings
from copilot_kit.response import Usage

_STATE_OF: dict[str, ProposalState] = {
    "approve": "approved", "edit": "edited", "reject": "rejected", "answer": "answered",
}  # fmt: skip


@dataclass(slots=True)
class Effected:
    """A call that changed something, or may have: what ran, how it ended, and whether it was taken back."""

    intended: Intended
    path: tuple[str, ...]
    received: Received | None = None
    undoing: Undoing | None = None
    undone: Undone | None = None


class RunState:
    """What is known of a run after its last record."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.seq = -1
        self.started: RunStarted | None = None
        self.started_at: datetime | None = None
        self.updated_at: datetime | None = None
        self.model = ""
        self.slot: str | None = None
        self.slots: tuple[str, ...] = ()
        """All slots that it was of: what it was told as a run of one is still in it."""
        self.base_url: str | None = None
        self.overlay: Overlay | None = None
        """What the model is told beside the instructions; it goes when the model does."""
        self.settings: Settings | None = None
        """What its slot said of how it answers, as long as nothing is known of that: None."""
        self.prompt_version = ""
        """Of what the model reads, and how it answers: instructions, overlay and the slot's settings."""
        self.threads: dict[tuple[str, ...], Thread] = {(): Thread()}
        self.proposals: dict[str, Asked] = {}
        self.called: set[str] = set()
        """Ids of all calls that were ever asked for."""
        self.usage: Usage | None = None
        self.turns = 0
        """Answers of models so far."""
        self.tokens = 0
        """Read and written, as far as the providers said."""
        self.cost_usd = Decimal(0)
        """As far as it is known; `unpriced` answers are not in it."""
        self.unpriced = 0
        self.uncounted = 0
        """Answers whose usage nobody reported."""
        self.effects: dict[str, Effected] = {}
        """Calls that were intended, by call id, in that order."""
        self.contested: set[str] = set()
        """Tools that a person was against a call of: rejected, edited, answered in its place, or took back."""
        self.untold: list[Undone] = []
        """What was taken back since anybody last spoke to the model."""
        self.checks: list[Checked] = []
        """Every check of the task that was made, nested agents' included."""
        self.outcome: OutcomeKnown | None = None
        """What a person made of a suggestion."""
        self.ended: RunEnded | RunStopped | None = None
        self.erased: Erased | None = None
        """Bodies of its records were erased: what it was about is not known any more."""
        self.broken: Failure | None = None
        """Why the last request got no whole answer; asking again clears it."""

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> "RunState":
        """Return the state after these records, which begin with the run's first."""
        state: RunState | None = None
        for entry in entries:
            if state is None:
                state = cls(entry.head.run_id)
            state.apply(entry)
        if state is None:
            raise BrokenRecord("The run has no records. Check its id with: copilot-kit runs list")
        return state

    @property
    def thread(self) -> Thread:
        """The run's own conversation."""
        return self.threads[()]

    @property
    def messages(self) -> list[Message]:
        """The run's own conversation, message by message."""
        return self.threads[()].messages

    @property
    def pending(self) -> list[Proposal]:
        """Proposals that wait for a decision, oldest first, nested agents' included."""
        return [asked.proposal for asked in self.proposals.values() if asked.state == "pending"]

    @property
    def unknown(self) -> list[CallState]:
        """Calls that began and whose end nobody knows."""
        return [call for thread in self.threads.values() for call in thread.calls.values() if call.unknown]

    @property
    def status(self) -> RunStatus:
        """Where the run stands."""
        match self.ended:
            case RunStopped():
                return "stopped"
            case RunEnded(status=status):
                return status
            case None if self.pending or self.unknown:
                return "waiting"
            case None:
                return "running" if self.broken is None else "failed"

    @property
    def failure(self) -> Failure | None:
        """Why the run failed."""
        if self.broken is not None:
            return self.broken
        return self.ended.failure if isinstance(self.ended, RunEnded) else None

    @property
    def output(self) -> JsonValue:
        """What the run came to."""
        return self.ended.output if isinstance(self.ended, RunEnded) else None

    def row(self) -> RunRow:
        """Return the run as a line of a list."""
        if self.started is None or self.started_at is None or self.updated_at is None:
            raise BrokenRecord(f"Run {self.run_id!r} does not begin with its start. Restore it from a backup.")
        return RunRow(self.run_id, self.started.agent, self.started.title, self.status, self.seq, len(self.pending),
                      self.started_at, self.updated_at, self.started.purpose)  # fmt: skip

    def _told_by(self, begun: RunStarted | ModelSwitched) -> None:
        self.overlay, self.settings = begun.overlay, begun.settings
        self.prompt_version = begun.prompt_version or self.prompt_version
        self.slots = tuple(dict.fromkeys((*self.slots, *([] if begun.slot is None else [begun.slot]))))

    def apply(self, entry: Entry) -> None:  # noqa: C901, PLR0912  one arm for each kind of record
        """Take in the next record; raises `BrokenRecord` if it is not the next one."""
        head = entry.head
        if head.run_id != self.run_id or head.seq != self.seq + 1:
            raise BrokenRecord(
                f"Record {head.seq} of run {head.run_id!r} came after record {self.seq} of {self.run_id!r}. "
                "The journal has a gap: restore it from a backup."
            )
        self.seq = head.seq
        self.updated_at = head.at
        self.started_at = self.started_at or head.at
        thread = self.threads.setdefault(head.path, Thread())
        if head.path and isinstance(entry.body, RunStarted | ModelSwitched | RunEnded | Interrupted):
            thread.nest(entry.body)  # the run itself goes on as it did
            return
        match entry.body:
            case RunStarted() as started:
                self.started = started
                self.model, self.slot, self.base_url = started.model, started.slot, started.base_url
                self._told_by(started)
            case MessageAdded(message=message):
                thread.add(message)
                if not head.path:
                    self.ended = self.broken = None
                    self.untold = []
            case ModelSwitched(model=model, slot=slot, base_url=base_url) as switched:
                self.model, self.slot, self.base_url = model, slot, base_url
                self._told_by(switched)
            case Responded(response=response, failure=failure):
                thread.respond(response)
                self.broken = self.broken if head.path else _broken(failure)
                self.called.update(call.call_id for call in response.calls)
                self._count(response.usage)
            case Proposed(proposal=proposal):
                self._propose(thread, proposal)
            case Decided() | Lapsed() | Assigned() as said:
                self._settle(said)
            case Intended() | Received() as act:
                self._act(thread, act, head.path)
            case Undoing() | Undone() | OutcomeKnown() | Erased() | Checked() as later:
                self._later(later)
            case RunStopped() | RunEnded() as ended:
                self._end(ended)
            case HandoverAsked() | ResultsCleared() | WindowClosed() as moved:
                thread.move(moved)
                self._spend(moved.usage if isinstance(moved, WindowClosed) else None)
            case Requested(model=model):
                thread.model = model
                thread.interrupted = None
                self.broken = self.broken if head.path else None
            case Interrupted(failure=failure):
                self.broken = _broken(failure)
            case _:  # erased, or of no consequence for where the run stands
                pass

    def _act(self, thread: Thread, body: Intended | Received, path: tuple[str, ...]) -> None:
        """Take in that a call was begun, or what became of it."""
        match body:
            case Intended() as intended:
                self.effects[intended.call_id] = Effected(intended, path)
                if intended.call_id in thread.calls:
                    thread.calls[intended.call_id].intended = intended
            case Received() as received:
                if received.call_id in self.effects:
                    self.effects[received.call_id].received = received
                thread.receive(received)

    def _erase(self, erased: Erased) -> None:
        """Know of the run no more than what its erasure left."""
        self.erased = erased
        self.started = RunStarted(agent=erased.agent, prompt_version="", model="", purpose=erased.purpose)
        self.ended = RunStopped(by=erased.by) if erased.status == "stopped" else RunEnded(status=erased.status)

    def _settle(self, body: Decided | Lapsed | Assigned) -> None:
        match body:
            case Decided(decision=decision):
                asked = self._asked(decision.proposal_id)
                if asked.state == "pending":  # the first decision counts, whoever wrote another one behind it
                    asked.state, asked.decision = _STATE_OF[decision.verdict], decision
                    self.contested |= set() if decision.verdict == "approve" else {asked.proposal.tool}
            case Lapsed(proposal_id=proposal_id, state=state):
                asked = self._asked(proposal_id)
                asked.state = state if asked.state == "pending" else asked.state
            case Assigned(proposal_id=proposal_id, to=to):
                self._asked(proposal_id).assigned_to = to

    def _later(self, body: Undoing | Undone | OutcomeKnown | Erased | Checked) -> None:
        """Take in what was said of a call, or of the run, behind it."""
        match body:
            case Undoing() as undoing if undoing.call_id in self.effects:
                self.effects[undoing.call_id].undoing = undoing
                self.contested.add(self.effects[undoing.call_id].intended.tool)
            case Undone() as undone if undone.call_id in self.effects:
                self.effects[undone.call_id].undone = undone
                self.untold.append(undone)
            case OutcomeKnown() as outcome:
                self.outcome = outcome
            case Erased() as erased:
                self._erase(erased)
            case Checked() as check:
                self.checks.append(check)
                self._spend(check.usage)
            case _:
                pass

    def _count(self, usage: Usage) -> None:
        self.turns += 1
        self._spend(usage)

    def _spend(self, usage: Usage | None) -> None:
        if usage is None:
            return
        self.usage = usage if self.usage is None else self.usage + usage
        self.tokens += (usage.input or 0) + (usage.output or 0)
        if usage.input is None or usage.output is None:
            self.uncounted += 1
        if usage.cost_usd is None:
            self.unpriced += 1
        else:
            self.cost_usd += usage.cost_usd

    def _asked(self, proposal_id: str) -> Asked:
        asked = self.proposals.get(proposal_id)
        if asked is None:
            raise BrokenRecord(
                f"Record {self.seq} of run {self.run_id!r} decides {proposal_id!r}, which was never proposed. "
                "Restore the journal from a backup; it was left as it is."
            )
        return asked

    def _propose(self, thread: Thread, proposal: Proposal) -> None:
        asked = self.proposals[proposal.id] = Asked(proposal)
        call = thread.calls.get(proposal.call_id)
        if call is not None:
            call.asked = asked

    def _end(self, ended: RunEnded | RunStopped) -> None:
        self.ended = ended
        for asked in self.proposals.values():
            if asked.state == "pending":
                asked.state = "cancelled"


def _broken(failure: Failure | None) -> Failure | None:
    return None if failure is None or failure.is_cancelled else failure
