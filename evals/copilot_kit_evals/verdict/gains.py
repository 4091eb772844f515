"""What a candidate brings: better answers, cheaper successes, shorter waits; and what it costs in single items."""

import math

import numpy as np
from pydantic import JsonValue

from copilot_kit_evals.stats.fragility import fragility as fragility_of
from copilot_kit_evals.stats.multiplicity import benjamini_hochberg
from copilot_kit_evals.stats.power import smallest_difference
from copilot_kit_evals.stats.saturation import saturation as saturation_of
from copilot_kit_evals.tasks import Rule
from copilot_kit_evals.verdict.claims import FEWER, Differences
from copilot_kit_evals.verdict.evidence import Evidence, Mark, Side
from copilot_kit_evals.verdict.ratios import Ratio, cost_ratio, latency_ratio
from copilot_kit_evals.verdict.verdicts import ALL, Finding, State
from copilot_kit_evals.verdict.words import counted, listed, points, times

_FEWEST = 2


def improvement(evidence: Evidence, rule: Rule) -> list[Finding]:
    """Return whether the candidate is shown to be better, or shown not to be better by the margin."""
    differences = Differences.of(evidence)
    better, no_better = differences.better(), differences.no_better(rule.margin)
    figures: dict[str, JsonValue] = {"p_better": better, "p_no_better": no_better}
    if better <= rule.alpha:
        told = Finding(name="improvement", state="pass", text=f"better: p = {better:.2g}", figures=figures)
        return [told, *_picked(better, evidence.rivals + 1, rule)]
    if no_better <= rule.alpha:
        text = (
            f"not better by {points(rule.margin, signed=False, bounded=evidence.bounded)} or more: p = {no_better:.2g}"
        )
        return [Finding(name="improvement", state="fail", text=text, figures=figures)]
    return [Finding(name="improvement", state="open", text="not shown to be better", figures=figures)]


def _picked(better: float, tries: int, rule: Rule) -> list[Finding]:
    """Return what p is if this is the best of all that were tried here, where that matters (Bonferroni)."""
    p = min(1.0, better * tries)
    if p <= rule.alpha:
        return []
    text = f"as the best of {tries} tries on these items, p is {p:.2g}"
    return [Finding(name="improvement", slice="picked", state="note", text=text,
                    figures={"tries": tries, "p_better": p})]  # fmt: skip


def spending(evidence: Evidence, rule: Rule) -> list[Finding]:
    """Return cost per success and latency as ratios to the incumbent's, as far as they are known."""
    limit, confidence = rule.gain_ratio, 1 - rule.alpha
    cost = cost_ratio(evidence, limit=limit, confidence=confidence)
    latency = latency_ratio(evidence, limit=limit, confidence=confidence)
    found = []
    if cost is not None:
        found.append(_compared("cost", "a success costs", cost))
    if latency is not None:
        found.append(_compared("latency", "an answer takes", latency))
    return [*found, *_free(evidence)]


def _free(evidence: Evidence) -> list[Finding]:
    """Return that costs of 0 throughout are taken as not known: many logs write them so."""
    old, new = (None if side is None else side.total_usd() for side in (evidence.incumbent, evidence.candidate))
    if new != 0 or not old:
        return []
    text = f"every cost of {evidence.candidate.name!r} is 0, which is taken as not known; price it, if it is as cheap"
    return [Finding(name="cost", slice="free", state="note", text=text)]


def _compared(name: str, what: str, ratio: Ratio) -> Finding:
    state: State = "pass" if ratio.below else "fail" if ratio.above else "open"
    ends: list[JsonValue] | None = None if ratio.interval is None else [finite(end) for end in ratio.interval]
    known = "" if ratio.interval is None else f" ({times(ratio.interval.lower)} to {times(ratio.interval.upper)})"
    figures: dict[str, JsonValue] = {"ratio": ratio.value, "interval": ends}
    text = f"{what} {times(ratio.value)} the incumbent's{known}"
    return Finding.model_validate({"name": name, "state": state, "text": text, "figures": figures})


