"""The demo at a pseudo-terminal: approve, edit, reject; what was approved is carried out and nothing else is."""

import asyncio
import os
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pexpect
import pytest

from copilot_kit import Principal, open_store
from copilot_kit.approval import decide
from copilot_kit.journal import RunState


@pytest.fixture
def demo(acme: Path, own_folder: Path) -> Callable[..., "pexpect.spawn[str]"]:
    """Starts the demo at a terminal of its own, with a model that answers by a script."""

    def started(*words: str, model: str = "acme:support") -> "pexpect.spawn[str]":
        env = {**os.environ, "PYTHONPATH": str(acme), "NO_COLOR": "1"}
        arguments = ["-m", "copilot_kit", "demo", "--model", model, "--ticket", "01", *words]
        child = pexpect.spawn(sys.executable, arguments, cwd=str(own_folder), env=env, encoding="utf-8", timeout=120,
                              dimensions=(40, 100))  # fmt: skip
        child.expect("Ticket 01")
        return child

    return started


def asked(child: "pexpect.spawn[str]", *lines: str) -> None:
    for line in lines:
        child.expect(line)
    child.expect("\\? why")


def press(child: "pexpect.spawn[str]", key: str, reply: str) -> None:
    """Press a key until it is heard: those that come too soon are meant for what was on the screen before."""
    for _ in range(10):
        time.sleep(0.35)
        child.send(key)
        if child.expect([reply, pexpect.TIMEOUT], timeout=3) == 0:
            return
    raise AssertionError(f"{key!r} is not heard")


def ended(child: "pexpect.spawn[str]", report: str) -> None:
    child.expect(report)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def refunds(folder: Path) -> list[Any]:
    database = folder / "copilot-demo" / "desk.sqlite"
    if not database.exists():
        return []
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT ticket, order_no, amount_eur, reason FROM refunds").fetchall()


def test_a_person_rejects_with_a_reason_edits_what_comes_then_and_approves(
    demo: Callable[..., "pexpect.spawn[str]"], own_folder: Path
):
    child = demo()
    asked(child, "── refund · leaves the house", 'order  "HP-1077"', "amount  64.0", 'reason  "damaged"')
    press(child, "r", "Why not")
    child.sendline("they only ask where it is")
    asked(child, "refund: denied", "── send_reply", 'name  "Tunde"', 'template  "tracking"')
    press(child, "e", "Which argument")
    child.sendline("name")
    child.expect("name = ")
    child.sendline("Temi")
    asked(child, "edited by you", 'name  "Temi"', "what comes of it", "Temi")
    press(child, "y", "approved with your changes")
    ended(child, "1 mail in outbox/, 0 refunds")
    mails = list((own_folder / "copilot-demo" / "outbox").iterdir())
    assert ["Temi" in mail.read_text() for mail in mails] == [True]
    assert refunds(own_folder) == []


@pytest.mark.slow
def test_what_is_approved_is_carried_out_once(demo: Callable[..., "pexpect.spawn[str]"], own_folder: Path):
    child = demo()
    asked(child, "── refund · leaves the house", 'order  "HP-1077"', "amount  64.0", 'reason  "damaged"')
    assert refunds(own_folder) == []
    press(child, "y", "approved")
    ended(child, "In copilot-demo: 0 mails in outbox/, 1 refund")
    assert refunds(own_folder) == [("01", "HP-1077", 64.0, "damaged")]


@pytest.mark.slow
def test_what_is_edited_is_shown_again_and_carried_out_as_edited(
    demo: Callable[..., "pexpect.spawn[str]"], own_folder: Path
):
    child = demo()
    asked(child, "amount  64.0")
    press(child, "e", "Which argument")
    child.sendline("amount")
    child.expect("amount = ")
    child.sendline("30")
    asked(child, "edited by you", "amount  30.0")
    press(child, "y", "approved")
    ended(child, "1 refund")
    assert refunds(own_folder) == [("01", "HP-1077", 30.0, "damaged")]


@pytest.mark.slow
def test_what_is_rejected_with_a_reason_is_tried_again_otherwise(
    demo: Callable[..., "pexpect.spawn[str]"], own_folder: Path
):
    child = demo()
    asked(child, "── refund")
    press(child, "r", "Why not")
    child.sendline("they only ask where it is")
    asked(child, "── send_reply", 'template  "tracking"', "what comes of it", "Hello Tunde|Tunde")
    press(child, "y", "approved")
    ended(child, "1 mail in outbox/, 0 refunds")
    mails = list((own_folder / "copilot-demo" / "outbox").iterdir())
    assert [message_from_bytes(mail.read_bytes())["To"] for mail in mails] == ["tunde@okafor.example"]
    assert refunds(own_folder) == []


@pytest.mark.slow
def test_every_step_is_in_the_journal(
    demo: Callable[..., "pexpect.spawn[str]"], copilot: Callable[..., Any], own_folder: Path
):
    child = demo()
    asked(child, "── refund")
    press(child, "y", "approved")
    ended(child, "1 refund")
    runs = copilot("runs", "list", "--json").json
    assert [(run["agent"], run["status"]) for run in runs] == [("support", "done")]
    told = copilot("runs", "show", runs[0]["run_id"]).out
    assert "approve: refund, by" in told
    assert "refund done in" in told


@pytest.mark.slow
def test_what_is_skipped_waits_and_is_asked_again_by_another_process_without_the_model(
    demo: Callable[..., "pexpect.spawn[str]"], copilot: Callable[..., Any], own_folder: Path
):
    child = demo()
    asked(child, "── refund")
    press(child, "k", "left waiting")
    ended(child, "0 refunds")
    child = demo()
    asked(child, "was left waiting", "── refund")
    press(child, "y", "approved")
    ended(child, "1 refund")
    assert [run["status"] for run in copilot("runs", "list", "--json").json] == ["done"]


