"""Where each action stands, how suggestions were taken, and how people decide."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from copilot_kit import Agent, Gate, rule, tool
from copilot_kit.approval import decide
from copilot_kit.journal.opening import open_store
from copilot_kit.records import Principal
from copilot_kit.sync import wait
from copilot_kit.testing import ScriptedModel, call

ADA = Principal(id="ada\u202e", authenticated="local")
GATE = '[[rule]]\ntool = "note"\nearn = { target = 0.7 }\n'


@tool(effect="write", version="1")
async def note(text: str) -> str:
    """Write a note."""
    return f"noted {text}"


async def runs(verdicts: str, *, looked_s: float = 0.9, suggestions: str = "") -> None:
    """Make a run a letter: y approved, n rejected, - left waiting, a allowed; of suggestions: y accepted, n ignored."""
    store = open_store(None)
    try:
        for letter in verdicts:
            gate = Gate([rule("allow")]) if letter == "a" else None
            model = ScriptedModel(call("note", {"text": "milk"}), "Done.", id="acme:big")
            agent = Agent(model, tools=[note], store=store, gate=gate)
            run = await agent.run("Note it")
            if letter in "yn":
                await decide(store, run.id, run.proposals[0].id, "approve" if letter == "y" else "reject", by=ADA,
                             looked_s=looked_s)  # fmt: skip
                await agent.resume(run.id)
        for letter in suggestions:
            suggested = await Agent(ScriptedModel("Rename it.", id="acme:big"), name="editor", store=store).suggest("?")
            await suggested.record_outcome("accepted" if letter == "y" else "ignored", by=ADA)
    finally:
        await store.close()


def test_an_empty_journal_says_that_nothing_is_earned_and_none_is_made(copilot: Callable[..., Any], own_folder: Path):
    ended = copilot("trust")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == "No call was decided or allowed here yet, so nothing has earned any trust.\n"
    assert list(own_folder.iterdir()) == []


def test_an_action_shows_its_bound_its_target_and_how_many_clean_cases_are_missing(
    copilot: Callable[..., Any], own_folder: Path
):
    wait(runs("yyy-a"))
    (own_folder / "gate.toml").write_text(GATE)
    header, row = copilot("trust").out.splitlines()[1:3]
    assert header.split() == ["tool", "clean", "not", "clean", "wording", "allowed", "shown", "target", "missing",
                              "version", "prompt", "model"]  # fmt: skip
    cells = row.split("  ")
    assert [cell.strip() for cell in cells if cell.strip()][:8] == ["note", "3", "0", "0", "1", "25.0 %", "70 %", "11"]


def test_the_json_has_the_counts_the_bound_and_the_target(copilot: Callable[..., Any], own_folder: Path):
    wait(runs("yyyn"))
    (own_folder / "other.toml").write_text(GATE)
    found = copilot("trust", "--gate", "other.toml", "--json").json
    (action,) = found["actions"]
    assert {name: action[name] for name in ("tool", "effect", "target", "missing", "earned", "turned")} == {
        "tool": "note", "effect": "write", "target": 0.7, "missing": 19, "earned": False, "turned": False,
    }  # fmt: skip
    assert action["model"] == "acme:big > big"
    assert (action["counts"]["clean"], action["counts"]["rejected"]) == (3, 1)
    assert action["shown"] == pytest.approx(0.130989, abs=1e-6)


def test_an_action_that_has_earned_it_is_shown_as_trusted(copilot: Callable[..., Any], own_folder: Path):
    wait(runs("y" * 14))
    (own_folder / "gate.toml").write_text(GATE)
    assert "  trusted  " in copilot("trust").out
    assert copilot("trust", "--json").json["actions"][0]["earned"] is True


def test_without_a_rule_no_target_stands_and_one_can_be_asked_for(copilot: Callable[..., Any]):
    wait(runs("yy"))
    ended = copilot("trust")
    assert "14 clean cases for 0.7, 320 clean cases for 0.98, 8,062 clean cases" in " ".join(ended.err.split())
    assert copilot("trust", "--json").json["actions"][0]["target"] is None
    action = copilot("trust", "--target", "0.98", "--json").json["actions"][0]
    assert (action["target"], action["target_by"], action["missing"]) == (0.98, "option", 318)


def test_a_target_that_no_rule_names_makes_nothing_trusted(copilot: Callable[..., Any]):
    wait(runs("y" * 14))
    assert "trusted" not in copilot("trust", "--target", "0.7").out
    action = copilot("trust", "--target", "0.7", "--json").json["actions"][0]
    assert (action["missing"], action["earned"]) == (0, False)


def test_suggestions_stand_apart_and_permit_nothing(copilot: Callable[..., Any]):
    wait(runs("", suggestions="yyn"))
    found = copilot("trust", "--json").json
    assert found["actions"] == []
    assert found["suggestions"]["permits"] == "nothing"
    (taken,) = found["suggestions"]["taken"]
    assert (taken["agent"], taken["accepted"], taken["ignored"]) == ("editor", 2, 1)
    assert "this permits nothing" in copilot("trust").out


def test_who_approves_everything_in_a_moment_is_named(copilot: Callable[..., Any]):
    wait(runs("y" * 20, looked_s=0.5))
    (person,) = copilot("trust", "--json").json["approvers"]
    assert person == {
        "person": "ada\u202e", "decided": 20, "approved": 20, "edited": 0, "rejected": 0, "answered": 0,
        "approved_share": 1.0, "median_looked_s": 0.5, "under_2_s_share": 1.0, "looks_like_a_stamp": True,
    }  # fmt: skip
    ended = copilot("trust")
    assert "20       100.0 %   0       0         0         0.5 s        100.0 %    ada⟦U+202E⟧" in ended.out
    assert "ada⟦U+202E⟧ approved all 20, most in under 2 s: such a yes shows little.\n" in ended.err
    assert "\u202e" not in ended.out + ended.err


def test_a_person_who_looks_is_not_called_a_stamp(copilot: Callable[..., Any]):
    wait(runs("yyyn", looked_s=6.0))
    (person,) = copilot("trust", "--json").json["approvers"]
    assert (person["approved_share"], person["median_looked_s"], person["looks_like_a_stamp"]) == (0.75, 6.0, False)


def test_the_journal_is_named_like_for_the_other_commands(copilot: Callable[..., Any], own_folder: Path):
    wait(runs("y"))
    place = ".copilot-kit/journal.db"
    for option in ("--store", "--journal"):
        assert copilot("trust", option, place, "--json").json["actions"][0]["counts"]["clean"] == 1


def test_a_gate_file_or_target_that_cannot_be_is_one_line(copilot: Callable[..., Any]):
    ended = copilot("trust", "--gate", "nowhere.toml")
    assert (ended.code, ended.err.count("\n")) == (64, 1)
    ended = copilot("trust", "--target", "98")
    assert ended.code == 64
    assert ended.err.startswith("A rate of 98.0 cannot be shown by counting")


def test_the_help_has_an_example(copilot: Callable[..., Any]):
    assert "Example: copilot-kit trust --target 0.98" in copilot("trust", "--help").out
