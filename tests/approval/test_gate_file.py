"""A gate file: small, the same rules as in Python, and whatever is not understood is one line that says where."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_kit.approval import Gate, GateCall
from copilot_kit.approval.cases import read_cases
from copilot_kit.approval.gate_file import read_gate
from copilot_kit.errors import UsageError
from copilot_kit.records import Step


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gate.toml"


def gate_of(file: Path, text: str) -> Gate:
    file.write_text(text)
    return read_gate(file)


def a_call(tool: str = "pay", arguments: Any = None, **changes: Any) -> GateCall:
    fields: dict[str, Any] = {"version": "1", "effect": "external", "path": (Step(agent="desk"),),
                              "model": "acme:large > large-2"}  # fmt: skip
    return GateCall(tool=tool, arguments=arguments or {}, **fields | changes)


WHOLE = """
may_decide = ["group:finance"]
answer_within = "1d"

[[rule]]
verdict = "allow"
effect = "read"

[[rule]]
verdict = "ask"
tool = "pay"
when = { amount = { above = 100 }, "/to/name" = { not_in = ["Ada", "Bob"] } }
why = "much money for somebody new"
may_decide = ["ada"]
answer_within = "1h30m"

[[rule]]
verdict = "deny"
tools = ["burn", "drop"]

[[rule]]
verdict = "allow"
tool = "pay"
when = [{ amount = { at_most = 5 } }, { amount = { at_most = 500 }, "/to/name" = { equals = "Ada" } }]

