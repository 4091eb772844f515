"""Taking back what a call did, where its tool can: once, on a person's word, and written down before it starts."""

import asyncio
from typing import Literal

from copilot_kit.approval.digests import idempotency_key
from copilot_kit.approval.edge import AnyTool
from copilot_kit.errors import NotDecidable
from copilot_kit.journal.session import Session, to_its_end
from copilot_kit.journal.state import Effected
from copilot_kit.messages import Text
from copilot_kit.records import Principal, Received, Undoing, Undone
from copilot_kit.tools import ToolContext

_STATES: dict[str, Literal["done", "failed", "unknown"]] = {"ok": "done", "unknown": "unknown"}


async def take_back(
    session: Session, tool: AnyTool | None, call_id: str, *, context: ToolContext, by: Principal
) -> Undone:
    """Undo a call that was carried out, and return what came of it.

    Raises `NotDecidable` if it was not carried out, cannot be undone, or was undone before.
    """
    effected = session.state.effects.get(call_id)
    received = _undoable(session, tool, call_id, effected)
    if effected is None or tool is None:  # pragma: no cover  just looked at
        raise NotDecidable(f"Call {call_id!r} cannot be undone.")
    key = idempotency_key(f"undo {effected.intended.call_digest}")
    begun = False
    try:
        await to_its_end(session.append(Undoing(call_id=call_id, idempotency_key=key, by=by), path=effected.path))
        begun = True
        output = await tool.take_back(effected.intended.arguments, context, result=received.result.text)
    except (asyncio.CancelledError, GeneratorExit):
        if begun:
            words = "It was cancelled while it was undone."
            await session.last_words(Undone(call_id=call_id, state="unknown", text=words, by=by), path=effected.path)
        elif effected.undoing is not None:  # written, and nothing more: it may be tried again
            words = "It was cancelled before it was undone."
            await session.last_words(Undone(call_id=call_id, state="failed", text=words, by=by), path=effected.path)
        raise
    text = "".join(part.text for part in output.content if isinstance(part, Text))
    state = _STATES.get(output.outcome, "failed")
    undone = Undone(call_id=call_id, state=state, text=text, by=by)
    await to_its_end(session.append(undone, path=effected.path))
    return undone


def _undoable(session: Session, tool: AnyTool | None, call_id: str, effected: Effected | None) -> Received:
    what = f"Call {call_id!r} of run {session.run_id!r}"
    if effected is None or effected.received is None or effected.received.state != "done":
        raise NotDecidable(f"{what} was not carried out, as far as is known. There is nothing to undo.")
    if effected.undoing is not None and effected.undone is None:
        raise NotDecidable(f"{what} was being undone when its process ended. Look yourself what became of it.")
    if effected.undone is not None and effected.undone.state != "failed":
        raise NotDecidable(f"{what} was undone already ({effected.undone.state}). Nothing was changed.")
    if tool is None or tool.undo is None:
        raise NotDecidable(f"{what} cannot be undone by its tool. Undo it by hand.")
    if tool.version != effected.intended.tool_version:
        raise NotDecidable(f"{what} was made by another version of {tool.name!r}. Undo it by hand.")
    return effected.received
