"""What an agent offers its model: tools, other agents, the form of its answer."""

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from pydantic import TypeAdapter

from copilot_kit.agent.nested import NestedAgent
from copilot_kit.errors import UsageError
from copilot_kit.overlays import Overlay
from copilot_kit.request import AnyTool, OutputSpec, ProviderTool, Settings
from copilot_kit.tools import Tool, tool

if TYPE_CHECKING:
    from copilot_kit.agent.agent import Agent

AgentTool: TypeAlias = Tool[..., Any] | NestedAgent | ProviderTool | Callable[..., Any]
"""What an agent can be given: functions, tools, other agents as tools, tools that the provider runs."""
_ASIDE: Final = {"cache", "deadline_s", "first_event_deadline_s"}


def named_tools(
    tools: Sequence[AgentTool],
) -> tuple[dict[str, Tool[..., Any]], dict[str, "Agent[Any]"], tuple[AnyTool, ...]]:
    """Return tools by name, the agents among them, and all as a model sees them."""
    named: dict[str, Tool[..., Any]] = {}
    agents: dict[str, Agent[Any]] = {}
    offered: list[AnyTool] = []
    for one in tools:
        if isinstance(one, ProviderTool):
            offered.append(one)
            continue
        made = one.tool if isinstance(one, NestedAgent) else one if isinstance(one, Tool) else tool(one)
        if made.name in named:
            raise UsageError(f"Two tools are called {made.name!r}. Give one of them another name: @tool(name=...).")
        named[made.name] = made
        _ = made.version  # of the source as it is now, which is what runs, even if its file changes meanwhile
        offered.append(made.spec)
        if isinstance(one, NestedAgent):
            agents[made.name] = one.agent
    return named, agents, tuple(offered)


def prompt_version(instructions: str, overlay: Overlay | None, settings: Settings | None = None) -> str:
    """Return the version of what a model is told: the instructions, and what its slot says beside them and of how.

    settings: the slot's own. What is only about time and money of an answer does not count.
    """
    kept = {} if settings is None else settings.model_dump(mode="json", exclude_defaults=True, exclude=_ASIDE)
    how = json.dumps(kept, sort_keys=True)  # in whatever order they are written
    said = "" if overlay is None else overlay.model_dump_json()
    told = [instructions, said, how] if how != "{}" else [instructions, said] if said else [instructions]
    return digest_of(told)


def digest_of(texts: list[str]) -> str:
    """Return one digest of these texts in this order."""
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def adapter_of(output: Any) -> TypeAdapter[Any]:
    """Return what reads an answer of this type; raises `UsageError` if JSON cannot hold its values."""
    try:
        adapter = TypeAdapter[Any](output)
        adapter.json_schema()
    except Exception as error:
        raise UsageError(
            f"Agent(output={output!r}) is not a type whose values can be written as JSON. Give a pydantic model, a "
            "dataclass, or a type such as list[int]."
        ) from error
    return adapter


def output_spec(
    output: Any, parse: TypeAdapter[Any], mode: Literal["auto", "native", "tool", "prompted"]
) -> OutputSpec:
    """Return what the model is told of the form of its answer."""
    name = "".join(c if c.isalnum() else "_" for c in getattr(output, "__name__", "answer"))[:64] or "answer"
    return OutputSpec(json_schema=parse.json_schema(), name=name, mode=mode)
