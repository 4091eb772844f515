"""The gate: rules that look at a final call and say allow, ask or deny.

Among all rules that match, deny beats ask beats allow; their order only picks which reason is shown first. Where no
rule matches, the gate asks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from pydantic import JsonValue

from copilot_kit.effects import ArgumentRole, Effect
from copilot_kit.errors import UsageError
from copilot_kit.journal.index import Evidence
from copilot_kit.records import Origin, Reason, Step

GateVerdict: TypeAlias = Literal["allow", "ask", "deny"]
_STRICTNESS: dict[GateVerdict, int] = {"allow": 0, "ask": 1, "deny": 2}


_EFFECT_WORDS: dict[Effect, str] = {
    "read": "no rule allows this read",
    "write": "it changes something of yours",
    "external": "it leaves the house and may not be undone",
}


@dataclass(frozen=True, slots=True)
class GateCall:
    """A call as it would run: validated, with its defaults, by whom, proposed by which model."""

    tool: str
    version: str
    effect: Effect
    arguments: Mapping[str, JsonValue]
    path: tuple[Step, ...]
    model: str
    """Asked and served name of the model that proposes it, as `asked > served`."""
    prompt_version: str = ""
    own: bool = False
    """What it changes belongs to the user alone."""
    undoable: bool = False
    roles: Mapping[str, ArgumentRole] = field(default_factory=dict)
    """What the tool says its arguments are for; one that is not named has no role."""
    provenance: tuple[Origin, ...] = ()
    """Where each value came from; empty where nobody inferred it."""
    evidence: Evidence | None = None
    """How such calls have fared so far; only where the gate has a rule that wants it."""
    draw: float = 1.0
    """A number in [0, 1), made from the call itself: the same whenever it is judged; for audit shares."""

    @property
    def asked_model(self) -> str:
        """The name that the model was asked by: `anthropic:claude-sonnet-5`."""
        return self.model.partition(" > ")[0]

    @property
    def agent(self) -> str:
        """The agent that makes the call."""
        return self.path[-1].agent if self.path else ""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a rule, or the whole gate, says to a call, and why."""

    verdict: GateVerdict
    reasons: tuple[Reason, ...]
    may_decide: tuple[str, ...] = ()
    """Who may decide, as ids and `group:NAME`; empty: this rule does not care."""
    answer_within_s: float | None = None
    """How long the question stands."""
    explicit: bool = True
    """A rule said so; False: none matched, and a standing rule of a person may allow it."""


Rule: TypeAlias = Callable[[GateCall], Ruling | None]
"""Looks at a call; None: it does not concern this rule."""


def rule(verdict: GateVerdict, *, tool: str | None = None, effect: Effect | None = None, why: str = "") -> Rule:
    """Return a rule for one tool, one effect, or both; a rule that names neither matches every call.

    Raises `UsageError` for a verdict or effect that there is not, so that a misspelt rule never fails open.
    """
    if verdict not in _STRICTNESS:
        raise UsageError(f"A rule says allow, ask or deny, not {verdict!r}. Correct it.")
    if effect is not None and effect not in _EFFECT_WORDS:
        raise UsageError(f"An effect is read, write or external, not {effect!r}. Correct the rule.")
    if tool is not None and not tool:
        raise UsageError("A rule for the tool '' matches nothing. Name the tool, or leave it out to match every call.")
    code = f"{verdict}-{tool or effect or 'all'}"
    ruling = Ruling(verdict, (Reason(code=code, text=why or f"a rule says {verdict} for {tool or effect or 'all'}"),))

    def judge(call: GateCall) -> Ruling | None:
        matches = (tool is None or call.tool == tool) and (effect is None or call.effect == effect)
        return ruling if matches else None

    return judge


READS_RUN: Rule = rule("allow", effect="read", why="it changes nothing")


def _ruling(rule: Rule, call: GateCall) -> Ruling | None:
    """Return what a rule says; one that breaks asks, since nobody knows what it would have said."""
    try:
        return rule(call)
    except Exception as error:  # noqa: BLE001  the application's code
        why = f"a rule failed on this call ({type(error).__name__}: {error})"
        return Ruling("ask", (Reason(code="rule-failed", text=why),))


class Gate:
    """Rules, judged together. Without any of one's own: reads run, everything else asks."""

    def __init__(self, rules: Sequence[Rule] = (READS_RUN,)) -> None:
        if callable(rules):
            raise UsageError("Gate takes a list of rules, not one rule. Write Gate([rule(...)]).")
        self._rules = tuple(rules)

    def judge(self, call: GateCall) -> Ruling:
        """Return the strictest ruling with the reasons of all rules that gave it."""
        rulings = [ruling for rule in self._rules if (ruling := _ruling(rule, call)) is not None]
        if not rulings:
            unmatched = Reason(code=f"effect-{call.effect}", text=_EFFECT_WORDS[call.effect])
            return Ruling("ask", (unmatched,), explicit=False)
        verdict = max((ruling.verdict for ruling in rulings), key=_STRICTNESS.__getitem__)
        return _together(verdict, [ruling for ruling in rulings if ruling.verdict == verdict])

    @property
    def wants_evidence(self) -> bool:
        """A rule looks at how such calls have fared."""
        return any(getattr(one, "wants_evidence", False) for one in self._rules)

    @property
    def wants_provenance(self) -> bool:
        """A rule looks at where values came from."""
        return any(getattr(one, "wants_provenance", False) for one in self._rules)


def _together(verdict: GateVerdict, rulings: Sequence[Ruling]) -> Ruling:
    """Return what rulings of one verdict say together: whoever decides must be entitled by all that name anybody."""
    reasons = tuple(why for ruling in rulings for why in ruling.reasons)
    named = [ruling.may_decide for ruling in rulings if ruling.may_decide]
    entitled = tuple(one for one in named[0] if all(one in others for others in named)) if named else ()
    if named and not entitled:
        nobody = Reason(code="nobody-entitled", text="its rules name approvers that have nobody in common")
        return Ruling("deny", (nobody, *reasons))
    within = [ruling.answer_within_s for ruling in rulings if ruling.answer_within_s is not None]
    return Ruling(verdict, reasons, entitled, min(within, default=None))
