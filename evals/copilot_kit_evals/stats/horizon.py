"""METR's time horizon: how long, in minutes of a person, the tasks are that an agent solves with a given chance.

Kwa et al. 2025 (arXiv:2503.14499). The chance of success is a logistic curve over log2(human minutes); the horizon at p
is where the curve passes p. Each task weighs 1 / sqrt(tasks in its family), split evenly over its runs, and the weights
of an agent sum to 1. An L2 penalty rests on the slope only; METR's published values come out with 1e-5, which is almost
none, and older releases of their code had 0.1, so that it is a parameter.

The interval resamples families, then tasks within a family, then runs within a task, and keeps the weights as they
were. Drawing task by task is not needed: how often each task is drawn is multinomial and how many of its runs succeed
is binomial, so that all draws are three calls of the random generator, and all curves are fitted side by side.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from copilot_kit_evals.stats.arrays import Codes, Floats, NotUsable

PENALTY: Final = 1e-5
"""METR's 1 / C for the weights that sum to 1."""
DRAWS: Final = 1000
_STEPS: Final = 200
_HALVINGS: Final = 30
_DONE: Final = 1e-16
"""Of the loss, what a step may still take away."""
_MOST_CELLS: Final = 1_000_000
"""Draws times tasks that are fitted side by side: more would only take memory."""


@dataclass(frozen=True, slots=True)
class Trials:
    """What one agent did: one entry a task in each array."""

    minutes: Floats
    """How long a person takes; above 0."""
    successes: Floats
    runs: Floats
    """At least 1 each."""
    families: Codes
    """The number of the family, from 0 on."""
    weights: Floats
    """Of the task, over all of its runs."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Chance of success = 1 / (1 + exp(-(intercept + coefficient * log2(minutes)))).

    Where no run or each run succeeded there is no slope: the coefficient is 0 and the intercept infinite.
    """

    coefficient: float
    intercept: float

    def horizon(self, share: float) -> float:
        """Return the minutes at which this share of runs succeeds; 0 and infinity are answers too."""
        return float(_horizons(np.array([self.coefficient]), np.array([self.intercept]), share)[0])


