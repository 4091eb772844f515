"""Everything durable: what a run writes down, one small immutable record per fact.

A journal record has a head (who, where, when, chained by hash) and a body, kept apart so that a body can be erased
while the chain stays whole. The bodies are here; heads and chain are in `copilot_kit.journal`.
"""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, JsonValue

from copilot_kit.effects import ArgumentRole, Effect
from copilot_kit.messages import Message, Record, Source, ToolResult
from copilot_kit.overlays import Overlay
from copilot_kit.request import UNSET, OutputSpec, Settings
from copilot_kit.response import Response, Usage

SCHEMA = 3
"""Version of the record shapes; a record of a newer one is refused, never guessed at."""

Verdict: TypeAlias = Literal["approve", "edit", "reject", "answer"]
ProposalState: TypeAlias = Literal["pending", "approved", "edited", "rejected", "answered", "expired", "cancelled"]
ReceiptState: TypeAlias = Literal["done", "failed", "unknown", "denied", "cancelled"]
Notes: TypeAlias = Literal["none", "written", "repaired", "listed"]
RunStatus: TypeAlias = Literal["running", "waiting", "done", "failed", "stopped"]


def _is_none(value: object) -> bool:
    return value is None


CANCELLED = "Cancelled"
"""The error of an answer that its caller stopped listening to."""


class Principal(Record):
    """Who decides, and how that is known."""

    id: str
    name: str | None = None
    authenticated: Literal["asserted", "local", "token", "session", "proxy"] = "asserted"
    """asserted: the application says so, and the record says that it does; local: the terminal's own user."""
    groups: tuple[str, ...] = ()
    """What whoever authenticated them says that they belong to; `may_decide` may name `group:finance`."""


class Step(Record):
    """One level of nesting: the agent that acts, and the call of its parent that started it (None at the top)."""

    agent: str
    call_id: str | None = None


class Preview(Record):
    """What a person is shown of a call besides its arguments."""

    kind: Literal["text", "diff", "table"] = "text"
    title: str
    body: str = ""
    """The text; for a diff, in unified form."""
    rows: tuple[tuple[str, ...], ...] = ()
    """For a table: its rows, the first one names the columns."""
    cost: str | None = None
    """Money that leaves, as a person reads it: `12.50 EUR`."""
    recipients: tuple[str, ...] = ()
    """Whom it reaches."""
    reversible: bool | None = None
    """Whether it can be taken back; None: not known."""


class Origin(Record):
    """Where one value of a call came from, as far as it can be inferred."""

    at: str
    """JSON pointer into the arguments: `/to/0`."""
    role: ArgumentRole | None = None
    source: Source
    """`model` where no part of the conversation holds the value."""


class ArgumentMatch(Record):
    """What a standing rule wants of one argument; exactly one of the conditions, or `any`."""

    at: str
    """JSON pointer to a value of the arguments: `/to`, `/order/id`."""
    equals: JsonValue = None
    one_of: tuple[JsonValue, ...] = ()
    at_most: float | None = None
    any: bool = False
    """Any value will do."""


class StandingRule(Record):
    """A person's `do not ask again`, bound to what they saw; it is listed, counted, revocable, and ends."""

    id: str
    agent: str
    tool: str
    tool_version: str
    model: str
    """Of calls that this model proposed, as `asked > served`."""
    prompt_version: str
    matches: tuple[ArgumentMatch, ...]
    """One for each argument: a call with any other argument does not match."""
    expires_at: datetime
    uses: int
    """How often it may be used."""
    accepts_untrusted: bool = False
    """It also allows a call whose destination or object no trusted part supports."""
    by: Principal
    at: datetime
    proposal_id: str | None = None
    """The proposal that it was made from."""


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
    answer_within_s: float | None = None
    """How long it stood when it was asked, to ask again for as long."""
    call_digest: str
    """Over run, path, call id, tool, tool version and canonical arguments."""
    shown_digest: str
    """Over everything a person is shown."""
    own: bool = False
    """What it changes belongs to the user alone."""
    undoable: bool = False
    """The tool can take it back."""
    roles: dict[str, ArgumentRole] = Field(default_factory=dict)
    """What the tool says its arguments are for, by name."""
    provenance: tuple[Origin, ...] = ()
    """Where each value of the arguments came from."""
    turn: str = ""
    """Id of the answer that asked for it: calls of one turn may be decided as one."""
    for_model: str = ""
    """The model that the agent had when this was asked: another one by the time it would run, and it is asked anew."""
    for_prompt: str = ""
    """The agent's prompt version then; `prompt_version` is that of the prompt which the proposing model read."""
    queued_at: datetime | None = None
    """When a person was first asked about this very call; asked anew, it keeps its place."""
    again_of: str | None = None
    """The proposal that this one replaces."""


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
    shown_digest: str | None = None
    """Of the card that the person had before them."""
    batch: str | None = None
    """The same for decisions that were made together."""
    rule: StandingRule | None = None
    """Its scope: this call and those that the rule matches; None: this call only."""
    wording_only: bool = False
    """For edit: only arguments marked as wording were changed."""


