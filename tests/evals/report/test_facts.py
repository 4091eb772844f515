"""What the report says: who leads, what is not known, which items flip, and what can be claimed."""

import json
from pathlib import Path

import pytest

from copilot_kit_evals.folder import BadRun, RunFolder
from copilot_kit_evals.items import Item
from copilot_kit_evals.report.cases import cases_of, flips
from copilot_kit_evals.report.facts import Difference, facts_of
from copilot_kit_evals.report.headline import headline
from copilot_kit_evals.report.horizons import reaches
from copilot_kit_evals.report.ladders import ladder
from copilot_kit_evals.report.page import report_html
from copilot_kit_evals.report.wording import change, dollars, minutes, points, score, seconds, span
from copilot_kit_evals.summary import ItemRow
from copilot_kit_evals.verdict.verdicts import Finding, Verdict

UNIT = (0.0, 1.0)


def difference(low: float | None, high: float | None) -> Difference:
    return Difference(task="t", scorer="exact", slice="all", candidate="b", against="a", n_items=10, difference=0.0,
                      interval=(low, high), outer=(low, high), p=1.0, wins=0, losses=0, ties=10, missing=0, margin=0.03,
                      bounds=UNIT, primary=True)  # fmt: skip


@pytest.mark.parametrize(
    ("low", "high", "standing"),
    [(0.01, 0.2, "better"), (0.0, 0.2, "within"), (-0.029, 0.2, "within"), (-0.029, -0.001, "within"),
     (-0.03, 0.2, "open"), (-0.2, -0.01, "worse"), (None, 0.1, "open"), (-0.2, None, "open")],
)  # fmt: skip
def test_what_an_interval_shows_is_told_by_its_ends_and_the_margin(low, high, standing):
    assert difference(low, high).standing == standing


async def test_the_numbers_are_those_of_the_summary(made):
    facts = facts_of(await made())
    (task,) = facts.summary["tasks"].values()
    for one, entry in zip(facts.differences, task["differences"], strict=True):
        known = entry["with_missing"] or entry
        assert (one.slice, one.difference, one.outer) == (entry["slice"], entry["difference"], known["interval"])
        assert (one.p, one.wins, one.losses) == (known["p"], entry["wins"], entry["losses"])
    assert [(one.slice, one.wins, one.losses, one.missing) for one in facts.differences] == [
        ("all", 4, 1, 1), ("even", 2, 1, 1), ("odd", 2, 0, 0)]  # fmt: skip


async def test_a_difference_that_is_not_shown_says_so_and_how_many_items_would_show_the_margin(made):
    told = headline(facts_of(await made()))
    assert told.title == "No difference is shown between acme:old and acme:new"
    assert told.tone == "open"
    assert told.known[0].startswith("numbers: acme:new scores +27.3 (")
    assert "not decided: the margin is 3 points" in told.known[0]
    assert "more items would show a difference of 3 points, the margin, in 4 of 5 runs." in told.unknown[0]
    assert told.unknown[1].startswith("acme:new: 1 attempt spoiled by infrastructure")


async def test_who_leads_is_said_with_by_how_much(made):
    def tell(name: str, asked: str) -> str:
        return f"yes {asked.split()[1]}" if name.endswith("new") else "no"

    told = headline(facts_of(await made(tell=tell, count=10)))
    assert (told.title, told.tone) == ("acme:new leads acme:old by 100 points", "good")


async def test_one_candidate_is_measured_and_not_compared(made):
    told = headline(facts_of(await made("acme:old")))
    assert told.title == "acme:old scores 50.0 % on numbers"
    assert told.unknown[0] == "There is one candidate, so that nothing is compared."


async def test_a_run_that_was_stopped_at_once_says_that_nothing_can_be_compared_yet(made):
    run = await made()
    (run.path / "attempts.jsonl").write_bytes(b"")
    told = headline(facts_of(run))
    assert told.title == "Nothing can be compared yet"
    assert told.unknown == ("24 of 24 attempts were not made.",)
    assert report_html(run).startswith("<!doctype html>")


async def test_a_verdict_that_lies_in_the_folder_stands_on_top(made):
    run = await made()
    verdict = Verdict(verdict="hold", incumbent="acme:old", candidate="acme:new", reasons=("Item i00 must pass.",),
                      n_items=11, difference=0.27, interval=(-0.1, 0.6), p_exact=0.4, wins=4, losses=1, items_needed=90,
                      margin=0.03, findings=(Finding(name="must_pass", state="fail", text="i00 fails."),))  # fmt: skip
    (run.path / "verdict.json").write_text(verdict.model_dump_json())
    told = headline(facts_of(run))
    assert (told.title, told.known, told.tone) == ("Hold: keep acme:old", ("Item i00 must pass.",), "bad")


