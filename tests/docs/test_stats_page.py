"""docs/stats.md says what is so: its file is read, its command prints what stands there, its keys are keys."""

import json
import re
import shlex
from pathlib import Path

import pytest

from copilot_kit.cli.program import run

DOC = (Path(__file__).parents[2] / "docs" / "stats.md").read_text()
VOTES = "left,right,winner\na,b,left\nb,a,tie\na,b,right\n"
TASKS = "agent,task,family,human_minutes,n_successes,n_runs\nm,a,f,1,5,6\nm,b,f,9,3,6\nm,c,g,90,1,6\n"
LONG = "model,item,score\nA,1,1\nB,1,0\nA,2,0\nB,2,1\nA,3,1\nB,3,0\n"


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", DOC, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "trials.csv").write_text(block("csv"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_prints_what_stands_there(folder: Path, capsys: pytest.CaptureFixture[str]):
    command, _, output = block("console").partition("\n")
    assert run(shlex.split(command.removeprefix("$ copilot-kit "))) == 0
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == output.splitlines()


@pytest.mark.parametrize(
    ("words", "content"),
    [
        ("horizon FILE", TASKS),
        ("trend FILE", "release_date,p50_min\n2020-01-01,1\n2021-01-01,3\n2022-01-01,4\n"),
        ("bt FILE", VOTES),
        ("passk FILE", block("csv")),
        ("rate K N", ""),
        ("compare FILE --a A --b B", LONG),
        ("means FILE", LONG),
        ("judge HUMAN JUDGE", "item,verdict\n1,1\n2,0\n3,1\n"),
    ],
)
def test_each_command_has_the_keys_that_the_page_names(
    folder: Path, capsys: pytest.CaptureFixture[str], words: str, content: str
):
    (folder / "t.csv").write_text(content)
    given = {"FILE": "t.csv", "HUMAN": "t.csv", "JUDGE": "t.csv", "K": "3", "N": "4"}
    assert run(["stats", *(given.get(word, word) for word in words.split()), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (row,) = (line for line in DOC.splitlines() if line.startswith(f"| `{words}`"))
    first, _, rest = row.split("|")[3].strip().rpartition(":")
    within = next(iter(found[first.strip("`")].values())) if first else found
    assert {key.strip() for key in rest.split(",")} <= within.keys()
