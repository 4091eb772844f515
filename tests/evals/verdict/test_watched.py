"""Runs that may end early: evidence by betting, whole clusters, and looks that stop a real run."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from copilot_kit.model import Model
from copilot_kit.slots import Opened
from copilot_kit_evals.candidates import candidates_of
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.runner import Options, run
from copilot_kit_evals.tasks import Rule
from copilot_kit_evals.verdict.claims import Differences
from copilot_kit_evals.verdict.evidence import Case, Evidence, Side
from copilot_kit_evals.verdict.judging import verdict_of
from copilot_kit_evals.verdict.looks import look_of
from tests.evals.arithmetic import adder, opening, sums
from tests.evals.verdict.logs import evidence, flipped, side


def models(*known: Model) -> Callable[[str], Opened | None]:
    return opening(*known)  # type: ignore[arg-type]


def test_evidence_of_a_watched_run_is_the_wealth_of_bets():
    steps = [1, 0, 0, -1, 1, 1, 0, 0.5, 1, 0.2, 1, 1, 0, 1, 1, -0.5, 1, 1, 1, 0.4]
    old = [0.5 - step / 2 for step in steps]
    new = [0.5 + step / 2 for step in steps]
    found = Differences.of(replace(evidence(old, new), sequential=True))
    assert found.better() == pytest.approx(1 / 35.6701227531)
    assert found.no_worse(0.05) == pytest.approx(1 / 129.2799955288)
    assert found.worse() == 1.0


def test_a_watched_run_needs_more_than_one_look_does():
    once = flipped(6, 0, 100)
    assert verdict_of(once).verdict == "promote"
    watched = verdict_of(replace(once, sequential=True))
    assert (watched.verdict, watched.sequential, watched.p_exact) == ("inconclusive", True, None)
    assert verdict_of(replace(flipped(8, 0, 100), sequential=True)).verdict == "promote"


def test_bets_are_on_whole_clusters():
    cases = tuple(Case(f"i{n}", cluster=f"c{n // 10}") for n in range(40))
    log = replace(evidence([0.0] * 40, [1.0] * 40, cases=cases), sequential=True)
    alone = replace(evidence([0.0] * 4, [1.0] * 4), sequential=True)
    assert Differences.of(log).better() == pytest.approx(Differences.of(alone).better())


def test_the_interval_of_a_watched_run_is_that_for_all_moments():
    mixed = flipped(30, 10, 200).at(Random(0).sample(range(200), 200))
    watched, once = verdict_of(replace(mixed, sequential=True)), verdict_of(mixed)
    assert watched.interval is not None
    assert once.interval is not None
    assert watched.interval[0] < once.interval[0] < once.interval[1] < watched.interval[1]


async def test_a_look_ends_the_run_as_soon_as_the_verdict_is_found(tmp_path: Path):
    good, bad = adder(), adder("fake:bad", wrong=range(200))
    rule = Rule(look_every=5, stops=True)
    ended = await run([sums(200)], candidates_of(["fake:good", "fake:bad"]), tmp_path / "run",
                      Options(opening=models(good, bad), rule=rule, look=look_of(rule), at_once=4))  # fmt: skip
    assert ended.why == "decision"
    assert ended.reason.startswith("hold: worse: -100.0 points over ")
    assert ended.tally.items < 30
    found = verdict_of(Evidence.of_run(ended.folder, "fake:good", "fake:bad"), rule)
    assert (found.verdict, found.sequential) == ("hold", True)
    assert found.n_items == ended.tally.items


async def test_a_look_waits_for_must_pass_items_that_are_still_ahead(tmp_path: Path):
    task = sums(60)
    late = max(RunOrder(task.name).places(60), key=RunOrder(task.name).place)
    items = [item.model_copy(update={"must_pass": item.id == late}) for item in task.dataset]
    rule = Rule(look_every=5, stops=True, gain="quality")
    better = replace(task, dataset=type(task.dataset).of(items, name="sums"))
    ended = await run([better], candidates_of(["fake:bad", "fake:good"]), tmp_path / "run",
                      Options(opening=models(adder(), adder("fake:bad", wrong=range(60))), rule=rule,
                              look=look_of(rule)))  # fmt: skip
    assert ended.tally.items == 60
    assert verdict_of(Evidence.of_run(ended.folder, "fake:bad", "fake:good"), rule).verdict == "promote"


async def test_what_ended_beyond_the_first_gap_is_not_judged(tmp_path: Path):
    rule = Rule(look_every=5, stops=True)
    ended = await run([sums(30)], candidates_of(["fake:good", "fake:bad"]), tmp_path / "run",
                      Options(opening=models(adder(), adder("fake:bad")), rule=rule))  # fmt: skip
    path = ended.folder.path / "attempts.jsonl"
    order = sorted(RunOrder("sums").places(30), key=RunOrder("sums").place)
    kept = [line for line in path.read_text().splitlines(keepends=True) if f'"item":"{order[10]}"' not in line]
    path.write_text("".join(kept))
    log = Evidence.of_run(RunFolder(ended.folder.path), "fake:good", "fake:bad")
    assert [case.id for case in log.cases] == order[:10]
    assert len(log.ahead) == 20


class RunOrder:
    def __init__(self, task: str) -> None:
        self.task = task

    def places(self, items: int) -> list[str]:
        return [f"i{n}" for n in range(items)]

    def place(self, item: str) -> int:
        from copilot_kit_evals.manifest import order_of

        return order_of(0, self.task, item)


def test_a_watched_run_that_brings_nothing_at_a_known_price_is_held_as_the_look_said_that_ended_it():
    mixed = Random(0).sample(range(4000), 4000)
    log = replace(flipped(40, 40, 4000).at(mixed), sequential=True)
    assert verdict_of(log).verdict == "hold"
    for cost, word in ((2.0, "hold"), (0.5, "promote")):
        priced = replace(log, candidate=at(log.candidate, cost), incumbent=at(log.incumbent, 1.0))
        assert verdict_of(priced).verdict == word


def at(one: Side | None, cost: float) -> Side:
    assert one is not None
    return side(one.name, one.scores().tolist(), cost=cost)


def test_small_clusters_that_are_whole_first_do_not_speak_for_large_ones():
    sizes = [1] * 60 + [30] * 6
    cases = [Case(f"{n}-{k}", cluster=f"c{n}") for n, size in enumerate(sizes) for k in range(size)]
    small = [size == 1 for size in sizes for _ in range(size)]
    new = [float(one) for one in small]  # it wins each small cluster, and loses a quarter of the items of large ones
    old = [0.0 if one else float(n % 4 == 0) for n, one in enumerate(small)]
    whole = evidence(old, new, cases=cases, sequential=True).at(Random(3).sample(range(len(cases)), len(cases)))
    reached = whole.at(range(120))
    cut = {case.cluster for case in whole.cases[120:]}
    first = reached.at([place for place, case in enumerate(reached.cases) if case.cluster not in cut])
    assert verdict_of(first).verdict == "promote"
    fair = first.with_single_items(reached.cases, reached.candidate, reached.incumbent)
    assert verdict_of(fair).verdict == "inconclusive"
    assert whole.with_single_items(whole.cases, whole.candidate, whole.incumbent) == whole


async def test_a_look_and_the_verdict_of_its_run_see_the_items_of_cut_clusters(tmp_path: Path):
    task = sums(60)
    items = [item.model_copy(update={"cluster": f"c{n // 2}"}) for n, item in enumerate(task.dataset)]
    paired = replace(task, dataset=type(task.dataset).of(items, name="sums"))
    rule = Rule(look_every=5, stops=True)
    ended = await run([paired], candidates_of(["fake:good", "fake:bad"]), tmp_path / "run",
                      Options(opening=models(adder(), adder("fake:bad", wrong=range(52))), rule=rule,
                              look=look_of(rule), at_once=4))  # fmt: skip
    assert ended.why == "decision"
    log = Evidence.of_run(ended.folder, "fake:good", "fake:bad")
    assert log.reached is not None
    assert len(log.cases) < len(log.reached.cases) == ended.tally.items
    assert verdict_of(log, rule).verdict == "hold"
