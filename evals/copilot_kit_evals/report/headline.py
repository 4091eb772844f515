"""What stands on top of a report: the verdict if there is one, or what the summary shows, in words."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from copilot_kit_evals.attempts import Outcome
from copilot_kit_evals.report.facts import Difference, Facts, Mean, more_items
from copilot_kit_evals.report.wording import change, count, listed, points, score, span
from copilot_kit_evals.summary import ALL
from copilot_kit_evals.verdict.verdicts import Name

_WORDS: Final = {
    "promote": "Promote {candidate}",
    "hold": "Hold: keep {incumbent}",
    "inconclusive": "Inconclusive",
    "invalid": "Invalid",
}
FINDINGS: Final[dict[Name, str]] = {
    "must_pass": "Must-pass items",
    "non_inferiority": "No worse than the margin",
    "improvement": "Improvement",
    "reliability": "Reliability",
    "regressions": "What got worse",
    "newly_works": "What newly works",
    "cost": "Cost",
    "latency": "Latency",
    "fragility": "Fragility",
    "saturation": "Saturation",
    "missing": "Missing scores",
    "wiring": "Wiring",
    "crutches": "Crutches",
    "integrity": "Integrity of the log",
}
_SPOILED: Final[tuple[Outcome, ...]] = ("infra_error", "cancelled")
_LAUNCH: Final = {"promote": "Ready to launch", "hold": "Not ready to launch"}


@dataclass(frozen=True, slots=True)
class Headline:
    """One line that is large, and some below it."""

    title: str
    known: tuple[str, ...]
    unknown: tuple[str, ...]
    tone: str
    """good, bad, open or invalid: how it is coloured."""


def headline(facts: Facts) -> Headline:
    """Return what a reader should know first."""
    unknown = tuple(_gaps(facts))
    if facts.verdict is not None:
        words = _WORDS | (_LAUNCH if facts.verdict.kind == "launch" else {})
        title = words[facts.verdict.verdict].format(
            candidate=facts.verdict.candidate, incumbent=facts.verdict.incumbent
        )
        tones = {"promote": "good", "hold": "bad", "inconclusive": "open", "invalid": "bad"}
        return Headline(title, facts.verdict.reasons, unknown, tones[facts.verdict.verdict])
    if len(facts.candidates) == 1:
        return _alone(facts, unknown)
    best = max(facts.candidates[1:], key=lambda name: _rank(facts.overall(name)))
    overall = facts.overall(best)
    known = tuple(_compared(one) for one in overall)
    others = tuple(_in_short(facts, name) for name in facts.candidates[1:] if name != best)
    title, tone = _title(facts, overall)
    needed = tuple(line for one in overall if (line := _needed(facts, one)) is not None)
    return Headline(title, known + others, needed + unknown, tone)


def _rank(overall: tuple[Difference, ...]) -> tuple[int, float]:
    """Return what makes a candidate worth naming first: tasks in which it is better, less the worse ones."""
    shown = sum((one.standing == "better") - (one.standing == "worse") for one in overall)
    return shown, sum(one.difference or 0.0 for one in overall)


def _title(facts: Facts, overall: tuple[Difference, ...]) -> tuple[str, str]:
    candidate, incumbent = overall[0].candidate, overall[0].against
    better = [one for one in overall if one.standing == "better"]
    worse = [one for one in overall if _is_lower(one)]
    if len(overall) == 1 and (better or worse):
        leader, other = (candidate, incumbent) if better else (incumbent, candidate)
        size = points(abs(overall[0].difference or 0.0), overall[0].bounds)
        return f"{leader} leads {other} by {size}", "good" if better else "bad"
    if better and worse:
        return f"{candidate} is better in {_some(better)} and worse in {_some(worse)} than {incumbent}", "open"
    if better:
        return f"{candidate} leads {incumbent} in {_some(better)} of {count(len(overall), 'task')}", "good"
    if worse:
        return f"{incumbent} leads {candidate} in {_some(worse)} of {count(len(overall), 'task')}", "bad"
    if all(one.standing == "within" for one in overall):
        return f"{candidate} is no worse than {incumbent}, within the margin", "good"
    if not any(one.n_items for one in facts.differences):
        return "Nothing can be compared yet", "open"
    others = len(facts.candidates) - 2
    among = f" or {count(others, 'other')}" if others else ""
    return f"No difference is shown between {incumbent} and {candidate}{among}", "open"


def _is_lower(one: Difference) -> bool:
    high = None if one.outer is None else one.outer[1]
    return high is not None and high < 0


def _some(found: list[Difference]) -> str:
    return str(len(found))


def _compared(one: Difference) -> str:
    """Return a task's difference in a sentence."""
    if one.difference is None:
        return f"{one.task}: no item has a score of both."
    where = f"on {count(one.n_items, 'item')}"
    told = {
        "better": "better",
        "within": f"no worse than the margin of {points(one.margin, one.bounds)}",
        "worse": f"worse, by more than the margin of {points(one.margin, one.bounds)}"
        if _beyond(one)
        else f"worse, and perhaps by more than the margin of {points(one.margin, one.bounds)}",
        "open": f"not decided: the margin is {points(one.margin, one.bounds)}",
    }[one.standing]
    return (
        f"{one.task}: {one.candidate} scores {change(one.difference, one.bounds)}"
        f" ({span(one.outer, one.bounds, signed=True)}) against {one.against} {where}, {told}."
    )


