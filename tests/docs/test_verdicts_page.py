"""docs/verdicts.md says what is so: its command prints what stands there, and its table of cases is computed."""

import re
import shlex
from pathlib import Path

import pytest

from copilot_kit.cli.program import run
from copilot_kit_evals.verdict.judging import verdict_of
from tests.evals.verdict.logs import flipped

DOC = (Path(__file__).parents[2] / "docs" / "verdicts.md").read_text()
CASES = re.findall(r"^\| (\d+) \| (\d+) \| (\d+) \| (\w+) \| (.*) \|$", DOC, re.MULTILINE)


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", DOC, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_command_prints_what_stands_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "results.csv").write_text(block("csv"))
    monkeypatch.chdir(tmp_path)
    command, _, output = block("console").partition("\n")
    assert run(shlex.split(command.removeprefix("$ copilot-kit "))) == 2
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == output.splitlines()


def test_there_are_cases():
    assert len(CASES) == 7


@pytest.mark.parametrize(("wins", "losses", "items", "word", "why"), CASES)
def test_each_case_is_judged_as_the_table_says(wins: str, losses: str, items: str, word: str, why: str):
    found = verdict_of(flipped(int(wins), int(losses), int(items)))
    assert found.verdict == word
    if "about" in why:
        assert f"about {found.items_needed} more items" in why
