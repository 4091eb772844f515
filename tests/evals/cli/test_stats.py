"""`copilot-kit stats`: the keys that scripts rely on, exit codes, and one line for what is wrong."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Copilot = Callable[..., Any]

HORIZON = "agent,task,family,human_minutes,n_successes,n_runs\n" + "".join(
    f"{agent},{'aabbbccddd'[place]}/t{place},{'aabbbccddd'[place]},{minutes},{won},6\n"
    for agent, rows in (("mid", [6, 6, 5, 6, 4, 4, 3, 1, 1, 0]), ("none", [0] * 10), ("every", [6] * 10))
    for place, (minutes, won) in enumerate(zip([1, 2, 4, 8, 15, 30, 60, 120, 240, 480], rows, strict=True))
)
TREND = "model,release_date,p50_min\na,2020-01-01,1\nb,2021-01-01,2\nworse,2021-06-01,1\nc,2022-01-01,5\nd,,9\n"
VOTES = "prompt,left,right,winner\n" + "p,a,b,left\nq,b,a,tie\np,b,a,left\nr,a,b,right\nq,c,a,right\nr,c,b,left\n" * 3
TRIALS = "task,trial,reward\n0,0,1\n0,1,0\n1,0,1\n1,1,1\n"
LONG = "model,item,repo,resolved,cost_usd\n" + "".join(
    f"{model},{item},{'r' + str(item % 4)},{won},0.5\n"
    for model, row in (("big", "1111101111"), ("small", "1010101010"))
    for item, won in enumerate(row)
)


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a table."""

    def written(content: str, name: str = "table.csv") -> Path:
        path = tmp_path / name
        path.write_text(content)
        return path

    return written


def test_horizon_keeps_its_keys_and_gives_no_number_where_there_is_none(copilot: Copilot, file: Callable[..., Path]):
    ended = copilot("stats", "horizon", file(HORIZON), "--json", "--draws", "100")
    agents = ended.json["agents"]
    assert ended.code == 0
    assert list(agents) == ["mid", "none", "every"]
    assert agents["mid"]["coefficient"] == pytest.approx(-0.84138, abs=1e-5)
    assert agents["mid"]["intercept"] == pytest.approx(4.621242, abs=1e-5)
    assert agents["mid"]["p50_minutes"] == pytest.approx(45.0188, abs=1e-3)
    assert agents["mid"]["p50_interval"][0] < agents["mid"]["p50_minutes"] < agents["mid"]["p50_interval"][1]
    assert len(agents["mid"]["p80_interval"]) == 2
    assert (agents["none"]["p50_minutes"], agents["none"]["p50_interval"]) == (0.0, [0.0, None])
    assert (agents["every"]["p80_minutes"], agents["every"]["p80_interval"]) == (
        "> longest task",
        [None, "> longest task"],
    )
    assert agents["every"]["longest_task_minutes"] == 480


def test_horizon_reads_a_row_a_run_as_it_reads_counts(copilot: Copilot, file: Callable[..., Path]):
    rows = [line.split(",") for line in HORIZON.splitlines()[1:11]]
    runs = "agent,task,family,human_minutes,score,score_binarized,fatal_error_from\n" + "".join(
        f"{agent},{task},{family},{minutes},0.3,{int(run < int(won))},usageLimits\n"
        for agent, task, family, minutes, won, n in rows
        for run in range(int(n))
    )
    first = copilot("stats", "horizon", file(HORIZON), "--agent", "mid", "--draws", "50", "--json")
    second = copilot("stats", "horizon", file(runs, "runs.csv"), "--draws", "50", "--json")
    assert first.json["agents"]["mid"] == second.json["agents"]["mid"]


def test_horizon_has_the_same_interval_each_time_and_another_for_another_seed(
    copilot: Copilot, file: Callable[..., Path]
):
    first, again, other = (
        copilot("stats", "horizon", file(HORIZON), "--draws", "80", "--seed", seed, "--json").json["agents"]["mid"]
        for seed in ("1", "1", "2")
    )
    assert first == again
    assert first["p50_interval"] != other["p50_interval"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (HORIZON.replace("human_minutes", "x"), "has no column 'human_minutes'"),
        (HORIZON.replace(",480,", ",soon,"), "line 11: 'human_minutes' is 'soon', which is no number"),
        (HORIZON.replace(",480,", ",0,"), "line 11: a task of 0 minutes"),
        (HORIZON.replace("480,0,6", "480,7,6"), "line 11: 7 successes in 6 runs"),
        (HORIZON.replace("480,0,6", "480,-1,6"), "may not be below 0"),
        (HORIZON + "mid,a/t0,a,1,6,6\n", "line 32: the task of line 2 again"),
        (HORIZON.replace("every,d/t9,d,480,6,6", "every,d/t9,d,480,6,6\nlast,t,f,1,0,0"), "no run at all"),
    ],
)
def test_horizon_says_in_one_line_what_is_wrong_with_a_file(
    copilot: Copilot, file: Callable[..., Path], content: str, said: str
):
    ended = copilot("stats", "horizon", file(content), "--json")
    assert (ended.code, ended.out) == (3, "")
    assert said in ended.err
    assert len([line for line in ended.err.splitlines() if "Left out" not in line]) == 1


