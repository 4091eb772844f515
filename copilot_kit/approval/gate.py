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
    def agent(self) -> str:
        """The agent that makes the call."""
        return self.path[-1].agent if self.path else ""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a rule, or the whole gate, says to a call, and why."""

    verdict: GateVerdict
    reasons: tuple[Reason, ...]


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
            return Ruling("ask", (Reason(code=f"effect-{call.effect}", text=_EFFECT_WORDS[call.effect]),))
        verdict = max((ruling.verdict for ruling in rulings), key=_STRICTNESS.__getitem__)
        return Ruling(verdict, tuple(why for ruling in rulings if ruling.verdict == verdict for why in ruling.reasons))
