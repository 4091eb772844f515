"""A candidate reads in its evaluation what it will read in production, to the letter."""

import sys
from pathlib import Path

import pytest

from copilot_kit import Agent, Memory
from copilot_kit.journal import MemoryStore
from copilot_kit.request import Request
from copilot_kit_evals import runner
from copilot_kit_evals.frontier.ledger import open_ledger
from copilot_kit_evals.frontier.trial import trial_of
from copilot_kit_evals.frontier.wanted import Snap
from copilot_kit_evals.runner import Options

ADAPTER = """
from copilot_kit.testing import FunctionModel, say

ASKED = []


def open_model(provider, model, *, base_url=None, api_key=None, http_client=None):
    def answer(request):
        ASKED.append(request)
        return say("Yes.")

    return FunctionModel(answer, id=f"{provider}:{model}")
"""
SUITE = """
from copilot_kit import Agent
from copilot_kit.journal import MemoryStore
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.scorers import Exact
from copilot_kit_evals.tasks import Assign, Task
from words_agents import MORE, find


def support(setup):
    more = {**MORE, "instructions": setup.prompt(MORE["instructions"])}
    return Agent(setup.model, settings=setup.settings, store=MemoryStore(), tools=[find], **more)


tasks = [Task("t", Dataset.of([Item(id="a", input="Hello", target="x")], name="t"), Assign(support), [Exact()])]
"""


def read(request: Request) -> list[object]:
    said = [[part.text for part in one.parts] for one in request.messages]
    return [said, request.tools, request.settings.model_dump(exclude_unset=True), request.output]


@pytest.mark.parametrize("replaces", ["true", "false"])
@pytest.mark.parametrize("instructions", ["", "Be nice."])
@pytest.mark.parametrize("remembers", [False, True])
async def test_the_overlay_of_a_slot_is_laid_over_requests_as_production_lays_it(
    project: Path, monkeypatch: pytest.MonkeyPatch, *, replaces: str, instructions: str, remembers: bool
):
    site = project.parent / "site"
    (site / "stub_words.py").write_text(ADAPTER)
    (site / "stub-1.0.dist-info" / "entry_points.txt").write_text(
        "[copilot_kit.models]\nstub = stub_words:open_model\n"
    )
    memory = f', "memory": {str(project / "notes")!r}' if remembers else ""
    (project / "words_agents.py").write_text(
        f'MORE = {{"instructions": {instructions!r}{memory}}}\n'
        'def find(order: str) -> str:\n    """Find it."""\n    return order\n'
    )
    (project / "suite.py").write_text(SUITE)
    (project / "frontier.toml").write_text(
        '[slots.default]\nmodel = "stub:old"\nsuites = ["suite.py"]\nsettings = {effort = "low"}\n'
        f'[slots.default.overlays."stub:new"]\nprompt = "Otherwise."\nreplaces = {replaces}\n'
        'settings = {temperature = 0.5}\ntools = {find = "Finds an order."}\n'
    )
    monkeypatch.syspath_prepend(str(project))
    for name in ("stub_words", "words_agents"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    trial = await trial_of(open_ledger(), Snap(slot="default", to="stub:new"))
    await runner.run(trial.suite.tasks, trial.candidates, project / "run", Options(rule=trial.rule))
    from stub_words import ASKED  # type: ignore[import-not-found]

    (evaluated,) = [one for one in ASKED if one.settings.temperature is not None]
    (project / "frontier.toml").write_text(
        (project / "frontier.toml").read_text().replace('model = "stub:old"', 'model = "stub:new"')
    )
    from words_agents import find  # type: ignore[import-not-found]

    kept = Memory(project / "notes") if remembers else None
    await Agent("default", instructions=instructions, tools=[find], memory=kept, store=MemoryStore()).run("Hello")
    assert read(ASKED[-1]) == read(evaluated)
    told = ASKED[-1].messages[0].parts[0].text.strip()
    assert told == ("Be nice.\n\nOtherwise." if instructions and replaces == "false" else "Otherwise.")
