"""`copilot-kit snap --from-logs`: tables, runs, published totals; keys and exit codes as scripts rely on them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from copilot_kit_evals.candidates import candidates_of
from copilot_kit_evals.runner import Options, run
from copilot_kit_evals.tasks import Rule
from copilot_kit_evals.verdict.file import VERDICT, kept
from tests.evals.arithmetic import adder, opening, sums
from tests.evals.conftest import Ended

Copilot = Callable[..., Ended]
KEYS = ["verdict", "reasons", "n_items", "difference", "interval", "p_exact", "wins", "losses", "cost_per_success",
        "items_needed"]  # fmt: skip


def table(path: Path, wins: int, losses: int, items: int, *, cost: bool = True) -> Path:
    lines = ["model,item,passed" + (",cost_usd" if cost else "")]
    for n in range(items):
        old = n >= wins and (n < wins + losses or n % 2 == 0)
        new = n < wins or (n >= wins + losses and n % 2 == 0)
        for model, passed, paid in (("old", old, 0.5), ("new", new, 0.25)):
            lines.append(f"{model},i{n},{int(passed)}" + (f",{paid}" if cost else ""))
    path.write_text("\n".join(lines) + "\n")
    return path


def snap(copilot: Copilot, file: Path, *more: str | Path) -> Ended:
    return copilot("snap", "--from-logs", file, "--incumbent", "old", "--candidate", "new", *more)


@pytest.mark.parametrize(
    ("wins", "losses", "items", "word", "code"),
    [(10, 0, 100, "promote", 0), (0, 10, 100, "hold", 1), (5, 5, 100, "inconclusive", 2)],
)
def test_the_exit_code_is_the_verdict(
    copilot: Copilot, tmp_path: Path, wins: int, losses: int, items: int, word: str, code: int
):
    ended = snap(copilot, table(tmp_path / "log.csv", wins, losses, items, cost=False), "--json")
    assert (ended.code, ended.json["verdict"]) == (code, word)
    assert [key for key in KEYS if key not in ended.json] == []


def test_the_json_says_what_was_counted(copilot: Copilot, tmp_path: Path):
    found = snap(copilot, table(tmp_path / "log.csv", 10, 2, 100), "--json").json
    assert (found["n_items"], found["wins"], found["losses"]) == (100, 10, 2)
    assert found["difference"] == pytest.approx(0.08)
    assert found["p_exact"] == pytest.approx(0.0385742188)
    assert found["interval"] == pytest.approx([0.0143, 0.1580], abs=1e-4)
    assert found["cost_per_success"] == pytest.approx({"old": 0.5 * 100 / 46, "new": 0.25 * 100 / 54})


def test_rows_in_another_order_give_the_same_bytes(copilot: Copilot, tmp_path: Path):
    file = table(tmp_path / "log.csv", 10, 2, 100)
    first = snap(copilot, file, "--json").out
    header, *rows = file.read_text().splitlines()
    file.write_text("\n".join([header, *reversed(rows)]) + "\n")
    assert snap(copilot, file, "--json").out == first


def test_another_score_and_another_margin_may_be_asked_for(copilot: Copilot, tmp_path: Path):
    file = tmp_path / "log.jsonl"
    rows = [{"model": model, "item": n, "grade": grade, "passed": 1} for n in range(100)
            for model, grade in (("old", 0.5 + n % 2 / 10), ("new", 0.51 + n % 3 / 10))]  # fmt: skip
    file.write_text("\n".join(map(json.dumps, rows)))
    assert snap(copilot, file, "--json").json["difference"] == 0
    found = snap(copilot, file, "--score", "grade", "--margin", "0.2", "--json").json
    assert found["difference"] == pytest.approx(0.059)
    assert found["margin"] == 0.2


def test_a_table_with_a_column_for_each_model_is_read_too(copilot: Copilot, tmp_path: Path):
    file = tmp_path / "wide.csv"
    file.write_text("item,old,new\n" + "".join(f"i{n},{int(n % 2)},1\n" for n in range(40)))
    assert snap(copilot, file, "--json").json["wins"] == 20


def test_two_files_hold_a_side_each(copilot: Copilot, tmp_path: Path):
    for name, passes in (("old", 30), ("new", 50)):
        (tmp_path / f"{name}.csv").write_text(
            "model,item,score\n" + "".join(f"{name},i{n},{int(n < passes)}\n" for n in range(60)))  # fmt: skip
    ended = snap(copilot, tmp_path / "old.csv", "--from-logs", tmp_path / "new.csv", "--json")
    assert (ended.code, ended.json["wins"]) == (0, 20)


def inspected(path: Path, model: str, passes: int) -> None:
    log = pytest.importorskip("inspect_ai.log")
    samples = [{"id": f"i{n}", "epoch": 1, "input": "?", "target": "!",
                "scores": {"match": {"value": "C" if n < passes else "I"}}} for n in range(60)]  # fmt: skip
    items = {"name": "d", "samples": 60, "sample_ids": [f"i{n}" for n in range(60)]}
    told = {"created": "2026-11-20T10:00:00+00:00", "task": "sums", "task_id": "t1", "model": model,
            "config": {"epochs": 1}, "dataset": items}  # fmt: skip
    log.write_eval_log(log.EvalLog.model_validate({"status": "success", "eval": told, "samples": samples}), str(path))


def test_logs_of_inspect_are_judged_from_a_file_each_or_their_folder(copilot: Copilot, tmp_path: Path):
    inspected(tmp_path / "a.eval", "mockllm/old", 30)
    inspected(tmp_path / "b.eval", "mockllm/new", 50)
    names = ("--incumbent", "mockllm/old", "--candidate", "mockllm/new", "--json")
    both = copilot("snap", "--from-logs", tmp_path / "a.eval", "--from-logs", tmp_path / "b.eval", *names)
    assert (both.code, both.json["wins"], both.json["n_items"]) == (0, 20, 60)
    assert copilot("snap", "--from-logs", tmp_path, *names).json["wins"] == 20


def test_published_totals_that_the_rows_contradict_make_it_invalid(copilot: Copilot, tmp_path: Path):
    file = table(tmp_path / "log.csv", 10, 0, 100)
    right, wrong = tmp_path / "right.csv", tmp_path / "wrong.csv"
    right.write_text("model,published_passed_pct\nold,45.0\nnew,55.0\n")
    wrong.write_text("model,published_passed_pct\nold,45.0\nnew,75.0\n")
    assert snap(copilot, file, "--published", right).code == 0
    ended = snap(copilot, file, "--published", wrong, "--json")
    assert (ended.code, ended.json["verdict"], ended.json["n_items"]) == (3, "invalid", 100)
    assert ended.json["reasons"] == [
        "published totals contradict the rows of 'new': passed: the rows say 55 where 75 is published"
    ]


def test_an_item_that_was_tried_until_it_passed_makes_it_invalid(copilot: Copilot, tmp_path: Path):
    file = table(tmp_path / "log.csv", 10, 0, 100)
    file.write_text(file.read_text() + "new,i99,1,0.25\n")
    ended = snap(copilot, file, "--json")
    assert (ended.code, ended.json["verdict"]) == (3, "invalid")
    assert "item 'i99' of 'new' is scored again" in ended.json["reasons"][0]


def test_a_launch_verdict_needs_no_incumbent(copilot: Copilot, tmp_path: Path):
    file = tmp_path / "log.csv"
    file.write_text("model,item,score\n" + "".join(f"new,i{n},1\n" for n in range(149)))
    words = ("snap", "--from-logs", file, "--candidate", "new", "--reliability")
    assert [copilot(*words, level).code for level in ("0.98", "0.99")] == [0, 2]
    assert copilot(*words, "0.99", "--json").json["items_needed"] == 150


@pytest.mark.parametrize(
    "words",
    [
        (), ("--from-logs", "log.csv"), ("default", "--from-logs", "log.csv", "--candidate", "new"),
        ("--from-logs", "log.csv", "--candidate", "nobody"), ("--from-logs", "nowhere.csv", "--candidate", "new"),
        ("--from-logs", "log.csv", "--candidate", "new", "--incumbent", "new"), ("--bogus",),
    ],
)  # fmt: skip
def test_wrong_use_ends_with_64(
    copilot: Copilot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
):
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "log.csv", 1, 1, 10)
    ended = copilot("snap", *words)
    assert (ended.code, ended.out) == (64, "")


def test_people_read_one_verdict_its_reasons_and_a_small_table(copilot: Copilot, tmp_path: Path):
    ended = snap(copilot, table(tmp_path / "log.csv", 10, 2, 100, cost=False))
    assert ended.out.splitlines()[:4] == [
        "promote: new in place of old: +8.0 points over 100 items",
        "  - no worse by 3.0 points or more: +8.0 points over 100 items",
        "  - better: p = 0.039",
        "  · behind on 2 items: i10, i11",
    ]
    assert "ahead, behind" in ended.out


async def test_a_run_is_judged_by_its_own_rule_and_keeps_its_verdict(copilot: Copilot, tmp_path: Path):
    folder = tmp_path / "run"
    await run([sums(60)], candidates_of(["fake:bad", "fake:good"]), folder,
              Options(opening=opening(adder(), adder("fake:bad", wrong=range(20))), rule=Rule(margin=0.2)))  # fmt: skip
    words = ("snap", "--from-logs", folder, "--incumbent", "fake:bad", "--candidate", "fake:good", "--json")
    first = copilot(*words)
    assert (first.code, first.json["margin"], first.json["wins"]) == (0, 0.2, 20)
    bytes_of = (folder / VERDICT).read_bytes()
    found = kept(folder)
    assert found is not None
    assert (found.verdict, found.cost_usd) == ("promote", {"fake:bad": 0.6, "fake:good": 0.6})
    copilot(*words)
    assert (folder / VERDICT).read_bytes() == bytes_of
    other = copilot(*words, "--margin", "0.1")
    assert "margin of 0.2 that was fixed before the run was changed to 0.1" in other.out
    assert (folder / VERDICT).read_bytes() == bytes_of


async def test_two_runs_are_judged_where_they_asked_the_same(copilot: Copilot, tmp_path: Path):
    for name, wrong, size in (("a", range(20), 60), ("b", (), 60), ("c", (), 61)):
        await run([sums(size)], candidates_of([f"fake:{name}"]), tmp_path / name,
                  Options(opening=opening(adder(f"fake:{name}", wrong=wrong))))  # fmt: skip
    words = ("snap", "--from-logs", tmp_path / "a", "--incumbent", "fake:a", "--json")
    good = copilot(*words, "--from-logs", tmp_path / "b", "--candidate", "fake:b")
    assert (good.code, good.json["wins"]) == (0, 20)
    other = copilot(*words, "--from-logs", tmp_path / "c", "--candidate", "fake:c")
    assert (other.code, other.json["reasons"]) == (3, ["task 'sums' has other items in the two runs"])


def test_the_releases_of_swebench_are_judged_as_the_exact_tests_judge_them(copilot: Copilot, published: Path):
    data = published / "swebench_mini"
    words = ("snap", "--from-logs", data / "results.csv", "--published", data / "models.csv", "--json")
    better = copilot(*words, "--incumbent", "GLM-4.5 (2025-08-22)", "--candidate", "Claude 4.5 Sonnet (20250929)")
    assert (better.code, better.json["verdict"], better.json["wins"], better.json["losses"]) == (0, "promote", 100, 18)
    assert better.json["p_exact"] == pytest.approx(5.7250612e-15)
    wrong = copilot(*words, "--incumbent", "Claude 3.7 Sonnet (20250219)", "--candidate", "o3 (2025-04-16)")
    assert (wrong.code, wrong.json["verdict"]) == (3, "invalid")
    assert "the rows say 10.2 where 52.8 is published" in wrong.json["reasons"][0]


def test_a_margin_is_in_units_of_the_score_and_never_more_than_everything(copilot: Copilot, tmp_path: Path):
    file = table(tmp_path / "log.csv", 2, 4, 400, cost=False)
    assert snap(copilot, file, "--margin", "3").code == 64
    hundred = tmp_path / "hundred.csv"
    header, *rows = file.read_text().splitlines()
    hundred.write_text("\n".join([header, *(f"{row[:-1]}{100 * int(row[-1])}" for row in rows)]) + "\n")
    found = snap(copilot, hundred, "--margin", "3", "--json").json
    assert found["difference"] == pytest.approx(-0.5)
    assert found["reasons"][0] == "no worse by 3 or more: -0.5 over 400 items"
    assert copilot("snap", "default", "--to", "a:b", "--margin", "3").code == 64


def test_a_column_for_each_model_may_have_a_cluster_beside_it(copilot: Copilot, tmp_path: Path):
    rows = [f"i{n},r{n // 4},{int(n % 2 == 0)},1" for n in range(40)]
    file = tmp_path / "wide.csv"
    file.write_text("\n".join(["item,repo,old,new", *rows]) + "\n")
    alone, together = (snap(copilot, file, "--json", "--cluster", name).json["interval"] for name in ("", "repo"))
    assert snap(copilot, file, "--json").json["interval"] == together != alone


def tagged(path: Path, column: str, cell: Callable[[str, int], object]) -> Path:
    """Write 100 items, of which the candidate fails the sixth alone and the incumbent thirty."""
    lines = [f"model,item,passed,{column}"]
    lines += [f"{model},i{n},{int(n != 5 if model == 'new' else n >= 30)},{cell(model, n)}"
              for n in range(100) for model in ("old", "new")]  # fmt: skip
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("flag", ["1", "1.0", "true", "True", "yes"])
def test_must_pass_items_are_known_however_a_program_wrote_them(copilot: Copilot, tmp_path: Path, flag: str):
    file = tagged(tmp_path / "log.csv", "must_pass", lambda _, n: flag if n == 5 else "")
    assert snap(copilot, file, "--json").json["verdict"] == "hold"


@pytest.mark.parametrize("flag", ["x", "ja", "2"])
def test_a_must_pass_cell_that_nobody_knows_is_no_quiet_no(copilot: Copilot, tmp_path: Path, flag: str):
    file = tagged(tmp_path / "log.csv", "must_pass", lambda _, n: flag if n == 5 else "")
    ended = snap(copilot, file, "--json")
    assert (ended.code, ended.json["verdict"]) == (3, "invalid")
    assert "must_pass" in ended.json["reasons"][0]


def test_parked_items_of_a_table_are_no_part_of_the_comparison(copilot: Copilot, tmp_path: Path):
    file = tagged(tmp_path / "log.csv", "tags", lambda _, n: "parked; hard" if n < 10 else "")
    found = snap(copilot, file, "--json").json
    assert found["n_items"] == 90
    assert next(one["figures"]["works"] for one in found["findings"] if one["name"] == "newly_works") == 9


def test_an_item_of_a_table_is_required_to_be_of_one_reliability(copilot: Copilot, tmp_path: Path):
    file = tagged(tmp_path / "log.csv", "required_reliability", lambda model, _: 0.98 if model == "old" else 0.7)
    ended = snap(copilot, file, "--json")
    assert (ended.code, ended.json["verdict"]) == (3, "invalid")
    assert "another row says 0.98. Give each item one." in ended.json["reasons"][0]


def test_other_models_of_the_file_on_the_same_items_count_as_candidates_that_were_tried(
    copilot: Copilot, tmp_path: Path
):
    file = table(tmp_path / "log.csv", 6, 0, 100, cost=False)
    more = [f"m{k},i{n},{n % 2}" for k in range(4) for n in range(80)] + [f"small,i{n},1" for n in range(20)]
    file.write_text(file.read_text() + "\n".join(more) + "\n")
    found = snap(copilot, file, "--json").json["findings"]
    assert [one["figures"]["tries"] for one in found if one["slice"] == "picked"] == [5]


def test_attempts_that_one_side_lacks_are_told_of(copilot: Copilot, tmp_path: Path):
    file = tmp_path / "log.csv"
    rows = [f"{model},i{n},{k},1" for n in range(100) for model, most in (("old", 3), ("new", 2)) for k in range(most)]
    file.write_text("\n".join(["model,item,repeat,passed", *rows]) + "\n")
    told = [one["text"] for one in snap(copilot, file, "--json").json["findings"] if one["name"] == "missing"]
    assert len(told) == 1
    assert told[0].startswith("The items of both have 300 of 'old' and 200 of 'new' attempts: a row that is not there")
    file.write_text("\n".join(["model,item,repeat,passed", *(row for row in rows if ",2," not in row)]) + "\n")
    assert not [one for one in snap(copilot, file, "--json").json["findings"] if one["name"] == "missing"]
