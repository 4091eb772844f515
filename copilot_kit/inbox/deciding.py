"""From a form that a person filled in to a decision: only what they were shown, only as who they are."""

import time
from collections.abc import Mapping
from typing import Final, cast, get_args

from copilot_kit.approval import decide
from copilot_kit.approval.entitlement import entitled
from copilot_kit.errors import NotDecidable, UsageError
from copilot_kit.inbox.cards import card_of
from copilot_kit.inbox.desk import Desk, shown_to
from copilot_kit.inbox.forms import arguments_in, canonical
from copilot_kit.inbox.seals import Shown
from copilot_kit.inbox.sign_in import Visitor
from copilot_kit.journal.state import RunState
from copilot_kit.records import Decision, Principal, Proposal, Verdict
from copilot_kit.tools import arguments_of

CHANNEL: Final = "web"


class NotEntitled(NotDecidable):
    """Others may decide this; the person who tried may not."""


class Unread(NotDecidable):
    """Part of the call was folded away: it cannot be approved unopened."""


async def decided(
    desk: Desk, visitor: Visitor, state: RunState, proposal_id: str, form: Mapping[str, str]
) -> Decision:  # fmt: skip
    """Record what the form says and return it; the run goes on where its agent is at hand."""
    verdict = form.get("verdict", "")
    if verdict not in get_args(Verdict):
        raise UsageError(f"A verdict is approve, edit, reject or answer, not {verdict!r}. Nothing was decided.")
    shown = shown_to(desk, visitor, form.get("nonce", ""), proposal_id)
    proposal = known(state, proposal_id, visitor.principal)
    if verdict == "approve":
        check_read(state, shown, visitor.principal)
    text = form.get("text", "").replace("\r\n", "\n").strip() or None
    return await decide(
        desk.store, state.run_id, proposal_id, cast("Verdict", verdict), by=visitor.principal,
        arguments=_edited(desk, state, proposal, form) if verdict == "edit" else None,
        text=text if verdict in {"reject", "answer"} else None, shown=shown.call_digest,
        shown_digest=shown.shown_digest, looked_s=looked_s(shown), channel=CHANNEL,
    )  # fmt: skip


def known(state: RunState, proposal_id: str, who: Principal) -> Proposal:
    """Return a proposal that this person may decide."""
    asked = state.proposals.get(proposal_id)
    if asked is None:
        raise NotDecidable(f"Run {state.run_id!r} has no proposal {proposal_id!r}. Look at what waits.")
    if not entitled(who, asked.proposal.may_decide):
        allowed = ", ".join(asked.proposal.may_decide)
        raise NotEntitled(f"{who.id!r} may not decide this. Ask one of: {allowed}. Nothing was decided.")
    return asked.proposal


def check_read(state: RunState, shown: Shown, who: Principal) -> None:
    """Raise `Unread` if a fold of this card was not opened."""
    asked = state.proposals[shown.proposal_id]
    now = asked.proposal.queued_at or state.updated_at
    if now is None:
        raise NotDecidable(f"Run {state.run_id!r} has no records to decide on. Look at it again.")
    card = card_of(state, shown.proposal_id, for_whom=who, now=now, opened=shown.opened)
    if card is not None and card.folded:
        raise Unread(
            f"{len(card.folded)} long value{'s were' if len(card.folded) > 1 else ' was'} not shown in full. "
            "Open what is folded, then approve. Nothing was decided."
        )


def looked_s(shown: Shown) -> float:
    """Return how long ago the card was opened first, by this server's clock."""
    return round(max(0.0, time.time() - shown.at), 3)


def _edited(desk: Desk, state: RunState, proposal: Proposal, form: Mapping[str, str]) -> str:
    """Return the new arguments in canonical form; raises `UsageError` if they do not fit, or are the old ones."""
    agent = desk.agent(state)
    if "json" in form:
        text = canonical(form["json"].replace("\r\n", "\n"))
    else:
        text = arguments_in(form, arguments_of(proposal.arguments), desk.schema(state, proposal))
    if agent is not None:
        text = agent.fitted(proposal.tool, text, path=proposal.path)
    if text == proposal.arguments:
        raise UsageError("Nothing was changed. Approve the call as it is, or change what should be another.")
    return text