def regressions(evidence: Evidence, rule: Rule) -> list[Finding]:
    """Return the items on which the candidate is behind, and the slices and items that chance does not explain.

    Benjamini and Hochberg's correction over slices, and over items that were repeated: a list to look through.
    """
    if evidence.incumbent is None:
        return []
    pairs = list(zip(evidence.cases, evidence.candidate.marks, evidence.incumbent.marks, strict=True))
    behind = sorted((new.mean - old.mean, case.id) for case, new, old in pairs if new.mean < old.mean)
    if not behind:
        return []
    slices = {name: Differences.of(evidence.part(name, places), draws=FEWER).worse()
              for name, places in evidence.slices().items()}  # fmt: skip
    tested = {case.id: _fisher(new, old, rule.pass_score) for case, new, old in pairs
              if min(new.tries, old.tries) >= _FEWEST}  # fmt: skip
    sure_slices, sure_items = _discovered(slices, rule.alpha), _discovered(tested, rule.alpha)
    told = f"behind on {counted(len(behind), 'item')}: {listed([item for _, item in behind])}"
    told += f"; beyond chance in {listed(sure_slices)}" if sure_slices else ""
    told += f"; beyond chance on {listed(sure_items)}" if sure_items else ""
    figures: dict[str, JsonValue] = {
        "items": len(behind),
        "slices": list(sure_slices),
        "beyond_chance": list(sure_items),
    }
    return [Finding(name="regressions", state="note", text=told, figures=figures,
                    items=tuple(item for _, item in behind))]  # fmt: skip


def _discovered(p_values: dict[str, float], alpha: float) -> list[str]:
    if not p_values:
        return []
    adjusted = benjamini_hochberg(list(p_values.values())).tolist()
    return sorted(name for name, p in zip(p_values, adjusted, strict=True) if p <= alpha)


def _fisher(new: Mark, old: Mark, pass_score: float) -> float:
    """Return how probable so few passes of the new side are, if both pass as often: Fisher's exact test, one-sided."""
    tries, others = len(new.all), len(old.all)
    passed = tries - new.fails(pass_score)
    total = passed + others - old.fails(pass_score)
    ways = sum(math.comb(tries, k) * math.comb(others, total - k)
               for k in range(max(0, total - others), passed + 1))  # fmt: skip
    return ways / math.comb(tries + others, total)


def newly_works(evidence: Evidence, rule: Rule) -> list[Finding]:
    """Return which parked items the candidate passes in every attempt; nothing where none is parked."""
    parked = [place for place, case in enumerate(evidence.cases) if case.parked]
    if not parked:
        return []
    passed = [place for place in parked if evidence.candidate.marks[place].is_clean(rule.pass_score)]
    old = evidence.incumbent
    fresh = tuple(evidence.cases[place].id for place in passed
                  if old is None or not old.marks[place].is_clean(rule.pass_score))  # fmt: skip
    text = f"{len(fresh)} of {len(parked)} parked items work now{': ' + listed(fresh) if fresh else ''}"
    if len(passed) > len(fresh):
        text += f"; {len(passed) - len(fresh)} need not be parked: the incumbent passes them, too"
    return [Finding(name="newly_works", state="note", text=text, items=fresh,
                    figures={"parked": len(parked), "works": len(passed)})]  # fmt: skip


def fragility(evidence: Evidence, rule: Rule) -> list[Finding]:
    """Return how much the candidate's scores hang on the wording, and on chance; nothing for single attempts."""
    found = []
    for side in [evidence.candidate] if evidence.incumbent is None else [evidence.candidate, evidence.incumbent]:
        cells = _cells(side)
        if len(cells) >= _FEWEST:
            one = fragility_of(cells)
            text = f"{side.name!r} scores {one.mean:.3g} on average, {one.worst_case_mean:.3g} in the worst wordings"
            found.append(Finding(name="fragility", slice=side.name, state="note", text=text, figures={
                "mean": one.mean, "worst_case_mean": one.worst_case_mean, "spread": one.spread,
                "generalizability": one.generalizability, "items": len(cells)}))  # fmt: skip
        unsteady = _unsteady(evidence, side, rule)
        if unsteady is not None:
            found.append(unsteady)
    return found


