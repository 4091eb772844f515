"""Runs: their list, and the whole story of one; a run can be stopped and its calls taken back."""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from copilot_kit.approval import stop
from copilot_kit.inbox.desk import desk_of, form_of, visitor_of
from copilot_kit.inbox.incoming import named, segment, to
from copilot_kit.inbox.story import story_of
from copilot_kit.journal.state import Effected
from copilot_kit.journal.verify import verify_run

PAGE: Final = 50
_MOST: Final = 5_000
_LINES: Final = 300
"""Records of a run on one page."""


async def runs(request: Request) -> Response:
    """Show the runs that were written to last."""
    desk = desk_of(request)
    page = number(request, "page", most=_MOST // PAGE)
    waiting = request.query_params.get("waiting") == "1"
    rows = await desk.store.runs(limit=page * PAGE + 1, waiting=waiting)
    shown = rows[(page - 1) * PAGE : page * PAGE]
    return desk.page(request, "runs.html", rows=shown, page=page, has_more=len(rows) > page * PAGE, waiting=waiting)


async def run(request: Request) -> Response:
    """Show the whole story of a run, the last part of a long one first."""
    desk = desk_of(request)
    state, entries = await desk.run(named(request, "run_id"))
    lines = story_of(entries)
    pages = max(1, -(-len(lines) // _LINES))
    page = number(request, "page", most=pages, other=pages)
    undoable = {call_id for call_id, one in state.effects.items() if can_be_undone(one) and desk.agent(state)}
    return desk.page(
        request, "run.html", run=state, row=state.row(), page=page, pages=pages, undoable=undoable,
        lines=lines[(page - 1) * _LINES : page * _LINES], verified=await verify_run(desk.store, state.run_id),
    )  # fmt: skip


async def stop_run(request: Request) -> Response:
    """Stop a run for good."""
    desk, visitor = desk_of(request), visitor_of(request)
    form = await form_of(request)
    run_id = named(request, "run_id")
    await desk.run(run_id)
    await stop(desk.store, run_id, by=visitor.principal, text=form.get("text", "").strip() or None)
    return to(request, f"/runs/{segment(run_id)}")


async def undo(request: Request) -> Response:
    """Take back what a call did."""
    desk, visitor = desk_of(request), visitor_of(request)
    await form_of(request)
    run_id = named(request, "run_id")
    state, _ = await desk.run(run_id)
    agent = desk.agent(state)
    if agent is None:
        raise HTTPException(409, "The agent of this run is not here, and its tools neither. Undo it where it runs.")
    await agent.undo(run_id, named(request, "call_id"), by=visitor.principal)
    return to(request, f"/runs/{segment(run_id)}")


def can_be_undone(one: Effected) -> bool:
    """Tell whether a call was carried out, can be taken back, and was not."""
    done = one.received is not None and one.received.state == "done"
    return one.intended.undoable and done and one.undoing is None and one.undone is None


def number(request: Request, name: str, *, most: int, other: int = 1, least: int = 1) -> int:
    """Return a number from the query, within bounds."""
    given = request.query_params.get(name, "")
    return min(max(least, int(given)), most) if given.isdigit() and len(given) < 9 else other  # noqa: PLR2004  digits
