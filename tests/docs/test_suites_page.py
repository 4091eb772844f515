"""docs/suites.md says what is so: its command prints what stands there, its Python runs, its names are names."""

import re
import shlex
from pathlib import Path

import pytest

from copilot_kit.cli.program import run
from copilot_kit_evals.public_sets import SETS
from copilot_kit_evals.shipped import SUITES

DOC = (Path(__file__).parents[2] / "docs" / "suites.md").read_text()


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", DOC, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_command_prints_what_stands_there(capsys: pytest.CaptureFixture[str]):
    command, _, printed = block("console").partition("\n")
    assert run(shlex.split(command.removeprefix("$ copilot-kit "))) == 0
    assert capsys.readouterr().out == printed


def test_the_python_runs():
    names: dict[str, object] = {}
    exec(block("python"), names)  # noqa: S102  our own document
    assert names["names"] == ["instructions", "extraction"]


def test_every_suite_and_every_public_set_is_in_the_tables():
    assert re.findall(r"^\| `(\w+)` \|", DOC, re.MULTILINE) == list(SUITES)
    (row,) = re.findall(r"public set that you have: (.*?) \|", DOC)
    assert set(re.findall(r"`(\w+)`", row)) == set(SETS)
