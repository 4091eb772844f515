"""Numbers that others published, computed again from their data by the commands that users have."""

import csv
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Copilot = Callable[..., Any]

METR = {
    "GPT-4 0314": "gpt_4",
    "Claude 3.7 Sonnet (Inspect)": "claude_3_7_sonnet_inspect",
    "GPT-5 (Inspect)": "gpt_5_2025_08_07_inspect",
}
"""How the two files of METR call the same agent."""


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_metr_horizons_are_within_half_a_percent_and_their_intervals_within_a_fifth(copilot: Copilot, published: Path):
    folder = published / "metr_horizon"
    agents = copilot("stats", "horizon", folder / "task_counts.csv", "--json").json["agents"]
    said = {row["model"]: row for row in rows(folder / "published_v1_1.csv")}
    for agent, name in METR.items():
        ours, theirs = agents[agent], {key: float(said[name][f"{key}"]) for key in said[name] if key[0] in "pa"}
        assert ours["p50_minutes"] == pytest.approx(theirs["p50_min"], rel=0.0005)
        assert ours["p80_minutes"] == pytest.approx(theirs["p80_min"], rel=0.0005)
        assert ours["average_score"] == pytest.approx(theirs["average_score"], abs=1e-6)
        assert ours["p50_interval"] == pytest.approx([theirs["p50_lo"], theirs["p50_hi"]], rel=0.12)
        assert ours["p80_interval"] == pytest.approx([theirs["p80_lo"], theirs["p80_hi"]], rel=0.12)
    assert agents["GPT-5.3-Codex"]["p50_minutes"] == pytest.approx(349.531, rel=0.0005)


def test_metr_runs_of_2025_have_a_horizon_for_each_agent_and_none_where_all_failed(copilot: Copilot, published: Path):
    file = published / "metr_horizon" / "runs_2025_01.csv"
    agents = copilot("stats", "horizon", file, "--draws", "100", "--json").json["agents"]
    assert len(agents) == 8
    assert agents["davinci-002"]["p50_minutes"] == 0
    assert agents["davinci-002"]["p50_interval"] == [0, None]
    assert agents["Claude 3.5 Sonnet (New)"]["n_runs"] == 802
    assert agents["Claude 3.5 Sonnet (New)"]["p50_minutes"] > agents["Claude 3.5 Sonnet (Old)"]["p50_minutes"] > 0


def test_metr_doubling_times_are_within_half_a_percent(copilot: Copilot, published: Path, tmp_path: Path):
    folder = published / "metr_horizon"
    old = copilot("stats", "trend", folder / "published_v1_0.csv", "--until", "2025-02-28", "--json").json
    assert old["doubling_days"] == pytest.approx(212.0, rel=0.005)
    new = folder / "published_v1_1.csv"
    assert copilot("stats", "trend", new, "--json").json["from_2023_on"]["doubling_days"] == pytest.approx(
        133.988, 1e-5
    )
    longer = tmp_path / "longer.csv"  # 128.744 seems to count one more model; its row is from memory
    header, *lines = new.read_text().splitlines()
    added = {"model": "opus_4_6", "release_date": "2026-02-05", "is_sota": "True", "p50_min": "718.81"}
    row = ",".join(added.get(name, "0") for name in header.split(","))
    longer.write_text("\n".join([header, *lines, row, ""]))
    found = copilot("stats", "trend", longer, "--since", "2023-01-01", "--json").json
    assert found["doubling_days"] == pytest.approx(128.744, rel=1e-5)


def test_tau_bench_pass_hat_k_is_exact(copilot: Copilot, published: Path):
    found = copilot("stats", "passk", published / "tau_bench" / "gpt4o_airline_trials.csv", "--json").json
    assert {k: round(rate, 3) for k, rate in found["pass_hat_k"].items()} == {
        "1": 0.42, "2": 0.273, "3": 0.22, "4": 0.2,
    }  # fmt: skip
    said = next(row for row in rows(published / "tau_bench" / "published_pass_k.csv") if "(gpt-4o)" in row["agent"])
    assert [round(found["pass_hat_k"][str(k)], 3) for k in range(1, 5)] == [
        float(said[f"pass{k}"]) for k in range(1, 5)
    ]
    assert found["pass_at_k"]["4"] == pytest.approx(0.72)


def test_llmfao_bradley_terry_win_rates_and_elo_are_exact(copilot: Copilot, published: Path):
    folder = published / "llmfao"
    said = {row["model"]: row for row in rows(folder / "published_scores.csv")}
    found = copilot("stats", "bt", folder / "crowd_comparisons.csv", "--json").json["models"]
    online = copilot("stats", "bt", folder / "crowd_comparisons.csv", "--online-elo", "--json").json["models"]
    assert found.keys() == said.keys()
    for name, row in said.items():
        assert found[name]["strength"] == pytest.approx(float(row["bradley_terry"]), abs=1e-12)
        assert found[name]["win_rate"] == pytest.approx(float(row["average_win_rate"]), abs=1e-12)
        assert found[name]["wins"] == float(row["counting"])
        assert online[name]["elo"] == pytest.approx(float(row["elo"]), abs=1e-9)