@dataclass(frozen=True, slots=True)
class Span:
    """An interval in minutes; None is an end that the data do not give."""

    lower: float | None
    upper: float | None
    """Infinite: beyond the longest task, in so many draws that no number can stand here."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """The curve of an agent with its horizons in minutes, each with its interval."""

    curve: Curve
    p50: float
    p80: float
    p50_interval: Span
    p80_interval: Span
    average_score: float
    """Weighted share of successes."""


def trials(
    *,
    minutes: Sequence[float],
    successes: Sequence[float],
    runs: Sequence[float],
    families: Sequence[str],
    weights: Sequence[float] | None = None,
) -> Trials:
    """Return the trials of one agent, one entry a task; weights are 1 / sqrt(tasks in the family) unless given.

    They are in an order of their own, so that what is drawn of them does not hang on the order in which they came.
    Raises `NotUsable` where a task has no length, no run, or more successes than runs.
    """
    if not minutes:
        raise NotUsable("There is no task. A horizon needs at least one task with its length and its runs.")
    length, won, tried = (np.asarray(column, dtype=np.float64) for column in (minutes, successes, runs))
    for place in np.flatnonzero(~((length > 0) & np.isfinite(length) & (tried >= 1) & (won >= 0) & (won <= tried))):
        raise NotUsable(
            f"Task {int(place) + 1} has {won[place]:g} successes in {tried[place]:g} runs and takes "
            f"{length[place]:g} minutes. Give minutes above 0, at least one run, and no more successes than runs."
        )
    _, numbers, sizes = np.unique(np.asarray(families, dtype=str), return_inverse=True, return_counts=True)
    weight = 1 / np.sqrt(sizes[numbers]) if weights is None else np.asarray(weights, dtype=np.float64)
    if not np.all(weight >= 0) or not 0 < float(weight.sum()) < math.inf:
        raise NotUsable("The weights of the tasks are not all 0 or more with a sum above 0. Correct or leave out them.")
    order = np.lexsort((weight, won, tried, length, numbers))
    weight = weight[order]
    return Trials(length[order], won[order], tried[order], numbers[order].astype(np.int64), weight / weight.sum())


def fit(tasks: Trials, *, penalty: float = PENALTY) -> Curve:
    """Return the curve of greatest weighted likelihood, less penalty / 2 * coefficient ** 2."""
    _check(penalty)
    slopes, intercepts = _curves(tasks, tasks.successes[None, :], tasks.runs[None, :], penalty)
    return Curve(float(slopes[0]), float(intercepts[0]))


def horizon(
    tasks: Trials,
    *,
    penalty: float = PENALTY,
    draws: int = DRAWS,
    seed: int = 0,
    confidence: float = 0.95,
) -> Horizon:
    """Return the horizons of an agent at 50 % and 80 % with percentile intervals of a bootstrap in three steps.

    All failures have a horizon of 0, all successes an infinite one; neither has an interval from a bootstrap, which
    would only repeat them: what such data leave open is None.
    """
    curve = fit(tasks, penalty=penalty)
    average = float(np.sum(tasks.weights * tasks.successes / tasks.runs))
    won = float(tasks.successes.sum())
    if won in (0.0, float(tasks.runs.sum())):
        open_end = Span(0.0, None) if won == 0 else Span(None, math.inf)
        return Horizon(curve, curve.horizon(0.5), curve.horizon(0.8), open_end, open_end, average)
    slopes, intercepts = _bootstrap(tasks, penalty=penalty, draws=draws, seed=seed)
    spans = [_span(_horizons(slopes, intercepts, share), confidence) for share in (0.5, 0.8)]
    return Horizon(curve, curve.horizon(0.5), curve.horizon(0.8), spans[0], spans[1], average)


def _check(penalty: float) -> None:
    if not 0 <= penalty < math.inf:
        raise NotUsable(f"A penalty of {penalty!r} cannot be used. Write 0 or more; METR's is {PENALTY:g}.")


def _span(minutes: Floats, confidence: float) -> Span:
    tail = (1 - confidence) / 2
    lower, upper = np.quantile(minutes, (tail, 1 - tail), method="inverted_cdf")  # never between a number and infinity
    return Span(float(lower), float(upper))


def _bootstrap(tasks: Trials, *, penalty: float, draws: int, seed: int) -> tuple[Floats, Floats]:
    """Return slopes and intercepts of `draws` resamples."""
    if draws < 1:
        raise NotUsable(f"{draws!r} draws make no interval. Write at least 1; METR's number is {DRAWS}.")
    random = np.random.default_rng(seed)
    at_once = max(1, _MOST_CELLS // tasks.minutes.size)
    parts = [
        _curves(tasks, *_resampled(tasks, min(at_once, draws - done), random), penalty)
        for done in range(0, draws, at_once)
    ]
    return np.concatenate([slopes for slopes, _ in parts]), np.concatenate([intercepts for _, intercepts in parts])


def _resampled(tasks: Trials, draws: int, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Return successes and runs of each task, one row a draw."""
    families = int(tasks.families.max()) + 1
    times = random.multinomial(families, np.full(families, 1 / families), size=draws)
    drawn = np.zeros((draws, tasks.minutes.size), dtype=np.int64)
    for family in range(families):
        (places,) = np.nonzero(tasks.families == family)
        share = np.full(places.size, 1 / places.size)
        drawn[:, places] = random.multinomial(times[:, family] * places.size, share)
    runs = drawn * tasks.runs.astype(np.int64)
    successes = random.binomial(runs, tasks.successes / tasks.runs)
    return successes.astype(np.float64), runs.astype(np.float64)


