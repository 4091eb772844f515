"""What was asked, who decided what, and what became of it; and how each kind of action has fared."""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from copilot_kit.approval.approvers import habits
from copilot_kit.approval.trust import Standing
from copilot_kit.inbox.desk import desk_of
from copilot_kit.inbox.pages import words_in
from copilot_kit.inbox.runs import number
from copilot_kit.journal.verify import verify_all

_LAST: Final = 200
TARGETS: Final = (0.9, 0.98, 0.999)
"""Rates of being accepted unchanged that the trust page measures against."""


@dataclass(frozen=True, slots=True)
class Fared:
    """How one action has fared, and where it stands on the way to each target."""

    standing: Standing
    targets: tuple[Standing, ...]


async def audit(request: Request) -> Response:
    """Show the calls that passed the gate, last asked first."""
    desk = desk_of(request)
    tool = words_in(request, "tool") or None
    limit = number(request, "last", most=2_000, other=_LAST)
    rows = await desk.store.calls(tool=tool, limit=limit)
    report = await verify_all(desk.store) if request.query_params.get("verify") == "1" else None
    return desk.page(request, "audit.html", rows=rows, tool=tool or "", limit=limit, people=habits(rows), report=report)


async def trust(request: Request) -> Response:
    """Show how calls of each tool by each model have fared."""
    desk = desk_of(request)
    rows = [
        Fared(Standing(one, TARGETS[0]), tuple(Standing(one, target) for target in TARGETS))
        for one in await desk.store.evidence()
    ]
    return desk.page(request, "trust.html", rows=rows)
