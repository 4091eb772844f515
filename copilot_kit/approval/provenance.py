"""Where each value of a call came from, inferred from what was said: provenance does not pass through a model."""

from collections.abc import Mapping

from pydantic import JsonValue

from copilot_kit.effects import ArgumentRole
from copilot_kit.messages import Message
from copilot_kit.records import Origin


class Origins:
    """The labelled parts of a conversation, and which of them hold a value."""

    def take(self, message: Message) -> None:
        """Look at a message of the conversation; it is indexed when somebody asks."""

    def of(self, arguments: Mapping[str, JsonValue], roles: Mapping[str, ArgumentRole]) -> tuple[Origin, ...]:
        """Return where each value came from, by its JSON pointer."""
        return ()
