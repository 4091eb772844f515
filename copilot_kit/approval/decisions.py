"""Deciding: a compare-and-set on the journal that needs neither the run's lease nor the application's code."""

from datetime import UTC, datetime

from copilot_kit.errors import Conflict, NotDecidable, UsageError
from copilot_kit.journal.state import Asked, RunState
from copilot_kit.journal.store import Draft, Store
from copilot_kit.messages import Text
from copilot_kit.records import (
    Decided,
    Decision,
    Principal,
    Proposal,
    Received,
    RunStopped,
    Verdict,
)

_TRIES = 64


async def decide(  # noqa: PLR0913  the fields of a decision
    store: Store,
    run_id: str,
    proposal_id: str,
    verdict: Verdict,
    *,
    by: Principal,
    arguments: str | None = None,
    text: str | None = None,
    shown: str | None = None,
    looked_s: float | None = None,
    channel: str = "api",
) -> Decision:
    """Record a person's decision and return it; of two at once exactly one wins.

    shown: the call digest that the person was shown, refused if the proposal is another one by now.
    Raises `NotDecidable` if the proposal is unknown, already decided, expired, not this person's, or not what was
    shown. Nothing runs here: `agent.resume(run_id)` does.
    """
    _check_person(by)
    if verdict == "answer" and not text:
        raise UsageError(
            "An answer needs the result that stands in the tool's place. Pass text=..., or reject the call."
        )
    if verdict == "edit" and arguments is None:
        raise UsageError("An edit needs the new arguments. Pass arguments=..., or approve the call as it is.")
    if verdict != "edit" and arguments is not None:
        raise UsageError(f"Arguments come with an edit only, not with {verdict!r}. Leave them out, or edit the call.")
    for _ in range(_TRIES):
        state = RunState.of(await store.read(run_id))
        proposal = _decidable(state, proposal_id, by=by, shown=shown)
        decision = Decision(
            proposal_id=proposal_id,
            call_digest=proposal.call_digest,
            verdict=verdict,
            by=by,
            at=datetime.now(UTC),
            arguments=arguments,
            text=text,
            looked_s=looked_s,
            channel=channel,
        )
        try:
            await store.append(run_id, [Draft(Decided(decision=decision))], after=state.seq)
        except Conflict:
            continue
        return decision
    raise NotDecidable(f"Proposal {proposal_id!r} could not be decided: others write to its run all the time. Retry.")


def _check_person(by: Principal) -> None:
    if not isinstance(by, Principal):
        raise UsageError(f"by={by!r} is no Principal. Say who decides: by=Principal(id={str(by)!r}).")


def _decidable(state: RunState, proposal_id: str, *, by: Principal, shown: str | None) -> Proposal:
    asked = state.proposals.get(proposal_id)
    if asked is None:
        raise NotDecidable(
            f"Run {state.run_id!r} has no proposal {proposal_id!r}. See what waits with: copilot-kit runs show"
            f" {state.run_id}"
        )
    if asked.state != "pending":
        raise NotDecidable(f"Proposal {proposal_id!r} is {_became(asked)}. Nothing was changed.")
    proposal = asked.proposal
    if proposal.may_decide and by.id not in proposal.may_decide:
        allowed = ", ".join(proposal.may_decide)
        raise NotDecidable(f"{by.id!r} may not decide proposal {proposal_id!r}. Ask one of: {allowed}.")
    if shown is not None and shown != proposal.call_digest:
        raise NotDecidable(f"Proposal {proposal_id!r} is not the call that was shown. Look at it again.")
    if proposal.expires_at is not None and proposal.expires_at <= datetime.now(UTC):
        raise NotDecidable(f"Proposal {proposal_id!r} expired at {proposal.expires_at:%Y-%m-%d %H:%M}. Ask again.")
    return proposal


def _became(asked: Asked) -> str:
    if asked.decision is None:
        return asked.state
    by = asked.decision.by
    return f"already {asked.state}, by {by.name or by.id} at {asked.decision.at:%Y-%m-%d %H:%M:%S} UTC"


async def stop(store: Store, run_id: str, *, by: Principal, text: str | None = None) -> None:
    """Stop a run for good: nothing that waits will run. A run that has ended stays as it is."""
    _check_person(by)
    for _ in range(_TRIES):
        state = RunState.of(await store.read(run_id))
        if state.ended is not None:
            return
        try:
            await store.append(run_id, [Draft(RunStopped(by=by, text=text))], after=state.seq)
        except Conflict:
            continue
        return
    raise Conflict(f"Run {run_id!r} could not be stopped: others write to it all the time. Retry.")


async def settle(store: Store, run_id: str, call_id: str, *, done: bool, by: Principal, text: str = "") -> None:
    """Record what a person found out about a call whose outcome was unknown.

    Raises `NotDecidable` if the call is not one of those.
    """
    _check_person(by)
    for _ in range(_TRIES):
        state = RunState.of(await store.read(run_id))
        found = [(path, call) for path, thread in state.threads.items() for call in thread.calls.values()
                 if call.call.call_id == call_id and call.unknown]  # fmt: skip
        if not found or found[0][1].received is None:
            raise NotDecidable(f"Run {run_id!r} has no call {call_id!r} of unknown outcome. Nothing was changed.")
        path, call = found[0]
        received = _settled(call.received, done=done, by=by, text=text)
        try:
            await store.append(run_id, [Draft(received, path)], after=state.seq)
        except Conflict:
            continue
        return
    raise Conflict(f"Run {run_id!r} could not be written to: others write to it all the time. Retry.")


def _settled(received: Received | None, *, done: bool, by: Principal, text: str) -> Received:
    if received is None:  # pragma: no cover  the caller has looked
        raise NotDecidable("The call has no receipt to settle.")
    words = text or ("A person confirms that it was carried out." if done else "A person confirms that it was not.")
    result = received.result.model_copy(update={"content": (Text(text=words),), "outcome": "ok" if done else "error"})
    update = {"result": result, "state": "done" if done else "failed", "settled_by": by}
    return received.model_copy(update=update)
