"""What is asked of each simulated run, and which answers would be false.

A verdict is what a promotion rests on, and must be false in at most one of twenty runs. A contrast is what one is
tempted to do in its place: it stands beside the verdict to show what that would cost, and is not judged.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.false_positives.worlds import REPOSITORIES, Floats, World
from copilot_kit.approval.bounds import reached
from copilot_kit_evals.stats.anytime import (
    betting,
    discordant_e_value,
    empirical_bernstein,
    first_reached,
    non_inferiority_betting,
)
from copilot_kit_evals.stats.comparison import Comparison, Side, compare
from copilot_kit_evals.stats.means import estimate
from copilot_kit_evals.stats.multiplicity import benjamini_hochberg, holm
from copilot_kit_evals.stats.noninferiority import non_inferiority
from copilot_kit_evals.stats.paired import mcnemar
from copilot_kit_evals.stats.proportions import reliability

ALPHA = 0.05
MARGIN = 0.05
CONTRAST = "(contrast) "
Answers = dict[str, bool]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A kind of run, and what each of its runs answers: True where the answer is false."""

    name: str
    ask: Callable[[np.random.Generator], Answers]


def scenarios() -> list[Scenario]:
    """Return all of them, in the order of the table."""
    return [
        Scenario("100 items", lambda chance: _once(World((1,) * 100), chance)),
        Scenario("400 items", lambda chance: _once(World((1,) * 400), chance)),
        Scenario("100 items, 5 repeats", lambda chance: _repeats(World((1,) * 100, repeats=5), chance)),
        Scenario("6 clusters of 20", lambda chance: _clusters(World((20,) * 6, cluster_spread=1), chance)),
        Scenario("20 clusters of 10", lambda chance: _clusters(World((10,) * 20, cluster_spread=1), chance)),
        Scenario("40 clusters of 1 to 20", lambda chance: _clusters(World(_UNEVEN, cluster_spread=1), chance)),
        Scenario("12 repositories", lambda chance: _clusters(World(REPOSITORIES, cluster_spread=1), chance)),
        Scenario("100 items, hard ones crash", _crashes),
        Scenario("10 slices of 60 items", _slices),
        Scenario("worse by the margin, 100 items", lambda chance: _margin(World((1,) * 100, worse_by=MARGIN), chance)),
        Scenario("worse by the margin, 400 items", lambda chance: _margin(World((1,) * 400, worse_by=MARGIN), chance)),
        Scenario(
            "worse by the margin, repositories",
            lambda chance: _margin(World(REPOSITORIES, cluster_spread=1, worse_by=MARGIN), chance),
        ),
        Scenario("watched, 500 items", _watched),
        Scenario("watched, 60 clusters of 8", _watched_clusters),
        Scenario("watched, worse by the margin", _watched_margin),
        Scenario("reliable at just 90 %, 100 items x 5", lambda chance: _reliable(100, 5, chance)),
        Scenario("reliable at just 90 %, 30 items x 10", lambda chance: _reliable(30, 10, chance)),
    ]


_UNEVEN = (1, 2, 4, 6, 8, 10, 15, 20) * 5


def _once(world: World, chance: np.random.Generator) -> Answers:
    a, b = world.run(chance)
    found = compare(Side(a[:, 0]), Side(b[:, 0]))
    return {"exact p": found.p <= ALPHA, CONTRAST + "Tango's interval, which is not exact": _leaves_out_0(found)}


def _repeats(world: World, chance: np.random.Generator) -> Answers:
    a, b = world.run(chance)
    found = compare(Side(a.mean(axis=1)), Side(b.mean(axis=1)))
    pooled = estimate((a - b).ravel()).interval
    return {
        "exact p over items": found.p <= ALPHA,
        "t interval over items": _leaves_out_0(found),
        CONTRAST + "repeats pooled as if they were items": pooled is not None and not _holds_0(pooled),
    }


def _clusters(world: World, chance: np.random.Generator) -> Answers:
    a, b = world.run(chance)
    found = compare(Side(a[:, 0]), Side(b[:, 0]), clusters=world.labels)
    answers = {
        "exact p over clusters": found.p <= ALPHA,
        "interval that counts": _leaves_out_0(found),
        CONTRAST + "p over items as if they did not belong together": found.p_exact <= ALPHA,
    }
    if found.method != "clustered_t" and "clustered_t" in found.intervals:
        answers[CONTRAST + "clustered t interval"] = not _holds_0(found.intervals["clustered_t"])
    return answers


