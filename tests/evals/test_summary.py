"""Summaries: means over items, what is missing as bounds, repeats as pass^k, costs and times."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from copilot_kit.agent import Agent
from copilot_kit.errors import TransportFailed
from copilot_kit.request import Request
from copilot_kit.response import Usage
from copilot_kit.slots import Opened
from copilot_kit.testing import FunctionModel
from copilot_kit_evals.candidates import candidates_of
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.plan import plan
from copilot_kit_evals.runner import Options, run
from copilot_kit_evals.scorers import Exact
from copilot_kit_evals.scorers.judging import Judge
from copilot_kit_evals.scorers.rubric import Line, Rubric
from copilot_kit_evals.scores import Output, Score, scorer
from copilot_kit_evals.summary import summary
from copilot_kit_evals.tasks import Ask, Assign, Setup, Task
from tests.evals.arithmetic import adder, opening, sums


async def compared(path: Path, items: int, *, wrong: tuple[int, ...], **task: object) -> RunFolder:
    good, bad = adder(), adder("fake:bad", wrong=wrong)
    ended = await run([sums(items, **task)], candidates_of(["fake:good", "fake:bad"]), path,
                      Options(opening=opening(good, bad)))  # fmt: skip
    return ended.folder


async def test_means_and_the_paired_difference_are_those_of_the_items(tmp_path: Path):
    told = summary(await compared(tmp_path / "run", 50, wrong=(0, 1, 2, 3, 4)))
    task = told["tasks"]["sums"]
    good, bad = (task["candidates"][name]["scorers"]["exact"]["all"] for name in ("fake:good", "fake:bad"))
    assert (good["mean"], bad["mean"], bad["items"], bad["missing"]) == (1.0, 0.9, 50, 0)
    assert good["interval"][1] == 1.0
    assert good["interval"][0] < 1.0, "fifty passes do not show a rate of 1"
    [difference] = task["differences"]
    assert (difference["difference"], difference["wins"], difference["losses"]) == (pytest.approx(-0.1), 0, 5)
    assert difference["p"] == pytest.approx(0.0625)
    assert (difference["candidate"], difference["against"]) == ("fake:bad", "fake:good")
    assert told["complete"] is True
    assert told["cost_usd"] == pytest.approx(1.0)
    assert json.loads(json.dumps(told)) == told


async def test_what_is_missing_is_a_bound_and_never_a_zero(tmp_path: Path):
    def answer(request: Request) -> str:
        first = int(request.messages[-1].text.split("+")[0])
        if first < 2:
            raise TransportFailed("cut", started=True)
        return str(2 * first)

    options = Options(opening=lambda _: Opened(FunctionModel(answer, id="fake:a")), ask_up_to=1)
    ended = await run([sums(10)], candidates_of(["fake:a"]), tmp_path / "run", options)
    one = summary(ended.folder)["tasks"]["sums"]["candidates"]["fake:a"]
    found = one["scorers"]["exact"]["all"]
    assert (found["items"], found["scored"], found["missing"]) == (10, 8, 2)
    assert (found["mean"], found["bounds"]) == (1.0, [0.8, 1.0])
    assert found["interval_with_missing"][0] < found["interval"][0]
    assert one["outcomes"] == {"infra_error": 2, "ok": 8}


async def test_attempts_that_were_never_made_are_missing_too(tmp_path: Path):
    folder = await compared(tmp_path / "run", 10, wrong=())
    log = folder.path / "attempts.jsonl"
    log.write_text("".join(line + "\n" for line in log.read_text().splitlines()[:-4]))
    told = summary(RunFolder(folder.path))
    assert told["complete"] is False
    assert told["attempts"] == {"wanted": 20, "ended": 16}
    candidates = told["tasks"]["sums"]["candidates"].values()
    assert sum(one["not_run"] for one in candidates) == 4
    assert sum(one["scorers"]["exact"]["all"]["missing"] for one in candidates) == 4


async def test_repeats_are_averaged_and_shown_as_pass_hat_k(tmp_path: Path):
    asked: dict[str, int] = {}

    def every_other(request: Request) -> str:
        text = request.messages[-1].text
        asked[text] = asked.get(text, 0) + 1
        return "2" if asked[text] % 2 else "no"

    items = [Item(id=f"i{n}", input=f"{n}", target="2") for n in range(4)]
    task = Task("t", Dataset.of(items), Ask(), [Exact()], repeats=4)
    options = Options(opening=lambda _: Opened(FunctionModel(every_other, id="fake:a")), at_once=1)
    ended = await run([task], candidates_of(["fake:a"]), tmp_path / "run", options)
    one = summary(ended.folder)["tasks"]["t"]["candidates"]["fake:a"]
    assert one["scorers"]["exact"]["all"]["mean"] == 0.5
    assert one["scorers"]["exact"]["all"]["units"] == 4
    assert {k: pytest.approx(found["mean"]) for k, found in one["pass_hat_k"].items()} == {
        "1": 0.5, "2": 1 / 6, "3": 0.0, "4": 0.0}  # fmt: skip


async def test_slices_clusters_and_weights_are_their_own(tmp_path: Path):
    items = [Item(id=f"i{n}", input=f"{n}+{n}", target=str(2 * n), tags=("even",) if n % 2 == 0 else (),
                  cluster=f"c{n // 4}", weight=1 + 2 * (n == 0)) for n in range(8)]  # fmt: skip
    model = adder(wrong=(0, 1))
    task = Task("t", Dataset.of(items), Ask(), [Exact()])
    ended = await run([task], candidates_of([model.id]), tmp_path / "run", Options(opening=opening(model)))
    found = summary(ended.folder)["tasks"]["t"]["candidates"]["fake:good"]["scorers"]["exact"]
    assert (found["all"]["mean"], found["all"]["units"], found["all"]["weighted_mean"]) == (0.75, 2, 0.6)
    assert (found["even"]["mean"], found["even"]["items"]) == (0.75, 4)


async def test_costs_per_success_and_times_are_shown(tmp_path: Path):
    told = summary(await compared(tmp_path / "run", 20, wrong=tuple(range(10))))
    bad = told["tasks"]["sums"]["candidates"]["fake:bad"]
    assert bad["cost"]["per_success"]["usd"] == pytest.approx(0.02)
    assert bad["latency_s"]["n"] == 20
    assert 0 <= bad["latency_s"]["p50"]["value"] <= bad["latency_s"]["p95"]["value"] < 1
    assert bad["tokens"] == {"input": 200, "output": 40}


def test_a_plan_says_what_can_be_seen_and_what_it_rests_on():
    candidates = candidates_of(["fake:a", "fake:b"])
    told = plan([sums(200)], candidates)
    [task] = told["tasks"]
    # (1.959964 + 0.841621) * sqrt(0.2 / 200), and the same with 0.03 for the items
    assert task["smallest_difference"] == pytest.approx(0.0885939, abs=1e-6)
    assert task["items_needed"] == 1745
    assert (told["attempts"], told["cost_usd"]) == (400, None)
    assert "assumed" in task["spread"]
    repeated = plan([sums(200, repeats=4)], candidates)["tasks"][0]
    assert repeated["smallest_difference"] < task["smallest_difference"]


async def test_a_plan_learns_from_an_earlier_run(tmp_path: Path):
    like = await compared(tmp_path / "run", 40, wrong=(1, 2))
    told = plan([sums(80)], candidates_of(["fake:good", "fake:bad"]), like=like)
    [task] = told["tasks"]
    assert task["spread"] == "measured on 40 items"
    assert told["cost_usd"] == pytest.approx(1.6)


def test_a_listed_model_has_an_expected_cost():
    told = plan([sums(100)], candidates_of(["openai:gpt-5-mini"]))
    assert told["cost_usd"] is not None
    assert Decimal("0.01") < Decimal(str(told["cost_usd"])) < Decimal(1)


def test_a_plan_says_what_its_cost_leaves_out():
    def support(setup: Setup) -> Agent[str]:
        return Agent(setup.model)

    dataset, candidates = sums(5).dataset, candidates_of(["openai:gpt-5-mini"])
    judge = Rubric(Judge(adder("fake:judge")), [Line(id="right", text="Is it right?")])
    [asks, works, judged] = plan(
        [sums(5), Task("agent", dataset, Assign(support), [Exact()]), Task("judged", dataset, Ask(), [judge])],
        candidates,
    )["tasks"]
    assert asks["cost_basis"].startswith("one request an attempt and answers of 300 tokens")
    assert "--like" not in asks["cost_basis"]
    assert "further turns of an agent are not in it" in works["cost_basis"]
    assert judged["cost_basis"].endswith("judges are not in it")


async def test_a_plan_after_a_run_has_its_judges_in_it(tmp_path: Path):
    @scorer
    def judge(item: Item, output: Output) -> Score:
        return Score(value=1.0, usage=Usage(input=9, output=1, cost_usd=Decimal("0.04")))

    task = Task("sums", sums(10).dataset, Ask(), [judge])
    ended = await run([task], candidates_of(["fake:good"]), tmp_path / "run", Options(opening=opening(adder())))
    told = plan([task], candidates_of(["fake:good"]), like=ended.folder)
    assert told["cost_usd"] == pytest.approx(0.5)
    assert told["tasks"][0]["cost_basis"] == "what an attempt and its judges cost in the earlier run"
