"""The person's keys: one at a time, never one that was meant for something else."""

import asyncio
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from copilot_kit.errors import UsageError

QUIET_S = 0.3
"""Keys pressed this soon after a question were meant for what was on the screen before it."""

_PASTE_S = 0.03
"""No person presses two keys so close together."""


class Keyboard(Protocol):
    """Where decisions come from.

    Contract: `key` gives what was pressed after the question was on the screen; None means that nobody is there any
    more, which decides nothing.
    """

    async def key(self) -> str | None:
        """Return the next single key."""
        ...

    async def line(self, question: str) -> str | None:
        """Return a line of words, without its end."""
        ...


def open_keyboard(script: Sequence[str] | None = None) -> Keyboard:
    """Return the terminal's keys, or those of a script; raises `UsageError` where there is neither."""
    if script is not None:
        return ScriptedKeyboard(script)
    if not sys.stdin.isatty():
        raise UsageError(
            "Standard input is no terminal, and a decision needs a person's key. Run this in a terminal, "
            "or give the keys with --script FILE."
        )
    return TerminalKeyboard(sys.stdin.fileno())


class TerminalKeyboard:
    """Reads single keys from a terminal; what is pasted, and keys that send several characters, count as none."""

    def __init__(self, fd: int, *, quiet_s: float = QUIET_S) -> None:
        self._fd = fd
        self._quiet_s = quiet_s

    async def key(self) -> str | None:
        """Return the next key that was pressed alone, once the quiet time is over."""
        import termios

        with _single_keys(self._fd):
            termios.tcflush(self._fd, termios.TCIFLUSH)
            heard_from = time.monotonic() + self._quiet_s
            while True:
                raw = await _read(self._fd)
                if raw in (b"", b"\x04"):
                    return None
                pressed = raw.decode("utf-8", "replace")
                if len(pressed) == 1 and time.monotonic() >= heard_from and not await self._goes_on():
                    return pressed

    async def _goes_on(self) -> bool:
        """Tell whether more follows at once, as where text is pasted over a slow line; it is taken away."""
        try:
            await asyncio.wait_for(_read(self._fd), _PASTE_S)
        except TimeoutError:
            return False
        return True

    async def line(self, question: str) -> str | None:
        """Return what is typed up to Enter, with the terminal's own editing."""
        sys.stdout.write(question)
        sys.stdout.flush()
        raw = await _read(self._fd)
        return raw.decode("utf-8", "replace").rstrip("\r\n") if raw else None


class ScriptedKeyboard:
    """Takes keys and lines from a list, one an answer: `y`, `r`, `too much`; for tests and for demonstrations."""

    def __init__(self, answers: Sequence[str]) -> None:
        self._answers: Iterator[str] = iter(answers)

    async def key(self) -> str | None:
        """Return the next answer, None when there are no more."""
        answer = next(self._answers, None)
        if answer is not None and len(answer) != 1:
            raise UsageError(f"The script says {answer!r} where a single key is needed. Write one answer a line.")
        return answer

    async def line(self, question: str) -> str | None:
        """Return the next answer, None when there are no more."""
        answer = next(self._answers, None)
        sys.stdout.write(f"{question}{answer or ''}\n")
        return answer


async def _read(fd: int) -> bytes:
    """Return what the terminal sends next, while the loop goes on."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(fd, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(fd)
    try:
        return os.read(fd, 65536)
    except OSError:  # the terminal was closed
        return b""


@contextmanager
def _single_keys(fd: int) -> Iterator[None]:
    import termios
    import tty

    before = termios.tcgetattr(fd)
    tty.setcbreak(fd)  # Ctrl-C still interrupts
    try:
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
