"""The inbox at a real terminal: what is on the screen, what keys do, and what happens when others decide."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pytest

from copilot_kit.approval import decide
from copilot_kit.journal.opening import open_store
from copilot_kit.records import Principal
from copilot_kit.sync import wait

PROGRAM = '''
import asyncio, sys
from copilot_kit import Agent, tool
from copilot_kit.journal.opening import open_store
from copilot_kit.testing import FunctionModel, call

@tool(effect="write")
def note(text: str) -> str:
    """Write a note."""
    with open("notes.txt", "a") as notes:
        notes.write(text + "\\n")
    return "noted"

def answer(request):
    last = request.messages[-1]
    return call("note", {"text": last.text}) if last.role == "user" else "Done."

agent = Agent(FunctionModel(answer), tools=[note], name="clerk")

async def main():
    agent.store = open_store()
    for task in sys.argv[1:]:
        await agent.run(task)
    await agent.store.close()

if __name__ == "__main__":
    asyncio.run(main())
'''

pytestmark = pytest.mark.slow  # a process and a terminal each
BOB = Principal(id="bob", authenticated="session")


@pytest.fixture
def inbox(own_folder: Path) -> Callable[..., "pexpect.spawn[str]"]:
    """Starts the inbox at a terminal of its own, with these tasks waiting in it."""
    (own_folder / "clerk.py").write_text(PROGRAM)

    def started(*tasks: str, columns: int = 80, rows: int = 24, **more: str) -> "pexpect.spawn[str]":
        env = {**os.environ, "NO_COLOR": "1", "TERM": "xterm", **more}
        for name in ("COLUMNS", "LINES"):
            env.pop(name, None)
        code, said = run_program([sys.executable, "clerk.py", *tasks], own_folder)
        assert code == 0, said
        words = ["-m", "copilot_kit", "inbox", "--agent", "clerk:agent"]
        return pexpect.spawn(sys.executable, words, cwd=str(own_folder), env=env, encoding="utf-8", timeout=20,
                             dimensions=(rows, columns))  # fmt: skip

    return started


def run_program(words: list[str], folder: Path) -> tuple[int, str]:
    import subprocess

    ended = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return ended.returncode, ended.stdout + ended.stderr


def press(child: "pexpect.spawn[str]", key: str, reply: str) -> None:
    """Press a key until it is heard: those that come too soon are meant for what was on the screen before."""
    for _ in range(10):
        time.sleep(0.35)
        child.send(key)
        if child.expect([reply, pexpect.TIMEOUT], timeout=3) == 0:
            return
    raise AssertionError(f"{key!r} is not heard")


def notes(folder: Path) -> list[str]:
    path = folder / "notes.txt"
    return path.read_text().splitlines() if path.exists() else []


def ended(child: "pexpect.spawn[str]", said: str) -> None:
    child.expect(said)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_two_runs_are_decided_one_after_the_other(inbox: Callable[..., "pexpect.spawn[str]"], own_folder: Path):
    child = inbox("buy milk", "water the plants")
    child.expect("inbox · 1 of 2 waiting")
    child.expect('text  "buy milk" · user')
    child.expect("q leave")
    press(child, "y", "inbox · 1 of 1 waiting")
    child.expect('text  "water the plants"')
    press(child, "n", "Nothing waits")
    assert notes(own_folder) == ["buy milk"]


def test_keys_of_the_first_moment_and_enter_and_the_end_of_input_decide_nothing(
    inbox: Callable[..., "pexpect.spawn[str]"], own_folder: Path
):
    child = inbox("buy milk")
    child.expect("q leave")
    child.send("y")  # within the first 300 ms: meant for what was there before
    time.sleep(0.5)
    child.send("\r")
    time.sleep(0.5)
    child.send("yes please\r")  # pasted
    time.sleep(0.5)
    child.send("\x04")
    ended(child, "1 still waiting")
    assert notes(own_folder) == []


def test_what_is_decided_elsewhere_closes_the_card_within_a_second_and_names_who_did(
    inbox: Callable[..., "pexpect.spawn[str]"], own_folder: Path
):
    child = inbox("buy milk", "water the plants")
    child.expect("q leave")

    async def reject() -> None:
        store = open_store(str(own_folder / ".copilot-kit" / "journal.db"))
        row = (await store.waiting(limit=1))[0]
        await decide(store, row.run_id, row.id, "reject", by=BOB, channel="web")
        await store.close()

    wait(reject())
    begun = time.monotonic()
    child.expect("already rejected, by bob \\(web\\)")
    assert time.monotonic() - begun < 1
    child.expect('text  "water the plants"')
    press(child, "q", "still waiting")


def test_words_that_were_typed_and_not_sent_are_kept(inbox: Callable[..., "pexpect.spawn[str]"]):
    child = inbox("buy milk")
    child.expect("q leave")
    press(child, "r", "Why not")
    child.send("we have eno")
    child.expect("we have eno")
    child.send("\x1b")
    child.expect("your words are kept")
    press(child, "r", "Why not.* we have eno")
    child.send("ugh\r")
    ended(child, "Nothing waits")


def test_a_long_line_that_is_typed_never_leaves_its_line(inbox: Callable[..., "pexpect.spawn[str]"]):
    child = inbox("buy milk", columns=40)
    child.expect("q leave")
    press(child, "r", "Why not")
    child.send("a very long reason that no line of forty columns holds \x1b[A and on")
    child.expect("…")
    child.send("\x15")
    child.send("short\r")
    ended(child, "Nothing waits")


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 24), (100, 50)])
def test_no_line_is_wider_than_the_screen_and_a_short_card_needs_no_scrolling(
    inbox: Callable[..., "pexpect.spawn[str]"], columns: int, rows: int
):
    child = inbox("buy milk and bread and eggs", "\u202e漢字 " + "x" * 300, columns=columns, rows=rows)
    child.expect("inbox")
    child.expect("q leave")
    first = shown_lines(child)
    assert len(first) <= rows
    assert all(columns_of(line) <= columns for line in first), first
    press(child, "j", "q leave")
    second = shown_lines(child)
    assert all(columns_of(line) <= columns for line in second), second
    assert not any("\u202e" in line for line in second)
    press(child, "q", "still waiting")


def shown_lines(child: "pexpect.spawn[str]") -> list[str]:
    page: Any = f"{child.before}{child.after}"
    return str(page).rpartition("\x1b[J")[2].split("\r\n")


def columns_of(line: str) -> int:
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line)


def test_s_stops_and_ctrl_c_leaves_everything_as_it_was(inbox: Callable[..., "pexpect.spawn[str]"], own_folder: Path):
    child = inbox("buy milk", "water the plants")
    child.expect("q leave")
    press(child, "s", "inbox · 1 of 1 waiting")
    child.expect("q leave")
    time.sleep(0.4)
    child.sendintr()
    child.expect("interrupted")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert notes(own_folder) == []


def test_e_opens_the_persons_editor_and_keeps_what_cannot_be_read(
    inbox: Callable[..., "pexpect.spawn[str]"], own_folder: Path
):
    editor = own_folder / "editor.sh"
    editor.write_text(
        '#!/bin/sh\nif grep -q broken "$1"; then sed -i "s/broken/}/" "$1"; else sed -i "s/}/broken/;s/milk/oat milk/" '
        '"$1"; fi\n'
    )
    editor.chmod(0o755)
    child = inbox("buy milk", EDITOR=str(editor))
    child.expect("q leave")
    press(child, "e", "cannot be read")
    press(child, "e", "edited by you")
    child.expect('text  "buy oat milk"')
    child.expect("q leave")
    press(child, "y", "Nothing waits")
    assert notes(own_folder) == ["buy oat milk"]
