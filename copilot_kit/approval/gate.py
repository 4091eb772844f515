"""The gate: rules that look at a final call and say allow, ask or deny.

Among all rules that match, deny beats ask beats allow; their order only picks which reason is shown first. Where no
rule matches, the gate asks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Literal, TypeAlias

from pydantic import JsonValue

from copilot_kit.approval.conditions import Conditions, When, read_conditions
from copilot_kit.declarations import is_tool_name
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
    provenance: Sequence[Origin] = ()
    """Where each value came from; empty where nobody inferred it."""
    evidence: Evidence | None = None
    """How such calls have fared so far; only where the gate has a rule that wants it."""
    draw: float = 1.0
    """A number in [0, 1), made from the call itself: the same whenever it is judged; for audit shares."""
    asked_for: bool = False
    """The user's own words speak of doing what the tool does."""
    made_before: bool = False
    """In this run the same tool was called with the same receivers and things before, and ran or may run."""
    contested: bool = False
    """In this run a person rejected, changed, answered or took back a call of the same tool."""

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


@dataclass(frozen=True, slots=True)
class Written:
    """The rule that `rule` returns; its fields say which calls it is about."""

    verdict: GateVerdict
    tools: tuple[str, ...]
    """Empty: every tool."""
    effect: Effect | None
    agent: str | None
    model: str | None
    when: Conditions | None
    ruling: Ruling
    unsure: Ruling
    """What it says where its conditions cannot be told."""

    def __call__(self, call: GateCall) -> Ruling | None:
        """Return the ruling if the call is one of those; where that cannot be told, all but allowing rules match."""
        if (
            (self.tools and call.tool not in self.tools)
            or self.effect not in (None, call.effect)
            or self.agent not in (None, call.agent)
            or self.model not in (None, call.model, call.model.split(" > ", 1)[0])
        ):
            return None
        holds = self.when is None or self.when.test(call.arguments, strict=self.verdict != "allow")
        if holds is None:
            return None if self.verdict == "allow" else self.unsure
        return self.ruling if holds else None


def rule(  # noqa: PLR0913  which calls, what is said of them, and who answers
    verdict: GateVerdict,
    *,
    tool: str | Sequence[str] | None = None,
    effect: Effect | None = None,
    agent: str | None = None,
    model: str | None = None,
    when: When | None = None,
    why: str = "",
    may_decide: Sequence[str] = (),
    answer_within_s: float | None = None,
) -> Rule:
    """Return a rule for calls of which all is so that is said here; one that says nothing matches every call.

    tool: one, or several. agent: the one that makes the call. model: as it was asked for, or `asked > served`.
    when: conditions on arguments, `{"amount": {"above": 100}}`, or a list of alternatives; see `conditions`.
    may_decide, answer_within_s: of a rule that asks, who may answer and for how long.
    Raises `UsageError` for what there is not, so that a misspelt rule never fails open.
    """
    if verdict not in _STRICTNESS:
        raise UsageError(f"A rule says allow, ask or deny, not {verdict!r}. Correct it.")
    if effect is not None and effect not in _EFFECT_WORDS:
        raise UsageError(f"An effect is read, write or external, not {effect!r}. Correct the rule.")
    tools = _names(tool)
    if "" in (agent, model):
        raise UsageError("A rule for the agent or model '' matches nothing. Name it, or leave it out for all of them.")
    if when is not None and not tools:
        raise UsageError("A rule with conditions on arguments says of which tool they are. Name it: tool=...")
    if verdict != "ask" and (may_decide or answer_within_s is not None):
        raise UsageError(f"A rule that says {verdict} asks nobody: leave may_decide and answer_within_s out.")
    _check_question(may_decide, answer_within_s)
    conditions = None if when is None else read_conditions(when)
    about = ", ".join(tools) or effect or "all"
    said = f"{about} when {conditions}" if conditions is not None else about
    text = why or f"a rule says {verdict} for {said}"
    reason = Reason(code=f"{verdict}-{tools[0] if len(tools) == 1 else effect or 'all'}", text=text)
    unsure = reason.model_copy(update={"text": f"{text} (it cannot be told whether {conditions})"})
    ruling = Ruling(verdict, (reason,), tuple(may_decide), answer_within_s)
    return Written(verdict, tools, effect, agent, model, conditions, ruling, replace(ruling, reasons=(unsure,)))


def _check_question(may_decide: Sequence[str], answer_within_s: float | None) -> None:
    if isinstance(may_decide, str) or not all(may_decide):
        raise UsageError(f"may_decide={may_decide!r} is no list of names. Write may_decide=['ada', 'group:finance'].")
    if answer_within_s is not None and not answer_within_s > 0:
        raise UsageError(f"answer_within_s={answer_within_s!r} leaves no time to answer. Give seconds above 0.")


def _names(tool: str | Sequence[str] | None) -> tuple[str, ...]:
    if tool is None:
        return ()
    names = (tool,) if isinstance(tool, str) else tuple(tool)
    wrong = [name for name in names if not is_tool_name(name)]
    if wrong or not names:
        raise UsageError(
            f"A rule for the tool {(wrong[0] if wrong else tool)!r} matches nothing: no tool can be called so. Name the"
            " tool as it is called, or leave it out to match every call."
        )
    return names


