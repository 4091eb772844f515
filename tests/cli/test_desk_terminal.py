"""A person at a real terminal approves, edits and rejects; what was approved is carried out, exactly once."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

PROGRAM = '''
import asyncio
from pathlib import Path
from copilot_kit import Agent, tool
from copilot_kit.cli.approvals import Desk
from copilot_kit.cli.desk import attend
from copilot_kit.cli.keys import open_keyboard
from copilot_kit.testing import FunctionModel, call

@tool
def send(to: str, body: str) -> str:
    """Send a mail."""
    with Path("outbox.txt").open("a") as outbox:
        outbox.write(f"{to}: {body}\\n")
    return "sent"

def answer(request):
    last = request.messages[-1]
    if last.role == "user":
        return call("send", {"to": "ada", "body": "first try"})
    if "rejected" in last.parts[0].text:
        return call("send", {"to": "ada", "body": "second try"})
    return "All done."

async def main():
    agent = Agent(FunctionModel(answer), tools=[send])
    run = await agent.run("Write to Ada")
    run = await attend(agent, run, Desk(open_keyboard(), tools={"send": send}))
    print("status", run.status, run.text)

asyncio.run(main())
'''


@pytest.fixture
def desk(own_folder: Path) -> Callable[..., "pexpect.spawn[str]"]:
    """Starts the program above at a terminal of its own."""

    def started(**more: str) -> "pexpect.spawn[str]":
        env = {**os.environ, "NO_COLOR": "1", **more}
        child = pexpect.spawn(sys.executable, ["-c", PROGRAM], cwd=str(own_folder), env=env, encoding="utf-8",
                              timeout=20, dimensions=(40, 100))  # fmt: skip
        asked(child, "first try")
        return child

    return started


def asked(child: "pexpect.spawn[str]", body: str) -> None:
    child.expect(f'  body  "{body}"\r\n')
    child.expect("\\? why")
    time.sleep(0.4)  # keys pressed sooner are meant for what was there before


def ended(child: "pexpect.spawn[str]", status: str) -> None:
    child.expect(f"status {status}")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def outbox(folder: Path) -> list[str]:
    path = folder / "outbox.txt"
    return path.read_text().splitlines() if path.exists() else []


def test_y_carries_out_exactly_what_was_shown_once(desk: Callable[..., "pexpect.spawn[str]"], own_folder: Path):
    child = desk()
    child.send("y")
    child.expect("approved")
    child.expect("send: done")
    ended(child, "done All done.")
    assert outbox(own_folder) == ["ada: first try"]


def test_a_key_pressed_too_soon_and_enter_decide_nothing(desk: Callable[..., "pexpect.spawn[str]"], own_folder: Path):
    child = desk()
    child.send("\r")
    child.expect("\\? why")
    child.send("y")  # at once
    time.sleep(0.5)
    assert outbox(own_folder) == []
    child.send("k")
    child.expect("left waiting")
    ended(child, "waiting")


def test_r_takes_a_reason_and_the_model_tries_again(desk: Callable[..., "pexpect.spawn[str]"], own_folder: Path):
    child = desk()
    child.send("r")
    child.expect("Why not")
    child.sendline("say it more kindly")
    child.expect("rejected")
    asked(child, "second try")
    child.send("y")
    ended(child, "done All done.")
    assert outbox(own_folder) == ["ada: second try"]


def test_e_changes_an_argument_and_the_changed_call_is_shown_and_run(
    desk: Callable[..., "pexpect.spawn[str]"], own_folder: Path
):
    child = desk()
    child.send("e")
    child.expect("Which argument")
    child.sendline("body")
    child.expect("body = ")
    child.sendline("in my own words")
    child.expect("edited by you")
    asked(child, "in my own words")
    child.send("y")
    child.expect("approved with your changes")
    ended(child, "done All done.")
    assert outbox(own_folder) == ["ada: in my own words"]


def test_e_opens_the_persons_editor(desk: Callable[..., "pexpect.spawn[str]"], own_folder: Path):
    editor = own_folder / "editor.sh"
    editor.write_text('#!/bin/sh\nsed -i "s/first try/by editor/" "$1"\n')
    editor.chmod(0o755)
    child = desk(EDITOR=str(editor))
    child.send("e")
    asked(child, "by editor")
    child.send("y")
    ended(child, "done All done.")
    assert outbox(own_folder) == ["ada: by editor"]


def test_s_stops_the_run_and_a_closed_terminal_approves_nothing(
    desk: Callable[..., "pexpect.spawn[str]"], own_folder: Path
):
    child = desk()
    child.send("s")
    ended(child, "stopped")
    child = desk()
    child.sendeof()
    ended(child, "waiting")
    assert outbox(own_folder) == []
