"""The verdict on a run that ended before all was asked, as one does whose budget is spent.

An attempt that was made and has no score is missing data, and many of them make a log no evidence. One that nobody has
made says nothing of either model: it leaves the run unfinished, and its verdict open until it goes on. What a part of
the items shows is told and does not promote, since where that part ended was not fixed before the run.
"""

from collections.abc import Sequence

from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.tasks import Rule
from copilot_kit_evals.verdict.evidence import Evidence
from copilot_kit_evals.verdict.judging import verdict_of
from copilot_kit_evals.verdict.verdicts import Finding, Verdict
from copilot_kit_evals.verdict.words import counted


def verdict_of_runs(evidence: Evidence, runs: Sequence[RunFolder], rule: Rule) -> Verdict:
    """Return the verdict on the evidence of these runs; one that is invalid for what nobody asked is inconclusive."""
    verdict = verdict_of(evidence, rule)
    if verdict.verdict != "invalid" or evidence.problems or _asks_nothing(evidence):
        return verdict
    asked, left = _asked(runs)
    if not left:
        return verdict
    places = [place for place, case in enumerate(evidence.cases) if case.id in asked]
    part = verdict_of(evidence.at(places), rule) if places else None
    if part is not None and (part.verdict == "invalid" or any(one.state == "fail" for one in part.found("must_pass"))):
        return part
    told = f"the run ended when {counted(left, 'item')} had not been asked of all, as one does whose budget is spent"
    open_end = Finding(name="missing", state="open", text=told, figures={"items": left})
    if part is None:
        return verdict.model_copy(update={"verdict": "inconclusive", "reasons": (told,), "items_needed": left,
                                          "findings": (open_end,)})  # fmt: skip
    so_far = part.reasons if part.verdict == "inconclusive" else (f"what was asked so far says {part.verdict}",)
    return part.model_copy(update={"verdict": "inconclusive", "reasons": (told, *so_far),
                                   "items_needed": part.items_needed or left,
                                   "findings": (*part.findings, open_end)})  # fmt: skip


def _asks_nothing(evidence: Evidence) -> bool:
    """Tell whether nothing says what a first model must hold, however much of it is asked."""
    return evidence.incumbent is None and not any(case.must_pass or case.required for case in evidence.cases)


def _asked(runs: Sequence[RunFolder]) -> tuple[set[str], int]:
    """Return the items of which every attempt was made, by the names that cases have, and how many others there are."""
    whole: set[tuple[str, str]] = set()
    open_ones: set[tuple[str, str]] = set()
    for run in runs:
        ended = {one.key.digest for one in run.settled() if one.outcome != "cancelled"}
        for task in run.manifest.tasks:
            for item, keys in run.expected(task):
                made = all(key.digest in ended for key in keys)
                (whole if made else open_ones).add((task.name, item.id))
    names = {name for task, item in whole - open_ones for name in (item, f"{task}/{item}")}
    return names, len(open_ones)
