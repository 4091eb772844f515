"""What is promoted, held, left open or invalid: each line of the table in docs/verdicts.md."""

from dataclasses import replace

import pytest

from copilot_kit_evals.tasks import Rule
from copilot_kit_evals.verdict.evidence import Case, Evidence, Mark, Side
from copilot_kit_evals.verdict.gates import reliable
from copilot_kit_evals.verdict.judging import headline, verdict_of
from copilot_kit_evals.verdict.verdicts import Verdict
from tests.evals.verdict.logs import evidence, flipped, flips, side


def state(verdict: Verdict, name: str, part: str = "all") -> str:
    return next(one.state for one in verdict.findings if one.name == name and one.slice == part)


def test_six_wins_and_no_loss_are_promoted():
    found = verdict_of(flipped(6, 0, 100))
    assert (found.verdict, found.exit_code, found.wins, found.losses) == ("promote", 0, 6, 0)
    assert found.p_exact == 0.03125
    assert found.difference == pytest.approx(0.06)
    assert found.items_needed == 0
    assert found.reasons == ("no worse by 3.0 points or more: +6.0 points over 100 items", "better: p = 0.031")


def test_five_wins_and_no_loss_do_not_show_it_and_say_how_many_items_would():
    found = verdict_of(flipped(5, 0, 100))
    assert (found.verdict, found.exit_code, found.p_exact) == ("inconclusive", 2, 0.0625)
    assert found.items_needed == 79  # (1.96 + 0.84)^2 * (6 / 101 - (5 / 101)^2) / 0.05^2 - 100
    assert found.reasons[-1] == "about 79 more items would decide, at the spread seen"


def test_ten_losses_and_no_win_are_held_as_worse():
    found = verdict_of(flipped(0, 10, 100))
    assert (found.verdict, found.exit_code) == ("hold", 1)
    assert found.p_exact == pytest.approx(0.001953125)
    assert found.reasons == ("worse: -10.0 points over 100 items, p = 0.002",)


def test_a_loss_that_is_shown_to_stay_within_the_margin_is_no_reason_to_hold():
    found = verdict_of(flipped(0, 6, 1000), Rule(gain="none"))
    assert found.p_exact == 0.03125
    assert found.verdict == "promote"


def test_as_good_with_nothing_to_gain_is_held():
    found = verdict_of(flipped(0, 0, 300))
    assert found.verdict == "hold"
    assert found.reasons[1] == "and it brings nothing: better, or 10% cheaper or faster, is asked for"
    assert verdict_of(flipped(0, 0, 300), Rule(gain="none")).verdict == "promote"


def test_a_suite_of_thirty_alike_items_is_open_and_not_as_good():
    found = verdict_of(flipped(0, 0, 30))
    assert found.verdict == "inconclusive"
    assert found.items_needed is not None
    assert found.items_needed > 100


def test_as_good_and_half_the_price_is_promoted_unless_better_answers_are_asked_for():
    old, new = flips(10, 10, 1000)
    log = Evidence(tuple(Case(f"i{n}") for n in range(1000)), side("new", new, cost=0.01), side("old", old, cost=0.02))
    found = verdict_of(log)
    assert found.verdict == "promote"
    assert found.found("cost")[0].figures["ratio"] == pytest.approx(0.5)
    assert found.reasons[1].startswith("a success costs 0.5x the incumbent's (0.4")
    assert verdict_of(log, Rule(gain="quality")).verdict == "hold"


def test_faster_is_a_gain_where_it_is_more_than_the_noise_of_a_machine():
    old, new = flips(0, 0, 300)
    cases = tuple(Case(f"i{n}") for n in range(300))
    slow = Evidence(cases, side("new", new, seconds=1.0), side("old", old, seconds=3.0))
    assert verdict_of(slow).verdict == "promote"
    quick = Evidence(cases, side("new", new, seconds=0.001), side("old", old, seconds=0.003))
    assert verdict_of(quick).verdict == "hold"


