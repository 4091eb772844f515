"""Taking decided runs on, in the background, where the agents are at hand."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Any

from copilot_kit.agent import Agent
from copilot_kit.errors import CopilotError
from copilot_kit.journal.store import Store

_LOG = logging.getLogger(__name__)


class Work:
    """Resumes runs whose agent is here; all others are another process's."""

    def __init__(self, store: Store, agents: Mapping[str, Agent[Any]]) -> None:
        self._store = store
        self._agents = agents
        self._tasks: set[asyncio.Task[None]] = set()

    def go_on(self, run_id: str, agent: str) -> None:
        """Let a run go on soon, if its agent is here."""
        known = self._agents.get(agent)
        if known is None:
            return
        task = asyncio.create_task(self._resume(known, run_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop working; what was begun is written down by the agent."""
        for task in list(self._tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _resume(self, agent: Agent[Any], run_id: str) -> None:
        try:
            await agent.resume(run_id)
        except CopilotError as error:  # the run's own records say so too
            _LOG.warning("run %s did not go on: %s", run_id, error)
