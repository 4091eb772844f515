"""`copilot-kit eval`: what scripts rely on, exit codes, and one line for what is wrong."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SUITE = Path(__file__).parents[1] / "sums_suite.py"
MODELS = ("--model", "fake:a", "--model", "fake:b")
Copilot = Callable[..., Any]
OWN = """
drafted = {"drafted": {"model": "fake:a"}}
own = [Item(id="d", input="2+2", target="4", meta=drafted), Item(id="e", input="3+3", target="6")]
tasks = [Task("drafted", Dataset.of(own, name="drafted"), Ask("Add."), [Exact()])]
"""


@pytest.fixture
def run(copilot: Copilot, tmp_path: Path) -> Path:
    ended = copilot("eval", "run", SUITE, *MODELS, "--out", tmp_path / "run", "--json")
    assert ended.code == 0, ended.err
    return tmp_path / "run"


def test_a_run_ends_in_a_summary_with_its_keys(copilot: Copilot, tmp_path: Path):
    ended = copilot("eval", "run", SUITE, *MODELS, "--out", tmp_path / "run", "--json")
    assert ended.code == 0
    told = ended.json
    assert {"run_id", "complete", "attempts", "cost_usd", "tasks", "folder"} <= told.keys()
    assert told["attempts"] == {"wanted": 100, "ended": 100}
    assert told["tasks"]["sums"]["candidates"]["fake:a"]["scorers"]["exact"]["even"]["mean"] == 1.0
    assert "100 of 100 attempts" in ended.err
    assert (tmp_path / "run" / "summary.json").is_file()


def test_a_finished_run_goes_on_without_a_call_and_is_shown_again(copilot: Copilot, run: Path):
    before = (run / "attempts.jsonl").read_bytes()
    ended = copilot("eval", "run", "--resume", run, "--json")
    shown = copilot("eval", "show", run, "--json")
    assert (ended.code, shown.code) == (0, 0)
    assert ended.json == shown.json
    assert (run / "attempts.jsonl").read_bytes() == before


def test_a_run_of_a_dataset_goes_on_with_the_scorer_and_the_prompt_it_was_begun_with(
    copilot: Copilot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    lines = "".join(f'{{"id": "i{n}", "input": "{n}", "target": "it is {n}"}}\n' for n in range(4))
    (tmp_path / "items.jsonl").write_text(lines)
    (tmp_path / "prompt.md").write_text("Say it.")
    (tmp_path / "own_echo.py").write_text(
        "from copilot_kit.testing import FunctionModel\n"
        "says = FunctionModel(lambda request: f'it is {request.messages[-1].text}', id='python:own_echo:says')\n"
    )
    words = ("items.jsonl", "-m", "python:own_echo:says", "--scorer", "exact", "--prompt", "prompt.md")
    assert copilot("eval", "run", *words, "--out", "run", "--budget-tokens", "1").code == 2
    (tmp_path / "prompt.md").unlink()
    ended = copilot("eval", "run", "--resume", "run", "--json")
    assert (ended.code, ended.json["complete"]) == (0, True)


def test_people_get_a_table(copilot: Copilot, run: Path):
    ended = copilot("eval", "show", run)
    assert "candidate - incumbent" in ended.out
    assert "fake:b" in ended.out


def test_a_budget_that_ends_first_is_exit_code_2_with_the_way_on(copilot: Copilot, tmp_path: Path):
    ended = copilot("eval", "run", SUITE, *MODELS, "--out", tmp_path / "run", "--budget-usd", "0.2", "--json")
    assert ended.code == 2
    assert f"copilot-kit eval run --resume {tmp_path / 'run'} --budget-usd" in ended.err
    assert 0 < ended.json["attempts"]["ended"] <= 20
    assert ended.json["cost_usd"] <= 0.2
    more = copilot("eval", "run", "--resume", tmp_path / "run", "--budget-usd", "5", "--json")
    assert (more.code, more.json["complete"], more.json["cost_usd"]) == (0, True, pytest.approx(1.0))


def test_shards_are_merged_to_what_one_run_shows(copilot: Copilot, run: Path, tmp_path: Path):
    for number in (1, 2):
        out = tmp_path / f"part{number}"
        assert copilot("eval", "run", SUITE, *MODELS, "--shard", f"{number}/2", "--out", out).code == 0
    ended = copilot("eval", "merge", tmp_path / "part1", tmp_path / "part2", "--out", tmp_path / "whole", "--json")
    whole = copilot("eval", "show", run, "--json")
    assert ended.code == 0
    assert ended.json["identity"] == whole.json["identity"]
    differences = [one["tasks"]["sums"]["differences"] for one in (ended.json, whole.json)]
    assert differences[0] == differences[1]


def test_a_dataset_alone_is_a_suite(copilot: Copilot, tmp_path: Path):
    items = tmp_path / "items.jsonl"
    items.write_text('{"id": "a", "input": "1+1", "target": "2"}\n')
    told = copilot("eval", "plan", items, "--model", "fake:a", "--scorer", "number", "--json").json
    assert (told["tasks"][0]["task"], told["attempts"]) == ("items", 1)


def test_a_plan_asks_nobody(copilot: Copilot):
    ended = copilot("eval", "plan", SUITE, *MODELS, "--repeats", "3", "--margin", "0.1", "--json")
    assert ended.code == 0
    [task] = ended.json["tasks"]
    assert (task["attempts"], task["margin"]) == (300, 0.1)
    assert task["smallest_difference"] > 0
    assert copilot("eval", "plan", SUITE, *MODELS).code == 0


def test_items_are_imported_and_what_is_lost_is_told(copilot: Copilot, tmp_path: Path):
    source = tmp_path / "tickets.csv"
    source.write_text("question,answer\nA?,a\nB?,\n")
    ended = copilot("eval", "import", source, tmp_path / "out.jsonl")
    assert ended.code == 0
    assert "1 item in" in ended.out
    assert "1 requests without an answer" in ended.err
    assert copilot("eval", "import", source, tmp_path / "out.jsonl").code == 64


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("run", SUITE), 64, "No model is named"),
        (("run", "nothing.py", *MODELS), 64, "There is no suite 'nothing.py'"),
        (("run",), 64, "Name a suite to run"),
        (("run", "x" * 5000, *MODELS), 64, "cannot be read"),
        (("run", f"{'x' * 5000}.py", *MODELS), 64, "There is no suite"),
        (("run", SUITE, *MODELS, "--out", "x" * 5000), 64, "too long for the name of a file"),
        (("run", "--resume", "nowhere"), 3, "is no run"),
        (("run", SUITE, "--model", "fake:a", "--model", "fake:a"), 64, "is named twice"),
        (("run", SUITE, "--model", "fake:c"), 64, "Cannot open model 'fake:c'"),
        (("run", SUITE, *MODELS, "--vary", "mood=good"), 64, "Cannot vary 'mood'"),
        (("run", SUITE, *MODELS, "--shard", "3/2"), 64, "'3/2' is no shard"),
        (("run", SUITE, *MODELS, "--budget-usd", "free"), 64, "--budget-usd is 'free'"),
        (("run", SUITE, *MODELS, "--task", "other"), 64, "The suite has no task 'other'. It has sums."),
        (("plan", "x.jsonl", *MODELS), 64, "There is no file 'x.jsonl'"),
    ],
)
def test_what_is_wrong_is_one_line(
    copilot: Copilot, tmp_path: Path, words: tuple[str, ...], code: int, said: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    ended = copilot("eval", *words)
    assert ended.code == code
    assert said in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("out", ["afile", "afile/below/run"])
def test_a_file_where_the_folder_of_a_run_should_be_is_named_and_left_alone(copilot: Copilot, tmp_path: Path, out: str):
    (tmp_path / "afile").write_text("mine")
    ended = copilot("eval", "run", SUITE, *MODELS, "--out", tmp_path / out)
    assert ended.code == 64
    assert ended.err.strip() == (
        f"{str(tmp_path / out)!r} cannot be the folder of a run: {str(tmp_path / 'afile')!r} is a file. Name another "
        "folder with --out."
    )
    assert (tmp_path / "afile").read_text() == "mine"


def test_a_run_ends_without_what_draws_a_report_and_says_what_to_install(
    copilot: Copilot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "altair", None)
    ended = copilot("eval", "run", SUITE, *MODELS, "--out", tmp_path / "run")
    assert ended.code == 0
    assert ended.err.splitlines()[-1] == "For a report with charts and transcripts: pip install 'copilot-kit[report]'"
    assert not (tmp_path / "run" / "report.html").exists()
    wanted = copilot("eval", "report", tmp_path / "run")
    assert wanted.code == 64
    assert "pip install 'copilot-kit[report]'" in wanted.err


def test_a_report_that_cannot_be_written_leaves_the_run_as_it_ended(copilot: Copilot, tmp_path: Path):
    (tmp_path / "run" / "report.html").mkdir(parents=True)
    ended = copilot("eval", "run", SUITE, *MODELS, "--out", tmp_path / "run")
    assert ended.code == 0
    assert "No report was written: IsADirectoryError" in ended.err


def test_who_drafted_items_of_the_dataset_is_told_that_they_are_measured_by_their_own(copilot: Copilot, tmp_path: Path):
    suite = tmp_path / "suite.py"
    suite.write_text(SUITE.read_text() + OWN)
    ended = copilot("eval", "run", suite, *MODELS, "--out", tmp_path / "run")
    assert ended.code == 0
    assert "fake:a drafted 1 item of drafted and is measured by them here" in ended.err
    assert "fake:b drafted" not in ended.err


def test_a_suite_that_does_not_run_says_why(copilot: Copilot, tmp_path: Path):
    suite = tmp_path / "suite.py"
    suite.write_text("tasks = [1 / 0]\n")
    ended = copilot("eval", "run", suite, *MODELS)
    assert ended.code == 64
    assert "ZeroDivisionError" in ended.err


def test_a_look_that_finds_a_verdict_ends_the_run_with_0_and_says_why(copilot: Copilot, tmp_path: Path):
    suite = tmp_path / "suite.py"
    suite.write_text(
        "from copilot_kit.testing import FunctionModel\n"
        "from copilot_kit_evals.items import Dataset, Item\n"
        "from copilot_kit_evals.scorers import Exact\n"
        "from copilot_kit_evals.tasks import Ask, Task\n"
        "items = [Item(id=str(n), input=str(n), target='yes') for n in range(2000)]\n"
        "tasks = [Task('t', Dataset.of(items), Ask(), [Exact()])]\n"
        "models = {f'stub:{word}': FunctionModel(lambda _, word=word: word, id=f'stub:{word}')"
        " for word in ('yes', 'no')}\n"
    )
    words = ("--model", "stub:no", "--model", "stub:yes", "--stop-early", "--out", tmp_path / "run", "--json")
    ended = copilot("eval", "run", suite, *words)
    assert ended.code == 0, ended.err
    assert "Ended by an interim look, as the rule of the run says: promote: " in ended.err
    assert ended.json["attempts"]["ended"] < 1000
    assert '"verdict":"stop"' in (tmp_path / "run" / "decisions.jsonl").read_text().splitlines()[-1]
    again = copilot("eval", "run", "--resume", tmp_path / "run", "--json")
    assert again.code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--shards", "2"), "--shards is for a run on a cluster"),
        (("--on", "slurm"), "cannot be spread on 'slurm'"),
        (("--on", "ray", "--shard", "1/2"), "Leave one of them out"),
        (("--stop-early", "--shard", "1/2"), "--stop-early needs looks at all items"),
        (("--scorer", "number"), "--scorer is for a dataset or a public set"),
        (("--retry-errors",), "Say which: --resume RUN --retry-errors"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    copilot: Copilot, tmp_path: Path, words: tuple[str, ...], said: str
):
    ended = copilot("eval", "run", SUITE, *MODELS, "--out", tmp_path / "run", *words)
    assert (ended.code, said in ended.err) == (64, True), ended.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "words",
    [("--repeats", "2"), ("--seed", "1"), ("--task", "sums"), ("--margin", "0.1"), ("--look-every", "5"),
     ("--model", "fake:a"), ("--vary", "effort=low"), ("--shard", "1/2"), ("--stop-early",)],
)  # fmt: skip
def test_what_a_run_was_begun_with_is_not_changed_when_it_goes_on(copilot: Copilot, run: Path, words: tuple[str, ...]):
    ended = copilot("eval", "run", "--resume", run, *words)
    assert ended.code == 64
    assert f"and {words[0]} cannot change it" in ended.err


NOISY = """
import math
from copilot_kit.testing import FunctionModel
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.scores import scorer
from copilot_kit_evals.tasks import Ask, Task

