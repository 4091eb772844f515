"""A run as it stands: what was said, what waits, what it cost, and what a person can do with it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Generic, Literal, Protocol

from pydantic import JsonValue, ValidationError
from typing_extensions import TypeVar

from copilot_kit.approval import decisions
from copilot_kit.arguments import compact
from copilot_kit.errors import UsageError
from copilot_kit.journal.state import RunState
from copilot_kit.journal.store import Store
from copilot_kit.journal.thread import CallState
from copilot_kit.messages import Message, Part
from copilot_kit.model import Model
from copilot_kit.records import Checked, Failure, Principal, Proposal, RunStatus, Step
from copilot_kit.response import Response, Usage

OutputT = TypeVar("OutputT", default=str)


class Worker(Protocol):
    """What a run needs of its agent to go on."""

    async def load(self, run_id: str) -> "Run[Any]":
        """Return the run as it stands."""
        ...

    async def resume(self, run_id: str, *, model: str | Model | None = None) -> "Run[Any]":
        """Take the run as far as it goes now."""
        ...

    def fitted(self, tool: str, arguments: str, *, path: Sequence[Step] = ()) -> str:
        """Return arguments in canonical form; raises `UsageError` if they do not fit the tool."""
        ...

    async def say(self, run_id: str, *content: str | Part, model: str | Model | None = None) -> "Run[Any]":
        """Add the user's next words and take the run as far as it goes."""
        ...


class Run(Generic[OutputT]):
    """A run after its last record; each of its methods returns the run as it stands then.

    Deciding also lets the run go on: what was approved runs at once, and the model is asked again when nothing of its
    turn waits any more. To decide without the agent's code (from a web page, say), use `copilot_kit.approval.decide`.
    """

    def __init__(self, worker: Worker, store: Store, state: RunState, output: OutputT | None) -> None:
        self._worker = worker
        self._store = store
        self._state = state
        self.output: OutputT | None = output
        """The answer in the form the agent was asked for; its words where it was asked for none."""

    def __repr__(self) -> str:
        return f"Run({self.id!r}, status={self.status!r}, proposals={len(self.proposals)})"

    @property
    def id(self) -> str:
        """Names the run in every process that reaches its journal."""
        return self._state.run_id

    @property
    def status(self) -> RunStatus:
        """`done`, `waiting` for a person, `stopped` by one, `failed`; `running` while another process works on it."""
        return self._state.status

    @property
    def seq(self) -> int:
        """Number of its last record: while it stays the same, nothing has happened."""
        return self._state.seq

    @property
    def text(self) -> str:
        """The words of the last answer."""
        response = self._state.thread.response
        return "" if response is None else response.text

    @property
    def response(self) -> Response | None:
        """The model's last answer, with what it cost and what was dropped."""
        return self._state.thread.response

    @property
    def messages(self) -> tuple[Message, ...]:
        """The whole conversation."""
        return tuple(self._state.messages)

    @property
    def proposals(self) -> tuple[Proposal, ...]:
        """Calls that wait for a person, oldest first."""
        return tuple(self._state.pending)

    @property
    def unknown(self) -> tuple[CallState, ...]:
        """Calls that were begun and whose end nobody knows; `settle` them."""
        return tuple(self._state.unknown)

    @property
    def usage(self) -> Usage:
        """Tokens and money of all answers."""
        return self._state.usage or Usage()

    @property
    def checks(self) -> tuple[Checked, ...]:
        """Every check of the work that was made, in order, and what it found."""
        return tuple(self._state.checks)

    @property
    def failure(self) -> Failure | None:
        """Why it failed, if it did."""
        return self._state.failure

    async def approve(self, proposal_id: str, *, by: Principal) -> "Run[OutputT]":
        """Let this call run, exactly as it was shown."""
        await self._decide(proposal_id, "approve", by=by)
        return await self._go_on()

    async def edit(
        self, proposal_id: str, arguments: str | Mapping[str, JsonValue], *, by: Principal
    ) -> "Run[OutputT]":
        """Let this call run with other arguments: all of them, as an object or as JSON text.

        Raises `UsageError` if they do not fit the tool; the proposal then waits as before.
        """
        text = arguments if isinstance(arguments, str) else compact(dict(arguments))
        asked = self._state.proposals.get(proposal_id)
        if asked is not None:
            text = self._worker.fitted(asked.proposal.tool, text, path=asked.proposal.path)
        await self._decide(proposal_id, "edit", by=by, arguments=text)
        return await self._go_on()

    async def reject(self, proposal_id: str, reason: str = "", *, by: Principal) -> "Run[OutputT]":
        """Keep this call from running; the model is told why and goes on."""
        await self._decide(proposal_id, "reject", by=by, text=reason or None)
        return await self._go_on()

    async def answer(self, proposal_id: str, result: str, *, by: Principal) -> "Run[OutputT]":
        """Give the result in the tool's place; nothing runs."""
        await self._decide(proposal_id, "answer", by=by, text=result)
        return await self._go_on()

    async def settle(self, call_id: str, *, done: bool, by: Principal, text: str = "") -> "Run[OutputT]":
        """Say whether a call of unknown outcome was carried out."""
        await decisions.settle(self._store, self.id, call_id, done=done, by=by, text=text)
        return await self._go_on()

    async def stop(self, *, by: Principal, text: str | None = None) -> "Run[OutputT]":
        """End the run; nothing that waits will run."""
        await decisions.stop(self._store, self.id, by=by, text=text)
        return await self.refresh()

    async def record_outcome(
        self, verdict: Literal["accepted", "edited", "ignored"], final: JsonValue = None, *, by: Principal
    ) -> "Run[OutputT]":
        """Tell what a person made of a suggestion, and what they used in the end; it permits nothing.

        Raises `UsageError` for a run that is no suggestion.
        """
        started = self._state.started
        if started is None or started.purpose != "suggestion":
            raise UsageError(
                f"Run {self.id!r} is no suggestion. Make one with agent.suggest(...), or decide its calls."
            )
        await decisions.record_outcome(self._store, self.id, verdict, final=final, by=by)
        return await self.refresh()

    async def say(self, *content: str | Part, model: str | Model | None = None) -> "Run[OutputT]":
        """Go on with the conversation; with `model`, another model answers from here on."""
        return await self._worker.say(self.id, *content, model=model)

    async def refresh(self) -> "Run[OutputT]":
        """Return the run with what others have written since."""
        return await self._worker.load(self.id)

    async def _decide(
        self, proposal_id: str, verdict: Any, *, by: Principal, arguments: str | None = None, text: str | None = None
    ) -> None:
        shown = [proposal.call_digest for proposal in self.proposals if proposal.id == proposal_id]
        if not shown and proposal_id not in self._state.proposals:
            raise UsageError(f"Run {self.id!r} has no proposal {proposal_id!r}. Take an id from run.proposals.")
        await decisions.decide(self._store, self.id, proposal_id, verdict, by=by, arguments=arguments, text=text,
                               shown=shown[0] if shown else None)  # fmt: skip

    async def _go_on(self) -> "Run[OutputT]":
        return await self._worker.resume(self.id)


def output_of(state: RunState, parse: Any) -> Any:
    """Return the run's answer as the application gets it: parsed where a form was asked for, else its words."""
    if parse is None:
        response = state.thread.response
        return None if response is None else response.text
    if state.output is None:
        return None
    try:
        return parse.validate_json(json.dumps(state.output))
    except ValidationError as error:
        raise UsageError(
            f"Run {state.run_id!r} ended with an output that is not of the type asked for here: "
            f"{error.errors()[0]['msg']}. Load it with an agent whose output is of the type that it was made with."
        ) from error
