"""The answers of a run as its journal has them: what was sent for each, and what became of the calls in it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from copilot_kit.effects import ArgumentRole
from copilot_kit.journal.state import RunState
from copilot_kit.journal.store import Entry, Head
from copilot_kit.messages import Message, ToolResult
from copilot_kit.records import Decision, Proposal, Received, Requested, Responded, RunStarted, Undone
from copilot_kit.request import OutputSpec, Settings
from copilot_kit.response import Response


@dataclass(slots=True)
class Recorded:
    """One call of an answer, and what people and tools made of it."""

    call_id: str
    tool: str
    args_json: str
    """As the model wrote them."""
    proposal: Proposal | None = None
    """The last one about it; None: nobody was asked."""
    decision: Decision | None = None
    edited_from: str | None = None
    """The arguments that a person changed before the last proposal, which was asked about the changed ones."""
    result: ToolResult | None = None
    undone: Undone | None = None

    @property
    def roles(self) -> dict[str, ArgumentRole]:
        """What its arguments are for, by name, as far as its tool said."""
        return {} if self.proposal is None else self.proposal.roles


@dataclass(slots=True)
class Answered:
    """One whole answer of a model, and all that was sent for it but the tools, which a journal has the digest of."""

    run_id: str
    path: tuple[str, ...]
    """Calls that lead to the agent which asked; empty for the run's own."""
    seq: int
    at: datetime
    agent: str
    prompt_version: str
    slot: str | None
    subject: str | None
    tools_digest: str
    settings: Settings
    output: OutputSpec | None
    messages: tuple[Message, ...]
    response: Response
    took_s: float
    calls: list[Recorded] = field(default_factory=list)

    @property
    def model(self) -> str:
        """As it was asked for: provider:model."""
        return f"{self.response.model.provider}:{self.response.model.asked}"

    @property
    def cost_usd(self) -> Decimal | None:
        """None where it is not known."""
        return self.response.usage.cost_usd


class _Reading:
    """Folds the records of one run and keeps each answer with what it was sent."""

    def __init__(self, run_id: str) -> None:
        self.state = RunState(run_id)
        self.found: list[Answered] = []
        self._asked: dict[tuple[str, ...], tuple[Requested, tuple[Message, ...]]] = {}
        self._started: dict[tuple[str, ...], RunStarted] = {}
        self._calls: dict[str, Recorded] = {}

    def take(self, entry: Entry) -> None:
        path = entry.head.path
        match entry.body:
            case RunStarted() as started:
                self._started[path] = started
            case Requested() as asked:
                self._asked[path] = asked, tuple(self.state.threads[path].window.messages)
            case Received(call_id=call_id, result=result) if call_id in self._calls:
                self._calls[call_id].result = result
            case Undone() as undone if undone.call_id in self._calls and undone.state == "done":
                self._calls[undone.call_id].undone = undone
            case _:
                pass
        self.state.apply(entry)
        if isinstance(entry.body, Responded) and entry.body.response.state == "complete" and path in self._asked:
            self._answer(entry.head, entry.body, *self._asked.pop(path))

    def _answer(self, head: Head, said: Responded, asked: Requested, messages: tuple[Message, ...]) -> None:
        started = self._started.get(head.path)
        if started is None:
            return
        calls = [Recorded(one.call_id, one.name, one.args_json) for one in said.response.calls]
        self._calls.update((one.call_id, one) for one in calls)
        top = self._started[()]
        self.found.append(
            Answered(
                run_id=head.run_id,
                path=head.path,
                seq=head.seq,
                at=head.at,
                agent=started.agent,
                prompt_version=started.prompt_version,
                slot=self.state.slot,
                subject=top.subject,
                tools_digest=asked.tools_digest,
                settings=asked.settings,
                output=asked.output,
                messages=messages,
                response=said.response,
                took_s=said.took_s,
                calls=calls,
            )
        )

    def done(self) -> list[Answered]:
        if self.state.erased is not None:
            return []
        for asked in self.state.proposals.values():  # in the order they were made: the last one about a call counts
            call = self._calls.get(asked.proposal.call_id)
            if call is None:
                continue
            if call.decision is not None and call.decision.verdict == "edit" and call.proposal is not None:
                call.edited_from = call.edited_from or call.proposal.arguments
            call.proposal, call.decision = asked.proposal, asked.decision
        return self.found


def answers_of(entries: Iterable[Entry]) -> list[Answered]:
    """Return the whole answers of a run, nested agents' included, oldest first; none of a run that was erased.

    entries: all records of the run, from its first one on.
    """
    reading: _Reading | None = None
    for entry in entries:
        if reading is None:
            reading = _Reading(entry.head.run_id)
        reading.take(entry)
    return [] if reading is None else reading.done()
