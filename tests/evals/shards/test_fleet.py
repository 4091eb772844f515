"""Shards that others make: sent again where one dies, one budget for all, one run in the end."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from copilot_kit.errors import AuthFailed, UnknownModel
from copilot_kit.request import Request
from copilot_kit.response import Usage
from copilot_kit.testing import FunctionModel
from copilot_kit_evals.candidates import candidates_of
from copilot_kit_evals.folder import BadRun, Decision, RunFolder
from copilot_kit_evals.runner import Options, run
from copilot_kit_evals.shards.fleet import (
    Allowed,
    Died,
    Errand,
    Fleet,
    Report,
    ShardFailed,
    carried_out,
    lay_out_shards,
)
from copilot_kit_evals.suites import Suite
from copilot_kit_evals.summary import summary
from copilot_kit_evals.tally import Tally
from copilot_kit_evals.tasks import Rule
from tests.evals.arithmetic import adder, sums

CANDIDATES = candidates_of(["fake:good"])


class Here:
    """Workers in this thread: an errand is carried out when it is waited for."""

    def __init__(self, does: Callable[[Errand], Report | Died] = carried_out) -> None:
        self._does = does
        self._out: deque[Errand] = deque()
        self.sent: list[Errand] = []

    def send(self, errand: Errand) -> None:
        self._out.append(errand)
        self.sent.append(errand)

    def wait(self, seconds: float) -> list[tuple[Errand, Report | Died]]:  # noqa: ARG002  nothing is waited for
        errand = self._out.popleft()
        return [(errand, self._does(errand))]

    def stop(self) -> None:
        self._out.clear()


def suite_of(items: int, model: FunctionModel) -> Suite:
    return Suite((sums(items),), {model.id: model})


def laid_out(folder: Path, suite: Suite, *, shards: int = 3, rule: Rule | None = None) -> Options:
    options = Options(opening=suite.opening, rule=rule or Rule())
    lay_out_shards(suite.tasks, CANDIDATES, folder, options, shards=shards)
    return options


def fleet(folder: Path, suite: Suite, workers: Here, options: Options, **allowed: object) -> Fleet:
    return Fleet(workers, folder, lambda: suite, options, Allowed(**allowed))  # type: ignore[arg-type]


def test_shards_make_the_run_that_one_process_makes(tmp_path: Path):
    suite, heard = suite_of(30, adder(wrong=(3, 4, 5))), list[int]()
    options = replace(laid_out(tmp_path / "run", suite), watch=lambda tally, _: heard.append(tally.ended))
    ended = fleet(tmp_path / "run", suite, Here(), options).work(suite)
    alone = asyncio.run(run([sums(30)], CANDIDATES, tmp_path / "alone", Options(opening=suite.opening)))
    assert (ended.why, ended.tally.ended, ended.tally.total, heard[-1]) == ("done", 30, 30, 30)
    whole, one = summary(ended.folder), summary(alone.folder)
    assert whole["identity"] == one["identity"]
    means = [each["tasks"]["sums"]["candidates"]["fake:good"]["scorers"] for each in (whole, one)]
    assert means[0] == means[1]
    assert not (tmp_path / "run" / "shards").exists(), "all that they held is in the run"


def test_a_shard_that_dies_goes_on_where_it_stood(tmp_path: Path):
    model, said = adder(), list[str]()
    suite = suite_of(30, model)

    def dies_once(errand: Errand) -> Report | Died:
        if errand.name == "2-of-3" and len(workers.sent) == 3:
            carried_out(replace(errand, cost_usd=Decimal("0.04")))
            return Died("killed")
        return carried_out(errand)

    workers = Here(dies_once)
    options = laid_out(tmp_path / "run", suite)
    ended = replace(fleet(tmp_path / "run", suite, workers, options), say=said.append).work(suite)
    assert [one.name for one in workers.sent] == ["1-of-3", "2-of-3", "3-of-3", "2-of-3"]
    assert said == ["Shard 2-of-3 died (killed). It goes on where it stood."]
    assert sorted(one.item for one in ended.folder.attempts()) == sorted(f"i{n}" for n in range(30))
    assert len(model.requests) == 30, "nothing is asked twice"


def test_a_shard_that_dies_again_and_again_ends_the_run_and_loses_nothing(tmp_path: Path):
    suite = suite_of(30, adder())
    workers = Here(lambda errand: Died("killed") if errand.name == "2-of-3" else carried_out(errand))
    options = laid_out(tmp_path / "run", suite)
    with pytest.raises(ShardFailed, match="Shard 2-of-3 died 3 times without getting any further: killed"):
        fleet(tmp_path / "run", suite, workers, options).work(suite)
    ended = fleet(tmp_path / "run", suite, Here(), options).work(suite)
    assert (ended.why, len(list(ended.folder.attempts()))) == ("done", 30)


def test_the_budget_is_one_for_all_and_what_shards_leave_over_goes_to_the_others(tmp_path: Path):
    def answer(request: Request) -> list[object]:
        first, second = map(int, request.messages[-1].text.split("+"))
        return [str(first + second), Usage(input=1, output=1, cost_usd=Decimal("0.01" if first % 3 else "0.04"))]

    suite = suite_of(90, FunctionModel(answer, id="fake:good"))
    options = laid_out(tmp_path / "run", suite)
    workers = Here()
    short = fleet(tmp_path / "run", suite, workers, options, cost_usd=Decimal("1.20")).work(suite)
    assert short.why == "budget"
    assert len(workers.sent) > 3, "there was a second round"
    spent = sum(call.response.usage.cost_usd or 0 for call in short.folder.calls())
    assert Decimal("1.08") <= spent <= Decimal("1.20")
    assert sum(one.cost_usd or 0 for one in workers.sent[:3]) == Decimal("1.20")
    same = fleet(tmp_path / "run", suite, Here(), options, cost_usd=Decimal("1.21")).work(suite)
    assert sum(call.response.usage.cost_usd or 0 for call in same.folder.calls()) <= Decimal("1.21")
    more = fleet(tmp_path / "run", suite, Here(), options, cost_usd=Decimal("1.84")).work(suite)
    assert (more.why, more.tally.ended) == ("done", 90)
    assert set(Counter((call.attempt, call.n) for call in more.folder.calls()).values()) == {1}


def test_a_look_at_all_shards_together_ends_them(tmp_path: Path):
    def look(tally: Tally) -> Decision:
        verdict = "stop" if tally.items >= 10 else "continue"
        return Decision(items=tally.items, verdict=verdict, found={"reason": "enough was seen"})  # type: ignore[arg-type]

    suite = suite_of(90, adder())
    options = replace(laid_out(tmp_path / "run", suite, shards=2, rule=Rule(look_every=5)), look=look)
    parts = [Decimal("0.10"), Decimal("0.10"), *[Decimal(9)] * 10]

    def some(errand: Errand) -> Report | Died:
        carried_out(replace(errand, cost_usd=parts.pop(0)))
        return Died("for the test")

    ended = fleet(tmp_path / "run", suite, Here(some), options).work(suite)
    assert (ended.why, ended.reason) == ("decision", "enough was seen")
    assert [one.verdict for one in ended.folder.decisions()][-1] == "stop"
    assert (tmp_path / "run" / "shards").is_dir(), "they can go on"


def test_what_no_shard_would_be_spared_ends_all_with_its_exit_code(tmp_path: Path):
    def answer(request: Request) -> str:
        raise AuthFailed("wrong key")

    suite = suite_of(9, FunctionModel(answer, id="fake:good"))
    options = laid_out(tmp_path / "run", suite)
    with pytest.raises(ShardFailed, match="Shard 1-of-3: wrong key") as caught:
        fleet(tmp_path / "run", suite, Here(), options).work(suite)
    assert caught.value.exit_code == AuthFailed.exit_code


def test_shards_begin_only_with_models_that_open_and_only_once(tmp_path: Path):
    suite = suite_of(9, adder())
    with pytest.raises(UnknownModel):
        lay_out_shards(suite.tasks, candidates_of(["fake:other"]), tmp_path / "run", Options(opening=suite.opening),
                       shards=2)  # fmt: skip
    assert not (tmp_path / "run").exists()
    laid_out(tmp_path / "run", suite)
    with pytest.raises(BadRun, match="There is a run in"):
        laid_out(tmp_path / "run", suite)


def test_more_shards_than_items_are_no_harm(tmp_path: Path):
    suite = suite_of(2, adder())
    options = laid_out(tmp_path / "run", suite, shards=5)
    ended = fleet(tmp_path / "run", suite, Here(), options).work(suite)
    assert (ended.why, len(list(RunFolder(tmp_path / "run").attempts()))) == ("done", 2)
