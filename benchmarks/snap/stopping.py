"""When a watched run stops: the first look at which the product's own verdict is promote or hold."""

from dataclasses import dataclass

import numpy as np

from copilot_kit_evals.stats.anytime import betting, non_inferiority_betting
from copilot_kit_evals.tasks import Rule
from copilot_kit_evals.verdict.evidence import Evidence
from copilot_kit_evals.verdict.judging import verdict_of

EVERY = 10


@dataclass(frozen=True, slots=True)
class Stopped:
    """Where a run ended, and with what."""

    items: int
    word: str
    why: str
    """The first reason."""


def stopped(evidence: Evidence, rule: Rule) -> Stopped:
    """Return where a run that is looked at after every ten items ends, at its last item at the latest.

    Wealth is computed once for all looks, to find where a verdict may be ripe; it is `verdict_of` that decides there.
    """
    if evidence.incumbent is None:
        raise ValueError("A launch is not compared.")
    delta = evidence.candidate.scores() - evidence.incumbent.scores()
    most = 1 / rule.alpha
    no_worse = np.maximum.accumulate(non_inferiority_betting(delta, margin=rule.margin)) >= most
    no_better = np.maximum.accumulate(non_inferiority_betting(-delta, margin=rule.margin)) >= most
    differs = np.maximum.accumulate(betting(delta)) >= most
    ripe = differs | (no_worse & no_better)
    looks = [at for at in range(EVERY, len(delta), EVERY) if ripe[at - 1]]
    for at in [*looks, len(delta)]:
        found = verdict_of(evidence.at(range(at)), rule)
        if found.verdict in ("promote", "hold") or at == len(delta):
            break
    return Stopped(at, found.verdict, found.reasons[0])
