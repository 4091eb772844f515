"""Sign flips and signed ranks: exact wherever counting is possible."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit_evals.stats.arrays import NotUsable, differences
from copilot_kit_evals.stats.means import item_means
from copilot_kit_evals.stats.paired import mcnemar
from copilot_kit_evals.stats.permutation import flips_interval, sign_flips, wilcoxon


def by_brute_force(sums: list[float]) -> float:
    flipped = [abs(sum(sign * one for sign, one in zip(signs, sums, strict=True)))
               for signs in itertools.product((1, -1), repeat=len(sums))]  # fmt: skip
    return sum(one >= abs(sum(sums)) - 1e-9 for one in flipped) / len(flipped)


def test_the_sign_flips_of_the_reference_come_out_exactly(toy):
    found = sign_flips(differences(item_means(toy.a), item_means(toy.b)))
    assert (found.p, found.units, found.method) == (0.125, 7, "exact")


def test_over_clusters_whole_clusters_flip(toy):
    delta = differences(item_means(toy.a), item_means(toy.b))
    found = sign_flips(delta, clusters=toy.clusters)
    assert found.p == by_brute_force([1 / 3, 2 / 3, 2 / 3, 0]) == 0.25
    assert found.units == 3


def test_four_clusters_never_show_significance():
    assert sign_flips([1] * 400, clusters=[item % 4 for item in range(400)]).p == 0.125


@pytest.mark.parametrize(("wins", "losses"), [(4, 0), (6, 0), (2, 10), (15, 29), (300, 240), (0, 0)])
def test_for_pass_and_fail_the_sign_flips_are_mcnemars_exact_test(wins, losses):
    found = sign_flips([1] * wins + [-1] * losses + [0] * 100)
    assert found.p == pytest.approx(mcnemar(wins, losses), rel=1e-9)
    assert found.method == "exact"


def test_a_thousand_items_with_repeats_are_still_counted_out():
    generator = np.random.default_rng(3)
    found = sign_flips(generator.integers(-16, 17, size=1000) / 16)
    assert found.method == "exact"
    assert 0 < found.p <= 1


def test_graded_scores_beyond_twenty_units_are_drawn_from_a_seed_and_it_says_so():
    delta = np.random.default_rng(0).normal(0.3, 1, size=40)
    first, second = sign_flips(delta, draws=2000, seed=5), sign_flips(delta, draws=2000, seed=5)
    assert first == second
    assert first.method == "monte_carlo"
    assert first.p != sign_flips(delta, draws=2000, seed=6).p


def test_a_drawn_p_is_never_0():
    assert sign_flips(np.random.default_rng(0).normal(9, 1, size=40), draws=999).p == 1 / 1000
    with pytest.raises(NotUsable, match="0 drawn"):
        sign_flips(np.random.default_rng(0).normal(size=40), draws=0)


def test_no_difference_is_no_evidence():
    assert sign_flips([0, 0, 0]).p == 1
    assert sign_flips([0, 0], tail="above").p == 1
    assert wilcoxon([0.0, 0.0]).p == 1
    assert sign_flips([1, -1, 1, -1], clusters=["x", "x", "y", "y"]).p == 1


def test_one_tail_counts_only_sums_above():
    assert sign_flips([1, 1, 1, 1], tail="above").p == 1 / 16
    assert sign_flips([-1, -1, -1, -1], tail="above").p == 1


def test_wilcoxon_shares_ranks_where_only_rounding_tells_differences_apart(toy):
    raw = item_means(toy.a) - item_means(toy.b)  # 1/3 seven times, up to the last bit
    assert wilcoxon(raw).p == 0.125
    assert wilcoxon(raw, tolerance=0).p == 0.09375  # the reference value: ranks decided by the last bit


def test_wilcoxon_of_distinct_sizes_is_the_table_of_the_textbooks():
    assert wilcoxon([1.1, 2.3, 3.2, 4.7, -0.4]).p == 2 * 2 / 32  # W- = 1
    assert wilcoxon([0.7, 1.9, 2.4, 3.3, 5.1]).p == 2 / 32


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9))
def test_counting_on_a_lattice_is_the_brute_force(sums):
    assert sign_flips([one / 4 for one in sums]).p == pytest.approx(by_brute_force([one / 4 for one in sums]))


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=8))
def test_listing_all_signs_is_the_brute_force(sums):
    kept = [one for one in sums if abs(one) > 1e-6] or [1.0]
    assert sign_flips(kept).p == pytest.approx(by_brute_force(kept), abs=2 ** -len(kept) / 2)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=60))
def test_direction_and_scale_change_nothing(sums):
    here = sign_flips(sums).p
    assert sign_flips([-one for one in sums]).p == pytest.approx(here)
    assert sign_flips([one / 3 for one in sums]).p == pytest.approx(here)


def test_the_interval_holds_what_the_test_does_not_reject():
    delta, clusters = [0.5, 1, 0.2, -0.1, 0.4, 0.9, 0.3, 0.7], list("abcdefgh")
    lower, upper = flips_interval(delta, clusters=clusters)
    for inside in (lower + 1e-9, upper - 1e-9):
        assert sign_flips([one - inside for one in delta]).p > 0.05
    for outside in (lower - 1e-9, upper + 1e-9):
        assert sign_flips([one - outside for one in delta]).p <= 0.05


def test_five_clusters_leave_everything_possible():
    assert flips_interval([1, 1, 1, 1, 0.5], clusters=list("abcde")) == (-math.inf, math.inf)
    assert flips_interval([1, 1, 1, 1, 1, 0.5], clusters=list("abcdef")).lower == 0.5


def test_units_without_spread_have_no_interval_of_no_width():
    with pytest.raises(NotUsable, match="no_spread"):
        flips_interval([0.5] * 12)


def test_beyond_eighteen_units_subsets_are_drawn_and_come_close_to_the_t_interval():
    delta = np.random.default_rng(1).normal(0.2, 1, size=200)
    lower, upper = flips_interval(delta)
    middle, half = delta.mean(), 1.972 * delta.std(ddof=1) / math.sqrt(200)
    assert (lower, upper) == pytest.approx((middle - half, middle + half), abs=0.02)


@pytest.mark.parametrize("units", [21, 24, 45])
def test_drawn_signs_are_looked_up_and_give_what_adding_them_gives(units: int):
    values = np.random.default_rng(3).normal(0.2, 1, units)
    octets = np.frombuffer(np.random.default_rng(9).bytes(500 * ((units + 7) // 8)), dtype=np.uint8)
    signs = 2.0 * np.unpackbits(octets.reshape(500, -1), axis=1, count=units) - 1
    hits = int((np.abs(signs @ values) >= abs(values.sum())).sum())
    assert sign_flips(values, seed=9, draws=500).p == (1 + hits) / 501
