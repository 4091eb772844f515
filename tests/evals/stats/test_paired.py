"""Pass and fail of two models on the same items."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.paired import Discordance, discordance, mcnemar, mcnemar_mid_p, tango

TEN_DIGITS = 6e-11
counts = st.integers(0, 60)


@pytest.mark.parametrize(
    ("wins", "losses", "exact", "mid"),
    [
        (4, 0, 0.125, 0.0625),
        (5, 0, 0.0625, 0.03125),
        (6, 0, 0.03125, 0.015625),
        (2, 10, 0.0385742188, 0.0224609375),
        (10, 2, 0.0385742188, 0.0224609375),
        (8, 0, 0.0078125, 0.00390625),
        (15, 29, 0.0487667659, 0.0356978036),
    ],
)
def test_mcnemars_exact_p_is_that_of_the_reference(wins, losses, exact, mid):
    assert mcnemar(wins, losses) == pytest.approx(exact, abs=TEN_DIGITS)
    assert mcnemar_mid_p(wins, losses) == pytest.approx(mid, abs=TEN_DIGITS)


def test_four_wins_and_no_loss_are_not_significant():
    assert mcnemar(4, 0) > 0.05  # where the chi-square form says 0.0455


def test_no_discordant_item_is_no_evidence():
    assert mcnemar(0, 0) == 1
    assert mcnemar(7, 7) == 1
    assert mcnemar_mid_p(0, 0) == 0.5
    assert mcnemar_mid_p(1, 1) == 0.75


@pytest.mark.parametrize(
    ("wins", "losses", "items", "interval"),
    [
        (12, 2, 50, [0.0611124062, 0.3447087483]),
        (2, 10, 80, [-0.1950609906, -0.0177863418]),
        (4, 0, 100, [0.0015267619, 0.0983707144]),
        (0, 0, 100, [-0.0369934982, 0.0369934982]),
    ],
)
def test_tangos_interval_is_that_of_the_reference(wins, losses, items, interval):
    assert list(tango(wins, losses, items)) == pytest.approx(interval, abs=TEN_DIGITS)


def test_the_ends_of_the_scale_have_an_interval_too():
    assert tango(20, 0, 20).upper == 1
    assert 0.5 < tango(20, 0, 20).lower < 1
    assert tango(0, 20, 20).lower == -1
    assert tango(1, 0, 1).lower < 0 < tango(1, 0, 1).upper
    assert tango(0, 0, 1) == pytest.approx((-0.793, 0.793), abs=0.001)


def test_the_fourfold_table_counts_ties_and_does_not_drop_them():
    table = discordance([1, 1, 0, 0, 1], [1, 0, 1, 0, 0])
    assert table == Discordance(wins=2, losses=1, both=1, neither=1)
    assert table.items == 5


@pytest.mark.parametrize(
    "asked",
    [
        lambda: mcnemar(-1, 2),
        lambda: tango(3, 3, 5),
        lambda: tango(0, 0, 0),
        lambda: tango(1, 0, 5, confidence=1),
        lambda: discordance([1, 0.5], [1, 0]),
        lambda: discordance([1], [1, 0]),
    ],
)
def test_counts_that_cannot_be_are_refused(asked):
    with pytest.raises(NotUsable):
        asked()


@given(counts, counts, st.integers(1, 200))
def test_the_interval_holds_the_difference_and_turns_with_the_models(wins, losses, others):
    items = wins + losses + others
    lower, upper = tango(wins, losses, items)
    assert -1 <= lower < (wins - losses) / items < upper <= 1
    assert tango(losses, wins, items) == pytest.approx((-upper, -lower), abs=1e-9)


@given(counts, counts)
def test_the_mid_p_is_smaller_and_both_are_probabilities(wins, losses):
    assert 0 < mcnemar_mid_p(wins, losses) < mcnemar(wins, losses) <= 1


@given(counts, counts)
def test_mcnemar_does_not_care_which_model_comes_first(wins, losses):
    assert mcnemar(wins, losses) == mcnemar(losses, wins)
