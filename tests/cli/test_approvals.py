"""One card, one key, one decision about exactly what was shown."""

import json
from pathlib import Path
from typing import Any

import pytest

from copilot_kit.agent import Agent, Run
from copilot_kit.approval import decide
from copilot_kit.cli.approvals import Choice, Desk
from copilot_kit.cli.card import Look, card_of
from copilot_kit.cli.desk import attend
from copilot_kit.cli.keys import ScriptedKeyboard
from copilot_kit.display import MARGIN, width_of
from copilot_kit.records import Principal, Proposal, Reason, Step
from copilot_kit.testing import ScriptedModel, call, say
from copilot_kit.tools import tool

ADA = Principal(id="ada", authenticated="local")


def proposal(**arguments: Any) -> Proposal:
    text = json.dumps(arguments, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return Proposal(
        id="prop_1", call_id="call_1", path=(Step(agent="support"),), tool="send_reply", tool_version="1",
        effect="external", arguments=text, model="acme:large > large-2", prompt_version="p1",
        reasons=(Reason(code="effect-external", text="it leaves the house"),), call_digest="d1", shown_digest="s1",
    )  # fmt: skip


async def ask(one: Proposal, *answers: str, **desk: Any) -> Choice:
    return await Desk(ScriptedKeyboard(answers), by=ADA, **desk).ask(one)


# --- the card


def test_the_card_shows_every_argument_in_full():
    body = "Dear Ada,\nyour order is on its way. It comes on Monday morning."
    card = card_of(proposal(ticket=17, body=body, to="ada"), Look(60, 40))
    assert list(card.lines) == [
        "",
        "── send_reply · leaves the house ────────────",
        "  body  text, 63 characters in 2 lines",
        "  │ Dear Ada,",
        "  │ your order is on its way. It comes on Monday morning.",
        "  ticket  17",
        '  to  "ada"',
        "  asked because it leaves the house",
        "  proposed by support with acme:large > large-2",
    ]
    assert card.folded == 0


def test_nothing_that_others_wrote_is_wrapped_by_a_narrow_terminal():
    one = proposal(to="ada", subject="x" * 50, note="Guten Tag, wie geht es Ihnen heute?")
    card = card_of(one, Look(40, 40))
    assert list(card.lines) == [
        "",
        "── send_reply · leaves the house ───────",
        "  note  text, 35 characters",
        "  │ Guten Tag, wie geht es Ihnen heute?",
        "  subject  text, 50 characters",
        "  │ " + "x" * 36,
        "  │…" + "x" * 14,
        '  to  "ada"',
        "  asked because it leaves the house",
        "  proposed by",
        "  │ support with acme:large > large-2",
    ]


def test_long_values_are_folded_with_a_count_and_shown_whole_on_request():
    one = proposal(body="\n".join(f"line {number}" for number in range(100)), to="x")
    card = card_of(one, Look(60, 40))
    assert "  body  text, 789 characters in 100 lines" in card.lines
    assert card.lines[31:34] == ("  │ line 27", "  │ line 28", "  [71 more lines: press v]")
    assert card.folded == 71
    whole = card_of(one, Look(60, None))
    assert whole.folded == 0
    assert "  │ line 99" in whole.lines


def test_no_value_can_pose_as_a_line_of_the_card(shared: Path):
    for line in (shared / "data/badinput/display.jsonl").read_text().splitlines():
        text = json.loads(line)["text"].replace("\ud800", "")  # canonical arguments hold none
        for one in (proposal(body=text), proposal(body={"deep": [text]}), proposal(**{text: "name"})):
            for width in (40, 60):
                lines = card_of(one, Look(width, None)).lines
                chrome = [row for row in lines if not row.startswith(MARGIN[:-1])]
                assert chrome[1].startswith("── send_reply · leaves")
                assert [row for row in chrome if row.startswith("  asked")] == ["  asked because it leaves the house"]
                assert chrome[-1] == "  exactly these bytes run:"
                assert len(chrome) == 6, chrome
                assert all(width_of(row) <= width for row in lines), lines
                assert not any("\x1b" in row or "\r" in row for row in lines)


# --- the keys


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        (["y"], "approve"),
        (["k"], "skip"),
        (["s"], "stop"),
        (["n"], "reject"),
        ([], "skip"),
        (["\n", "\r", " "], "skip"),
    ],
)
async def test_each_key_decides_one_thing_and_enter_or_nobody_decides_nothing(answers: list[str], verdict: str):
    assert (await ask(proposal(ticket=1), *answers)).verdict == verdict


async def test_a_reason_goes_with_the_rejection():
    choice = await ask(proposal(ticket=1), "r", "too expensive")
    assert (choice.verdict, choice.text) == ("reject", "too expensive")


async def test_what_is_folded_cannot_be_approved_before_it_was_shown(capsys: pytest.CaptureFixture[str]):
    one = proposal(body="\n".join("x" * 10 for _ in range(500)))
    assert (await ask(one, "y", "y")).verdict == "skip"
    assert "Not yet: 470 lines were not shown. Press v to see them all." in capsys.readouterr().out
    assert (await ask(one, "y", "v", "y")).verdict == "approve"