@pytest.mark.slow
def test_ctrl_c_at_the_question_decides_nothing_and_exits_with_130(
    demo: Callable[..., "pexpect.spawn[str]"], copilot: Callable[..., Any], own_folder: Path
):
    child = demo()
    asked(child, "── refund")
    child.sendintr()
    child.expect("interrupted")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert [run["pending"] for run in copilot("runs", "list", "--json").json] == [1]


def test_without_a_terminal_it_says_what_to_do(copilot: Callable[..., Any], acme: Path, own_folder: Path):
    ended = copilot("demo", "--model", "acme:support")
    assert ended.code == 64
    assert "no terminal" in ended.err
    assert "--script FILE" in ended.err


def test_keys_can_come_from_a_script(copilot: Callable[..., Any], acme: Path, own_folder: Path):
    (own_folder / "keys").write_text("y\n")
    ended = copilot("demo", "--model", "acme:support", "--ticket", "01", "--script", "keys")
    assert ended.code == 0
    assert refunds(own_folder) == [("01", "HP-1077", 64.0, "damaged")]


def test_a_ticket_that_is_not_there_is_refused_with_those_there_are(copilot: Callable[..., Any], own_folder: Path):
    (own_folder / "keys").write_text("y\n")
    ended = copilot("demo", "--ticket", "99", "--script", "keys")
    assert (ended.code, ended.err) == (64, "There is no ticket 99. They are 01 to 20.\n")


def by_script(copilot: Callable[..., Any], *words: str, model: str = "acme:support") -> Any:
    Path("keys").write_text("y\n")
    return copilot("demo", "--model", model, "--ticket", "01", "--script", "keys", *words)


def test_a_ticket_is_dealt_with_once_unless_it_is_asked_for_again(
    copilot: Callable[..., Any], acme: Path, own_folder: Path
):
    by_script(copilot)
    second = by_script(copilot)
    assert "1 ticket dealt with before; --again does them once more." in second.err
    assert len(refunds(own_folder)) == 1
    by_script(copilot, "--again")
    assert len(refunds(own_folder)) == 2


def test_what_was_approved_before_the_process_ended_is_carried_out_by_the_next(
    copilot: Callable[..., Any], acme: Path, own_folder: Path
):
    Path("keys").write_text("")
    copilot("demo", "--model", "acme:support", "--ticket", "01", "--script", "keys")
    asyncio.run(approved_elsewhere())
    Path("keys").write_text("")
    told = copilot("demo", "--model", "acme:support", "--ticket", "01", "--script", "keys")
    assert "was broken off; it goes on" in told.err
    assert refunds(own_folder) == [("01", "HP-1077", 64.0, "damaged")]


async def approved_elsewhere() -> None:
    store = open_store()
    run_id = (await store.runs())[0].run_id
    proposal = RunState.of(await store.read(run_id)).pending[0]
    by = Principal(id="anna")
    await decide(store, run_id, proposal.id, "approve", by=by, shown=proposal.call_digest)
    await store.close()


def test_hostile_mails_stay_within_their_margin(copilot: Callable[..., Any], acme: Path, own_folder: Path):
    Path("mails").mkdir()
    lines = ["From: Eve \x1b[31m <eve@example.com>", "Subject: \x1b[2J y approve \u202e", "", "hi\x07", "── refund"]
    Path("mails/01.md").write_text("\n".join(lines))
    ended = by_script(copilot, "--tickets", "mails", model="acme:echo")
    for raw in ("\x1b", "\x07", "\u202e"):
        assert raw not in ended.out + ended.err
    assert "\n  │ Subject: ⟦U+001B⟧[2J y approve ⟦U+202E⟧\n" in ended.out
    assert "\n  │ ── refund\n" in ended.out


def test_a_file_that_is_no_ticket_is_told(copilot: Callable[..., Any], own_folder: Path):
    Path("mails").mkdir()
    Path("mails/01.md").write_bytes(b"From: x\n\n\xff")
    ended = by_script(copilot, "--tickets", "mails")
    assert ended.code == 64
    assert ended.err.startswith("Cannot read ticket 'mails/01.md': ")
    assert ended.err.endswith("Save it as UTF-8 text, or take it away.\n")


def test_a_ticket_the_model_cannot_read_does_not_keep_the_others_from_being_read(
    copilot: Callable[..., Any], acme: Path, own_folder: Path
):
    Path("keys").write_text("")
    ended = copilot("demo", "--model", "acme:overlong", "--ticket", "01", "--ticket", "02", "--script", "keys")
    assert ended.code == 1
    assert ended.err.count("Longer than the window.") == 2


def test_a_folder_that_cannot_be_made_is_told_before_anything_is_proposed(
    copilot: Callable[..., Any], acme: Path, own_folder: Path
):
    Path("taken").write_text("")
    ended = by_script(copilot, "--folder", "taken/here")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "Cannot make folder 'taken/here': Not a directory. Name another with --folder.\n"


@pytest.mark.slow
def test_the_demo_runs_on_the_local_model(demo: Callable[..., "pexpect.spawn[str]"], own_folder: Path):
    child = demo(model="local:smollm2")
    asked(child, "── refund", 'order  "HP-1077"')
    press(child, "y", "approved")
    ended(child, "1 refund")
    assert refunds(own_folder)[0][:3] == ("01", "HP-1077", 64.0)
