"""Agents and their runs."""

from copilot_kit.agent.agent import Agent
from copilot_kit.agent.limits import Limits
from copilot_kit.agent.loop import AgentEvent, Approver
from copilot_kit.agent.run import Run

__all__ = ["Agent", "AgentEvent", "Approver", "Limits", "Run"]
