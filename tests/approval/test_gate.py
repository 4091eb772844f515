"""Rules: deny beats ask beats allow, and where no rule speaks a person does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit.approval import Gate, GateCall, Ruling, rule
from copilot_kit.effects import Effect
from copilot_kit.errors import UsageError
from copilot_kit.records import Step


def a_call(effect: Effect = "external", tool: str = "send") -> GateCall:
    return GateCall(tool, "1", effect, {"to": "eve"}, (Step(agent="agent"),), "scripted:model")


@pytest.mark.parametrize(("effect", "verdict"), [("read", "allow"), ("write", "ask"), ("external", "ask")])
def test_without_rules_of_ones_own_reads_run_and_everything_else_asks(effect: Effect, verdict: str):
    assert Gate().judge(a_call(effect)).verdict == verdict


def test_where_no_rule_matches_the_gate_asks_even_for_reads():
    ruling = Gate([]).judge(a_call("read"))
    assert (ruling.verdict, ruling.reasons[0].code) == ("ask", "effect-read")


@given(st.permutations(["allow", "ask", "deny"]))
def test_deny_beats_ask_beats_allow_in_any_order(order: list[str]):
    assert Gate([rule(verdict) for verdict in order]).judge(a_call()).verdict == "deny"
    milder = [verdict for verdict in order if verdict != "deny"]
    assert Gate([rule(verdict) for verdict in milder]).judge(a_call()).verdict == "ask"


def test_the_reasons_are_those_of_the_rules_that_won():
    gate = Gate([rule("ask", why="first"), rule("allow", why="not shown"), rule("ask", why="second")])
    assert [reason.text for reason in gate.judge(a_call()).reasons] == ["first", "second"]


def test_a_rule_for_a_tool_or_an_effect_leaves_the_others_alone():
    gate = Gate([rule("deny", tool="send", effect="external"), rule("allow")])
    assert gate.judge(a_call("external", "send")).verdict == "deny"
    assert gate.judge(a_call("read", "send")).verdict == "allow"
    assert gate.judge(a_call("external", "post")).verdict == "allow"


def test_a_rule_is_any_function_that_looks_at_the_arguments():
    def only_eve(call: GateCall) -> Ruling | None:
        return rule("allow")(call) if call.arguments["to"] == "eve" else None

    assert Gate([only_eve]).judge(a_call()).verdict == "allow"


@pytest.mark.parametrize(
    "wrong",
    [
        {"verdict": "maybe"},
        {"verdict": "deny", "effect": "raed"},
        {"verdict": "deny", "tool": ""},
        {"verdict": "deny", "tool": "send "},
        {"verdict": "deny", "tool": "s\u0435nd"},
        {"verdict": "deny", "tool": "send_*"},
        {"verdict": "deny", "tool": ["send", "*"]},
    ],
)
def test_a_misspelt_rule_is_an_error_when_it_is_made_and_never_fails_open(wrong: dict):
    with pytest.raises(UsageError):
        rule(**wrong)


def test_a_gate_of_one_rule_without_a_list_says_how_to_write_it():
    with pytest.raises(UsageError, match=r"Gate\(\[rule"):
        Gate(rule("deny"))


def test_a_rule_that_breaks_asks():
    def broken(call: GateCall) -> Ruling | None:
        return call.arguments["nobody has this"]

    ruling = Gate([broken, rule("allow")]).judge(a_call())
    assert (ruling.verdict, ruling.reasons[0].code) == ("ask", "rule-failed")


@pytest.mark.parametrize("said", [True, "allow", 0, "", Ruling("alow", ()), Ruling("Allow", ())])  # type: ignore[arg-type]
def test_a_rule_that_returns_no_ruling_asks(said: object):
    ruling = Gate([lambda _: said, rule("allow")]).judge(a_call())  # type: ignore[list-item, return-value]
    assert (ruling.verdict, ruling.reasons[0].code) == ("ask", "rule-failed")


@pytest.mark.parametrize("wrong", [{"may_decide": "ada"}, {"may_decide": [""]}, {"answer_within_s": 0}])
def test_a_gate_that_nobody_could_answer_is_an_error(wrong: dict):
    with pytest.raises(UsageError):
        Gate(**wrong)
