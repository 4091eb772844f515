"""Agents as tools of other agents: one run, one journal, one lease, and every proposal at the top."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from copilot_kit.journal.session import Session
from copilot_kit.records import Step
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


def along(agent: "Agent[Any]", path: Sequence[Step]) -> "list[Agent[Any]]":
    """Return the agents that a proposal with this path may be of; without a path, all that there are."""
    if not path:
        return [*agent.agents]
    found: list[Agent[Any]] = [agent]
    for step in path[1:]:
        below = (inner for one in found for inner in one.nested.values())
        found = [inner for inner in below if inner.name == step.agent]
    return found


def agent_at(agent: "Agent[Any]", session: Session, path: tuple[str, ...]) -> "Agent[Any] | None":
    """Return the agent that made a call at this path, this one or one within it; None: it is not here."""
    for depth, call_id in enumerate(path):
        said = session.state.threads[path[:depth]].messages
        asked = next((call for message in said for call in message.calls if call.call_id == call_id), None)
        inner = None if asked is None else agent.nested.get(asked.name)
        started = session.state.threads[path[: depth + 1]].started
        if inner is None or started is None or inner.name != started.agent:
            return None
        agent = inner
    return agent
