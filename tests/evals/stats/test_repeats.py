"""Variance split over repeats, and the bootstrap that two readers get the same number from."""

import inspect

import pytest

from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.means import item_means
from copilot_kit_evals.stats.repeats import bootstrap_error, bootstrap_limit, error_with, variance

TEN_DIGITS = 6e-11


def test_the_variance_splits_into_that_of_items_and_that_of_repeats(toy):
    split = variance(toy.a)
    expected = [0.1388888889, 0.1506734007, 0.1043771044]
    assert [split.within, split.of_item_means, split.between] == pytest.approx(expected, abs=TEN_DIGITS)


def test_more_repeats_lower_the_error_down_to_that_of_the_items(toy):
    split = variance(toy.a)
    errors = [error_with(split, repeats=repeats) for repeats in (1, 3, 10)]
    assert errors == pytest.approx([0.1423803572, 0.1120540795, 0.0992748681], abs=TEN_DIGITS)
    assert error_with(split, repeats=10**9) == pytest.approx((0.1043771044 / 12) ** 0.5)


def test_items_repeated_differently_often_count_each_with_its_own_noise():
    split = variance([[0, 1], [0, 1, 0, 1], [1, 1]])
    assert split.within == pytest.approx((0.5 + 1 / 3 + 0) / 3)
    assert split.of_item_means - split.between == pytest.approx((0.5 / 2 + 1 / 12 + 0) / 3)


def test_a_variance_between_items_that_chance_brought_below_0_counts_as_none():
    split = variance([[0, 1], [1, 0]])
    assert split.between == -0.25
    assert error_with(split, repeats=2, items=8) == pytest.approx((0.25 / 8) ** 0.5)


def test_one_repeat_tells_nothing_of_the_variance_within():
    with pytest.raises(NotUsable, match="repeats of item 1; this needs at least 2"):
        variance([[0, 1], [1]])
    with pytest.raises(NotUsable, match="two"):
        variance([[0, 1]])
    with pytest.raises(NotUsable, match="at least one"):
        error_with(variance([[0, 1], [1, 1]]), repeats=0)


def test_the_bootstrap_tends_to_the_error_with_n_in_place_of_n_less_1(toy):
    a = item_means(toy.a)
    assert bootstrap_limit(a) == pytest.approx(0.1072836132, abs=TEN_DIGITS)
    assert bootstrap_error(a, seed=1, resamples=20_000) == pytest.approx(0.1072836132, rel=0.02)


def test_the_bootstrap_has_a_seed_without_default_and_repeats_itself(toy):
    a = item_means(toy.a)
    assert inspect.signature(bootstrap_error).parameters["seed"].default is inspect.Parameter.empty
    assert bootstrap_error(a, seed=7) == bootstrap_error(a, seed=7)
    assert bootstrap_error(a, seed=7) != bootstrap_error(a, seed=8)


def test_the_bootstrap_draws_whole_clusters(toy):
    clustered = bootstrap_error(item_means(toy.a), seed=1, clusters=toy.clusters, resamples=20_000)
    assert clustered == pytest.approx(0.1381926996, rel=0.02)  # equal clusters: the error without C / (C - 1)


def test_the_bootstrap_of_equal_values_is_unknown_and_not_0():
    assert bootstrap_error([1, 1, 1], seed=1) is None
    assert bootstrap_limit([1, 1, 1]) is None
    assert bootstrap_error([1, 0, 1], seed=1, clusters=["x"] * 3) is None
    with pytest.raises(NotUsable, match="1 resamples"):
        bootstrap_error([1, 0], seed=1, resamples=1)
