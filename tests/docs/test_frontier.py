"""docs/frontier.md says what is so: its file is read, its commands print what stands there, its Python runs."""

import re
import shlex
from pathlib import Path

import pytest

from copilot_kit.cli.program import run
from copilot_kit.journal import MemoryStore
from copilot_kit.overlays import Overlay
from copilot_kit.slots import Frontier, Slot, SlotOverlay, place, read_frontier, slot_of

DOC = (Path(__file__).parents[2] / "docs" / "frontier.md").read_text()
TOML = re.findall(r"^```toml\n(.*?)^```", DOC, re.MULTILINE | re.DOTALL)
CONSOLE = re.findall(r"^```console\n\$ copilot-kit (.*?)\n(.*?)^```", DOC, re.MULTILINE | re.DOTALL)
(PYTHON,) = re.findall(r"^```python\n(.*?)^```", DOC, re.MULTILINE | re.DOTALL)
ADAPTER = """
from copilot_kit.testing import FunctionModel

def open_model(provider, model, *, base_url=None, api_key=None, http_client=None):
    def answer(request):
        number = int(request.messages[-1].text)
        return str(2 * number if model == "new" or number < 80 else 2 * number + 1)

    return FunctionModel(answer, id=f"{provider}:{model}")
"""
SUITE = """
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.scorers import Exact
from copilot_kit_evals.tasks import Ask, Task

items = Dataset.of([Item(id=f"d{n}", input=str(n), target=str(2 * n)) for n in range(120)], name="doubles")
tasks = [Task("doubles", items, Ask("Double it."), [Exact()])]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    site, folder = tmp_path / "site", tmp_path / "project"
    (site / "stub-1.0.dist-info").mkdir(parents=True)
    (site / "stub-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: stub\nVersion: 1.0\n")
    (site / "stub-1.0.dist-info" / "entry_points.txt").write_text("[copilot_kit.models]\nstub = stub_doc:open_model\n")
    (site / "stub_doc.py").write_text(ADAPTER)
    folder.mkdir()
    (folder / "frontier.toml").write_text(TOML[0])
    (folder / "suite.py").write_text(SUITE)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delenv("COPILOT_KIT_FRONTIER", raising=False)
    monkeypatch.delenv("COPILOT_KIT_JOURNAL", raising=False)
    monkeypatch.chdir(folder)
    return folder


def test_the_file_says_what_its_comments_say(project: Path):
    slot = slot_of("default")
    assert place("default", slot).overlay is None
    assert place("default", slot, model="stub:new").overlay == Overlay(
        prompt="Answer with the number alone.", tools={"find_order": "Finds an order by its number."}
    )
    assert (slot.allows("local:x"), slot.allows("openai:x")) == (True, False)


def test_the_commands_print_what_stands_there(project: Path, capsys: pytest.CaptureFixture[str]):
    plan, verify = CONSOLE
    assert run(shlex.split(plan[0])) == 0
    assert capsys.readouterr().out == plan[1]
    assert run(["snap", "default", "--to", "stub:new"]) == 0
    capsys.readouterr()
    assert run(shlex.split(verify[0])) == 0
    assert capsys.readouterr().out == verify[1]


async def test_the_python_promotes_and_takes_back(project: Path):
    names: dict[str, object] = {}
    exec(PYTHON, names)  # noqa: S102  our own document
    before = (project / "frontier.toml").read_text()
    promotion = await names["by_hand"](MemoryStore())  # type: ignore[operator]
    assert (promotion.kind, promotion.after.model) == ("back", "stub:old")
    assert (project / "frontier.toml").read_text() == before


def test_every_key_of_a_slot_and_every_option_is_named_and_there(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    keys = {*Slot.model_fields, *SlotOverlay.model_fields} - {"stage"}
    assert [name for name in sorted(keys) if not re.search(rf"\b{name}\b", DOC)] == []
    (tmp_path / "frontier.toml").write_text(TOML[1])
    assert isinstance(read_frontier(tmp_path / "frontier.toml"), Frontier)
    run(["snap", "--help"])
    told = capsys.readouterr().out
    for name in ("verify", "watch", "advance"):
        run(["frontier", name, "--help"])
    told += capsys.readouterr().out
    options = set(re.findall(r"--[a-z][a-z-]+", DOC))
    assert [one for one in sorted(options) if one not in told] == []


def test_it_is_short():
    assert len(DOC.splitlines()) <= 120
