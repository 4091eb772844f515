"""What a candidate must not fail: must-pass items, the margin on every slice, required reliability, too few scores."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import JsonValue

from copilot_kit.approval.bounds import anytime, cases_once, cases_watched
from copilot_kit_evals.stats.multiplicity import holm
from copilot_kit_evals.stats.proportions import effective_trials
from copilot_kit_evals.stats.proportions import reliability as reliability_of
from copilot_kit_evals.tasks import Rule
from copilot_kit_evals.verdict.claims import DRAWS, FEWER, Differences
from copilot_kit_evals.verdict.evidence import Case, Evidence, Mark, Side
from copilot_kit_evals.verdict.verdicts import ALL, Finding, State
from copilot_kit_evals.verdict.words import counted, listed, points, share

_REASON_CHARS = 200
_MOST_MISSING = 1 << 17


def must_pass(evidence: Evidence, rule: Rule) -> list[Finding]:
    """Return whether every attempt at every must-pass item has passed; nothing where there is no such item."""
    chosen = [(case, mark) for case, mark in zip(evidence.cases, evidence.candidate.marks, strict=True)
              if case.must_pass]  # fmt: skip
    ahead = tuple(case.id for case in evidence.ahead if case.must_pass)
    if not chosen and not ahead:
        return []
    failed = tuple(case.id for case, mark in chosen if mark.fails(rule.pass_score))
    unseen = tuple(case.id for case, mark in chosen if mark.seen < 1 and case.id not in failed) + ahead
    figures: dict[str, JsonValue] = {"items": len(chosen), "failed": len(failed), "missing": len(unseen)}
    if failed:
        text = f"{len(failed)} of {counted(len(chosen), 'must-pass item')} failed: {listed(failed)}"
        said = {case.id: mark.reason[:_REASON_CHARS] for case, mark in chosen if case.id in failed and mark.reason}
        if said:
            text += f" ({next(iter(said.values()))})"
            figures["said"] = {**said}
        return [Finding(name="must_pass", state="fail", text=text, figures=figures, items=failed)]
    if unseen:
        text = f"must-pass items without all of their scores: {listed(unseen)}"
        return [Finding(name="must_pass", state="open", text=text, figures=figures, items=unseen)]
    return [Finding(name="must_pass", state="pass", text=f"all {len(chosen)} must-pass items passed", figures=figures)]


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    evidence: Evidence
    margin: float
    no_worse: float
    worse: float


def non_inferiority(evidence: Evidence, rule: Rule) -> list[Finding]:
    """Return for all items, and for each slice, whether the candidate is shown to be no worse than the margin allows.

    Slices are a family of their own, with Holm's correction for either claim; all items together are not part of it.
    Where the rule names the slices that count, the others are guarded against a shown loss alone; one that it names and
    that no item has yet is open.
    """
    slices = evidence.slices(named=named_in(rule))
    parts = [_part(name, evidence.part(name, places), rule) for name, places in slices.items()]
    whole = _part(ALL, evidence, rule, margin=rule.margin)
    shown = _shown(parts, rule)
    lost = holm([part.worse for part in parts]).tolist() if parts else []
    found = [_weighed(whole, whole.no_worse, whole.worse, rule)]
    for part, no_worse, worse in zip(parts, shown, lost, strict=True):
        one = _weighed(part, no_worse, worse, rule)
        if rule.slices is not None and part.name not in rule.slices and one.state == "open":
            one = one.model_copy(update={"state": "note"})
        found.append(one)
    return [*found, *(_empty(name) for name in rule.slices or () if name not in (*slices, *evidence.tasks, ALL))]


def counting(names: Iterable[str], rule: Rule) -> list[str]:
    """Return the slices on which it must be shown that the candidate is no worse; others correct none of them."""
    return [name for name in names if rule.slices is None or name in rule.slices]


def _shown(parts: list[_Part], rule: Rule) -> list[float]:
    """Return the corrected p-values of being no worse: over the slices that count, and for the others over all."""
    if not parts:
        return []
    found: list[float] = holm([part.no_worse for part in parts]).tolist()
    counts = counting((part.name for part in parts), rule)
    places = [place for place, part in enumerate(parts) if part.name in counts]
    if places:
        own: list[float] = holm([parts[place].no_worse for place in places]).tolist()
        for place, p in zip(places, own, strict=True):
            found[place] = p
    return found


def named_in(rule: Rule) -> set[str]:
    """Return the slices that the rule says something of."""
    return {*(rule.slices or ()), *rule.margins}


def _empty(name: str) -> Finding:
    """Return what stands for a slice without items; a name that was misspelt would guard nothing."""
    text = f"no item has the tag {name!r}, on which the rule wants the candidate to be no worse"
    return Finding(name="non_inferiority", slice=name, state="open", text=text, figures={"items": 0})


def _part(name: str, evidence: Evidence, rule: Rule, *, margin: float | None = None) -> _Part:
    differences = Differences.of(evidence, draws=DRAWS if name == ALL else FEWER)
    limit = rule.margin_of(name) if margin is None else margin
    return _Part(name, evidence, limit, differences.no_worse(limit), differences.worse())


def _weighed(part: _Part, no_worse: float, worse: float, rule: Rule) -> Finding:
    new, old = part.evidence.candidate.scores(), (part.evidence.incumbent or part.evidence.candidate).scores()
    delta = new - old
    known = delta[delta == delta]  # noqa: PLR0124  not NaN
    mean = float(known.mean()) if len(known) else None
    figures: dict[str, JsonValue] = {
        "difference": mean, "margin": part.margin, "p_no_worse": no_worse, "p_worse": worse, "items": len(known)
    }  # fmt: skip
    where = "" if part.name == ALL else f" on {part.name!r}"
    bounded = part.evidence.bounded
    limit = points(part.margin, signed=False, bounded=bounded)
    seen = (
        "nothing to compare" if mean is None else f"{points(mean, bounded=bounded)} over {counted(len(known), 'item')}"
    )
    state: State = "open"
    if no_worse <= rule.alpha:
        state, text = "pass", f"no worse{where} by {limit} or more: {seen}"
    elif worse <= rule.alpha:
        state, text = "fail", f"worse{where}: {seen}, p = {worse:.2g}"
    else:
        text = f"not shown to be no worse{where} by {limit}: {seen}, p = {no_worse:.2g}"
    items = tuple(case.id for case, gap in zip(part.evidence.cases, delta, strict=True) if gap < 0)
    return Finding(name="non_inferiority", slice=part.name, state=state, text=text, figures=figures,
                   items=items if state == "fail" else ())  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reliable:
    """What a side shows of one required level."""

    level: float
    clean: int
    """Items of which every attempt passed."""
    failed: tuple[str, ...]
    """Items with a failed attempt."""
    units: int
    """As how many independent items they all count; clusters make it fewer."""
    items: int
    missing: int
    """How many further clean ones it takes; 0 where the level is shown."""
    state: State


def reliability(evidence: Evidence, rule: Rule) -> list[Finding]:
    """Return for each level that items must reach whether it is shown, contradicted, or how many items are missing.

    In a swap a level that the incumbent contradicts as well holds nobody up: the comparison decides then.
    """
    found = []
    for level in sorted({case.required for case in evidence.cases if case.required is not None}):
        places = [place for place, case in enumerate(evidence.cases) if case.required == level]
        part = evidence.at(places)
        one = reliable(part.cases, part.candidate, level, rule, watched=evidence.sequential)
        old = part.incumbent
        both = old is not None and one.state == "fail" and (
            reliable(part.cases, old, level, rule, watched=evidence.sequential).state == "fail"
        )  # fmt: skip
        found.append(_claimed(one, both=both))
    return found


def _claimed(one: Reliable, *, both: bool) -> Finding:
    figures: dict[str, JsonValue] = {"level": one.level, "clean": one.clean, "units": one.units,
                                     "items": one.items, "failed": len(one.failed), "missing": one.missing}  # fmt: skip
    told = f"{one.clean} of {one.items} items clean"
    told += f", which count like {one.units} independent ones" if one.units < one.items else ""
    if one.state == "pass":
        text = f"a reliability of {share(one.level)} is shown: {told}"
    elif one.state == "fail":
        text = f"a reliability of {share(one.level)} is contradicted: {told}"
        text += ", and so is the incumbent's" if both else ""
    else:
        lacks = counted(one.missing, "more clean item")
        text = f"a reliability of {share(one.level)} is not shown: {told}, {lacks} missing"
    return Finding(name="reliability", slice=f"{one.level:g}", state="note" if both else one.state, text=text,
                   figures=figures, items=one.failed)  # fmt: skip


def reliable(cases: Iterable[Case], side: Side, level: float, rule: Rule, *, watched: bool) -> Reliable:
    """Return what a side shows of one level: claims count what is missing as failed, contradictions as passed."""
    chosen = list(zip(cases, side.marks, strict=True))
    failed = tuple(case.id for case, mark in chosen if mark.fails(rule.pass_score))
    clean = [mark.is_clean(rule.pass_score) for _, mark in chosen]
    labels = [case.unit for case, _ in chosen]
    units = float(len(chosen))
    if len(set(labels)) < len(chosen):
        units = effective_trials([float(one) for one in clean], labels)
    share_failed = len(failed) / len(chosen)
    whole, lost = math.floor(units), math.ceil(units * share_failed)
    if watched:
        low = anytime(math.floor(units * sum(clean) / len(chosen)), whole, confidence=rule.confidence).lower
        high = anytime(whole - min(whole, math.floor(units * share_failed)), whole,
                       confidence=rule.confidence).upper  # fmt: skip
        needed = cases_watched(level, failures=lost, confidence=rule.confidence)
    else:
        low = reliability_of(*_outcomes(chosen, rule, missing=0.0), confidence=rule.confidence)
        passed, owners = _outcomes(chosen, rule, missing=1.0)
        high = 1 - reliability_of([1 - one for one in passed], owners, confidence=rule.confidence)
        needed = cases_once(level, failures=lost, confidence=rule.confidence)
    state: State = "pass" if low >= level else "fail" if high < level else "open"
    short = 0 if state == "pass" else max(1, needed - whole)
    if state == "open" and not watched and len(passed) > len(chosen):  # repeats: attempts of one item hang together
        short = _clean_missing(*_outcomes(chosen, rule, missing=0.0), level, rule, each=len(passed) // len(chosen))
    return Reliable(level, sum(clean), failed, whole, len(chosen), short, state)


def _clean_missing(values: list[float], labels: list[str], level: float, rule: Rule, *, each: int) -> int:
    """Return how many further items, clean in each of so many attempts, it takes to show the level."""

    def shown(more: int) -> bool:
        further = [f"further {place // each}" for place in range(more * each)]
        low = reliability_of([*values, *[1.0] * len(further)], [*labels, *further], confidence=rule.confidence)
        return low >= level

    high = 1
    while not shown(high) and high < _MOST_MISSING:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if shown(middle) else (middle, high)
    return high


def _outcomes(chosen: list[tuple[Case, Mark]], rule: Rule, *, missing: float) -> tuple[list[float], list[str]]:
    """Return 0 or 1 of each attempt, and what it belongs to."""
    values: list[float] = []
    labels: list[str] = []
    for case, mark in chosen:
        own = [float(score >= rule.pass_score) for score in mark.all]
        own += [missing] * (max(1, mark.wanted) - len(own))
        values += own
        labels += [case.unit] * len(own)
    return values, labels


def in_the_way(evidence: Evidence) -> str:
    """Return words for what kept most attempts of each side from having a score, '' where the log does not say."""
    sides = [side for side in (evidence.incumbent, evidence.candidate) if side is not None and side.habits.troubles]
    words = []
    for side in sides:
        (trouble, times), *_ = side.habits.troubles.most_common(1)
        words.append(f"; {counted(times, 'attempt')} of {side.name!r} ended with: {trouble[:_REASON_CHARS]}")
    return "".join(words)


def missing(evidence: Evidence, rule: Rule) -> list[Finding]:
    """Return what has no score, by side; more than the rule allows makes the log no evidence."""
    sides = [evidence.candidate] if evidence.incumbent is None else [evidence.incumbent, evidence.candidate]
    shares = {side.name: _missing_share(side) for side in sides}
    items = tuple(
        case.id for place, case in enumerate(evidence.cases) if any(side.marks[place].seen < 1 for side in sides)
    )
    if not items:
        return []
    figures: dict[str, JsonValue] = {"items": len(items), "shares": dict(shares)}
    told = ", ".join(f"{share(one)} of {name!r}" for name, one in shares.items())
    if max(shares.values()) > rule.max_missing:
        text = (f"too much is missing: {told}, where {share(rule.max_missing)} is the most that can be judged"
                f"{in_the_way(evidence)}")  # fmt: skip
        return [Finding(name="missing", state="fail", text=text, figures=figures, items=items)]
    text = f"missing: {told}; every claim holds whatever these scores would have been"
    return [Finding(name="missing", state="note", text=text, figures=figures, items=items)]


def _missing_share(side: Side) -> float:
    wanted = sum(max(1, mark.wanted) for mark in side.marks)
    return 1 - sum(len(mark.all) for mark in side.marks) / wanted if wanted else 0.0


def per_success(side: Side) -> float | None:
    """Return what one success (or one full point) cost, failures included; None where a cost is not known."""
    total = side.total_usd()
    won = math.fsum(mark.mean * len(mark.costs) for mark in side.marks if mark.all)
    return None if total is None or not won > 0 else total / won
