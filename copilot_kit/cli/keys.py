"""The person's keys: one at a time, never one that was meant for something else."""

import asyncio
import codecs
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from copilot_kit.cli.screen import width
from copilot_kit.display import escaped, width_of
from copilot_kit.errors import UsageError

QUIET_S = 0.3
"""Keys pressed this soon after a question were meant for what was on the screen before it."""

_PASTE_S = 0.03
"""No person presses two keys so close together."""


@dataclass(slots=True)
class Draft:
    """Words that a person has typed and not sent yet: kept when the line is left, offered when it is begun again."""

    text: str = ""


class Keyboard(Protocol):
    """Where decisions come from.

    Contract: `key` gives what was pressed after the question was on the screen; None means that nobody is there any
    more, which decides nothing.
    """

    async def key(self) -> str | None:
        """Return the next single key."""
        ...

    async def line(self, question: str, draft: Draft | None = None) -> str | None:
        """Return a line of words, without its end; None if the person leaves it. What they typed is in the draft."""
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


def read_script(path: Path) -> list[str]:
    """Return the answers of a script, one a line."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"Cannot read the script {str(path)!r}: {error}. Give a text file, one answer a line."
        ) from error


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

    async def line(self, question: str, draft: Draft | None = None) -> str | None:
        """Return what is typed up to Enter; Escape leaves the line."""
        draft = Draft() if draft is None else draft
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        with _single_keys(self._fd):
            while True:
                _show_line(question, draft.text)
                raw = await _read(self._fd)
                typed = decoder.decode(raw)
                if raw == b"" or (raw in (b"\x1b", b"\x04") and (raw == b"\x1b" or not draft.text)):
                    sys.stdout.write("\n")
                    return None
                words, end, _ = typed.replace("\r", "\n").partition("\n")
                if not words.startswith("\x1b"):  # an arrow, or another key that sends several characters
                    draft.text = _typed(draft.text, words)
                if end:
                    _show_line(question, draft.text)
                    sys.stdout.write("\n")
                    sys.stdout.flush()
                    return draft.text


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

    async def line(self, question: str, draft: Draft | None = None) -> str | None:
        """Return the next answer, None when there are no more."""
        answer = next(self._answers, None)
        if draft is not None and answer is not None:
            draft.text = answer
        sys.stdout.write(f"{question}{answer or ''}\n")
        return answer


def _typed(text: str, keys: str) -> str:
    """Return the text after these keys."""
    for key in keys:
        match key:
            case "\x7f" | "\b":
                text = text[:-1]
            case "\x15":  # Ctrl-U
                text = ""
            case "\x17":  # Ctrl-W
                text = text.rstrip().rpartition(" ")[0]
            case _ if key >= " " or key == "\t":
                text += key
            case _:
                pass
    return text


def _show_line(question: str, text: str) -> None:
    """Draw the line anew; of a long one its end, so that the terminal never wraps it."""
    room = max(10, width() - width_of(question) - 1)
    shown = escaped(text)
    while width_of(shown) > room:
        shown = f"…{shown[max(2, len(shown) - room + 1) :]}"
    blank = room - width_of(shown)
    sys.stdout.write(f"\r{question}{shown}{' ' * blank}\r{question}{shown}")
    sys.stdout.flush()


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
