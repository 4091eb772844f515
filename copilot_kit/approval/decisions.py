"""Deciding: a compare-and-set on the journal that needs neither the run's lease nor the application's code."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

from pydantic import JsonValue

from copilot_kit.approval import standing
from copilot_kit.approval.digests import shown_digest as digest_of_shown
from copilot_kit.approval.entitlement import entitled
from copilot_kit.approval.wording import wording_only
from copilot_kit.errors import Conflict, NotDecidable, UsageError
from copilot_kit.ids import NewId, new_id
from copilot_kit.journal.current import current
from copilot_kit.journal.state import RunState
from copilot_kit.journal.store import Draft, Store
from copilot_kit.journal.thread import Asked
from copilot_kit.messages import Text
from copilot_kit.records import (
    Assigned,
    Body,
    Decided,
    Decision,
    Lapsed,
    OutcomeKnown,
    Principal,
    Proposal,
    Proposed,
    Reason,
    Received,
    RunStopped,
    StandingRule,
    Verdict,
)

Clock: TypeAlias = Callable[[], datetime]
_TRIES = 64
_AGAIN_S = 3600.0
"""How long a question stands that is asked again and does not say."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person says to one of several proposals that they decide together."""

    proposal_id: str
    verdict: Verdict
    arguments: str | None = None
    """For edit: the new canonical arguments."""
    text: str | None = None
    """For reject: why, told to the model. For answer: the result, in the tool's place."""
    shown: str | None = None
    """The call digest that the person was shown."""
    shown_digest: str | None = None
    """Of the card that they had before them."""


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
    shown_digest: str | None = None,
    looked_s: float | None = None,
    channel: str = "api",
    rule: StandingRule | None = None,
    clock: Clock = _now,
) -> Decision:
    """Record a person's decision and return it; of two at once exactly one wins.

    shown: the call digest that the person was shown, refused if the proposal is another one by now.
    rule: a standing rule that begins with this approval, bound to the call's tool, model and prompt.
    Raises `NotDecidable` if the proposal is unknown, already decided, expired, not this person's, or not what was
    shown. Nothing runs here: `agent.resume(run_id)` does.
    """
    choice = Choice(proposal_id, verdict, arguments, text, shown, shown_digest)
    if rule is not None and verdict != "approve":
        raise UsageError(f"A standing rule comes with an approval only, not with {verdict!r}. Leave it out.")
    decisions = await _decide(store, run_id, [choice], by, looked_s, channel, rule, clock=clock)
    if rule is not None:
        await standing.grant(store, rule, now=decisions[0].at)
    return decisions[0]


async def decide_together(
    store: Store,
    run_id: str,
    choices: Sequence[Choice],
    *,
    by: Principal,
    looked_s: float | None = None,
    channel: str = "api",
    clock: Clock = _now,
) -> list[Decision]:
    """Record decisions on several proposals of one run, all of them or none; raises as `decide` does."""
    ids = [choice.proposal_id for choice in choices]
    if len(set(ids)) != len(ids) or not ids:
        raise UsageError(f"Decide each proposal once, and at least one; these were given: {ids}. Correct the list.")
    return await _decide(store, run_id, choices, by, looked_s, channel, None, clock=clock)


async def _decide(
    store: Store, run_id: str, choices: Sequence[Choice], by: Principal, looked_s: float | None, channel: str,
    rule: StandingRule | None, *, clock: Clock,
) -> list[Decision]:  # fmt: skip
    _check_person(by)
    for choice in choices:
        _check(choice)
    batch = new_id("batch") if len(choices) > 1 else None
    for _ in range(_TRIES):
        state, now = await current(store, run_id), clock()
        decisions: list[Decision] = []
        for choice in choices:
            try:
                proposal = _decidable(state, choice, by=by, now=now)
            except _Expired as expired:
                await _lapse(store, state, expired.proposal)
                raise NotDecidable(str(expired)) from expired
            if rule is not None:
                standing.check_for(rule, proposal, by=by, now=now)
            edited = choice.arguments is not None and wording_only(proposal, choice.arguments)
            decisions.append(
                Decision(proposal_id=proposal.id, call_digest=proposal.call_digest, verdict=choice.verdict, by=by,
                         at=now, arguments=choice.arguments, text=choice.text, looked_s=looked_s, channel=channel,
                         shown_digest=choice.shown_digest, batch=batch, rule=rule, wording_only=edited)
            )  # fmt: skip
        if await _appended(store, run_id, [Decided(decision=one) for one in decisions], after=state.seq):
            return decisions
    raise NotDecidable(f"Run {run_id!r} could not be decided: others write to it all the time. Retry.")


