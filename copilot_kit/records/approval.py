"""What a person is asked of a call, and what they said."""

from datetime import datetime
from typing import Literal, TypeAlias

from pydantic import Field, JsonValue

from copilot_kit.effects import ArgumentRole, Effect
from copilot_kit.messages import Record, Source
from copilot_kit.records.principal import Principal
from copilot_kit.records.rule import StandingRule
from copilot_kit.records.run import Step

Verdict: TypeAlias = Literal["approve", "edit", "reject", "answer"]
ProposalState: TypeAlias = Literal["pending", "approved", "edited", "rejected", "answered", "expired", "cancelled"]


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


class OutcomeKnown(Record):
    """What a person made of a suggestion, elsewhere; never a permission to run anything."""

    kind: Literal["outcome_known"] = "outcome_known"
    verdict: Literal["accepted", "edited", "ignored"]
    final: JsonValue = None
    """What they used in the end."""
    by: Principal
