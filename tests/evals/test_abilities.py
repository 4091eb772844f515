"""What models can do of one's own work: horizons by release, their trend, and when parked items open."""

from datetime import date
from pathlib import Path

import pytest

from copilot_kit.request import Request
from copilot_kit.slots import Opened
from copilot_kit.testing import FunctionModel
from copilot_kit_evals.abilities import abilities, openings
from copilot_kit_evals.candidates import candidates_of
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.runner import Options, run
from copilot_kit_evals.scorers import Exact
from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.tasks import Ask, Task

MINUTES = [1, 2, 4, 8, 16, 32, 64, 128]
RELEASED = {"lab:one": date(2025, 1, 1), "lab:two": date(2025, 7, 20), "lab:three": date(2026, 2, 5)}


async def release(folder: Path, name: str, *, able: float, minutes: bool = True, lucky: bool = False) -> RunFolder:
    """Return a run of a model that does all tasks up to so many minutes. lucky: and one of each length beyond."""
    items = [Item(id=f"t{long}-{n}", input=f"{long} {n}", target="ok", cluster=f"c{long}-{n}",
                  human_minutes=long if minutes else None) for long in MINUTES for n in range(6)]  # fmt: skip

    def answer(request: Request) -> str:
        long, n = map(int, request.messages[-1].text.split())
        return "ok" if long <= able or (lucky and n == 0) else "no idea"

    options = Options(opening=lambda _: Opened(FunctionModel(answer, id=name)))
    task = Task("work", Dataset.of(items), Ask(), [Exact()])
    return (await run([task], candidates_of([name]), folder, options)).folder


async def three(folder: Path) -> list[RunFolder]:
    return [await release(folder / name.replace(":", "-"), name, able=able)
            for name, able in (("lab:one", 4), ("lab:two", 8), ("lab:three", 16))]  # fmt: skip


async def test_a_model_that_does_twice_as_long_tasks_every_two_hundred_days_doubles_in_them(tmp_path: Path) -> None:
    known = abilities(await three(tmp_path), RELEASED, draws=50)
    assert [one.model for one in known.models] == ["lab:one", "lab:two", "lab:three"]
    assert known.trend is not None
    assert known.trend.doubling_days == pytest.approx(200, abs=1)
    assert known.through == ("lab:one", "lab:two", "lab:three")
    assert 16 < known.models[-1].horizon.p50 < 32


async def test_items_in_another_order_give_the_same_intervals(tmp_path: Path) -> None:
    run = await release(tmp_path / "run", "lab:one", able=8, lucky=True)
    log = run.path / "attempts.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    first = abilities([run], {}, draws=50)
    log.write_text("".join(lines[::-1]))
    assert abilities([RunFolder(run.path)], {}, draws=50) == first


async def test_a_parked_item_opens_where_the_trend_reaches_its_length_or_is_open_now(tmp_path: Path) -> None:
    known = abilities(await three(tmp_path), RELEASED, draws=50)
    soon, now = openings(
        [Item(id="long", input="x", human_minutes=known.models[-1].horizon.p50 * 2),
         Item(id="short", input="x", human_minutes=10)],
        known,
    )  # fmt: skip
    assert soon.now is None
    assert soon.on is not None
    assert abs((soon.on - date(2026, 8, 24)).days) <= 2, "one doubling behind the last release"
    assert (now.now, now.on) == ("lab:three", None)


async def test_models_without_a_date_are_shown_and_in_no_trend(tmp_path: Path) -> None:
    known = abilities(await three(tmp_path), {"lab:two": date(2025, 7, 20)}, draws=50)
    assert [one.model for one in known.models] == ["lab:two", "lab:one", "lab:three"]
    assert known.trend is None


async def test_items_that_say_no_minutes_are_counted_and_without_any_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotUsable, match="says how long a person takes"):
        abilities([await release(tmp_path / "none", "lab:one", able=4, minutes=False)], RELEASED)


async def test_a_price_opens_an_item_when_its_success_costs_no_more_than_is_allowed(tmp_path: Path) -> None:
    known = abilities(await three(tmp_path), RELEASED, draws=50)
    for one in known.models:
        one.per_item["dear"] = 0.50
    parked = [Item(id="dear", input="x", meta={"max_usd": 0.05}), Item(id="dear", input="x", meta={"max_usd": 1})]
    assert [one.price_ratio for one in openings(parked, known)] == [pytest.approx(0.1), 2.0]