def _crashes(chance: np.random.Generator) -> Answers:
    """Compare two equal models, of which the first crashes on the items that it would mostly fail."""
    a, b = World((1,) * 100).run(chance)
    first, second = a[:, 0], b[:, 0]
    crashed = (first == 0) & (chance.random(100) < 0.5)
    found = compare(Side(np.where(crashed, np.nan, first)), Side(second))
    missing = found.with_missing
    return {
        "p with what is missing as bounds": (found.p if missing is None else missing.p) <= ALPHA,
        CONTRAST + "p over the items that both have": found.p <= ALPHA,
    }


def _slices(chance: np.random.Generator) -> Answers:
    world = World((1,) * 60)
    p = [compare(Side(a[:, 0]), Side(b[:, 0])).p for a, b in (world.run(chance) for _ in range(10))]
    return {
        "any slice, Holm": bool(holm(p).min() <= ALPHA),
        "any slice, Benjamini and Hochberg": bool(benjamini_hochberg(p).min() <= ALPHA),
        CONTRAST + "any slice, as if it were the only one": min(p) <= ALPHA,
    }


def _margin(world: World, chance: np.random.Generator) -> Answers:
    """Ask whether the second model is not worse by the margin, which is just by how much it is worse."""
    a, b = world.run(chance)
    labels = world.labels if max(world.sizes) > 1 else None
    delta = (b - a)[:, 0]
    return {
        "shown not to be worse by the margin": non_inferiority(delta, margin=MARGIN, clusters=labels).shown,
        CONTRAST + "not significantly worse": compare(Side(b[:, 0]), Side(a[:, 0]), clusters=labels).p > ALPHA,
    }


def _watched(chance: np.random.Generator) -> Answers:
    """Look after every item, and stop at the first sign of a difference."""
    a, b = World((1,) * 500).run(chance)
    delta = (a - b)[:, 0]
    wins, losses = np.cumsum(delta > 0), np.cumsum(delta < 0)
    moved = np.flatnonzero(delta)
    tested = [mcnemar(int(wins[at]), int(losses[at])) for at in range(9, 500, 10)]
    return {
        "bets on differences": first_reached(betting(delta)) is not None,
        "bets on discordant items": any(
            discordant_e_value(int(wins[at]), int(losses[at])) >= 1 / ALPHA for at in moved
        ),
        "sequence of intervals": _ever_without(delta, 0.0),
        CONTRAST + "exact p after every tenth item": min(tested) <= ALPHA,
    }


def _watched_clusters(chance: np.random.Generator) -> Answers:
    """Look after every cluster, whose items belong together."""
    world = World((8,) * 60, cluster_spread=1)
    a, b = world.run(chance)
    delta = (a - b)[:, 0]
    of_clusters = delta.reshape(60, 8).mean(axis=1)
    return {
        "bets on cluster means": first_reached(betting(of_clusters)) is not None,
        CONTRAST + "bets on single items": first_reached(betting(delta)) is not None,
    }


def _watched_margin(chance: np.random.Generator) -> Answers:
    a, b = World((1,) * 500, worse_by=MARGIN).run(chance)
    delta = (b - a)[:, 0]
    looks = [non_inferiority(delta[:seen], margin=MARGIN).shown for seen in range(20, 501, 20)]
    return {
        "bets against the margin": first_reached(non_inferiority_betting(delta, margin=MARGIN)) is not None,
        CONTRAST + "one-sided t after every twentieth item": any(looks),
    }


def _reliable(items: int, repeats: int, chance: np.random.Generator) -> Answers:
    """Claim 90 % of a model that passes 90 %; some items often fail, and each is asked several times."""
    rates = chance.beta(1.8, 0.2, size=items)
    passed = (chance.random((items, repeats)) < rates[:, np.newaxis]).astype(np.float64)
    labels = np.repeat(np.arange(items), repeats).tolist()
    firsts = np.cumsum(passed[:, 0])
    return {
        "claim over items, repeats not counted": reliability(passed.ravel(), labels) >= 0.9,
        "claim watched after every item": any(reached(int(firsts[at]), at + 1, 0.9) for at in range(items)),
        CONTRAST + "claim over all repeats as if independent": reliability(passed.ravel(), list(range(items * repeats)))
        >= 0.9,
    }


def _leaves_out_0(found: Comparison) -> bool:
    return found.interval is not None and not _holds_0(found.interval)


def _holds_0(interval: tuple[float, float]) -> bool:
    return interval[0] <= 0 <= interval[1]


def _ever_without(delta: Floats, value: float) -> bool:
    band = empirical_bernstein(delta, bounds=(-1.0, 1.0))
    return bool(np.any(band.lower > value) or np.any(band.upper < value))
