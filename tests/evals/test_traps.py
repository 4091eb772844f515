"""Mistakes that other harnesses have made, and where it is tested that this one does not make them.

| mistake | tests |
|---|---|
| an error of 0 where all passed | stats/test_means, test_passk, test_judges (`full_agreement`), test_repeats |
| a bootstrap without a seed | stats/test_repeats (`has_a_seed_without_default`), test_horizon, test_preferences |
| k above the trials | stats/test_passk (`k_above_the_trials`), cli/test_stats |
| repeats pooled as items | stats/test_means, test_proportions, test_noninferiority, test_matrix; test_summary |
| run again until it passes | stats/test_matrix, cli/test_stats, verdict/test_snapping (`scored again`); here |
| ties dropped unsaid | stats/test_paired (`counts_ties_and_does_not_drop_them`), test_preferences; here |
| retries that roll failures again | here; test_runner (`what_the_world_spoiled`) |
| an answer out of a cache as a repeat | test_going_on (`its_own_repeat_and_for_no_other`), verdict/test_wiring |
| the judge's cost and time as the model's | test_judged_runs (`goes_under_scoring`, `time_is_not_the_candidates`) |
| waiting as latency | test_runner (`waiting_is_no_latency`) |
| a stopped run as if its length had been fixed | verdict/test_watched; here |
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from copilot_kit.errors import ContextOverflow
from copilot_kit.request import Request
from copilot_kit.slots import Opened
from copilot_kit.testing import FunctionModel
from copilot_kit_evals.candidates import candidates_of
from copilot_kit_evals.runner import Options, resume, run
from copilot_kit_evals.tasks import Rule
from copilot_kit_evals.verdict.looks import look_of
from tests.evals.arithmetic import adder, asked, opening, sums

Copilot = Callable[..., Any]
RETRIED = frozenset({"cancelled", "infra_error"})
"""What --retry-errors asks again."""


async def test_what_the_model_got_wrong_or_could_not_do_is_never_asked_again(tmp_path: Path):
    def weak(request: Request) -> str:
        if request.messages[-1].text == "0+0":
            raise ContextOverflow("too long", model="fake:good")
        return "7"

    first = FunctionModel(weak, id="fake:good")
    ended = await run([sums(3)], candidates_of(["fake:good"]), tmp_path / "run", Options(opening=opening(first)))
    before = {one.item: (one.outcome, one.scores["exact"].value) for one in ended.folder.settled()}
    assert {value for _, value in before.values()} == {0.0}
    better = adder()
    again = await resume(tmp_path / "run", [sums(3)], Options(opening=lambda _: Opened(better), again=RETRIED))
    assert asked(better) == []
    assert {one.item: (one.outcome, one.scores["exact"].value) for one in again.folder.settled()} == before


def test_ties_are_counted_and_said(copilot: Copilot, tmp_path: Path):
    rows = [f"{model},i{n},{int(n < right)}" for model, right in (("a", 6), ("b", 4)) for n in range(10)]
    (tmp_path / "log.csv").write_text("\n".join(["model,item,score", *rows]) + "\n")
    found = copilot("stats", "compare", tmp_path / "log.csv", "--a", "a", "--b", "b", "--json").json
    assert (found["wins"], found["losses"], found["ties"], found["n_items"]) == (2, 0, 8, 10)
    assert found["difference"] == 0.2
    assert found["could_end_early"] is False


async def test_a_run_that_could_end_early_is_compared_with_a_warning(copilot: Copilot, tmp_path: Path):
    rule = Rule(look_every=5, stops=True)
    options = Options(opening=opening(adder(), adder("fake:bad", wrong=range(200))), rule=rule, look=look_of(rule))
    ended = await run([sums(200)], candidates_of(["fake:good", "fake:bad"]), tmp_path / "run", options)
    assert ended.why == "decision"
    compared = copilot("stats", "compare", tmp_path / "run", "--a", "fake:bad", "--b", "fake:good", "--json")
    assert compared.json["could_end_early"] is True
    assert "interval and p are for a number of items that was fixed beforehand" in compared.err
