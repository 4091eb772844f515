"""Earlier releases of a line are taken from the runs that promotions rest on, where they did the very same items."""

from datetime import date
from pathlib import Path

from copilot_kit.request import Request
from copilot_kit.slots import Opened
from copilot_kit.testing import FunctionModel
from copilot_kit_evals.candidates import candidates_of
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.frontier.earlier import line_before
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.runner import Options, run
from copilot_kit_evals.scorers import Exact
from copilot_kit_evals.tasks import Ask, Rule, Task
from copilot_kit_evals.verdict.evidence import Evidence
from copilot_kit_evals.verdict.judging import verdict_of

DAYS = {"lab:m-1": date(2025, 1, 1), "lab:m-2": date(2025, 7, 1), "lab:m-3": date(2026, 1, 1),
        "lab:m-4": date(2026, 7, 1), "lab:other-3": date(2026, 2, 1)}  # fmt: skip
KNOWS = {"lab:m-1": 30, "lab:m-2": 36, "lab:m-3": 41, "lab:m-4": 12, "lab:other-3": 20, "home:m-2": 3}


def suite(items: int = 50) -> Task:
    return Task(
        "work", Dataset.of([Item(id=f"i{n}", input=str(n), target="ok") for n in range(items)]), Ask(), [Exact()]
    )


async def asked(folder: Path, *models: str, task: Task | None = None) -> RunFolder:
    def of(name: str) -> FunctionModel:
        def answer(request: Request) -> str:
            return "ok" if int(request.messages[-1].text) < KNOWS[name] else f"not {request.messages[-1].text}"

        return FunctionModel(answer, id=name)

    options = Options(opening=lambda name: Opened(of(name)))
    return (await run([task or suite()], candidates_of(models), folder, options)).folder


async def test_releases_of_the_line_are_found_with_their_days_and_means(tmp_path: Path) -> None:
    first = await asked(tmp_path / "a", "lab:m-1", "lab:m-2")
    second = await asked(tmp_path / "b", "lab:m-2", "lab:m-3")
    strange = await asked(tmp_path / "c", "lab:other-3", "home:m-2")
    smaller = await asked(tmp_path / "d", "lab:m-1", task=suite(40))
    runs = [first.path, second.path, strange.path, smaller.path, tmp_path / "gone"]
    found = line_before("lab:m-4", runs, [suite()], released=DAYS.get)
    assert found == tuple((float(DAYS[f"lab:m-{n}"].toordinal()), mean) for n, mean in ((1, 0.6), (2, 0.72), (3, 0.82)))
    assert line_before("lab:m-4", runs, [suite()], released=lambda _: None) == ()


async def test_a_release_far_below_its_own_line_is_looked_at_before_it_is_called_worse(tmp_path: Path) -> None:
    await asked(tmp_path / "a", "lab:m-1", "lab:m-2")
    await asked(tmp_path / "b", "lab:m-2", "lab:m-3")
    line = line_before("lab:m-4", [tmp_path / "a", tmp_path / "b"], [suite()], released=DAYS.get)
    log = Evidence.of_run(await asked(tmp_path / "c", "lab:m-3", "lab:m-4"), "lab:m-3", "lab:m-4")
    rule = Rule(line=line, line_day=float(DAYS["lab:m-4"].toordinal()))
    found = verdict_of(log, rule)
    assert found.verdict == "invalid"
    assert any("its line" in one.text or "trend" in one.text for one in found.found("wiring"))
    assert verdict_of(log, Rule()).verdict in ("hold", "invalid")
