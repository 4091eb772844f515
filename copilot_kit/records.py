"""Everything durable: what a run writes down, one small immutable record per fact.

A journal record has a head (who, where, when, chained by hash) and a body, kept apart so that a body can be erased
while the chain stays whole. The bodies are here; heads and chain are in `copilot_kit.journal`.
"""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, JsonValue

from copilot_kit.messages import Message, Record, ToolResult
from copilot_kit.request import UNSET, OutputSpec, Settings
from copilot_kit.response import Response

SCHEMA = 1
"""Version of the record shapes; a record of a newer one is refused, never guessed at."""

Effect: TypeAlias = Literal["read", "write", "external"]
"""read changes nothing, write changes something of the user's, external leaves the house."""
Verdict: TypeAlias = Literal["approve", "edit", "reject", "answer"]
ProposalState: TypeAlias = Literal["pending", "approved", "edited", "rejected", "answered", "expired", "cancelled"]
ReceiptState: TypeAlias = Literal["done", "failed", "unknown", "denied", "cancelled"]
RunStatus: TypeAlias = Literal["running", "waiting", "done", "failed", "stopped"]


class Principal(Record):
    """Who decides, and how that is known."""

    id: str
    name: str | None = None
    authenticated: Literal["asserted", "local", "token", "session", "proxy"] = "asserted"
    """asserted: the application says so, and the record says that it does; local: the terminal's own user."""


class Step(Record):
    """One level of nesting: the agent that acts, and the call of its parent that started it (None at the top)."""

    agent: str
    call_id: str | None = None


class Preview(Record):
    """What a person is shown of a call besides its arguments."""

    kind: Literal["text", "diff", "table"] = "text"
    title: str
    body: str


class Reason(Record):
    """Why a person is asked: a code to count by, and words to read."""

    code: str
    text: str


class Proposal(Record):
    """One call that waits for a person."""

    id: str
    call_id: str
    path: tuple[Step, ...]
    tool: str
    tool_version: str
    effect: Effect
    arguments: str
    """Canonical JSON: what is shown, digested, stored, and parsed again to make the call."""
    preview: Preview | None = None
    model: str
    """Asked and served name of the model that proposed it, as `asked > served`."""
    prompt_version: str
    reasons: tuple[Reason, ...]
    may_decide: tuple[str, ...] = ()
    """Ids of those who may; empty: everyone who can reach the journal."""
    expires_at: datetime | None = None
    call_digest: str
    """Over run, path, call id, tool, tool version and canonical arguments."""
    shown_digest: str
    """Over everything a person is shown."""


class Decision(Record):
    """What a person said to a proposal, bound to the call that was shown."""

    proposal_id: str
    call_digest: str
    verdict: Verdict
    by: Principal
    at: datetime
    arguments: str | None = None
    """For edit: the new canonical arguments."""
    text: str | None = None
    """For reject: why, told to the model. For answer: the result, in the tool's place."""
    looked_s: float | None = None
    channel: str = "api"


class Failure(Record):
    """An error as it is kept: its class, its words, and what a reader needs to go on."""

    error: str
    message: str
    started: bool = False


class RunStarted(Record):
    """A run begins: the agent, its prompt's version and the model it was given."""

    kind: Literal["run_started"] = "run_started"
    agent: str
    prompt_version: str
    model: str
    slot: str | None = None
    base_url: str | None = None
    """Where it is served, if not at the provider's own address."""
    title: str = ""
    """First words of the task, for lists."""


class MessageAdded(Record):
    """A message came from outside the model: instructions, the user's words."""

    kind: Literal["message_added"] = "message_added"
    message: Message


class ModelSwitched(Record):
    """From here on another model answers."""

    kind: Literal["model_switched"] = "model_switched"
    model: str
    slot: str | None = None
    base_url: str | None = None
    """Where it is served, if not at the provider's own address."""
    by: Principal | None = None


class Requested(Record):
    """The model is asked. Messages are named, never repeated."""

    kind: Literal["requested"] = "requested"
    model: str
    first: str
    last: str
    """Ids of the first and the last message that were sent."""
    tools_digest: str
    settings: Settings = Field(default_factory=lambda: UNSET)
    output: OutputSpec | None = None


class Responded(Record):
    """The model answered, wholly or partly."""

    kind: Literal["responded"] = "responded"
    response: Response
    took_s: float
    first_event_s: float | None = None
    failure: Failure | None = None
    """Why the answer is partial."""


class Interrupted(Record):
    """The run broke off without an answer: the model gave nothing, or a limit was reached. It can be resumed."""

    kind: Literal["interrupted"] = "interrupted"
    model: str
    failure: Failure
    took_s: float = 0.0


class Proposed(Record):
    """A call waits for a person."""

    kind: Literal["proposed"] = "proposed"
    proposal: Proposal


class Decided(Record):
    """A person decided."""

    kind: Literal["decided"] = "decided"
    decision: Decision


class Lapsed(Record):
    """A proposal ended without a decision."""

    kind: Literal["lapsed"] = "lapsed"
    proposal_id: str
    state: Literal["expired", "cancelled"]


class Intended(Record):
    """A tool that changes something is about to run; durable before it starts."""

    kind: Literal["intended"] = "intended"
    call_id: str
    call_digest: str
    idempotency_key: str


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


class RunStopped(Record):
    """A person or the application stopped the run; nothing pending will run."""

    kind: Literal["run_stopped"] = "run_stopped"
    by: Principal
    text: str | None = None


class RunEnded(Record):
    """The run came to an end of its own."""

    kind: Literal["run_ended"] = "run_ended"
    status: Literal["done", "failed"]
    failure: Failure | None = None
    output: JsonValue = None


Body: TypeAlias = Annotated[
    RunStarted
    | MessageAdded
    | ModelSwitched
    | Requested
    | Responded
    | Interrupted
    | Proposed
    | Decided
    | Lapsed
    | Intended
    | Received
    | RunStopped
    | RunEnded,
    Field(discriminator="kind"),
]
DURABLE = frozenset({"proposed", "decided", "lapsed", "intended", "received", "run_stopped", "run_ended"})
"""Kinds whose loss a person could notice: they reach the disk before anything else happens."""
