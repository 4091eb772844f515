"""Keys of a real terminal: one at a time, and never one that was meant for something else."""

import asyncio
import os
import pty
import termios
from collections.abc import Iterator

import pytest

from copilot_kit.cli.keys import ScriptedKeyboard, TerminalKeyboard, open_keyboard
from copilot_kit.errors import UsageError


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """A person's end and the program's end of a terminal."""
    person, program = pty.openpty()
    yield person, program
    for fd in (person, program):
        os.close(fd)


async def later(person: int, *typed: bytes, after_s: float = 0.05) -> None:
    for raw in typed:
        await asyncio.sleep(after_s)
        os.write(person, raw)


async def test_a_key_counts_without_enter(terminal: tuple[int, int]):
    person, program = terminal
    typing = asyncio.create_task(later(person, b"y"))
    assert await TerminalKeyboard(program, quiet_s=0).key() == "y"
    await typing


async def test_keys_pressed_before_or_just_after_the_question_are_ignored(terminal: tuple[int, int]):
    person, program = terminal
    os.write(person, b"y")
    typing = asyncio.create_task(later(person, b"y", b"k", after_s=0.15))
    assert await TerminalKeyboard(program, quiet_s=0.25).key() == "k"
    await typing


async def test_what_is_pasted_and_arrow_keys_count_as_nothing(terminal: tuple[int, int]):
    person, program = terminal
    typing = asyncio.create_task(later(person, b"yes please", b"\x1b[A", b"k"))
    assert await TerminalKeyboard(program, quiet_s=0).key() == "k"
    await typing


async def test_a_paste_that_arrives_key_by_key_counts_as_nothing(terminal: tuple[int, int]):
    person, program = terminal
    typing = asyncio.create_task(later(person, b"y", b"e", after_s=0.01))
    pressed = asyncio.create_task(TerminalKeyboard(program, quiet_s=0).key())
    await typing
    await later(person, b"k", after_s=0.1)
    assert await pressed == "k"


async def test_the_end_of_input_is_nobody(terminal: tuple[int, int]):
    person, program = terminal
    typing = asyncio.create_task(later(person, b"\x04"))
    assert await TerminalKeyboard(program, quiet_s=0).key() is None
    await typing


async def test_the_terminal_is_as_before_after_a_key_and_after_cancelling(terminal: tuple[int, int]):
    person, program = terminal
    before = termios.tcgetattr(program)
    keyboard = TerminalKeyboard(program, quiet_s=0)
    typing = asyncio.create_task(later(person, b"y"))
    await keyboard.key()
    await typing
    assert termios.tcgetattr(program) == before
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(keyboard.key(), 0.05)
    assert termios.tcgetattr(program) == before


async def test_a_line_is_read_up_to_enter(terminal: tuple[int, int]):
    person, program = terminal
    typing = asyncio.create_task(later(person, b"too expensive\n"))
    assert await TerminalKeyboard(program).line("Why? ") == "too expensive"
    await typing


def test_without_a_terminal_and_without_a_script_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(UsageError, match="no terminal, and a decision needs a person's key"):
        open_keyboard()
    assert isinstance(open_keyboard(["y"]), ScriptedKeyboard)


async def test_a_script_that_gives_words_for_a_key_is_refused():
    with pytest.raises(UsageError, match="The script says 'yes' where a single key is needed"):
        await ScriptedKeyboard(["yes"]).key()