async def test_a_verdict_that_cannot_be_read_is_named(made):
    run = await made()
    (run.path / "verdict.json").write_text(json.dumps({"verdict": "perhaps"}))
    with pytest.raises(BadRun, match=r"verdict\.json"):
        facts_of(run)


async def test_flips_are_listed_both_ways_with_must_pass_items_first(made):
    won, lost = flips(cases_of(facts_of(await made())), 1)
    assert [case.item.id for case in won] == ["i06", "i07", "i08", "i09"]
    assert [case.item.id for case in lost] == ["i00"]
    assert lost[0].item.must_pass


async def test_an_item_without_a_score_neither_wins_nor_loses(made):
    cases = {case.item.id: case for case in cases_of(facts_of(await made()))}
    assert cases["i10"].change(1) is None
    assert cases["i10"].cells[1].outcomes == ["infra_error"]


def rows(clean: int, failed: int = 0, *, unscored: int = 0, cluster: str | None = None) -> list[ItemRow]:
    scores = [[1.0]] * clean + [[0.0]] * failed + [[]] * unscored
    return [ItemRow(Item(id=f"i{n}", input="?", cluster=cluster and f"{cluster}{n // 2}"), 1, list(each))
            for n, each in enumerate(scores)]  # fmt: skip


def test_a_ladder_says_how_many_clean_cases_are_missing():
    told = ladder("t", "a", rows(13), top=1.0, confidence=0.95)
    assert (told.cases, told.clean) == (13, 13)
    assert told.shown == pytest.approx(0.05 ** (1 / 13))
    assert [(rung.target, rung.reached, rung.missing) for rung in told.rungs[:2]] == [
        (0.70, True, 0),
        (0.98, False, 136),
    ]


def test_a_case_without_a_score_is_not_clean():
    told = ladder("t", "a", rows(8, unscored=1), top=1.0, confidence=0.95)
    assert (told.cases, told.clean) == (9, 8)
    assert not told.rungs[0].reached


def test_cases_that_hang_together_count_as_fewer():
    alone = ladder("t", "a", rows(16), top=1.0, confidence=0.95)
    together = ladder("t", "a", rows(16, cluster="c"), top=1.0, confidence=0.95)
    assert (alone.independent, together.independent) == (16, 8)
    assert alone.rungs[0].reached
    assert not together.rungs[0].reached
    assert together.rungs[0].missing == 2


def test_what_is_contradicted_is_no_matter_of_more_cases():
    told = ladder("t", "a", rows(155, 45), top=1.0, confidence=0.95)
    assert [(rung.target, rung.reached, rung.missing) for rung in told.rungs] == [
        (0.70, True, 0), (0.98, False, None), (0.999, False, None)]  # fmt: skip
    assert ladder("t", "a", rows(49, 1), top=1.0, confidence=0.95).rungs[1].missing == 186


def test_a_horizon_far_beyond_all_items_is_no_number():
    assert minutes(90, 60) == "1.5 h"
    assert minutes(6_600_000, 60) == "beyond the longest item"


def test_who_fails_far_too_often_is_promised_no_number_of_cases():
    told = ladder("t", "a", rows(5, 15), top=1.0, confidence=0.95)
    assert told.rungs[-1].missing is None


async def test_horizons_take_items_that_say_how_long_a_person_takes(made):
    (old, new) = reaches(facts_of(await made()))
    assert (old.items, new.items) == (12, 11)
    assert old.found.p50 == pytest.approx(2**5.5, rel=0.05)
    assert (old.shortest, old.longest) == (1.0, 2048.0)


async def test_too_few_items_have_no_horizon(made):
    assert reaches(facts_of(await made(count=7))) == []


def test_numbers_are_written_for_people():
    assert (score(0.842, UNIT), score(None, UNIT), score(3.5, (0.0, 10.0))) == ("84.2 %", "–", "3.5")  # noqa: RUF001
    assert (change(-0.042, UNIT), change(0.0, UNIT), change(-0.0001, UNIT)) == ("\N{MINUS SIGN}4.2", "0.0", "0.0")
    assert span((-0.01, None), UNIT, signed=True) == "\N{MINUS SIGN}1.0 to …"
    assert (points(0.03, UNIT), points(0.01, UNIT)) == ("3 points", "1 point")
    assert (dollars(0), dollars(0.0042), dollars(12.5)) == ("$0", "$0.0042", "$12.50")
    assert (seconds(0.34), seconds(2.4), seconds(186.0)) == ("340 ms", "2.4 s", "3.1 min")
    assert (minutes(0.5), minutes(12.0), minutes(144.0), minutes(None)) == ("30 s", "12 min", "2.4 h", "not known")


def test_a_folder_that_is_no_run_has_no_report(tmp_path: Path):
    with pytest.raises(BadRun):
        RunFolder(tmp_path)
