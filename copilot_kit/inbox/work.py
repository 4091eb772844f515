"""Taking decided runs on, in the background, where their agents are at hand."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping

from copilot_kit.agent.worker import Agents, keep_going
from copilot_kit.journal import Journal

_LOG = logging.getLogger(__name__)


class Work:
    """Resumes runs whose agent is here; all others are another process's."""

    def __init__(self, store: Journal, agents: Agents) -> None:
        self._store = store
        self._agents = agents if isinstance(agents, Mapping) else tuple(agents)
        self._closed = not isinstance(agents, Mapping) and not self._agents  # a mapping may be filled later
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin in this event loop, unless it has begun or there is nothing to take on."""
        if not self._closed and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._keep_going())

    async def close(self) -> None:
        """Stop working; what was begun is written down by the agents."""
        task, self._closed = self._task, True
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _keep_going(self) -> None:
        try:
            await keep_going(self._store, self._agents)
        except Exception:  # noqa: BLE001  whatever it is, it must be seen
            _LOG.exception("decided runs are not taken on until somebody opens the inbox again")