READS_RUN: Rule = rule("allow", effect="read", why="it changes nothing")


def _ruling(rule: Rule, call: GateCall) -> Ruling | None:
    """Return what a rule says; one that breaks asks, since nobody knows what it would have said."""
    try:
        ruling: object = rule(call)
    except Exception as error:  # noqa: BLE001  the application's code
        return _broken(f"a rule failed on this call ({type(error).__name__}: {error})")
    if ruling is None:
        return None
    if isinstance(ruling, Ruling) and ruling.verdict in _STRICTNESS:
        return ruling
    return _broken(f"a rule returned {ruling!r}, which is neither a Ruling nor None")


def _broken(why: str) -> Ruling:
    return Ruling("ask", (Reason(code="rule-failed", text=why),))


class Gate:
    """Rules, judged together. Without any of one's own: reads run, everything else asks."""

    def __init__(
        self,
        rules: Sequence[Rule] = (READS_RUN,),
        *,
        labels: Sequence[str] = (),
        may_decide: Sequence[str] = (),
        answer_within_s: float | None = None,
    ) -> None:
        """Take the rules; labels: what `explain` calls them.

        may_decide, answer_within_s: for every question whose rule does not say.
        """
        if callable(rules):
            raise UsageError("Gate takes a list of rules, not one rule. Write Gate([rule(...)]).")
        _check_question(may_decide, answer_within_s)
        self.rules = tuple(rules)
        self._labels = tuple(labels) if labels else tuple(map(_label, self.rules))
        self._may_decide = tuple(may_decide)
        self._answer_within_s = answer_within_s

    @classmethod
    def from_file(cls, path: str | PathLike[str]) -> "Gate":
        """Return the gate that a TOML file describes; raises `UsageError` for anything in it that is not understood."""
        from copilot_kit.approval.gate_file import read_gate

        return read_gate(path)

    def also(self, rule: Rule, *, label: str) -> "Gate":
        """Return this gate with one rule more."""
        return Gate([*self.rules, rule], labels=[*self._labels, label], may_decide=self._may_decide,
                    answer_within_s=self._answer_within_s)  # fmt: skip

    def judge(self, call: GateCall) -> Ruling:
        """Return the strictest ruling with the reasons of all rules that gave it."""
        rulings = [ruling for rule in self.rules if (ruling := _ruling(rule, call)) is not None]
        if not rulings:
            unmatched = Reason(code=f"effect-{call.effect}", text=_EFFECT_WORDS[call.effect])
            return self._asked(Ruling("ask", (unmatched,), explicit=False))
        verdict = max((ruling.verdict for ruling in rulings), key=_STRICTNESS.__getitem__)
        return self._asked(_together(verdict, [ruling for ruling in rulings if ruling.verdict == verdict]))

    def explain(self, call: GateCall) -> list[tuple[str, Ruling | None]]:
        """Return what each rule by itself says to the call, under the rule's label; None: it does not match."""
        return [(label, _ruling(rule, call)) for label, rule in zip(self._labels, self.rules, strict=True)]

    def tools_named(self) -> list[tuple[str, str]]:
        """Return the tools that rules name, each under its rule's label, so that misspelt ones can be found."""
        named = []
        for label, one in zip(self._labels, self.rules, strict=True):
            tools = getattr(one, "tools", None) or [getattr(one, "tool", None)]
            named += [(label, tool) for tool in tools if isinstance(tool, str)]
        return named

    def _asked(self, ruling: Ruling) -> Ruling:
        if ruling.verdict != "ask":
            return ruling
        within = self._answer_within_s if ruling.answer_within_s is None else ruling.answer_within_s
        return replace(ruling, may_decide=ruling.may_decide or self._may_decide, answer_within_s=within)

    @property
    def wants_evidence(self) -> bool:
        """A rule looks at how such calls have fared."""
        return any(getattr(one, "wants_evidence", False) for one in self.rules)

    @property
    def wants_provenance(self) -> bool:
        """A rule looks at where values came from."""
        return any(getattr(one, "wants_provenance", False) for one in self.rules)


def _label(rule: Rule) -> str:
    """Return what to call a rule that has no label: what it says, or its name."""
    if isinstance(rule, Written):
        return rule.ruling.reasons[0].text
    return str(getattr(rule, "__qualname__", type(rule).__name__))


def _together(verdict: GateVerdict, rulings: Sequence[Ruling]) -> Ruling:
    """Return what rulings of one verdict say together: whoever decides must be entitled by all that name anybody."""
    reasons = tuple(why for ruling in rulings for why in ruling.reasons)
    named = [ruling.may_decide for ruling in rulings if ruling.may_decide]
    entitled = tuple(one for one in named[0] if all(one in others for others in named)) if named else ()
    if named and not entitled:
        nobody = Reason(code="nobody-entitled", text="its rules name approvers that have nobody in common")
        return Ruling("deny", (nobody, *reasons))
    within = [ruling.answer_within_s for ruling in rulings if ruling.answer_within_s is not None]
    explicit = any(ruling.explicit for ruling in rulings)
    return Ruling(verdict, reasons, entitled, min(within, default=None), explicit)
