"""An agent: a model, tools, instructions, and a gate between what it proposes and what happens."""

import os
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Literal, cast

from typing_extensions import TypeVar

from copilot_kit.agent.checks import Check, CheckFunction, Rubric, checks_of
from copilot_kit.agent.going_on import misplaced, ready_to_talk, show_lost, with_undone
from copilot_kit.agent.limits import Limits
from copilot_kit.agent.loop import AgentEvent, advance
from copilot_kit.agent.models import Chosen, Middleware, Models, checked
from copilot_kit.agent.nested import NestedAgent, agent_at, along, nested
from copilot_kit.agent.offering import AgentTool, adapter_of, digest_of, named_tools, output_spec, prompt_version
from copilot_kit.agent.remembering import instructed, memory_tools, opened_memory, reminded, with_memory
from copilot_kit.agent.run import Run, output_of
from copilot_kit.agent.work import Approver, Work
from copilot_kit.approval.edge import Edge
from copilot_kit.approval.gate import Gate
from copilot_kit.approval.undoing import take_back
from copilot_kit.context.window import Window
from copilot_kit.errors import ToolRefused, UsageError
from copilot_kit.events import closing
from copilot_kit.ids import NewId, new_id
from copilot_kit.journal.memory import MemoryStore
from copilot_kit.journal.session import LEASE_S, Session, held
from copilot_kit.journal.state import RunState
from copilot_kit.journal.store import Store
from copilot_kit.messages import Message, Part, Source, Text
from copilot_kit.model import Model
from copilot_kit.prices import priced
from copilot_kit.records import Body, MessageAdded, ModelSwitched, Principal, RunStarted, Step
from copilot_kit.request import AnyTool, Settings
from copilot_kit.threads import in_thread
from copilot_kit.tools import Tool, arguments_of

if TYPE_CHECKING:
    from copilot_kit.memory.memory import Memory

OutputT = TypeVar("OutputT", default=str)
_TITLE_CHARS = 80
_USER = Source(kind="user", trusted=True)
_APPLICATION = Source(kind="application", trusted=True)


