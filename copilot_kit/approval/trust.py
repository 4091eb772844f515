"""Autonomy that is earned: a rule that asks until enough cases went well, then lets calls run, and looks on.

**What is counted.** One row of evidence is one action: a tool in one version, proposed by one model under one prompt.
Another model, tool or prompt is another row and starts with nothing, so that it starts by asking.

**A case** is a call that a person judged: approved unchanged, edited, rejected, or answered in the tool's place. It is
clean if it was approved unchanged, ran, did not fail and was not taken back. Edited, rejected, failed and undone cases
count against. Edits of nothing but wording count against too, or with `wording_counts=False` are no cases at all:
never clean ones, since nobody accepted those words. Cases that expired have no verdict and are not counted.

**Once calls are allowed**, most of them are judged by nobody. Such a call is never a clean case. What remains are the
calls that are drawn for an audit. The draw is made from the call's digest before anybody judges it, so that it does
not depend on whether the call is right, and audited cases are a fair sample of all of them: they are cases like any
other. An undo is a person's verdict and counts against in full, also that of an allowed call. Whether an allowed call
failed is known of all of them, so failures are looked at among all calls that ran: there an allowed call that did not
fail is evidence of working, which being right needs and which is not enough for it. Both rates must show the target;
the second can only take the permission back, never give it.

**A turn** after thousands of good cases would take as many bad ones to show in such counts. So the last 50 cases, and
the last 50 calls that ran, are looked at by themselves: if so many of them went wrong as a thousandth of such windows
would hold at the target, the rule asks until they have passed. This too can only take back.

**After a no** in a run, and after a change or an undo, the rule asks about every further call of that tool in that run,
however much it has earned: the model may propose the same once more under another id, and would get it past the person.

**What is promised.** If each case, after all that went before, is right with a probability under the target, then the
rule ever allows with a probability of at most 1 - confidence, for each action, looking after every case and over all
takings-back together (`bounds.anytime`; such cases can be paired with independent ones at the target that are right
whenever they are, and fewer right ones never raise the bound). What it does not promise: that people judge well (see
`approvers`), that the future resembles the past, or anything of calls that another rule always asks about or allows;
if one does, the cases are those that this leaves.

**Not mixed in.** Acceptance of suggestions is no evidence of calls (`acceptance`). Neither will be shadow proposals,
made by a model on trial and run by nobody: they belong into runs with a purpose of their own, as suggestions have, and
so into rows of evidence of their own, which are shown beside these and never reach `GateCall.evidence`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from copilot_kit.approval.bounds import anytime, cases_watched, reached, so_many
from copilot_kit.approval.gate import GateCall, GateVerdict, Rule, Ruling, rule
from copilot_kit.effects import Effect
from copilot_kit.errors import UsageError
from copilot_kit.journal.index import Evidence
from copilot_kit.records import Reason

WINDOW: Final = 50
"""Cases, and calls that ran, that are looked at by themselves."""
_UNLIKELY: Final = 0.001
_JUDGED: Final = frozenset({"clean", "edited", "rejected", "failed", "undone"})
_RAN: Final = frozenset({"clean", "failed", "undone", "allowed_clean", "allowed_failed"})
_GOOD: Final = frozenset({"clean", "allowed_clean"})


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one action stands on its way to a target."""

    evidence: Evidence
    target: float
    confidence: float = 0.95
    wording_counts: bool = True

    @property
    def against(self) -> int:
        """Cases that were not clean."""
        one = self.evidence
        wording = one.wording_edited if self.wording_counts else 0
        return one.edited + one.rejected + one.failed + one.undone + wording

    @property
    def cases(self) -> int:
        """Cases that a person judged."""
        return self.evidence.clean + self.against

    @property
    def broke(self) -> int:
        """Calls that ran and failed or were taken back, allowed ones among them."""
        return self.evidence.failed + self.evidence.undone + self.evidence.allowed_failed

    @property
    def ran(self) -> int:
        """Calls that ran as they were proposed, allowed ones among them."""
        return self.evidence.clean + self.evidence.allowed_clean + self.broke

    @property
    def lower(self) -> float:
        """The rate of being accepted unchanged and working that is shown so far, however often one looks."""
        right = anytime(self.evidence.clean, self.cases, confidence=self.confidence).lower
        working = anytime(self.ran - self.broke, self.ran, confidence=self.confidence).lower
        return min(right, working)

    @property
    def earned(self) -> bool:
        """Whether the target is shown, and nothing says that it no longer holds."""
        shown = reached(self.evidence.clean, self.cases, self.target, confidence=self.confidence)
        works = shown and reached(self.ran - self.broke, self.ran, self.target, confidence=self.confidence)
        return works and not self.slipping

    @property
    def slipping(self) -> bool:
        """Whether too much of what happened last went wrong."""
        return self._slips(self.evidence.recent)

    @property
    def missing(self) -> int:
        """How many clean cases must follow, without any other, until calls are allowed."""
        right = cases_watched(self.target, failures=self.against, confidence=self.confidence) - self.cases
        working = cases_watched(self.target, failures=self.broke, confidence=self.confidence) - self.ran
        return max(right, working, self._until_passed())

    @property
    def turned(self) -> bool:
        """Whether it would be earned but for what went wrong."""
        return not self.earned and self.evidence.clean >= cases_watched(self.target, confidence=self.confidence)

    def _until_passed(self) -> int:
        """Return how many clean cases push what went wrong lately out of the windows."""
        recent = self.evidence.recent
        return next(more for more in range(WINDOW + 1) if not self._slips(("clean",) * more + recent))

    def _slips(self, recent: tuple[str, ...]) -> bool:
        judged = _JUDGED | {"wording_edited"} if self.wording_counts else _JUDGED
        windows = [[fate for fate in recent if fate in kinds][:WINDOW] for kinds in (judged, _RAN)]
        return any(self._unlikely(window) for window in windows)

    def _unlikely(self, window: list[str]) -> bool:
        wrong = sum(fate not in _GOOD for fate in window)
        return wrong > 0 and so_many(wrong, len(window), 1 - self.target) <= _UNLIKELY

    def in_words(self) -> str:
        """Return the count as a person reads it: `12 of 320 clean cases so far`."""
        clean = self.evidence.clean
        words = f"{clean:,} of {clean + self.missing:,} clean cases so far"
        wrong = ", ".join(f"{count:,} {name}" for name, count in self._not_clean() if count)
        lately = ", too many of them lately" if self.slipping else ""
        return f"{words}; not clean: {wrong}{lately}" if wrong else words

    def _not_clean(self) -> list[tuple[str, int]]:
        one = self.evidence
        return [
            ("edited", one.edited),
            ("edited in wording", one.wording_edited if self.wording_counts else 0),
            ("rejected", one.rejected),
            ("failed", one.failed),
            ("taken back", one.undone),
            ("failed without a question", one.allowed_failed),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Earned:
    """The rule that `earn` returns; its fields say what it wants, for those who print where an action stands."""

    target: float
    confidence: float = 0.95
    tools: tuple[str, ...] = ()
    """Empty: every tool."""
    effect: Effect | None = None
    audit_share: float = 0.05
    wording_counts: bool = True

    wants_evidence: ClassVar[bool] = True

    def __call__(self, call: GateCall) -> Ruling | None:
        """Allow if the target is shown and the call was not drawn for an audit; else ask."""
        if not self.concerns(call.tool, call.effect):
            return None
        if call.contested:
            return _ruled("ask", "contested", "you were against such a call earlier in this run")
        standing = self.standing(_evidence_of(call))
        if not standing.earned:
            code = "turned" if standing.turned else "earning"
            return _ruled("ask", code, f"not yet trusted alone: {standing.in_words()}")
        if call.draw < self.audit_share:
            return _ruled("ask", "audit", f"trusted alone; drawn as one of the {_percent(self.audit_share)} to look at")
        shown = f"right in at least {_percent(self.target)} of cases"
        return _ruled("allow", "earned", f"{standing.evidence.clean:,} clean cases show that it is {shown}")

    def concerns(self, tool: str, effect: Effect) -> bool:
        """Tell whether the rule is about calls of this tool; one that names neither is about all but reads."""
        if not self.tools and self.effect is None:
            return effect != "read"
        return (not self.tools or tool in self.tools) and self.effect in {None, effect}

    def standing(self, evidence: Evidence) -> Standing:
        """Return where an action stands on its way to this rule's target."""
        return Standing(evidence, self.target, self.confidence, self.wording_counts)


def earn(
    target: float = 0.999,
    confidence: float = 0.95,
    *,
    tool: str | Sequence[str] | None = None,
    effect: Effect | None = None,
    audit_share: float = 0.05,
    wording_counts: bool = True,
) -> Rule:
    """Return a rule that asks until calls are shown to be accepted unchanged and to work at the target rate.

    From then on it allows them, but for a random share that is still asked about, and asks again as soon as the
    evidence no longer shows the rate. It looks at each tool, version, model and prompt apart. tool, effect: which calls
    it is about; with neither, all but reads. wording_counts: whether an edit of nothing but wording counts against.

    Raises `UsageError` for a target or share that cannot be meant.
    """
    cases_watched(target, confidence=confidence)
    tools = (tool,) if isinstance(tool, str) else None if tool is None else tuple(tool)
    rule("ask", tool=tools, effect=effect)  # refuses an empty name and a misspelt effect, as every rule does
    if not 0 < audit_share <= 1:
        raise UsageError(
            f"audit_share={audit_share!r} is no share of calls to look at. Write one above 0, such as 0.05: without "
            "audits nobody would see that calls are no longer right."
        )
    return Earned(target=target, confidence=confidence, tools=tools or (), effect=effect, audit_share=audit_share,
                  wording_counts=wording_counts)  # fmt: skip


def strictest(rules: Iterable[Rule], evidence: Evidence, effect: Effect) -> Standing | None:
    """Return how far an action is from all rules that want it to earn trust; None if there is no such rule."""
    wanted = (one for one in rules if isinstance(one, Earned) and one.concerns(evidence.tool, effect))
    standings = [one.standing(evidence) for one in wanted]
    return max(standings, key=lambda standing: (standing.missing, standing.target), default=None)


def _evidence_of(call: GateCall) -> Evidence:
    """Return the evidence of exactly this action; that of another one is none."""
    nothing = Evidence(call.tool, call.version, call.model, call.prompt_version)
    return nothing if call.evidence is None or _key(call.evidence) != _key(nothing) else call.evidence


def _key(evidence: Evidence) -> tuple[str, str, str, str]:
    return (evidence.tool, evidence.tool_version, evidence.model, evidence.prompt_version)


def _ruled(verdict: GateVerdict, code: str, text: str) -> Ruling:
    return Ruling(verdict, (Reason(code=code, text=text),))


def _percent(share: float) -> str:
    return f"{100 * share:g} %"
