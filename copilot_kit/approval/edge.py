"""What the execution edge knows of the agent whose calls it handles."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, TypeAlias, TypeVar, overload

from copilot_kit.approval.digests import idempotency_key
from copilot_kit.approval.gate import Gate
from copilot_kit.approval.provenance import Origins
from copilot_kit.effects import ArgumentRole, Effect
from copilot_kit.ids import NewId
from copilot_kit.journal.session import Session
from copilot_kit.journal.thread import Thread
from copilot_kit.messages import Source, ToolCall
from copilot_kit.records import Body, Origin, Reason, Step
from copilot_kit.tools import Tool, ToolContext, arguments_of

AnyTool: TypeAlias = Tool[..., Any]
Begin: TypeAlias = Callable[[str], Awaitable[list[Body]]]
"""Given the canonical arguments of a call, the first records of the agent that is nested in it."""


class Provenance:
    """Where values come from, for one agent in one process: each message of its conversation is looked at once."""

    def __init__(self) -> None:
        self._origins = Origins()
        self._taken: dict[tuple[str, ...], int] = {}

    def of(
        self, session: Session, path: tuple[str, ...], arguments: Mapping[str, Any], roles: Mapping[str, ArgumentRole]
    ) -> tuple[Origin, ...]:
        """Return where each value came from; a nested agent knows what those above it were told."""
        return self.up_to_now(session, path).of(arguments, roles)

    def up_to_now(self, session: Session, path: tuple[str, ...]) -> Origins:
        """Return what is known of the conversation as it stands."""
        for depth in range(len(path) + 1):
            self._take(path[:depth], session.state.threads.get(path[:depth]))
        return self._origins

    def _take(self, path: tuple[str, ...], thread: Thread | None) -> None:
        if thread is None:
            return
        for message in thread.messages[self._taken.get(path, 0) :]:
            self._origins.take(message)
        self._taken[path] = len(thread.messages)


FoundT = TypeVar("FoundT")


class Traced(Sequence[FoundT]):
    """Where the values of one call came from, found out when somebody looks: most rules do not."""

    def __init__(self, trace: Callable[[], tuple[FoundT, ...]]) -> None:
        self._trace = trace

    @overload
    def __getitem__(self, index: int) -> FoundT: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[FoundT]: ...
    def __getitem__(self, index: int | slice) -> FoundT | Sequence[FoundT]:
        return self._found[index]

    def __len__(self) -> int:
        return len(self._found)

    @cached_property
    def _found(self) -> tuple[FoundT, ...]:
        return self._trace()


@dataclass(frozen=True, slots=True)
class Edge:
    """An agent as the edge sees it."""

    tools: Mapping[str, AnyTool]
    gate: Gate
    path: tuple[Step, ...]
    model: str
    """Id of the model that the agent asks now."""
    prompt_version: str
    """Of the agent's instructions as they are now."""
    deps: Any
    new_id: NewId
    clock: Callable[[], datetime]
    answer_within_s: float | None = None
    may_decide: tuple[str, ...] = ()
    nested: Mapping[str, Begin] = field(default_factory=dict)
    """Agents that are tools of this one, by name."""
    present: Callable[[], Awaitable[tuple[str, str]]] | None = None
    """Finds out which model and prompt version the run's slot has now, which may no longer be those of the run."""
    provenance: Provenance = field(default_factory=Provenance)

    @property
    def thread(self) -> tuple[str, ...]:
        """The path of call ids that the agent's records carry."""
        return tuple(step.call_id for step in self.path if step.call_id is not None)

    async def now(self) -> tuple[str, str]:
        """Return the model and the prompt's version that a yes must be to: the slot's, whatever the run keeps."""
        return (self.model, self.prompt_version) if self.present is None else await self.present()

    def context(self, session: Session, call_id: str, digest: str, ready: "Ready | None" = None) -> ToolContext:
        """Return what the application gives to this call; `ready`: one that is about to run."""
        return ToolContext(
            run_id=session.run_id,
            call_id=call_id,
            path=self.thread,
            idempotency_key=idempotency_key(digest),
            deps=self.deps,
            agent=self.path[-1].agent,
            model="" if ready is None else ready.model,
            sources=() if ready is None else Traced(lambda: self._sources(session, ready)),
            messages=session.state.threads[self.thread].messages,
        )

    def _sources(self, session: Session, ready: "Ready") -> tuple[Source, ...]:
        origins = self.provenance.of(session, self.thread, arguments_of(ready.arguments), ready.tool.roles)
        return tuple(origin.source for origin in origins)

    def prompt_read(self, session: Session) -> str:
        """Return the version of the prompt that the model of this conversation has before it."""
        thread = session.state.threads[self.thread]
        read = session.state.prompt_version if thread.started is None else thread.started.prompt_version
        return read if session.state.started is not None else self.prompt_version


@dataclass(frozen=True, slots=True)
class Ready:
    """A call that may run now."""

    call: ToolCall
    tool: AnyTool
    arguments: str
    effect: Effect
    """Of this very call."""
    digest: str
    model: str
    prompt_version: str
    editor: str | None = None
    """Who wrote these arguments in the place of the model's."""
    allowed: tuple[Reason, ...] = ()
    rule_id: str | None = None
