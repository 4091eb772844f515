"""What must hold in every play, checked when a tool acts and when all is over."""

import json
from collections import Counter
from collections.abc import Sequence

from benchmarks.simulation.world import Effect, World
from copilot_kit.journal.state import RunState
from copilot_kit.journal.store import Entry
from copilot_kit.journal.verify import verify_run
from copilot_kit.messages import Message, ToolCall, ToolResult
from copilot_kit.records import (
    Decided,
    Decision,
    Intended,
    MessageAdded,
    Proposal,
    Proposed,
    Received,
    RuleGranted,
    RuleRevoked,
    RuleUsed,
    RunStopped,
)


async def check_effect(world: World, effect: Effect) -> None:
    """Fail unless this effect was allowed or approved, intended, and is the first of its call."""
    twins = [one for one in world.effects if (one.run_id, one.call_id) == (effect.run_id, effect.call_id)]
    if len(twins) > 1:
        raise world.broken(f"{effect.call_id} took effect twice")
    entries = await world.inner.read(effect.run_id)
    intended = [one for one in entries if isinstance(one.body, Intended) and one.body.call_id == effect.call_id]
    if len(intended) != 1:
        raise world.broken(f"{effect.call_id} took effect with {len(intended)} intents on record")
    if intended[0].body.idempotency_key != effect.key:
        raise world.broken(f"{effect.call_id} ran with another idempotency key than was written down")
    seq = intended[0].head.seq
    await _check_permitted(world, effect, intended[0].body, [one for one in entries if one.head.seq < seq])


async def _check_permitted(world: World, effect: Effect, intent: Intended, before: Sequence[Entry]) -> None:
    """Fail unless what is on record before the intent allows this effect."""
    if effect.tool == "wipe" or '"to":"mallory"' in effect.arguments:
        raise world.broken(f"{effect.call_id} took effect although the gate denies it")
    if any(isinstance(one.body, RunStopped) for one in _since_last_words(before)):
        raise world.broken(f"{effect.call_id} was begun after its run had been stopped")
    state = RunState.of(before)
    asked = [one for one in state.proposals.values() if one.proposal.call_id == effect.call_id]
    if not asked:
        if intent.rule_id is not None:
            await _check_rule(world, effect, intent)
        elif effect.tool != "jot" or "!" in effect.arguments:
            raise world.broken(f"{effect.call_id} took effect and nobody was asked")
        return
    last = asked[-1]
    verdict = None if last.decision is None else last.decision.verdict
    if last.decision is None or verdict not in {"approve", "edit"} or last.state in {"expired", "cancelled"}:
        raise world.broken(f"{effect.call_id} took effect and its proposal is {last.state}")
    if last.proposal.for_model != ("sim:aide" if len(last.proposal.path) > 1 else state.model):
        raise world.broken(f"{effect.call_id} was approved for {last.proposal.for_model}; the model is another one now")
    _check_bytes(world, effect, last.proposal, last.decision)


async def _check_rule(world: World, effect: Effect, intent: Intended) -> None:
    """Fail unless the standing rule was in force, fits, and was used for this call, no more often than it says."""
    entries = await world.inner.read("@rules")
    rules = [
        one.body.rule for one in entries if isinstance(one.body, RuleGranted) and one.body.rule.id == intent.rule_id
    ]
    uses = [one for one in entries if isinstance(one.body, RuleUsed) and one.body.rule_id == intent.rule_id]
    mine = [one for one in uses if (one.body.run_id, one.body.call_id) == (effect.run_id, effect.call_id)]
    ended = [one for one in entries if isinstance(one.body, RuleRevoked) and one.body.rule_id == intent.rule_id]
    if len(rules) != 1 or len(mine) != 1 or len(uses) > rules[0].uses:
        raise world.broken(f"{effect.call_id} ran by {len(rules)} rules with {len(mine)} uses of {len(uses)}")
    wanted = {match.at.removeprefix("/"): match.equals for match in rules[0].matches if not match.any}
    if wanted != json.loads(effect.arguments) or rules[0].tool_version != effect.version:
        raise world.broken(f"{effect.call_id} ran {effect.arguments} by a rule for {wanted}")
    if rules[0].model != intent.model or rules[0].prompt_version != intent.prompt_version:
        raise world.broken(f"{effect.call_id} was proposed by another model than its rule is for")
    if mine[0].head.at >= rules[0].expires_at or (ended and ended[0].head.seq < mine[0].head.seq):
        raise world.broken(f"{effect.call_id} ran by a rule that had ended")


