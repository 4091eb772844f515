"""The verdict: a pure function of what a log shows and of a rule that was fixed before the run.

What decides, in this order (docs/verdicts.md has a table of cases):
1. invalid, if the log is no evidence: nothing shared, rows that contradict what is published of them, too much missing,
   repeats that are copies, a served model that was not asked for.
2. hold, if a must-pass item failed, if the candidate is shown to be worse on all items or on a slice and not shown to
   be within its margin there, or if a required reliability is contradicted that the incumbent keeps. Before it is
   called worse: invalid, if it looks wired wrongly.
3. promote, if it is shown to be no worse by the margin, on all items and on every slice that counts, and brings a gain:
   better, or cheaper, or faster, as the rule asks.
4. hold, if it is shown to be no worse and no better than the margin, and neither cheaper nor faster can be shown: there
   is nothing to change for.
5. inconclusive otherwise, with the number of items that would decide.

Error rates. Promotion needs all of its claims at once, each at alpha, so that a candidate that is worse by a margin
anywhere is promoted with a chance of at most alpha (intersection-union; Berger 1982). Slices are held to Holm's
stricter correction all the same, since the verdict names each of them. Being worse is claimed of all items at half of
alpha (two-sided p), and of slices with Holm at half of alpha together.
"""

from copilot_kit_evals.tasks import Rule
from copilot_kit_evals.verdict import gains, gates
from copilot_kit_evals.verdict.difference import Measure, measured
from copilot_kit_evals.verdict.evidence import Evidence
from copilot_kit_evals.verdict.items_needed import items_needed
from copilot_kit_evals.verdict.launch import launched
from copilot_kit_evals.verdict.verdicts import ALL, Finding, Verdict, Word
from copilot_kit_evals.verdict.wiring import wiring
from copilot_kit_evals.verdict.words import counted, listed, points

_GAINS = ("improvement", "cost", "latency")
_SLICES_EACH = 6
"""Slices that get a line each."""


def verdict_of(evidence: Evidence, rule: Rule | None = None) -> Verdict:
    """Return the verdict on the candidate; the same evidence and rule always give the same one."""
    rule = rule or Rule()
    if evidence.incumbent is None:
        return launched(evidence, rule)
    compared = evidence.compared()
    shared = measured(compared, rule)
    if evidence.problems or shared is None:
        why = evidence.problems or (_nothing_shared(evidence),)
        broken = [Finding(name="integrity", state="fail", text=text) for text in why]
        return _verdict(compared, rule, shared, word="invalid", reasons=why, findings=broken, needed=None)
    findings = _findings(evidence, compared, rule)
    word, reasons = _decided(findings, rule)
    needed = items_needed(compared, rule, findings) if word == "inconclusive" else None if word == "invalid" else 0
    if word == "inconclusive" and shared.p_exact is not None and shared.p_exact <= rule.alpha < shared.p:
        reasons = (*reasons, shared.clustered)
    if word == "promote":  # what looked odd does not keep it from being good
        findings = [one.model_copy(update={"state": "note"}) if one.name == "wiring" else one for one in findings]
    if needed:
        reasons = (*reasons, f"about {counted(needed, 'more item')} would decide, at the spread seen")
    return _verdict(compared, rule, shared, word=word, reasons=reasons, findings=findings, needed=needed)


def _nothing_shared(evidence: Evidence) -> str:
    both = [side.name for side in (evidence.incumbent, evidence.candidate) if side is not None]
    return f"no item has a score of both {both[0]!r} and {both[1]!r}{gates.in_the_way(evidence)}"


def _findings(evidence: Evidence, compared: Evidence, rule: Rule) -> list[Finding]:
    """Return all findings; parked items count in what newly works, and nowhere else."""
    return [
        *gates.must_pass(compared, rule),
        *gates.non_inferiority(compared, rule),
        *gains.improvement(compared, rule),
        *gains.spending(compared, rule),
        *gates.reliability(compared, rule),
        *gates.missing(compared, rule),
        *wiring(compared, rule),
        *gains.regressions(compared, rule),
        *gains.newly_works(evidence, rule),
        *gains.fragility(compared, rule),
        *gains.saturation(compared),
        *gains.crutches(compared, rule),
        *(Finding(name="missing", slice="note", state="note", text=text) for text in evidence.notes),
    ]


