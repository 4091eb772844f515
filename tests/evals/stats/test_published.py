"""Errors that others published, from their own items."""

import csv

import numpy as np
import pytest

from copilot_kit_evals.stats.comparison import compare
from copilot_kit_evals.stats.matrix import Columns, pair
from copilot_kit_evals.stats.means import standard_error
from copilot_kit_evals.tables import read_table


def columns_of(path):
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows if row[name]] for name in rows[0] if name != "item"}


def test_alpaca_evals_win_rates_and_errors_of_all_models(shared):
    scores = columns_of(shared / "alpaca_eval2" / "preference.csv")
    with (shared / "alpaca_eval2" / "published.csv").open() as file:
        published = [row for row in csv.DictReader(file) if row["model"] in scores]
    assert len(published) == len(scores) == 27
    for row in published:
        wins = np.array(scores[row["model"]]) - 1
        assert 100 * wins.mean() == pytest.approx(float(row["win_rate"]), abs=1e-4)
        error = standard_error(wins)
        assert error is not None
        assert 100 * error == pytest.approx(float(row["standard_error"]), abs=1e-4)


def test_epochs_errors_are_over_items_and_not_over_trials(shared):
    with (shared / "epoch_items" / "runs.csv").open() as file:
        runs = {row["run_id"]: row for row in csv.DictReader(file)}
    checked = 0
    for bench in ("gpqa_diamond", "mock_aime", "swebench_verified"):
        for run, items in columns_of(shared / "epoch_items" / f"{bench}.csv").items():
            published = [one.rpartition("±")[2] for one in runs[run]["published_scores_with_stderr"].split(";")]
            error = standard_error(items)
            if len(published) == 1 and error is not None:
                assert error == pytest.approx(float(published[0]), abs=0.00501)
                checked += 1
    assert checked > 100


def test_two_models_of_swe_bench_differ_less_surely_than_their_items_seem_to_say(shared):
    rows = read_table(shared / "swebench_mini" / "results.csv")
    columns = Columns.of(rows)
    both = pair(rows, "Claude 4.5 Sonnet (20250929)", "Claude 4 Opus (20250514)", columns=columns)
    found = compare(both.a, both.b, clusters=both.clusters)
    assert (found.n_items, found.wins, found.losses, found.clusters) == (500, 45, 30, 12)
    assert [found.mean_a, found.mean_b] == pytest.approx([0.706, 0.676])
    assert found.p_exact == pytest.approx(0.1053422689)
    assert found.intervals["clustered_t"].lower > 0  # twelve clusters that are not even four
    assert found.interval is not None
    assert found.interval.lower < 0 < found.interval.upper
    assert found.cost_per_success_a is not None
    assert found.cost_per_success_a.ratio == pytest.approx(279.167368 / 353)
