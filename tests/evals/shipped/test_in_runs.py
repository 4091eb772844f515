"""Suites with agents in a run: nothing is missing, nothing stays behind, and a run that goes on scores as before."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from copilot_kit.slots import Opened
from copilot_kit.testing import FunctionModel
from copilot_kit_evals.candidates import Candidate
from copilot_kit_evals.items import Dataset
from copilot_kit_evals.runner import Options, run
from copilot_kit_evals.shipped import tasks_of
from copilot_kit_evals.tasks import Task


def smoke(task: Task) -> Task:
    return replace(task, dataset=Dataset.of([one for one in task.dataset if "smoke" in one.tags], name=task.name))


@pytest.mark.parametrize("name", ["refusals", "overreach", "gate_safety", "notes"])
async def test_a_model_that_only_greets_gets_scores_at_every_item(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    model = FunctionModel(lambda _: "Hello, how are you?", id="fake:greeter")
    made = [smoke(one) for one in tasks_of(name)]
    ended = await run(made, [Candidate(name="c", model=model.id)], tmp_path / "run",
                      Options(opening=lambda _: Opened(model)))  # fmt: skip
    attempts = list(ended.folder.attempts())
    assert len(attempts) == sum(len(one.dataset) for one in made) > 10
    assert {one.outcome for one in attempts} == {"ok"}
    first = {one.name: one.scorers[0].name for one in made}
    assert {one.scores[first[one.task]].value for one in attempts} == {0.0}
    assert list((tmp_path / "temporary").iterdir()) == []
