"""Taking decided runs on, in the background, where their agents are at hand."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Any

from copilot_kit.agent import Agent
from copilot_kit.agent.worker import keep_going
from copilot_kit.journal import Journal

_LOG = logging.getLogger(__name__)


class Work:
    """Resumes runs whose agent is here; all others are another process's."""

    def __init__(self, store: Journal, agents: Sequence[Agent[Any]]) -> None:
        self._store = store
        self._agents = tuple(agents)
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin in this event loop, unless it has begun or there is nothing to take on."""
        if self._agents and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._keep_going())

    async def close(self) -> None:
        """Stop working; what was begun is written down by the agents."""
        task, self._agents = self._task, ()
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _keep_going(self) -> None:
        try:
            await keep_going(self._store, self._agents)
        except Exception:  # noqa: BLE001  whatever it is, it must be seen
            _LOG.exception("decided runs are not taken on until somebody opens the inbox again")
