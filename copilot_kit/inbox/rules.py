"""Standing rules: one offered with a card, in exactly the words that will hold; and the list of all, to revoke."""

import dataclasses
from datetime import timedelta
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from copilot_kit.approval import decide
from copilot_kit.approval.standing import DAYS, USES, in_words, listed, offered, revoke, would_have_matched
from copilot_kit.errors import CopilotError, UsageError
from copilot_kit.inbox.cards import card_of
from copilot_kit.inbox.deciding import CHANNEL, known, looked_s
from copilot_kit.inbox.desk import Desk, card_path, desk_of, form_of, shown_to, visitor_of
from copilot_kit.inbox.incoming import named, to
from copilot_kit.inbox.seals import Shown
from copilot_kit.inbox.sign_in import Visitor
from copilot_kit.inbox.statuses import status_of
from copilot_kit.journal.state import RunState
from copilot_kit.records import Proposal, StandingRule

_LAST: Final = 50
_MOST_DAYS: Final = 365
_MOST_USES: Final = 10_000


@dataclasses.dataclass(frozen=True, slots=True)
class Terms:
    """What a person chooses of a rule; everything else is bound to the call."""

    days: int = DAYS
    uses: int = USES
    accepts_untrusted: bool = False

    def sealed(self) -> str:
        """Return the terms as they travel in what was shown."""
        return f"rule:{self.days}:{self.uses}:{int(self.accepts_untrusted)}"

    @classmethod
    def of(cls, opened: tuple[str, ...]) -> "Terms":
        """Return the terms that were shown."""
        for one in opened:
            kind, *terms = one.split(":")
            if kind == "rule":
                days, uses, untrusted = map(int, terms)
                return cls(days, uses, bool(untrusted))
        raise UsageError("No rule was shown with this card. Open the rule first. Nothing was decided.")


async def rules(request: Request) -> Response:
    """Show all standing rules."""
    desk = desk_of(request)
    found = await listed(desk.store, now=desk.clock())
    rows = [(one, in_words(one.rule).split("\n")) for one in reversed(found)]
    return desk.page(request, "rules.html", rows=rows)


async def revoke_rule(request: Request) -> Response:
    """End a rule now."""
    desk, visitor = desk_of(request), visitor_of(request)
    await form_of(request)
    await revoke(desk.store, named(request, "rule_id"), by=visitor.principal)
    return to(request, "/rules")


async def offer(request: Request) -> Response:
    """Show the rule that would begin with an approval, and how much it would have let through."""
    desk, visitor = desk_of(request), visitor_of(request)
    query = request.query_params
    terms = Terms(
        days=_between(query.get("days", ""), _MOST_DAYS, DAYS),
        uses=_between(query.get("uses", ""), _MOST_USES, USES),
        accepts_untrusted=query.get("untrusted") == "1",
    )
    state, _ = await desk.run(named(request, "run_id"))
    return await _page(request, desk, visitor, state, terms)


async def grant(request: Request) -> Response:
    """Approve a call, and let the rule that was shown begin with it."""
    desk, visitor = desk_of(request), visitor_of(request)
    form = await form_of(request)
    run_id, proposal_id = named(request, "run_id"), named(request, "proposal_id")
    state, _ = await desk.run(run_id)
    shown = shown_to(desk, visitor, form.get("nonce", ""), proposal_id)
    terms = Terms.of(shown.opened)
    try:
        proposal = known(state, proposal_id, visitor.principal)
        rule = _rule(desk, visitor, proposal, terms)
        if rule is None:
            raise UsageError("There is no standing rule for this call. Approve it alone.")
        await decide(
            desk.store, run_id, proposal_id, "approve", by=visitor.principal, shown=shown.call_digest,
            shown_digest=shown.shown_digest, looked_s=looked_s(shown), channel=CHANNEL, rule=rule,
        )  # fmt: skip
    except CopilotError as error:
        state, _ = await desk.run(run_id)
        return await _page(request, desk, visitor, state, terms, error=error)
    return to(request, card_path(run_id, proposal_id))


async def _page(
    request: Request, desk: Desk, visitor: Visitor, state: RunState, terms: Terms, error: CopilotError | None = None
) -> Response:
    proposal_id = named(request, "proposal_id")
    card = card_of(state, proposal_id, for_whom=visitor.principal, now=desk.clock(), opened=("*",))
    if card is None:
        raise HTTPException(404, f"Run {state.run_id!r} has no proposal {proposal_id!r}.")
    rule = _rule(desk, visitor, state.proposals[proposal_id].proposal, terms)
    matched = (0, 0) if rule is None else await would_have_matched(desk.store, rule, last=_LAST)
    shown = Shown(card.id, card.call_digest, card.shown_digest, ("*", terms.sealed()), desk.opened_at(visitor, card.id))
    return desk.page(
        request, "rule.html", card=card, terms=terms, words=[] if rule is None else in_words(rule).split("\n"),
        matched=matched, nonce=desk.seals.nonce(visitor.session, shown), error=error, status=status_of(error),
    )  # fmt: skip


def _rule(desk: Desk, visitor: Visitor, proposal: Proposal, terms: Terms) -> StandingRule | None:
    now = desk.clock()
    rule = offered(proposal, by=visitor.principal, now=now, accepts_untrusted=terms.accepts_untrusted)
    if rule is None:
        return None
    return rule.model_copy(update={"expires_at": now + timedelta(days=terms.days), "uses": terms.uses})


def _between(given: str, most: int, otherwise: int) -> int:
    return min(max(1, int(given)), most) if given.isdigit() and len(given) < 9 else otherwise  # noqa: PLR2004  digits
