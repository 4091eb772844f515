"""The tools of a recorded request: those that the agent offers today, held against the digest of what it offered then.

A journal keeps the digest of the tools that were sent and not the tools. Whoever asks a recorded request again names
the agent, or a function of the run's id that makes it, where each run has tools of its own.
"""

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from copilot_kit.agent import Agent
from copilot_kit.agent.offering import digest_of
from copilot_kit.errors import UsageError
from copilot_kit.request import AnyTool, Settings
from copilot_kit_evals.recorded.answers import Answered


@dataclass(slots=True)
class Offers:
    """What agents offer for recorded requests, and how often that is something else than then."""

    agent_for: Callable[[str], Agent[Any] | None]
    """By the id of a run; None: none of its runs."""
    name: str | None = None
    """Of the agent whose runs count; None: whichever `agent_for` makes one for."""
    kept: dict[str, tuple[AnyTool, ...]] = field(default_factory=dict)
    """By digest."""
    changed: set[str] = field(default_factory=set)
    """Runs whose tools were others than today."""

    def of(self, answered: Answered) -> tuple[AnyTool, ...]:
        """Return the tools to offer; raises `UsageError` where no agent is made for the run."""
        agent = self.agent_for(answered.run_id)
        if agent is None:
            raise UsageError(f"No agent was made for run {answered.run_id!r}, whose answer is to be asked again.")
        digest = self.digest(agent.offered)
        self.kept[digest] = agent.offered
        if digest != answered.tools_digest:
            self.changed.add(answered.run_id)
        return agent.offered

    def settings(self, answered: Answered) -> Settings:
        """Return what the agent asks for beside the messages."""
        agent = self.agent_for(answered.run_id)
        return Settings() if agent is None else agent.settings

    def takes(self, answered: Answered) -> bool:
        """Tell whether a run is one of this agent's."""
        if self.name is not None:
            return answered.agent == self.name
        return self.agent_for(answered.run_id) is not None

    @staticmethod
    def digest(tools: tuple[AnyTool, ...]) -> str:
        """Return the digest by which a journal knows these tools."""
        return digest_of([one.model_dump_json() for one in tools])


def offers_of(agent: Agent[Any]) -> Offers:
    """Return what one agent offers for all of its runs."""
    return Offers(lambda _: agent, agent.name)


def load_offers(name: str) -> Offers:
    """Return the offers of `module:attribute`: an Agent, a function that makes it, or one that takes a run's id.

    Raises `UsageError` for a name of something else.
    """
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise UsageError(f"There is no agent {name!r}. Write it as module:attribute, as in shop.copilot:agent.")
    if "" not in sys.path:
        sys.path.insert(0, "")  # a program that was installed does not look into the current folder by itself
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"Cannot load agent {name!r}: {error}. Name a module that can be imported from here, and what it defines."
        ) from error
    if not isinstance(found, Agent) and callable(found) and _takes_one(found):
        return Offers(_remembered(found))
    made = found() if callable(found) and not isinstance(found, Agent) else found
    if not isinstance(made, Agent):
        raise UsageError(
            f"{name!r} is {type(made).__name__}, not an Agent. Name an Agent, a function that returns one, or one that "
            "takes the id of a run."
        )
    return offers_of(made)


def _takes_one(function: Callable[..., Any]) -> bool:
    parameters = inspect.signature(function).parameters.values()
    return sum(one.default is inspect.Parameter.empty for one in parameters) == 1


def _remembered(function: Callable[[str], Agent[Any] | None]) -> Callable[[str], Agent[Any] | None]:
    made: dict[str, Agent[Any] | None] = {}

    def agent_for(run_id: str) -> Agent[Any] | None:
        if run_id not in made:
            made[run_id] = function(run_id)
        return made[run_id]

    return agent_for
