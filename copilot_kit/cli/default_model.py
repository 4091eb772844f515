"""The model that is used where none is named: the project's, else one there is a key for, else a local one."""

import os
from typing import Final

from copilot_kit.cli.extras import not_installed
from copilot_kit.slots import find_frontier, read_frontier

LOCAL: Final = "local:smollm2"
BY_KEY: Final = (("ANTHROPIC_API_KEY", "anthropic:claude-haiku-5-5"), ("OPENAI_API_KEY", "openai:gpt-5.4-mini"))
"""Small and cheap; any other is named with --model."""


def default_model() -> tuple[str, str]:
    """Return the model's name and why it is this one."""
    path = find_frontier()
    if path is not None and "default" in read_frontier(path).slots:
        return "default", f"the slot 'default' of {path}"
    lacking = ""
    for variable, model in BY_KEY:
        extra = model.partition(":")[0]
        if not os.environ.get(variable):
            continue
        if not not_installed().get(extra):
            return model, f"{variable} is set"
        lacking = (
            lacking or f"{variable} is set, but its packages are not installed: pip install 'copilot-kit[{extra}]'"
        )
    return LOCAL, lacking or "no key is set, so this runs on your own machine"