def test_trend_keeps_its_keys_and_counts_the_best_of_their_day(copilot: Copilot, file: Callable[..., Path]):
    ended = copilot("stats", "trend", file(TREND), "--json")
    assert ended.json["doubling_days"] == pytest.approx(315.0, abs=1.0)
    assert ended.json["models"] == ["a", "b", "c"]
    assert ended.json["interval"] == [pytest.approx(155.31, abs=0.01), None]  # three points do not show growth
    assert 0.9 < ended.json["r_squared"] < 1
    assert "Left out: 1 row" in ended.err
    assert "Counted: 3 of 4 models" in ended.err
    assert copilot("stats", "trend", file(TREND), "--all", "--json").json["n"] == 4
    assert copilot("stats", "trend", file(TREND), "--until", "2021-03-01", "--json").json["models"] == ["a", "b"]


def test_trend_goes_by_is_sota_where_it_stands_there(copilot: Copilot, file: Callable[..., Path]):
    said = "release_date,p50,is_sota\n2020-01-01,1,True\n2021-01-01,9,False\n2022-01-01,4,True\n2023-06-01,9,True\n"
    assert copilot("stats", "trend", file(said), "--json").json["n"] == 3


def test_trend_says_when_it_comes_to_a_length(copilot: Copilot, file: Callable[..., Path]):
    rows = file("release_date,p50\n" + "".join(f"{2020 + n}-01-01,{2**n + n % 2}\n" for n in range(6)))
    found = copilot("stats", "trend", rows, "--reach", "64", "--json").json["reaches"]
    assert found["date"].startswith("202")
    assert found["interval"][0] < found["date"] < found["interval"][1]
    assert "64 minutes: 202" in copilot("stats", "trend", rows, "--reach", "64").out


def test_trend_refuses_dates_that_are_none_and_too_few_points(copilot: Copilot, file: Callable[..., Path]):
    bad = copilot("stats", "trend", file("release_date,p50\nsoon,1\n"))
    assert (bad.code, bad.out) == (3, "")
    assert "line 2: 'release_date' is 'soon', which is no date" in bad.err
    assert copilot("stats", "trend", file("release_date,p50\n2020-01-01,1\n")).code == 3


def test_bt_keeps_its_keys_and_strengths_sum_to_one(copilot: Copilot, file: Callable[..., Path]):
    ended = copilot("stats", "bt", file(VOTES), "--json")
    models = ended.json["models"]
    assert ended.code == 0
    assert sum(one["strength"] for one in models.values()) == pytest.approx(1)
    assert sum(one["elo"] for one in models.values()) == pytest.approx(3000)
    for one in models.values():
        assert one["interval"][0] < one["elo"] < one["interval"][1]
        assert 0 <= one["win_rate"] <= 1
    assert (ended.json["cluster"], ended.json["n_clusters"]) == ("prompt", 3)


def test_bt_online_elo_goes_by_the_order(copilot: Copilot, file: Callable[..., Path]):
    rows = "left,right,winner\na,b,left\na,b,model_a\na,b,tie\na,b,b\na,b,a\n"
    found = copilot("stats", "bt", file(rows), "--online-elo", "--json").json
    assert found["models"]["a"]["elo"] == pytest.approx(1003.864233, abs=1e-6)
    assert found["rating"] == "online_elo"


def test_bt_puts_the_anchor_at_1000(copilot: Copilot, file: Callable[..., Path]):
    found = copilot("stats", "bt", file(VOTES), "--anchor", "b", "--cluster", "", "--json").json
    assert found["models"]["b"]["elo"] == 1000
    assert found["cluster"] is None
    assert copilot("stats", "bt", file(VOTES), "--anchor", "z").code == 3


