"""Not worse by the margin: shown, and never taken for granted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit_evals.stats.arrays import NotUsable, differences
from copilot_kit_evals.stats.means import item_means
from copilot_kit_evals.stats.noninferiority import non_inferiority


def test_the_one_sided_t_test_is_that_of_the_reference(toy):
    found = non_inferiority(differences(item_means(toy.a), item_means(toy.b)), margin=0.05)
    expected = [2.9361568332, 0.006770247, 0.0233559977]
    assert [found.t, found.p, found.lower] == pytest.approx(expected, abs=1e-10)
    assert (found.method, found.shown) == ("t", True)


def test_the_models_the_other_way_round_show_nothing(toy):
    found = non_inferiority(differences(item_means(toy.b), item_means(toy.a)), margin=0.05)
    assert not found.shown
    assert found.p > 0.5


def test_few_clusters_flip_as_a_whole_and_four_of_them_never_show_anything(toy):
    found = non_inferiority(differences(item_means(toy.a), item_means(toy.b)), margin=0.05, clusters=toy.clusters)
    assert (found.method, found.t, found.lower, found.shown) == ("clustered_flips", None, -1.0, False)
    assert found.p == 1 / 16
    six = non_inferiority([0.1, 0.2, 0.0, 0.3, 0.1, 0.2], margin=0.05, clusters=list("abcdef"))
    assert (six.p, six.shown) == (1 / 64, True)


def test_thirty_equal_clusters_are_enough_for_t():
    delta = [0.1 * (item % 7) - 0.2 for item in range(60)]
    found = non_inferiority(delta, margin=0.05, clusters=[item // 2 for item in range(60)])
    assert found.method == "t"


def test_no_change_on_thirty_items_is_no_proof_and_on_three_hundred_of_a_point_it_is():
    few, many = non_inferiority([0.0] * 30, margin=0.02), non_inferiority([0.0] * 300, margin=0.02)
    assert (few.method, few.shown, few.t) == ("no_spread", False, None)
    assert few.lower == pytest.approx(-0.0950338529, abs=6e-11)
    assert few.p == pytest.approx(0.98**30)
    assert many.lower == pytest.approx(-0.0099360819, abs=6e-11)
    assert (many.shown, many.p) == (True, pytest.approx(0.98**300))


def test_no_change_in_repeats_of_three_clusters_counts_as_three():
    assert not non_inferiority([0.0] * 300, margin=0.3, clusters=[item % 3 for item in range(300)]).shown


def test_a_loss_on_all_items_is_a_loss():
    found = non_inferiority([-1.0] * 50, margin=0.05)
    assert (found.p, found.lower, found.shown) == (1.0, -1.0, False)


def test_one_item_shows_nothing():
    assert not non_inferiority([0.2], margin=0.05).shown


@pytest.mark.parametrize("margin", [-0.01, float("nan")])
def test_a_margin_below_0_is_refused(margin):
    with pytest.raises(NotUsable, match="margin"):
        non_inferiority([0.1, 0.2], margin=margin)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=40), st.floats(0, 0.5))
def test_test_and_bound_agree(delta, margin):
    found = non_inferiority(delta, margin=margin)
    if abs(found.p - 0.05) > 1e-9:
        assert found.shown == (found.p < 0.05)
