"""Quantiles with intervals by order statistics."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.quantiles import quantile, quantile_ranks


@pytest.mark.parametrize(
    ("values", "share", "lower", "upper", "coverage"),
    [
        (100, 0.5, 40, 61, 0.9647997998),
        (100, 0.95, 90, 100, 0.9826070607),
        (500, 0.95, 465, 485, 0.9604987355),
        (1000, 0.99, 983, 997, 0.9760947635),
    ],
)
def test_ranks_and_coverage_are_those_of_the_reference(values, share, lower, upper, coverage):
    found = quantile_ranks(values, share)
    assert (found.lower, found.upper) == (lower, upper)
    assert found.coverage == pytest.approx(coverage, abs=6e-11)


def test_twenty_latencies_do_not_bound_their_95th_percentile_from_above():
    found = quantile(list(range(1, 21)), 0.95)
    assert (found.value, found.upper) == (19, math.inf)
    assert found.lower == 17
    assert quantile([3.5], 0.5).lower == -math.inf


def test_the_value_is_one_of_the_sample():
    assert quantile([4, 1, 3, 2], 0.5).value == 2
    assert quantile([4, 1, 3, 2], 0.75).value == 3
    assert quantile([4, 1, 3, 2], 0.01).value == 1
    assert quantile([4, 1, 3, 2], 0.99).value == 4


@pytest.mark.parametrize(
    "asked",
    [
        lambda: quantile([], 0.5),
        lambda: quantile_ranks(0, 0.5),
        lambda: quantile([1, 2], 1),
        lambda: quantile([1, 2], 0),
        lambda: quantile([math.nan], 0.5),
        lambda: quantile([1, 2], 0.5, confidence=0),
    ],
)
def test_quantiles_of_nothing_are_refused(asked):
    with pytest.raises(NotUsable):
        asked()


@given(st.integers(1, 400), st.floats(0.01, 0.99), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_coverage_is_never_below_what_was_asked(values, share, confidence):
    found = quantile_ranks(values, share, confidence=confidence)
    assert found.coverage >= confidence - 1e-9
    if found.lower is not None and found.upper is not None:
        assert 1 <= found.lower < found.upper <= values
