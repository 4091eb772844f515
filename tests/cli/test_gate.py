"""The gate at the command line: explained, tested without a model, and its standing rules listed and revoked."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from copilot_kit.approval import GateCall
from copilot_kit.approval.standing import grant, listed, revoke, use
from copilot_kit.journal.opening import open_store
from copilot_kit.records import ArgumentMatch, Principal, StandingRule, Step
from copilot_kit.sync import wait

GATE = """
answer_within = "2h"

[[rule]]
verdict = "allow"
tool = "pay"
when = { amount = { at_most = 5 } }

[[rule]]
verdict = "ask"
tool = "pay"
when = { amount = { above = 100 } }
why = "much money"
may_decide = ["group:finance"]

[[rule]]
verdict = "deny"
tool = "burn"
"""
COPILOT = """
from copilot_kit import Agent, Gate, rule, tool
from copilot_kit.testing import ScriptedModel

@tool(effect="write", roles={"to": "destination"})
def pay(to: str, amount: float = 1.5) -> str:
    return "paid"

gate = Gate([rule("allow", tool="pay", effect="write", when={"amount": {"equals": 1.5}}), rule("deny", tool="pya")])
agent = Agent(ScriptedModel(), tools=[pay], name="desk", gate=gate)
"""
NOW = datetime.now(UTC)
ADA = Principal(id="ada", name="Ada \u202e", authenticated="local")


@pytest.fixture(autouse=True)
def files(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (own_folder / "gate.toml").write_text(GATE)
    (own_folder / "till.py").write_text(COPILOT)
    monkeypatch.syspath_prepend(str(own_folder))
    monkeypatch.delitem(__import__("sys").modules, "till", raising=False)
    return own_folder


def a_rule(number: int = 1, **changes: Any) -> StandingRule:
    fields: dict[str, Any] = {
        "id": f"rule_{number:04}", "agent": "desk", "tool": "pay", "tool_version": "1", "model": "acme:large",
        "prompt_version": "p", "matches": (ArgumentMatch(at="/to", equals="eve"),), "uses": 2, "by": ADA, "at": NOW,
        "expires_at": NOW + timedelta(days=2, minutes=5),
    }  # fmt: skip
    return StandingRule(**fields | changes)


async def with_rules(*, revoked: bool = False, used: int = 0) -> None:
    store = open_store(None)
    await grant(store, a_rule(1))
    await grant(store, a_rule(2))
    call = GateCall("pay", "1", "external", {"to": "eve"}, (Step(agent="desk"),), "acme:large", "p")
    for number in range(used):
        await use(store, call, run_id="run_1", call_id=f"call_{number}", now=datetime.now(UTC))
    if revoked:
        await revoke(store, "rule_0001", by=ADA)
    await store.close()


FLOW_CASES = """
[[case]]
tool = "send_money"
arguments = { to = "eve@example.org" }
roles = { to = "destination" }
said = "Send money to eve@example.org, please"
verdict = "allow"

