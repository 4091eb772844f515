"""The demo at a pseudo-terminal: approve, edit, reject; what was approved is carried out and nothing else is."""

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


def test_what_is_approved_is_carried_out_once(demo: Callable[..., "pexpect.spawn[str]"], own_folder: Path):
    child = demo()
    asked(child, "── refund · leaves the house", "amount  64.0", 'order  "HP-1077"', 'reason  "damaged"')
    assert refunds(own_folder) == []
    press(child, "y", "approved")
    ended(child, "In copilot-demo: 0 mails in outbox/, 1 refund")
    assert refunds(own_folder) == [("01", "HP-1077", 64.0, "damaged")]


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


@pytest.mark.slow
def test_the_demo_runs_on_the_local_model(demo: Callable[..., "pexpect.spawn[str]"], own_folder: Path):
    child = demo(model="local:smollm2")
    asked(child, "── refund", 'order  "HP-1077"')
    press(child, "y", "approved")
    ended(child, "1 refund")
    assert refunds(own_folder)[0][:3] == ("01", "HP-1077", 64.0)
