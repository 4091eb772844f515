"""The commands at a real terminal: interrupting is clean, and says so by its exit code."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest


@pytest.fixture
def at_terminal(acme: Path, own_folder: Path) -> Callable[..., "pexpect.spawn[str]"]:
    """Starts a command at a terminal of its own."""

    def started(*words: str) -> "pexpect.spawn[str]":
        env = {**os.environ, "PYTHONPATH": str(acme), "NO_COLOR": "1"}
        return pexpect.spawn(
            sys.executable, ["-m", "copilot_kit", *words], cwd=str(own_folder), env=env, encoding="utf-8", timeout=20,
            dimensions=(40, 100),
        )  # fmt: skip

    return started


def ended(child: "pexpect.spawn[str]") -> int:
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus is not None, f"killed by signal {child.signalstatus}"
    return child.exitstatus


def test_chat_answers_and_ends_with_quit(at_terminal: Callable[..., "pexpect.spawn[str]"]):
    child = at_terminal("chat", "--model", "acme:echo")
    child.expect("> ")
    child.sendline("hello")
    child.expect("you said hello")
    child.expect("12 in · 3 out")
    child.expect("> ")
    child.sendline("/quit")
    assert ended(child) == 0


@pytest.mark.slow
def test_ctrl_c_during_an_answer_keeps_the_chat_and_what_came(at_terminal: Callable[..., "pexpect.spawn[str]"]):
    child = at_terminal("chat", "--model", "acme:slow")
    child.expect("> ")
    child.sendline("hello")
    child.expect("it begins here")
    child.sendintr()
    child.expect("what came of the answer is kept")
    child.expect("> ")
    child.sendeof()
    assert ended(child) == 0
    child = at_terminal("runs", "list", "--json")
    child.expect('"run_id": "(run_[^"]+)"')
    run_id = child.match.group(1)
    ended(child)
    child = at_terminal("runs", "show", run_id)
    child.expect(r"model answered \(partial, cancelled\)")
    child.expect("it begins here")
    ended(child)


@pytest.mark.slow
def test_ctrl_c_at_the_prompt_exits_with_130(at_terminal: Callable[..., "pexpect.spawn[str]"]):
    child = at_terminal("chat", "--model", "acme:echo")
    child.expect("> ")
    child.sendintr()
    child.expect("interrupted")
    assert ended(child) == 130


@pytest.mark.slow
def test_an_interrupted_check_exits_with_130_and_no_traceback(at_terminal: Callable[..., "pexpect.spawn[str]"]):
    child = at_terminal("models", "check", "acme:slow")
    with pytest.raises(pexpect.TIMEOUT):
        child.expect("never", timeout=1.5)
    child.kill(signal.SIGINT)
    child.expect("interrupted")
    assert "Traceback" not in (child.before or "")
    assert ended(child) == 130
