"""What waits, as a short list and as JSON: a line each, whole calls on their cards only."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from copilot_kit.cli.screen import bold, dim, warned
from copilot_kit.display import clipped, visible, width_of
from copilot_kit.journal.index import Waiting

SOON_S: Final = 600.0
"""What is left of the time to decide is said loudly from here on."""
_TOOL_COLUMNS = 20
_DUE_COLUMNS = 8


def list_lines(
    rows: Sequence[Waiting], *, here: int, marked: frozenset[str], now: datetime, width: int, most: int
) -> list[str]:
    """Return the rows around the one that is open, one line each; how many more there are is said."""
    first = max(0, min(here - most // 2, len(rows) - most))
    shown = rows[first : first + most]
    tools = min(_TOOL_COLUMNS, max((width_of(visible(row.tool)) for row in shown), default=0))
    lines = [
        _line(row, number, is_here=number == here + 1, is_marked=row.id in marked, now=now, tools=tools, width=width)
        for number, row in enumerate(shown, start=first + 1)
    ]
    above, below = first, len(rows) - first - len(shown)
    left = ", ".join(f"{count} {where}" for count, where in ((above, "above"), (below, "below")) if count)
    return [*lines, dim(f"      and {left}")] if left else lines


def due_words(until: datetime | None, now: datetime) -> str:
    """Return how much time is left to decide."""
    if until is None:
        return ""
    left_s = (until - now).total_seconds()
    if left_s <= 0:
        return "expired"
    if left_s < 100:  # noqa: PLR2004
        return f"{left_s:.0f} s"
    minutes = left_s / 60
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.0f} h"  # noqa: PLR2004


def as_row(row: Waiting) -> dict[str, Any]:
    """Return what waits as JSON, with the whole call."""
    proposal = None if row.proposal is None else row.proposal.model_dump(mode="json")
    if proposal is not None and row.proposal is not None:
        proposal["arguments"] = json.loads(row.proposal.arguments)
    return {
        "kind": row.kind,
        "run_id": row.run_id,
        "id": row.id,
        "path": list(row.path),
        "title": row.title,
        "agent": row.agent,
        "tool": row.tool,
        "queued_at": row.queued_at.isoformat(),
        "expires_at": None if row.expires_at is None else row.expires_at.isoformat(),
        "assigned_to": row.assigned_to,
        "claimed_by": row.claimed_by,
        "claimed_until": None if row.claimed_until is None else row.claimed_until.isoformat(),
        "proposal": proposal,
    }


def _line(
    row: Waiting, number: int, *, is_here: bool, is_marked: bool, now: datetime, tools: int, width: int
) -> str:  # fmt: skip
    due = "settle" if row.kind == "unknown" else due_words(row.expires_at, now)
    is_open = row.claimed_by is not None and row.claimed_until is not None and row.claimed_until > now
    due = due or ("open" if is_open and not is_here else "")
    head = f"{'▸' if is_here else ' '}{'●' if is_marked else ' '}{number:>3}  "
    tool = clipped(row.tool, tools)
    tool += " " * (tools - width_of(tool))
    room = width - width_of(head) - tools - 2 - _DUE_COLUMNS - 1
    what = clipped(_gist(row), max(4, room))
    gap = " " * max(1, room - width_of(what) + 1 + _DUE_COLUMNS - len(due))
    painted = warned(due) if _is_urgent(row, now) else dim(due)
    return f"{bold(head + tool) if is_here else head + tool}  {what}{gap if due else ''}{painted if due else ''}"


def _is_urgent(row: Waiting, now: datetime) -> bool:
    return row.kind == "unknown" or (row.expires_at is not None and (row.expires_at - now).total_seconds() < SOON_S)


def _gist(row: Waiting) -> str:
    """Return money and receivers, where the tool names them, else the arguments; then the task."""
    if row.kind == "unknown":
        return f"begun, and nobody knows how it ended · {row.title}"
    if row.proposal is None:
        return "its content was erased"
    preview = row.proposal.preview
    first = [] if preview is None else [one for one in (preview.cost, ", ".join(preview.recipients)) if one]
    if first:
        return f"{' → '.join(first)} · {row.title}"
    values = json.loads(row.proposal.arguments).values()
    texts = [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in values]
    said = ", ".join(" ".join(text.split()) for text in texts)
    return f"{said} · {row.title}" if said else row.title
