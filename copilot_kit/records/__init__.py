"""Everything durable: what a run writes down, one small immutable record per fact.

A journal record has a head (who, where, when, chained by hash) and a body, kept apart so that a body can be erased
while the chain stays whole. The bodies are here; heads and chain are in `copilot_kit.journal`.
"""

from typing import Annotated, TypeAlias

from pydantic import Field

from copilot_kit.records.approval import (
    Assigned,
    Decided,
    Decision,
    Lapsed,
    Origin,
    OutcomeKnown,
    Preview,
    Proposal,
    ProposalState,
    Proposed,
    Reason,
    Verdict,
)
from copilot_kit.records.call import Intended, ReceiptState, Received, Undoing, Undone
from copilot_kit.records.erasure import CallKept, Erased
from copilot_kit.records.principal import Principal
from copilot_kit.records.rule import ArgumentMatch, RuleGranted, RuleRevoked, RuleUsed, StandingRule
from copilot_kit.records.run import (
    CANCELLED,
    Checked,
    Failure,
    Interrupted,
    MessageAdded,
    ModelSwitched,
    Requested,
    Responded,
    RunEnded,
    RunStarted,
    RunStatus,
    RunStopped,
    Step,
)
from copilot_kit.records.slot import SlotMoved, Stage
from copilot_kit.records.window import HandoverAsked, Notes, ResultsCleared, WindowClosed

__all__ = [
    "SCHEMA",
    "DURABLE",
    "Body",
    # principal
    "Principal",
    # run
    "Step",
    "Failure",
    "RunStarted",
    "MessageAdded",
    "ModelSwitched",
    "Requested",
    "Responded",
    "Interrupted",
    "Checked",
    "RunStopped",
    "RunEnded",
    "RunStatus",
    "CANCELLED",
    # window
    "ResultsCleared",
    "HandoverAsked",
    "WindowClosed",
    "Notes",
    # approval
    "Preview",
    "Origin",
    "Reason",
    "Proposal",
    "Decision",
    "Proposed",
    "Decided",
    "Lapsed",
    "Assigned",
    "OutcomeKnown",
    "Verdict",
    "ProposalState",
    # rule
    "ArgumentMatch",
    "StandingRule",
    "RuleGranted",
    "RuleRevoked",
    "RuleUsed",
    # call
    "Intended",
    "Received",
    "Undoing",
    "Undone",
    "ReceiptState",
    # slot
    "Stage",
    "SlotMoved",
    # erasure
    "CallKept",
    "Erased",
]

SCHEMA = 3
"""Version of the record shapes; a record of a newer one is refused, never guessed at."""

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