def test_bt_is_inconclusive_where_the_votes_bound_nothing(copilot: Copilot, file: Callable[..., Path]):
    ended = copilot("stats", "bt", file("left,right,winner\na,b,left\nb,c,left\nc,b,left\n"), "--json")
    assert ended.code == 2
    assert ended.json["groups"] == 2
    assert ended.json["models"]["a"]["interval"] is None
    assert "2 groups whose distance nothing bounds" in ended.err


@pytest.mark.parametrize(
    ("row", "said"), [("a,b,maybe", "'winner' is 'maybe'"), ("a,a,left", "'a' against itself"), ("a,,left", "is empty")]
)
def test_bt_refuses_votes_that_are_none(copilot: Copilot, file: Callable[..., Path], row: str, said: str):
    ended = copilot("stats", "bt", file(f"left,right,winner\n{row}\n"))
    assert (ended.code, ended.out) == (3, "")
    assert said in ended.err
    assert "line 2" in ended.err


def test_passk_keeps_its_keys(copilot: Copilot, file: Callable[..., Path]):
    found = copilot("stats", "passk", file(TRIALS), "--json").json
    assert found["pass_hat_k"] == {"1": 0.75, "2": 0.5}
    assert found["pass_at_k"] == {"1": 0.75, "2": 1.0}
    assert found["standard_errors"]["pass_hat_k"] == {"1": 0.25, "2": 0.5}
    assert found["standard_errors"]["pass_at_k"]["2"] is None  # all alike is not without error


def test_passk_goes_no_further_than_the_fewest_trials(copilot: Copilot, file: Callable[..., Path]):
    uneven = TRIALS + "1,2,0\n"
    ended = copilot("stats", "passk", file(uneven), "--json")
    assert list(ended.json["pass_hat_k"]) == ["1", "2"]
    assert "k goes to 2" in ended.err
    refused = copilot("stats", "passk", file(uneven), "--k", "3")
    assert (refused.code, refused.out) == (3, "")
    assert "k = 3 needs 3 trials" in refused.err


def test_passk_takes_models_apart_and_refuses_a_trial_that_was_run_again(copilot: Copilot, file: Callable[..., Path]):
    several = "model,task,trial,reward\na,0,0,1\nb,0,0,0\n"
    found = copilot("stats", "passk", file(several), "--json").json
    assert found["models"]["a"]["pass_hat_k"] == {"1": 1.0}
    assert copilot("stats", "passk", file(several), "--model", "b", "--json").json["pass_hat_k"] == {"1": 0.0}
    again = copilot("stats", "passk", file(TRIALS + "0,1,1\n"))
    assert again.code == 3
    assert "trial '1' of task '0' stands in line 3 already" in again.err


def test_rate_tells_of_looking_once_and_all_the_time(copilot: Copilot):
    found = copilot("stats", "rate", "98", "100", "--json").json
    assert found["wilson"] == pytest.approx([0.9299882093, 0.9944980324], abs=1e-9)
    assert found["clopper_pearson"] == pytest.approx([0.9296160675, 0.9975686632], abs=1e-9)
    assert found["anytime_interval"] == pytest.approx([0.8953213939, 0.9995247266], abs=1e-9)
    assert found["zero_failure_bound"] is None
    assert found["clean_cases"] == {
        "0.70": {"once": 9, "watched": 14},
        "0.98": {"once": 149, "watched": 320},
        "0.999": {"once": 2995, "watched": 8062},
    }
    assert copilot("stats", "rate", "0", "300", "--json").json["zero_failure_bound"] == pytest.approx(0.0099360819)


@pytest.mark.parametrize("words", [("5", "3"), ("-1", "3"), ("x", "3"), ("1",)])
def test_rate_of_impossible_counts_is_wrong_use(copilot: Copilot, words: tuple[str, ...]):
    ended = copilot("stats", "rate", *words)
    assert (ended.code, ended.out) == (64, "")
    assert len(ended.err.splitlines()) == 1


def test_compare_keeps_its_keys(copilot: Copilot, file: Callable[..., Path]):
    found = copilot("stats", "compare", file(LONG), "--a", "big", "--b", "small", "--json").json
    assert found["difference"] == pytest.approx(0.4)
    assert (found["wins"], found["losses"], found["ties"], found["n_items"]) == (4, 0, 6, 10)
    assert found["p_exact"] == 0.125
    assert found["paired_error"] == pytest.approx(0.1632993162)
    assert found["clustered_error"] > 0
    assert len(found["interval"]) == 2
    assert found["cost_per_success"]["big"]["ratio"] == pytest.approx(5 / 9)


