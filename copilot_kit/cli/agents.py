"""Agents that this terminal may let go on: loaded by name, and at work while the person decides the next card."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from copilot_kit.agent import Agent
from copilot_kit.cli.screen import width
from copilot_kit.display import clipped, visible
from copilot_kit.errors import CopilotError, UsageError
from copilot_kit.journal import RunState, Store
from copilot_kit.records import Principal, Received
from copilot_kit.tools import Tool

_LINE = 12


def load_agent(name: str) -> Agent[Any]:
    """Return the agent that `module:attribute` names, or that the function there returns."""
    module, mark, attribute = name.partition(":")
    if not mark or not module or not attribute:
        raise UsageError(f"There is no agent {name!r}. Write it as module:attribute, as in shop.copilot:agent.")
    if "" not in sys.path:
        sys.path.insert(0, "")  # a program that was installed does not look into the current folder by itself
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"Cannot load agent {name!r}: {error}. Name a module that can be imported from here, and what it defines."
        ) from error
    agent = found if isinstance(found, Agent) else found() if callable(found) else found
    if not isinstance(agent, Agent):
        raise UsageError(f"{name!r} is {type(agent).__name__}, not an Agent. Name an Agent, or a function without "
                         "arguments that returns one.")  # fmt: skip
    return agent


class Crew:
    """Agents by name, and their runs that go on in the background."""

    def __init__(self, store: Store, agents: Sequence[Agent[Any]], *, tell: Callable[[str], None]) -> None:
        self._store = store
        self._tell = tell
        self._agents = {agent.name: agent for agent in agents}
        self._work: dict[str, asyncio.Task[None]] = {}
        for agent in agents:
            agent.store = store  # the inbox's journal is where its runs are

    def __bool__(self) -> bool:
        return bool(self._agents)

    def tools_for(self, agent: str, tool: str) -> dict[str, Tool[..., Any]]:
        """Return the tool of this name, if the agent is here."""
        found = self._agents[agent].tool(tool) if agent in self._agents else None
        return {} if found is None else {tool: found}

    def knows(self, agent: str) -> bool:
        """Tell whether runs of this agent can go on here."""
        return agent in self._agents

    async def undo(self, agent: str, run_id: str, call_id: str, *, by: Principal) -> None:
        """Take back what a call did."""
        await self._agents[agent].undo(run_id, call_id, by=by)

    async def go_on(self, run_id: str) -> bool:
        """Let the run go on if its agent is here and nothing of it waits; tells whether its agent is here."""
        state = RunState.of(await self._store.read(run_id))
        name = "" if state.started is None else state.started.agent
        if not self.knows(name):
            return False
        if state.status == "running" and run_id not in self._work:
            task = asyncio.ensure_future(self._resume(name, run_id, state.seq))
            self._work[run_id] = task
            task.add_done_callback(lambda _: self._work.pop(run_id, None))
        return True

    @property
    def busy(self) -> int:
        """How many runs go on right now."""
        return len(self._work)

    async def rest(self) -> None:
        """Wait until one of the runs that go on has come as far as it goes."""
        if self._work:
            await asyncio.wait(self._work.values(), return_when=asyncio.FIRST_COMPLETED)

    async def leave(self) -> None:
        """Wait for what was begun to end, or cancel it where the wait itself is cancelled."""
        try:
            while self._work:
                await self.rest()
        finally:
            for task in list(self._work.values()):
                task.cancel()
            if self._work:
                await asyncio.wait(self._work.values())

    async def _resume(self, name: str, run_id: str, seq: int) -> None:
        """Go on with a run, and tell what came of its calls."""
        try:
            run = await self._agents[name].resume(run_id)
        except CopilotError as error:
            self._tell(visible(str(error)))
            return
        for entry in await self._store.read(run_id, after=seq):
            if isinstance(entry.body, Received):
                self._tell_of(f"{visible(entry.body.tool)} {entry.body.state}", entry.body.result.text)
        if run.status in {"done", "failed", "stopped"}:
            self._tell_of(f"run {run.status}", run.text)

    def _tell_of(self, head: str, words: str) -> None:
        self._tell(f"  {head}: {clipped(' '.join(words.split()), max(_LINE, width() - len(head) - 4))}")
