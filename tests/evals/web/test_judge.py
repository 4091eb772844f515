"""A judge on the pairs that people have judged: both orders, asked once, and held against them."""

import json
from pathlib import Path

import pytest

from copilot_kit.testing import FunctionModel
from copilot_kit_evals.answers import Answers
from copilot_kit_evals.folder import BadRun
from copilot_kit_evals.people.judge import judged_pairs, names_in
from copilot_kit_evals.people.judgments import JudgmentLog
from copilot_kit_evals.people.preferences import Preference
from copilot_kit_evals.scorers.judging import Judge
from tests.evals.web.test_comparing import PAGE, judge_all

SUITE = """
import json
from copilot_kit.testing import FunctionModel
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.scorers import Exact
from copilot_kit_evals.tasks import Ask, Task

def shorter(request):
    said = request.messages[-1].text
    first, second = said.split("</first")[0].split("<first")[1], said.split("</second")[0].split("<second")[1]
    return json.dumps({"evidence": "shorter", "better": "first" if len(first) < len(second) else "second"})

models = {"stub:judge": FunctionModel(shorter, id="stub:judge")}
tasks = [Task("t", Dataset.of([Item(id="a", input="b")]), Ask(), [Exact()])]
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    file = tmp_path / "suite.py"
    file.write_text(SUITE)
    return file


async def test_a_judge_is_held_against_people_with_its_orders(make, seat, shell, suite, tmp_path):
    run = await make(count=20)
    await judge_all(seat())  # prefers the shorter one, as the judge does
    out = tmp_path / "judge.jsonl"
    words = ("eval", "judge", run.path, out, "--model", "stub:judge", "--suite", suite)
    made = await shell(*words)
    assert (made.code, made.out) == (0, f"20 pairs in {out}\n")
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == 40
    told = (await shell("stats", "judge", run.path / "preferences.jsonl", out, "--json")).json
    assert (told["kind"], told["consistency"], told["position_bias"]) == ("pair", 1.0, 0.0)
    assert told["agreement"] == pytest.approx(1.0)
    assert told["n_items"] == 20
    assert told["cluster"] == "cluster"


async def test_a_judge_that_always_names_the_first_is_found_out(make, seat, shell, tmp_path):
    run = await make(count=20)
    await judge_all(seat())
    suite, out = tmp_path / "suite.py", tmp_path / "judge.jsonl"
    suite.write_text(SUITE.replace('"first" if len(first) < len(second) else "second"', '"first"'))
    await shell("eval", "judge", run.path, out, "--model", "stub:judge", "--suite", suite)
    told = (await shell("stats", "judge", run.path / "preferences.jsonl", out, "--json")).json
    assert told["agreement"] == pytest.approx(0.5)
    assert told["consistency"] == 0.0
    assert told["position"]["decided"] == 40
    assert told["position"]["left_of_decided"][0] > 0.9


async def test_no_pair_is_asked_for_again(make, seat, shell, suite, tmp_path):
    run = await make(count=6)
    browser = seat()
    out = tmp_path / "judge.jsonl"
    words = ("eval", "judge", run.path, out, "--model", "stub:judge", "--suite", suite)
    await browser.say(PAGE, winner="left")
    assert (await shell(*words)).out == f"1 pair in {out}\n"
    await judge_all(browser)
    assert (await shell(*words)).out == f"6 pairs in {out}\n"
    assert len(out.read_text().splitlines()) == 12
    assert len(names_in(out)) == 6


async def test_a_pair_that_the_judge_says_nothing_of_is_told_and_asked_again(make, seat, shell, suite, tmp_path):
    run = await make(count=2)
    await judge_all(seat())
    suite.write_text(SUITE.replace("return json.dumps", "return 'Hm.' or json.dumps"))
    out = tmp_path / "judge.jsonl"
    words = ("eval", "judge", run.path, out, "--model", "stub:judge", "--suite", suite)
    assert "did not answer in its form for 2 pairs" in (await shell(*words)).err
    assert out.read_text() == ""
    suite.write_text(SUITE)
    await shell(*words)
    assert len(out.read_text().splitlines()) == 4


async def test_an_answer_that_is_no_longer_what_was_judged_is_not_judged(make, seat):
    run = await make(count=2)
    await judge_all(seat())
    log = run.path / "calls.jsonl"
    log.write_text(log.read_text().replace("It is number", "It was number"))
    lines = JudgmentLog(run.path / "preferences.jsonl", Preference).lines()
    answers = Answers(run)
    answers.refresh()
    with pytest.raises(BadRun, match="no longer the one"):
        _ = [one async for one in judged_pairs(answers, lines, Judge(FunctionModel(lambda _: "", id="stub:j")))]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 64, "Name who judges"),
        (("--model", "a:b", "--scorer", "normalised"), 64, "Name who judges"),
        (("--scorer", "taste"), 64, "The run has no scores of 'taste'"),
        (("--model", "nobody:here"), 64, "Cannot open model 'nobody:here'"),
    ],
)
async def test_what_is_wrong_is_one_line(make, seat, shell, tmp_path, words, code, said):
    run = await make(count=2)
    await judge_all(seat())
    ended = await shell("eval", "judge", run.path, tmp_path / "out.jsonl", *words)
    assert (ended.code, "Traceback" in ended.err) == (code, False)
    assert said in ended.err


async def test_without_judgments_a_judge_has_nothing_to_say(make, shell, suite, tmp_path):
    run = await make(count=2)
    ended = await shell("eval", "judge", run.path, tmp_path / "o.jsonl", "--model", "stub:judge", "--suite", suite)
    assert ended.code == 64
    assert "Nobody has judged pairs" in ended.err