def test_a_better_candidate_that_fails_a_must_pass_item_is_held():
    old, new = flips(20, 1, 100)
    cases = [Case(f"i{n}", must_pass=n in (20, 51)) for n in range(100)]
    found = verdict_of(evidence(old, new, cases=cases))
    assert found.verdict == "hold"
    assert found.found("must_pass")[0].items == ("i20", "i51")
    assert found.reasons == ("2 of 2 must-pass items failed: i20, i51",)


def test_a_must_pass_item_without_its_score_leaves_the_verdict_open():
    old, new = flips(20, 0, 100)
    cases = [Case(f"i{n}", must_pass=n == 99) for n in range(100)]
    found = verdict_of(evidence(old, [*new[:99], None], cases=cases))
    assert (found.verdict, found.reasons[0]) == ("inconclusive", "must-pass items without all of their scores: i99")


def test_a_shown_loss_on_one_slice_holds_a_candidate_that_is_better_overall():
    old, new = flips(60, 12, 200)
    cases = [Case(f"i{n}", slices=("refunds",) if 60 <= n < 80 else ("rest",)) for n in range(200)]
    found = verdict_of(evidence(old, new, cases=cases))
    assert state(found, "non_inferiority", "refunds") == "fail"
    assert (state(found, "non_inferiority"), found.verdict) == ("pass", "hold")
    assert found.reasons == ("worse on 'refunds': -60.0 points over 20 items, p = 0.00098",)  # 2 * 2 / 2^12


def test_small_slices_leave_a_verdict_open_unless_the_rule_names_those_that_count():
    old, new = flips(60, 0, 200)
    cases = [Case(f"i{n}", slices=("rare",) if n >= 195 else ("rest",)) for n in range(200)]
    assert verdict_of(evidence(old, new, cases=cases)).verdict == "inconclusive"
    named = verdict_of(evidence(old, new, cases=cases), Rule(slices=("rest",)))
    assert (named.verdict, state(named, "non_inferiority", "rare")) == ("promote", "note")


def test_holm_makes_slices_harder_to_pass_than_each_alone():
    old, new = flips(30, 0, 100)
    cases = [Case(f"i{n}", slices=("a",) if n < 50 else ("b",)) for n in range(100)]
    found = verdict_of(evidence(old, new, cases=cases), Rule(margins={"b": 0.07}))
    figures = next(one.figures for one in found.findings if one.slice == "b")
    assert figures["margin"] == 0.07
    alone = verdict_of(evidence(old[50:], new[50:]), Rule(margin=0.07)).findings[0].figures
    assert figures["p_no_worse"] == alone["p_no_worse"]  # the larger of two is not raised
    first = next(one.figures for one in found.findings if one.slice == "a")["p_no_worse"]
    apart = verdict_of(evidence(old[:50], new[:50])).findings[0].figures["p_no_worse"]
    assert first == pytest.approx(2 * float(str(apart)))


def test_missing_scores_count_as_the_worst_that_they_could_be():
    old, new = flips(6, 0, 100)
    found = verdict_of(evidence(old, [*new[:94], *[None] * 6]))
    assert (found.n_items, found.wins, found.losses) == (94, 6, 0)
    assert found.verdict == "inconclusive"
    assert found.found("missing")[0].text == (
        "missing: 0 % of 'old', 6 % of 'new'; every claim holds whatever these scores would have been"
    )


def test_a_log_with_most_scores_missing_is_no_evidence():
    old, new = flips(30, 0, 100)
    found = verdict_of(evidence(old, [*new[:60], *[None] * 40]))
    assert (found.verdict, found.exit_code, found.items_needed) == ("invalid", 3, None)
    assert found.reasons == (
        "too much is missing: 0 % of 'old', 40 % of 'new', where 25 % is the most that can be judged",
    )


def test_a_log_without_a_shared_item_is_no_evidence():
    found = verdict_of(evidence([1.0, None], [None, 0.0]))
    assert (found.verdict, found.reasons) == ("invalid", ("no item has a score of both 'old' and 'new'",))
    assert (found.n_items, found.difference, found.p_exact) == (0, None, None)


