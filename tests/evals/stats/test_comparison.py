"""Two models side by side."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.comparison import Side, compare
from copilot_kit_evals.stats.means import item_means
from copilot_kit_evals.stats.paired import mcnemar, tango

REPOSITORIES = ["django"] * 60 + ["sympy"] * 20 + ["sphinx"] * 10 + list("abcdefghij")
marks = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=60)


def test_graded_scores_have_the_errors_and_the_interval_of_the_reference(toy):
    found = compare(Side(item_means(toy.a)), Side(item_means(toy.b)))
    expected = [0.1388888889, 0.0643320162, 0.1586895691, 0.8356578381, 0.053803582]
    measured = [found.difference, found.paired_error, found.unpaired_error, found.correlation, found.p_t]
    assert measured == pytest.approx(expected, abs=1e-10)
    assert found.method == "t"
    assert found.interval == pytest.approx((-0.002704924, 0.2804827018), abs=1e-10)
    assert (found.p_exact, found.p, found.p_method) == (0.125, 0.125, "exact")
    assert (found.wins, found.losses, found.ties, found.n_items) == (6, 1, 5, 12)


def test_with_four_clusters_the_verdict_rests_on_flips_of_clusters_and_all_intervals_are_there(toy):
    found = compare(Side(item_means(toy.a)), Side(item_means(toy.b)), clusters=toy.clusters)
    assert found.clustered_error == pytest.approx(0.0531903949, abs=1e-10)
    assert found.intervals["clustered_t"] == pytest.approx((-0.0303866868, 0.3081644646), abs=1e-10)
    assert found.intervals["t"] == pytest.approx((-0.002704924, 0.2804827018), abs=1e-10)
    assert (found.method, found.interval) == ("clustered_flips", (-1, 1))
    assert (found.p, found.p_exact_clustered, found.p_exact) == (0.25, 0.25, 0.125)
    assert (found.clusters, found.effective_clusters) == (4, 4)


def test_pass_and_fail_have_tangos_interval_and_mcnemars_p():
    a, b = [1] * 12 + [0] * 2 + [1] * 36, [0] * 12 + [1] * 2 + [1] * 36
    found = compare(Side(a), Side(b))
    assert (found.wins, found.losses, found.ties) == (12, 2, 36)
    assert found.method == "tango"
    assert found.interval == pytest.approx((0.0611124062, 0.3447087483), abs=1e-10)
    assert found.p == pytest.approx(mcnemar(12, 2))


def test_one_cluster_that_holds_most_items_does_not_pass_for_a_hundred():
    a = [1] * 60 + [0, 1] * 20
    b = [0] * 10 + [1] * 50 + [0, 1] * 20
    found = compare(Side(a), Side(b), clusters=REPOSITORIES)
    assert found.p_exact < 0.01  # ten wins, all in one repository
    assert (found.p, found.method) == (1.0, "clustered_flips")
    assert found.effective_clusters == pytest.approx(100**2 / (60**2 + 20**2 + 10**2 + 10))


def test_thirty_even_clusters_have_the_t_interval():
    a = [item % 3 == 0 for item in range(90)]
    b = [item % 7 == 0 for item in range(90)]
    found = compare(Side(a), Side(b), clusters=[item // 3 for item in range(90)])
    assert (found.method, found.clusters) == ("clustered_t", 30)
    assert found.interval == found.intervals["clustered_t"]


def test_models_that_agree_on_all_items_have_an_interval_of_some_width():
    binary = compare(Side([1, 0] * 50), Side([1, 0] * 50))
    assert binary.interval == pytest.approx(tuple(tango(0, 0, 100)))
    assert (binary.p, binary.paired_error, binary.p_t) == (1, None, None)
    graded = compare(Side([0.5] * 100), Side([0.5] * 100))
    assert (graded.method, graded.interval) == ("no_spread", pytest.approx((-0.0295130496, 0.0295130496)))
    clustered = compare(Side([1, 0] * 50), Side([1, 0] * 50), clusters=[item % 5 for item in range(100)])
    assert clustered.method == "no_spread"
    assert clustered.interval == pytest.approx((-(1 - 0.05**0.2), 1 - 0.05**0.2))


def test_scores_on_a_scale_that_nothing_bounds_leave_no_interval_where_nothing_varies():
    found = compare(Side([7.0] * 20), Side([5.0] * 20))
    assert (found.difference, found.interval, found.method) == (2, None, None)
    assert compare(Side([7.0] * 20), Side([5.0] * 20), bounds=(0, 10)).interval is not None


def test_missing_scores_are_bounds_and_not_dropped():
    a, b = [1, 1, 1, 1, 1, 1, 1, 0, math.nan, math.nan], [0, 0, 0, 0, 0, 0, 0, 0, 1, math.nan]
    found = compare(Side(a), Side(b))
    assert (found.n_items, found.missing_a, found.missing_b) == (8, 2, 1)
    assert (found.difference, found.p_exact) == (7 / 8, 2 / 128)
    assert found.with_missing is not None
    assert found.with_missing.difference == pytest.approx((0.5, 0.8))
    assert found.with_missing.p == pytest.approx(mcnemar(7, 2))
    assert found.with_missing.interval is not None
    assert found.with_missing.interval.lower == pytest.approx(tango(7, 2, 10).lower)
    assert found.with_missing.interval.upper == pytest.approx(tango(8, 0, 10).upper)


def test_missing_scores_that_could_turn_the_result_leave_no_evidence():
    a, b = [1, 1, 1, 1, 1, 1, 1] + [math.nan] * 7, [0, 0, 0, 0, 0, 0, 0] + [1] * 7
    found = compare(Side(a), Side(b))
    assert found.with_missing is not None
    assert found.with_missing.p == 1
    assert found.with_missing.difference == (0, 0.5)


def test_an_item_scored_in_some_attempts_is_missing_in_part():
    found = compare(Side([1.0, 0.5], seen=[0.5, 1]), Side([0.0, 0.5]))
    assert (found.n_items, found.missing_a) == (2, 1)
    assert found.with_missing is not None
    assert found.with_missing.difference == pytest.approx((0.25, 0.5))


def test_missing_scores_of_no_known_scale_bound_nothing():
    found = compare(Side([3.0, 2.0, math.nan]), Side([1.0, 1.0, 2.0]))
    assert found.with_missing is not None
    assert found.with_missing.difference == (-math.inf, math.inf)
    assert (found.with_missing.interval, found.with_missing.p) == (None, 1)


def test_nothing_missing_needs_no_bounds():
    assert compare(Side([1, 0]), Side([0, 1])).with_missing is None


def test_clusters_of_missing_items_count_in_the_bounds_only():
    found = compare(Side([1, 0, math.nan]), Side([0, 0, 1]), clusters=["x", "y", "z"])
    assert found.clusters == 2
    assert found.with_missing is not None
    assert found.with_missing.difference == pytest.approx((0, 1 / 3))


def test_the_price_of_a_success_is_that_of_each_side():
    found = compare(Side([1, 1, 0, 0], costs=[1, 2, 3, 4]), Side([0, 0, 0, 0], costs=[1, 1, 1, 1]))
    assert found.cost_per_success_a is not None
    assert found.cost_per_success_a.ratio == 5
    assert found.cost_per_success_b is None
    assert compare(Side([1, 0], costs=[1, math.nan]), Side([0, 1])).cost_per_success_a is None


def test_the_order_of_the_models_turns_everything_round(toy):
    one = compare(Side(item_means(toy.a)), Side(item_means(toy.b)), clusters=toy.clusters)
    other = compare(Side(item_means(toy.b)), Side(item_means(toy.a)), clusters=toy.clusters)
    assert other.difference == pytest.approx(-one.difference)
    assert (other.wins, other.losses, other.p) == (one.losses, one.wins, one.p)


@pytest.mark.parametrize(
    "asked",
    [
        lambda: compare(Side([1]), Side([1, 0])),
        lambda: compare(Side([]), Side([])),
        lambda: compare(Side([1, math.nan]), Side([math.nan, 1])),
        lambda: compare(Side([1, math.inf]), Side([1, 0])),
        lambda: compare(Side([1, 2]), Side([1, 0]), bounds=(0, 1)),
        lambda: compare(Side([1, 0]), Side([1, 0]), clusters=["x"]),
        lambda: compare(Side([1, 0]), Side([1, 0]), confidence=95),
        lambda: compare(Side([1, 0], costs=[1]), Side([1, 0])),
    ],
)
def test_what_cannot_be_compared_is_refused(asked):
    with pytest.raises(NotUsable):
        asked()


@given(marks)
def test_the_interval_holds_the_difference_whatever_the_scores(pairs):
    a, b = zip(*pairs, strict=True)
    for clusters in (None, [item % 4 for item in range(len(pairs))]):
        found = compare(Side(a), Side(b), clusters=clusters)
        assert found.interval is not None
        assert found.interval.lower <= found.difference + 1e-9
        assert found.interval.upper >= found.difference - 1e-9
        assert found.interval.upper > found.interval.lower
        assert 0 < found.p <= 1
        assert found.wins + found.losses + found.ties == found.n_items == len(pairs)


@given(marks, st.data())
def test_what_is_known_with_gaps_holds_whatever_the_gaps_hide(pairs, data):
    a, b = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    hidden = data.draw(st.lists(st.booleans(), min_size=len(a), max_size=len(a)))
    found_a = np.where(hidden, math.nan, a)
    if np.isnan(found_a).all() or not np.isnan(found_a).any():
        return
    bounds = compare(Side(found_a), Side(b)).with_missing
    assert bounds is not None
    assert bounds.difference.lower - 1e-9 <= (a - b).mean() <= bounds.difference.upper + 1e-9