class Agent(Generic[OutputT]):
    """Works on tasks with a model and tools; what has consequences waits for a person.

    model: `provider:name`, a slot of `frontier.toml`, or a `Model`. One that is opened by name is retried where that
        is safe; a `Model` is used as it is.
    tools: functions (made tools as they are), tools, or tools of the provider.
    output: a type that the answer must have; the run's `output` is then of it. Where the answer does not fit it, the
        model is told so `output_tries` times, after which the run has failed.
    gate: rules, or a file with rules such as `gate.toml`; without one, reads run and all else is asked about.
    store: the journal; without one, runs live as long as the process.
    deps: handed to tools that ask for a `ToolContext`.
    answer_within_s: how long a proposal waits before it expires, unless its tool or a rule says.
    may_decide: ids of those who may decide, or `group:NAME`, unless a tool or a rule says; none: everybody.
    memory: a folder of notes that the model reads and writes through the tool `memory`, or a `Memory`. Its writes pass
        the gate: they run unless a rule of yours says otherwise, those to pinned files ask.
    window: how much of a conversation is sent; without one, as much as the model is known to take.
    checks: functions or rubrics that look at the work when the model says that it is done; what they find goes back to
        it, `check_tries` times, after which the run has failed.
    middleware: wraps each model that the agent asks, for budgets, tracing, recording.

        agent = Agent(model="anthropic:claude-sonnet-5", tools=[send_reply], instructions="Answer politely.")
        run = await agent.run("Answer ticket 17")
    """

    def __init__(  # noqa: PLR0913  what an agent is made of; all but the model by name
        self,
        model: str | Model = "default",
        *,
        tools: Sequence[AgentTool] = (),
        instructions: str = "",
        name: str = "agent",
        output: type[OutputT] | None = None,
        output_mode: Literal["auto", "native", "tool", "prompted"] = "auto",
        output_tries: int = 2,
        settings: Settings | None = None,
        limits: Limits | None = None,
        gate: Gate | str | os.PathLike[str] | None = None,
        store: Store | None = None,
        deps: Any = None,
        answer_within_s: float | None = None,
        may_decide: Sequence[str] = (),
        memory: "Memory | str | os.PathLike[str] | None" = None,
        window: Window | None = None,
        checks: Sequence[Check | CheckFunction | Rubric] = (),
        check_tries: int = 2,
        middleware: Sequence[Middleware] = (),
        new_id: NewId = new_id,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.name = name
        self.instructions = instructions
        self.store: Store = MemoryStore() if store is None else store
        self.settings = Settings() if settings is None else settings
        self.limits = Limits() if limits is None else limits
        self.gate = gate if isinstance(gate, Gate) else Gate() if gate is None else Gate.from_file(gate)
        self.deps = deps
        self._new_id = new_id
        self._clock = clock
        self._answer_within_s = answer_within_s
        self._may_decide = tuple(may_decide)
        self.memory = opened_memory(memory)
        self.window = Window() if window is None else window
        self._checks = checks_of(checks)
        self.check_tries = check_tries
        self.gate = with_memory(self.gate, self.memory)
        own = memory_tools(self.memory, recalls=self.memory is not None or window is not None)
        self._tools, self.nested, self._offered = named_tools([*own, *tools])
        self._tools_digest = digest_of([one.model_dump_json() for one in self._offered])
        self._parse = None if output is None else adapter_of(output)
        self._output = None if self._parse is None else output_spec(output, self._parse, output_mode)
        self.output_tries = output_tries
        self._models = Models(model, self.settings, middleware)
        self._reviewers = Models(model, Settings(), middleware, moves=self._models.moves)

    @property
    def model(self) -> str | Model:
        """The model of new runs; set it to change it. A run that has begun keeps its own until it is switched."""
        return self._models.own

    @model.setter
    def model(self, model: str | Model) -> None:
        self._models.own = checked(model)

    async def run(
        self,
        task: str | Sequence[str | Part],
        *,
        run_id: str | None = None,
        approver: Approver | None = None,
        subject: str | None = None,
        by: Principal | None = None,
    ) -> Run[OutputT]:
        """Return the run when it is done, or waits for a person with `proposals`.

        approver: asked for each proposal while the run goes on, as in a terminal.
        subject: whom its data is about, so that it can be erased one day. by: who asked for it.
        Raises `ModelError` when the model does not answer, `LimitReached` at a limit; their `run_id` can be resumed.
        """
        run_id = run_id or self._new_id("run")
        await self._look_at_slots()
        bodies = self._begin(task, run_id, subject=subject, by=by)
        return await _last(self._work(run_id, bodies, delivery="whole", approver=approver))

    async def suggest(
        self, task: str | Sequence[str | Part], *, run_id: str | None = None, subject: str | None = None
    ) -> Run[OutputT]:
        """Return a run whose answer a person uses elsewhere, as in an editor: nothing but reads runs in it.

        Tell what they made of it with `run.record_outcome`; it counts as acceptance, never as permission.
        """
        run_id = run_id or self._new_id("run")
        await self._look_at_slots()
        bodies = self._begin(task, run_id, subject=subject, purpose="suggestion")
        return await _last(self._work(run_id, bodies, delivery="whole"))

    async def stream(
        self, task: str | Sequence[str | Part], *, run_id: str | None = None
    ) -> AsyncIterator[AgentEvent | Run[OutputT]]:
        """Yield the model's events and the run's records as they come, and at last the run."""
        run_id = run_id or self._new_id("run")
        await self._look_at_slots()
        async with closing(self._work(run_id, self._begin(task, run_id), delivery="stream")) as events:
            async for event in events:
                yield event

    async def resume(
        self, run_id: str, *, model: str | Model | None = None, approver: Approver | None = None
    ) -> Run[OutputT]:
        """Go on where the run stands, in whatever process: run what was approved, then ask the model again.

        Raises `NotOwner` if another process works on it and does not end.
        """
        return await _last(self._work(run_id, [], delivery="whole", model=model, approver=approver))

    async def say(
        self, run_id: str, *content: str | Part, model: str | Model | None = None, approver: Approver | None = None
    ) -> Run[OutputT]:
        """Go on with the conversation of a run that has ended; with `model`, another model answers from here on."""
        message = self._message(content)
        return await _last(self._work(run_id, [MessageAdded(message=message)], delivery="whole", model=model,
                                      approver=approver))  # fmt: skip

    async def stream_say(
        self, run_id: str, *content: str | Part, model: str | Model | None = None
    ) -> AsyncIterator[AgentEvent | Run[OutputT]]:
        """Like `say`, yielding the events as they come and at last the run."""
        bodies: list[Body] = [MessageAdded(message=self._message(content))]
        async with closing(self._work(run_id, bodies, delivery="stream", model=model)) as events:
            async for event in events:
                yield event

    async def undo(self, run_id: str, call_id: str, *, by: Principal) -> Run[OutputT]:
        """Take back what a call did, if its tool can; the model is told with the next words that anybody says.

        Raises `NotDecidable` if it was not carried out, cannot be undone, or was undone before.
        """
        async with held(self.store, run_id, wait_s=2 * LEASE_S) as session:
            effected = session.state.effects.get(call_id)
            name = "" if effected is None else effected.intended.tool
            found = agent_at(self, session, () if effected is None else effected.path)
            agent = self if found is None else found
            edge = agent._edge((Step(agent=agent.name),), None, session)  # noqa: SLF001  an agent like this one
            context = edge.context(
                session, call_id, f"undo {'' if effected is None else effected.intended.call_digest}"
            )
            tool = None if found is None else edge.tools.get(name)
            await take_back(session, tool, call_id, context=context, by=by)
            return self._run(session.state)

    @property
    def agents(self) -> "tuple[Agent[Any], ...]":
        """This agent, and those that are tools of it or of one another."""
        return (self, *(one for inner in self.nested.values() for one in inner.agents))

    def as_tool(self, *, description: str, name: str | None = None) -> NestedAgent:
        """Return this agent as a tool of another one, which gives it a task in words and reads its answer.

        Its calls pass its own gate; what waits for a person is a proposal of the run at the top. The store, the
        middleware of runs and the lease are those of the run at the top.
        """
        return nested(self, name=name or self.name, description=description)

    @property
    def offered(self) -> tuple[AnyTool, ...]:
        """The tools as its model sees them, those of the provider included."""
        return self._offered

    def tool(self, name: str, *, path: Sequence[Step] = ()) -> Tool[..., Any] | None:
        """Return the tool of this name, for whoever shows or checks calls: of the agent at this path, or the first."""
        found = (agent._tools.get(name) for agent in along(self, path))  # noqa: SLF001  agents like this one
        return next((one for one in found if one is not None), None)

    def fitted(self, tool: str, arguments: str, *, path: Sequence[Step] = ()) -> str:
        """Return a person's arguments in canonical form; raises `UsageError` if they do not fit the tool.

        path: that of the proposal. Where several agents have a tool of this name and it cannot be told whose is meant,
        the arguments stay as they are: the defaults of another tool are none of this one.
        """
        found = [one for agent in along(self, path) if (one := agent._tools.get(tool)) is not None]  # noqa: SLF001
        if len(found) != 1:
            return arguments
        try:
            return found[0].canonical(arguments)
        except ToolRefused as error:
            raise UsageError(f"{error} Nothing was decided.") from error

    async def load(self, run_id: str) -> Run[OutputT]:
        """Return a run as it stands, without doing anything."""
        return self._run(RunState.of(await self.store.read(run_id)))

    def _run(self, state: RunState) -> Run[OutputT]:
        return Run(self, self.store, state, cast("OutputT | None", output_of(state, self._parse)))

    def _message(self, content: Sequence[str | Part]) -> Message:
        parts = tuple(Text(text=one, source=_USER) if isinstance(one, str) else one for one in content)
        return Message(id=self._new_id("msg"), role="user", parts=parts, at=self._clock())

    def _begin(
        self,
        task: str | Sequence[str | Part],
        run_id: str,
        *,
        subject: str | None = None,
        purpose: Literal["task", "suggestion"] = "task",
        by: Principal | None = None,
    ) -> list[Body]:
        message = self._message([task] if isinstance(task, str) else task)
        chosen = self._models.first(run_id)
        version = prompt_version(self.instructions, chosen.overlay, chosen.said)
        for rubric in (one.what for one in self._checks if isinstance(one.what, Rubric)):
            # One that nobody can name, or that may not see the work, is told of before the work, and not behind it.
            self._reviewers.given(rubric.model, slots=[chosen.slot])
        title = " ".join(message.text.split())[:_TITLE_CHARS]
        memory = None if self.memory is None else str(self.memory.root)
        bodies: list[Body] = [
            RunStarted(agent=self.name, prompt_version=version, model=chosen.model.id, slot=chosen.slot,
                       base_url=chosen.base_url, title=title, subject=subject, purpose=purpose, by=by, memory=memory,
                       overlay=chosen.overlay, settings=chosen.said)
        ]  # fmt: skip
        parts = tuple(instructed(self.instructions, self.memory))
        if parts:
            bodies.append(MessageAdded(message=Message(id=self._new_id("msg"), role="system", parts=parts)))
        return [*bodies, MessageAdded(message=message)]

    async def _work(
        self,
        run_id: str,
        bodies: list[Body],
        *,
        delivery: Literal["stream", "whole"],
        model: str | Model | None = None,
        approver: Approver | None = None,
    ) -> AsyncIterator[AgentEvent | Run[OutputT]]:
        async with held(self.store, run_id, wait_s=2 * LEASE_S) as session:
            starts = bool(bodies) and isinstance(bodies[0], RunStarted)
            if starts != (session.state.seq == -1):
                raise misplaced(run_id, starts=starts)
            if session.state.erased:
                raise UsageError(f"Run {run_id!r} was erased; it cannot go on. Begin another one.")
            chosen = await self._chosen(session.state, bodies, model)
            plan = self._plan(session, chosen, delivery, approver)
            if session.state.ended is not None:  # what it had begun before a stop is shown, whoever has died since
                await show_lost(session)
            if bodies and not starts:
                bodies = [
                    *await ready_to_talk(session, plan.edge.thread),
                    *map(partial(with_undone, session.state.untold), bodies),
                ]
            switched = not starts and _is_another(chosen, session.state)
            if self.memory is not None and (starts or switched):
                bodies = [await self._reminded(body, chosen) for body in bodies]
            if switched:
                bodies = [self._switched(chosen, session.state), *bodies]
            if bodies:
                for entry in await session.append(*bodies, durable=False):
                    yield entry
            async with closing(advance(session, plan)) as events:
                async for event in events:
                    yield event
            yield self._run(session.state)

    async def _look_at_slots(self, *others: str | Model | None, store: Store | None = None) -> None:
        """Take in which models slots have by now, where a journal says so; a file is looked at whenever it counts.

        store: of the run at the top, for an agent within it.
        """
        reviewers = (one.what.model for one in self._checks if isinstance(one.what, Rubric))
        await self._models.refresh(store or self.store, *others, *reviewers)

    async def _chosen(self, state: RunState, bodies: Sequence[Body], model: str | Model | None) -> Chosen:
        """Return the model that a run goes on with, or begins with as its first record says."""
        if bodies and isinstance(bodies[0], RunStarted):
            return self._models.begun(bodies[0])
        await self._look_at_slots(model, *state.slots)
        return self._models.of(state) if model is None else self._models.given(model, slots=state.slots)

    def _plan(
        self,
        session: Session,
        chosen: Chosen,
        delivery: Literal["stream", "whole"],
        approver: Approver | None,
        path: tuple[Step, ...] = (),
        above: Edge | None = None,
    ) -> Work:
        path = path or (Step(agent=self.name),)
        tries = None if chosen.overlay is None else chosen.overlay.tries
        edge = self._edge(path, chosen, session)
        if above is not None:  # who may decide, and within which time, is said at the top for all that say nothing
            edge = replace(edge, may_decide=edge.may_decide or above.may_decide,
                           answer_within_s=edge.answer_within_s or above.answer_within_s)  # fmt: skip

        def plan_of(inner: "Agent[Any]", call_id: str) -> Work:
            below = (*path, Step(agent=inner.name, call_id=call_id))
            return inner._nested_plan(session, delivery, below, above=edge)  # noqa: SLF001

        return Work(
            model=chosen.model,
            slot=chosen.slot,
            edge=edge,
            tools=self._offered,
            tools_digest=self._tools_digest,
            settings=chosen.settings,
            output=self._output,
            parse_output=self._parse,
            output_tries=self.output_tries if tries is None else tries,
            limits=self.limits,
            window=self.window,
            memory=self.memory,
            checks=self._checks,
            reviewer=partial(self._reviewers.given, slots=(chosen.slot, *(() if above else session.state.slots))),
            check_tries=self.check_tries if tries is None else tries,
            delivery=delivery,
            new_id=self._new_id,
            priced=priced,
            approver=approver,
            nested={name: partial(plan_of, inner) for name, inner in self.nested.items()},
        )

    def _nested_plan(
        self, session: Session, delivery: Literal["stream", "whole"], path: tuple[Step, ...], *, above: Edge
    ) -> Work:
        started = session.state.threads[tuple(step.call_id for step in path if step.call_id is not None)].started
        chosen = self._models.first(session.run_id) if started is None else self._models.begun(started)
        return self._plan(session, chosen, delivery, None, path, above)

    def _edge(self, path: tuple[Step, ...], chosen: Chosen | None, session: Session) -> Edge:
        def told() -> str:
            said = (None, None) if chosen is None else self._models.said_now(chosen)
            return prompt_version(self.instructions, *said)

        async def present() -> tuple[str, str]:
            await self._look_at_slots(None if chosen is None else chosen.slot, store=session.store)
            return "" if chosen is None else self._models.present(chosen), told()

        return Edge(
            tools=self._tools,
            gate=self.gate,
            path=path,
            model="" if chosen is None else chosen.model.id,
            prompt_version=told(),
            deps=self.deps,
            new_id=self._new_id,
            clock=self._clock,
            answer_within_s=self._answer_within_s,
            may_decide=self._may_decide,
            nested={name: partial(inner._begin_nested, session) for name, inner in self.nested.items()},  # noqa: SLF001
            present=None if chosen is None or chosen.slot is None else present,
        )

    async def _begin_nested(self, session: Session, arguments: str) -> list[Body]:
        """Return the first records of this agent as a tool; its task is another model's words, trusted by nobody."""
        await self._look_at_slots(store=session.store)
        task = Text(text=str(arguments_of(arguments)["task"]), source=Source(kind="model"))
        *before, added = self._begin([task], session.run_id)
        if self.memory is None:
            return [*before, added]
        return [*before, await self._reminded(added, self._models.first(session.run_id))]

    def _switched(self, chosen: Chosen, state: RunState) -> ModelSwitched:
        """Return that another model answers from here on; one that is told other things reads another prompt."""
        same = (chosen.overlay, chosen.said) == (state.overlay, state.settings)
        version = None if same else prompt_version(self.instructions, chosen.overlay, chosen.said)
        return ModelSwitched(model=chosen.model.id, slot=chosen.slot, base_url=chosen.base_url,
                             overlay=chosen.overlay, settings=chosen.said, prompt_version=version)  # fmt: skip

    async def _reminded(self, body: Body, chosen: Chosen) -> Body:
        return await in_thread(lambda: self._with_memory(body, chosen))

    def _with_memory(self, body: Body, chosen: Chosen) -> Body:
        """Return the words that a model begins with behind what the memory holds, and who wrote that."""
        if not isinstance(body, MessageAdded) or body.message.role != "user":
            return body
        limit = self.window.limit(chosen.model.profile, chosen.settings)
        return MessageAdded(message=reminded(body.message, self.memory, model=chosen.model.id, limit=limit))


async def _last(events: AsyncIterator[AgentEvent | Run[OutputT]]) -> Run[OutputT]:
    async with closing(events):
        async for event in events:
            if isinstance(event, Run):
                return event
    raise UsageError("The agent's events ended without the run. Report this.")  # pragma: no cover


def _is_another(chosen: Chosen, state: RunState) -> bool:
    if state.settings is not None and chosen.said != state.settings:
        return True
    return (chosen.model.id, chosen.slot, chosen.overlay) != (state.model, state.slot, state.overlay)