def test_clusters_decide_where_items_belong_together_and_the_verdict_says_so():
    old, new = flips(20, 4, 40)
    cases = [Case(f"i{n}", cluster=f"c{n // 10}") for n in range(40)]
    found = verdict_of(evidence(old, new, cases=cases))
    assert found.p_exact == pytest.approx(0.0015, abs=1e-4)
    assert found.p == 0.5
    assert found.verdict == "inconclusive"
    assert "single items would say p = 0.0015, but they come in 4 clusters" in found.reasons[1]


@pytest.mark.parametrize(("clean", "word", "missing"), [(149, "promote", 0), (148, "inconclusive", 1)])
def test_a_launch_needs_149_clean_items_to_claim_98_per_cent(clean: int, word: str, missing: int):
    cases = tuple(Case(f"i{n}", required=0.98) for n in range(clean))
    found = verdict_of(Evidence(cases, side("new", [1.0] * clean)))
    assert (found.kind, found.incumbent, found.verdict, found.items_needed) == ("launch", None, word, missing)


def test_a_launch_that_contradicts_its_required_reliability_is_held():
    cases = tuple(Case(f"i{n}", required=0.98) for n in range(50))
    found = verdict_of(Evidence(cases, side("new", [0.0] * 5 + [1.0] * 45)))
    assert found.verdict == "hold"
    assert found.reasons == ("a reliability of 98 % is contradicted: 45 of 50 items clean",)


def test_a_launch_of_which_nothing_is_demanded_is_no_launch():
    found = verdict_of(Evidence((Case("i0"),), side("new", [1.0])))
    assert (found.verdict, found.reasons) == (
        "invalid", ("nothing says what is good enough: items need a required reliability, or must_pass",))  # fmt: skip


def test_a_reliability_that_the_incumbent_misses_too_does_not_keep_it_in_use():
    old, new = [1.0] * 40 + [0.0] * 60, [1.0] * 80 + [0.0] * 20
    cases = [Case(f"i{n}", required=0.98) for n in range(100)]
    found = verdict_of(evidence(old, new, cases=cases))
    assert found.verdict == "promote"
    assert found.found("reliability")[0].text.endswith(
        "is contradicted: 80 of 100 items clean, and so is the incumbent's"
    )
    held = verdict_of(evidence([1.0] * 100, new, cases=cases))
    assert "a reliability of 98 % is contradicted: 80 of 100 items clean" in held.reasons


def test_parked_items_count_in_what_newly_works_and_nowhere_else():
    old, new = flips(6, 0, 100)
    cases = [Case(f"i{n}") for n in range(100)] + [Case("hard", parked=True), Case("dear", parked=True)]
    found = verdict_of(evidence([*old, 0.0, 0.0], [*new, 1.0, 0.0], cases=cases))
    assert (found.n_items, found.p_exact) == (100, 0.03125)
    assert found.found("newly_works")[0].items == ("hard",)


def test_parked_items_that_the_incumbent_passes_too_need_not_be_parked():
    old, new = flips(6, 0, 100)
    cases = [Case(f"i{n}") for n in range(100)] + [Case("hard", parked=True), Case("dear", parked=True)]
    found = verdict_of(evidence([*old, 0.0, 1.0], [*new, 1.0, 1.0], cases=cases)).found("newly_works")[0]
    assert found.text == "1 of 2 parked items work now: hard; 1 need not be parked: the incumbent passes them, too"


def test_a_crutch_that_changes_nothing_is_no_longer_needed():
    old, new = flips(30, 0, 300)
    log = evidence(old, new)
    lame = [0.0] * 30 + new[30:]
    found = verdict_of(
        replace(log, without=(side("new -retry", new), side("new -rules", lame))),
        Rule(crutches={"new -retry": "retry", "new -rules": "rules"}),
    )
    assert [(one.slice, one.figures["needed"], one.text) for one in found.found("crutches")] == [
        ("retry", False, "'retry' is no longer needed: +0.0 points without it"),
        ("rules", True, "'rules' is still needed: -10.0 points without it"),
    ]