def test_compare_with_a_model_that_is_not_there_is_wrong_use(copilot: Copilot, file: Callable[..., Path]):
    ended = copilot("stats", "compare", file(LONG), "--a", "big", "--b", "huge")
    assert (ended.code, ended.out) == (64, "")
    assert "no model 'huge'" in ended.err
    assert copilot("stats", "compare", file(LONG), "--a", "big").code == 64


def test_compare_and_means_read_a_column_for_each_model(copilot: Copilot, file: Callable[..., Path]):
    wide = file("item,x,y\n1,0.5,1\n2,0.25,0.5\n3,,1\n")
    found = copilot("stats", "compare", wide, "--a", "y", "--b", "x", "--json").json
    assert (found["n_items"], found["missing_b"], found["difference"]) == (2, 1, 0.375)
    assert found["with_missing"] is not None
    means = copilot("stats", "means", wide, "--json").json["models"]
    assert (means["x"]["mean"], means["x"]["n_missing"], means["y"]["n_missing"]) == (0.375, 1, 0)


def test_means_count_an_item_once_however_often_it_was_tried(copilot: Copilot, file: Callable[..., Path]):
    rows = "model,task,run_id,score,cost\nm,a,1,1,2\nm,a,2,0,3\nm,b,3,1,1\n"
    found = copilot("stats", "means", file(rows), "--json").json["models"]["m"]
    assert (found["mean"], found["n_items"], found["n_attempts"]) == (0.75, 2, 3)
    assert (found["standard_error"], found["cost_total"]) == (0.25, 6.0)


def test_rows_of_one_item_are_repeats_only_if_that_is_said(copilot: Copilot, file: Callable[..., Path]):
    rows = file("model,item,score\nm,a,1\nm,a,0\nm,b,1\n")
    refused = copilot("stats", "means", rows)
    assert (refused.code, refused.out) == (3, "")
    assert "line 3: item 'a' of 'm' is scored again" in refused.err
    found = copilot("stats", "means", rows, "--repeated", "--json").json["models"]["m"]
    assert (found["mean"], found["n_attempts"]) == (0.75, 3)


def test_means_find_a_published_total_that_is_not_so(copilot: Copilot, file: Callable[..., Path]):
    totals = file("model,published_resolved_pct\nbig,90\nsmall,70\n", "totals.csv")
    ended = copilot("stats", "means", file(LONG), "--published", totals, "--json")
    status = {one["model"]: one["status"] for one in ended.json["published"]["findings"]}
    assert status == {"big": "agrees", "small": "differs"}
    assert ended.code == 1


def test_means_take_variants_and_tasks_apart_and_records_within_records(copilot: Copilot, file: Callable[..., Path]):
    rows = file("task,variant,index,correct\nx,cot,0,1\nx,cot,1,0\ny,cot,0,1\n")
    assert copilot("stats", "means", rows, "--json").json["models"]["cot"]["n_items"] == 3
    apart = copilot("stats", "means", rows, "--by", "task", "--json").json["models"]
    assert {name: one["mean"] for name, one in apart.items()} == {"cot x": 0.5, "cot y": 1.0}
    lines = file('{"id": 1, "m": {"ok": true}, "text": "a"}\n{"id": 2, "m": {"ok": false}, "text": "b"}\n', "t.jsonl")
    assert copilot("stats", "means", lines, "--score", "ok", "--json").json["models"]["m"]["mean"] == 0.5


def test_judge_keeps_its_keys_for_verdicts_of_yes_and_no(copilot: Copilot, file: Callable[..., Path]):
    human, judge = "11111100001010110101", "11110110011010111100"
    people = file("item,label\n" + "".join(f"{n},{one}\n" for n, one in enumerate(human)), "human.csv")
    more = "".join(f"{n + 20},{one}\n" for n, one in enumerate("1101101110" * 20))
    said = file("item,verdict\n" + "".join(f"{n},{one}\n" for n, one in enumerate(judge)) + more, "judge.csv")
    found = copilot("stats", "judge", people, said, "--json").json
    assert found["kappa"] == pytest.approx(0.4680851064)
    assert (found["agreement"], found["specificity"], found["position_bias"]) == (0.75, 0.625, None)
    assert found["sensitivity"] == pytest.approx(0.8333333333)
    assert found["intervals"]["agreement"] == pytest.approx([0.5312991224, 0.8881382986])
    assert found["corrected"]["rogan_gladen"]["rate"] == pytest.approx(0.7090909091)
    assert found["corrected"]["prediction_powered"]["rate"] == pytest.approx(0.6235001463)
    assert (found["n_items"], found["only_judge"]) == (20, 200)