async def ask_again(
    store: Store, run_id: str, proposal_id: str, *, by: Principal, clock: Clock = _now, new_id: NewId = new_id
) -> Proposal:
    """Ask once more about a call whose time to be decided is over; returns the proposal that waits now.

    Raises `NotDecidable` if it is not expired, or if the run has gone on without it.
    """
    _check_person(by)
    for _ in range(_TRIES):
        state, now = await current(store, run_id), clock()
        asked = _known(state, proposal_id)
        path = next((p for p, thread in state.threads.items() for call in thread.calls.values()
                     if call.asked is asked and call.received is None), None)  # fmt: skip
        over = asked.state == "expired" or (asked.state == "pending" and _over(asked.proposal, now))
        if not over or path is None or state.ended is not None:
            what = _became(asked) if not over else "expired, and the run has gone on without it"
            raise NotDecidable(f"Proposal {proposal_id!r} is {what}. Nothing was changed.")
        fresh = _renewed(asked.proposal, now=now, id=new_id("prop"))
        bodies: list[Body] = [Proposed(proposal=fresh)]
        if asked.state == "pending":
            bodies.insert(0, Lapsed(proposal_id=proposal_id, state="expired", because="asked-again"))
        if await _appended(store, run_id, bodies, after=state.seq, path=path):
            return fresh
    raise NotDecidable(f"Run {run_id!r} could not be written to: others write to it all the time. Retry.")


def _renewed(proposal: Proposal, *, now: datetime, id: str) -> Proposal:  # noqa: A002  what it is
    again = Reason(code="asked-again", text="it had expired and was asked again")
    reasons = tuple(reason for reason in proposal.reasons if reason.code != again.code)
    within = proposal.answer_within_s or _AGAIN_S
    fresh = proposal.model_copy(update={
        "id": id, "again_of": proposal.id, "expires_at": now + timedelta(seconds=within), "reasons": (again, *reasons),
        "shown_digest": "",
    })  # fmt: skip
    return fresh.model_copy(update={"shown_digest": digest_of_shown(fresh)})


async def lapse(store: Store, run_id: str, *, clock: Clock = _now) -> list[str]:
    """Write down which proposals of a run were not decided in time, and return their ids; the run can then go on."""
    for _ in range(_TRIES):
        state, now = await current(store, run_id), clock()
        late = [proposal.id for proposal in state.pending if _over(proposal, now)]
        if not late:
            return []
        bodies: list[Body] = [Lapsed(proposal_id=one, state="expired", because="time") for one in late]
        if await _appended(store, run_id, bodies, after=state.seq):
            return late
    raise Conflict(f"Run {run_id!r} could not be written to: others write to it all the time. Retry.")


async def assign(store: Store, run_id: str, proposal_id: str, *, to: str | None, by: Principal) -> None:
    """Give a proposal to somebody to decide, or back to all (to=None); others may decide it all the same."""
    _check_person(by)
    for _ in range(_TRIES):
        state = await current(store, run_id)
        asked = _known(state, proposal_id)
        if asked.state != "pending":
            raise NotDecidable(f"Proposal {proposal_id!r} is {_became(asked)}. Nothing was changed.")
        if await _appended(store, run_id, [Assigned(proposal_id=proposal_id, to=to, by=by)], after=state.seq):
            return
    raise Conflict(f"Run {run_id!r} could not be written to: others write to it all the time. Retry.")


async def stop(store: Store, run_id: str, *, by: Principal, text: str | None = None) -> None:
    """Stop a run for good: nothing that waits will run. A run that has ended stays as it is."""
    _check_person(by)
    for _ in range(_TRIES):
        state = await current(store, run_id)
        if state.ended is not None:
            return
        if await _appended(store, run_id, [RunStopped(by=by, text=text)], after=state.seq):
            return
    raise Conflict(f"Run {run_id!r} could not be stopped: others write to it all the time. Retry.")


async def settle(store: Store, run_id: str, call_id: str, *, done: bool, by: Principal, text: str = "") -> None:
    """Record what a person found out about a call whose outcome was unknown.

    Raises `NotDecidable` if the call is not one of those.
    """
    _check_person(by)
    for _ in range(_TRIES):
        state = await current(store, run_id)
        found = [(path, call) for path, thread in state.threads.items() for call in thread.calls.values()
                 if call.call.call_id == call_id and call.unknown]  # fmt: skip
        if not found or found[0][1].received is None:
            raise NotDecidable(f"Run {run_id!r} has no call {call_id!r} of unknown outcome. Nothing was changed.")
        path, call = found[0]
        received = _settled(call.received, done=done, by=by, text=text)
        if await _appended(store, run_id, [received], after=state.seq, path=path):
            return
    raise Conflict(f"Run {run_id!r} could not be written to: others write to it all the time. Retry.")


