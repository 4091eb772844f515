"""What becomes of calls that change something: before they start, and after."""

from typing import Literal, TypeAlias

from copilot_kit.effects import Effect
from copilot_kit.messages import Record, ToolResult
from copilot_kit.records.approval import Reason
from copilot_kit.records.principal import Principal

ReceiptState: TypeAlias = Literal["done", "failed", "unknown", "denied", "cancelled"]


class Intended(Record):
    """A tool that changes something is about to run; durable before it starts."""

    kind: Literal["intended"] = "intended"
    call_id: str
    call_digest: str
    idempotency_key: str
    tool: str = ""
    tool_version: str = ""
    effect: Effect = "external"
    arguments: str = ""
    """The canonical bytes that run."""
    model: str = ""
    prompt_version: str = ""
    agent: str = ""
    allowed: tuple[Reason, ...] = ()
    """Why nobody was asked; empty where a person decided."""
    rule_id: str | None = None
    """The standing rule that was used up by one."""
    undoable: bool = False


class Received(Record):
    """What became of a call; durable before the model hears of it."""

    kind: Literal["received"] = "received"
    call_id: str
    tool: str
    state: ReceiptState
    result: ToolResult
    took_s: float = 0.0
    settled_by: Principal | None = None
    """Who settled a call whose outcome was unknown."""


class Undoing(Record):
    """What a call did is about to be taken back; durable before it starts."""

    kind: Literal["undoing"] = "undoing"
    call_id: str
    idempotency_key: str
    by: Principal


class Undone(Record):
    """What became of taking a call back."""

    kind: Literal["undone"] = "undone"
    call_id: str
    state: Literal["done", "failed", "unknown"]
    text: str = ""
    by: Principal
