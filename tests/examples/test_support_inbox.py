"""The support inbox: started as its README says, decided in its page, carried out, and taken up again after its end."""

import asyncio
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2
import pytest

from copilot_kit.cli.weights import pullable
from copilot_kit.journal import RunState
from copilot_kit.journal.opening import open_store

EXAMPLE = Path(__file__).parents[2] / "examples" / "support_inbox"


@contextmanager
def inbox(work: Path, *options: str) -> Iterator[httpx2.Client]:
    """Start the example and sign in; ended with Ctrl-C."""
    command = [sys.executable, "-W", "error", EXAMPLE, "--work", str(work), "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        address = re.search(r"(http://127\.0\.0\.1:\d+)/sign-in#(\S+)", process.stderr.readline())
        assert address is not None
        with httpx2.Client(base_url=address[1], headers={"origin": address[1]}, timeout=30) as browser:
            until(lambda: answers(browser))
            assert browser.post("/sign-in", data={"token": address[2]}).status_code == 303
            yield browser
        process.send_signal(signal.SIGINT)
        assert "Traceback" not in process.communicate(timeout=20)[1]
    finally:
        process.kill()


def answers(browser: httpx2.Client) -> bool:
    try:
        return browser.get("/sign-in").status_code == 200
    except httpx2.TransportError:
        return False


def until(condition: Callable[[], object], *, within_s: float = 30) -> None:
    ends = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.1)


def test_without_the_extra_it_says_in_one_line_what_to_install(tmp_path: Path):
    (tmp_path / "uvicorn.py").write_text("raise ModuleNotFoundError(\"No module named 'uvicorn'\", name='uvicorn')")
    ended = subprocess.run(
        [sys.executable, EXAMPLE, "--work", str(tmp_path / "work")],
        env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr == (
        "The web inbox needs packages that are not installed. Run: pip install 'copilot-kit[inbox]'\n"
    )


def approve(browser: httpx2.Client, proposal: str) -> None:
    """Press the button that a person presses."""
    page = browser.get(f"/cards/{proposal}").text
    form = re.search(r'<form[^>]*action="([^"]*/decide)"[^>]*>(.*?)</form>', page, re.DOTALL)
    assert form is not None
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[2]))
    assert browser.post(form[1], data={**fields, "verdict": "approve"}).status_code == 303


def waiting(browser: httpx2.Client) -> list[str]:
    return sorted(set(re.findall(r'href="/cards/(ticket_\d\d/prop_\w+)"', browser.get("/").text)))


def refunds(work: Path) -> list[tuple[str, float]]:
    if not (work / "desk.sqlite").exists():
        return []
    with closing(sqlite3.connect(work / "desk.sqlite")) as database:
        return database.execute("SELECT order_no, amount_eur FROM refunds ORDER BY order_no").fetchall()


def test_what_is_approved_in_the_page_is_carried_out_once_also_across_a_restart(tmp_path):
    with inbox(tmp_path) as browser:
        until(lambda: len(waiting(browser)) == 5)
        card = browser.get(f"/cards/{waiting(browser)[0]}").text
        assert "84.40 EUR" in card
        assert "maria.keller@example.net" in card
        assert refunds(tmp_path) == []
        approve(browser, waiting(browser)[0])
        until(lambda: refunds(tmp_path) == [("HP-1042", 84.4)])
        until(lambda: len(waiting(browser)) == 4)
    with inbox(tmp_path) as browser:
        assert [one[:9] for one in waiting(browser)] == ["ticket_02", "ticket_03", "ticket_04", "ticket_05"]
        approve(browser, waiting(browser)[0])
        until(lambda: len(waiting(browser)) == 3)
        until(lambda: (tmp_path / "outbox").exists() and len(list((tmp_path / "outbox").iterdir())) == 1)
    assert refunds(tmp_path) == [("HP-1042", 84.4)]


@pytest.mark.slow
def test_a_real_model_in_the_process_proposes_and_waits(tmp_path):
    if not any(one["name"] == "smollm2" and one["path"] for one in pullable()):
        pytest.skip("the weights of SmolLM2 are not here: copilot-kit models pull smollm2")
    with inbox(tmp_path, "--model", "local:smollm2") as browser:
        until(lambda: len(waiting(browser)) >= 2, within_s=180)
        approve(browser, waiting(browser)[0])
        until(lambda: refunds(tmp_path) or (tmp_path / "outbox").exists(), within_s=60)

    async def status() -> str:
        store = open_store(str(tmp_path / "journal.db"))
        try:
            return RunState.of(await store.read("ticket_01")).status
        finally:
            await store.close()

    assert asyncio.run(status()) in {"done", "running"}  # running: cut off in its last words


def test_a_folder_without_tickets_is_told_in_one_line(tmp_path):
    command = [sys.executable, EXAMPLE, "--work", str(tmp_path), "--tickets", str(tmp_path / "none"), "--port", "0"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert (ran.returncode, len(ran.stderr.splitlines())) == (1, 1)
    assert ran.stderr.startswith("There is no folder")
