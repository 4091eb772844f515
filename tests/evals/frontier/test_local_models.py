"""Two real local models: evaluate, promote, a running agent changes at its next run, and back again."""

from pathlib import Path

import pytest

from copilot_kit import Agent, Principal, tool
from copilot_kit.cli.weights import pullable
from copilot_kit.journal.opening import open_store
from copilot_kit_evals.frontier.promoting import ask_people_anew, open_ledger, placed, promote, take_back
from copilot_kit_evals.frontier.snapping import snap_slot
from copilot_kit_evals.frontier.wanted import Snap
from copilot_kit_evals.verdict.verdicts import Verdict
from tests.evals.frontier.coarse_weights import write_coarse

SUITE = """
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.scores import scorer
from copilot_kit_evals.tasks import Ask, Task

CAPITALS = {"France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Japan": "Tokyo", "Germany": "Berlin",
            "England": "London", "Russia": "Moscow", "China": "Beijing", "Greece": "Athens", "Egypt": "Cairo",
            "Portugal": "Lisbon", "Ireland": "Dublin", "Poland": "Warsaw", "Austria": "Vienna", "Norway": "Oslo",
            "Cuba": "Havana", "Peru": "Lima", "Kenya": "Nairobi", "Hungary": "Budapest", "Turkey": "Ankara"}


@scorer
def names_it(item, output):
    return item.target in output.text


items = [Item(id=land, input=f"What is the capital of {land}?", target=city) for land, city in CAPITALS.items()]
tasks = [Task("capitals", Dataset.of(items, name="capitals"), Ask(), [names_it])]
"""


@pytest.fixture(scope="module")
def coarse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a model that is worse: a coarser quantisation of the one that is there."""
    found = next((one["path"] for one in pullable() if one["name"] == "smollm2"), None)
    if not found:
        pytest.skip("needs the weights of smollm2: copilot-kit models pull smollm2")
    return write_coarse(Path(str(found)), tmp_path_factory.mktemp("weights") / "coarse.gguf", every=3)


@pytest.fixture
def project(coarse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A slot that has the coarse weights, and the suite that it is judged by."""
    old = f"local:{coarse}"
    settings = "settings = { temperature = 0.0, max_output_tokens = 12 }"
    (tmp_path / "frontier.toml").write_text(f'[slots.default]\nmodel = "{old}"\nsuites = ["suite.py"]\n{settings}\n')
    (tmp_path / "suite.py").write_text(SUITE)
    monkeypatch.delenv("COPILOT_KIT_FRONTIER", raising=False)
    monkeypatch.delenv("COPILOT_KIT_JOURNAL", raising=False)
    monkeypatch.chdir(tmp_path)
    return old, "local:smollm2"


@pytest.mark.slow
def test_two_local_models_from_evaluation_to_promotion_and_back(
    project: tuple[str, str], capsys: pytest.CaptureFixture[str]
):
    old, new = project
    before = Path("frontier.toml").read_text()
    code = snap_slot(Snap(slot="default", to=new, concurrency=1, by="ci", out=Path("runs/a")))
    assert code == 0, capsys.readouterr().out
    assert f'model = "{new}"' in Path("frontier.toml").read_text()
    verdict = Verdict.model_validate_json(Path("runs/a/verdict.json").read_bytes())
    assert (verdict.incumbent, verdict.candidate, verdict.n_items) == (old, new, 20)
    assert verdict.wins >= 10
    assert verdict.losses <= 2
    assert snap_slot(Snap(slot="default", back=True, by="ci")) == 0
    assert Path("frontier.toml").read_text() == before


@pytest.mark.slow
async def test_a_running_agent_follows_its_slot_and_what_waits_is_asked_anew(project: tuple[str, str], tmp_path: Path):
    new, old = project
    (tmp_path / "frontier.toml").write_text(f'[slots.default]\nmodel = "{old}"\nsettings = {{ temperature = 0.0 }}\n')
    sent: list[int] = []

    @tool(effect="external", version="1")
    def send_reply(ticket: int, body: str) -> str:
        """Send a reply to the customer of a ticket."""
        sent.append(ticket)
        return "sent"

    store, anna, ledger = open_store("sqlite:///journal.db"), Principal(id="anna"), open_ledger()
    agent = Agent("default", tools=[send_reply], store=store)
    waiting = await agent.run("Answer ticket 17: say that the order is on its way.")
    before = await ledger.placement("default", (new,))
    promotion = await promote(ledger, "default", placed(before, new, {}, None), before=before, by="ci")
    assert len(await ask_people_anew(ledger, promotion, store)) == 1
    after = await agent.run("Answer ticket 17: say that the order is on its way.")
    models = [(await store.read(run.id))[0].body.model for run in (waiting, after)]
    assert (models[0], models[1] != old) == (old, True)
    (fresh,) = (await waiting.refresh()).proposals
    assert (fresh.again_of, fresh.reasons[0].code) == (waiting.proposals[0].id, "model-changed")
    await (await waiting.refresh()).approve(fresh.id, by=anna)
    assert sent == [17]
    await take_back(ledger, "default", by="ci")
    third = await agent.run("Answer ticket 17: say that the order is on its way.")
    assert (await store.read(third.id))[0].body.model == old
    await store.close()
