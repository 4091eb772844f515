"""docs/evals.md says what is so: its files are a suite, and its commands print what stands there."""

import re
import shlex
from pathlib import Path

import pytest

from copilot_kit.cli.program import run
from copilot_kit_evals.items import Item
from copilot_kit_evals.scores import Output
from copilot_kit_evals.tasks import Assign

DOC = (Path(__file__).parents[2] / "docs" / "evals.md").read_text()
PYTHON = re.findall(r"^```python\n(.*?)^```", DOC, re.MULTILINE | re.DOTALL)
ITEMS = re.findall(r"^```jsonl\n(.*?)^```", DOC, re.MULTILINE | re.DOTALL)
CONSOLE = re.findall(r"^```console\n\$ copilot-kit (.*?)\n(.*?)^```", DOC, re.MULTILINE | re.DOTALL)


def test_the_commands_print_what_stands_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "capitals.jsonl").write_text(ITEMS[0])
    (tmp_path / "suite.py").write_text(PYTHON[0])
    assert len(CONSOLE) == 3
    for words, printed in CONSOLE:
        assert run(shlex.split(words)) == 0
        assert capsys.readouterr().out == printed


async def test_the_scorer_and_the_agent_are_what_they_are_said_to_be():
    names: dict[str, object] = {}
    for block in PYTHON[1:]:
        exec(block, names)  # noqa: S102  our own document
    assert isinstance(names["solver"], Assign)
    assert callable(names["support"])
    score = await names["polite"](Item(id="a", input="x"), Output(text="Please wait."))  # type: ignore[operator]
    assert score.value == 1.0


def test_every_command_and_option_of_the_table_exists(capsys: pytest.CaptureFixture[str]):
    table = DOC.split("| command |")[1].split("Exit codes")[0]
    told = [
        re.findall(r"`([a-z][a-z-]+)[ `]", line.split(" | ")[0]) for line in table.splitlines() if line[:3] == "| `"
    ]
    names = {name for names in told for name in names}
    assert len(names) == 16
    helps = {name: _help(name, capsys) for name in names}
    for option in set(re.findall(r"--[a-z][a-z-]+", table)):
        assert any(option in text for text in helps.values()), option


def _help(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert run(["eval", name, "--help"]) == 0, name
    return capsys.readouterr().out