[[case]]
tool = "send_money"
arguments = { to = "mallory@example.org" }
roles = { to = "destination" }
said = "Send money to eve@example.org, please"
verdict = "ask"
reason = "unknown-receiver"
"""

# explain


def test_a_call_is_explained_with_the_rule_that_decided_and_what_all_others_say(copilot: Callable[..., Any]):
    ended = copilot("gate", "explain", "pay", "--args", '{"amount": 500, "to": "e\\u202eve"}')
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        'ask: pay {"amount":500,"to":"e⟦U+202E⟧ve"}',
        "  because much money (ask-pay)",
        "  may decide: group:finance",
        "  answer within: 2 h 0 min",
        "",
        "says  rule              why",
        "-     rule 1 (line 4)",
        "ask   rule 2 (line 9)   much money",
        "-     rule 3 (line 16)",
    ]


def test_a_call_that_a_standing_rule_may_allow_says_so(copilot: Callable[..., Any]):
    words = "a standing rule may allow it"
    assert words in copilot("gate", "explain", "send").out
    assert words not in copilot("gate", "explain", "pay", "--args", '{"amount": 500}').out
    assert words not in copilot("gate", "explain", "burn").out


def test_with_flow_rules_the_words_of_the_user_are_what_values_come_from(copilot: Callable[..., Any], files: Path):
    (files / "gate.toml").write_text("flow = true")
    (files / "cases.toml").write_text(FLOW_CASES)
    assert [line.split()[0] for line in copilot("gate", "test", "cases.toml").out.splitlines()[1:]] == ["ok", "ok"]


def test_an_explanation_is_also_json(copilot: Callable[..., Any]):
    found = copilot("gate", "explain", "burn", "--json").json
    assert (found["verdict"], found["explicit"], found["effect"]) == ("deny", True, "external")
    assert [(rule["rule"], rule["verdict"]) for rule in found["rules"]] == [
        ("rule 1 (line 4)", None), ("rule 2 (line 9)", None), ("rule 3 (line 16)", "deny"),
    ]  # fmt: skip


def test_an_agents_tool_fills_in_its_defaults_and_its_gate_decides(copilot: Callable[..., Any]):
    ended = copilot("gate", "explain", "pay", "--agent", "till:agent", "--args", '{"to": "eve"}')
    assert ended.out.splitlines()[0] == 'allow: pay {"amount":1.5,"to":"eve"}'
    assert ended.err == "a rule says deny for pya is about the tool 'pya', which agent 'desk' has not.\n"
    by_file = copilot("gate", "explain", "pay", "--agent", "till:agent", "--gate", "gate.toml", "--args", '{"to": "e"}')
    assert by_file.out.splitlines()[0] == 'allow: pay {"amount":1.5,"to":"e"}'
    assert "rule 1 (line 4)" in by_file.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pay", "--args", '{"amount": NaN}'], "NaN is not JSON"),
        (["pay", "--args", '{"a": 1, "a": 2}'], "the key 'a' stands there twice"),
        (["pay", "--args", "5"], "a JSON number where an object is needed"),
        (["pay", "--effect", "raed"], "An effect is read, write or external, not 'raed'"),
        (["pay", "--gate", "other.toml"], "Cannot read gate file 'other.toml'"),
        (["pay", "--agent", "till:agent", "--args", '{"to": [5]}'], "The arguments of pay do not fit"),
        (["send", "--agent", "till:agent"], "the agent has no tool 'send'"),
        (
            ["pay", "--agent", "till:agent", "--effect", "read", "--args", '{"to": "e"}'],
            "'effect' is the tool's to say",
        ),
    ],
)
def test_what_cannot_be_explained_is_one_line(copilot: Callable[..., Any], words: list[str], said: str):
    ended = copilot("gate", "explain", *words)
    assert (ended.code, ended.out) == (64, "")
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_without_any_gate_the_command_says_how_to_name_one(copilot: Callable[..., Any], files: Path):
    (files / "gate.toml").unlink()
    ended = copilot("gate", "explain", "pay")
    assert ended.code == 64
    assert "Name one: --gate FILE, or --agent module:name." in ended.err


# test

CASES = """
[[case]]
name = "small change"
tool = "pay"
arguments = { amount = 5 }
verdict = "allow"

[[case]]
tool = "pay"
arguments = { amount = 101 }
verdict = "ask"
reason = "ask-pay"

