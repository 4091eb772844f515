"""The rows that lists are made of, by column and in the order of the columns, from what the fold of a run says."""

from typing import Any

from copilot_kit.journal.calls import Call
from copilot_kit.journal.heads import is_stream
from copilot_kit.journal.store import Head
from copilot_kit.journal.tally import Item, Tally
from copilot_kit.journal.times import NEVER_US, micros


def plain(text: str) -> str:
    """Return a text for lists without NUL, which PostgreSQL keeps in no text and SQLite's functions stop at."""
    return text.replace("\x00", "\N{SYMBOL FOR NULL}") if "\x00" in text else text


def run_cells(tally: Tally, last: Head) -> dict[str, Any]:
    """Return the row of a run, or of a stream, that ends with this record."""
    updated = micros(last.at)
    return {
        "status": tally.status,
        "agent": plain(tally.agent),
        "title": plain(tally.title),
        "ended": tally.ended,
        "broken": int(tally.broken),
        "pending": tally.pending,
        "unknown": tally.unknown,
        "running": tally.running,
        "fresh": int(tally.fresh),
        "purpose": tally.purpose,
        "subject": None if tally.subject is None else plain(tally.subject),
        "ready": int(tally.ready and not is_stream(last.run_id)),
        "started_us": tally.started_us or updated,
        "updated_us": updated,
        "seq": last.seq,
        "head": last.hash,
    }


def call_cells(call: Call, *, counts: bool) -> dict[str, Any]:
    """Return the row of a call, without its id; counts: whether it says something for trust."""
    return {
        "proposal_id": call.proposal_id,
        "seq": call.seq,
        "agent": plain(call.agent),
        "tool": plain(call.tool),
        "tool_version": call.tool_version,
        "effect": call.effect,
        "model": plain(call.model),
        "prompt_version": call.prompt_version,
        "state": call.state,
        "outcome": call.outcome,
        "edited": call.edited,
        "by": None if call.by is None else plain(call.by),
        "looked_s": call.looked_s,
        "asked_us": call.asked_us,
        "decided_us": call.decided_us,
        "undoable": int(call.undoable),
        "fate": call.fate if counts else "",
    }


def item_cells(item: Item) -> dict[str, Any]:
    """Return the row of something that waits, without its kind and id."""
    return {
        "path": item.path,
        "seq": item.seq,
        "call_id": item.call_id,
        "agent": plain(item.agent),
        "tool": plain(item.tool),
        "queued_us": item.queued_us,
        "asked_us": item.asked_us,
        "expires_us": NEVER_US if item.expires_us is None else item.expires_us,
        "assigned_to": None if item.assigned_to is None else plain(item.assigned_to),
        "words": plain(item.words),
    }
