"""Models without a model: scripted, computed, replayed or faulty, and the contract that every model must hold."""

from copilot_kit.testing.contract import CHECKS, Check, ContractBroken, Subject, check_model
from copilot_kit.testing.faults import (
    Fault,
    FaultModel,
    at_random,
    bad_json,
    broken_args,
    cut,
    overloaded,
    rate_limited,
    stall,
)
from copilot_kit.testing.function import FunctionModel
from copilot_kit.testing.replay import ReplayModel
from copilot_kit.testing.script import ScriptedModel, call, counted, pause, refuse, say, think

__all__ = [
    # models
    "ScriptedModel",
    "FunctionModel",
    "ReplayModel",
    "FaultModel",
    # lines of a script
    "say",
    "think",
    "call",
    "refuse",
    "pause",
    "counted",
    # faults
    "Fault",
    "rate_limited",
    "overloaded",
    "bad_json",
    "cut",
    "stall",
    "broken_args",
    "at_random",
    # the contract
    "check_model",
    "CHECKS",
    "Check",
    "Subject",
    "ContractBroken",
]
