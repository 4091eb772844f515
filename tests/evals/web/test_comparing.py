"""Comparing: nothing tells whose an answer is, nothing is lost or kept twice, and the statistics read what is kept."""

import asyncio
import json
import re

import pytest

from copilot_kit.errors import UsageError
from copilot_kit_evals.attempts import Key
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.people.judgments import JudgmentLog
from copilot_kit_evals.people.pairing import Draw, pairs_of, showings
from copilot_kit_evals.people.preferences import Preference, standing
from copilot_kit_evals.web.desk import Wish
from tests.evals.web.conftest import ALPHA, BETA, hidden

PAGE = "/runs/first/compare/anna"


def lines_of(run: RunFolder) -> list[Preference]:
    return JudgmentLog(run.path / "preferences.jsonl", Preference).lines()


def left_is_alpha(text: str) -> bool:
    return text.index("It is number") < text.index("I think that number")


async def judge_all(browser, page=PAGE, *, reason="") -> list[str]:
    """Judge until nothing is left, and return every page that was shown."""
    pages = []
    while 'name="showing"' in (text := (await browser.get(page)).text):
        pages.append(text)
        winner = "left" if left_is_alpha(text) else "right"
        await browser.post(page, {**hidden(text), "winner": winner, "reason": reason})
    return pages


async def test_every_judgment_is_kept_with_what_stood_left_and_right(make, seat):
    run = await make()
    browser = seat()
    pages = await judge_all(browser, reason="shorter")
    lines = lines_of(run)
    assert len(pages) == len(lines) == 12
    assert {(one.left, one.right)[one.winner == "right"] for one in lines} == {ALPHA}
    assert {one.item for one in lines} == {f"q{n}" for n in range(12)}
    assert [one.position for one in lines] == list(range(1, 13))
    first = lines[0]
    assert (first.rater, first.task, first.cluster, first.reason, first.seed) == ("anna", "numbers", first.item,
                                                                                 "shorter", 0)  # fmt: skip
    assert first.took_s is not None
    assert first.took_s < 60
    assert "Done. Thank you." in (await browser.get(PAGE)).text


async def test_nothing_that_is_sent_tells_whose_answer_stands_left(make, seat):
    run = await make(count=60)
    secrets = ["alpha", "beta", "acme", run.manifest.run_id, "candidate", "cost", "usage", "$",
               *(Key("numbers", f"q{n}", "", 0, name).digest for n in range(60) for name in (ALPHA, BETA))]  # fmt: skip
    rest, sides, bits = set(), [], []
    for rater in ("anna", "ben", "eve"):
        browser = seat(wish=Wish(Draw(seed=4)))
        for text in await judge_all(browser, f"/runs/first/compare/{rater}"):
            for secret in secrets:
                assert secret not in text
            known = hidden(text)
            sides.append(left_is_alpha(text))
            bits.append([int(char, 16) & 1 for char in known["showing"]])
            bare = re.sub(r"<span class=\"line\">[^<]*</span>", "", text)
            for changing in (known["showing"], known["csrf"], rater):
                bare = bare.replace(changing, "")
            bare = re.sub(r"number \d+|\d+ of 60|value=\"\d+\"|<button[^>]*value=\"undo\".*?</button>", "", bare,
                          flags=re.DOTALL)  # fmt: skip
            rest.add(re.sub(r"\s+", " ", bare))
    assert len(rest) == 1  # the page around the answers is the same, whoever stands left
    assert 65 <= sum(sides) <= 115  # of 180
    for place in range(24):
        alike = sum(row[place] == side for row, side in zip(bits, sides, strict=True))
        assert 60 <= alike <= 120, place  # no bit of the showing's name says which side


async def test_headers_and_redirects_tell_nothing(make, seat):
    await make()
    browser = seat()
    page = await browser.get(PAGE)
    sent = await browser.say(PAGE, winner="left")
    for answer in (page, sent):
        told = " ".join(f"{name} {value}" for name, value in answer.headers.items())
        assert "alpha" not in told
        assert "beta" not in told
    assert (sent.status_code, sent.headers["location"], sent.content) == (303, PAGE, b"")


def shown(run: RunFolder, rater: str, draw: Draw) -> list[tuple[str, str]]:
    found = showings(pairs_of(run, draw), rater, draw, usable=lambda _: True)
    return [(one.pair.item, one.left.candidate) for one in found]


async def test_order_and_sides_are_drawn_by_seed_and_rater(make):
    run = await make(count=30)
    first = shown(run, "anna", Draw(seed=1))
    assert shown(run, "anna", Draw(seed=1)) == first
    others = [shown(run, "ben", Draw(seed=1)), shown(run, "anna", Draw(seed=2))]
    for other in others:
        assert [item for item, _ in other] != [item for item, _ in first]
        assert dict(other) != dict(first)
        assert dict(other).keys() == dict(first).keys()


async def test_candidates_that_the_run_does_not_have_are_refused(make):
    run = await make(count=20, names=("acme:one", "acme:two"))
    assert len(pairs_of(run, Draw().checked(run))) == 20
    with pytest.raises(UsageError, match="no candidate 'acme:six'"):
        Draw(between=("acme:one", "acme:six")).checked(run)
    with pytest.raises(UsageError, match="Name two"):
        Draw(between=("acme:one", "acme:one")).checked(run)


async def test_a_rater_goes_on_where_they_stopped(make, seat):
    await make()
    await seat().say(PAGE, winner="tie")
    before = (await seat().get(PAGE)).text
    after = (await seat().get(PAGE)).text
    assert "1 of 12" in before
    assert hidden(before)["showing"] == hidden(after)["showing"]