async def test_viewing_all_shows_the_very_bytes_that_run(capsys: pytest.CaptureFixture[str]):
    await ask(proposal(ticket=17, body="a"), "v")
    assert '  exactly these bytes run:\n  │ {"body":"a","ticket":17}\n' in capsys.readouterr().out


async def test_why_shows_who_proposes_it(capsys: pytest.CaptureFixture[str]):
    await ask(proposal(ticket=17), "?")
    said = capsys.readouterr().out
    assert "effect-external: it leaves the house" in said
    assert "proposed by support with acme:large > large-2" in said


async def test_an_edited_call_is_shown_again_before_it_is_approved(capsys: pytest.CaptureFixture[str]):
    choice = await ask(proposal(ticket=17, body="a"), "e", "body", "b", "y")
    assert (choice.verdict, choice.arguments) == ("edit", '{"body":"b","ticket":17}')
    said = capsys.readouterr().out
    assert said.index("edited by you") < said.index('  body  "b"')


async def test_an_edit_that_is_taken_back_decides_nothing():
    assert (await ask(proposal(ticket=17), "e", "", "k")).verdict == "skip"


@tool
def pay(amount: int) -> str:
    """Pay."""
    return f"paid {amount}"


async def test_an_edit_that_the_tool_would_refuse_is_told_at_once(capsys: pytest.CaptureFixture[str]):
    one = proposal(amount=5).model_copy(update={"tool": "pay"})
    choice = await ask(one, "e", '"many"', "k", tools={"pay": pay})
    assert choice.verdict == "skip"
    assert "The arguments of pay do not fit: amount" in capsys.readouterr().out


async def test_the_time_a_person_looked_is_measured():
    ticks = iter([100.0, 104.5])
    choice = await Desk(ScriptedKeyboard(["y"]), by=ADA, clock=lambda: next(ticks)).ask(proposal(ticket=1))
    assert choice.looked_s == 4.5


# --- a run and a person


async def begun(*script: Any) -> tuple[Agent[Any], Run[Any]]:
    agent = Agent(ScriptedModel(*script), tools=[pay])
    return agent, await agent.run("Pay five")


async def test_what_is_approved_runs_once_and_the_run_goes_on(capsys: pytest.CaptureFixture[str]):
    agent, run = await begun([call("pay", {"amount": 5})], say("Done."))
    run = await attend(agent, run, Desk(ScriptedKeyboard(["y"]), by=ADA))
    assert (run.status, run.text) == ("done", "Done.")
    assert "  pay: done\n  │ paid 5\n" in capsys.readouterr().out


async def test_what_is_rejected_is_tried_again_with_the_reason():
    def again(request: Any) -> Any:
        assert "too much" in str(request.messages[-1].parts[0])
        return call("pay", {"amount": 3})

    agent, run = await begun(call("pay", {"amount": 5}), again, say("Done."))
    run = await attend(agent, run, Desk(ScriptedKeyboard(["r", "too much", "y"]), by=ADA))
    results = [part.text for message in run.messages if message.role == "tool" for part in message.parts]
    assert results[1] == "paid 3"


async def test_an_edited_call_runs_as_it_was_edited():
    agent, run = await begun(call("pay", {"amount": 5}), say("Done."))
    run = await attend(agent, run, Desk(ScriptedKeyboard(["e", "4", "y"]), by=ADA, tools={"pay": pay}))
    results = [part.text for message in run.messages if message.role == "tool" for part in message.parts]
    assert results == ['A person changed the arguments; this ran: {"amount":4}\npaid 4']


async def test_skipping_leaves_the_run_waiting_and_stopping_ends_it():
    agent, run = await begun(call("pay", {"amount": 5}))
    run = await attend(agent, run, Desk(ScriptedKeyboard(["k"]), by=ADA))
    assert run.status == "waiting"
    run = await attend(agent, run, Desk(ScriptedKeyboard(["s"]), by=ADA))
    assert run.status == "stopped"


async def test_the_decision_names_the_person_the_channel_and_the_time():
    agent, run = await begun(call("pay", {"amount": 5}), say("Done."))
    await attend(agent, run, Desk(ScriptedKeyboard(["y"]), by=ADA))
    decided = [entry.body for entry in await agent.store.read(run.id) if entry.head.kind == "decided"]
    decision = decided[0].decision  # type: ignore[union-attr]
    assert (decision.by, decision.channel, decision.verdict) == (ADA, "terminal", "approve")
    assert decision.looked_s is not None


async def test_what_was_decided_elsewhere_is_told_and_the_run_goes_on(capsys: pytest.CaptureFixture[str]):
    agent, run = await begun(call("pay", {"amount": 5}), say("Done."))

    class Slow(ScriptedKeyboard):
        async def key(self) -> str | None:
            await decide(agent.store, run.id, run.proposals[0].id, "reject", by=Principal(id="bob"))
            return await super().key()

    run = await attend(agent, run, Desk(Slow(["y"]), by=ADA))
    assert run.status == "done"
    assert "is already rejected, by bob" in capsys.readouterr().out
    assert [part.outcome for message in run.messages if message.role == "tool" for part in message.parts] == ["denied"]