[[rule]]
verdict = "deny"
model = "acme:small"
agent = "desk"
"""


def test_files_with_a_byte_order_mark_as_editors_on_windows_write_it_are_read(file: Path, tmp_path: Path):
    file.write_bytes('\ufeff[[rule]]\r\nverdict = "deny"\r\ntool = "pay"\r\n'.encode())
    assert read_gate(file).judge(a_call()).verdict == "deny"
    (tmp_path / "cases.toml").write_bytes('\ufeff[[case]]\ntool = "pay"\nverdict = "deny"\n'.encode())
    (tmp_path / "cases.jsonl").write_bytes('\ufeff{"tool": "pay", "verdict": "deny"}\n'.encode())
    assert read_cases(tmp_path / "cases.toml") == read_cases(tmp_path / "cases.jsonl")


def test_the_rules_of_a_file_say_what_those_of_python_would(file: Path):
    gate = gate_of(file, WHOLE)
    to_ada, to_eve = {"name": "Ada"}, {"name": "Eve"}
    verdicts = [
        gate.judge(call).verdict
        for call in (
            a_call("look", effect="read"),
            a_call("pay", {"amount": 5, "to": to_eve}),
            a_call("pay", {"amount": 101, "to": to_ada}),
            a_call("pay", {"amount": 101, "to": to_eve}),
            a_call("pay", {"amount": 50, "to": to_eve}),
            a_call("burn"),
            a_call("look", effect="read", model="acme:small > small-1"),
        )
    ]
    assert verdicts == ["allow", "allow", "allow", "ask", "ask", "deny", "deny"]
    asked = gate.judge(a_call("pay", {"amount": 101, "to": to_eve}))
    assert (asked.reasons[0].text, asked.may_decide, asked.answer_within_s) == (
        "much money for somebody new", ("ada",), 5400.0,
    )  # fmt: skip
    unmatched = gate.judge(a_call("send"))
    assert (unmatched.may_decide, unmatched.answer_within_s) == (("group:finance",), 86400.0)


def test_explaining_names_the_place_of_each_rule(file: Path):
    labels = [label for label, _ in gate_of(file, WHOLE).explain(a_call())]
    assert labels == ["rule 1 (line 5)", "rule 2 (line 9)", "rule 3 (line 17)", "rule 4 (line 21)", "rule 5 (line 26)"]


def test_an_empty_file_asks_about_everything(file: Path):
    gate = gate_of(file, "")
    assert [gate.judge(a_call(effect=effect)).verdict for effect in ("read", "write", "external")] == ["ask"] * 3


def test_a_tool_may_have_to_earn_it(file: Path):
    gate = gate_of(file, '[[rule]]\ntools = ["label", "move"]\nearn = { target = 0.98, audit_share = 0.1 }\n')
    assert gate.wants_evidence
    assert [label for label, _ in gate.explain(a_call())] == ["rule 1 (line 1)"] * 2
    assert gate.judge(a_call("label")).verdict == "ask"
    assert gate.judge(a_call("label")).explicit
    assert not gate.judge(a_call("other")).explicit


def test_the_gate_of_a_file_can_be_had_from_gate_itself(file: Path):
    file.write_text('[[rule]]\nverdict = "deny"\n')
    assert Gate.from_file(str(file)).judge(a_call()).verdict == "deny"


ONE = '[[rule]]\nverdict = "deny"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[rules]]\nverdict = "deny"\n', ": there is no key 'rules': did you mean 'rule'?"),
        ('[rule]\nverdict = "deny"\n', ": rule = {'verdict': 'deny'}: input should be a valid list. Correct it."),
        ("rule = 5\n", ": rule = 5: input should be a valid list. Correct it."),
        ("rule = [5]\n", ": rule.0 = 5: input should be a valid dictionary. Correct it."),
        ("default = 'allow'\n", ": there is no key 'default': the keys are rule, flow, may_decide, answer_within."),
        ("flow = 1\n", ": flow = 1: input should be a valid boolean. Correct it."),
        ("flow = 'true'\n", ": flow = 'true': input should be a valid boolean. Correct it."),
        ("may_decide = 'ada'\n", ": may_decide = 'ada': input should be a valid list. Correct it."),
        (
            "answer_within = '2 hours'\n",
            (": answer_within = '2 hours' is no time. Write it as '2h', '45m', '1d' or '1h30m'."),
        ),
        ("answer_within = '0h'\n", ": answer_within = '0h' is no time. Write it as '2h', '45m', '1d' or '1h30m'."),
        ("answer_within = ''\n", ": answer_within = '' is no time. Write it as '2h', '45m', '1d' or '1h30m'."),
        ("answer_within = 5\n", ": answer_within = 5: input should be a valid string. Correct it."),
        (ONE + '[[rule]]\nverdit = "deny"\n', ", rule 2 (line 3): there is no key 'verdit': did you mean 'verdict'?"),
        (
            ONE + '[[rule]]\nverdict = "dney"\n',
            (", rule 2 (line 3): verdict = 'dney': input should be 'allow', 'ask' or 'deny'. Correct it."),
        ),
        (
            '[[rule]]\nverdict = "Allow"\n',
            (", rule 1 (line 1): verdict = 'Allow': input should be 'allow', 'ask' or 'deny'. Correct it."),
        ),
        (
            "[[rule]]\nverdict = true\n",
            (", rule 1 (line 1): verdict = True: input should be 'allow', 'ask' or 'deny'. Correct it."),
        ),
        (
            "[[rule]]\n",
            (
                ", rule 1 (line 1): it has no verdict. Write verdict = 'allow', 'ask' or 'deny'; or earn = { "
                "target = 0.98 }."
            ),
        ),
        (
            ONE + 'effect = "raed"\n',
            (", rule 1 (line 1): effect = 'raed': input should be 'read', 'write' or 'external'. Correct it."),
        ),
        (ONE + 'tool = ""\n', ", rule 1 (line 1): tool = '': string should have at least 1 character. Correct it."),
        (
            ONE + "tools = []\n",
            (
                ", rule 1 (line 1): A rule for the tool [] matches nothing: no tool can be called so. "
                "Name the tool as it is called, or leave it out to match every call."
            ),
        ),
        (ONE + 'tool = "a"\ntools = ["b"]\n', ", rule 1 (line 1): `tool` and `tools` together. Keep one of them."),
        (ONE + 'tool = ["a"]\n', ", rule 1 (line 1): tool = ['a']: input should be a valid string. Correct it."),
        (
            ONE + "when = { amount = { above = 5 } }\n",
            (", rule 1 (line 1): A rule with conditions on arguments says of which tool they are. Name it: tool=..."),
        ),
        (
            ONE + 'tool = "a"\nwhen = { amount = { abve = 5 } }\n',
            (", rule 1 (line 1): There is no condition 'abve' (on 'amount'): did you mean 'above'?"),
        ),
        (
            ONE + 'tool = "a"\nwhen = { amount = 5 }\n',
            (", rule 1 (line 1): amount = 5 says no condition. Write amount = { equals = 5 }."),
        ),
        (
            ONE + 'tool = "a"\nwhen = { amount = { above = nan } }\n',
            (", rule 1 (line 1): 'amount' above nan: it takes a number. Correct the rule."),
        ),
        (
            ONE + 'tool = "a"\nwhen = { day = { equals = 2026-11-22 } }\n',
            (", rule 1 (line 1): 'day' equals datetime.date(2026, 11, 22) is no JSON value, so no argument has it."),
        ),
        (
            ONE + 'may_decide = ["ada"]\n',
            (", rule 1 (line 1): A rule that says deny asks nobody: leave may_decide and answer_within_s out."),
        ),
        (
            '[[rule]]\nverdict = "deny"\nverdict = "allow"\n',
            (": not valid TOML: Cannot overwrite a value (at line 3, column 18). Correct the file."),
        ),
        (
            "[[rule]]\nearn = { tarket = 0.9 }\n",
            ", rule 1 (line 1): there is no key 'earn.tarket': did you mean 'target'?",
        ),
        (
            "[[rule]]\nearn = { target = 0.9, audit = 0.1 }\n",
            (", rule 1 (line 1): there is no key 'earn.audit': did you mean 'audit_share'?"),
        ),
        (
            '[[rule]]\nverdict = "allow"\nearn = { target = 0.9 }\n',
            (", rule 1 (line 1): 'verdict' beside `earn`, which asks or allows by itself. Take one of them out."),
        ),
        (
            "[[rule]]\ntools = []\nearn = { target = 0.9 }\n",
            (", rule 1 (line 1): tools = [] matches nothing. Name the tools, or leave it out to match every call."),
        ),
        (
            'rule = [{ verdict = "deny" }, { verdict = "no" }]\n',
            (", rule 2: verdict = 'no': input should be 'allow', 'ask' or 'deny'. Correct it."),
        ),
        ("[[rule]]\nearn = {}\n", ", rule 1 (line 1): 'earn.target' is missing. Add it."),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(file: Path, text: str, words: str):
    with pytest.raises(UsageError) as raised:
        gate_of(file, text)
    assert str(raised.value) == f"{file}{words}"


@pytest.mark.parametrize("target", ["1.5", "0", "nan", "'0.9'"])
def test_a_target_that_cannot_be_meant_is_an_error(file: Path, target: str):
    with pytest.raises(UsageError, match=r"rule 1 \(line 1\): "):
        gate_of(file, f"[[rule]]\nearn = {{ target = {target} }}\n")


def test_a_file_that_is_not_there_or_no_text_is_one_line(file: Path):
    with pytest.raises(UsageError, match="No such file or directory"):
        read_gate(file)
    file.write_bytes(b"# \xff")
    with pytest.raises(UsageError, match="not UTF-8 at byte 2"):
        read_gate(file)


KEYS = [
    "rule",
    "flow",
    "may_decide",
    "answer_within",
    "verdict",
    "earn",
    "tool",
    "tools",
    "effect",
    "when",
    "target",
    "x",
]
plain = (
    st.sampled_from(["deny", "allow", "ask", "read", "2h", "pay", "", "\n", "\u202e"]) | st.integers() | st.booleans()
)
tables = st.recursive(
    plain | st.floats(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=8,
)


def toml_of(value: Any) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{key} = {toml_of(one)}" for key, one in value.items()) + "}"
        case list():
            return f"[{', '.join(map(toml_of, value))}]"
        case float():
            return repr(value)
        case _:
            return json.dumps(value)


@given(st.dictionaries(st.sampled_from(KEYS), tables, max_size=3), st.lists(tables, max_size=2))
def test_whatever_the_file_holds_it_is_a_gate_or_one_line(tmp_path_factory: Any, top: dict[str, Any], rules: list[Any]):
    file = tmp_path_factory.getbasetemp() / "any.toml"
    whole = top | ({"rule": rules} if rules else {})
    text = "\n".join(f"{key} = {toml_of(value)}" for key, value in whole.items())
    try:
        said = gate_of(file, text).judge(a_call()).verdict
    except UsageError as error:
        said = str(error)
    assert said in {"allow", "ask", "deny"} or (said.startswith(str(file)) and "\n" not in said)
