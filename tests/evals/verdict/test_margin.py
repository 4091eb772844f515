"""Tango's one-sided test: it is what his interval inverts, and keeps its promise where t does not."""

import numpy as np
import pytest

from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.means import shared_spread
from copilot_kit_evals.stats.noninferiority import non_inferiority
from copilot_kit_evals.stats.paired import score_p, tango
from copilot_kit_evals.verdict.claims import Differences


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


@pytest.mark.parametrize(("clusters", "size", "together"), [(100, 1, 0.0), (40, 5, 0.0), (12, 20, 0.0), (40, 5, 0.3)])
def test_clusters_are_not_called_no_worse_for_losses_that_are_rare(clusters: int, size: int, together: float):
    labels = [f"c{n // size}" for n in range(clusters * size)]
    chance = np.random.default_rng(5)
    false = 0
    for _ in range(200):
        drawn = chance.random((clusters, size))
        whole = chance.random(clusters) < together
        drawn[whole] = drawn[whole, :1]
        delta = np.where(drawn < 0.035, -1.0, np.where(drawn > 0.995, 1.0, 0.0)).ravel()  # worse by just the margin
        false += Differences(delta, delta, labels, True, False, 0, 0, 1999).no_worse(0.03) <= 0.05
    assert false / 200 <= 0.08  # flips and t alone: 9 to 22 of 100


def test_one_loss_does_not_show_that_there_are_few():
    labels = [f"c{n // 5}" for n in range(200)]
    none, one = np.zeros(200), np.array([-1.0] + [0.0] * 199)
    found = [Differences(delta, delta, labels, True, False, 0, 0).no_worse(0.03) for delta in (none, one)]
    assert found == [pytest.approx(0.97**40), pytest.approx(0.115, abs=0.001)]


def test_graded_scores_in_clusters_are_held_to_the_losses_that_all_may_have_missed():
    labels = [f"c{n // 2}" for n in range(80)]
    delta = np.array([0.1, 0.05] + [0.0] * 78)
    assert Differences(delta, delta, labels, True, False, 0, 0).no_worse(0.03) > 0.05
    assert Differences(delta, delta, None, True, False, 0, 0).no_worse(0.03) > 0.05


def test_spread_that_clusters_share_is_that_of_whole_clusters_until_items_have_moved():
    labels = [n // 5 for n in range(200)]
    assert shared_spread([0.0] * 200, labels) == 5
    assert shared_spread([1.0] * 5 + [0.0] * 195, labels) == pytest.approx(5, rel=0.03)
    assert shared_spread([1.0, -1.0, 1.0, -1.0, 0.0] * 40, labels) == 1
    alone = np.zeros(200)
    alone[::5] = 1.0
    assert shared_spread(alone, labels) == 1
