"""docs/gate.md says what is so: its Python runs, its file is read, its command prints what stands there."""

import re
import shlex
from pathlib import Path

import pytest

from copilot_kit.approval import Gate, GateCall
from copilot_kit.approval.cases import Case, call_of
from copilot_kit.arguments import parse
from copilot_kit.cli.program import run
from copilot_kit.records import Step
from copilot_kit.testing import ScriptedModel

DOC = (Path(__file__).parents[2] / "docs" / "gate.md").read_text()


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", DOC, re.MULTILINE | re.DOTALL)
    return str(found)


def verdict(gate: Gate, tool: str, arguments: str = "{}", effect: str = "external") -> str:
    call = GateCall(tool, "1", effect, parse(arguments), (Step(agent="agent"),), "acme:large")  # type: ignore[arg-type]
    return gate.judge(call).verdict


def test_the_python_runs_and_does_what_it_says():
    night = False
    code = block("python").replace('model="default", tools=[...]', "model=model")
    names = {"is_night": lambda: night, "model": ScriptedModel()}
    exec(code, names)  # noqa: S102  our own document
    gate = names["gate"]
    assert isinstance(gate, Gate)
    assert verdict(gate, "look", effect="read") == "allow"
    assert verdict(gate, "send_money", '{"amount": 101, "to": "Ada"}') == "ask"
    assert verdict(gate, "send_money", '{"amount": 100, "to": "Ada"}') == "allow"
    assert verdict(gate, "send_money", '{"amount": 100, "to": "Eve"}') == "ask"
    assert verdict(gate, "format_disk") == "deny"
    night = True
    assert verdict(gate, "look", effect="read") == "deny"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "gate.toml").write_text(block("toml"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def test_the_command_prints_what_stands_there(folder: Path, capsys: pytest.CaptureFixture[str]):
    command, _, output = block("console").partition("\n")
    assert run(shlex.split(command.removeprefix("$ copilot-kit "))) == 0
    assert capsys.readouterr().out == output


def test_the_file_does_what_its_comments_say(folder: Path):
    gate = Gate.from_file("gate.toml")
    assert verdict(gate, "send_money", '{"amount": 5, "to": "Eve"}') == "allow"
    assert verdict(gate, "send_money", '{"amount": 50, "to": "Eve"}') == "ask"
    assert verdict(gate, "send_money", '{"amount": 500, "to": "Ada"}') == "allow"
    assert verdict(gate, "label_ticket") == "ask"
    asked = gate.judge(call_of(Case(tool="other")))
    assert (asked.may_decide, asked.answer_within_s) == (("group:support",), 86400)


def test_the_case_that_it_shows_is_one_and_holds(folder: Path, capsys: pytest.CaptureFixture[str]):
    (line,) = re.findall(r'^`(\{"tool".*\})`', DOC, re.MULTILINE)
    (folder / "policy.jsonl").write_text(line)
    assert run(["gate", "test", "policy.jsonl"]) == 0
    assert capsys.readouterr().err == "1 of 1 cases hold.\n"


def test_every_condition_that_there_is_is_named():
    from copilot_kit.approval.conditions import _OPERATORS

    assert [name for name in _OPERATORS if f"`{name}`" not in DOC] == []


def test_it_is_short():
    assert len(DOC.splitlines()) <= 80
