"""The list of what waits, as groups of rows: unknown outcomes first, then by run and tool."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from copilot_kit.approval.entitlement import entitled
from copilot_kit.inbox.cards import EFFECTS, EXPIRES_SOON
from copilot_kit.inbox.values import Value, values_of
from copilot_kit.journal.index import Waiting
from copilot_kit.records import Principal, Reason
from copilot_kit.tools import arguments_of

_MOST_VALUES = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that waits."""

    run_id: str
    id: str
    is_unknown: bool
    tool: str
    agent: str
    values: tuple[Value, ...]
    """The first few, those to look at first."""
    more: int
    """How many values the row does not show."""
    effect: str
    reasons: tuple[Reason, ...]
    queued_at: datetime
    expires_at: datetime | None
    expires_soon: bool
    assigned_to: str | None
    claimed_by: str | None
    entitled: bool
    turn: str
    again: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one run and one tool."""

    run_id: str
    title: str
    agent: str
    tool: str
    is_unknown: bool
    rows: tuple[Row, ...]

    @property
    def turn(self) -> str:
        """The turn that all rows belong to, so that they can be decided as one; empty if they do not."""
        turns = {row.turn for row in self.rows}
        return turns.pop() if len(self.rows) > 1 and len(turns) == 1 else ""


def groups_of(waiting: Sequence[Waiting], *, for_whom: Principal, now: datetime) -> tuple[Group, ...]:
    """Return what waits in groups; the order of groups is that of their first rows, unknown outcomes before all."""
    groups: dict[tuple[bool, str, str], list[Waiting]] = {}
    for one in waiting:
        groups.setdefault((one.kind != "unknown", one.run_id, one.tool), []).append(one)
    ordered = sorted(groups.values(), key=lambda group: group[0].kind != "unknown")  # stable: else as they came
    return tuple(_group(group, for_whom, now) for group in ordered)


def _group(waiting: Sequence[Waiting], who: Principal, now: datetime) -> Group:
    first = waiting[0]
    rows = tuple(_row(one, who, now) for one in waiting)
    return Group(first.run_id, first.title, first.agent, first.tool, first.kind == "unknown", rows)


def _row(one: Waiting, who: Principal, now: datetime) -> Row:
    proposal = one.proposal
    values = () if proposal is None else values_of(arguments_of(proposal.arguments), roles=proposal.roles,
                                                   provenance=proposal.provenance)  # fmt: skip
    claimed = one.claimed_by if one.claimed_until is not None and one.claimed_until > now else None
    return Row(
        run_id=one.run_id,
        id=one.id,
        is_unknown=one.kind == "unknown",
        tool=one.tool,
        agent=one.agent,
        values=values[:_MOST_VALUES],
        more=max(0, len(values) - _MOST_VALUES),
        effect="" if proposal is None else EFFECTS[proposal.effect],
        reasons=() if proposal is None else proposal.reasons,
        queued_at=one.queued_at,
        expires_at=one.expires_at,
        expires_soon=one.expires_at is not None and one.expires_at - now < EXPIRES_SOON,
        assigned_to=one.assigned_to,
        claimed_by=claimed,
        entitled=proposal is None or entitled(who, proposal.may_decide),
        turn="" if proposal is None else proposal.turn,
        again=proposal is not None and proposal.again_of is not None,
    )