def _cells(side: Side) -> list[list[float]]:
    """Return the means by item and wording, of the items that have all wordings that any has."""
    names = sorted({name for mark in side.marks for name in mark.scores})
    if len(names) < _FEWEST:
        return []
    full = [mark for mark in side.marks if len(mark.scores) == len(names)]
    return [[sum(mark.scores[name]) / len(mark.scores[name]) for name in names] for mark in full]


def _unsteady(evidence: Evidence, side: Side, rule: Rule) -> Finding | None:
    """Return on how many items repeats of one wording pass and fail."""
    repeated, mixed = 0, []
    for case, mark in zip(evidence.cases, side.marks, strict=True):
        several = [scores for scores in mark.scores.values() if len(scores) >= _FEWEST]
        repeated += bool(several)
        if any(len({score >= rule.pass_score for score in scores}) > 1 for scores in several):
            mixed.append(case.id)
    if not repeated:
        return None
    text = f"{side.name!r} passes and fails the same question on {len(mixed)} of {repeated} items that were repeated"
    return Finding(name="fragility", slice=f"{side.name} repeats", state="note", text=text, items=tuple(mixed),
                   figures={"repeated": repeated, "mixed": len(mixed)})  # fmt: skip


def saturation(evidence: Evidence) -> list[Finding]:
    """Return whether these items can still tell the two apart; nothing where scores have no bounds."""
    if evidence.incumbent is None or not evidence.bounded:
        return []
    a, b = evidence.candidate.scores(), evidence.incumbent.scores()
    both = ~np.isnan(a) & ~np.isnan(b)
    if both.sum() < _FEWEST:
        return []
    spread = float((a - b)[both].var(ddof=1))
    visible = smallest_difference(int(both.sum()), between=spread) if spread > 0 else 1 / float(both.sum())
    one = saturation_of(a[both], b[both], smallest_difference=visible)
    if not one.saturated:
        return []
    text = f"these items hardly tell models apart any more: {'; '.join(one.reasons)}"
    figures: dict[str, JsonValue] = {"headroom": one.headroom, "smallest_difference": one.smallest_difference,
                                     "informative": one.informative}  # fmt: skip
    return [Finding(name="saturation", slice=ALL, state="note", text=text, figures=figures)]


def crutches(evidence: Evidence, rule: Rule) -> list[Finding]:
    """Return which crutches the candidate no longer needs: it is no worse by the margin without."""
    found = []
    for side in evidence.without:
        name = rule.crutches.get(side.name, side.name)
        differences = Differences.of(_against(evidence, side))
        no_worse, worse = differences.no_worse(rule.margin), differences.worse()
        state: State = "pass" if no_worse <= rule.alpha else "fail" if worse <= rule.alpha else "open"
        mean = float(np.nanmean(side.scores() - evidence.candidate.scores()))
        told = {"pass": "is no longer needed", "fail": "is still needed", "open": "may still be needed"}[state]
        text = f"{name!r} {told}: {points(mean, bounded=evidence.bounded)} without it"
        found.append(Finding(name="crutches", slice=name, state="note", text=text, figures={
            "difference": mean, "p_no_worse": no_worse, "p_worse": worse, "needed": {"pass": False, "fail": True}.get(
                state)}))  # fmt: skip
    return found


def _against(evidence: Evidence, side: Side) -> Evidence:
    return Evidence(evidence.cases, side, evidence.candidate, bounded=evidence.bounded, seed=evidence.seed,
                    sequential=evidence.sequential)  # fmt: skip


def finite(value: float) -> float | None:
    """Return the number, or None for an end that is open."""
    return value if math.isfinite(value) else None