def test_judge_of_pairs_shows_where_it_leans_and_turns_what_it_saw_the_other_way_round(
    copilot: Copilot, file: Callable[..., Path]
):
    people = file("id,left,right,winner\n1,a,b,left\n2,a,b,right\n3,a,b,tie\n4,a,b,right\n", "human.csv")
    said = file("id,left,right,winner\n1,a,b,left\n2,b,a,left\n3,a,b,left\n4,a,b,left\n4,b,a,left\n", "judge.csv")
    found = copilot("stats", "judge", people, said, "--json").json
    assert found["agreement"] == pytest.approx(0.6)  # items 1, 2, and 4 as it was seen turned
    assert found["position_bias"] == pytest.approx(1 - (1 + 1 + 0.5 + 0 + 1) / 5)
    assert found["consistency"] == 0.0
    assert found["cluster"] == "item"


def test_judge_reads_alpacaevals_preferences_and_steps_of_a_scale(copilot: Copilot, file: Callable[..., Path]):
    wide = file("item,m,n\n0,1.2,1.9\n1,1.5,1.1\n", "wide.csv")
    ended = copilot("stats", "judge", wide, wide, "--json")
    assert (ended.json["kappa"], ended.json["kind"], ended.json["n_verdicts"]) == (1.0, "pair", 4)
    assert "AlpacaEval" in ended.err
    first = file("item,rating\n1,1\n2,3\n3,5\n4,2\n", "first.csv")
    second = file("item,rating\n1,1\n2,4\n3,5\n4,2\n", "second.csv")
    found = copilot("stats", "judge", first, second, "--json").json
    assert found["categories"] == ["1", "2", "3", "4", "5"]
    assert found["weighted_kappa"]["quadratic"] > found["weighted_kappa"]["linear"] > found["kappa"]


def test_judge_reads_alpacaevals_annotations(copilot: Copilot, file: Callable[..., Path]):
    head = "instruction,generator_1,generator_2,preference\n"
    people = file(head + "x,ref,m,1\ny,ref,m,2\nz,ref,m,0\n", "human.csv")
    record = '{"instruction": "%s", "generator_1": "%s", "generator_2": "%s", "preference": %s}'
    rows = [("x", "ref", "m", 1.0), ("y", "m", "ref", 1), ("z", "ref", "m", 1.5)]  # y the other way round
    said = file(f"[{', '.join(record % row for row in rows)}]", "judge.json")
    found = copilot("stats", "judge", people, said, "--json").json
    assert (found["kind"], found["kappa"], found["position_bias"]) == ("pair", 1.0, 0.0)
    assert found["position"]["judge_left"] == pytest.approx(2.5 / 3)


def test_judge_wants_a_threshold_for_numbers_that_are_no_categories(copilot: Copilot, file: Callable[..., Path]):
    rows = file("item,score\n" + "".join(f"{n},{n / 7}\n" for n in range(30)))
    refused = copilot("stats", "judge", rows, rows)
    assert (refused.code, refused.out) == (3, "")
    assert "--threshold" in refused.err
    assert copilot("stats", "judge", rows, rows, "--threshold", "2", "--json").json["sensitivity"] == 1.0


def test_judge_takes_two_pairs_of_one_question_apart(copilot: Copilot, file: Callable[..., Path]):
    people = file("question_id,model_a,model_b,winner\n1,a,b,model_a\n1,a,c,tie\n2,b,c,model_b\n", "human.csv")
    said = file("question_id,model_a,model_b,winner\n1,a,b,model_a\n1,c,a,tie\n2,b,c,model_a\n", "judge.csv")
    found = copilot("stats", "judge", people, said, "--json").json
    assert (found["n_items"], found["n_verdicts"], found["agreement"]) == (3, 3, pytest.approx(2 / 3))


def test_judge_pairs_rows_by_their_order_only_where_there_are_as_many(copilot: Copilot, file: Callable[..., Path]):
    one, other = file("label\n1\n0\n", "one.csv"), file("label\n1\n0\n1\n", "other.csv")
    assert copilot("stats", "judge", one, one, "--json").json["agreement"] == 1.0
    refused = copilot("stats", "judge", one, other)
    assert refused.code == 3
    assert "Add a column 'item' to both" in refused.err


