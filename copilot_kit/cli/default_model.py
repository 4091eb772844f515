"""The model that is used where none is named: the project's, else one there is a key for, else a local one."""

import os
from typing import Final

from copilot_kit.slots import find_frontier, read_frontier

LOCAL: Final = "local:smollm2"
BY_KEY: Final = (("ANTHROPIC_API_KEY", "anthropic:claude-haiku-5-5"), ("OPENAI_API_KEY", "openai:gpt-5.4-mini"))
"""Small and cheap; any other is named with --model."""


def default_model() -> tuple[str, str]:
    """Return the model's name and why it is this one."""
    path = find_frontier()
    if path is not None and "default" in read_frontier(path).slots:
        return "default", f"the slot 'default' of {path}"
    for variable, model in BY_KEY:
        if os.environ.get(variable):
            return model, f"{variable} is set"
    return LOCAL, "no key is set, so this runs on your own machine"
