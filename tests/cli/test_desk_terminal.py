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

pytestmark = pytest.mark.slow  # a process and a terminal each


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
    child.expect(f'  body  "{body}"')
    child.expect("\\? why")


def press(child: "pexpect.spawn[str]", key: str, reply: str) -> None:
    """Press a key until it is heard: those that come too soon are meant for what was on the screen before."""
    for _ in range(10):
        time.sleep(0.35)
        child.send(key)
        if child.expect([reply, pexpect.TIMEOUT], timeout=3) == 0:
            return
    raise AssertionError(f"{key!r} is not heard")


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
    press(child, "y", "approved")
    child.expect("send: done")
    ended(child, "done All done.")
    assert outbox(own_folder) == ["ada: first try"]


def test_enter_decides_nothing(desk: Callable[..., "pexpect.spawn[str]"], own_folder: Path):
    child = desk()
    press(child, "\r", "\\? why")
    assert outbox(own_folder) == []
    press(child, "k", "left waiting")
    ended(child, "waiting")


def test_r_takes_a_reason_and_the_model_tries_again(desk: Callable[..., "pexpect.spawn[str]"], own_folder: Path):
    child = desk()
    press(child, "r", "Why not")
    child.sendline("say it more kindly")
    child.expect("rejected")
    asked(child, "second try")
    press(child, "y", "approved")
    ended(child, "done All done.")
    assert outbox(own_folder) == ["ada: second try"]


def test_e_changes_an_argument_and_the_changed_call_is_shown_and_run(
    desk: Callable[..., "pexpect.spawn[str]"], own_folder: Path
):
    child = desk()
    press(child, "e", "Which argument")
    child.sendline("body")
    child.expect("body = ")
    child.sendline("in my own words")
    child.expect("edited by you")
    asked(child, "in my own words")
    press(child, "y", "approved with your changes")
    ended(child, "done All done.")
    assert outbox(own_folder) == ["ada: in my own words"]


def test_e_opens_the_persons_editor(desk: Callable[..., "pexpect.spawn[str]"], own_folder: Path):
    editor = own_folder / "editor.sh"
    editor.write_text('#!/bin/sh\nsed -i "s/first try/by editor/" "$1"\n')
    editor.chmod(0o755)
    child = desk(EDITOR=str(editor))
    press(child, "e", "by editor")
    child.expect("\\? why")
    press(child, "y", "approved")
    ended(child, "done All done.")
    assert outbox(own_folder) == ["ada: by editor"]


def test_s_stops_the_run_and_a_closed_terminal_approves_nothing(
    desk: Callable[..., "pexpect.spawn[str]"], own_folder: Path
):
    child = desk()
    press(child, "s", "stopped")
    ended(child, "stopped")
    child = desk()
    press(child, "\x04", "status waiting")
    child.expect(pexpect.EOF)
    assert outbox(own_folder) == []
