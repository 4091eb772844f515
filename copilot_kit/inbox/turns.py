"""Like calls of one turn, decided as one: all of them or none, and nothing is chosen for the person that stays done."""

from collections.abc import Mapping
from typing import Final, cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from copilot_kit.approval import Choice, decide_together
from copilot_kit.errors import CopilotError, UsageError
from copilot_kit.inbox.cards import Card, card_of
from copilot_kit.inbox.deciding import CHANNEL, check_read, known, looked_s
from copilot_kit.inbox.desk import Desk, desk_of, form_of, opened_in, shown_to, visitor_of
from copilot_kit.inbox.incoming import named, segment, to
from copilot_kit.inbox.seals import Shown
from copilot_kit.inbox.sign_in import Visitor
from copilot_kit.inbox.statuses import status_of
from copilot_kit.journal.state import RunState
from copilot_kit.records import Decision, Verdict

_NONCE: Final = "nonce:"
_CHOSEN: Final = "choose:"
_TOGETHER: Final = frozenset({"approve", "reject"})


async def turn(request: Request) -> Response:
    """Show all calls of a turn that wait, a row each."""
    desk, visitor = desk_of(request), visitor_of(request)
    state, _ = await desk.run(named(request, "run_id"))
    return _page(request, desk, visitor, state, opened=opened_in(request))


async def decide_turn(request: Request) -> Response:
    """Take one decision for all rows that were chosen."""
    desk, visitor = desk_of(request), visitor_of(request)
    form = await form_of(request)
    state, _ = await desk.run(named(request, "run_id"))
    try:
        await _decided(desk, visitor, state, named(request, "turn"), form)
    except CopilotError as error:
        state, _ = await desk.run(state.run_id)
        return _page(request, desk, visitor, state, error=error, form=form)
    return to(request, f"/runs/{segment(state.run_id)}")


async def _decided(
    desk: Desk, visitor: Visitor, state: RunState, turn: str, form: Mapping[str, str]
) -> list[Decision]:  # fmt: skip
    verdict = form.get("verdict", "")
    if verdict not in _TOGETHER:
        raise UsageError(f"Together, calls are approved or rejected, not {verdict!r}. Open the card of one to do more.")
    chosen = [name.removeprefix(_CHOSEN) for name in form if name.startswith(_CHOSEN)]
    if not chosen:
        raise UsageError("No call is chosen. Choose those that you mean. Nothing was decided.")
    shown = [shown_to(desk, visitor, form.get(f"{_NONCE}{one}", ""), one) for one in chosen]
    for one in shown:
        if known(state, one.proposal_id, visitor.principal).turn != turn:
            raise UsageError("Only calls of one turn are decided together. Nothing was decided.")
        if verdict == "approve":
            check_read(state, one, visitor.principal)
    text = form.get("text", "").replace("\r\n", "\n").strip() or None
    choices = [Choice(one.proposal_id, cast("Verdict", verdict), text=text if verdict == "reject" else None,
                      shown=one.call_digest, shown_digest=one.shown_digest) for one in shown]  # fmt: skip
    return await decide_together(desk.store, state.run_id, choices, by=visitor.principal, channel=CHANNEL,
                                 looked_s=max(map(looked_s, shown)))  # fmt: skip


def _page(
    request: Request,
    desk: Desk,
    visitor: Visitor,
    state: RunState,
    *,
    opened: tuple[str, ...] = (),
    error: CopilotError | None = None,
    form: Mapping[str, str] | None = None,
) -> Response:
    turn = named(request, "turn")
    ids = [one.proposal.id for one in state.proposals.values() if one.state == "pending" and one.proposal.turn == turn]
    found = [card_of(state, one, for_whom=visitor.principal, now=desk.clock(), opened=opened) for one in ids]
    cards = [card for card in found if card is not None and card.is_pending and card.entitled]
    if not cards and not any(one.proposal.turn == turn for one in state.proposals.values()):
        raise HTTPException(404, f"Run {state.run_id!r} has no such turn.")
    chosen = {name.removeprefix(_CHOSEN) for name in form or {} if name.startswith(_CHOSEN)}
    before = {card.id for card in cards if card.undoable} if form is None else chosen
    return desk.page(
        request, "turn.html", run=state, turn=turn, cards=cards, error=error, chosen=before,
        nonces={card.id: _nonce(desk, visitor, card, opened) for card in cards}, text=(form or {}).get("text", ""),
        folded=sum(len(card.folded) for card in cards), status=status_of(error),
    )  # fmt: skip


def _nonce(desk: Desk, visitor: Visitor, card: Card, opened: tuple[str, ...]) -> str:
    at = desk.opened_at(visitor, card.id)
    return desk.seals.nonce(visitor.session, Shown(card.id, card.call_digest, card.shown_digest, opened, at))
