"""What the loop needs to take a run on: the agent as it is now, its model, and what it may spend."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pydantic import TypeAdapter

from copilot_kit.agent.checks import Check, Choose
from copilot_kit.agent.limits import Limits
from copilot_kit.approval.edge import Edge
from copilot_kit.context.window import Window
from copilot_kit.ids import NewId
from copilot_kit.model import Model
from copilot_kit.records import Proposal
from copilot_kit.request import AnyTool, OutputSpec, Settings
from copilot_kit.response import Response

if TYPE_CHECKING:
    from copilot_kit.memory.memory import Memory


Approver: TypeAlias = Callable[[Proposal], Awaitable[None]]
"""Asked for each waiting proposal; decides through `decide`, or leaves it waiting."""


@dataclass(frozen=True, slots=True)
class Work:
    """Everything the loop needs besides the run itself."""

    model: Model
    slot: str | None
    edge: Edge
    tools: tuple[AnyTool, ...]
    tools_digest: str
    settings: Settings
    output: OutputSpec | None
    parse_output: TypeAdapter[Any] | None
    output_tries: int
    limits: Limits
    delivery: Literal["stream", "whole"]
    new_id: NewId
    priced: Callable[[Response], Response]
    window: Window
    reviewer: Choose
    approver: Approver | None = None
    memory: "Memory | None" = None
    checks: tuple[Check, ...] = ()
    check_tries: int = 2
    nested: Mapping[str, "Callable[[str], Work]"] = field(default_factory=dict)
    """For each agent that is a tool of this one: its work for the call of this id."""
