"""Time horizons: METR's fit, its bootstrap, and data that have no horizon."""

import math
import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.horizon import Horizon, Trials, fit, horizon, trials

MINUTES = [1, 2, 4, 8, 15, 30, 60, 120, 240, 480]
SUCCESSES = [6, 6, 5, 6, 4, 4, 3, 1, 1, 0]
FAMILIES = ["a", "a", "b", "b", "b", "c", "c", "d", "d", "d"]
ONE_FAMILY = ["one"] * 10


def toy(*, families: list[str] = FAMILIES, successes: list[int] = SUCCESSES) -> Trials:
    """The toy of the reference values: ten tasks, six runs each."""
    return trials(minutes=MINUTES, successes=successes, runs=[6] * 10, families=families)


@pytest.mark.parametrize(
    ("families", "penalty", "slope", "intercept", "p50", "p80"),
    [
        (ONE_FAMILY, 0.0, -0.83492938, 4.55502844, 43.882849, 13.88266),
        (ONE_FAMILY, 0.1, -0.692404, 3.804225, 45.0742, 11.2518),
        (ONE_FAMILY, 1e-5, -0.834909, 4.554919, 43.883, 13.8823),
        (FAMILIES, 0.1, -0.692054, 3.833245, 46.4928, 11.5978),
        (FAMILIES, 1e-5, -0.84138, 4.621242, 45.0188, 14.3683),
    ],
)
def test_the_fit_is_that_of_the_reference_values(
    families: list[str], penalty: float, slope: float, intercept: float, p50: float, p80: float
):
    curve = fit(toy(families=families), penalty=penalty)
    assert curve.coefficient == pytest.approx(slope, abs=1e-6)
    assert curve.intercept == pytest.approx(intercept, abs=1e-6)
    assert curve.horizon(0.5) == pytest.approx(p50, rel=1e-5)
    assert curve.horizon(0.8) == pytest.approx(p80, rel=1e-5)


def test_tasks_weigh_less_the_more_their_family_has_and_all_weights_sum_to_one():
    weights = toy().weights
    assert weights.sum() == pytest.approx(1)
    assert weights[0] / weights[2] == pytest.approx(math.sqrt(3 / 2))


def test_given_weights_are_used_and_scaled_to_the_sum_of_one():
    even = trials(minutes=MINUTES, successes=SUCCESSES, runs=[6] * 10, families=FAMILIES, weights=[7.0] * 10)
    assert fit(even, penalty=0.0).coefficient == pytest.approx(-0.83492938, abs=1e-6)


def test_all_failures_have_a_horizon_of_zero_whose_upper_end_is_open():
    found = horizon(toy(successes=[0] * 10))
    assert (found.p50, found.p80, found.average_score) == (0.0, 0.0, 0.0)
    assert (found.p50_interval.lower, found.p50_interval.upper) == (0.0, None)


def test_all_successes_have_no_number_for_a_horizon_and_no_interval_of_no_width():
    found = horizon(toy(successes=[6] * 10))
    assert (found.p50, found.p80, found.average_score) == (math.inf, math.inf, 1.0)
    assert (found.p50_interval.lower, found.p50_interval.upper) == (None, math.inf)


def test_outcomes_that_a_length_separates_still_end_in_a_finite_curve():
    curve = fit(toy(successes=[6, 6, 6, 6, 6, 0, 0, 0, 0, 0]))
    assert 15 < curve.horizon(0.5) < 30
    assert math.isfinite(curve.coefficient)


def test_a_curve_that_rises_is_above_the_share_everywhere_or_below_it():
    curve = fit(toy(successes=[1, 1, 1, 1, 1, 1, 1, 1, 2, 2]))
    assert curve.coefficient > 0
    assert curve.horizon(0.5) == 0.0


def test_the_bootstrap_is_the_same_for_a_seed_and_another_for_another():
    first, again, other = (horizon(toy(), draws=200, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.p50_interval != other.p50_interval
    assert first.p50 == other.p50


@given(st.permutations(range(10)))
@settings(max_examples=20, deadline=None)
def test_the_order_of_the_rows_changes_nothing_of_the_intervals(order: list[int]):
    def horizon_of(places: Sequence[int]) -> Horizon:
        minutes, won, families = ([column[n] for n in places] for column in (MINUTES, SUCCESSES, FAMILIES))
        return horizon(trials(minutes=minutes, successes=won, runs=[6] * 10, families=families), draws=50)

    assert horizon_of(order) == horizon_of(range(10))


def test_the_interval_holds_the_horizon_and_an_end_without_number_is_infinite():
    found = horizon(toy(), draws=400)
    lower, upper = found.p50_interval.lower, found.p50_interval.upper
    assert lower is not None
    assert upper is not None
    assert 5 < lower < found.p50 < upper < 300
    best = horizon(toy(successes=[6] * 9 + [5]), draws=100)
    assert best.p50_interval.upper == math.inf


def test_drawing_task_by_task_and_run_by_run_gives_the_same_spread():
    random, tasks = np.random.default_rng(5), toy()
    outcomes = [np.repeat([1.0, 0.0], [int(won), 6 - int(won)]) for won in tasks.successes]
    logs = []
    for _ in range(300):  # the plain way, as METR's words have it
        won, tried = np.zeros(10), np.zeros(10)
        for family in random.integers(4, size=4):
            (places,) = np.nonzero(tasks.families == family)
            for place in random.choice(places, size=places.size):
                won[place] += random.choice(outcomes[place], size=6).sum()
                tried[place] += 6
        kept = tried > 0
        weights = tasks.weights[kept] * tried[kept] / 6
        one = Trials(tasks.minutes[kept], won[kept], tried[kept], tasks.families[kept], weights)
        logs.append(math.log2(fit(one).horizon(0.5)))
    plain = np.quantile(logs, (0.1, 0.9))
    found = horizon(tasks, draws=2000, confidence=0.8).p50_interval
    assert found.lower is not None
    assert found.upper is not None
    assert math.log2(found.lower) == pytest.approx(plain[0], abs=0.35)
    assert math.log2(found.upper) == pytest.approx(plain[1], abs=0.35)


def test_a_thousand_draws_over_two_hundred_tasks_take_no_longer_than_a_person_notices():
    random = np.random.default_rng(0)
    minutes = np.exp2(random.uniform(-3, 10, 228))
    won = random.binomial(6, 1 / (1 + minutes / 60))
    many = trials(
        minutes=minutes.tolist(), successes=won.tolist(), runs=[6] * 228, families=[str(n % 79) for n in range(228)]
    )
    begun = time.perf_counter()
    horizon(many)
    assert time.perf_counter() - begun < 5  # 0.2 s on a quiet machine


@pytest.mark.parametrize(
    "wrong",
    [
        {"minutes": [0.0], "successes": [1], "runs": [2]},
        {"minutes": [1.0], "successes": [3], "runs": [2]},
        {"minutes": [1.0], "successes": [0], "runs": [0]},
        {"minutes": [math.inf], "successes": [0], "runs": [1]},
    ],
)
def test_a_task_without_length_or_runs_is_refused(wrong: dict[str, list[float]]):
    with pytest.raises(NotUsable, match="Give minutes above 0"):
        trials(**wrong, families=["a"])


def test_no_task_and_weights_of_nothing_are_refused():
    with pytest.raises(NotUsable, match="no task"):
        trials(minutes=[], successes=[], runs=[], families=[])
    with pytest.raises(NotUsable, match="weights"):
        trials(minutes=[1.0], successes=[1], runs=[1], families=["a"], weights=[0.0])