async def test_undo_brings_the_last_pair_back_again_and_again(make, seat):
    run = await make()
    browser = seat()
    first = await browser.fields(PAGE)
    await browser.say(PAGE, winner="left")
    second = await browser.fields(PAGE)
    await browser.say(PAGE, winner="skip")
    await browser.say(PAGE, winner="undo")
    assert (await browser.fields(PAGE))["showing"] == second["showing"]
    await browser.say(PAGE, winner="undo")
    assert (await browser.fields(PAGE))["showing"] == first["showing"]
    await browser.say(PAGE, winner="undo")  # nothing left to take back
    assert [one.winner for one in lines_of(run)] == ["left", "skip", "undone", "undone"]
    assert standing(lines_of(run)) == []


async def test_a_form_that_is_sent_twice_is_kept_once(make, seat):
    run = await make()
    browser = seat()
    fields = {**await browser.fields(PAGE), "winner": "left"}
    answers = await asyncio.gather(*(browser.post(PAGE, fields) for _ in range(8)))
    assert {answer.headers["location"] for answer in answers} == {PAGE}
    assert len(lines_of(run)) == 1


async def test_of_two_tabs_the_first_counts_and_the_second_is_told(make, seat):
    run = await make()
    one, two = seat(), seat()
    stale = await two.fields(PAGE)
    await one.say(PAGE, winner="left")
    await one.say(PAGE, winner="tie")
    late = await two.post(PAGE, {**stale, "winner": "right"})
    assert late.headers["location"] == f"{PAGE}?late"
    assert "was not kept" in (await two.get(f"{PAGE}?late")).text
    assert [one.winner for one in lines_of(run)] == ["left", "tie"]


async def test_raters_at_once_lose_nothing(make, seat):
    run = await make()
    raters = [f"rater {n}" for n in range(6)]
    await asyncio.gather(*(judge_all(seat(), f"/runs/first/compare/rater%2520{n}") for n in range(6)))
    lines = lines_of(run)
    assert sorted({one.rater for one in lines}) == raters
    assert len({(one.rater, one.item) for one in lines}) == len(lines) == 72


async def test_answers_that_are_the_same_are_not_asked_about(make, seat):
    run = await make(
        count=6, beta=lambda asked: f"It is {asked}." if asked != "number 3" else "No idea: I think that x"
    )
    browser = seat()
    await browser.say(PAGE, winner="left")
    assert [one.item for one in lines_of(run)] == ["q3"]
    assert "1 of 1 pairs" in (await browser.get(PAGE)).text


async def test_a_share_is_shown_twice_with_the_sides_exchanged(make, seat):
    run = await make(count=40)
    browser = seat(wish=Wish(Draw(twice=0.5)))
    await judge_all(browser)
    lines = lines_of(run)
    again = [one for one in lines if one.again]
    assert 10 <= len(again) <= 30
    for one in again:
        first = next(line for line in lines if line.item == one.item and not line.again)
        assert (one.left, one.right) == (first.right, first.left)
        assert one.position > first.position
    assert (
        f"Of {len(again)} that you saw twice, with the sides exchanged, you judged {len(again)} alike"
        in (await browser.get(PAGE)).text
    )


async def test_only_so_many_pairs_and_the_same_for_all(make, seat):
    run = await make(count=30)
    for rater in ("anna", "ben"):
        assert len(await judge_all(seat(wish=Wish(Draw(most=5))), f"/runs/first/compare/{rater}")) == 5
    by = {rater: {one.item for one in lines_of(run) if one.rater == rater} for rater in ("anna", "ben")}
    assert by["anna"] == by["ben"]


@pytest.mark.parametrize(
    "said", [{"winner": "undone"}, {"winner": ""}, {"winner": "left", "step": "x"}, {"winner": "alpha"}]
)
async def test_a_form_that_no_page_makes_is_refused(make, seat, said):
    run = await make()
    assert (await seat().say(PAGE, **said)).status_code == 400
    assert lines_of(run) == []


async def test_the_statistics_read_the_file_as_it_is(make, seat, copilot):
    run = await make()
    browser = seat()
    await browser.say(PAGE, winner="skip")
    await browser.say(PAGE, winner="left")
    await browser.say(PAGE, winner="undo")
    await judge_all(browser)
    told = copilot("stats", "bt", run.path / "preferences.jsonl", "--json")
    assert told.code == 2  # alpha won each vote: nothing bounds the distance
    assert told.json["n_votes"] == 11
    assert told.json["cluster"] == "cluster"
    assert told.json["models"][ALPHA]["win_rate"] == 1.0


async def test_ties_and_two_bad_answers_are_half_a_win_each(make, seat, copilot):
    run = await make(count=4)
    browser = seat()
    for winner in ("tie", "bothbad", "left", "right"):
        await browser.say(PAGE, winner=winner)
    told = copilot("stats", "bt", run.path / "preferences.jsonl", "--json")
    wins = {name: one["wins"] for name, one in told.json["models"].items()}
    assert sum(wins.values()) == 4
    assert told.json["n_votes"] == 4


async def test_a_file_of_nothing_but_skips_is_told_in_one_line(make, seat, copilot):
    run = await make()
    await seat().say(PAGE, winner="skip")
    told = copilot("stats", "bt", run.path / "preferences.jsonl")
    assert told.code == 3
    assert "has no judgment that stands" in told.err


async def test_a_line_says_all_that_the_format_says(make, seat):
    run = await make()
    await seat().say(PAGE, winner="left", reason="")
    [line] = (run.path / "preferences.jsonl").read_text().splitlines()
    assert list(json.loads(line)) == [
        "at", "rater", "task", "item", "cluster", "left", "right", "winner", "position", "took_s", "seed", "showing",
        "left_answer", "right_answer",
    ]  # fmt: skip