def _since_last_words(entries: Sequence[Entry]) -> Sequence[Entry]:
    spoken = [place for place, one in enumerate(entries) if isinstance(one.body, MessageAdded) and not one.head.path]
    return entries[spoken[-1] :]


def _check_bytes(world: World, effect: Effect, proposal: Proposal, decision: Decision) -> None:
    """Fail unless what ran is byte for byte what was shown, or what a person wrote in its place."""
    if decision.call_digest != proposal.call_digest:
        raise world.broken(f"{effect.call_id} took effect by a decision on another call")
    if proposal.tool_version != effect.version or proposal.tool != effect.tool:
        raise world.broken(f"{effect.call_id} ran {effect.tool} {effect.version}; {proposal.tool_version} was shown")
    entitled = {"anna": {"anna", "group:ops"}}.get(decision.by.id, {decision.by.id})
    if proposal.may_decide and entitled.isdisjoint(proposal.may_decide):
        raise world.broken(f"{effect.call_id} ran on the word of {decision.by.id}; {proposal.may_decide} may decide")
    if proposal.expires_at is not None and decision.at >= proposal.expires_at:
        raise world.broken(f"{effect.call_id} ran on a yes that came too late")
    if decision.verdict == "approve" and effect.arguments != proposal.arguments:
        raise world.broken(f"{effect.call_id} ran {effect.arguments}; {proposal.arguments} was shown")
    if decision.verdict == "edit" and not _same_call(effect, decision.arguments or ""):
        raise world.broken(f"{effect.call_id} ran {effect.arguments}; {decision.arguments} was written by a person")


def _same_call(effect: Effect, written: str) -> bool:
    """Tell whether what ran is what a person wrote; what they left out has its default."""
    ran, wanted = json.loads(effect.arguments), json.loads(written)
    return all(str(ran.get(name)) == str(value) for name, value in wanted.items())


def check_conversation(world: World, messages: Sequence[Message]) -> None:
    """Fail unless each call has exactly one result, in order, right behind the turn that made it."""
    seen: set[str] = set()
    for place, message in enumerate(messages):
        calls = [part.call_id for part in message.parts if isinstance(part, ToolCall)]
        if not seen.isdisjoint(calls) or len(set(calls)) != len(calls):
            raise world.broken(f"call ids repeat: {calls}")
        seen.update(calls)
        following = messages[place + 1].parts if calls and place + 1 < len(messages) else ()
        results = [part.call_id for part in following if isinstance(part, ToolResult)]
        if calls and results != calls:
            raise world.broken(f"the model was asked with calls {calls} and results {results}")


async def check_run(world: World, run_id: str) -> None:
    """Fail unless the run is over, its journal whole, and its records tell what happened."""
    entries = await world.inner.read(run_id)
    found = await verify_run(world.inner, run_id)
    if not found.ok:
        raise world.broken(f"the journal of {run_id} does not verify: {found.first_bad}")
    state = RunState.of(entries)
    if state.status not in {"done", "stopped"}:
        raise world.broken(
            f"{run_id} ends as {state.status!r}: {len(state.pending)} pending, {len(state.unknown)} unknown"
        )
    _check_receipts(world, run_id, entries)
    _check_decisions(world, run_id, entries)
    if hasattr(world.inner, "waiting"):
        await _check_row(world, state)


def _check_receipts(world: World, run_id: str, entries: Sequence[Entry]) -> None:
    """Fail unless each intent has its end, and each end says what happened."""
    happened = Counter(one.call_id for one in world.effects if one.run_id == run_id)
    last: dict[str, Received] = {}
    receipts = [one.body for one in entries if isinstance(one.body, Received)]
    for body in receipts:
        before = last.get(body.call_id)
        # An owner that is cancelled before it hears that its receipt was written writes it again.
        if before is not None and before.state != "unknown" and before != body:
            raise world.broken(f"{body.call_id} was received as {before.state} and again as {body.state}")
        last[body.call_id] = body
    for one in entries:
        if isinstance(one.body, Intended) and one.body.call_id not in last:
            raise world.broken(f"{one.body.call_id} was intended and has no end")
    unknown = {body.call_id for body in receipts if body.state == "unknown"}
    for call_id, body in last.items():
        late = any(one.late for one in world.effects if (one.run_id, one.call_id) == (run_id, call_id))
        _check_end(world, body, happened[call_id], was_unknown=call_id in unknown, late=late)
    lost = [call_id for call_id in happened if call_id not in last]
    if lost:
        raise world.broken(f"{lost} took effect and have no receipt")


