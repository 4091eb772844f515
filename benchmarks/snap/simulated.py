"""Items drawn from a real matrix with a known truth, and how often the verdict on them is wrong."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.snap.releases import by_date
from benchmarks.snap.stopping import stopped
from copilot_kit_evals.stats.matrix import Columns, pair
from copilot_kit_evals.tables import read_table
from copilot_kit_evals.tasks import Rule
from copilot_kit_evals.verdict.evidence import Case, Evidence, Mark, Side
from copilot_kit_evals.verdict.judging import verdict_of

Floats = npt.NDArray[np.float64]
Drawn = tuple[Floats, Floats]
ITEMS = (500, 2000)


def simulated(data: Path, simulations: int, *, margin: float, seed: int) -> list[dict[str, Any]]:
    """Print for each truth how often verdicts are wrong, and right, at a fixed size and watched; return the rows."""
    old, new = closest(data)
    rows = []
    print(f"\n{simulations} runs each, items drawn from two models of the matrix that differ on "
          f"{float((old != new).mean()):.0%} of the items; sides exchanged at random make them equal")  # fmt: skip
    print(f"{'truth':<26} {'at most':>7} {'':<8} {'wrong':>6} {'right':>6} {'open':>6} {'items':>7}")
    for name, change in TRUTHS.items():
        for most in ITEMS:
            found = [_both(change, (old, new), most, margin, (seed, most, n)) for n in range(simulations)]
            for way, kind in enumerate(("fixed", "watched")):
                row = {"truth": name, "at_most": most, "kind": kind, **_rates([one[way] for one in found], name)}
                rows.append(row)
                print(f"{name:<26} {most:>7} {kind:<8} {row['wrong']:6.1%} {row['right']:6.1%} {row['open']:6.1%} "
                      f"{row['items']:7.0f}", flush=True)  # fmt: skip
    return rows


def closest(data: Path) -> tuple[Floats, Floats]:
    """Return the scores of the two models whose difference is the least, of those that both often succeed."""
    table = read_table(data / "results.csv")
    columns = Columns.of(table, cluster="")
    names = by_date(data / "models.csv", table)
    best: tuple[float, Floats, Floats] | None = None
    for place, old in enumerate(names):
        for new in names[place + 1 :]:
            both = pair(table, old, new, columns=columns)
            a, b = np.asarray(both.a.scores), np.asarray(both.b.scores)
            kept = ~np.isnan(a) & ~np.isnan(b)
            gap = (
                abs(float(a[kept].mean() - b[kept].mean()))
                if kept.any() and min(a[kept].mean(), b[kept].mean()) > 0.3
                else 1.0
            )
            if best is None or gap < best[0]:
                best = gap, a[kept], b[kept]
    if best is None:
        raise SystemExit("The matrix has fewer than two models.")
    return best[1], best[2]


def _equal(chance: np.random.Generator, old: Floats, new: Floats, shift: float) -> Drawn:
    del shift
    swap = chance.random(len(old)) < 0.5
    return np.where(swap, new, old), np.where(swap, old, new)


def _worse(chance: np.random.Generator, old: Floats, new: Floats, shift: float) -> Drawn:
    """Take so many successes away from the new side that it is worse by the shift."""
    old, new = _equal(chance, old, new, 0)
    passed = float((old.mean() + new.mean()) / 2)
    return old, np.where(chance.random(len(new)) < shift / passed, np.minimum(new, 0), new)


def _at_margin(chance: np.random.Generator, old: Floats, new: Floats, shift: float) -> Drawn:
    return _worse(chance, old, new, shift)


def _twice_worse(chance: np.random.Generator, old: Floats, new: Floats, shift: float) -> Drawn:
    return _worse(chance, old, new, 2 * shift)


def _twice_better(chance: np.random.Generator, old: Floats, new: Floats, shift: float) -> Drawn:
    new, old = _worse(chance, new, old, 2 * shift)
    return old, new


EQUAL, MARGIN, WORSE, BETTER = "equal", "worse by the margin", "worse by twice the margin", "better by twice the margin"
TRUTHS: dict[str, Callable[[np.random.Generator, Floats, Floats, float], Drawn]] = {
    EQUAL: _equal, MARGIN: _at_margin, WORSE: _twice_worse, BETTER: _twice_better,
}  # fmt: skip
_RIGHT = {EQUAL: "as good", MARGIN: "hold", WORSE: "hold", BETTER: "promote"}


def _both(
    change: Callable[[np.random.Generator, Floats, Floats, float], Drawn],
    sides: tuple[Floats, Floats],
    items: int,
    margin: float,
    seed: tuple[int, int, int],
) -> tuple[tuple[str, int], tuple[str, int]]:
    """Return the verdict at a fixed size, and that of a run that stops when it can, each with its items."""
    chance = np.random.default_rng(seed)
    places = chance.integers(0, len(sides[0]), size=items)
    evidence = _evidence(*change(chance, sides[0][places], sides[1][places], margin))
    rule = Rule(margin=margin, gain="quality")
    once = verdict_of(evidence, rule)
    watched = stopped(replace(evidence, sequential=True), rule)
    return (_word(once.verdict, once.reasons[0]), items), (_word(watched.word, watched.why), watched.items)


def _word(verdict: str, why: str) -> str:
    """Tell the two kinds of hold apart: worse, and as good with nothing to gain."""
    return "as good" if verdict == "hold" and not why.startswith("worse") else verdict


def _evidence(old: Floats, new: Floats) -> Evidence:
    cases = tuple(Case(f"i{n}") for n in range(len(old)))
    sides = [Side(name, tuple(Mark(scores={"": [score]}) for score in scores.tolist()))
             for name, scores in (("old", old), ("new", new))]  # fmt: skip
    return Evidence(cases, sides[1], sides[0])


def _rates(found: list[tuple[str, int]], truth: str) -> dict[str, float]:
    """Return the shares of verdicts; it is wrong, too, to call a model as good that is worse by the margin or more."""
    words = [word for word, _ in found]
    wrong = {EQUAL: ("hold", "promote"), MARGIN: ("promote", "as good"), WORSE: ("promote", "as good"),
             BETTER: ("hold", "as good")}[truth]  # fmt: skip
    count = len(words)
    return {
        "wrong": sum(word in wrong for word in words) / count,
        "right": sum(word == _RIGHT[truth] for word in words) / count,
        "open": sum(word == "inconclusive" for word in words) / count,
        "items": sum(items for _, items in found) / count,
    }
