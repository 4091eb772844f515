"""Standing rules: a person's `do not ask again`, bound to what they saw, counted, listed, revocable, and it ends.

A rule matches parsed canonical arguments, never text, and two values are the same only where their canonical JSON is:
`1` is neither `1.0` nor `true`, and no letter is normalised into another. Every argument must be named by the rule, so
that a tool's new argument is a new question.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import JsonValue

from copilot_kit.approval.entitlement import entitled
from copilot_kit.approval.gate import GateCall
from copilot_kit.approval.rulebook import Granted, rulebook, use_first
from copilot_kit.arguments import compact
from copilot_kit.display import visible
from copilot_kit.errors import UsageError
from copilot_kit.ids import NewId, new_id
from copilot_kit.journal.index import CallRow, Journal
from copilot_kit.journal.store import Store
from copilot_kit.records import (
    ArgumentMatch,
    Intended,
    Principal,
    Proposal,
    Proposed,
    RuleGranted,
    RuleRevoked,
    StandingRule,
)
from copilot_kit.tools import arguments_of

__all__ = [
    "Granted", "begin", "call_of", "check", "check_for", "grant", "in_words", "listed", "matches", "offered", "revoke",
    "use", "would_have_matched",
]  # fmt: skip

DAYS: Final = 30
USES: Final = 50
LONGEST: Final = timedelta(days=366)
"""A rule for longer than this is one without an end."""
_TARGETS: Final = frozenset({"destination", "object"})
_FREE: Final = frozenset({"content", "wording"})
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}")


def matches(rule: StandingRule, call: GateCall) -> bool:
    """Tell whether the rule is about this call; whether it is still in force is not asked here.

    A target is an argument that the tool declares as destination or object. One that is empty matches nothing, unless
    it is left out (null or []), the rule fixes it so, and another target is named. Each value of a target needs a
    trusted origin, unless the rule accepts that it has none.
    """
    bound = (rule.agent, rule.tool, rule.tool_version, rule.model, rule.prompt_version)
    if bound != (call.agent, call.tool, call.version, call.model, call.prompt_version):
        return False
    return _fits(rule.matches, call.arguments) and _targets_hold(rule, call)


def call_of(proposal: Proposal) -> GateCall:
    """Return the call that a proposal asks about, as rules see it."""
    return GateCall(
        tool=proposal.tool,
        version=proposal.tool_version,
        effect=proposal.effect,
        arguments=arguments_of(proposal.arguments),
        path=proposal.path,
        model=proposal.model,
        prompt_version=proposal.prompt_version,
        own=proposal.own,
        undoable=proposal.undoable,
        roles=proposal.roles,
        provenance=proposal.provenance,
    )


def offered(
    proposal: Proposal,
    *,
    by: Principal,
    now: datetime | None = None,
    accepts_untrusted: bool = False,
    new_id: NewId = new_id,
) -> StandingRule | None:
    """Return the narrowest rule worth having for calls like this one, or None where there is none.

    Targets are fixed; content and wording are free where the tool declares them so and a target is named; everything
    else is fixed. None: the call has no arguments, its target is empty, or no trusted part supports its target and the
    person does not accept that.
    """
    now = now or datetime.now(UTC)
    call = call_of(proposal)
    targets = [name for name in call.arguments if call.roles.get(name) in _TARGETS]
    if not any(_is_named(call.arguments[name]) for name in targets or call.arguments):
        return None
    rule = StandingRule(
        id=new_id("rule"),
        agent=call.agent,
        tool=call.tool,
        tool_version=call.version,
        model=call.model,
        prompt_version=call.prompt_version,
        matches=tuple(
            ArgumentMatch(at=_pointer("", name), any=True)
            if targets and call.roles.get(name) in _FREE
            else ArgumentMatch(at=_pointer("", name), equals=value)
            for name, value in call.arguments.items()
        ),
        expires_at=now + timedelta(days=DAYS),
        uses=USES,
        accepts_untrusted=accepts_untrusted,
        by=by,
        at=now,
        proposal_id=proposal.id,
    )
    return rule if matches(rule, call) else None


def check(rule: StandingRule, *, now: datetime | None = None) -> None:
    """Raise `UsageError` for a rule that must not be granted: one without an end, or that does not say what it means.

    Whether the rule suits a tool is not asked: one that suits none matches nothing.
    """
    now = now or datetime.now(UTC)
    unbound = [name for name in ("id", "agent", "tool", "tool_version", "model") if not getattr(rule, name)]
    if unbound:
        raise UsageError(
            f"Standing rule {rule.id!r} has no {unbound[0]}. Make it from the proposal: offered(proposal)."
        )
    if rule.uses < 1:
        raise UsageError(f"Standing rule {rule.id!r} has {rule.uses!r} uses. Say how often it may be used: 1 or more.")
    if rule.expires_at.tzinfo is None or not now < rule.expires_at <= now + LONGEST:
        raise UsageError(
            f"Standing rule {rule.id!r} expires at {rule.expires_at.isoformat()}. Choose a time with its zone, within"
            f" the next {LONGEST.days} days."
        )
    for match in rule.matches:
        _check_match(match, rule.id)
    places = [match.at for match in rule.matches]
    twice = [at for at in places for other in places if at.startswith(f"{other}/") or places.count(at) > 1]
    if twice:
        raise UsageError(f"Standing rule {rule.id!r} names {twice[0]!r} twice. Name each value once.")


def check_for(rule: StandingRule, proposal: Proposal, *, by: Principal, now: datetime | None = None) -> None:
    """Raise `UsageError` unless this person may grant the rule with a yes to this proposal, which it must match."""
    check(rule, now=now)
    if rule.by != by or rule.proposal_id != proposal.id:
        raise UsageError(f"Standing rule {rule.id!r} was made for another person or proposal. Make it anew: offered().")
    if not matches(rule, call_of(proposal)):
        raise UsageError(
            f"Standing rule {rule.id!r} does not match the call that it comes with. Make it anew: offered()."
        )


async def grant(store: Store, rule: StandingRule, *, now: datetime | None = None) -> None:
    """Let a rule begin. Granting it once more changes nothing, and revives nothing.

    Raises `UsageError` for a rule without an end, or one whose id another rule has.
    """
    check(rule, now=now)
    book = rulebook(store)
    while True:
        seq = await book.catch_up(store)
        known = book.kept(rule.id, now=rule.at)
        if known is not None and known.rule.model_dump_json() != rule.model_dump_json():
            raise UsageError(f"There is another standing rule {rule.id!r}. Give this one an id of its own.")
        if known is not None or await book.append(store, RuleGranted(rule=rule), after=seq):
            return


async def begin(store: Store, rule: StandingRule, *, now: datetime) -> None:
    """Grant a rule that a person has decided on, unless its time is over: whoever decided may have died in between."""
    if rule.expires_at > now:
        await grant(store, rule, now=now)


async def revoke(store: Store, rule_id: str, *, by: Principal) -> Granted:
    """End a rule now, and return it as it stands; one that has ended already stays as it is.

    Raises `UsageError` if there is no such rule.
    """
    if not isinstance(by, Principal):
        raise UsageError(f"by={by!r} is no Principal. Say who revokes: by=Principal(id={str(by)!r}).")
    book = rulebook(store)
    while True:
        seq = await book.catch_up(store)
        known = book.kept(rule_id, now=datetime.now(UTC))
        if known is None:
            raise UsageError(f"There is no standing rule {rule_id!r}. List them with: copilot-kit gate rules")
        if known.revoked is not None:
            return known
        await book.append(store, RuleRevoked(rule_id=rule_id, by=by), after=seq)


async def listed(store: Store, *, now: datetime | None = None) -> list[Granted]:
    """Return all rules ever granted, oldest first; `ended` tells which are no longer in force."""
    book = rulebook(store)
    await book.catch_up(store)
    return book.all(now=now or datetime.now(UTC))


async def use(
    store: Store, call: GateCall, *, run_id: str, call_id: str, now: datetime, may_decide: Sequence[str] = ()
) -> StandingRule | None:
    """Use one of the uses of a rule in force that matches, and return the rule; None: a person must be asked.

    The same call (run and call id) again uses nothing, but its rule must still be in force. The use is durable when
    this returns. may_decide: who might decide this call now; a rule of anybody else does not count.
    """

    def fits(rule: StandingRule) -> bool:
        return entitled(rule.by, may_decide) and matches(rule, call)

    return await use_first(store, call.tool, fits=fits, run_id=run_id, call_id=call_id, now=now)


async def would_have_matched(store: Journal, rule: StandingRule, *, last: int = 50) -> tuple[int, int]:
    """Return how many of the last calls of its tool the rule would have matched, and how many were looked at.

    Of a call that ran without a question no origins are kept: it counts if its arguments match, so that the number is
    rather too high than too low.
    """
    rows = await store.calls(tool=rule.tool, limit=last)
    bound = (rule.agent, rule.tool_version, rule.model, rule.prompt_version)
    near = [row for row in rows if bound == (row.agent, row.tool_version, row.model, row.prompt_version)]
    found = 0
    for run_id in dict.fromkeys(row.run_id for row in near):
        found += await _matched_in(store, run_id, [row for row in near if row.run_id == run_id], rule)
    return found, len(rows)


def in_words(rule: StandingRule) -> str:
    """Return the whole rule as lines to read, with nothing left out; what others wrote is made visible."""
    about = f"{visible(rule.tool)}, called by {visible(rule.agent)}, runs without asking if"
    named = [f"  {visible(_name(match.at))} {_condition_in_words(match)}" for match in rule.matches]
    untrusted = (
        "Also where no trusted part of the conversation names the target."
        if rule.accepts_untrusted
        else "Only where a trusted part of the conversation names the target."
    )
    model, tool, prompt = (visible(one) for one in (rule.model, rule.tool_version, rule.prompt_version))
    lines = [
        about,
        *(named or ["  it has no arguments"]),
        "  and it has no other argument.",
        untrusted,
        f"Until {_moment(rule.expires_at)}, {rule.uses} times at most.",
        f"Proposed by model {model}; tool version {tool}; prompt version {prompt or 'none'}.",
        f"Granted by {visible(rule.by.name or rule.by.id)} on {_moment(rule.at)}.",
    ]
    return "\n".join(lines)


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _condition_in_words(match: ArgumentMatch) -> str:
    match _conditions(match):
        case ["any"]:
            return "is anything"
        case ["one_of"]:
            return f"is one of {', '.join(visible(compact(value)) for value in match.one_of)}"
        case ["at_most"]:
            return f"is a number from 0 to {compact(match.at_most).removesuffix('.0')}"
        case ["equals"]:
            return f"is exactly {visible(compact(match.equals))}"
        case _:
            return "matches nothing"


def _conditions(match: ArgumentMatch) -> list[str]:
    """Return which conditions a match has; one without any wants exactly null."""
    given = {"any": match.any, "equals": match.equals is not None, "one_of": bool(match.one_of),
             "at_most": match.at_most is not None}  # fmt: skip
    return [name for name, is_given in given.items() if is_given] or ["equals"]


def _check_match(match: ArgumentMatch, rule_id: str) -> None:
    conditions = _conditions(match)
    implied = conditions == ["equals"] and "equals" not in match.model_fields_set
    if len(conditions) != 1 or implied:
        raise UsageError(
            f"Standing rule {rule_id!r} wants {' and '.join(conditions) if not implied else 'nothing'} of {match.at!r}."
            " Give exactly one of equals, one_of (not empty), at_most and any."
        )
    if not match.at.startswith("/") or re.search(r"~(?![01])", match.at):
        raise UsageError(f"Standing rule {rule_id!r}: {match.at!r} names no argument. Write it as a pointer: '/to'.")
    if match.at_most is not None and match.at_most < 0:
        raise UsageError(f"Standing rule {rule_id!r}: at most {match.at_most!r} for {match.at!r} matches nothing.")
    try:
        compact([match.equals, *match.one_of])
    except ValueError as error:
        raise UsageError(f"Standing rule {rule_id!r}: a value for {match.at!r} is no JSON: {error}.") from error


def _fits(wanted: tuple[ArgumentMatch, ...], arguments: Mapping[str, JsonValue]) -> bool:
    if not all(match.at.startswith("/") for match in wanted):
        return False
    try:
        if not all(_holds(match, _value_at(arguments, match.at)) for match in wanted):
            return False
    except (LookupError, ValueError):  # not there, or nothing that JSON can hold
        return False
    named = [match.at for match in wanted]
    return all(
        any(leaf == at or leaf.startswith(f"{at}/") for at in named)
        for name, value in arguments.items()
        for leaf, _ in _leaves(value, _pointer("", name))
    )


def _holds(match: ArgumentMatch, value: JsonValue) -> bool:
    match _conditions(match):
        case ["any"]:
            return True
        case ["equals"]:
            return compact(value) == compact(match.equals)
        case ["one_of"]:
            return compact(value) in map(compact, match.one_of)
        case ["at_most"] if match.at_most is not None:
            # Below zero lies what a limit is not about: a refund of minus a thousand is a charge.
            return not isinstance(value, bool) and isinstance(value, int | float) and 0 <= value <= match.at_most
        case _:
            return False


def _targets_hold(rule: StandingRule, call: GateCall) -> bool:
    targets = {name: call.arguments.get(name) for name, role in call.roles.items() if role in _TARGETS}
    if not targets:
        return True
    fixed = {match.at for match in rule.matches if _conditions(match) == ["equals"]}
    absent = [name for name, value in targets.items() if value is None or value == []]
    left_out = [name for name in absent if name not in call.arguments or _pointer("", name) in fixed]
    named = {_pointer("", name): value for name, value in targets.items() if name not in left_out}
    if not named or not all(map(_is_named, named.values())):
        return False
    if rule.accepts_untrusted:
        return True
    trusted = {origin.at for origin in call.provenance if origin.source.trusted}
    trusted -= {origin.at for origin in call.provenance if not origin.source.trusted}
    return all(leaf in trusted for at, value in named.items() for leaf, _ in _leaves(value, at))


def _is_named(value: JsonValue) -> bool:
    """Tell whether a target says what it is: it is not empty, and neither is any value in it."""
    return all(
        leaf is not None and leaf not in ([], {}) and not (isinstance(leaf, str) and not leaf.strip())
        for _, leaf in _leaves(value, "")
    )


async def _matched_in(store: Journal, run_id: str, rows: list[CallRow], rule: StandingRule) -> int:
    wanted = {row.seq for row in rows}
    entries = await store.read(run_id, after=min(wanted) - 1)
    found = 0
    for entry in entries:
        if entry.head.seq in wanted:
            match entry.body:
                case Proposed(proposal=proposal):
                    found += matches(rule, call_of(proposal))
                case Intended(arguments=arguments) if arguments:
                    found += _fits(rule.matches, arguments_of(arguments))
                case _:
                    pass  # erased: nobody can tell
    return found


def _leaves(value: JsonValue, at: str) -> Iterator[tuple[str, JsonValue]]:
    """Yield the values that hold no others, with their JSON pointers; an empty object or array is one."""
    if isinstance(value, dict) and value:
        for name, member in value.items():
            yield from _leaves(member, _pointer(at, name))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, f"{at}/{index}")
    else:
        yield at, value


def _pointer(at: str, name: str) -> str:
    return f"{at}/{name.replace('~', '~0').replace('/', '~1')}"


def _name(at: str) -> str:
    """Return a pointer as a person reads it: an argument by its name, a value within one by its whole pointer."""
    plain = at.removeprefix("/")
    return at if "/" in plain or "~" in plain else plain


def _value_at(arguments: Mapping[str, JsonValue], at: str) -> JsonValue:
    value: object = arguments
    for token in at.split("/")[1:]:
        step = token.replace("~1", "/").replace("~0", "~")
        match value:
            case Mapping():
                value = value[step]
            case list() if _INDEX.fullmatch(step):
                value = value[int(step)]
            case _:
                raise LookupError(at)
    return value  # type: ignore[return-value]
