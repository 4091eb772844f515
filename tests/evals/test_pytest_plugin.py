"""A suite as tests of pytest, run as in anybody's CI."""

import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """
from copilot_kit.testing import FunctionModel
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.scorers import Exact
from copilot_kit_evals.tasks import Ask, Task

tasks = [Task("capitals", Dataset.of([Item(id="fr", input="France", target="Paris"),
                                      Item(id="it", input="Italy", target="Rome")]), Ask(), [Exact()])]
models = {"stub:a": FunctionModel(lambda request: "Paris", id="stub:a")}
"""


def ended(folder: Path, *words: str) -> tuple[int, str]:
    (folder / "capitals_suite.py").write_text(SUITE)
    command = [sys.executable, "-m", "pytest", "-p", "copilot_kit_evals.pytest_plugin", "-p", "no:cacheprovider", "-q",
               "capitals_suite.py", *words]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_each_item_is_a_test_and_fails_with_what_was_said_of_it(tmp_path: Path):
    code, said = ended(tmp_path, "--eval-model", "stub:a", "--eval-out", "runs", "--junitxml", "junit.xml")
    assert code == 1, said
    assert "1 failed, 1 passed" in said
    assert "capitals, item 'it' on stub:a:" in said
    assert "exact 0; it said 'Paris'\nwanted: 'Rome'" in said
    assert "pytest_plugin.py" not in said
    assert (tmp_path / "runs" / "capitals_suite" / "run.json").is_file()
    assert 'tests="2"' in (tmp_path / "junit.xml").read_text()


def test_without_a_model_nobody_is_asked(tmp_path: Path):
    code, said = ended(tmp_path)
    assert code == 5, said
    assert not (tmp_path / ".copilot-kit").exists()


def calls(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in folder.glob(".copilot-kit/evals/*/calls.jsonl"))


def test_only_the_items_of_chosen_tests_are_asked(tmp_path: Path):
    code, said = ended(tmp_path, "--eval-model", "stub:a", "-k", "fr")
    assert code == 0, said
    assert "1 passed, 1 deselected" in said
    assert calls(tmp_path) == 1


def test_a_model_that_cannot_be_opened_is_one_line_for_each_test(tmp_path: Path):
    code, said = ended(tmp_path, "--eval-model", "stub:b")
    assert code == 1
    assert "UnknownModel: Cannot open model 'stub:b'" in said
    assert "runner.py" not in said
    assert not list(tmp_path.glob(".copilot-kit/evals/*/run.json"))


def test_a_suite_that_does_not_run_is_one_line(tmp_path: Path):
    (tmp_path / "broken_suite.py").write_text("tasks = [1 / 0]")
    code, said = ended(tmp_path, "broken_suite.py", "--eval-model", "stub:a")
    assert code != 0
    assert "ZeroDivisionError" in said
    assert "suites.py" not in said


def test_a_budget_that_is_no_amount_is_wrong_use(tmp_path: Path):
    code, said = ended(tmp_path, "--eval-model", "stub:a", "--eval-budget-usd", "free")
    assert code == 4
    assert "--eval-budget-usd is 'free'" in said


@pytest.mark.slow
def test_workers_of_xdist_share_one_run(tmp_path: Path):
    code, said = ended(tmp_path, "--eval-model", "stub:a", "-n", "2")
    assert (code, "1 failed, 1 passed" in said) == (1, True), said
    assert calls(tmp_path) == 2
