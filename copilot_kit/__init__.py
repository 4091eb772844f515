"""Copilots on swappable frontier models: propose, let a person decide, run exactly that, and measure.

from copilot_kit import Agent, Principal, tool
"""

from copilot_kit.agent import Agent, AgentEvent, Limits, Run
from copilot_kit.approval import Gate, rule
from copilot_kit.errors import CopilotError, LimitReached, ModelError
from copilot_kit.messages import Message, assistant, system, user
from copilot_kit.model import Model, complete
from copilot_kit.outputs import ToolError
from copilot_kit.records import Principal, Proposal
from copilot_kit.request import OutputSpec, Request, Settings
from copilot_kit.response import Response, Usage
from copilot_kit.slots import open_model
from copilot_kit.tools import Tool, ToolContext, tool

__all__ = [
    # agents and their runs
    "Agent",
    "Run",
    "Limits",
    "AgentEvent",
    # tools
    "tool",
    "Tool",
    "ToolContext",
    "ToolError",
    # the gate and the people behind it
    "Gate",
    "rule",
    "Proposal",
    "Principal",
    # models, without an agent
    "open_model",
    "complete",
    "Model",
    "Request",
    "Settings",
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
