"""A model of one's own code is opened by `python:module:attribute`, and by a slot that says so."""

import subprocess
import sys
from pathlib import Path

import pytest

from copilot_kit import Agent
from copilot_kit.errors import UnknownModel, UsageError
from copilot_kit.slots import open_model

MODULE = """
from copilot_kit.testing import FunctionModel

ready = FunctionModel(lambda request: "ready", id="any:name")
number = 7

def made(name):
    return FunctionModel(lambda request: name, id=name)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "own_models_here.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COPILOT_KIT_FRONTIER", raising=False)
    return tmp_path


async def test_it_answers_under_the_name_that_it_was_opened_by(project: Path) -> None:
    run = await Agent("python:own_models_here:ready").run("Hello")
    assert run.text == "ready"
    assert open_model("python:own_models_here:ready").model.id == "python:own_models_here:ready"
    assert open_model("python:own_models_here:made").model.id == "python:own_models_here:made"


async def test_a_slot_may_name_it(project: Path) -> None:
    (project / "frontier.toml").write_text('[slots.default]\nmodel = "python:own_models_here:made"\n')
    assert (await Agent("default").run("Hello")).text == "python:own_models_here:made"


@pytest.mark.parametrize("name", ["python:not_there:x", "python:own_models_here:nothing", "python:own_models_here"])
def test_what_is_not_there_is_named(project: Path, name: str) -> None:
    with pytest.raises(UnknownModel, match="python:module:attribute"):
        open_model(name)


def test_what_is_no_model_and_what_it_does_not_take_is_said(project: Path) -> None:
    with pytest.raises(UsageError, match="number is int"):
        open_model("python:own_models_here:number")
    with pytest.raises(UsageError, match="takes no base_url"):
        open_model("python:own_models_here:ready", base_url="http://127.0.0.1")


def test_a_command_finds_modules_of_the_working_folder(tmp_path: Path):
    (tmp_path / "models_beside.py").write_text(
        "from copilot_kit.testing import ScriptedModel\n\ndef made(name):\n    return ScriptedModel('Hello')\n"
    )
    (tmp_path / "frontier.toml").write_text('[slots.default]\nmodel = "python:models_beside:made"\n')
    program = Path(sys.executable).with_name("copilot-kit")
    ended = subprocess.run([program, "models", "check", "default"], cwd=tmp_path, capture_output=True, text=True)  # noqa: PLW1510
    assert "No module named" not in ended.stderr
    assert ended.returncode == 0
