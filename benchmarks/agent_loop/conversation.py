"""The one conversation that every competitor holds: instructions, question, tool, and the tool in each API's words."""

from typing import Any, Final, Literal

Api = Literal["chat", "responses", "messages"]
APIS: Final[tuple[Api, ...]] = ("chat", "responses", "messages")

INSTRUCTIONS: Final = "You keep a ledger. Use the tool for every addition and never add in your head."
QUESTION: Final = "Work through the whole ledger, one addition at a time, and finish with the word done."
ANSWER: Final = "done"
KEY: Final = "not-a-key"
TIMEOUT_S: Final = 120.0
CONNECTIONS: Final = 1000

MODELS: Final[dict[Api, str]] = {"chat": "gpt-4.1", "responses": "gpt-4.1", "messages": "claude-sonnet-4-6"}
MAX_TOKENS: Final = 8192  # the messages API refuses a request without a limit


def add(a: int, b: int) -> int:
    """Add two whole numbers."""
    return a + b


async def add_in_the_loop(a: int, b: int) -> int:
    """Add two whole numbers."""
    return a + b


add_in_the_loop.__name__ = "add"  # frameworks get this one: a plain function they would send to a thread

_DESCRIPTION: Final = "Add two whole numbers."
_ARGUMENTS: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    "required": ["a", "b"],
    "additionalProperties": False,
}
_FUNCTION: Final[dict[str, Any]] = {
    "name": "add",
    "description": _DESCRIPTION,
    "parameters": _ARGUMENTS,
    "strict": True,
}

# For the competitors that write their requests by hand; frameworks derive theirs from `add`.
TOOLS: Final[dict[Api, list[Any]]] = {
    "chat": [{"type": "function", "function": _FUNCTION}],
    "responses": [{"type": "function", **_FUNCTION}],
    "messages": [{"name": "add", "description": _DESCRIPTION, "input_schema": _ARGUMENTS}],
}
