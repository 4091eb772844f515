"""What holds of every verdict, whatever the log."""

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from copilot_kit_evals.tables import Table
from copilot_kit_evals.tasks import Rule
from copilot_kit_evals.verdict.claims import Differences
from copilot_kit_evals.verdict.evidence import Case, Evidence
from copilot_kit_evals.verdict.file import content
from copilot_kit_evals.verdict.judging import verdict_of
from tests.evals.verdict.logs import evidence, flips

PAIRS = st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0])), min_size=5, max_size=80)
RULES = st.builds(Rule, margin=st.sampled_from([0.0, 0.03, 0.1, 0.3]), gain=st.sampled_from(["any", "quality", "none"]))
QUICK = settings(max_examples=40, deadline=None)


@QUICK
@given(pairs=PAIRS, rule=RULES, seed=st.integers(0, 99))
def test_the_order_of_the_rows_of_a_table_does_not_matter(pairs: list[tuple[float, float]], rule: Rule, seed: int):
    rows = [(name, f"i{n}", str(score), f"c{n % 7}", "0.01") for n, both in enumerate(pairs)
            for name, score in zip(("old", "new"), both, strict=True)]  # fmt: skip
    mixed = Random(seed).sample(rows, len(rows))
    first, second = (content(verdict_of(Evidence.of_table(_table(one), "old", "new"), rule)) for one in (rows, mixed))
    assert first == second


def _table(rows: list[tuple[str, str, str, str, str]]) -> Table:
    names = ("model", "item", "score", "cluster", "cost_usd")
    columns = {name: list(cells) for name, cells in zip(names, zip(*rows, strict=True), strict=True)}
    return Table("rows.csv", columns, list(range(2, len(rows) + 2)))


@QUICK
@given(pairs=PAIRS, rule=RULES)
def test_swapping_sides_mirrors_the_difference_and_never_promotes_both(pairs: list[tuple[float, float]], rule: Rule):
    old, new = [one for one, _ in pairs], [other for _, other in pairs]
    one, other = verdict_of(evidence(old, new), rule), verdict_of(evidence(new, old), rule)
    assert (one.wins, one.losses) == (other.losses, other.wins)
    assert one.p_exact == other.p_exact
    assert one.difference == -(other.difference or 0.0)
    if rule.gain == "quality":
        assert {one.verdict, other.verdict} != {"promote"}


@QUICK
@given(pairs=PAIRS, rule=RULES, gone=st.sets(st.integers(0, 79), max_size=30), side=st.integers(0, 1))
def test_more_missing_scores_never_make_a_promotion(
    pairs: list[tuple[float, float]], rule: Rule, gone: set[int], side: int
):
    sides: list[list[float | None]] = [[one for one, _ in pairs], [other for _, other in pairs]]
    whole = verdict_of(evidence(*sides), rule)
    sides[side] = [None if n in gone else score for n, score in enumerate(sides[side])]
    holed = verdict_of(evidence(*sides), rule)
    if whole.verdict != "promote":
        assert holed.verdict != "promote"
    if whole.verdict == "promote":
        assert holed.verdict != "hold" or not gone


@QUICK
@given(wins=st.integers(0, 20), losses=st.integers(0, 20), more=st.integers(1, 5), rule=RULES)
def test_a_win_in_the_place_of_a_loss_never_makes_a_verdict_worse(wins: int, losses: int, more: int, rule: Rule):
    moved = min(more, losses)
    before = verdict_of(evidence(*flips(wins, losses, 60)), rule)
    after = verdict_of(evidence(*flips(wins + moved, losses - moved, 60)), rule)
    assert not (before.verdict == "promote" and after.verdict == "hold")
    if before.verdict == "promote":
        assert after.verdict == "promote"


@QUICK
@given(pairs=PAIRS, rule=RULES, fails=st.integers(0, 4))
def test_nothing_is_promoted_over_a_failed_must_pass_item(pairs: list[tuple[float, float]], rule: Rule, fails: int):
    new = [other for _, other in pairs]
    new[fails] = 0.0
    cases = [Case(f"i{n}", must_pass=n == fails) for n in range(len(pairs))]
    assert verdict_of(evidence([one for one, _ in pairs], new, cases=cases), rule).verdict == "hold"


@QUICK
@given(pairs=PAIRS, rule=RULES)
def test_a_watched_run_promotes_nothing_that_is_behind(pairs: list[tuple[float, float]], rule: Rule):
    log = replace(evidence([one for one, _ in pairs], [other for _, other in pairs]), sequential=True)
    found = verdict_of(log, rule)
    if found.verdict == "promote":
        assert (found.difference or 0.0) > -rule.margin


@QUICK
@given(pairs=PAIRS, rule=RULES)
def test_only_inconclusive_verdicts_want_more_items(pairs: list[tuple[float, float]], rule: Rule):
    found = verdict_of(evidence([one for one, _ in pairs], [other for _, other in pairs]), rule)
    assert found.reasons
    if found.verdict == "inconclusive":
        assert found.items_needed is None or found.items_needed >= 1
    else:
        assert found.items_needed == 0


@QUICK
@given(pairs=PAIRS, size=st.integers(1, 12), margin=st.sampled_from([0.01, 0.03, 0.1]))
def test_clusters_never_show_more_than_their_items_alone(pairs: list[tuple[float, float]], size: int, margin: float):
    old, new = [one for one, _ in pairs], [other for _, other in pairs]
    cases = [Case(f"i{n}", cluster=f"c{n // size}") for n in range(len(pairs))]
    together = Differences.of(evidence(old, new, cases=cases)).no_worse(margin)
    alone = Differences.of(evidence(old, new)).no_worse(margin)
    assert together >= min(alone, 0.5) - 1e-9  # beyond a half nothing is claimed, and fewer items pull p back to it