def test_regressions_name_items_and_those_that_chance_does_not_explain():
    cases = tuple(Case(f"i{n}") for n in range(40))
    steady = [Mark(wanted=8, scores={"": [1.0] * 8}) for _ in range(40)]
    broken = [*steady[:38], Mark(wanted=8, scores={"": [1.0] * 7 + [0.0]}), Mark(wanted=8, scores={"": [0.0] * 8})]
    log = Evidence(cases, replace(side("new", []), marks=tuple(broken)), replace(side("old", []), marks=tuple(steady)))
    found = verdict_of(log).found("regressions")[0]
    assert found.items == ("i39", "i38")
    assert found.figures["beyond_chance"] == ["i39"]  # Fisher: 1 / 12870, times 40


def test_fragility_is_that_of_the_analysis_of_variance_by_hand():
    names = ("", "polite", "terse", "typo")
    cells = [(1, 1, 0, 1), (0, 1, 0, 0), (1, 1, 1, 1), (0, 0, 1, 1), (1, 0, 1, 1)]
    marks = tuple(Mark(wanted=4, scores={name: [float(score)] for name, score in zip(names, row, strict=True)})
                  for row in cells)  # fmt: skip
    one = replace(side("new", []), marks=marks)
    found = verdict_of(Evidence(tuple(Case(f"i{n}") for n in range(5)), one, replace(one, name="old")))
    figures = found.found("fragility")[0].figures
    assert (figures["mean"], figures["worst_case_mean"], figures["spread"], figures["items"]) == (0.65, 0.2, 0.8, 5)
    assert figures["generalizability"] == pytest.approx((0.325 - 3.1 / 12) / 0.325)


def test_scores_without_bounds_are_compared_and_missing_ones_leave_everything_open():
    old = [10.0 + n % 7 for n in range(60)]
    new = [score + 2 + 0.1 * (n % 3) for n, score in enumerate(old)]
    log = replace(evidence(old, new), bounded=False)
    assert verdict_of(log).verdict == "promote"
    assert verdict_of(replace(evidence(old, [*new[:59], None]), bounded=False)).verdict == "inconclusive"


def test_the_headline_says_it_in_one_line():
    assert headline(verdict_of(flipped(6, 0, 100))) == "promote: new in place of old: +6.0 points over 100 items"


def test_the_items_that_a_level_lacks_are_those_that_show_it_when_they_come():
    def marks(items: int) -> Side:
        return Side("x", tuple(Mark(wanted=3, scores={"": [1.0, 1.0, float(n > 0)]}) for n in range(items)))

    cases = [Case(f"i{n}") for n in range(372)]
    told = reliable(cases[:300], marks(300), 0.99, Rule(), watched=False)
    assert (told.state, told.missing) == ("open", 72)
    assert reliable(cases[:371], marks(371), 0.99, Rule(), watched=False).state == "open"
    assert reliable(cases, marks(372), 0.99, Rule(), watched=False).state == "pass"


def test_a_slice_that_the_rule_names_counts_though_another_tag_holds_the_same_items():
    old, new = flips(30, 5, 400)
    old[300:306], new[300:306] = [1.0] * 6, [0.0] * 6
    for tags in (("refunds",), ("all refunds", "refunds")):
        cases = [Case(f"i{n}", slices=tags if n >= 300 else ("rest",)) for n in range(400)]
        found = verdict_of(evidence(old, new, cases=cases), Rule(slices=("refunds",), margins={"refunds": 0.01}))
        assert (found.verdict, state(found, "non_inferiority", "refunds")) == ("inconclusive", "open")


def test_a_margin_of_a_tag_that_every_item_has_counts():
    old, new = flips(2, 4, 400)
    cases = [Case(f"i{n}", slices=("refunds",)) for n in range(400)]
    assert verdict_of(evidence(old, new, cases=cases), Rule(gain="none")).verdict == "promote"
    strict = verdict_of(evidence(old, new, cases=cases), Rule(gain="none", margins={"refunds": 0.01}))
    assert (strict.verdict, state(strict, "non_inferiority", "refunds")) == ("inconclusive", "open")


