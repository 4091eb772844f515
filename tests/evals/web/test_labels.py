"""Labels: single answers, called right or wrong by people, read by scorer, calibration and statistics alike."""

import re

import pytest

from copilot_kit_evals.items import Item
from copilot_kit_evals.people.labelling import Sample
from copilot_kit_evals.scorers.human_labels import HumanLabels, labelled, read_labels
from copilot_kit_evals.scores import Output
from copilot_kit_evals.web.desk import Wish
from tests.evals.web.conftest import ALPHA, BETA, hidden

PAGE = "/runs/first/label/anna"


async def label_all(browser, page=PAGE) -> int:
    """Call right what says it shortly, until nothing is left."""
    count = 0
    while 'name="showing"' in (text := (await browser.get(page)).text):
        verdict = "wrong" if "I think" in text.split("<article")[1] else "right"
        await browser.post(page, {**hidden(text), "verdict": verdict})
        count += 1
    return count


async def test_labels_are_read_by_the_scorer_and_for_calibration(make, seat):
    run = await make(count=4)
    assert await label_all(seat()) == 8
    labels = read_labels(run.path / "labels.jsonl")
    item = Item(id="q1", input="number 1")
    people = HumanLabels(labels)
    assert (await people(item, Output("It is number 1."))).value == 1.0
    assert (await people(item, Output("I think that number 1 would be right here."))).value == 0.0
    assert sorted(one.value for one in labelled(labels, [item])) == [0.0, 1.0]
    assert {one.model for one in labels} == {ALPHA, BETA}
    assert {one.by for one in labels} == {"anna"}


async def test_a_label_that_was_taken_back_or_skipped_is_none(make, seat):
    run = await make(count=4)
    browser = seat()
    await browser.say(PAGE, verdict="right")
    await browser.say(PAGE, verdict="undo")
    await browser.say(PAGE, verdict="skip")
    labels = read_labels(run.path / "labels.jsonl")
    assert [one.state for one in labels] == ["said", "undone", "skip"]
    assert labelled(labels, [Item(id=f"q{n}", input="") for n in range(4)]) == []


async def test_a_label_that_is_sent_twice_is_kept_once(make, seat):
    run = await make(count=4)
    browser = seat()
    fields = {**await browser.fields(PAGE), "verdict": "right"}
    for _ in range(2):
        assert (await browser.post(PAGE, fields)).headers["location"] == PAGE
    assert (await browser.post(PAGE, {**fields, "verdict": "wrong"})).headers["location"] == f"{PAGE}?late"
    assert len(read_labels(run.path / "labels.jsonl")) == 1


async def test_the_page_does_not_say_whose_answer_it_is(make, seat):
    run = await make()
    browser = seat(wish=Wish(sample=Sample(most=6)))
    for _ in range(6):
        text = (await browser.get(PAGE)).text
        assert not re.search(f"alpha|beta|acme|{run.manifest.run_id}", text)
        await browser.post(PAGE, {**hidden(text), "verdict": "right"})
    assert "Done. Thank you." in (await browser.get(PAGE)).text


async def test_labels_are_held_against_the_scores_of_the_run(make, seat, copilot, tmp_path):
    run = await make(count=10)
    await label_all(seat(wish=Wish(sample=Sample(most=12))))
    out = tmp_path / "judge.jsonl"
    made = copilot("eval", "judge", run.path, out, "--scorer", "normalised")
    assert (made.code, made.out) == (0, f"20 rows in {out}\n")
    told = copilot("stats", "judge", run.path / "labels.jsonl", out, "--json").json
    assert (told["kind"], told["n_verdicts"], told["only_judge"], told["kappa"]) == (
        "binary",
        12,
        8,
        pytest.approx(1.0),
    )
    assert (told["sensitivity"], told["specificity"]) == (1.0, 1.0)


async def test_what_was_taken_back_is_not_held_against_a_judge(make, seat, copilot, tmp_path):
    run = await make(count=10)
    browser = seat()
    for verdict in ("right", "undo", "skip"):
        await browser.say(PAGE, verdict=verdict)
    await label_all(browser)
    out = tmp_path / "judge.jsonl"
    copilot("eval", "judge", run.path, out, "--scorer", "normalised")
    told = copilot("stats", "judge", run.path / "labels.jsonl", out, "--json").json
    assert (told["n_verdicts"], told["kappa"]) == (19, pytest.approx(1.0))
