"""What waits, and a card of it: the pages where a person decides."""

import dataclasses
from collections.abc import Mapping
from typing import Final, Literal, cast, get_args

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from copilot_kit.approval import ask_again, assign, settle
from copilot_kit.errors import CopilotError
from copilot_kit.inbox.cards import Card, card_of
from copilot_kit.inbox.deciding import decided
from copilot_kit.inbox.desk import Desk, card_path, desk_of, form_of, opened_in, visitor_of
from copilot_kit.inbox.forms import fields_of
from copilot_kit.inbox.incoming import named, segment, to
from copilot_kit.inbox.lists import groups_of
from copilot_kit.inbox.marking import json_shown
from copilot_kit.inbox.runs import can_be_undone, number
from copilot_kit.inbox.seals import Shown
from copilot_kit.inbox.sign_in import Visitor
from copilot_kit.inbox.statuses import status_of
from copilot_kit.journal.index import Order
from copilot_kit.journal.state import RunState
from copilot_kit.tools import arguments_of

PAGE: Final = 50
CLAIM_S: Final = 120.0
_LONGEST_SEARCH: Final = 200


async def waiting(request: Request) -> Response:
    """Show what waits for a person."""
    desk, visitor = desk_of(request), visitor_of(request)
    query = request.query_params
    order = order_in(request)
    page = number(request, "page", most=10_000)
    search, tool = words_in(request, "q"), words_in(request, "tool") or None
    mine = query.get("assigned") == "me"
    rows = await desk.store.waiting(order=order, search=search, tool=tool, limit=PAGE + 1, offset=(page - 1) * PAGE,
                                    assigned_to=visitor.principal.id if mine else None)  # fmt: skip
    groups = groups_of(rows[:PAGE], for_whom=visitor.principal, now=desk.clock())
    return desk.page(
        request, "waiting.html", groups=groups, order=order, search=search, tool=tool or "", mine=mine, page=page,
        has_more=len(rows) > PAGE, count=await desk.store.waiting_count(),
    )  # fmt: skip


async def card(request: Request) -> Response:
    """Show one call in full."""
    desk, visitor = desk_of(request), visitor_of(request)
    state, _ = await desk.run(named(request, "run_id"))
    return _card_page(request, desk, visitor, state, opened=opened_in(request))


async def decide(request: Request) -> Response:
    """Take a decision from the card's form; one that cannot be taken shows the card again, and why."""
    desk, visitor = desk_of(request), visitor_of(request)
    form = await form_of(request)
    run_id, proposal_id = named(request, "run_id"), named(request, "proposal_id")
    state, _ = await desk.run(run_id)
    try:
        await decided(desk, visitor, state, proposal_id, form)
    except CopilotError as error:
        state, _ = await desk.run(run_id)
        return _card_page(request, desk, visitor, state, error=error, typed=form)
    return to(request, card_path(run_id, proposal_id))


async def claim(request: Request) -> Response:
    """Claim a card, or renew the claim, and say whose it is."""
    desk, visitor = desk_of(request), visitor_of(request)
    form = await form_of(request)
    proposal_id = named(request, "proposal_id")
    if form.get("release"):
        await desk.store.unclaim(proposal_id, by=visitor.principal)
        return JSONResponse({"by": None, "until": None, "yours": False})
    held = await desk.store.claim(proposal_id, by=visitor.principal, ttl_s=CLAIM_S)
    return JSONResponse({"by": held.by, "until": held.until.isoformat(), "yours": held.by == visitor.principal.id})


async def assign_card(request: Request) -> Response:
    """Give a card to somebody, or back to all."""
    desk, visitor = desk_of(request), visitor_of(request)
    form = await form_of(request)
    run_id, proposal_id = named(request, "run_id"), named(request, "proposal_id")
    await assign(desk.store, run_id, proposal_id, to=form.get("to", "").strip() or None, by=visitor.principal)
    return to(request, card_path(run_id, proposal_id))


