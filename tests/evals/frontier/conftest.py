"""A project with a slot, a suite and stub models that know more or fewer sums."""

from collections.abc import Callable
from pathlib import Path

import pytest

ADAPTER = """
import os
import time
from datetime import date
from copilot_kit.errors import ModelGone
from copilot_kit.profile import Lifecycle, Profile
from copilot_kit.testing import FunctionModel, call, say

KNOWS = {"poor": 40, "old": 90, "new": 120, "twin": 90, "m-1": 60, "m-2": 80, "m-3": 100, "m-4": 20}
CAME = {"m-1": date(2025, 1, 1), "m-2": date(2025, 7, 1), "m-3": date(2026, 1, 1), "m-4": date(2026, 7, 1)}


def open_model(provider, model, *, base_url=None, api_key=None, http_client=None):
    def answer(request):
        if model == "gone":
            raise ModelGone("stub:gone was retired.", model="stub:gone")
        time.sleep(float(os.environ.get("STUB_SLEEP", "0")))
        last = request.messages[-1]
        if last.role == "tool":
            return say(f"{model} is done")
        if last.text.startswith("send"):
            return call("send", {"to": "eve"})
        if last.text.startswith("let"):
            return call("clerk", {"task": "send it"})
        if not last.text.isdecimal():
            return say(f"{model} says hello")
        told = request.messages[0].text if request.messages[0].role == "system" else ""
        more = 60 if "carry" in told else 0
        number = int(last.text)
        return say(str(2 * number if number < KNOWS[model] + more else 2 * number + 1))

    profile = Profile(lifecycle=Lifecycle(released=CAME.get(model)))
    return FunctionModel(answer, id=f"{provider}:{model}", profile=profile)
"""
SUITE = """
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.scorers import Exact
from copilot_kit_evals.tasks import Ask, Task

items = Dataset.of([Item(id=f"d{n}", input=str(n), target=str(2 * n)) for n in range(120)], name="doubles")
tasks = [Task("doubles", items, Ask("Double it."), [Exact()])]
"""
FRONTIER = """# The models of this project.
[slots.default]
model = "stub:old"   # since spring
suites = ["suite.py"]

[slots.fast]
model = "stub:old"
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed adapter."""
    site = tmp_path / "site"
    (site / "stub-1.0.dist-info").mkdir(parents=True)
    (site / "stub-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: stub\nVersion: 1.0\n")
    points = "[copilot_kit.models]\nstub = stub_sums:open_model\n"
    (site / "stub-1.0.dist-info" / "entry_points.txt").write_text(points)
    (site / "stub_sums.py").write_text(ADAPTER)
    monkeypatch.syspath_prepend(str(site))
    return site


@pytest.fixture
def project(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with frontier.toml and a suite; the working folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "frontier.toml").write_text(FRONTIER)
    (folder / "suite.py").write_text(SUITE)
    monkeypatch.delenv("COPILOT_KIT_FRONTIER", raising=False)
    monkeypatch.delenv("COPILOT_KIT_JOURNAL", raising=False)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def text(project: Path) -> Callable[[], str]:
    """What frontier.toml says now."""
    return (project / "frontier.toml").read_text
