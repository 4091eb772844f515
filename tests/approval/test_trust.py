"""Earned autonomy: when it is given, what takes it back, and how often it is given wrongly."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit.approval import Gate, GateCall, rule
from copilot_kit.approval.trust import Standing, earn, strictest
from copilot_kit.effects import Effect
from copilot_kit.errors import UsageError
from copilot_kit.journal.index import Evidence
from copilot_kit.records import Step

NOTHING = Evidence("refund", "v1", "acme:big > big-2", "p1")
CALL = GateCall("refund", "v1", "external", {"amount": 5}, (Step(agent="support"),), "acme:big > big-2", "p1",
                evidence=NOTHING, draw=0.5)  # fmt: skip


def after(**counts: Any) -> GateCall:
    return replace(CALL, evidence=replace(NOTHING, **counts))


def said(call: GateCall, **settings: Any) -> tuple[str, str]:
    ruling = Gate([earn(**{"target": 0.98, **settings})]).judge(call)
    return ruling.verdict, ruling.reasons[0].code


@pytest.mark.parametrize(("target", "cases"), [(0.70, 14), (0.98, 320), (0.999, 8062)])
def test_it_asks_until_so_many_clean_cases_and_allows_from_then_on(target: float, cases: int):
    assert said(after(clean=cases - 1), target=target) == ("ask", "earning")
    assert said(after(clean=cases), target=target) == ("allow", "earned")


def test_what_a_person_reads_while_it_is_earned_and_afterwards():
    judge = Gate([earn(0.98)]).judge
    assert judge(after(clean=12)).reasons[0].text == "not yet trusted alone: 12 of 320 clean cases so far"
    assert judge(after(clean=300, edited=1, allowed_failed=2)).reasons[0].text == (
        "not yet trusted alone: 300 of 595 clean cases so far; not clean: 1 edited, 2 failed without a question"
    )
    assert (
        judge(after(clean=1320)).reasons[0].text == "1,320 clean cases show that it is right in at least 98 % of cases"
    )
    audited = judge(replace(after(clean=320), draw=0.01))
    assert audited.reasons[0].text == "trusted alone; drawn as one of the 5 % to look at"


def test_without_evidence_it_asks():
    assert Gate([earn(0.98)]).wants_evidence
    assert said(replace(CALL, evidence=None)) == ("ask", "earning")
    assert said(after()) == ("ask", "earning")


@pytest.mark.parametrize("other", [{"version": "v2"}, {"model": "acme:big > big-3"}, {"prompt_version": "p2"}])
def test_evidence_of_another_tool_version_model_or_prompt_is_none(other: dict[str, str]):
    assert said(after(clean=9000)) == ("allow", "earned")
    assert said(replace(after(clean=9000), **other)) == ("ask", "earning")
    assert said(replace(after(clean=9000), tool="refund_all")) == ("ask", "earning")


def test_a_share_of_allowed_calls_is_still_asked_about():
    calls = [replace(after(clean=320), draw=draw / 1000) for draw in range(1000)]
    assert sum(said(call) == ("ask", "audit") for call in calls) == 50
    assert sum(said(call, audit_share=0.2) == ("ask", "audit") for call in calls) == 200


def test_what_a_person_was_against_in_this_run_is_asked_about_however_much_is_earned():
    assert said(replace(after(clean=9000), contested=True)) == ("ask", "contested")
    assert said(replace(after(clean=1), contested=True)) == ("ask", "contested")


def test_before_it_is_earned_nothing_is_an_audit():
    assert said(replace(after(clean=319), draw=0.0)) == ("ask", "earning")


@pytest.mark.parametrize("kind", ["edited", "wording_edited", "rejected", "failed", "undone", "allowed_failed"])
def test_one_case_that_goes_wrong_right_afterwards_takes_it_back(kind: str):
    assert said(after(clean=320, **{kind: 1})) == ("ask", "turned")


def test_calls_that_nobody_judged_are_never_clean_cases():
    assert said(after(allowed_clean=100_000)) == ("ask", "earning")
    assert said(after(clean=319, allowed_clean=100_000)) == ("ask", "earning")
    assert said(after(clean=320, rejected=1, allowed_clean=100_000)) == ("ask", "turned")


def test_failures_of_allowed_calls_are_looked_at_among_all_that_ran():
    assert said(after(clean=320, allowed_clean=6000, allowed_failed=6)) == ("allow", "earned")
    assert said(after(clean=320, allowed_clean=6000, allowed_failed=150)) == ("ask", "turned")


def test_an_undo_counts_in_full_however_many_allowed_calls_were_left_alone():
    assert said(after(clean=320, undone=1, allowed_clean=100_000)) == ("ask", "turned")


@pytest.mark.parametrize(("target", "most"), [(0.7, 25), (0.9, 13), (0.98, 5), (0.999, 2)])
@pytest.mark.parametrize("kind", ["rejected", "allowed_failed"])
def test_too_many_that_went_wrong_lately_take_it_back_whatever_went_well_before(target: float, most: int, kind: str):
    fine = "clean" if kind == "rejected" else "allowed_clean"
    for wrong, code in ((most, "earned"), (most + 1, "turned")):
        recent = (kind,) * wrong + (fine,) * (50 - wrong)
        call = after(clean=100_000, allowed_clean=1_000_000, recent=recent, **{kind: wrong})
        assert said(call, target=target)[1] == code


def test_what_went_wrong_lately_is_named_and_passes_with_clean_cases():
    recent = ("rejected",) * 6 + ("clean",) * 44
    call = after(clean=5000, rejected=6, recent=recent)
    assert Gate([earn(0.98)]).judge(call).reasons[0].text == (
        "not yet trusted alone: 5,000 of 5,045 clean cases so far; not clean: 6 rejected, too many of them lately"
    )
    assert said(after(clean=5045, rejected=6, recent=("clean",) * 45 + recent)) == ("allow", "earned")


def test_calls_that_went_well_unjudged_do_not_push_judged_ones_out_of_sight():
    recent = ("allowed_clean",) * 100 + ("rejected",) * 6 + ("clean",) * 44
    assert said(after(clean=5000, rejected=6, allowed_clean=9000, recent=recent)) == ("ask", "turned")


def test_edits_of_wording_are_no_cases_if_they_do_not_count():
    assert said(after(clean=320, wording_edited=500), wording_counts=False) == ("allow", "earned")
    assert said(after(clean=319, wording_edited=500), wording_counts=False) == ("ask", "earning")
    assert said(after(clean=320, edited=1), wording_counts=False) == ("ask", "turned")


@pytest.mark.parametrize(
    ("settings", "tool", "effect", "concerned"),
    [
        ({}, "refund", "external", True),
        ({}, "look_up", "read", False),
        ({"effect": "read"}, "look_up", "read", True),
        ({"tool": "look_up"}, "look_up", "read", True),
        ({"tool": "refund"}, "refund", "external", True),
        ({"tool": "refund"}, "send", "external", False),
        ({"tool": ["refund", "send"]}, "send", "external", True),
        ({"tool": ["refund", "send"]}, "post", "external", False),
        ({"effect": "write"}, "refund", "external", False),
        ({"tool": "refund", "effect": "write"}, "refund", "external", False),
    ],
)
def test_it_is_about_the_tool_and_effect_that_it_names_and_else_about_all_but_reads(
    settings: dict[str, Any], tool: str, effect: Effect, *, concerned: bool
):
    assert (earn(**settings)(replace(CALL, tool=tool, effect=effect)) is not None) == concerned


def test_what_is_earned_allows_nothing_that_another_rule_asks_about_or_denies():
    trusted = after(clean=320)
    assert Gate([earn(0.98), rule("ask", tool="refund")]).judge(trusted).verdict == "ask"
    assert Gate([earn(0.98), rule("deny", tool="refund")]).judge(trusted).verdict == "deny"
    assert Gate([earn(0.98), rule("allow")]).judge(after(clean=319)).verdict == "ask"


@pytest.mark.parametrize(
    "wrong",
    [
        {"target": 1.0},
        {"target": 98},
        {"confidence": 95},
        {"audit_share": 0},
        {"audit_share": 5},
        {"effect": "extern"},
        {"tool": ""},
        {"tool": []},
    ],
)
def test_figures_that_cannot_be_meant_are_refused_when_the_rule_is_made(wrong: dict[str, Any]):
    with pytest.raises(UsageError):
        earn(**wrong)


def test_of_several_rules_the_strictest_says_what_is_missing():
    rules = [earn(0.7), earn(0.98, tool="refund"), earn(0.999, tool="send"), rule("ask")]
    found = strictest(rules, replace(NOTHING, clean=100), "external")
    assert found is not None
    assert (found.target, found.missing) == (0.98, 220)
    assert strictest([rule("ask")], NOTHING, "external") is None


GOOD = ("clean", "allowed_clean")
BAD = ("edited", "wording_edited", "rejected", "failed", "undone", "allowed_failed")
evidences = st.builds(
    lambda counts, recent: replace(NOTHING, **counts, recent=tuple(recent)),
    st.fixed_dictionaries({"clean": st.integers(0, 1500), "allowed_clean": st.integers(0, 5000)}
                          | dict.fromkeys(BAD, st.integers(0, 12))),
    st.lists(st.sampled_from(["clean"] * 20 + ["allowed_clean"] * 20 + list(BAD)), max_size=100),
)  # fmt: skip
rules = st.builds(earn, st.floats(0.5, 0.99), st.floats(0.6, 0.99), wording_counts=st.booleans(),
                  audit_share=st.floats(0.01, 0.5))  # fmt: skip
draws = st.floats(0, 1, exclude_max=True)


def verdict(judge: Callable[..., Any], evidence: Evidence, draw: float) -> str:
    return str(judge(replace(CALL, evidence=evidence, draw=draw)).verdict)


@given(rules, evidences, draws, st.sampled_from(BAD), st.integers(1, 50))
def test_more_that_went_wrong_never_turns_an_ask_into_an_allow(
    judge: Any, evidence: Evidence, draw: float, kind: str, more: int
):
    worse = replace(evidence, **{kind: getattr(evidence, kind) + more})
    if verdict(judge, evidence, draw) == "ask":
        assert verdict(judge, worse, draw) == "ask"


@given(rules, evidences, draws, st.sampled_from(GOOD), st.integers(1, 50))
def test_more_that_went_well_never_turns_an_allow_into_an_ask(
    judge: Any, evidence: Evidence, draw: float, kind: str, more: int
):
    recent = (kind,) * more + evidence.recent
    better = replace(evidence, **{kind: getattr(evidence, kind) + more}, recent=recent)
    if verdict(judge, evidence, draw) == "allow":
        assert verdict(judge, better, draw) == "allow"


@given(rules, evidences, st.integers(1, 100_000))
def test_no_number_of_unjudged_calls_makes_up_for_a_missing_verdict(judge: Any, evidence: Evidence, more: int):
    without = replace(evidence, allowed_clean=0, allowed_failed=0)
    if verdict(judge, without, 0.99) == "ask":
        assert verdict(judge, replace(without, allowed_clean=more), 0.99) == "ask"


@given(rules, evidences)
def test_exactly_the_missing_clean_cases_earn_it(judge: Any, evidence: Evidence):
    standing: Standing = judge.standing(evidence)
    missing = standing.missing
    assert standing.earned == (missing == 0)

    def follow(more: int) -> Evidence:
        return replace(evidence, clean=evidence.clean + more, recent=("clean",) * more + evidence.recent)

    assert judge.standing(follow(missing)).earned
    if missing:
        assert not judge.standing(follow(missing - 1)).earned


@given(rules, evidences)
def test_the_bound_that_is_shown_agrees_with_the_ruling(judge: Any, evidence: Evidence):
    standing: Standing = judge.standing(evidence)
    if abs(standing.lower - standing.target) > 1e-9:
        assert standing.earned == (standing.lower > standing.target and not standing.slipping)


def latest(fates: tuple[str, ...]) -> tuple[str, ...]:
    """The last 50 that were judged and the last 50 that ran, as a journal tells them."""
    judged = [at for at, fate in enumerate(fates) if not fate.startswith("allowed")][:50]
    ran = [at for at, fate in enumerate(fates) if fate in {"clean", "allowed_clean", "allowed_failed"}][:50]
    return tuple(fates[at] for at in sorted({*judged, *ran}))


@dataclass
class World:
    """Calls that are right at some rate; a wrong one is rejected if a person sees it, else it may fail or pass."""

    rng: random.Random
    judge: Any
    seen_failing: float = 0.0
    """How many of the wrong calls that ran show it."""
    evidence: Evidence = NOTHING
    remembers: bool = True
    """Whether the evidence tells what happened last."""

    def happens(self, rate: float) -> bool:
        """Let one call happen; tells whether it ran without a question."""
        ruling = self.judge(replace(CALL, evidence=self.evidence, draw=self.rng.random()))
        right = self.rng.random() < rate
        if ruling.verdict == "ask":
            kind = "clean" if right else "rejected"
        else:
            kind = "allowed_clean" if right or self.rng.random() >= self.seen_failing else "allowed_failed"
        recent = latest((kind, *self.evidence.recent)) if self.remembers else ()
        self.evidence = replace(self.evidence, **{kind: getattr(self.evidence, kind) + 1}, recent=recent)
        return bool(ruling.verdict == "allow")


@pytest.mark.parametrize(("target", "rate", "looks"), [(0.7, 0.69, 200), (0.9, 0.895, 300)])
def test_a_rate_just_under_the_target_is_ever_trusted_at_most_once_in_twenty(target: float, rate: float, looks: int):
    rounds, judge = 200, earn(target)
    wrongly = 0
    for seed in range(rounds):
        world = World(random.Random(seed), judge, remembers=False)  # what happened last can only take back
        wrongly += any(world.happens(rate) for _ in range(looks))
    assert 0 < wrongly <= 0.05 * rounds  # above 0: it is tried


def test_a_rate_that_follows_the_evidence_gains_nothing_by_it():
    """One that behaves best when it is closest to its aim, and never better than just under the target."""
    rounds, judge = 200, earn(0.7)
    wrongly = 0
    for seed in range(rounds):
        world = World(random.Random(seed), judge, remembers=False)
        wrongly += any(world.happens(0.69 if judge.standing(world.evidence).missing < 12 else 0.5) for _ in range(250))
    assert wrongly <= 0.05 * rounds


@pytest.mark.parametrize(("seen_failing", "most"), [(0.0, 1000), (1.0, 60)])
def test_an_action_that_turns_bad_after_a_long_good_time_is_soon_asked_about_again(seen_failing: float, most: int):
    """At the latest when enough audits have seen it, sooner if the calls that run say so themselves."""
    good = replace(NOTHING, clean=5000, allowed_clean=95_000, recent=("clean",) * 50 + ("allowed_clean",) * 50)
    for seed in range(20):
        world = World(random.Random(seed), earn(0.9), seen_failing, good)
        calls = 0
        while world.judge.standing(world.evidence).earned and calls < most:
            world.happens(0.3)
            calls += 1
        assert 10 < calls < most


def test_a_good_action_is_asked_about_no_more_often_than_the_audit_share():
    world = World(random.Random(3), earn(0.98), seen_failing=1.0)
    while not world.judge.standing(world.evidence).earned:
        world.happens(1.0)
    asked = sum(not world.happens(1.0) for _ in range(2000))
    assert 70 <= asked <= 130


def test_cases_drawn_for_an_audit_show_the_rate_of_all_calls():
    """Were they picked by how they look, the bound would speak of those only."""
    world = World(random.Random(5), earn(0.5), seen_failing=0.0)
    while not world.judge.standing(world.evidence).earned:
        world.happens(1.0)
    before = world.evidence
    for _ in range(8000):
        world.happens(0.8)
    clean, wrong = world.evidence.clean - before.clean, world.evidence.rejected - before.rejected
    assert clean + wrong > 300
    assert clean / (clean + wrong) == pytest.approx(0.8, abs=0.05)
