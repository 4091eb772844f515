"""What a run shows while it goes on: right at every look, and kept."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from copilot_kit.testing import FunctionModel
from copilot_kit_evals.candidates import candidates_of
from copilot_kit_evals.interim import Interims, Looking, odds
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.runner import Options, run
from copilot_kit_evals.scores import Output, scorer
from copilot_kit_evals.stats.anytime import betting, discordant_e_value
from copilot_kit_evals.tally import Tally
from copilot_kit_evals.tasks import Ask, Rule, Task
from tests.evals.arithmetic import adder, opening, sums

SUITE = Path(__file__).with_name("sums_suite.py")
CANDIDATES = candidates_of(["fake:old", "fake:new"])


async def tallied(path: Path, task: Task, *models: FunctionModel) -> Tally:
    ended = await run([task], CANDIDATES, path / "run", Options(opening=opening(*models)))
    return ended.tally


async def test_twenty_wins_in_a_row_are_strong_evidence_with_an_interval_above_zero(tmp_path: Path):
    tally = await tallied(tmp_path, sums(20), adder("fake:old", wrong=range(20)), adder("fake:new"))
    [one] = Interims(tally).found()
    assert (one.n, one.unscored, one.difference) == (20, 0, 1.0)
    assert one.evidence == pytest.approx(betting([1.0] * 20)[-1])
    assert one.evidence > 1000
    assert 0 < one.lower < one.upper == 1.0
    assert str(one).startswith("fake:new - fake:old: so far +1.000 (")
    assert " to 1.000) on 20 items, evidence " in str(one)


async def test_alike_models_are_no_evidence(tmp_path: Path):
    wrong = range(0, 40, 2)
    tally = await tallied(tmp_path, sums(40), adder("fake:old", wrong=wrong), adder("fake:new", wrong=wrong))
    [one] = Interims(tally).found()
    assert (one.difference, one.evidence) == (0.0, 1.0)
    assert one.lower < 0 < one.upper


async def test_a_cluster_is_one_item_however_many_it_has(tmp_path: Path):
    items = [Item(id=f"i{n}", input=f"{n}+{n}", target=str(2 * n), cluster=f"c{n % 6}") for n in range(60)]
    task = Task("sums", Dataset.of(items), Ask(), sums(1).scorers)
    tally = await tallied(tmp_path, task, adder("fake:old", wrong=range(60)), adder("fake:new"))
    [one] = Interims(tally).found()
    assert (one.n, one.difference) == (6, 1.0)
    assert one.evidence == pytest.approx(betting([1.0] * 6)[-1])
    assert one.evidence < 2 * discordant_e_value(6, 0)


async def test_scores_of_another_width_and_items_without_a_score_are_told_apart(tmp_path: Path):
    @scorer
    def points(item: Item, output: Output) -> float | None:
        first = int(item.input.split("+")[0]) if isinstance(item.input, str) else 0
        return None if first < 3 else 10.0 * (output.text == item.target)

    task = Task("sums", sums(13).dataset, Ask(), [points], bounds=(0.0, 10.0))
    tally = await tallied(tmp_path, task, adder("fake:old", wrong=range(13)), adder("fake:new"))
    [one] = Interims(tally).found()
    assert (one.n, one.unscored, one.difference) == (10, 3, 1.0)
    assert "on 10 items (3 without a score left out), evidence " in str(one)


async def test_few_items_say_nothing(tmp_path: Path):
    tally = await tallied(tmp_path, sums(4), adder("fake:old"), adder("fake:new"))
    assert Interims(tally).found() == []


async def test_each_look_is_kept_with_what_it_saw(tmp_path: Path):
    models = opening(adder("fake:old", wrong=range(30)), adder("fake:new"))
    options = Options(opening=models, look=Looking(), rule=Rule(look_every=10), at_once=1)
    ended = await run([sums(30)], CANDIDATES, tmp_path / "run", options)
    decisions = ended.folder.decisions()
    assert [(one.items, one.verdict) for one in decisions] == [(10, "continue"), (20, "continue"), (30, "continue")]
    first: Any = decisions[0].found
    assert first["against"] == "fake:old"
    assert (first["candidates"]["fake:new"]["n"], first["candidates"]["fake:new"]["difference"]) == (10, 1.0)


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        (0.4, "no evidence that they differ"),
        (1.4, "no evidence that they differ"),
        (7.2, "evidence 7:1"),
        (float("inf"), "evidence above 1,000,000:1"),
    ],
)
def test_evidence_is_told_as_odds(evidence: float, said: str):
    assert odds(evidence) == said


def test_the_command_shows_it_and_keeps_its_looks(copilot: Callable[..., Any], tmp_path: Path):
    words: Sequence[object] = ("--model", "fake:a", "--model", "fake:b", "--out", tmp_path / "run")
    ended = copilot("eval", "run", SUITE, *words)
    assert ended.code == 0
    assert "fake:b - fake:a: so far +0.000 (" in ended.err
    assert "on 50 items, no evidence that they differ" in ended.err
    assert len((tmp_path / "run" / "decisions.jsonl").read_text().splitlines()) == 5
