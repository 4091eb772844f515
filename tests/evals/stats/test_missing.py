"""Missing scores as bounds."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.missing import difference_bounds, filled, mean_bounds

gapped = st.lists(st.sampled_from([0.0, 1.0, 0.5, math.nan]), min_size=1, max_size=12)


def test_a_mean_with_gaps_lies_between_all_failed_and_all_passed():
    assert mean_bounds(80, 100, 10) == (0.8, 0.9)
    assert mean_bounds(80, 100, 0) == (0.8, 0.8)
    assert mean_bounds(0, 3, 3) == (0, 1)
    assert mean_bounds(4, 10, 5, bounds=(-1, 1)) == (-0.1, 0.9)


def test_the_worst_case_takes_the_candidates_gaps_as_failed_and_the_incumbents_as_passed():
    candidate, incumbent = [1, math.nan, 1, 0], [1, 1, math.nan, 0]
    assert difference_bounds(candidate, incumbent) == (-0.25, 0.25)
    assert difference_bounds([1, 0], [0, 0]) == (0.5, 0.5)


def test_an_item_with_some_attempts_scored_is_missing_in_part():
    row = [0.5, math.nan, 1.0]
    assert filled(row, 0, seen=[0.8, 0, 1]).tolist() == pytest.approx([0.4, 0, 1])
    assert filled(row, 1, seen=[0.8, 0, 1]).tolist() == pytest.approx([0.6, 1, 1])


@pytest.mark.parametrize(
    "asked",
    [
        lambda: mean_bounds(3, 2, 0),
        lambda: mean_bounds(1, 2, 3),
        lambda: mean_bounds(2, 2, 1),
        lambda: mean_bounds(0, 0, 0),
        lambda: filled([], 0),
        lambda: filled([2.0], 0),
        lambda: filled([1.0], 0, seen=[1.2]),
        lambda: filled([1.0], 0, seen=[0]),
        lambda: filled([1.0], 0, seen=[1, 1]),
        lambda: difference_bounds([1.0], [1.0, 0.0]),
    ],
)
def test_counts_and_scores_that_cannot_be_are_refused(asked):
    with pytest.raises(NotUsable):
        asked()


@given(gapped, st.randoms())
def test_whatever_the_missing_scores_are_the_difference_lies_within(row, random):
    other = random.sample(row, len(row))
    low, high = difference_bounds(row, other)
    a, b = ([random.random() if math.isnan(one) else one for one in side] for side in (row, other))
    assert low - 1e-9 <= sum(a) / len(a) - sum(b) / len(b) <= high + 1e-9
