"""Items needed and differences visible."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.power import (
    design_effect,
    items_needed,
    pairs_needed,
    pairs_needed_t,
    smallest_difference,
)


def test_three_points_take_969_items():
    assert items_needed(0.03, between=1 / 9) == pytest.approx(968.9974980678, abs=1e-8)
    assert math.ceil(items_needed(0.03, between=1 / 9)) == 969


@pytest.mark.parametrize(("repeats", "items"), [(1, 3875.9899922712), (10, 1259.6967474881)])
def test_repeats_save_items(repeats, items):
    found = items_needed(
        0.03, between=1 / 9, within_a=1 / 6, within_b=1 / 6, repeats_a=repeats, repeats_b=repeats
    )  # fmt: skip
    assert found == pytest.approx(items, abs=1e-8)


@pytest.mark.parametrize(("repeats", "delta"), [(1, 0.1327333279), (10, 0.0756696393)])
def test_gpqa_diamond_sees_no_difference_below_so_much(repeats, delta):
    found = smallest_difference(
        198, between=1 / 9, within_a=1 / 6, within_b=1 / 6, repeats_a=repeats, repeats_b=repeats
    )  # fmt: skip
    assert found == pytest.approx(delta, abs=6e-11)


def test_different_items_for_each_model_see_less():
    assert smallest_difference(500, between=0.25 + 0.25) == pytest.approx(0.0885939035, abs=6e-11)


def test_pairs_of_pass_and_fail():
    assert pairs_needed(0.05, discordant=0.2) == pytest.approx(625.5473178337, abs=1e-8)


def test_the_paired_t_test_knows_that_few_pairs_need_a_few_more():
    assert pairs_needed_t(0.2) == pytest.approx(198.1508209556, abs=1e-6)
    assert pairs_needed_t(0.2) > items_needed(0.2, between=1)
    assert pairs_needed_t(-0.2) == pairs_needed_t(0.2)
    assert 2 < pairs_needed_t(3) < 5


def test_items_that_belong_together_count_less():
    assert design_effect(10, icc=0.2) == pytest.approx(2.8)
    assert items_needed(0.03, between=1 / 9, design_effect=2.8) == pytest.approx(2.8 * 968.9974980678)


@given(st.floats(0.001, 1), st.floats(0.001, 2), st.floats(0, 1), st.integers(1, 20))
def test_the_smallest_difference_is_the_inverse_of_items_needed(delta, between, within, repeats):
    variances = {"between": between, "within_a": within, "within_b": within / 2}
    items = items_needed(delta, **variances, repeats_a=repeats, repeats_b=repeats)
    if items >= 1:
        found = smallest_difference(items, **variances, repeats_a=repeats, repeats_b=repeats)
        assert found == pytest.approx(delta)


@pytest.mark.parametrize(
    "asked",
    [
        lambda: items_needed(0, between=1),
        lambda: items_needed(0.1, between=0),
        lambda: items_needed(0.1, between=-1),
        lambda: items_needed(0.1, between=1, repeats_a=0),
        lambda: items_needed(0.1, between=1, alpha=0),
        lambda: items_needed(0.1, between=1, power=1),
        lambda: items_needed(0.1, between=1, design_effect=0),
        lambda: smallest_difference(0, between=1),
        lambda: pairs_needed(0.3, discordant=0.2),
        lambda: pairs_needed(0, discordant=0.2),
        lambda: pairs_needed_t(0),
        lambda: design_effect(0.5, icc=0.1),
    ],
)
def test_questions_without_an_answer_are_refused(asked):
    with pytest.raises(NotUsable):
        asked()
