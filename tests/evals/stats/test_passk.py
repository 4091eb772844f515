"""pass@k and pass^k, unbiased, and undefined where they are undefined."""

import csv
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.stats.passk import (
    counts,
    pass_at_k,
    pass_hat_k,
    suite_pass_at_k,
    suite_pass_hat_k,
)

TEN_DIGITS = 6e-11
tasks = st.integers(1, 12).flatmap(lambda trials: st.tuples(st.just(trials), st.integers(0, trials)))


@pytest.mark.parametrize(
    ("trials", "successes", "any_of", "all_of"),
    [
        (10, 3, [0.3, 0.5333333333, 0.7083333333, 0.9166666667], [0.3, 0.0666666667, 0.0083333333, 0.0]),
        (8, 7, [0.875, 1, 1, 1], [0.875, 0.75, 0.625, 0.375]),
        (5, 0, [0, 0, 0, 0], [0, 0, 0, 0]),
        (5, 5, [1, 1, 1, 1], [1, 1, 1, 1]),
        (20, 19, [0.95, 1, 1, 1], [0.95, 0.9, 0.85, 0.75]),
    ],
)
def test_one_task_is_as_in_the_reference(trials, successes, any_of, all_of):
    assert [pass_at_k(trials, successes, k) for k in (1, 2, 3, 5)] == pytest.approx(any_of, abs=TEN_DIGITS)
    assert [pass_hat_k(trials, successes, k) for k in (1, 2, 3, 5)] == pytest.approx(all_of, abs=TEN_DIGITS)


def test_the_plug_in_is_not_used():
    assert pass_hat_k(10, 3, 3) != pytest.approx(0.3**3)


def test_a_suite_has_the_mean_over_tasks_and_its_error():
    trials, successes = [8] * 8, [8, 8, 7, 4, 0, 8, 6, 1]
    all_of, any_of = suite_pass_hat_k(trials, successes, 3), suite_pass_at_k(trials, successes, 3)
    assert [all_of.mean, all_of.error] == pytest.approx([0.5066964286, 0.1619825771], abs=TEN_DIGITS)
    assert [any_of.mean, any_of.error] == pytest.approx([0.7879464286, 0.1360142655], abs=TEN_DIGITS)
    assert (all_of.k, all_of.tasks) == (3, 8)


def test_k_above_the_trials_of_any_task_is_an_error_and_no_task_is_left_out():
    with pytest.raises(NotUsable, match="k = 6 is not defined for a task with 5 trials"):
        pass_hat_k(5, 5, 6)
    with pytest.raises(NotUsable, match="2 trials"):
        suite_pass_at_k([8, 8, 2], [8, 0, 2], 3)
    with pytest.raises(NotUsable, match="k = 0"):
        pass_at_k(5, 5, 0)


def test_a_suite_that_always_passes_has_an_unknown_error_and_not_one_of_0():
    assert suite_pass_hat_k([4, 4, 4], [4, 4, 4], 2).error is None
    assert suite_pass_hat_k([4], [3], 2).error is None


def test_counts_come_from_one_row_a_trial():
    assert counts(["b", "a", "b", "a", "b"], [1, 0, 1, 1, 0]) == ([3, 2], [2, 1])
    with pytest.raises(NotUsable, match="0 or 1"):
        counts(["a"], [0.5])
    with pytest.raises(NotUsable, match="1 labels for 2"):
        counts(["a"], [1, 0])


def test_a_suite_without_tasks_or_with_other_counts_is_refused():
    with pytest.raises(NotUsable, match="one of each a task"):
        suite_pass_at_k([], [], 1)
    with pytest.raises(NotUsable, match="one of each a task"):
        suite_pass_at_k([3, 3], [1], 1)
    with pytest.raises(NotUsable, match="4 successes in 3 trials"):
        suite_pass_at_k([3], [4], 1)


def test_tau_bench_is_reproduced(shared):
    with (shared / "tau_bench" / "gpt4o_airline_trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    trials, successes = counts([row["task"] for row in rows], [float(row["reward"]) for row in rows])
    found = [suite_pass_hat_k(trials, successes, k).mean for k in (1, 2, 3, 4)]
    assert [round(value, 3) for value in found] == [0.42, 0.273, 0.22, 0.2]


@given(tasks, st.integers(1, 12))
def test_any_of_k_is_at_least_one_of_one_and_at_least_all_of_k(task, k):
    trials, successes = task
    if k > trials:
        return
    rate = successes / trials
    assert 0 <= pass_hat_k(trials, successes, k) <= rate + 1e-12
    assert rate - 1e-12 <= pass_at_k(trials, successes, k) <= 1


@given(st.integers(2, 8), st.floats(0, 1), st.integers(1, 8))
def test_both_are_unbiased_whatever_the_true_rate(trials, rate, k):
    if k > trials:
        return
    chances = [math.comb(trials, c) * rate**c * (1 - rate) ** (trials - c) for c in range(trials + 1)]
    all_of = sum(chance * pass_hat_k(trials, c, k) for c, chance in enumerate(chances))
    any_of = sum(chance * pass_at_k(trials, c, k) for c, chance in enumerate(chances))
    assert all_of == pytest.approx(rate**k, abs=1e-9)
    assert any_of == pytest.approx(1 - (1 - rate) ** k, abs=1e-9)
