"""Tags say what an item is about; those that a rule names must be shown to be no worse, and share its errors."""

from copilot_kit_evals.tasks import Rule
from copilot_kit_evals.verdict.evidence import Case, Evidence
from copilot_kit_evals.verdict.judging import verdict_of
from tests.evals.verdict.logs import evidence, flips


def log(*, tags: int, counting: int = 1) -> Evidence:
    """40 items of which 8 are won, in slices that count; every item has one of so many tags besides."""
    cases = [Case(f"i{n}", slices=(f"part{n % counting}", *([f"tag{n % tags}"] if tags else []))) for n in range(40)]
    return evidence(*flips(8, 1, 40), cases=cases)


def test_further_tags_take_nothing_from_the_slices_that_count():
    rule = Rule(margin=0.05, slices=("part0",))
    bare, tagged = (verdict_of(log(tags=tags), rule) for tags in (0, 10))
    assert bare.verdict == tagged.verdict == "promote"
    (alone,) = (one for one in bare.findings if one.slice == "part0" and one.name == "non_inferiority")
    (among,) = (one for one in tagged.findings if one.slice == "part0" and one.name == "non_inferiority")
    assert alone.figures["p_no_worse"] == among.figures["p_no_worse"]


def test_without_names_every_tag_counts_and_shares_the_errors():
    found = verdict_of(log(tags=10), Rule(margin=0.05))
    assert found.verdict == "inconclusive"


def test_items_that_are_missing_allow_for_the_correction_over_slices():
    rule = Rule(margin=0.05, slices=("part0", "part1", "part2", "part3", "part4"))
    found = verdict_of(log(tags=0, counting=5), rule)
    assert found.verdict == "inconclusive"
    # By hand: part3 has a win, a loss and, as said, half of each more in 8 + 1 items, so a variance of 3/9; to be 0.05
    # above the margin at a level of 0.05 / 5 takes (2.3263 + 0.8416)^2 / 3 / 0.05^2 = 1338.1 items of this slice, which
    # is a fifth of all: 6691, and 40 are there. Without the correction it would be 4,082.
    assert found.items_needed == 6651