def _beyond(one: Difference) -> bool:
    high = None if one.outer is None else one.outer[1]
    return high is not None and high < -one.margin


def _in_short(facts: Facts, name: str) -> str:
    told = [f"{change(one.difference, one.bounds)} ({span(one.outer, one.bounds, signed=True)}) in {one.task}"
            for one in facts.overall(name) if one.difference is not None]  # fmt: skip
    return f"{name}: {listed(told)}." if told else f"{name}: no item has a score of both."


def _needed(facts: Facts, one: Difference) -> str | None:
    if one.standing != "open":
        return None
    more = more_items(facts, one)
    if more is None:
        return None
    size = points(one.margin, one.bounds)
    if more == 0:
        return (f"{one.task}: with {count(one.n_items, 'item')} a difference of {size} would show in 4 of 5 runs; "
                "here the interval reaches past the margin all the same.")  # fmt: skip
    return f"{one.task}: about {more:,} more items would show a difference of {size}, the margin, in 4 of 5 runs."


def _alone(facts: Facts, unknown: tuple[str, ...]) -> Headline:
    means = [one for one in facts.means if one.primary and one.slice == ALL]
    first = means[0]
    title = (
        f"{first.candidate} scores {score(first.mean, first.bounds)} on {first.task}"
        if len(means) == 1
        else f"{first.candidate} in {count(len(means), 'task')}"
    )
    lone = "There is one candidate, so that nothing is compared."
    return Headline(title, tuple(map(_measured, means)), (lone, *unknown), "open")


def _measured(one: Mean) -> str:
    return (f"{one.task}: {score(one.mean, one.bounds)} ({span(one.outer, one.bounds)}) "
            f"on {count(one.items, 'item')}.")  # fmt: skip


def _gaps(facts: Facts) -> Iterator[str]:
    """Yield what is missing, candidate by candidate."""
    attempts = facts.summary["attempts"]
    if attempts["ended"] < attempts["wanted"]:
        yield f"{attempts['wanted'] - attempts['ended']:,} of {count(attempts['wanted'], 'attempt')} were not made."
    for name in facts.candidates:
        spoiled = sum(sheet.outcomes.get(outcome, 0) for sheet in facts.sheets if sheet.candidate == name
                      for outcome in _SPOILED)  # fmt: skip
        if spoiled:
            yield (f"{name}: {count(spoiled, 'attempt')} spoiled by infrastructure or cut off; intervals hold "
                   "whatever they would have scored.")  # fmt: skip
