"""Rates: the intervals of the gate under one roof, and trials that belong together counted for what they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit_evals.stats import proportions
from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.proportions import (
    cases_once,
    clopper_pearson,
    clustered_rate,
    effective_trials,
    reliability,
    wilson,
    zero_failures_upper,
)

TEN_DIGITS = 6e-11
rows = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9)), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("passed", "trials", "score", "exact"),
    [
        (0, 20, [0, 0.1611251581], [0, 0.168433471]),
        (1, 50, [0.0035392593, 0.1049544359], [0.000506228, 0.1064695457]),
        (45, 50, [0.7863976856, 0.9565242351], [0.7818646336, 0.9667249064]),
        (98, 100, [0.9299882093, 0.9944980324], [0.9296160675, 0.9975686632]),
        (150, 200, [0.6856590169, 0.8049183199], [0.6840371667, 0.8083928304]),
    ],
)
def test_independent_trials_have_the_intervals_of_the_reference(passed, trials, score, exact):
    assert list(wilson(passed, trials)) == pytest.approx(score, abs=TEN_DIGITS)
    assert list(clopper_pearson(passed, trials)) == pytest.approx(exact, abs=TEN_DIGITS)


def test_clean_cases_bound_the_failure_rate_and_are_counted_for_a_claim():
    assert zero_failures_upper(3000) == pytest.approx(0.000998079, abs=TEN_DIGITS)
    assert [cases_once(0.98, failures=count) for count in (0, 1, 2, 3, 5)] == [149, 236, 313, 386, 523]
    assert [cases_once(0.999, failures=count) for count in (0, 1, 2, 3, 5)] == [2995, 4742, 6294, 7752, 10511]
    assert [cases_once(rate) for rate in (0.7, 0.9, 0.95, 0.99, 0.995)] == [9, 29, 59, 299, 598]


@pytest.mark.parametrize(("method", "same"), [("wilson", wilson), ("exact", clopper_pearson)])
@pytest.mark.parametrize(("passed", "trials"), [(45, 50), (0, 300), (98, 98), (1, 2)])
def test_trials_of_their_own_cluster_each_have_the_interval_of_independent_ones(method, same, passed, trials):
    values = [1] * passed + [0] * (trials - passed)
    found = clustered_rate(values, list(range(trials)), method=method)
    size = found.effective_trials
    assert size == pytest.approx(trials - 1 if 0 < passed < trials else trials)  # the corrected error has n - 1
    expected = same(passed, trials)
    assert tuple(found.interval) == pytest.approx(tuple(expected), abs=0.3 / trials)
    assert found.interval.upper - found.interval.lower >= expected.upper - expected.lower - 1e-12


def test_repeats_of_an_item_do_not_make_a_rate_surer():
    items = [1] * 18 + [0] * 2
    once = clustered_rate(items, list(range(20)))
    ten_times = clustered_rate(
        [one for one in items for _ in range(10)], [item for item in range(20) for _ in range(10)]
    )
    assert ten_times.effective_trials == pytest.approx(once.effective_trials) == pytest.approx(19)
    assert ten_times.interval == pytest.approx(once.interval)
    assert ten_times.trials == 200


def test_three_hundred_clean_repeats_of_three_items_are_three_clean_cases():
    found = clustered_rate([1] * 300, [trial % 3 for trial in range(300)], method="exact")
    assert (found.effective_trials, found.error) == (3, None)
    assert tuple(found.interval) == pytest.approx(tuple(clopper_pearson(3, 3)), abs=TEN_DIGITS)
    assert reliability([1] * 300, [trial % 3 for trial in range(300)]) == pytest.approx(0.05 ** (1 / 3))


def test_clusters_that_even_out_never_count_for_more_than_the_trials():
    assert effective_trials([0, 1] * 30 + [0], [trial // 2 for trial in range(61)]) <= 61


def test_one_cluster_is_one_case():
    assert effective_trials([1, 0, 1, 1], ["x"] * 4) == 1


def test_a_reliability_claim_is_one_sided():
    assert reliability([1] * 59, list(range(59))) >= 0.95
    assert reliability([1] * 58, list(range(58))) < 0.95
    assert reliability([0, 0], ["x", "y"]) == 0


@pytest.mark.parametrize(("cases", "failed"), [(149, 0), (236, 1), (313, 2), (523, 5)])
def test_independent_cases_show_a_claim_with_as_many_as_the_exact_bound_needs(cases, failed):
    values = [1] * (cases - failed) + [0] * failed
    assert reliability(values, list(range(cases))) >= 0.98
    assert reliability(values[1:], list(range(1, cases))) < 0.98


def test_a_claim_knows_that_a_few_items_hold_all_failures():
    values = [1] * 288 + [0] * 12  # thirty items of ten repeats, all failures in the last two
    labels = [trial // 10 for trial in range(300)]
    plain = clustered_rate(values, labels, method="exact", confidence=0.9).interval.lower
    assert reliability(values, labels) < plain - 0.005


def test_a_claim_without_confidence_is_refused():
    with pytest.raises(NotUsable, match=r"0\.5"):
        reliability([1, 0], ["x", "y"], confidence=0.5)


def test_graded_scores_are_no_rate():
    with pytest.raises(NotUsable, match=r"0\.5; each must be 0 or 1"):
        clustered_rate([1, 0.5], ["x", "y"])
    with pytest.raises(NotUsable, match="at least 1"):
        clustered_rate([], [])


def test_the_module_names_the_bounds_of_the_gate_and_repeats_none():
    assert proportions.anytime.__module__ == "copilot_kit.approval.bounds"
    assert all(hasattr(proportions, name) for name in proportions.__all__)


@given(rows, st.sampled_from(["wilson", "exact"]))
def test_the_interval_holds_the_rate_and_has_a_width(trials, method):
    found = clustered_rate([one for one, _ in trials], [item for _, item in trials], method=method)
    assert 0 <= found.interval.lower <= found.rate + 1e-12
    assert 1 >= found.interval.upper >= found.rate - 1e-12
    assert found.interval.upper > found.interval.lower
    assert 0 < found.effective_trials <= len(trials)


def test_a_claim_is_not_made_of_what_one_large_cluster_hides():
    sizes = [231, 75, 44, 34, 32, 22, 22, 19, 10, 8, 2, 1]  # the repositories of SWE-bench Verified
    labels = np.repeat(np.arange(len(sizes)), sizes)
    chance, false = np.random.default_rng(2), 0
    for _ in range(300):
        alike, drawn = np.repeat(chance.random(len(sizes)), sizes), chance.random(len(labels))
        whole = np.repeat(chance.random(len(sizes)) < 0.7, sizes)
        false += reliability((np.where(whole, alike, drawn) < 0.7).astype(float), labels) >= 0.7
    assert false / 300 <= 0.05  # 9 of 100 by the error that counts clusters as if they were of one size