def test_a_slice_that_no_item_has_guards_nothing_and_the_verdict_says_so():
    log = flipped(30, 0, 400)
    found = verdict_of(log, Rule(slices=("refund",)))
    assert found.verdict == "inconclusive"
    assert found.reasons[0] == "no item has the tag 'refund', on which the rule wants the candidate to be no worse"
    assert verdict_of(replace(log, tasks=("refund",)), Rule(slices=("refund",))).verdict == "promote"


def test_what_is_taken_though_it_is_behind_says_so():
    old, new = flips(0, 6, 1000)
    cases = tuple(Case(f"i{n}") for n in range(1000))
    found = verdict_of(Evidence(cases, side("new", new, cost=0.01), side("old", old, cost=0.02)))
    assert found.verdict == "promote"
    assert found.reasons[-1] == "though behind, by less than the margin: p = 0.031"


def test_the_best_of_many_candidates_is_told_what_its_p_is_then():
    found = verdict_of(replace(flipped(6, 0, 100), rivals=9))
    assert found.verdict == "promote"
    told = found.found("improvement")[1]
    assert (told.state, told.figures) == ("note", {"tries": 10, "p_better": 0.3125})
    assert told.text == "as the best of 10 tries on these items, p is 0.31"
    assert len(verdict_of(replace(flipped(20, 0, 100), rivals=9)).found("improvement")) == 1


def test_a_price_near_the_limit_wants_the_items_that_show_on_which_side_it_lies():
    old, new = flips(0, 0, 400)
    cases = tuple(Case(f"i{n}") for n in range(400))
    uneven = side("new", new, cost=0.0086)
    marks = tuple(replace(mark, costs=[mark.costs[0] * (0.2 if n % 2 else 1.8)]) for n, mark in enumerate(uneven.marks))
    found = verdict_of(Evidence(cases, replace(uneven, marks=marks), side("old", old, cost=0.01)))
    assert (found.verdict, state(found, "cost")) == ("inconclusive", "open")
    assert found.items_needed is not None
    assert found.items_needed > 1000
    assert found.reasons[1].startswith("but no gain is shown yet")


def test_a_price_whose_interval_is_open_asks_for_no_number_of_items():
    old, new = flips(0, 0, 40)
    cases = [Case(f"i{n}", cluster=f"c{n % 4}") for n in range(40)]
    one, other = side("old", old, cost=0.01), side("new", new, cost=0.01)
    marks = tuple(replace(mark, costs=[0.01 + 0.001 * (n % 5)]) for n, mark in enumerate(other.marks))
    found = verdict_of(Evidence(tuple(cases), replace(other, marks=marks), one))
    assert found.found("cost")[0].figures["interval"] == [0.0, None]
    assert (found.items_needed or 0) < 1000


def test_costs_of_nothing_are_not_known_and_the_verdict_says_so():
    old, new = flips(0, 0, 300)
    cases = tuple(Case(f"i{n}") for n in range(300))
    found = verdict_of(Evidence(cases, side("new", new, cost=0.0), side("old", old, cost=0.01)))
    assert found.verdict == "hold"
    assert found.found("cost")[0].text == (
        "every cost of 'new' is 0, which is taken as not known; price it, if it is as cheap"
    )


def test_the_same_gain_on_every_item_shows_itself_where_nothing_bounds_a_score():
    old = [50.0 + n % 7 for n in range(100)]
    log = replace(evidence(old, [score + 2 for score in old]), bounded=False)
    assert (verdict_of(log).verdict, verdict_of(log, Rule(gain="none")).verdict) == ("promote", "promote")


def test_two_clusters_want_four_more_and_not_one_item():
    old, new = flips(50, 0, 300)
    cases = [Case(f"i{n}", cluster=f"c{n % 2}") for n in range(300)]
    assert verdict_of(evidence(old, new, cases=cases)).items_needed == 600