def test_gpt4_as_a_judge_agrees_with_people_a_little_and_leans_to_the_right(copilot: Copilot, published: Path):
    human, judge = (published / "llmfao" / f"{who}crowd_comparisons.csv" for who in ("", "gpt4_"))
    found = copilot("stats", "judge", human, judge, "--json").json
    assert (found["n_verdicts"], found["n_items"], found["cluster"]) == (8931, 2139, "prompt")
    assert found["agreement"] == pytest.approx(0.414847, abs=1e-6)
    assert 0.05 < found["intervals"]["kappa"][0] < found["kappa"] < found["intervals"]["kappa"][1] < 0.3
    assert found["intervals"]["position_bias"][1] < 0
    assert found["position"]["decided"] == 2073


def test_alpacaeval_win_rates_and_their_errors_are_exact_for_each_model(copilot: Copilot, published: Path):
    folder = published / "alpaca_eval2"
    found = copilot("stats", "means", folder / "preference.csv", "--preferences", "--json").json["models"]
    said = rows(folder / "published.csv")
    assert len(found) == len(said) == 27
    for row in said:
        ours = found[row["model"]]
        assert 100 * ours["mean"] == pytest.approx(float(row["win_rate"]), abs=1e-6)
        assert 100 * ours["standard_error"] == pytest.approx(float(row["standard_error"]), abs=1e-6)
        assert 100 * ours["discrete_win_rate"] == pytest.approx(float(row["discrete_win_rate"]), abs=1e-9)
        assert [ours["wins"], ours["losses"], ours["draws"], ours["n_items"]] == [
            int(float(row[name])) for name in ("n_wins", "n_wins_base", "n_draws", "n_total")
        ]


def test_swebench_percentages_and_costs_agree_but_for_the_sources_own_error(copilot: Copilot, published: Path):
    folder = published / "swebench_mini"
    ended = copilot("stats", "means", folder / "results.csv", "--published", folder / "models.csv", "--json")
    found, checked = ended.json["models"], ended.json["published"]["findings"]
    wrong = [(one["model"], one["published_column"]) for one in checked if one["status"] == "differs"]
    assert wrong == [("Claude 3.7 Sonnet (20250219)", "published_resolved_pct")]
    assert ended.code == 1
    others = {one["model"]: one["published"] for one in checked if one["status"] == "other_count"}
    assert others == {"Claude 4 Sonnet (20250514)": 64.93, "Llama 4 Maverick Instruct": 21.04}
    for row in rows(folder / "models.csv"):
        if row["has_items"] == "True" and row["model"] not in (*others, wrong[0][0]):
            ours = found[row["model"]]
            assert 100 * ours["mean"] == pytest.approx(float(row["published_resolved_pct"]), abs=0.005)
            assert ours["cost_total"] == pytest.approx(float(row["published_cost_usd_total"]), rel=1e-5)
            assert ours["clusters"] == 12


def test_bbh_accuracies_are_exact_for_each_task_and_variant(copilot: Copilot, published: Path):
    folder = published / "bbh_codex"
    found = copilot("stats", "means", folder / "correct.csv", "--by", "task", "--json").json["models"]
    said = rows(folder / "published.csv")
    assert len(said) == len(found) == 28
    for row in said:
        ours = found[f"{row['variant']} {row['task']}"]
        assert (ours["n_items"], round(100 * ours["mean"], 4)) == (int(row["n"]), float(row["published_accuracy"]))


def test_gsm8k_accuracies_are_exact(copilot: Copilot, published: Path):
    folder = published / "gsm8k"
    file = folder / "items_with_solutions.jsonl"
    found = copilot("stats", "means", file, "--score", "is_correct", "--json").json["models"]
    for row in rows(folder / "summary.csv"):
        ours = found[row["variant"]]
        assert (ours["n_items"], round(100 * ours["mean"], 4)) == (660, float(row["percent_correct_here"]))


@pytest.mark.parametrize("bench", ["gpqa_diamond", "mock_aime", "swebench_verified"])
def test_epochs_scores_are_means_over_items_and_its_errors_theirs(copilot: Copilot, published: Path, bench: str):
    folder = published / "epoch_items"
    found = copilot("stats", "means", folder / f"{bench}.csv", "--json").json["models"]
    said = [row for row in rows(folder / "runs.csv") if row["bench"] == bench]
    assert len(said) == len(found)
    reproduced = 0
    for row in said:
        ours = found[row["run_id"]]
        assert ours["mean"] == pytest.approx(float(row["mean_of_items"]), abs=1e-6)
        scorers = re.findall(r"([0-9.]+)±([0-9.]+)", row["published_scores_with_stderr"])
        error = 0.0 if ours["standard_error"] is None else ours["standard_error"]
        reproduced += any(
            math.isclose(ours["mean"], float(mean), abs_tol=0.00501)
            and math.isclose(error, float(published_error), abs_tol=0.00501)
            for mean, published_error in scorers
        )
    assert reproduced == len(said)


def test_weirdml_averages_are_means_over_tasks_of_means_over_runs(copilot: Copilot, published: Path):
    folder = published / "weirdml"
    found = copilot("stats", "means", folder / "runs.csv", "--json").json["models"]
    said = [row for row in rows(folder / "models.csv") if row["published_avg"]]
    for row in said:
        assert found[row["model"]]["mean"] == pytest.approx(float(row["published_avg"]), abs=3e-6)
        assert found[row["model"]]["n_items"] == 17


def test_aider_pass_rates_are_shares_of_their_cases(copilot: Copilot, published: Path):
    for row in rows(published / "aider_polyglot" / "runs.csv")[::6]:
        found = copilot("stats", "rate", row["pass_num_2"], "225", "--json").json
        off = 0.051 if row["test_cases"] == "225" else 0.3
        assert 100 * found["rate"] == pytest.approx(float(row["pass_rate_2"]), abs=off)
