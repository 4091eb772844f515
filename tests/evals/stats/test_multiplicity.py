"""Adjusted p-values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.multiplicity import benjamini_hochberg, holm

P = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216, 0.222, 0.251, 0.269, 0.275, 0.34]
p_lists = st.lists(st.floats(0, 1), max_size=30)


def test_holm_is_that_of_the_reference():
    expected = [0.015, 0.112, 0.507, 0.507, 0.507, 0.6, 0.666] + [1.0] * 8
    assert holm(P).tolist() == pytest.approx(expected, abs=6e-11)


def test_benjamini_and_hochberg_is_that_of_the_reference():
    expected = [0.015, 0.06, 0.126, 0.126, 0.126, 0.15, 0.1585714286] + [0.2946428571] * 7 + [0.34]
    assert benjamini_hochberg(P).tolist() == pytest.approx(expected, abs=6e-11)


def test_the_order_given_is_kept():
    assert holm([0.04, 0.01, 0.03]).tolist() == pytest.approx([0.06, 0.03, 0.06])
    assert benjamini_hochberg([0.04, 0.01, 0.03]).tolist() == pytest.approx([0.04, 0.03, 0.04])


def test_no_p_values_give_none_and_one_stays_as_it_is():
    assert holm([]).tolist() == []
    assert benjamini_hochberg([]).tolist() == []
    assert holm([0.03]).tolist() == benjamini_hochberg([0.03]).tolist() == [0.03]


@pytest.mark.parametrize("values", [[0.5, 1.2], [-0.1], [float("nan")]])
def test_what_is_no_p_value_is_refused(values):
    with pytest.raises(NotUsable):
        holm(values)
    with pytest.raises(NotUsable):
        benjamini_hochberg(values)


@given(p_lists)
def test_no_p_value_becomes_smaller_and_lists_are_less_strict_than_gates(values):
    strict, lenient = holm(values), benjamini_hochberg(values)
    assert all(strict >= lenient - 1e-12)
    assert all(lenient >= [value - 1e-12 for value in values])
    assert all(strict <= 1)


@given(p_lists.filter(bool), st.randoms())
def test_the_order_of_the_tests_does_not_matter(values, random):
    shuffled = random.sample(range(len(values)), len(values))
    assert holm([values[place] for place in shuffled]).tolist() == [holm(values)[place] for place in shuffled]
