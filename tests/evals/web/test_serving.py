"""The commands: what they serve and where, and one line for what is wrong."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

RUN = "/runs/first"


@pytest.fixture
def serving(tmp_path: Path):
    """Start a command that serves, and give its address; it is ended by Ctrl-C."""
    begun: list[subprocess.Popen[str]] = []

    def start(*words: str) -> tuple[str, subprocess.Popen[str]]:
        process = subprocess.Popen([sys.executable, "-m", "copilot_kit", "eval", *words, "--port", "0"], text=True,
                                   cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
        begun.append(process)
        assert process.stderr is not None
        found = re.search(r"http://\S+", process.stderr.readline())
        assert found is not None
        return found[0], process

    yield start
    for process in begun:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("words", "lands"),
    [
        (("view", "runs"), "/"),
        (("prefer", "runs/first", "--rater", "Ben B", "--pairs", "3"), f"{RUN}/compare/Ben%2520B"),
        (("label", "runs/first"), f"{RUN}/label"),
    ],
)
async def test_a_command_prints_an_address_that_signs_in_and_leads_to_its_page(make, serving, words, lands):
    await make(count=4)
    address, process = serving(*words)
    assert address.startswith("http://127.0.0.1:")
    page, _, token = address.partition("#")
    with httpx2.Client(headers={"origin": page.partition("/sign-in")[0]}) as client:
        assert client.get(page).status_code == 200
        assert token not in client.get(page).text
        sent = client.post(page, data={"token": token})
        assert (sent.status_code, sent.headers["location"]) == (303, lands)
        assert client.get(page.partition("/sign-in")[0] + lands).status_code == 200
        other = client.get(page.partition("/sign-in")[0] + "/", headers={"host": "evil.example"})
        assert other.status_code == 403
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("view", "nowhere"), 64, "There is no folder 'nowhere'"),
        (("prefer", "nowhere"), 64, "There is no folder 'nowhere'"),
        (("prefer", "."), 3, "is no run"),
        (("prefer", "runs/first", "--a", "acme:alpha-7"), 64, "One candidate alone is named"),
        (("prefer", "runs/first", "--a", "acme:alpha-7", "--b", "acme:gamma"), 64, "no candidate 'acme:gamma'"),
        (("prefer", "runs/first", "--rater", " "), 64, "is no name of a rater"),
        (("label", "runs/first", "--task", "other"), 64, "The run has no task 'other'"),
    ],
)
async def test_what_is_wrong_is_one_line(make, shell, tmp_path, monkeypatch, words, code, said):
    await make(count=2)
    monkeypatch.chdir(tmp_path)
    ended = await shell("eval", *words)
    assert ended.code == code
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1
