"""An inbox in a process of its own, and its page, in which people decide."""

import contextlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

EXAMPLE = Path(__file__).parents[2] / "examples" / "support_inbox"


@dataclass(frozen=True, slots=True)
class Card:
    """A card as a person has it before them, who may press the button later than others."""

    browser: httpx2.Client
    page: str

    def approve(self) -> int:
        """Press the button; return the status of the answer, which is 303 where the decision was taken."""
        form = re.search(r'<form[^>]*action="([^"]*/decide)"[^>]*>(.*?)</form>', self.page, re.DOTALL)
        assert form is not None
        fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[2]))
        return self.browser.post(form[1], data={**fields, "verdict": "approve"}).status_code


@dataclass(frozen=True, slots=True)
class Inbox:
    """A process that serves an inbox, and a browser that has signed in."""

    process: subprocess.Popen[str]
    browser: httpx2.Client

    def waiting(self) -> list[str]:
        """Return what waits, as run/proposal."""
        return sorted(set(re.findall(r'href="/cards/(ticket_\d\d/prop_\w+)"', self.browser.get("/").text)))

    def card(self, proposal: str) -> Card:
        """Open a card."""
        return Card(self.browser, self.browser.get(f"/cards/{proposal}").text)

    def approve(self, proposal: str) -> None:
        """Open a card and say yes."""
        assert self.card(proposal).approve() == 303

    @contextmanager
    def asleep(self) -> Iterator[None]:
        """Let the process do nothing for a while."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


@contextmanager
def example(
    work: Path, *options: str, folder: Path | None = None, env: Mapping[str, str] | None = None
) -> Iterator[Inbox]:
    """Start the example, which must live until it is ended with Ctrl-C."""
    command = [sys.executable, "-W", "error", str(EXAMPLE), "--work", str(work), "--port", "0", *options]
    with inbox(command, folder=folder, env=env) as started:
        yield started


@contextmanager
def inbox(command: Sequence[str], *, folder: Path | None, env: Mapping[str, str] | None) -> Iterator[Inbox]:
    """Start an inbox and sign in; it must live until it is ended with Ctrl-C."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=folder, env=env) as process:
        assert process.stderr is not None
        try:
            address = re.search(r"(http://127\.0\.0\.1:\d+)/sign-in#(\S+)", process.stderr.readline())
            assert address is not None
            with httpx2.Client(base_url=address[1], headers={"origin": address[1]}, timeout=30) as browser:
                until(lambda: answers(browser))
                assert browser.post("/sign-in", data={"token": address[2]}).status_code == 303
                yield Inbox(process, browser)
            assert process.poll() is None
            process.send_signal(signal.SIGINT)
            assert "Traceback" not in process.communicate(timeout=20)[1]
        finally:
            process.kill()


def answers(browser: httpx2.Client) -> bool:
    with contextlib.suppress(httpx2.TransportError):
        return browser.get("/sign-in").status_code == 200
    return False


def until(condition: Callable[[], object], *, within_s: float = 30) -> None:
    ends = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.1)
