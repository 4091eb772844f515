"""What stays of a run whose bodies were removed."""

from typing import Literal

from copilot_kit.effects import Effect
from copilot_kit.messages import Record
from copilot_kit.records.approval import ProposalState
from copilot_kit.records.principal import Principal


class CallKept(Record):
    """What stays known of a call whose run was erased: who decided what, and what became of it."""

    call_id: str
    proposal_id: str | None
    seq: int
    agent: str
    tool: str
    tool_version: str
    effect: Effect
    model: str
    prompt_version: str
    state: ProposalState | Literal["allowed"]
    outcome: Literal["done", "failed", "unknown", "undone"] | None
    edited: Literal["", "wording", "more"]
    by: str | None
    looked_s: float | None
    asked_us: int
    """In microseconds since 1970, as is `decided_us`."""
    decided_us: int | None
    undoable: bool


class Erased(Record):
    """Bodies of records of this run were removed; their heads and this tombstone stay."""

    kind: Literal["erased"] = "erased"
    seqs: tuple[int, ...]
    by: Principal
    reason: str = ""
    agent: str = ""
    purpose: Literal["task", "suggestion"] = "task"
    status: Literal["done", "failed", "stopped"] = "done"
    """How the run had ended; this, the agent, the purpose and its calls are all that stays known of it."""
    calls: tuple[CallKept, ...] | None = None
    """All its calls that had passed the gate; None: erased before this was kept."""
