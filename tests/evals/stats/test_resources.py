"""What a success costs, and the front of cost and quality."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.resources import cost_per_success, pareto_front, pareto_shares

COSTS = [0.1, 0.12, 0.3, 0.08, 0.22, 0.15, 0.11, 0.4]
PASSED = [1, 1, 0, 1, 1, 1, 0, 1]
POINTS = {"a": (1, 0.6), "b": (2, 0.8), "c": (3, 0.78), "d": (5, 0.9), "e": (5, 0.85), "f": (0.5, 0.6)}


def test_the_cost_of_a_success_is_that_of_the_reference_and_failures_are_paid_too():
    found = cost_per_success(COSTS, PASSED)
    assert found is not None
    assert [found.ratio, found.error] == pytest.approx([0.2466666667, 0.0798808637], abs=6e-11)


def test_the_interval_is_not_symmetric_and_holds_the_ratio():
    found = cost_per_success(COSTS, PASSED)
    assert found is not None
    assert found.interval is not None
    assert 0 < found.interval.lower < found.ratio < found.interval.upper
    assert found.interval.upper - found.ratio > found.ratio - found.interval.lower


def test_where_nothing_succeeded_a_success_has_no_price():
    assert cost_per_success([0.1, 0.2], [0, 0]) is None


def test_one_success_in_thirty_has_a_price_without_an_upper_end():
    found = cost_per_success([0.1, 0.2] * 15, [1] + [0] * 29)
    assert found is not None
    assert found.interval is not None
    assert found.interval.upper == math.inf
    assert 0 < found.interval.lower < found.ratio


def test_a_row_of_successes_does_not_show_that_all_succeed():
    sure = cost_per_success([0.1, 0.2] * 15, [1] * 30)
    assert sure is not None
    assert sure.interval is not None
    half = 0.1 / 2 * math.sqrt(1 / 29) * 2.04523  # of the mean cost alone
    assert sure.interval.lower == pytest.approx(0.15 - half, abs=1e-6)
    assert sure.interval.upper == pytest.approx((0.15 + half) / (1 - 0.0950338529), abs=1e-6)


def test_attempts_that_are_all_alike_and_single_ones_have_an_unknown_error():
    for costs, passed in (([0.1] * 9, [1] * 9), ([0.1], [1])):
        found = cost_per_success(costs, passed)
        assert found is not None
        assert (found.ratio, found.error, found.interval) == (pytest.approx(0.1), None, None)
    one_cluster = cost_per_success(COSTS, PASSED, clusters=["x"] * 8)
    assert one_cluster is not None
    assert one_cluster.error is None


def test_clusters_of_one_attempt_change_nothing_and_equal_ones_widen():
    alone = cost_per_success(COSTS, PASSED)
    assert cost_per_success(COSTS, PASSED, clusters=list("abcdefgh")) == alone
    twice = cost_per_success(COSTS * 2, PASSED * 2, clusters=list("abcdefgh") * 2)
    assert twice is not None
    assert alone is not None
    assert twice.error == pytest.approx(alone.error)


def test_what_nothing_beats_is_the_front_of_the_reference():
    assert pareto_front(POINTS) == ["b", "d", "f"]


def test_equals_both_stay_on_the_front():
    assert pareto_front({"x": (1, 0.5), "y": (1, 0.5), "z": (2, 0.5)}) == ["x", "y"]
    assert pareto_front({}) == []


def test_a_model_that_is_dearer_by_chance_is_on_the_front_in_some_resamples():
    costs = [[1.0] * 10, [2.0] * 10, [3.0] * 10]
    scores = [[1, 0] * 5, [0, 1] * 5, [0] * 10]
    shares = pareto_shares(costs, scores, seed=1)
    assert shares[0] == 1
    assert 0.3 < shares[1] < 0.5  # better by chance in somewhat less than half of them
    assert shares[2] == 0
    assert pareto_shares(costs, scores, seed=1).tolist() == shares.tolist()


@pytest.mark.parametrize(
    "asked",
    [
        lambda: cost_per_success([0.1], [1, 0]),
        lambda: cost_per_success([-0.1, 0.1], [1, 0]),
        lambda: cost_per_success([], []),
        lambda: cost_per_success([math.nan, 1], [1, 0]),
        lambda: pareto_front({"x": (math.nan, 1)}),
        lambda: pareto_shares([[1.0]], [[1.0, 0.0]], seed=1),
        lambda: pareto_shares([[1.0]], [[1.0]], seed=1, resamples=0),
    ],
)
def test_costs_that_do_not_fit_are_refused(asked):
    with pytest.raises(NotUsable):
        asked()


@given(st.dictionaries(st.text(min_size=1), st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_every_point_off_the_front_is_beaten_by_one_on_it(points):
    front = pareto_front(points)
    assert front
    for name, (cost, quality) in points.items():
        beaten = any(points[other][0] <= cost and points[other][1] >= quality and points[other] != (cost, quality)
                     for other in front)  # fmt: skip
        assert beaten == (name not in front)
