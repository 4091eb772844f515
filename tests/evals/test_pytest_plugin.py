"""A suite as tests of pytest, run as in anybody's CI."""

import subprocess
import sys
from pathlib import Path

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
    assert "exact 0" in said
    assert "pytest_plugin.py" not in said
    assert (tmp_path / "runs" / "capitals_suite" / "run.json").is_file()
    assert 'tests="2"' in (tmp_path / "junit.xml").read_text()


def test_without_a_model_nobody_is_asked(tmp_path: Path):
    code, said = ended(tmp_path)
    assert code == 5, said
    assert not (tmp_path / ".copilot-kit").exists()