async def record_outcome(
    store: Store,
    run_id: str,
    verdict: Literal["accepted", "edited", "ignored"],
    *,
    final: JsonValue = None,
    by: Principal,
) -> None:
    """Record what a person made of a suggestion; the last word counts."""
    _check_person(by)
    for _ in range(_TRIES):
        state = await current(store, run_id)
        if await _appended(store, run_id, [OutcomeKnown(verdict=verdict, final=final, by=by)], after=state.seq):
            return
    raise Conflict(f"Run {run_id!r} could not be written to: others write to it all the time. Retry.")


async def _appended(
    store: Store, run_id: str, bodies: Sequence[Body], *, after: int, path: tuple[str, ...] = ()
) -> bool:
    """Append if nobody wrote since; tells whether it was."""
    try:
        await store.append(run_id, [Draft(body, path) for body in bodies], after=after)
    except Conflict:
        return False
    return True


def _check_person(by: Principal) -> None:
    if not isinstance(by, Principal):
        raise UsageError(f"by={by!r} is no Principal. Say who decides: by=Principal(id={str(by)!r}).")


def _check(choice: Choice) -> None:
    verdict = choice.verdict
    if verdict == "answer" and not choice.text:
        raise UsageError(
            "An answer needs the result that stands in the tool's place. Pass text=..., or reject the call."
        )
    if verdict == "edit" and choice.arguments is None:
        raise UsageError("An edit needs the new arguments. Pass arguments=..., or approve the call as it is.")
    if verdict != "edit" and choice.arguments is not None:
        raise UsageError(f"Arguments come with an edit only, not with {verdict!r}. Leave them out, or edit the call.")


class _Expired(Exception):
    """The time to decide is over, and nobody has written that down yet."""

    def __init__(self, message: str, proposal: Proposal) -> None:
        super().__init__(message)
        self.proposal = proposal


def _known(state: RunState, proposal_id: str) -> Asked:
    asked = state.proposals.get(proposal_id)
    if asked is None:
        raise NotDecidable(
            f"Run {state.run_id!r} has no proposal {proposal_id!r}. See what waits with: copilot-kit runs show"
            f" {state.run_id}"
        )
    return asked


def _decidable(state: RunState, choice: Choice, *, by: Principal, now: datetime) -> Proposal:
    asked, proposal_id = _known(state, choice.proposal_id), choice.proposal_id
    if asked.state != "pending":
        raise NotDecidable(f"Proposal {proposal_id!r} is {_became(asked)}. Nothing was changed.")
    proposal = asked.proposal
    if not entitled(by, proposal.may_decide):
        allowed = ", ".join(proposal.may_decide)
        raise NotDecidable(f"{by.id!r} may not decide proposal {proposal_id!r}. Ask one of: {allowed}.")
    if choice.shown is not None and choice.shown != proposal.call_digest:
        raise NotDecidable(f"Proposal {proposal_id!r} is not the call that was shown. Look at it again.")
    if choice.shown_digest is not None and choice.shown_digest != proposal.shown_digest:
        raise NotDecidable(f"Proposal {proposal_id!r} is not the card that was shown. Look at it again.")
    if proposal.expires_at is not None and _over(proposal, now):
        raise _Expired(f"Proposal {proposal_id!r} expired at {proposal.expires_at:%Y-%m-%d %H:%M} UTC. Ask again.",
                       proposal)  # fmt: skip
    return proposal


def _over(proposal: Proposal, now: datetime) -> bool:
    return proposal.expires_at is not None and proposal.expires_at <= now


async def _lapse(store: Store, state: RunState, proposal: Proposal) -> None:
    """Write the expiry down, so that a clock that is set back cannot revive the question."""
    await _appended(store, state.run_id, [Lapsed(proposal_id=proposal.id, state="expired", because="time")],
                    after=state.seq)  # fmt: skip


def _became(asked: Asked) -> str:
    if asked.decision is None:
        return asked.state
    by = asked.decision.by
    return f"already {asked.state}, by {by.name or by.id} at {asked.decision.at:%Y-%m-%d %H:%M:%S} UTC"


def _settled(received: Received | None, *, done: bool, by: Principal, text: str) -> Received:
    if received is None:  # pragma: no cover  the caller has looked
        raise NotDecidable("The call has no receipt to settle.")
    words = text or ("A person confirms that it was carried out." if done else "A person confirms that it was not.")
    result = received.result.model_copy(update={"content": (Text(text=words),), "outcome": "ok" if done else "error"})
    update = {"result": result, "state": "done" if done else "failed", "settled_by": by}
    return received.model_copy(update=update)
