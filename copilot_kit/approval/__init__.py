"""Approval at the execution edge: what runs, what waits for a person, what is refused."""

from copilot_kit.approval.decisions import decide, settle, stop
from copilot_kit.approval.gate import READS_RUN, Gate, GateCall, Rule, Ruling, rule
from copilot_kit.records import Reason

__all__ = ["READS_RUN", "Reason", "Gate", "GateCall", "Rule", "Ruling", "decide", "rule", "settle", "stop"]