class Failure(Record):
    """An error as it is kept: its class, its words, and what a reader needs to go on."""

    error: str
    message: str
    started: bool = False

    @property
    def is_cancelled(self) -> bool:
        """Nothing failed: the caller stopped listening, and the run can be taken on as if its owner had died."""
        return self.error == CANCELLED


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
    subject: str | None = None
    """Whom its data is about, so that it can be erased."""
    purpose: Literal["task", "suggestion"] = "task"
    """suggestion: a person acts on it elsewhere; nothing but reads runs."""
    by: Principal | None = None
    """Who asked for it."""
    memory: str | None = None
    """The folder of notes that it works with, from the root of the file system on."""
    overlay: Overlay | None = Field(default=None, exclude_if=_is_none)
    """What the slot has this model told beside the instructions; `prompt_version` is over both."""
    settings: Settings | None = Field(default=None, exclude_if=_is_none)
    """What the slot says of how it answers, which `prompt_version` is over, too; None: no slot, or nothing recorded."""


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
    overlay: Overlay | None = Field(default=None, exclude_if=_is_none)
    settings: Settings | None = Field(default=None, exclude_if=_is_none)
    prompt_version: str | None = Field(default=None, exclude_if=_is_none)
    """Of what this model reads, where that differs from what the run began with."""


class ResultsCleared(Record):
    """From here on the results of these calls are not sent any more; a line in their place says where they are."""

    kind: Literal["results_cleared"] = "results_cleared"
    call_ids: tuple[str, ...]
    tokens_before: int
    tokens_after: int
    """Both estimated, from what the provider counted last."""


class HandoverAsked(Record):
    """The window is about to close: the model is told to write down what it will need."""

    kind: Literal["handover_asked"] = "handover_asked"
    message: Message


class WindowClosed(Record):
    """A new window begins: instructions, this opening, and the turns that are kept. All else stays in the journal."""

    kind: Literal["window_closed"] = "window_closed"
    opening: Message
    kept: tuple[str, str] | None = None
    """Ids of the first and the last message that go on behind the opening; None: no turn does."""
    notes: Notes = "none"
    """none: the agent has no memory. written: it had written notes when the window closed. repaired: it had not, and
    a model summed up. listed: no model could be asked, and the calls are listed."""
    usage: Usage | None = None
    """Of summing up."""
    tokens_before: int = 0
    tokens_after: int = 0
    """Both estimated, from what the provider counted last."""


class Checked(Record):
    """A check of the task was made."""

    kind: Literal["checked"] = "checked"
    name: str
    passed: bool
    evidence: str = ""
    """What was found, as the model is told it."""
    at: Literal["answer", "window"]
    """The milestone: an answer, or the end of a window."""
    usage: Usage | None = None
    """Of a model that was asked for it."""


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
    because: str = ""
    """A code: `time`, or what changed: `tool-changed`, `model-changed`, `prompt-changed`, `asked-again`."""


class Assigned(Record):
    """A proposal was given to somebody to decide, or back to all (to: None)."""

    kind: Literal["assigned"] = "assigned"
    proposal_id: str
    to: str | None
    by: Principal


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


class OutcomeKnown(Record):
    """What a person made of a suggestion, elsewhere; never a permission to run anything."""

    kind: Literal["outcome_known"] = "outcome_known"
    verdict: Literal["accepted", "edited", "ignored"]
    final: JsonValue = None
    """What they used in the end."""
    by: Principal


class RuleGranted(Record):
    """A standing rule begins; kept in the stream `@rules`."""

    kind: Literal["rule_granted"] = "rule_granted"
    rule: StandingRule


class RuleRevoked(Record):
    """A standing rule ends before its time."""

    kind: Literal["rule_revoked"] = "rule_revoked"
    rule_id: str
    by: Principal


class RuleUsed(Record):
    """A standing rule let a call run; durable before the call starts."""

    kind: Literal["rule_used"] = "rule_used"
    rule_id: str
    run_id: str
    call_id: str


class Stage(Record):
    """A model that takes over a slot step by step."""

    to: str
    """As provider:model."""
    share: float = Field(gt=0, lt=1)
    """Of new runs."""


class SlotMoved(Record):
    """A slot has another model from here on; kept in the stream `@frontier`."""

    kind: Literal["slot_moved"] = "slot_moved"
    slot: str
    model: str | None
    base_url: str | None = None
    stage: Stage | None = None
    overlays: dict[str, JsonValue] = Field(default_factory=dict)
    """Those that are not as frontier.toml has them, by model; null: none."""
    entry: JsonValue = None
    """What the record of promotions says of it: by what evidence, from what, and so on."""
    by: Principal


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
    | ResultsCleared
    | HandoverAsked
    | WindowClosed
    | Checked
    | Requested
    | Responded
    | Interrupted
    | Proposed
    | Decided
    | Lapsed
    | Assigned
    | Intended
    | Received
    | Undoing
    | Undone
    | OutcomeKnown
    | RuleGranted
    | RuleRevoked
    | RuleUsed
    | SlotMoved
    | Erased
    | RunStopped
    | RunEnded,
    Field(discriminator="kind"),
]
DURABLE = frozenset({
    "proposed", "decided", "lapsed", "intended", "received", "undoing", "undone", "outcome_known", "rule_granted",
    "rule_revoked", "rule_used", "slot_moved", "erased", "run_stopped", "run_ended",
})  # fmt: skip
"""Kinds whose loss a person could notice: they reach the disk before anything else happens."""
