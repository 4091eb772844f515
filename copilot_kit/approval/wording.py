"""Whether an edit changed anything but words: such edits are counted apart."""

from typing import Any

from copilot_kit.records import Proposal
from copilot_kit.tools import arguments_of


def wording_only(proposal: Proposal, arguments: str) -> bool:
    """Return whether these arguments differ from the proposal's in nothing but those marked as wording."""
    try:
        before, after = arguments_of(proposal.arguments), arguments_of(arguments)
    except ValueError:
        return False
    return before != after and _rest(before, proposal) == _rest(after, proposal)


def _rest(arguments: Any, proposal: Proposal) -> Any:
    if not isinstance(arguments, dict):
        return arguments
    return {name: value for name, value in arguments.items() if proposal.roles.get(name) != "wording"}
