"""Asking people anew when a slot has another model: what waits from runs of the old one is put before them once more.

The gate voids a yes to another model whenever a run goes on (`admission`). This does the same beforehand, so that
nobody decides what would be asked again, and it closes the moment between a look at the slot and the call: an owner
who looked before cannot write down that a call begins after this was written.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from copilot_kit.approval.admission import expired
from copilot_kit.approval.digests import shown_digest
from copilot_kit.errors import Conflict
from copilot_kit.ids import NewId, new_id
from copilot_kit.journal.current import current
from copilot_kit.journal.index import Journal
from copilot_kit.journal.state import RunState
from copilot_kit.journal.store import Draft
from copilot_kit.journal.thread import Asked, CallState
from copilot_kit.records import Lapsed, Principal, Proposal, Proposed, Reason

_TRIES = 64
_MANY = 100_000
_OPEN = ("pending", "approved")
_CHANGED: Final = "model-changed"


async def ask_anew(
    store: Journal, *, slot: str, models: Sequence[str], by: Principal, new_id: NewId = new_id,
    now: datetime | None = None,
) -> list[str]:  # fmt: skip
    """Put open proposals of the slot's runs by other models than these before people again; returns their new ids.

    Both what waits and what was approved and has not begun. Edited calls are left to the gate, which reads the edit,
    and so is what nobody decided in time.
    """
    at = now or datetime.now(UTC)
    # Those that somebody works on are among them: their owner, who may have looked at the slot before it moved, cannot
    # write down that a call begins behind what is written here.
    begun = [row for row in await store.runs(limit=_MANY) if row.status == "running"]
    rows = [*await store.runs(limit=_MANY, waiting=True), *begun]
    runs = dict.fromkeys([*(row.run_id for row in rows), *await store.ready(limit=_MANY)])
    renewed: list[str] = []
    for run_id in runs:
        renewed += await _renew(
            store, run_id, slot, models, partial(_fresh, model=models[0], by=by, new_id=new_id, now=at)
        )
    return renewed


async def _renew(
    store: Journal, run_id: str, slot: str, models: Sequence[str], anew: Callable[[Asked], Proposal | None]
) -> list[str]:  # fmt: skip
    for _ in range(_TRIES):
        state = await current(store, run_id)
        drafts: list[Draft] = []
        for path, call in _open_calls(state, slot, models):
            asked = call.asked
            fresh = None if asked is None or asked.proposal.for_model in models else anew(asked)
            if asked is not None and fresh is not None:
                gone = Lapsed(proposal_id=asked.proposal.id, state="cancelled", because=_CHANGED)
                drafts += [Draft(gone, path), Draft(Proposed(proposal=fresh), path)]
        if not drafts:
            return []
        try:
            await store.append(run_id, drafts, after=state.seq)
        except Conflict:
            continue
        return [one.body.proposal.id for one in drafts if isinstance(one.body, Proposed)]
    raise Conflict(f"Run {run_id!r} could not be written to: others write to it all the time. Retry.")


def _open_calls(state: RunState, slot: str, models: Sequence[str]) -> list[tuple[tuple[str, ...], CallState]]:
    """Return the calls that were asked about and have not begun, of the agents whose model is not the slot's now."""
    if state.ended is not None or state.erased is not None:
        return []
    found = []
    for path, thread in state.threads.items():
        started = thread.started
        has = (state.slot, state.model) if started is None else (started.slot, started.model)
        if has[0] == slot and has[1] not in models:
            found += [(path, call) for call in thread.calls.values()
                      if call.asked is not None and call.asked.state in _OPEN
                      and call.intended is None and call.received is None]  # fmt: skip
    return found


def _fresh(asked: Asked, *, model: str, by: Principal, new_id: NewId, now: datetime) -> Proposal | None:
    """Return the question once more, open for as long as it was; None: it was not decided in time."""
    before = asked.proposal
    if asked.state == "pending" and expired(before, now):
        return None
    ends = before.expires_at if before.answer_within_s is None else now + timedelta(seconds=before.answer_within_s)
    who = by.name or by.id
    words = f"the model was changed since you were last asked, from {before.for_model} to {model}, by {who}"
    reasons = (Reason(code=_CHANGED, text=words), *(one for one in before.reasons if one.code != _CHANGED))
    renewed = {"id": new_id("prop"), "again_of": before.id, "for_model": model, "reasons": reasons,
               "expires_at": ends, "shown_digest": ""}  # fmt: skip
    fresh = before.model_copy(update=renewed)
    return fresh.model_copy(update={"shown_digest": shown_digest(fresh)})