def _curves(tasks: Trials, successes: Floats, runs: Floats, penalty: float) -> tuple[Floats, Floats]:
    """Return slopes and intercepts for rows of successes and runs, all of the same tasks."""
    each = tasks.weights / tasks.runs
    won, tried = successes * each, runs * each
    total, sums = tried.sum(axis=1), won.sum(axis=1)
    none, every = sums <= 0, sums >= total * (1 - 1e-12)
    slopes = np.zeros(total.size)
    intercepts = np.where(none, -np.inf, np.inf)
    (mixed,) = np.nonzero(~none & ~every)
    if mixed.size:
        slopes[mixed], intercepts[mixed] = _newton(np.log2(tasks.minutes), won[mixed], tried[mixed], penalty)
    return slopes, intercepts


def _newton(x: Floats, won: Floats, tried: Floats, penalty: float) -> tuple[Floats, Floats]:
    """Return slopes and intercepts by Newton's method with halved steps, for rows side by side.

    x has shape (tasks,), won and tried (rows, tasks). The lengths are centred, so that slope and level hardly touch.
    """
    middle = float(np.mean(x))
    spread = float(np.std(x)) or 1.0
    z, ridge = (x - middle) / spread, penalty / spread**2
    share = won.sum(axis=1) / tried.sum(axis=1)
    found = np.stack([np.zeros(share.size), np.log(share / (1 - share))])
    active = np.arange(share.size)
    for _ in range(_STEPS):
        step, fall = _step(z, won[active], tried[active], found[:, active], ridge)
        moving = fall > _DONE
        active, step = active[moving], step[:, moving]
        if not active.size:
            break
        found[:, active] = _shortened(z, won[active], tried[active], (found[:, active], step), ridge)
    slope = found[0] / spread
    return slope, found[1] - slope * middle


def _step(z: Floats, won: Floats, tried: Floats, now: Floats, ridge: float) -> tuple[Floats, Floats]:
    """Return Newton's steps of shape (2, rows), and how much of the loss each would take away."""
    chance = _sigmoid(now[1][:, None] + now[0][:, None] * z)
    miss = tried * chance - won
    bend = tried * chance * (1 - chance)
    first, second = miss @ z + ridge * now[0], miss.sum(axis=1)
    a, b, d = bend @ (z * z) + ridge, bend @ z, bend.sum(axis=1)
    det = np.maximum(a * d - b * b, 1e-300)
    step = np.stack([(d * first - b * second) / det, (a * second - b * first) / det])
    return step, (step[0] * first + step[1] * second) / 2


def _shortened(z: Floats, won: Floats, tried: Floats, move: tuple[Floats, Floats], ridge: float) -> Floats:
    """Return where the steps lead, each halved until the loss falls."""
    now, step = move
    before = _loss(z, won, tried, now, ridge)
    size = np.ones(before.size)
    for _ in range(_HALVINGS):
        worse = ~(_loss(z, won, tried, now - size * step, ridge) <= before)
        if not worse.any():
            break
        size[worse] /= 2
    return now - size * step


def _loss(z: Floats, won: Floats, tried: Floats, at: Floats, ridge: float) -> Floats:
    level = at[1][:, None] + at[0][:, None] * z
    loss: Floats = (tried * np.logaddexp(0, level) - won * level).sum(axis=1) + ridge / 2 * at[0] ** 2
    return loss


def _sigmoid(level: Floats) -> Floats:
    chance: Floats = 0.5 * (1 + np.tanh(level / 2))  # does not overflow
    return chance


def _horizons(slopes: Floats, intercepts: Floats, share: float) -> Floats:
    """Return where the curves pass the share; a curve that does not fall lies above it everywhere, or below."""
    level = math.log(share / (1 - share))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        minutes = np.exp2((level - intercepts) / slopes)
    flat = slopes >= 0
    always = np.where(intercepts > level, math.inf, 0.0)
    return np.where(flat, always, minutes)
