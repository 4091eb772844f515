"""Copilots on swappable frontier models: propose, let a person decide, run exactly that, and measure.

from copilot_kit import Agent, Principal, tool
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from copilot_kit.agent import Agent, AgentEvent, Limits, Run
    from copilot_kit.agent.checks import Check, Milestone, Rubric
    from copilot_kit.agent.worker import keep_going
    from copilot_kit.approval import Gate, decide, rule
    from copilot_kit.approval.flow import flow_rules
    from copilot_kit.approval.trust import earn
    from copilot_kit.context.window import Window
    from copilot_kit.errors import CopilotError, LimitReached, ModelError
    from copilot_kit.journal.opening import open_store
    from copilot_kit.memory.knowledge import Knowledge
    from copilot_kit.memory.memory import Memory
    from copilot_kit.messages import Message, assistant, system, user
    from copilot_kit.model import Model, complete
    from copilot_kit.outputs import ToolError
    from copilot_kit.records import Principal, Proposal
    from copilot_kit.request import ContextEditing, OutputSpec, Request, Settings
    from copilot_kit.response import Response, Usage
    from copilot_kit.slots import open_model
    from copilot_kit.tools import Tool, ToolContext, schema_tool, tool

__all__ = [
    # agents and their runs
    "Agent",
    "Run",
    "Limits",
    "AgentEvent",
    "open_store",
    "keep_going",
    # tools
    "tool",
    "schema_tool",
    "Tool",
    "ToolContext",
    "ToolError",
    # memory, and tasks that are longer than a window
    "Memory",
    "Knowledge",
    "Window",
    "Check",
    "Rubric",
    "Milestone",
    # the gate and the people behind it
    "Gate",
    "rule",
    "flow_rules",
    "earn",
    "decide",
    "Proposal",
    "Principal",
    # models, without an agent
    "open_model",
    "complete",
    "Model",
    "Request",
    "Settings",
    "ContextEditing",
    "OutputSpec",
    "Response",
    "Usage",
    "Message",
    "system",
    "user",
    "assistant",
    # what can go wrong
    "CopilotError",
    "ModelError",
    "LimitReached",
]

_HOMES = {
    "copilot_kit.agent": ("Agent", "AgentEvent", "Limits", "Run"),
    "copilot_kit.agent.checks": ("Check", "Milestone", "Rubric"),
    "copilot_kit.agent.worker": ("keep_going",),
    "copilot_kit.approval": ("Gate", "decide", "rule"),
    "copilot_kit.approval.flow": ("flow_rules",),
    "copilot_kit.approval.trust": ("earn",),
    "copilot_kit.context.window": ("Window",),
    "copilot_kit.errors": ("CopilotError", "LimitReached", "ModelError"),
    "copilot_kit.journal.opening": ("open_store",),
    "copilot_kit.memory.knowledge": ("Knowledge",),
    "copilot_kit.memory.memory": ("Memory",),
    "copilot_kit.messages": ("Message", "assistant", "system", "user"),
    "copilot_kit.model": ("Model", "complete"),
    "copilot_kit.outputs": ("ToolError",),
    "copilot_kit.records": ("Principal", "Proposal"),
    "copilot_kit.request": ("ContextEditing", "OutputSpec", "Request", "Settings"),
    "copilot_kit.response": ("Response", "Usage"),
    "copilot_kit.slots": ("open_model",),
    "copilot_kit.tools": ("Tool", "ToolContext", "schema_tool", "tool"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import what is asked for when it is asked for, so that importing the package costs nothing."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'copilot_kit' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