def test_judge_of_other_items_is_invalid(copilot: Copilot, file: Callable[..., Path]):
    one, other = file("item,label\n1,1\n", "one.csv"), file("item,label\n2,1\n", "other.csv")
    ended = copilot("stats", "judge", one, other)
    assert ended.code == 3
    assert "no item in common" in ended.err


def test_without_numpy_a_person_is_told_what_to_install_and_a_rate_needs_none(
    copilot: Copilot, file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "copilot_kit_evals.stats.arrays", None)  # as if it could not be imported
    ended = copilot("stats", "bt", file(VOTES))
    assert (ended.code, ended.out) == (64, "")
    assert "pip install 'copilot-kit[evals]'" in ended.err
    assert copilot("stats", "rate", "9", "9", "--json").code == 0


@pytest.mark.parametrize("command", ["horizon", "trend", "bt", "passk", "means"])
def test_a_file_that_is_not_there_is_wrong_use_and_one_that_is_empty_invalid(
    copilot: Copilot, file: Callable[..., Path], command: str
):
    missing, folder = copilot("stats", command, "none.csv"), copilot("stats", command, file("x").parent)
    empty = copilot("stats", command, file(""))
    assert [one.code for one in (missing, folder, empty)] == [64, 64, 3]
    assert all(one.out == "" and len(one.err.splitlines()) == 1 for one in (missing, folder, empty))


@pytest.mark.parametrize(
    ("words", "content"),
    [
        (("horizon", "--draws", "20"), HORIZON.replace("mid", "\x1b[2J\u202emid")),
        (("trend",), TREND),
        (("bt",), VOTES.replace("a,", "\x1b[31ma,")),
        (("passk",), TRIALS),
        (("means",), LONG.replace("big", "[red]big[/red]\x07")),
        (("compare", "--a", "big", "--b", "small"), LONG),
    ],
)
def test_sheets_for_people_let_no_file_act_on_the_terminal(
    copilot: Copilot, file: Callable[..., Path], words: tuple[str, ...], content: str
):
    ended = copilot("stats", words[0], file(content), *words[1:])
    assert ended.code == 0
    assert ended.out
    assert not {"\x1b", "\u202e", "\x07"} & set(ended.out + ended.err)
    assert "[red]" in ended.out or "[red]" not in content


def test_who_does_better_on_longer_tasks_has_neither_a_horizon_nor_an_interval_of_one(
    copilot: Copilot, file: Callable[..., Path]
) -> None:
    rows = [f"a,t{place},f{place},{2**place},{place},6" for place in range(7)]
    path = file("\n".join(["agent,task,family,human_minutes,n_successes,n_runs", *rows]) + "\n")
    found = copilot("stats", "horizon", path, "--json", "--draws", "20").json["agents"]["a"]
    assert found["coefficient"] > 0
    assert (found["p50_minutes"], found["p50_interval"], found["p80_interval"]) == (None, [None, None], [None, None])
    assert not found["extrapolated"]


def test_an_item_has_the_name_that_is_its_own_where_a_task_stands_beside_it(
    copilot: Copilot, file: Callable[..., Path]
) -> None:
    rows = [f"{model},math,i{item},{int(item < wins)}" for model, wins in (("a", 6), ("b", 3)) for item in range(8)]
    path = file("\n".join(["model,task,item_id,score", *rows]) + "\n")
    found = copilot("stats", "compare", path, "--a", "a", "--b", "b", "--json").json
    assert (found["n_items"], found["difference"], found["wins"], found["losses"]) == (8, 0.375, 3, 0)


def test_more_cases_than_numbers_can_tell_apart_are_refused(copilot: Copilot) -> None:
    assert copilot("stats", "rate", 10**11, 10**12, "--json").code == 0
    assert copilot("stats", "rate", 10**15, 10**16, "--json").code == 64


def test_a_column_for_each_model_may_have_a_cluster_beside_it(copilot: Copilot, file: Callable[..., Path]) -> None:
    rows = [f"i{item},r{item // 2},{int(item < 6)},{int(item < 3)}" for item in range(8)]
    path = file("\n".join(["item,repo,a,b", *rows]) + "\n")
    found = copilot("stats", "compare", path, "--a", "a", "--b", "b", "--json").json
    assert (found["n_items"], found["clusters"], found["difference"]) == (8, 4, 0.375)
    assert copilot("stats", "compare", path, "--a", "a", "--b", "b", "--cluster", "", "--json").json["clusters"] is None
    assert set(copilot("stats", "means", path, "--json").json["models"]) == {"a", "b"}
