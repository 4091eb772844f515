"""The trail of a run as a person reads it: our words at the left, everything that others wrote in the margin."""

from collections.abc import Iterator
from datetime import datetime

from copilot_kit.cli.audit_trail import Asking, CallTrail, Trail
from copilot_kit.cli.preview_lines import labelled
from copilot_kit.cli.record_lines import duration
from copilot_kit.cli.screen import bold, dim
from copilot_kit.display import block, visible, width_of
from copilot_kit.records import Decision, Principal, Reason

_KNOWN = {
    "asserted": "as the application says",
    "local": "this machine's user",
    "token": "by token",
    "session": "signed in",
    "proxy": "by the proxy",
}


def audit_lines(trail: Trail, *, width: int) -> Iterator[str]:
    """Yield the whole trail; nothing is cut."""
    yield bold(visible(trail.run_id))
    if trail.started is not None:
        started = trail.started
        yield from labelled("task", started.title, width=width)
        yield from labelled("agent", f"{started.agent} with {started.model}", width=width)
        if started.by is not None:
            yield from labelled("for", _who(started.by), width=width)
        if started.subject is not None:
            yield from labelled("about", started.subject, width=width)
    if trail.started_at is not None:
        yield f"  {dim(_at(trail.started_at))}  begun"
    for call in trail.calls.values():
        yield from _call_lines(call, width)
    for at, stopped in trail.stopped:
        yield ""
        yield from labelled(f"{_at(at)}  stopped by", _who(stopped.by), width=width)
    for at, erased in trail.erased:
        yield ""
        yield from labelled(f"{_at(at)}  {len(erased.seqs)} records erased by", _who(erased.by), width=width)
        if erased.reason:
            yield from labelled("because", erased.reason, width=width)
    if trail.bare:
        kinds = ", ".join(f"{seq} ({kind})" for seq, kind in trail.bare)
        yield from labelled("without their content", kinds, width=width)


def _call_lines(call: CallTrail, width: int) -> Iterator[str]:
    yield ""
    title = f"── {visible(call.tool) or 'a call'}"
    if width_of(title) + len(call.outcome) + 3 > width:
        yield bold("── a call")
        yield from labelled("of tool", call.tool, width=width)
        yield f"  {call.outcome}"
    else:
        yield f"{bold(title)} · {call.outcome}"
    yield from labelled("call", call.call_id, width=width)
    for asking in call.asked:
        yield from _asked_lines(asking, width)
    yield from _ran_lines(call, width)
    for at, received in call.received:
        settled = "" if received.settled_by is None else f", settled by {_who(received.settled_by)}"
        yield from labelled(f"{_at(at)}  {received.state}", f"in {duration(received.took_s)}{settled}", width=width)
        yield from block(received.result.text, width=width)
    for at, undoing in call.undoing:
        yield from labelled(f"{_at(at)}  undo begun by", _who(undoing.by), width=width)
    for at, undone in call.undone:
        yield from labelled(f"{_at(at)}  undo {undone.state} by", _who(undone.by), width=width)
        if undone.text:
            yield from block(undone.text, width=width)


def _asked_lines(asking: Asking, width: int) -> Iterator[str]:
    proposal = asking.proposal
    agents = " > ".join(step.agent for step in proposal.path)
    yield from labelled(f"{_at(asking.at)}  asked by", f"{agents} with {proposal.model}", width=width)
    yield from _because(proposal.reasons, width)
    yield from labelled("card shown", proposal.shown_digest, width=width)
    yield from labelled("call shown", proposal.call_digest, width=width)
    yield from block(proposal.arguments, width=width)
    if asking.lapsed is not None:
        at, state, because = asking.lapsed
        yield from labelled(f"{_at(at)}  {state}", because, width=width)
    if asking.decision is not None:
        yield from _decision_lines(asking.decision, width)


def _decision_lines(decision: Decision, width: int) -> Iterator[str]:
    yield from labelled(f"{_at(decision.at)}  {decision.verdict} by", _who(decision.by), width=width)
    looked = "" if decision.looked_s is None else f", looked {duration(decision.looked_s)}"
    together = "" if decision.batch is None else ", together with others"
    yield from labelled("through", f"{decision.channel}{looked}{together}", width=width)
    if decision.shown_digest is not None:
        yield from labelled("saw the card", decision.shown_digest, width=width)
    if decision.text is not None:
        yield from labelled("saying", decision.text, width=width)
    if decision.arguments is not None:
        yield f"  {dim('changed to')}"
        yield from block(decision.arguments, width=width)
    if decision.rule is not None:
        yield from labelled("and granted rule", decision.rule.id, width=width)


def _ran_lines(call: CallTrail, width: int) -> Iterator[str]:
    if call.intended is None:
        return
    at, intended = call.intended
    if call.asked and call.asked[-1].proposal.arguments == call.ran:
        yield f"  {dim(f'{_at(at)}  began')}  exactly the bytes above"
    else:
        yield f"  {dim(f'{_at(at)}  began')}  exactly these bytes"
        yield from block(call.ran, width=width) if call.ran is not None else ["  which were erased"]
    if intended.allowed:
        yield from labelled("nobody was asked", "; ".join(reason.text for reason in intended.allowed), width=width)
    if intended.rule_id is not None:
        yield from labelled("by standing rule", intended.rule_id, width=width)
    yield from labelled("call digest", intended.call_digest, width=width)
    yield from labelled("idempotency key", intended.idempotency_key, width=width)


def _because(reasons: tuple[Reason, ...], width: int) -> list[str]:
    return labelled("because", "; ".join(reason.text for reason in reasons), width=width) if reasons else []


def _who(by: Principal) -> str:
    name = f"{by.name} ({by.id})" if by.name is not None and by.name != by.id else by.id
    return f"{name}, {_KNOWN[by.authenticated]}"


def _at(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