def _decided(findings: list[Finding], rule: Rule) -> tuple[Word, tuple[str, ...]]:
    by = {state: [one for one in findings if one.state == state] for state in ("pass", "fail", "open")}
    ruinous = [one for one in by["fail"] if one.name == "missing"]
    if ruinous:
        return "invalid", tuple(one.text for one in ruinous)
    held = [one for one in by["fail"] if one.name in ("must_pass", "non_inferiority", "reliability")]
    needed = [one for one in by["open"] if one.name in ("must_pass", "non_inferiority")]
    gained = _gained(by["pass"], rule)
    word: Word = "hold" if held else "inconclusive"
    reasons = _texts(held or needed)
    if not held and not needed:
        shown = _texts([one for one in by["pass"] if one.name in ("must_pass", "non_inferiority")])
        if gained is not None:
            dearer = [f"though {one.text}" for one in by["fail"] if one.name in ("cost", "latency") and _grew(one)]
            word, reasons = "promote", [*shown[:1], *gained, *shown[1:], *_behind(by["pass"], rule), *dearer]
        elif _nothing_gained(findings, rule):
            word, reasons = "hold", [*shown[:1], "and it brings nothing: " + _asked(rule)]
        else:
            reasons = [*shown[:1], "but no gain is shown yet: " + _asked(rule)]
    miswired = [one.text for one in by["fail"] if one.name == "wiring"]
    if miswired and word != "promote":
        return "invalid", (*(f"probably wired wrongly, look here: {text}" for text in miswired), *reasons)
    return word, tuple(reasons)


def _texts(findings: list[Finding]) -> list[str]:
    """Return a line for each, and one for slices of which there are many."""
    many = [one for one in findings if one.name == "non_inferiority" and one.slice != ALL]
    if len(many) <= _SLICES_EACH:
        return [one.text for one in findings]
    said = {"pass": "no worse", "fail": "worse", "open": "not shown to be no worse"}
    named = listed([repr(one.slice) for one in many])
    return [*(one.text for one in findings if one not in many), f"{said[many[0].state]} on {len(many)} slices: {named}"]


def _gained(passed: list[Finding], rule: Rule) -> list[str] | None:
    """Return what the candidate brings of what the rule asks for; None if it does not."""
    if rule.gain == "none":
        return []
    names = ("improvement",) if rule.gain == "quality" else _GAINS
    return [one.text for one in passed if one.name in names] or None


def _nothing_gained(findings: list[Finding], rule: Rule) -> bool:
    """Tell whether more items would hardly show a gain: each kind is excluded, or not known in this log."""
    names = ("improvement",) if rule.gain == "quality" else _GAINS
    return all(one.state in ("fail", "note") for one in findings if one.name in names)


def _behind(passed: list[Finding], rule: Rule) -> list[str]:
    """Return where a candidate that is taken all the same is shown to be behind, by less than the margin."""
    lost = [(one.slice, float(str(one.figures["p_worse"]))) for one in passed if one.name == "non_inferiority"]
    return [f"though behind{'' if name == ALL else f' on {name!r}'}, by less than the margin: p = {p:.2g}"
            for name, p in lost if p <= rule.alpha]  # fmt: skip


def _grew(finding: Finding) -> bool:
    ratio = finding.figures["ratio"]
    return isinstance(ratio, float) and ratio > 1


def _asked(rule: Rule) -> str:
    if rule.gain == "quality":
        return "the rule asks for better answers"
    return f"better, or {1 - rule.gain_ratio:.0%} cheaper or faster, is asked for"


def _verdict(
    evidence: Evidence,
    rule: Rule,
    shared: Measure | None,
    *,
    word: Word,
    reasons: tuple[str, ...],
    findings: list[Finding],
    needed: int | None,
) -> Verdict:
    old, new = evidence.incumbent, evidence.candidate
    sides = [side for side in (old, new) if side is not None]
    return Verdict(
        verdict=word,
        incumbent=None if old is None else old.name,
        candidate=new.name,
        reasons=reasons,
        n_items=0 if shared is None else shared.n_items,
        difference=None if shared is None else shared.difference,
        interval=None if shared is None else shared.interval,
        p_exact=None if shared is None else shared.p_exact,
        p=None if shared is None else shared.p,
        wins=0 if shared is None else shared.wins,
        losses=0 if shared is None else shared.losses,
        mean_incumbent=None if shared is None else shared.mean_incumbent,
        mean_candidate=None if shared is None else shared.mean_candidate,
        cost_per_success={side.name: gates.per_success(side) for side in sides},
        cost_usd={side.name: side.total_usd() for side in sides},
        items_needed=needed,
        margin=rule.margin,
        sequential=evidence.sequential,
        findings=tuple(findings),
    )


def headline(verdict: Verdict) -> str:
    """Return the verdict in one line."""
    against = "" if verdict.incumbent is None else f" in place of {verdict.incumbent}"
    means = [one for one in (verdict.mean_incumbent, verdict.mean_candidate) if one is not None]
    bounded, seen = all(0 <= one <= 1 for one in means), ""
    if verdict.difference is not None:
        seen = f": {points(verdict.difference, bounded=bounded)} over {counted(verdict.n_items, 'item')}"
    return f"{verdict.verdict}: {verdict.candidate}{against}{seen}"
