"""Agents as tools of other agents: one run, one journal, one lease, and every proposal at the top."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from copilot_kit.tools import Tool, tool

if TYPE_CHECKING:
    from copilot_kit.agent.agent import Agent


@dataclass(frozen=True, slots=True)
class NestedAgent:
    """An agent as another one calls it: with a task in words, answered in words.

    Its own calls pass its own gate; what waits for a person waits at the top, with the path that led there.
    """

    agent: "Agent[Any]"
    tool: Tool[..., Any]


def nested(agent: "Agent[Any]", *, name: str, description: str) -> NestedAgent:
    """Return the agent as a tool; asking it changes nothing by itself, whatever its own calls then do."""

    async def ask(task: str) -> str:
        raise RuntimeError(f"{name} works within a run only, not on {task!r}.")

    version = "agent"  # what it may do is bound to its own tools, model and prompt
    return NestedAgent(agent, tool(name=name, description=description, effect="read", version=version)(ask))
