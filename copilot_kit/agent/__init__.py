"""Agents and their runs."""

from copilot_kit.agent.agent import Agent
from copilot_kit.agent.limits import Limits
from copilot_kit.agent.loop import AgentEvent
from copilot_kit.agent.run import Run
from copilot_kit.agent.work import Approver

__all__ = ["Agent", "AgentEvent", "Approver", "Limits", "Run"]
