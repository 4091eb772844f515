"""A snap sends data of its slot only where the slot lets them go: to no candidate, judge or server else."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from copilot_kit.sending import NotAllowed
from copilot_kit_evals.cli.snap_slot import snap_slot
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.frontier.ledger import advance, open_ledger
from copilot_kit_evals.frontier.trial import trial_of
from copilot_kit_evals.frontier.wanted import Snap
from copilot_kit_evals.runner import Options, resume
from copilot_kit_evals.shards.fleet import lay_out_shards
from copilot_kit_evals.suites import load
from tests.asked_server import Server, serving

AWAY = "0.0.0.0"  # noqa: S104  leads to this machine and is not its loopback's name
SUITE = """
from copilot_kit import Agent, open_model, tool
from copilot_kit.messages import user
from copilot_kit.model import complete
from copilot_kit.request import Request
from copilot_kit.retry import Retry
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.scorers import Exact
from copilot_kit_evals.scorers.judging import Judge
from copilot_kit_evals.scorers.rubric import Line, Rubric
from copilot_kit_evals.scores import scorer
from copilot_kit_evals.tasks import Ask, Assign, Task

items = Dataset.of([Item(id=f"d{n}", input=str(n), target=str(2 * n)) for n in range(60)], name="doubles")


def task(*scorers, solver=None):
    return [Task("doubles", items, solver or Ask("Double it."), [Exact(), *scorers])]


def rubric():
    return Rubric(Judge(Retry(open_model("ollama:judge").model)), [Line(id="right", text="Is it right?")])


async def ask(text):
    return (await complete(open_model("ollama:judge").model, Request(messages=(user(text),)))).text

"""
HIDDEN = {
    "a scorer that opens its judge when it is called": """
@scorer
async def hidden(item, output):
    return (await rubric()(item, output)).value

tasks = task(hidden)
""",
    "a scorer that takes every error for a wrong answer": """
known = {}

@scorer
async def hidden(item, output):
    try:
        known.setdefault("judge", open_model("ollama:judge").model)
        return float(await ask(output.text) != "")
    except Exception:
        return 0.0

tasks = task(hidden)
""",
    "a solver that asks another model beside the candidate": """
class Both:
    digest = "1"

    async def __call__(self, setup):
        await ask("first")
        return await Ask("Double it.")(setup)

tasks = task(solver=Both())
""",
    "an agent with a model of its own": """
def made(setup):
    return Agent("ollama:judge", instructions="Double it.")

tasks = task(solver=Assign(made))
""",
    "a tool that asks another model, and whose errors the candidate is told": """
from copilot_kit.testing import FunctionModel, call

def answer(request):
    return call("look_up", {}) if request.messages[-1].role == "user" else request.messages[-1].text

@tool(effect="read")
async def look_up() -> str:
    \"\"\"Look it up.\"\"\"
    return await ask("x")

def made(setup):
    return Agent(setup.model, tools=[look_up])

models = {name: FunctionModel(answer, id=name) for name in ("vllm:old", "vllm:new")}
tasks = task(solver=Assign(made))
""",
    "an agent with a reviewer of its own": """
from copilot_kit.agent.checks import Rubric as Reviewed

def made(setup):
    return Agent(setup.model, checks=[Reviewed("Is it right?", model="ollama:judge")])

tasks = task(solver=Assign(made))
""",
}
SHOWN = {
    "a judge in a scorer's field": "tasks = task(rubric())",
    "a judge that a scorer closes over": """
def scorers():
    judge = rubric()

    @scorer
    async def inner(item, output):
        return (await judge(item, output)).value

    return inner

tasks = task(scorers())
""",
    "a judge that a scorer's function names": """
judge = Judge(open_model("ollama:judge").model)

@scorer
async def named(item, output):
    return (await Rubric(judge, [Line(id="right", text="Is it right?")])(item, output)).value

tasks = task(named)
""",
    "a candidate that the suite opens as another model": """
models = {"vllm:new": open_model("ollama:judge").model}
tasks = task()
""",
    "a model in a solver's field": """
class Second:
    digest = "1"

    def __init__(self):
        self.second = [open_model("ollama:judge").model]

    async def __call__(self, setup):
        await complete(self.second[0], Request(messages=(user("x"),)))
        return await Ask()(setup)

tasks = task(solver=Second())
""",
}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Both providers are this server; the working folder has a slot that lets data go to one of them."""
    with serving() as server:
        for name in ("VLLM_BASE_URL", "OLLAMA_BASE_URL"):
            monkeypatch.setenv(name, server.url())
        monkeypatch.delenv("COPILOT_KIT_FRONTIER", raising=False)
        monkeypatch.chdir(tmp_path)
        frontier('"vllm"')
        (tmp_path / "suite.py").write_text(f"{SUITE}tasks = task()")
        yield server


def frontier(may_send_to: str, more: str = "") -> None:
    Path("frontier.toml").write_text(
        f'[slots.default]\nmodel = "vllm:old"\nsuites = ["suite.py"]\nmay_send_to = [{may_send_to}]\n{more}'
    )


