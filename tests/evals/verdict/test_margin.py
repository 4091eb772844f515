"""Tango's one-sided test: it is what his interval inverts, and keeps its promise where t does not."""

import numpy as np
import pytest

from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.noninferiority import non_inferiority
from copilot_kit_evals.stats.paired import score_p, tango


@pytest.mark.parametrize(("wins", "losses", "items"), [(12, 2, 50), (2, 10, 80), (4, 0, 100), (0, 0, 100)])
def test_the_ends_of_the_interval_are_where_the_test_has_half_of_alpha(wins: int, losses: int, items: int):
    lower, upper = tango(wins, losses, items)
    assert score_p(wins, losses, items, null=lower) == pytest.approx(0.025, abs=1e-6)
    assert score_p(losses, wins, items, null=-upper) == pytest.approx(0.025, abs=1e-6)


def test_without_any_change_88_items_rule_out_a_loss_of_3_points():
    assert [score_p(0, 0, items, null=-0.03) <= 0.05 for items in (87, 88)] == [False, True]  # 1.645^2 * 0.97 / 0.03


def test_rare_losses_deceive_t_and_not_the_score_test():
    chance = np.random.default_rng(1)
    false = np.zeros(2)
    for _ in range(300):
        delta = -(chance.random(100) < 0.03).astype(float)  # worse by just the margin
        wins, losses = int((delta > 0).sum()), int((delta < 0).sum())
        false += [score_p(wins, losses, 100, null=-0.03) <= 0.05, non_inferiority(delta, margin=0.03).p <= 0.05]
    tangos, students = (false / 300).tolist()
    assert tangos < 0.08
    assert students > 0.15


def test_a_margin_of_everything_cannot_be_tested():
    with pytest.raises(NotUsable, match="test a difference between -1 and 1"):
        score_p(1, 1, 10, null=-1.0)