def _check_end(world: World, body: Received, happened: int, *, was_unknown: bool, late: bool) -> None:
    if was_unknown:
        if body.state == "unknown" or (body.settled_by is None and body.tool != "order"):  # which can be checked
            raise world.broken(f"{body.call_id} was of unknown outcome and nobody settled it")
        return
    changes = body.tool in {"send", "jot", "order", "wipe"}
    answered = body.result.parts if hasattr(body.result, "parts") else body.result.content
    by_person = any(getattr(part.source, "kind", "") == "person" for part in answered if hasattr(part, "source"))
    if body.state == "done" and changes and not happened and not by_person:
        raise world.broken(f"{body.call_id} is 'done' and nothing happened")
    if body.state != "done" and happened and not late:
        raise world.broken(f"{body.call_id} is {body.state!r} although it took effect")


def _check_decisions(world: World, run_id: str, entries: Sequence[Entry]) -> None:
    """Fail unless each acknowledged decision is the one on record, and the only one."""
    first: dict[str, Decision] = {}
    for one in entries:
        if isinstance(one.body, Decided):
            first.setdefault(one.body.decision.proposal_id, one.body.decision)
    for (run, proposal_id), decisions in world.decided.items():
        if run != run_id:
            continue
        if len(decisions) > 1:
            raise world.broken(f"{proposal_id} was decided {len(decisions)} times")
        if first.get(proposal_id) != decisions[0]:
            raise world.broken(f"the decision on {proposal_id} was acknowledged and is not what is on record")
    _check_questions(world, entries)
    shown = {one.body.proposal.id: one.body.proposal for one in entries if isinstance(one.body, Proposed)}
    for proposal_id, card in world.seen.items():
        if proposal_id in shown and shown[proposal_id] != card:
            raise world.broken(f"{proposal_id} is not what persons saw")


def _check_questions(world: World, entries: Sequence[Entry]) -> None:
    """Fail if anybody was asked about a call that a person had refused, or had answered in the tool's place."""
    call_of: dict[str, str] = {}
    closed: set[str] = set()
    for one in entries:
        match one.body:
            case Proposed(proposal=proposal):
                call_of[proposal.id] = proposal.call_id
                if proposal.call_id in closed:
                    raise world.broken(f"{proposal.call_id} was asked about again after a person's no")
            case Decided(decision=decision) if decision.verdict in {"reject", "answer"}:
                closed.add(call_of[decision.proposal_id])
            case _:
                pass


async def _check_row(world: World, state: RunState) -> None:
    """Fail unless the lists say what the fold says."""
    rows = {row.run_id: row for row in await world.inner.runs()}
    if rows.get(state.run_id) != state.row():
        raise world.broken(f"the list says {rows.get(state.run_id)}, the records say {state.row()}")


async def check_lists(world: World, runs: Sequence[str]) -> None:
    """Fail unless what waits, and how calls stand, is in the lists as the fold has it."""
    if not hasattr(world.inner, "waiting"):
        return
    states = [RunState.of(entries) for run_id in runs if (entries := await world.inner.read(run_id))]
    listed = {(one.kind, one.run_id, one.id) for one in await world.inner.waiting(limit=1000)}
    folded = {("proposal", state.run_id, one.id) for state in states for one in state.pending}
    folded |= {("unknown", state.run_id, one.call.call_id) for state in states for one in state.unknown}
    if listed != folded or await world.inner.waiting_count() != len(folded):
        raise world.broken(f"the list of what waits is {sorted(listed)}, the records say {sorted(folded)}")
    rows = {(one.run_id, one.call_id): one for one in await world.inner.calls(limit=1000)}
    for state in states:
        for call_id, effected in state.effects.items():
            row = rows.get((state.run_id, call_id))
            undone = effected.undone is not None and effected.undone.state == "done"
            ended = None if effected.received is None else effected.received.state
            outcome = "undone" if undone else None if ended == "cancelled" else ended  # which has not run
            if row is None or row.outcome != outcome:
                raise world.broken(f"the list of calls says {row}, the records say {outcome} of {call_id}")
