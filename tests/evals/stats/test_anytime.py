"""Evidence that holds however often one looks."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit_evals.stats.anytime import (
    betting,
    discordant_e_value,
    empirical_bernstein,
    first_reached,
    non_inferiority_betting,
    rate,
    sprt_bounds,
    wins_in_a_row,
)
from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.paired import mcnemar

TEN_DIGITS = 6e-11
X = [1, 0, 0, -1, 1, 1, 0, 0.5, 1, 0.2, 1, 1, 0, 1, 1, -0.5, 1, 1, 1, 0.4]


@pytest.mark.parametrize(
    ("wins", "losses", "evidence"),
    [
        (0, 0, 1.0),
        (4, 0, 4.375),
        (6, 0, 14.4375),
        (8, 0, 50.2734375),
        (10, 2, 4.1005859375),
        (29, 15, 1.1531188575),
        (40, 15, 38.8966899872),
        (5, 5, 0.24609375),
    ],
)
def test_the_evidence_of_discordant_pairs_is_that_of_the_reference(wins, losses, evidence):
    assert discordant_e_value(wins, losses) == pytest.approx(evidence, rel=1e-10)
    assert discordant_e_value(losses, wins) == pytest.approx(evidence, rel=1e-10)


def test_seven_wins_in_a_row_are_the_first_to_show_a_difference():
    assert wins_in_a_row() == 7
    assert wins_in_a_row(0.01) == 10


def test_looking_all_the_time_costs_wins():
    assert mcnemar(6, 0) <= 0.05  # once
    assert discordant_e_value(6, 0) < 20  # at any time


def test_bets_on_differences_are_those_of_the_reference():
    evidence = betting(X)
    assert len(evidence) == 20
    expected = [1.0, 0.6833333333, 1.5057483333, 9.1570525418, 35.6701227531]
    assert [evidence[t - 1] for t in (1, 5, 10, 15, 20)] == pytest.approx(expected, abs=TEN_DIGITS)
    assert first_reached(evidence) == 19
    assert first_reached(evidence[:18]) is None


def test_bets_against_a_loss_of_the_margin_are_those_of_the_reference():
    evidence = non_inferiority_betting(X, margin=0.05)
    assert [evidence[t - 1] for t in (1, 10, 20)] == pytest.approx([1.5, 3.8306276797, 129.2799955288], abs=1e-9)


def test_a_margin_of_0_bets_on_being_better_and_no_loss_is_won_by_it():
    assert non_inferiority_betting([-1.0] * 10, margin=0)[-1] < 1
    assert non_inferiority_betting([1.0] * 10, margin=0)[-1] > 20


def test_the_bets_are_fair():
    """Over all ways that three fair flips can come out, the money stays the same on average."""
    ways = [[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)]
    assert np.mean([betting(way)[-1] for way in ways]) == pytest.approx(1)
    assert np.mean([discordant_e_value(way.count(1), way.count(-1)) for way in ways]) == pytest.approx(1)


def test_thousands_of_wins_overflow_to_infinity_and_not_to_an_error():
    assert betting([1.0] * 5000)[-1] == math.inf
    assert discordant_e_value(5000, 0) == math.inf
    assert discordant_e_value(5000, 5000) < 1


@pytest.mark.parametrize(
    ("passed", "trials", "interval"),
    [
        (98, 100, [0.8953213939, 0.9995247266]),
        (980, 1000, [0.9593645941, 0.9921810109]),
        (0, 100, [0, 0.0570285976]),
        (150, 200, [0.6367569913, 0.8440270116]),
    ],
)
def test_the_rate_at_any_time_is_that_of_the_gate(passed, trials, interval):
    assert list(rate(passed, trials)) == pytest.approx(interval, abs=TEN_DIGITS)


@pytest.mark.parametrize(
    ("moment", "interval"),
    [
        (10, [0.0, 1.0]),
        (50, [0.5774700705, 1.0]),
        (100, [0.6547688363, 0.9389269083]),
        (200, [0.6978758252, 0.8972841622]),
    ],
)
def test_the_empirical_bernstein_sequence_is_that_of_the_reference(moment, interval):
    band = empirical_bernstein([1, 1, 0, 1, 1] * 40)
    assert [band.lower[moment - 1], band.upper[moment - 1]] == pytest.approx(interval, abs=TEN_DIGITS)


def test_the_sequence_knows_no_future_and_any_scale():
    values = [1, 1, 0, 1, 1] * 40
    whole, part = empirical_bernstein(values), empirical_bernstein(values[:50])
    assert whole.lower[:50].tolist() == part.lower.tolist()
    scaled = empirical_bernstein([10 * one - 5 for one in values], bounds=(-5, 5))
    assert scaled.lower.tolist() == pytest.approx((10 * whole.lower - 5).tolist())


def test_equal_values_have_a_sequence_of_some_width():
    band = empirical_bernstein([1.0] * 300)
    assert 0.9 < band.lower[-1] < 1
    assert band.upper[-1] == 1


def test_walds_bounds_are_those_of_the_reference():
    assert sprt_bounds(0.05, 0.2) == pytest.approx((-1.558144618, 2.7725887222), abs=TEN_DIGITS)


@pytest.mark.parametrize(
    "asked",
    [
        lambda: betting([1.5]),
        lambda: betting([]),
        lambda: betting([math.nan]),
        lambda: non_inferiority_betting([1.0], margin=1),
        lambda: non_inferiority_betting([1.0], margin=-0.1),
        lambda: discordant_e_value(-1, 0),
        lambda: empirical_bernstein([2.0]),
        lambda: empirical_bernstein([0.5], confidence=1),
        lambda: wins_in_a_row(0),
        lambda: sprt_bounds(0.05, 1),
    ],
)
def test_bets_that_would_not_be_fair_are_refused(asked):
    with pytest.raises(NotUsable):
        asked()


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=50))
def test_items_on_which_both_agree_move_no_money(differences):
    moved = [one for one in differences if one]
    expected = betting(moved)[-1] if moved else 1.0
    assert betting(differences)[-1] == pytest.approx(expected)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=50))
def test_money_is_never_owed_and_both_directions_count_alike(differences):
    evidence = betting(differences)
    assert all(evidence > 0)
    assert betting([-one for one in differences]).tolist() == pytest.approx(evidence.tolist())
