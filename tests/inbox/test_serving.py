"""The server on one's own machine: an address to sign in with, and a clean end."""

import os
import re
import signal
import subprocess
import sys
import time

import httpx2
import pytest

from copilot_kit.errors import UsageError
from copilot_kit.inbox import serve
from copilot_kit.journal import MemoryStore

_PROGRAM = """
import sys
from copilot_kit.inbox import serve
from copilot_kit.journal import MemoryStore
serve(MemoryStore(), port=0)
print("ended", flush=True)
"""


@pytest.fixture
def server():
    """Start a server in a process of its own; gives it and its sign-in address."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    line = process.stderr.readline()
    yield process, line.removeprefix("Inbox: ").strip()
    process.kill()
    process.communicate()


def started(here):
    for _ in range(100):
        try:
            return httpx2.get(f"{here}/sign-in")
        except httpx2.TransportError:
            time.sleep(0.05)
    raise AssertionError("it did not start")


def test_the_printed_address_signs_in_one_browser_and_ctrl_c_ends_it_all(server):
    process, address = server
    here, token = re.fullmatch(r"(http://127\.0\.0\.1:\d+)/sign-in#(\S+)", address).groups()
    assert started(here).status_code == 200
    with httpx2.Client(base_url=here, headers={"origin": here}) as browser:
        assert browser.post("/sign-in", data={"token": token}).status_code == 303
        assert "Nothing waits for you." in browser.get("/").text
        assert browser.get("/", headers={"host": "evil.example"}).status_code == 403
        with browser.stream("GET", "/events") as stream:
            lines = stream.iter_lines()
            next(lines)
            begun = time.monotonic()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
    assert time.monotonic() - begun < 2
    assert (process.returncode, out) == (0, "ended\n")
    assert token not in err
    assert "Traceback" not in err
    assert "ERROR" not in err


def test_a_port_that_is_taken_is_said_in_one_line(server):
    _, address = server
    port = int(re.search(r":(\d+)/", address)[1])
    with pytest.raises(UsageError, match=rf"Cannot listen at 127\.0\.0\.1:{port}: .*Choose another port"):
        serve(MemoryStore(), port=port, tell=lambda _: None)


def test_it_listens_on_loopback_only(server):
    _, address = server
    here = address.split("/sign-in")[0]
    started(here)
    port = here.rsplit(":", 1)[1]
    listening = subprocess.run(["cat", "/proc/net/tcp"], capture_output=True, text=True, check=False).stdout
    places = [line.split()[1] for line in listening.splitlines()[1:] if line.split()[3] == "0A"]
    if not places:
        pytest.skip(f"{os.name} does not say who listens in /proc/net/tcp")
    assert f"0100007F:{int(port):04X}" in places
    assert f"00000000:{int(port):04X}" not in places


def test_every_address_of_the_machine_needs_a_name():
    with pytest.raises(UsageError, match="Say by which names"):
        serve(MemoryStore(), host="0.0.0.0", tell=lambda _: None)  # noqa: S104
