"""Without the packages of an extra, a command says in one line which extra it wants."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from copilot_kit.cli.extras import extra_with

LEFT_OUT = ("numpy", "scipy")


@pytest.fixture(scope="module")
def without_numbers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment of a Python that has all that is installed here but the packages for numbers."""
    numpy = find_spec("numpy")
    assert numpy is not None
    assert numpy.origin is not None
    installed = Path(numpy.origin).parents[1]
    links = tmp_path_factory.mktemp("packages")
    for one in installed.iterdir():
        if not one.name.startswith(LEFT_OUT):
            (links / one.name).symlink_to(one)
    places = [str(links), *(one for one in sys.path if one and Path(one) != installed)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(places)}


@pytest.mark.parametrize(
    "words",
    [
        ("eval", "run", "suite:instructions@smoke", "--model", "stub:one"),
        ("eval", "plan", "suite:instructions", "--model", "stub:one"),
        ("eval", "show", "runs/one"),
        ("eval", "export", "runs/one", "one.csv"),
        ("eval", "merge", "runs/one", "--out", "runs/all"),
        ("eval", "trend", "runs/one"),
        ("snap", "--from-logs", "results.csv", "--candidate", "new"),
        ("frontier", "verify"),
        ("stats", "bt", "votes.csv"),
    ],
    ids=" ".join,
)
def test_a_command_that_lacks_packages_names_their_extra_in_one_line(
    words: tuple[str, ...], without_numbers: dict[str, str], tmp_path: Path
):
    (tmp_path / "frontier.toml").write_text('[slots.default]\nmodel = "stub:one"\n')
    (tmp_path / "votes.csv").write_text("model_a,model_b,winner\na,b,a\n")
    run = [sys.executable, "-S", "-c", "from copilot_kit.cli import main; main()", *words]
    ended = subprocess.run(run, cwd=tmp_path, env=without_numbers, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (64, "")
    assert ended.stderr.endswith("needs packages that are not installed. Run: pip install 'copilot-kit[evals]'\n")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("numpy.linalg", "evals"),
        ("yaml", "evals"),
        ("jsonschema_rs", "schema"),
        ("vl_convert", "report"),
        ("shop", None),
    ],
)
def test_a_module_belongs_to_the_smallest_extra_that_lacks_its_package(module: str, extra: str | None):
    lacking = {
        "report": ("altair", "numpy", "pyyaml", "vl-convert-python"),
        "evals": ("numpy", "pyyaml"),
        "mcp": ("jsonschema-rs", "mcp"),
        "schema": ("jsonschema-rs",),
    }
    assert extra_with(module, lacking) == extra
