"""Judges in a run: paced, paid from its budget, remembered, and never the candidate's cost or time."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from copilot_kit.errors import AuthFailed, TransportFailed
from copilot_kit.request import Request
from copilot_kit.response import Usage
from copilot_kit.testing import FaultModel, FunctionModel, rate_limited
from copilot_kit_evals.candidates import candidates_of
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.items import Item
from copilot_kit_evals.runner import Finished, Options, resume, run
from copilot_kit_evals.scorers.judging import Judge
from copilot_kit_evals.scorers.rubric import Line, Rubric
from copilot_kit_evals.scores import Output, scorer
from copilot_kit_evals.spending import Spending
from copilot_kit_evals.summary import summary
from copilot_kit_evals.tasks import Ask, Task
from tests.evals.arithmetic import adder, opening, sums

VERDICT = '{"lines": [{"id": "right", "evidence": "2", "met": "yes"}]}'
PRICE = Usage(input=100, output=10, cost_usd=Decimal("0.10"))
CANDIDATES = candidates_of(["fake:good"])


def judge(*, delay_s: float = 0.0, raising: Exception | None = None) -> FunctionModel:
    async def answer(request: Request) -> list[object]:
        await asyncio.sleep(delay_s)
        if raising is not None:
            raise raising
        return [VERDICT, PRICE]

    return FunctionModel(answer, id="fake:judge")  # type: ignore[arg-type]


def judged(items: int, model: object) -> Task:
    return Task("sums", sums(items).dataset, Ask(), [Rubric(Judge(model), [Line(id="right", text="Is it right?")])])  # type: ignore[arg-type]


async def ran(task: Task, path: Path, **options: object) -> Finished:
    return await run([task], CANDIDATES, path, Options(opening=opening(adder()), **options))  # type: ignore[arg-type]


async def test_what_a_judge_is_paid_goes_under_scoring_and_is_counted_once(tmp_path: Path):
    spending = Spending(cost_usd=Decimal(100))
    ended = await ran(judged(5, judge()), tmp_path / "run", spending=spending)
    assert {one.scores["rubric"].value for one in ended.folder.attempts()} == {1.0}
    told = summary(ended.folder)["tasks"]["sums"]["candidates"]["fake:good"]
    assert (told["cost"]["total_usd"], told["scoring_usd"]) == (pytest.approx(0.05), pytest.approx(0.5))
    assert spending.cost_usd == Decimal("0.55")
    again = Spending(cost_usd=Decimal(100))
    await resume(tmp_path / "run", [judged(5, judge())], Options(opening=opening(adder()), spending=again))
    assert again.cost_usd == Decimal("0.55")


async def test_a_judge_is_asked_within_the_limit_of_its_model_and_again_after_a_429(tmp_path: Path):
    flying, most = 0, 0

    async def answer(request: Request) -> list[object]:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        await asyncio.sleep(0.01)
        flying -= 1
        return [VERDICT, PRICE]

    model = FaultModel(FunctionModel(answer, id="fake:judge"), [rate_limited(0.1)])  # type: ignore[arg-type]
    ended = await ran(judged(12, model), tmp_path / "run", most=2)
    assert most == 2
    assert [one.scores["rubric"].value for one in ended.folder.attempts()] == [1.0] * 12


async def test_a_budget_that_ends_while_judging_leaves_no_attempt_without_its_score(tmp_path: Path):
    spending = Spending(cost_usd=Decimal("0.60"))
    ended = await ran(judged(20, judge()), tmp_path / "run", spending=spending, at_once=1)
    assert ended.why == "budget"
    made = list(ended.folder.attempts())
    assert 0 < len(made) <= 5
    assert {one.scores["rubric"].value for one in made} == {1.0}
    assert spending.cost_usd <= Decimal("0.60")
    candidate, model = adder(), judge()
    options = Options(opening=opening(candidate), spending=Spending(cost_usd=Decimal(50)))
    again = await resume(tmp_path / "run", [judged(20, model)], options)
    assert (again.why, again.tally.ended) == ("done", 20)
    assert len(candidate.requests) < 20 - len(made), "an answer that waited for its judge was kept"


async def test_a_judges_answer_is_not_paid_twice_when_the_run_died_before_its_attempt_ended(tmp_path: Path):
    died = asyncio.Event()

    @scorer
    async def dies(item: Item, output: Output) -> float:
        died.set()
        await asyncio.sleep(0 if again else 60)
        return 1.0

    again = False
    first, second, candidate = judge(), judge(), adder()

    def task(model: FunctionModel) -> Task:
        one = judged(1, model)
        return Task(one.name, one.dataset, one.solver, [*one.scorers, dies])

    going = asyncio.create_task(run([task(first)], CANDIDATES, tmp_path / "run", Options(opening=opening(candidate))))
    await asyncio.wait_for(died.wait(), 10)
    going.cancel()
    await asyncio.wait([going])
    again = True
    spending = Spending(cost_usd=Decimal(1))
    ended = await resume(tmp_path / "run", [task(second)], Options(opening=opening(candidate), spending=spending))
    [attempt] = ended.folder.settled()
    assert (attempt.outcome, attempt.scores["rubric"].value) == ("ok", 1.0)
    assert (len(first.requests), len(second.requests), len(candidate.requests)) == (1, 0, 1)
    assert spending.cost_usd == Decimal("0.11")


async def test_a_judge_with_a_wrong_key_ends_the_run_before_it_spoils_the_scores(tmp_path: Path):
    with pytest.raises(AuthFailed, match="wrong key"):
        await ran(judged(50, judge(raising=AuthFailed("wrong key"))), tmp_path / "run")
    assert [one for one in RunFolder(tmp_path / "run").attempts() if one.outcome != "cancelled"] == []
    candidate = adder()
    ended = await resume(tmp_path / "run", [judged(50, judge())], Options(opening=opening(candidate)))
    assert {one.scores["rubric"].value for one in ended.folder.settled()} == {1.0}
    assert len(candidate.requests) < 50, "answers that waited for the judge were kept"


async def test_a_judge_that_never_answers_gives_no_value_and_is_asked_again_on_purpose(tmp_path: Path):
    broken = judge(raising=TransportFailed("cut", started=True))
    ended = await ran(judged(1, broken), tmp_path / "run", ask_up_to=1)
    [attempt] = ended.folder.attempts()
    assert attempt.outcome == "ok"
    assert attempt.scores["rubric"].value is None
    assert "did not answer" in str(attempt.scores["rubric"].reason)
    whole, candidate = judge(), adder()
    again = frozenset({"cancelled", "infra_error"})
    same = await resume(tmp_path / "run", [judged(1, whole)], Options(opening=opening(candidate)))
    assert [one.scores["rubric"].value for one in same.folder.settled()] == [None], "only on purpose"
    more = await resume(tmp_path / "run", [judged(1, whole)], Options(opening=opening(candidate), again=again))
    assert [(one.scores["rubric"].value, one.tries) for one in more.folder.settled()] == [(1.0, 2)]
    assert (len(candidate.requests), len(whole.requests)) == (0, 1), "the candidate is not asked again"


async def test_a_judges_time_is_not_the_candidates(tmp_path: Path):
    ended = await ran(judged(1, judge(delay_s=0.3)), tmp_path / "run")
    [attempt] = ended.folder.attempts()
    assert attempt.timings.model_s + attempt.timings.tools_s < 0.2