async def again(request: Request) -> Response:
    """Ask once more about an expired call."""
    desk, visitor = desk_of(request), visitor_of(request)
    await form_of(request)
    run_id, proposal_id = named(request, "run_id"), named(request, "proposal_id")
    fresh = await ask_again(desk.store, run_id, proposal_id, by=visitor.principal)
    return to(request, card_path(run_id, fresh.id))


async def unknown(request: Request) -> Response:
    """Show a call that ran: how it ended, or that nobody knows."""
    desk = desk_of(request)
    state, _ = await desk.run(named(request, "run_id"))
    call_id = named(request, "call_id")
    effect = state.effects.get(call_id)
    asked = next((one for one in state.proposals.values() if one.proposal.call_id == call_id), None)
    call = next((one.call for one in state.unknown if one.call.call_id == call_id), None)
    if effect is None and call is None:
        raise HTTPException(404, f"Run {state.run_id!r} has no call {call_id!r} that ran.")
    card = None
    if asked is not None:
        card = card_of(state, asked.proposal.id, for_whom=visitor_of(request).principal, now=desk.clock(),
                       opened=("*",))  # fmt: skip
    undoable = effect is not None and can_be_undone(effect) and desk.agent(state) is not None
    return desk.page(
        request, "unknown.html", run=state, call_id=call_id, call=call, effect=effect, card=card, undoable=undoable
    )


async def settle_call(request: Request) -> Response:
    """Take a person's word on how a call ended."""
    desk, visitor = desk_of(request), visitor_of(request)
    form = await form_of(request)
    run_id, call_id = named(request, "run_id"), named(request, "call_id")
    if form.get("done") not in {"yes", "no"}:
        raise HTTPException(422, "Say whether it was carried out: yes or no. Nothing was changed.")
    text = form.get("text", "").replace("\r\n", "\n").strip()
    await settle(desk.store, run_id, call_id, done=form["done"] == "yes", by=visitor.principal, text=text)
    return to(request, f"/runs/{segment(run_id)}")


def words_in(request: Request, name: str) -> str:
    """Return a text from the query, as far as a journal can be searched for it."""
    return request.query_params.get(name, "").replace("\0", " ")[:_LONGEST_SEARCH]


def order_in(request: Request) -> Order:
    """Return the order that the address asks for."""
    asked = request.query_params.get("order", "queued")
    return cast("Order", asked) if asked in get_args(Order) else "queued"


def _card_page(
    request: Request,
    desk: Desk,
    visitor: Visitor,
    state: RunState,
    *,
    opened: tuple[str, ...] = (),
    error: CopilotError | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    proposal_id = named(request, "proposal_id")
    card = card_of(state, proposal_id, for_whom=visitor.principal, now=desk.clock(), opened=opened)
    if card is None:
        raise HTTPException(404, f"Run {state.run_id!r} has no proposal {proposal_id!r}.")
    schema = desk.schema(state, state.proposals[proposal_id].proposal)
    return desk.page(
        request, "card.html", card=card, error=error, typed=typed or {}, nonces=_nonces(desk, visitor, card, opened),
        fields=fields_of(arguments_of(card.canonical), schema), has_schema=schema is not None,
        raw=json_shown(arguments_of(card.canonical)), claim_s=CLAIM_S, status=status_of(error),
    )  # fmt: skip


def _nonces(
    desk: Desk, visitor: Visitor, card: Card, opened: tuple[str, ...]
) -> Mapping[Literal["card", "whole"], str]:
    """Return what the forms send back: what this page shows, and for the edit form, which holds every value whole."""
    at = desk.opened_at(visitor, card.id)
    shown = Shown(card.id, card.call_digest, card.shown_digest, opened, at)
    whole = dataclasses.replace(shown, opened=("*",))
    return {
        "card": desk.seals.nonce(visitor.session, shown),
        "whole": desk.seals.nonce(visitor.session, whole),
    }
