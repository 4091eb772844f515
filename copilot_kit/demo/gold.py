"""What a good clerk does with each ticket; read by the measurement alone, never by the agent."""

import json
from pathlib import Path
from typing import Any

from copilot_kit.messages import Record

GOLD = Path(__file__).parent / "gold"


class Action(Record):
    """A tool and its arguments."""

    tool: str
    arguments: dict[str, Any]


class Correction(Record):
    """A proposal that a person rejects, their words, and what should be proposed next."""

    ticket: str
    rejected: Action
    reason: str
    wanted: Action


def actions(name: str) -> dict[str, Action]:
    """Return the right action for each ticket of this set, by ticket."""
    held = json.loads((GOLD / f"{name}.json").read_text(encoding="utf-8"))
    return {ticket: Action.model_validate(action) for ticket, action in held.items()}


def corrections(name: str) -> list[Correction]:
    """Return the rejections of this set."""
    held = json.loads((GOLD / f"{name}_corrections.json").read_text(encoding="utf-8"))
    return [Correction.model_validate(one) for one in held]
