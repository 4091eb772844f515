"""A run that dies at any moment goes on: nothing that ended is lost, nothing that was paid for is paid again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from copilot_kit_evals.folder import RunFolder

SUITE = Path(__file__).with_name("sums_suite.py")
RUN = (sys.executable, "-m", "copilot_kit", "eval", "run")
SMALL_FILES = ("sh", "-c", 'ulimit -f 24 && exec "$@"', "sh")
"""Before a command: no file may grow beyond 24 blocks, as on a disk that is full."""
MODELS = ("--model", "fake:a", "--model", "fake:b")


def started(folder: Path, *words: str, items: int, before: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    """Start a run of the suite; what it says goes to a file."""
    environment = {**os.environ, "SUMS_CALLS": str(folder / "calls.txt"), "SUMS_ITEMS": str(items)}
    with (folder / "said.txt").open("w") as said:
        return subprocess.Popen([*before, *RUN, *words], env=environment, stdout=subprocess.DEVNULL, stderr=said)


def said(folder: Path) -> str:
    return (folder / "said.txt").read_text()


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def wait_for(path: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while lines(path) < count:
        assert process.poll() is None, said(path.parents[1])
        assert time.monotonic() < end
        time.sleep(0.002)


def killed(folder: Path, at: tuple[int, ...], *, items: int) -> tuple[set[str], list[Counter[str]]]:
    """Kill the run each time so many attempts have ended; return what had ended, and the calls made until each kill."""
    run, ended, calls = folder / "run", set[str](), []
    for number, count in enumerate(at):
        words = ("--resume", str(run)) if number else (str(SUITE), *MODELS, "--out", str(run))
        process = started(folder, *words, items=items)
        wait_for(run / "attempts.jsonl", count, process)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        ended |= {line.decode() for line in (run / "attempts.jsonl").read_bytes().split(b"\n")[:-1]}
        calls.append(Counter((folder / "calls.txt").read_text().splitlines()))
    return ended, calls


def went_on(folder: Path, ended: set[str], *, items: int) -> None:
    """Finish the run and hold it against what had ended before."""
    process = started(folder, "--resume", str(folder / "run"), items=items)
    assert process.wait(timeout=120) == 0, said(folder)
    run = RunFolder(folder / "run")
    after = (folder / "run" / "attempts.jsonl").read_text().splitlines()
    assert ended <= set(after), "a finished attempt was lost or changed"
    keys = Counter((one.item, one.candidate) for one in run.attempts())
    assert set(keys) == {(f"i{n}", name) for n in range(items) for name in ("fake:a", "fake:b")}
    assert set(keys.values()) == {1}, "a finished attempt was made again"
    paid = Counter((call.attempt, call.n) for call in run.calls())
    assert set(paid.values()) == {1}, "an answer that was kept was paid for again"
    assert all(one.scores["exact"].value == 1.0 for one in run.attempts())


def test_after_a_kill_nothing_is_lost_and_nothing_is_paid_twice(tmp_path: Path):
    ended, calls = killed(tmp_path, (20,), items=50)
    assert len(ended) >= 20
    kept = lines(tmp_path / "run" / "calls.jsonl")
    went_on(tmp_path, ended, items=50)
    again = sum((Counter((tmp_path / "calls.txt").read_text().splitlines()) - Counter(set(calls[0]))).values())
    assert again + len(calls[0]) == 100 + (sum(calls[0].values()) - kept)  # only what was on its way is asked again


@pytest.mark.slow
def test_a_run_of_400_attempts_killed_twice_asks_again_at_most_what_was_on_its_way(tmp_path: Path):
    ended, _ = killed(tmp_path, (100, 250), items=200)
    went_on(tmp_path, ended, items=200)
    calls = Counter((tmp_path / "calls.txt").read_text().splitlines())
    twice = sum(count - 1 for count in calls.values())
    assert twice <= 2 * 64
    assert len(calls) == 400


def test_a_full_disk_is_one_clear_error_and_the_run_goes_on_when_there_is_room(tmp_path: Path):
    words = (str(SUITE), *MODELS, "--out", str(tmp_path / "run"))
    process = started(tmp_path, *words, items=50, before=SMALL_FILES)
    assert process.wait(timeout=60) == 1
    told = [line for line in said(tmp_path).splitlines() if "cannot be written" in line]
    assert len(told) == 1
    assert "File too large" in told[0]
    assert f"--resume {tmp_path / 'run'}" in told[0]
    assert "Traceback" not in said(tmp_path)
    log = tmp_path / "run" / "attempts.jsonl"
    assert log.read_bytes().endswith(b"\n") or log.stat().st_size == 0
    ended = {line for line in log.read_text().splitlines() if json.loads(line)["outcome"] != "cancelled"}
    process = started(tmp_path, "--resume", str(tmp_path / "run"), items=50)
    assert process.wait(timeout=60) == 0, said(tmp_path)
    run = RunFolder(tmp_path / "run")
    assert ended <= set(log.read_text().splitlines())
    assert len({one.key for one in run.settled() if one.outcome == "ok"}) == 100
    assert set(Counter((call.attempt, call.n) for call in run.calls()).values()) == {1}


def test_an_interruption_by_the_person_says_how_to_go_on(tmp_path: Path):
    words = (str(SUITE), *MODELS, "--out", str(tmp_path / "run"))
    process = started(tmp_path, *words, items=200)
    wait_for(tmp_path / "run" / "attempts.jsonl", 20, process)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(timeout=30) == 130
    assert f"copilot-kit eval run --resume {tmp_path / 'run'}" in said(tmp_path)
    assert "Traceback" not in said(tmp_path)
