"""Standing rules: a person's `do not ask again`, from its begin to its end."""

from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from copilot_kit.messages import Record
from copilot_kit.records.principal import Principal


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
