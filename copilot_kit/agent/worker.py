"""A worker: takes runs on that can go on, whoever decided, wherever their last owner died."""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from copilot_kit.agent.agent import Agent
from copilot_kit.errors import JournalError, NotOwner, UsageError
from copilot_kit.journal.index import Journal
from copilot_kit.journal.state import RunState

Agents: TypeAlias = Sequence[Agent[Any]] | Mapping[str, Agent[Any]]
"""Agents, or a mapping by their names, which is looked at anew: agents that join it later count from then on."""
_LOG = logging.getLogger(__name__)
_AT_ONCE = 32
_LONGEST_PAUSE_S = 60.0


async def keep_going(store: Journal, agents: Agents | Iterable[Agent[Any]], *, poll_s: float = 0.5) -> None:
    """Resume every run of these agents that can go on, until cancelled.

    A run is known by its agent's name. One that fails is tried again after a pause that doubles, up to a minute, and so
    is a journal that cannot be reached; what was approved runs at most once, however many workers there are.
    """
    work = _Work(store, agents_by_name(agents))
    pause_s = poll_s
    try:
        while True:
            try:
                for run_id in dict.fromkeys([*await store.ready(limit=work.most()), *work.failed]):
                    work.begin(run_id)
                pause_s = poll_s
            except JournalError as error:
                pause_s = min(2 * max(pause_s, 1.0), _LONGEST_PAUSE_S)
                _LOG.warning("the journal does not say which runs can go on: %s; asked again in %g s", error, pause_s)
            await asyncio.sleep(pause_s)
    finally:
        await work.end()


class _Work:
    def __init__(self, store: Journal, agents: Mapping[str, Agent[Any]]) -> None:
        self._store = store
        self._agents = agents
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._pauses: dict[str, tuple[float, float]] = {}
        """For a run that failed: when it may be tried again, and how long the next pause is."""
        self._strangers: dict[str, str] = {}
        """The agent of runs that nobody here is the agent of, who may join later."""
        self.failed: set[str] = set()
        """Runs that could not go on here; nobody else is asked to take them up."""
        self._left: dict[str, int] = {}
        """The last record of runs that were resumed: with nothing new since, there is nothing to do."""

    def begin(self, run_id: str) -> None:
        if self._strangers.get(run_id) in self._agents:
            del self._strangers[run_id]
            self._pauses.pop(run_id, None)
        again_at, _ = self._pauses.get(run_id, (0.0, 0.0))
        if run_id in self._tasks or len(self._tasks) >= _AT_ONCE or time.monotonic() < again_at:
            return
        task = self._tasks[run_id] = asyncio.create_task(self._resume(run_id))
        task.add_done_callback(lambda _: self._tasks.pop(run_id, None))

    def most(self) -> int:
        """Return how many runs to ask for: those that are passed over for now must not hide the others."""
        return 2 * _AT_ONCE + len(self._pauses)

    async def end(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _resume(self, run_id: str) -> None:
        try:
            state = RunState.of(await self._store.read(run_id))
            name = "" if state.started is None else state.started.agent
            agent = self._agents.get(name)
            if agent is None:
                self._strangers[run_id] = name
            if agent is None or self._left.get(run_id) == state.seq:
                self._pause(run_id)
                return
            self._left[run_id] = (await agent.resume(run_id)).seq
        except NotOwner:
            return  # somebody else was faster
        except Exception as error:  # noqa: BLE001  one run's failure must not end the others
            _LOG.warning("run %s could not go on: %s", run_id, error)
            self.failed.add(run_id)
            self._pause(run_id)
        else:
            self.failed.discard(run_id)
            self._pauses.pop(run_id, None)

    def _pause(self, run_id: str) -> None:
        _, pause_s = self._pauses.get(run_id, (0.0, 1.0))
        self._pauses[run_id] = (time.monotonic() + pause_s, min(2 * pause_s, _LONGEST_PAUSE_S))


def agents_by_name(agents: Agents | Iterable[Agent[Any]]) -> Mapping[str, Agent[Any]]:
    """Return agents by name, a mapping as it is; raises `UsageError` where two have the same."""
    if isinstance(agents, Mapping):
        return agents
    named: dict[str, Agent[Any]] = {}
    for agent in agents:
        if agent.name in named:
            raise UsageError(f"Two agents are called {agent.name!r}. Give each its own: Agent(name=...).")
        named[agent.name] = agent
    return named