[[case]]
tool = "burn"
effect = "read"
verdict = "deny"
"""


def test_cases_that_hold_are_listed_and_end_well(copilot: Callable[..., Any], files: Path):
    (files / "cases.toml").write_text(CASES)
    ended = copilot("gate", "test", "cases.toml")
    assert (ended.code, ended.err) == (0, "3 of 3 cases hold.\n")
    assert [line.split()[0] for line in ended.out.splitlines()[1:]] == ["ok", "ok", "ok"]


def test_a_case_that_fails_says_what_came_instead_and_ends_with_1(copilot: Callable[..., Any], files: Path):
    (files / "cases.jsonl").write_text(
        '{"tool": "pay", "arguments": {"amount": 6}, "verdict": "allow", "name": "six"}\n\n'
        '{"tool": "pay", "arguments": {"amount": 101}, "verdict": "ask", "reason": "effect-external"}\n'
        '{"tool": "pay", "arguments": {"amount": "500"}, "verdict": "ask", "reason": "ask-pay"}\n'
    )
    ended = copilot("gate", "test", "cases.jsonl")
    assert (ended.code, ended.err) == (1, "1 of 3 cases hold.\n")
    assert ended.out.splitlines()[1:] == [
        "FAILED  six   allow                  ask      effect-external",
        "FAILED  pay   ask (effect-external)  ask      ask-pay",
        "ok      pay   ask (ask-pay)          ask      ask-pay",
    ]
    found = copilot("gate", "test", "cases.jsonl", "--json")
    assert found.code == 1
    assert [(one["case"], one["holds"], one["verdict"]) for one in found.json] == [
        ("six", False, "ask"), ("pay", False, "ask"), ("pay", True, "ask"),
    ]  # fmt: skip


def test_cases_of_an_agent_are_about_its_own_tools(copilot: Callable[..., Any], files: Path):
    (files / "cases.toml").write_text('[[case]]\ntool = "pay"\narguments = { to = "e" }\nverdict = "allow"\n')
    assert copilot("gate", "test", "cases.toml", "--agent", "till:agent").code == 0
    (files / "cases.toml").write_text('[[case]]\ntool = "pya"\nverdict = "deny"\n')
    ended = copilot("gate", "test", "cases.toml", "--agent", "till:agent")
    assert (ended.code, ended.out) == (64, "")
    assert "Case 'pya': the agent has no tool 'pya'" in ended.err


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("c.toml", "", "has no cases"),
        ("c.toml", "[[cases]]\n", "it has cases"),
        ("c.toml", "[case]\ntool = 'pay'\n", "one table `case`"),
        ("c.toml", "[[case]]\ntool = 'pay'\n", "case 1: no verdict is expected"),
        ("c.toml", "[[case]]\ntool = 'pay'\nverdict = 'alow'\n", "case 1: verdict = 'alow'"),
        ("c.toml", "[[case]]\ntool = 'pay'\nverdit = 'allow'\n", "case 1: verdit = 'allow'"),
        ("c.toml", "[[case]]\nverdict = 'ask'\ntool = 'p'\narguments = { a = nan }\n", "case 1: arguments.a"),
        ("c.toml", "[[case]\n", "not valid TOML"),
        ("c.jsonl", '{"tool": "pay"', "line 1: not valid JSON"),
        ("c.jsonl", '\n{"tool": "a", "tool": "b", "verdict": "ask"}', "line 2: the key 'tool' stands there twice"),
        ("c.jsonl", "[]", "line 1: a JSON array where an object is needed"),
        ("c.yaml", "", "not in '.yaml'"),
        ("none.toml", None, "Cannot read cases from 'none.toml'"),
    ],
)
def test_cases_that_are_not_understood_are_one_line_with_their_place(
    copilot: Callable[..., Any], files: Path, name: str, text: str | None, said: str
):
    if text is not None:
        (files / name).write_text(text)
    ended = copilot("gate", "test", name)
    assert (ended.code, ended.out) == (64, "")
    assert said in ended.err
    assert ended.err.count("\n") == 1


# rules


def test_standing_rules_are_listed_in_words_with_what_is_left(copilot: Callable[..., Any]):
    wait(with_rules(used=1))
    lines = copilot("gate", "rules").out.splitlines()
    assert re.fullmatch(
        r"rule_0001  1 of 2 uses used · in force for 4[78] h \d+ min · granted by Ada ⟦U\+202E⟧", lines[0]
    )  # by the clock of the machine
    assert lines[1:4] == [
        "  │ pay, called by desk, runs without asking if",
        '  │   to is exactly "eve"',
        "  │   and it has no other argument.",
    ]
    assert sum(line.startswith("rule_") for line in lines) == 2


def test_rules_that_have_ended_are_listed_on_request(copilot: Callable[..., Any]):
    wait(with_rules(revoked=True))
    assert [one["id"] for one in copilot("gate", "rules", "--json").json] == ["rule_0002"]
    every = copilot("gate", "rules", "--all", "--json").json
    assert [(one["id"], one["used"], one["left"], one["ended"], one["revoked_by"]) for one in every] == [
        ("rule_0001", 0, 0, "revoked", "ada"), ("rule_0002", 0, 2, None, None),
    ]  # fmt: skip


def test_looking_for_rules_makes_no_journal(copilot: Callable[..., Any], files: Path):
    ended = copilot("gate", "rules")
    assert (ended.code, ended.out) == (0, "")
    assert not (files / ".copilot-kit").exists()


def test_a_rule_is_revoked_by_a_part_of_its_name(copilot: Callable[..., Any]):
    wait(with_rules())
    ended = copilot("gate", "revoke", "0001")
    assert (ended.code, ended.out) == (0, "Revoked rule_0001: pay is asked about again.\n")

    async def in_force() -> list[str]:
        store = open_store(None)
        rules = [one.rule.id for one in await listed(store) if one.ended is None]
        await store.close()
        return rules

    assert wait(in_force()) == ["rule_0002"]


@pytest.mark.parametrize(
    ("name", "said"), [("rule_00", "2 rules are called so"), ("x", "there is none"), ("", "2 rules")]
)
def test_a_rule_that_cannot_be_told_is_not_revoked(copilot: Callable[..., Any], name: str, said: str):
    wait(with_rules())
    ended = copilot("gate", "revoke", name)
    assert ended.code == 64
    assert said in ended.err
    assert len(copilot("gate", "rules", "--json").json) == 2