def suite(text: str) -> None:
    Path("suite.py").write_text(SUITE + text)


def snapped(**options: object) -> int:
    return snap_slot(Snap(slot="default", by="anna", concurrency=2, **{"out": Path("run"), **options}))  # type: ignore[arg-type]


@pytest.mark.parametrize("text", SHOWN.values(), ids=SHOWN)
def test_a_judge_that_may_not_get_the_items_is_found_before_anybody_is_asked(server: Server, text: str):
    suite(text)
    for options in ({"plan": True}, {}):
        with pytest.raises(NotAllowed, match=r"slot 'default' may not go to 'ollama': its may_send_to has vllm\. Add"):
            snapped(to="vllm:new", **options)
    assert (server.asked.total(), Path("run").exists()) == (0, False)


@pytest.mark.parametrize("text", HIDDEN.values(), ids=HIDDEN)
def test_whoever_else_is_asked_ends_the_run_and_no_score_hides_it_until_the_slot_allows_it(
    server: Server, text: str, capsys: pytest.CaptureFixture[str]
):
    suite(text)
    with pytest.raises(NotAllowed, match="slot 'default' may not go to 'ollama'"):
        snapped(to="vllm:new")
    assert server.asked["judge"] == 0
    assert [one for one in RunFolder("run").settled() if one.outcome != "cancelled"] == []
    assert "Go on with: copilot-kit snap default --resume run" in capsys.readouterr().err
    frontier('"vllm", "ollama"')
    snapped(resume=Path("run"), out=None)
    assert server.asked["judge"] > 0
    assert {one.outcome for one in RunFolder("run").settled()} == {"ok"}


def test_a_server_that_the_environment_names_is_refused_before_anybody_is_asked(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("VLLM_BASE_URL", server.url(AWAY))
    with pytest.raises(NotAllowed, match=r"may not go to '0\.0\.0\.0', for 'vllm:old'"):
        snapped(to="vllm:new")
    assert server.asked.total() == 0
    frontier(f'"vllm", "{AWAY}:{server.port}"')
    assert snapped(to="vllm:new", dry_run=True) == 0
    assert server.asked.total() == 120


def test_a_candidate_at_another_server_is_refused_by_the_overlay_that_brings_it_there(server: Server):
    frontier('"vllm"', f'[slots.default.overlays."vllm:new"]\nbase_url = "{server.url(AWAY)}"\n')
    with pytest.raises(NotAllowed, match=r"may not go to '0\.0\.0\.0', for 'vllm:new'"):
        snapped(to="vllm:new")
    assert server.asked.total() == 0


@pytest.mark.parametrize("later", ['"ollama"', '"elsewhere"', ""])
def test_a_run_goes_on_only_with_whom_the_slot_allows_by_then(server: Server, later: str):
    frontier('"vllm", "ollama"')
    suite("tasks = task(rubric())")
    assert snapped(to="vllm:new", dry_run=True, budget_tokens=1_000) == 2
    asked = server.asked.copy()
    frontier(later)
    with pytest.raises(NotAllowed):
        snapped(resume=Path("run"), out=None)
    frontier('"vllm"')
    with pytest.raises(NotAllowed, match="may not go to 'ollama'"):
        snapped(resume=Path("run"), out=None)
    with pytest.raises(NotAllowed, match="may not go to 'ollama'"):  # whoever goes on with it
        asyncio.run(resume("run", load("suite.py").tasks))
    assert server.asked == asked


async def test_a_model_that_is_not_allowed_any_more_takes_over_no_further(server: Server):
    stage = 'stage = { to = "ollama:new", share = 0.1 }\n'
    frontier('"vllm", "ollama"', stage)
    ledger = open_ledger()
    frontier('"vllm"', stage)
    before = ledger.frontier.read_text()
    for share in (0.5, 1.0):
        with pytest.raises(NotAllowed, match="slot 'default' may not go to 'ollama'"):
            await advance(ledger, "default", share=share, by="anna")
    assert (ledger.frontier.read_text(), server.asked.total()) == (before, 0)


def test_shards_are_not_laid_out_for_whom_the_slot_does_not_allow(server: Server):
    suite("tasks = task(rubric())")
    trial = asyncio.run(trial_of(open_ledger(), Snap(slot="default", to="vllm:new")))
    with pytest.raises(NotAllowed):
        lay_out_shards(trial.suite.tasks, trial.candidates, Path("run"), Options(rule=trial.rule), shards=2)
    assert not Path("run").exists()


def test_the_command_ends_in_one_line_and_sends_nothing(server: Server):
    suite("tasks = task(rubric())")
    words = [sys.executable, "-m", "copilot_kit", "snap", "default", "--to", "vllm:new"]
    ended = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, env=dict(os.environ))
    assert (ended.returncode, ended.stdout) == (64, "")
    assert ended.stderr == (
        "Data of slot 'default' may not go to 'ollama': its may_send_to has vllm. Add the provider there if the people "
        "whose data it is allow that.\n"
    )
    assert server.asked.total() == 0