print("loading")

@scorer
def loud(item, output):
    print("scoring")
    return 1.0

@scorer
def wild(item, output):
    return 7.5 if item.id == "i0" else math.nan

tasks = [Task("noisy", Dataset.of([Item(id=f"i{n}", input=str(n)) for n in range(COUNT)]), Ask("Say."), [loud, wild])]
models = {"stub:one": FunctionModel(lambda _: "yes", id="stub:one")}
"""


def test_what_a_suite_prints_is_no_part_of_the_json_and_a_broken_scorer_is_told(
    copilot: Copilot, tmp_path: Path
) -> None:
    (tmp_path / "noisy.py").write_text(NOISY.replace("COUNT", "2"))
    ended = copilot("eval", "run", tmp_path / "noisy.py", "-m", "stub:one", "--out", tmp_path / "run", "--json")
    assert ended.code == 0
    assert ended.json["tasks"]["noisy"]["candidates"]["stub:one"]["scorers"]["loud"]["all"]["mean"] == 1.0
    assert "loading" in ended.err
    assert "scoring" in ended.err
    assert "Scorer wild has no value for 2 answers: the scorer " in ended.err
    assert "Scorer loud" not in ended.err


def test_a_task_without_items_is_refused_before_anything_runs(copilot: Copilot, tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text(NOISY.replace("COUNT", "0"))
    ended = copilot("eval", "run", tmp_path / "empty.py", "-m", "stub:one", "--out", tmp_path / "run")
    assert ended.code == 64
    assert "Task 'noisy' of" in ended.err
    assert "has no items" in ended.err
    assert not (tmp_path / "run").exists()


def test_a_suite_that_ends_the_program_is_one_that_does_not_run(copilot: Copilot, tmp_path: Path) -> None:
    (tmp_path / "ends.py").write_text("raise SystemExit(0)\n")
    ended = copilot("eval", "run", tmp_path / "ends.py", "-m", "stub:one", "--out", tmp_path / "run")
    assert (ended.code, "does not run: SystemExit: 0" in ended.err) == (64, True)


def test_a_model_without_a_name_is_no_model(copilot: Copilot, tmp_path: Path) -> None:
    (tmp_path / "noisy.py").write_text(NOISY.replace("COUNT", "1"))
    ended = copilot("eval", "run", tmp_path / "noisy.py", "-m", " ", "--out", tmp_path / "run")
    assert (ended.code, "No model is named" in ended.err) == (64, True)


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("tasks = 3", "makes no tasks"),
        ("def tasks():\n    raise ValueError('no items today')", "does not run: ValueError: no items today. Mend it."),
        ("def tasks():\n    yield 1 / 0", "does not run: ZeroDivisionError: division by zero. Mend it."),
        ("from copilot_kit_evals.shipped import tasks_of\ntasks, models = tasks_of('refusals'), 3", "'models' of"),
    ],
)
def test_whatever_is_wrong_in_a_suite_is_one_line_about_the_suite(
    copilot: Copilot, tmp_path: Path, code: str, complaint: str
) -> None:
    (tmp_path / "wrong.py").write_text(code)
    ended = copilot("eval", "plan", tmp_path / "wrong.py", "-m", "stub:one")
    assert ended.code == 64
    assert complaint in ended.err
    assert ended.err.count("\n") == 1


def test_what_spoiled_attempts_is_told_with_the_way_to_ask_again(copilot: Copilot, tmp_path: Path) -> None:
    code = NOISY.replace("COUNT", "2").replace('lambda _: "yes"', "lambda _: 1 / 0")
    (tmp_path / "broken.py").write_text(code)
    ended = copilot("eval", "run", tmp_path / "broken.py", "-m", "stub:one", "--out", tmp_path / "run")
    assert "2 attempts of stub:one came to nothing, most often by ZeroDivisionError: division by zero\n" in ended.err
    again = f"copilot-kit eval run --resume {tmp_path / 'run'} --retry-errors"
    assert f"Ask for them again with: {again}\n" in ended.err
    resumed = copilot("eval", "run", "--resume", tmp_path / "run", "--retry-errors", "--json")
    assert (resumed.code, resumed.json["attempts"]) == (0, {"wanted": 2, "ended": 2})


def test_an_import_writes_no_lines_of_json_into_what_is_read_as_a_table(copilot: Copilot, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"id": "a", "input": "x"}\n')
    ended = copilot("eval", "import", tmp_path / "in.jsonl", tmp_path / "out.csv")
    assert (ended.code, f"Name it '{tmp_path / 'out.jsonl'}'." in ended.err) == (64, True)
    assert not (tmp_path / "out.csv").exists()
