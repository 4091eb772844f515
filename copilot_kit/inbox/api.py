"""The HTTP API: what the pages can do, for programs, as JSON; whoever calls is known by a token or their session."""

from dataclasses import dataclass
from typing import Final, TypeVar

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from copilot_kit.approval import Choice, ask_again, assign, decide, decide_together, settle, stop
from copilot_kit.approval.standing import Granted, in_words, listed, revoke
from copilot_kit.arguments import Unreadable, compact, parse
from copilot_kit.errors import UsageError
from copilot_kit.inbox import shapes
from copilot_kit.inbox.deciding import known
from copilot_kit.inbox.desk import Desk, desk_of, visitor_of
from copilot_kit.inbox.incoming import body_of, named
from copilot_kit.inbox.pages import CLAIM_S, order_in, words_in
from copilot_kit.inbox.runs import number
from copilot_kit.inbox.sign_in import Visitor
from copilot_kit.journal.state import RunState
from copilot_kit.journal.verify import verify_run
from copilot_kit.messages import Record
from copilot_kit.records import Proposal

RecordT = TypeVar("RecordT", bound=Record)
CHANNEL: Final = "api"
_MOST: Final = 500


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a program: who makes it, of which inbox, and what it says."""

    request: Request
    desk: Desk
    visitor: Visitor

    @property
    def run_id(self) -> str:
        """The run that the address names."""
        return named(self.request, "run_id")

    @property
    def proposal_id(self) -> str:
        """The proposal that the address names."""
        return named(self.request, "proposal_id")

    async def state(self) -> RunState:
        """Return the run that the address names."""
        return (await self.desk.run(self.run_id))[0]

    async def body(self, shape: type[RecordT]) -> RecordT:
        """Return what the request says; raises `UsageError` where that is not what is asked for."""
        try:
            text = compact(parse((await body_of(self.request)).decode()))
            return shape.model_validate_json(text)
        except UnicodeDecodeError as error:
            raise UsageError("The body is not UTF-8. Send JSON in UTF-8.") from error
        except Unreadable as error:
            raise UsageError(f"The body cannot be read: {error}") from error
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "the body"
            raise UsageError(f"{where}: {first['msg']}. See openapi.json for what is taken.") from error


async def call_of(request: Request) -> Call:
    """Return the call of a request; raises `Forged` where a session changes something without its token."""
    desk, visitor = desk_of(request), visitor_of(request)
    if request.method not in {"GET", "HEAD"} and visitor.via != "bearer":
        desk.seals.check_csrf(visitor.session, request.headers.get("x-csrf-token", ""))
    return Call(request, desk, visitor)


async def waiting(call: Call) -> shapes.WaitingList:
    """Return what waits for a person."""
    request = call.request
    rows = await call.desk.store.waiting(
        order=order_in(request),
        search=words_in(request, "search"),
        tool=words_in(request, "tool") or None,
        assigned_to=words_in(request, "assigned_to") or None,
        limit=number(request, "limit", most=_MOST, other=50),
        offset=number(request, "offset", most=1_000_000, other=0, least=0),
    )
    return shapes.WaitingList(count=await call.desk.store.waiting_count(), waiting=tuple(rows))


async def proposal(call: Call) -> shapes.Question:
    """Return one proposal, with everything a person must be shown."""
    state = await call.state()
    asked = state.proposals.get(call.proposal_id)
    if asked is None:
        raise HTTPException(404, f"Run {state.run_id!r} has no proposal {call.proposal_id!r}.")
    call.desk.opened_at(call.visitor, call.proposal_id)
    return shapes.Question(run_id=state.run_id, state=asked.state, proposal=asked.proposal, decision=asked.decision,
                           assigned_to=asked.assigned_to)  # fmt: skip


async def decide_one(call: Call) -> shapes.Decisions:
    """Decide one proposal; of two at once exactly one wins."""
    body, state = await call.body(shapes.Deciding), await call.state()
    known(state, call.proposal_id, call.visitor.principal)
    decision = await decide(
        call.desk.store, state.run_id, call.proposal_id, body.verdict, by=call.visitor.principal, text=body.text,
        arguments=_arguments(call, state, call.proposal_id, body), shown=body.call_digest,
        shown_digest=body.shown_digest, looked_s=call.desk.looked_s(call.visitor, call.proposal_id), channel=CHANNEL,
    )  # fmt: skip
    return shapes.Decisions(decisions=(decision,))


async def decide_several(call: Call) -> shapes.Decisions:
    """Decide several proposals of one turn: all of them or none."""
    body, state = await call.body(shapes.DecidingTogether), await call.state()
    proposals = [known(state, one.proposal_id, call.visitor.principal) for one in body.choices]
    if len({one.turn for one in proposals}) > 1:
        raise UsageError("Only proposals of one turn are decided together. Decide the others by themselves.")
    choices = [
        Choice(one.proposal_id, one.verdict, _arguments(call, state, one.proposal_id, one), one.text,
               one.call_digest, one.shown_digest) for one in body.choices
    ]  # fmt: skip
    looked = [call.desk.looked_s(call.visitor, one.proposal_id) for one in body.choices]
    return shapes.Decisions(decisions=tuple(await decide_together(
        call.desk.store, state.run_id, choices, by=call.visitor.principal, channel=CHANNEL,
        looked_s=max((one for one in looked if one is not None), default=None),
    )))  # fmt: skip


async def again(call: Call) -> Proposal:
    """Ask once more about an expired proposal."""
    await call.state()
    return await ask_again(call.desk.store, call.run_id, call.proposal_id, by=call.visitor.principal)


async def assign_one(call: Call) -> shapes.Done:
    """Give a proposal to somebody, or back to all."""
    body = await call.body(shapes.Assigning)
    await call.state()
    await assign(call.desk.store, call.run_id, call.proposal_id, to=body.to, by=call.visitor.principal)
    return shapes.Done()


async def claim(call: Call) -> shapes.Held:
    """Claim a card for two minutes, or renew the claim; says whose it is."""
    held = await call.desk.store.claim(call.proposal_id, by=call.visitor.principal, ttl_s=CLAIM_S)
    return shapes.Held(by=held.by, until=held.until, yours=held.by == call.visitor.principal.id)


async def unclaim(call: Call) -> shapes.Done:
    """Let go of a card."""
    await call.desk.store.unclaim(call.proposal_id, by=call.visitor.principal)
    return shapes.Done()


async def runs(call: Call) -> shapes.RunList:
    """Return the runs that were written to last."""
    only = call.request.query_params.get("waiting") == "true"
    rows = await call.desk.store.runs(limit=number(call.request, "limit", most=_MOST, other=50), waiting=only)
    return shapes.RunList(runs=tuple(rows))


async def run_records(call: Call) -> shapes.RecordList:
    """Return the records of a run behind `after`."""
    await call.state()
    after = number(call.request, "after", most=10**8, other=-1, least=0)
    entries = await call.desk.store.read(call.run_id, after=after)
    return shapes.RecordList(records=tuple(
        shapes.JournalRecord(seq=one.head.seq, at=one.head.at, kind=one.head.kind, path=one.head.path,
                             hash=one.head.hash, body=one.body) for one in entries
    ))  # fmt: skip


async def verification(call: Call) -> shapes.Whole:
    """Return whether the records of a run are those that were written."""
    await call.state()
    found = await verify_run(call.desk.store, call.run_id)
    bad = found.first_bad
    return shapes.Whole(ok=found.ok, records=found.records, first_bad=None if bad is None else bad.seq,
                        cause=None if bad is None else bad.cause, erased=found.erased)  # fmt: skip


async def stop_run(call: Call) -> shapes.Done:
    """Stop a run for good; nothing that waits will run."""
    body = await call.body(shapes.Stopping)
    await call.state()
    await stop(call.desk.store, call.run_id, by=call.visitor.principal, text=body.text)
    return shapes.Done()


async def settle_call(call: Call) -> shapes.Done:
    """Say how a call of unknown outcome ended."""
    body = await call.body(shapes.Settling)
    await call.state()
    await settle(call.desk.store, call.run_id, named(call.request, "call_id"), done=body.done, text=body.text,
                 by=call.visitor.principal)  # fmt: skip
    return shapes.Done()


async def undo(call: Call) -> shapes.Done:
    """Take back what a call did; only where the agent of the run is at hand."""
    agent = call.desk.agent(await call.state())
    if agent is None:
        raise HTTPException(409, "The agent of this run is not here, and its tools neither. Undo it where it runs.")
    await agent.undo(call.run_id, named(call.request, "call_id"), by=call.visitor.principal)
    return shapes.Done()


async def rules(call: Call) -> shapes.RuleList:
    """Return all standing rules."""
    return shapes.RuleList(rules=tuple(map(_rule, await listed(call.desk.store, now=call.desk.clock()))))


async def revoke_rule(call: Call) -> shapes.RuleState:
    """End a standing rule now."""
    return _rule(await revoke(call.desk.store, named(call.request, "rule_id"), by=call.visitor.principal))


async def calls(call: Call) -> shapes.CallList:
    """Return the calls that passed the gate, last asked first."""
    tool = words_in(call.request, "tool") or None
    rows = await call.desk.store.calls(tool=tool, limit=number(call.request, "limit", most=_MOST, other=50))
    return shapes.CallList(calls=tuple(rows))


def _arguments(call: Call, state: RunState, proposal_id: str, body: shapes.Deciding) -> str | None:
    """Return edited arguments in canonical form."""
    if body.arguments is None:
        return None
    text, agent = compact(body.arguments), call.desk.agent(state)
    proposal = state.proposals[proposal_id].proposal
    return text if agent is None else agent.fitted(proposal.tool, text, path=proposal.path)


def _rule(one: Granted) -> shapes.RuleState:
    return shapes.RuleState(rule=one.rule, words=in_words(one.rule), used=one.used, revoked_by=one.revoked,
                            ended=one.ended)  # fmt: skip
