"""Approval at the execution edge: what runs, what waits for a person, what is refused."""

from copilot_kit.approval.decisions import Choice, ask_again, assign, decide, decide_together, lapse, settle, stop
from copilot_kit.approval.gate import READS_RUN, Gate, GateCall, Rule, Ruling, rule
from copilot_kit.records import Reason

__all__ = [
    "READS_RUN", "Choice", "Gate", "GateCall", "Reason", "Rule", "Ruling", "ask_again", "assign", "decide",
    "decide_together", "lapse", "rule", "settle", "stop",
]  # fmt: skip
