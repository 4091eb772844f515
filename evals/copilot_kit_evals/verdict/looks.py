"""Interim looks that end a run as soon as its verdict is found.

The evidence is that of `claims` for runs that are looked at: bets on the items in the seeded order. Whether and when a
look ends the run may depend on all that it sees; the error rates of the rule hold all the same (Ville 1939), of each
slice by Holm's correction over bets, of which 1 / wealth is a p-value at every moment.
"""

from collections.abc import Sequence

from pydantic import JsonValue

from copilot_kit_evals.folder import Decision
from copilot_kit_evals.tally import Look, Tally
from copilot_kit_evals.tasks import Rule
from copilot_kit_evals.verdict.evidence import Case, Evidence, Mark, Side
from copilot_kit_evals.verdict.judging import verdict_of
from copilot_kit_evals.verdict.runs import case_of
from copilot_kit_evals.verdict.verdicts import Verdict

_FEWEST = 5
_LOOKS = 50
_LEAST_APART = 10


def every(items: int) -> int:
    """Return how many finished items lie between two looks of a run with so many in all, unless somebody says."""
    return max(_LEAST_APART, items // _LOOKS)


def look_of(rule: Rule, *, candidate: str | None = None) -> Look:
    """Return a look that ends the run on promote and on hold, if the rule says that looks may (`stops`).

    candidate: whose verdict ends it; by default the second one of the manifest. Costs and latencies wait for the end.
    """
    return _Look(rule, candidate)


class _Look:
    def __init__(self, rule: Rule, candidate: str | None) -> None:
        self._rule = rule
        self._candidate = candidate
        self._cases: list[Case] = []

    def __call__(self, tally: Tally) -> Decision:
        """Return whether the run goes on."""
        if tally.items < _FEWEST or len(tally.candidates) < 2:  # noqa: PLR2004  one has nothing beside it
            return Decision(items=tally.items, verdict="continue")
        found = self.verdict(tally)
        told: dict[str, JsonValue] = {
            "verdict": found.verdict, "reasons": list(found.reasons), "difference": found.difference,
            "interval": None if found.interval is None else list(found.interval), "n_items": found.n_items,
            "items_needed": found.items_needed,
        }  # fmt: skip
        stops = self._rule.stops and found.verdict in ("promote", "hold")
        if stops:
            told["reason"] = f"{found.verdict}: {'; '.join(found.reasons)}"
        return Decision(items=tally.items, verdict="stop" if stops else "continue", found=told)

    def verdict(self, tally: Tally) -> Verdict:
        """Return the verdict on what has ended so far."""
        order = tally.order
        several = len(order.tasks) > 1
        for place in range(len(self._cases), len(order)):
            task = order.tasks[order.task(place)].name if several else None
            self._cases.append(case_of(order.item(place), task, self._rule))
        cut = {case.cluster for case in self._cases[tally.items :]} - {None}
        places = [place for place in range(tally.items) if self._cases[place].cluster not in cut]
        here = set(places)
        name = self._candidate or tally.candidates[1]
        incumbent, candidate = (_side(tally, number, places) for number in (0, tally.candidates.index(name)))
        evidence = Evidence(
            cases=tuple(self._cases[place] for place in places),
            candidate=candidate,
            incumbent=incumbent,
            seed=order.manifest.seed,
            sequential=True,
            tasks=tuple(task.name for task in order.tasks),
            ahead=tuple(case for place, case in enumerate(self._cases) if place not in here),
        )
        reached = range(tally.items)
        before, after = (_side(tally, number, reached) for number in (0, tally.candidates.index(name)))
        return verdict_of(evidence.with_single_items(self._cases[: tally.items], after, before), self._rule)


def _side(tally: Tally, number: int, places: Sequence[int]) -> Side:
    return Side(tally.candidates[number], tuple(_mark(tally, place, number) for place in places))


def _mark(tally: Tally, place: int, number: int) -> Mark:
    """Return the mean as one score, or as two where some attempts have none; failures keep a must-pass item failed."""
    seen = tally.seen(place, number)
    if seen == 0:
        return Mark()
    low = tally.order.tasks[tally.order.task(place)].bounds[0]
    mean = (tally.mean(place, number) - low) / tally.width(place)
    wanted = tally.order.attempts_of(place)
    return Mark(wanted=wanted, scores={"": [mean] * round(seen * wanted)})
