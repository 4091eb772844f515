"""Means, their errors and intervals: reference values, and no certainty from values that are all alike."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit.errors import UsageError
from copilot_kit_evals.stats.arrays import NotUsable, differences
from copilot_kit_evals.stats.means import (
    clustered_error,
    correlation,
    effective_clusters,
    estimate,
    item_means,
    no_spread,
    standard_error,
    t_test,
    unpaired_error,
)

TEN_DIGITS = 1e-10
scores = st.lists(st.floats(0, 1, allow_subnormal=False), min_size=2, max_size=40)


def near(value: object, expected: object) -> bool:
    return value == pytest.approx(expected, abs=TEN_DIGITS)


def test_the_mean_over_items_and_its_error_are_those_of_the_reference(toy):
    a, b = item_means(toy.a), item_means(toy.b)
    assert near([a.mean(), b.mean()], [0.6388888889, 0.5])
    assert near(standard_error(a), 0.1120540795)


def test_the_clustered_error_is_the_one_of_the_paper_or_with_the_factor_for_few_clusters(toy):
    a, delta = item_means(toy.a), differences(item_means(toy.a), item_means(toy.b))
    assert near(clustered_error(a, toy.clusters, corrected=False), 0.1381926996)
    assert near(clustered_error(a, toy.clusters), 0.1595711846)
    assert near(clustered_error(delta, toy.clusters, corrected=False), 0.0460642332)
    assert near(clustered_error(delta, toy.clusters), 0.0531903949)


def test_the_paired_t_test_is_that_of_the_reference(toy):
    delta = differences(item_means(toy.a), item_means(toy.b))
    found, test = estimate(delta), t_test(delta)
    assert near([found.mean, found.error], [0.1388888889, 0.0643320162])
    assert near(found.interval, (-0.002704924, 0.2804827018))
    assert test is not None
    assert near([test.t, test.df, test.p], [2.1589388479, 11, 0.053803582])


def test_the_clustered_interval_has_as_many_degrees_of_freedom_as_clusters_less_one(toy):
    found = estimate(differences(item_means(toy.a), item_means(toy.b)), clusters=toy.clusters)
    assert (found.units, found.df, found.values) == (4, 3, 12)
    assert near(found.interval, (-0.0303866868, 0.3081644646))


def test_pairing_saves_what_the_two_models_have_in_common(toy):
    a, b = item_means(toy.a), item_means(toy.b)
    assert near(unpaired_error(a, b), 0.1586895691)
    assert near(correlation(a, b), 0.8356578381)


def test_repeats_are_not_counted_as_independent_items(toy):
    pooled = [score for item in toy.a for score in item]
    assert near(standard_error(pooled), 0.0811893513)  # what pooling would claim
    with pytest.raises(NotUsable, match="mean over the repeats"):
        standard_error(toy.a)


def test_items_may_be_repeated_differently_often():
    assert item_means([[1, 1, 0, 0], [1]]).tolist() == [0.5, 1.0]


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, -0.3])
def test_thirty_equal_values_have_an_unknown_error_and_not_one_of_0(value):
    found = estimate([value] * 30, bounds=(-1, 1))
    assert standard_error([value] * 30) is None
    assert clustered_error([value] * 30, list(range(30))) is None
    assert t_test([value] * 30) is None
    assert found.error is None
    assert found.interval is not None
    assert found.interval.upper - found.interval.lower > 0.1
    assert estimate([value] * 30).interval is None


def test_thirty_passes_of_thirty_leave_as_much_possible_as_the_zero_failure_bound():
    assert near(no_spread(1.0, 30, bounds=(0, 1)), (1 - 0.0950338529, 1.0))
    assert near(estimate([1] * 30, bounds=(0, 1)).interval, (1 - 0.0950338529, 1.0))


def test_one_item_or_one_cluster_shows_no_error():
    assert standard_error([0.4]) is None
    assert estimate([0.4]).interval is None
    assert clustered_error([0, 1, 1], ["x", "x", "x"]) is None
    assert near(estimate([0, 1, 1], clusters=["x", "x", "x"], bounds=(0, 1)).interval, (2 / 3 * 0.05, 2 / 3 + 0.95 / 3))


def test_clusters_whose_means_are_equal_show_no_error_of_their_mean():
    assert clustered_error([0, 1, 0, 1, 0, 1], [1, 1, 2, 2, 3, 3]) is None


def test_an_interval_ends_where_scores_end():
    assert estimate([1] * 20 + [0], bounds=(0, 1)).interval == pytest.approx((0.853049, 1.0))


def test_a_cluster_that_holds_most_items_counts_most():
    assert effective_clusters([1, 1, 2, 2, 3, 3]) == 3
    assert near(effective_clusters(["django"] * 90 + list("abcdefghij")), 100**2 / (90**2 + 10))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([], "at least 1"),
        ([1, math.nan], "position 1"),
        ([math.inf], "finite"),
        (["a"], "numbers"),
        ([[1, 0], [1]], "one shape"),
        ([None, 1], "finite"),
    ],
)
def test_what_is_no_row_of_numbers_is_refused_in_words(values, words):
    with pytest.raises(NotUsable, match=words):
        estimate(values)


def test_wrong_labels_bounds_and_confidences_are_refused_in_words():
    with pytest.raises(NotUsable, match="2 labels for 3"):
        clustered_error([0, 1, 1], ["x", "y"])
    with pytest.raises(NotUsable, match="no cluster label"):
        clustered_error([0, 1, 1], ["x", "y", ""])
    with pytest.raises(NotUsable, match=r"within the bounds \(0, 1\)"):
        estimate([0, 2], bounds=(0, 1))
    with pytest.raises(NotUsable, match="95"):
        estimate([0, 1], confidence=95)
    with pytest.raises(NotUsable, match="same items"):
        correlation([0, 1], [0, 1, 1])


def test_it_is_wrong_use_for_the_command_line_and_a_value_error_for_python():
    assert issubclass(NotUsable, UsageError)
    assert issubclass(NotUsable, ValueError)


@given(scores)
def test_the_error_is_that_of_numpy_and_never_0(values):
    error = standard_error(values)
    if error is None:
        assert np.ptp(values) <= 1e-12
    else:
        assert error > 0
        assert error == pytest.approx(np.std(values, ddof=1) / math.sqrt(len(values)))


@given(scores)
def test_clusters_of_one_item_each_change_nothing(values):
    assert clustered_error(values, list(range(len(values)))) == pytest.approx(standard_error(values))


@given(scores, st.sampled_from([0.8, 0.95, 0.99]))
def test_the_interval_holds_the_mean_and_has_a_width(values, confidence):
    found = estimate(values, confidence=confidence, bounds=(0, 1))
    assert found.interval is not None
    assert found.interval.lower <= found.mean + 1e-12
    assert found.interval.upper >= found.mean - 1e-12
    assert found.interval.upper > found.interval.lower
