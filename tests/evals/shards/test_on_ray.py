"""Runs on a Ray cluster, begun on this machine for each test."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

from copilot_kit_evals.folder import RunFolder

SUITE = Path(__file__).parents[1] / "sums_suite.py"
COMMAND = (sys.executable, "-m", "copilot_kit", "eval", "run")
BEGIN = (str(SUITE), "--model", "fake:a", "--model", "fake:b", "--out", "run", "--on", "ray", "--shards", "2")
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray: pip install 'copilot-kit[ray]'")


def started(folder: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    known = {**os.environ, "RAY_AUTH_MODE": "disabled", "RAY_ADDRESS": "local", "SUMS_CALLS": str(folder / "calls.txt")}
    with (folder / "said.txt").open("w") as said:
        return subprocess.Popen([*COMMAND, *words], cwd=folder, env={**known, **environment}, text=True,
                                stdout=subprocess.DEVNULL, stderr=said)  # fmt: skip


def ended(folder: Path, *words: str, **environment: str) -> tuple[int, str]:
    code = started(folder, *words, **environment).wait(timeout=120)
    return code, (folder / "said.txt").read_text()


def is_whole(folder: Path, items: int) -> None:
    run = RunFolder(folder / "run")
    keys = Counter((one.item, one.candidate) for one in run.settled())
    assert set(keys) == {(f"i{n}", name) for n in range(items) for name in ("fake:a", "fake:b")}
    assert {one.scores["exact"].value for one in run.settled()} == {1.0}
    assert set(Counter((call.attempt, call.n) for call in run.calls()).values()) == {1}
    assert run.manifest.shard.of == 1
    assert not (folder / "run" / "shards").exists()


@needs_ray
@pytest.mark.slow
def test_a_run_on_ray_survives_a_worker_that_is_killed_and_ends_as_one_run(tmp_path: Path):
    code, said = ended(tmp_path, *BEGIN, SUMS_DIES_AT="25")
    assert code == 0, said
    assert (tmp_path / "died.txt").exists()
    assert " died (WorkerCrashedError" in said
    assert "100 of 100 attempts, $1.00" in said
    is_whole(tmp_path, 50)
    calls = Counter((tmp_path / "calls.txt").read_text().splitlines())
    assert len(calls) == 100
    assert sum(calls.values()) <= 100 + 64, "asked again is at most what was on its way"


@needs_ray
@pytest.mark.slow
def test_an_interrupted_run_on_ray_stops_its_shards_and_goes_on(tmp_path: Path):
    process = started(tmp_path, *BEGIN, SUMS_ITEMS="400", SUMS_DELAY_S="1.5")  # so that it is not over before it hears
    end = time.monotonic() + 60
    while not (tmp_path / "calls.txt").exists() or (tmp_path / "calls.txt").read_bytes().count(b"\n") < 20:
        assert process.poll() is None, (tmp_path / "said.txt").read_text()
        assert time.monotonic() < end
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(timeout=60) == 130
    said = (tmp_path / "said.txt").read_text()
    assert "Go on with: copilot-kit eval run --resume run --on ray" in said
    assert "Traceback" not in said
    made = (tmp_path / "calls.txt").read_bytes().count(b"\n")
    assert made < 800
    code, said = ended(tmp_path, "--resume", "run", SUMS_ITEMS="400")
    assert (code, "The shards of 'run' have not ended" in said) == (64, True)
    code, said = ended(tmp_path, "--resume", "run", "--on", "ray", SUMS_ITEMS="400")
    assert code == 0, said
    is_whole(tmp_path, 400)
    calls = Counter((tmp_path / "calls.txt").read_text().splitlines())
    assert sum(calls.values()) - len(calls) <= 2 * 64


@needs_ray
@pytest.mark.slow
def test_a_budget_holds_for_all_shards_together(tmp_path: Path):
    code, said = ended(tmp_path, *BEGIN, "--budget-usd", "0.40")
    assert code == 2, said
    paid = sum(call.response.usage.cost_usd or 0 for call in RunFolder(tmp_path / "run").calls())
    assert 0.3 <= paid <= 0.4
    code, said = ended(tmp_path, "--resume", "run", "--on", "ray", "--budget-usd", "3")
    assert code == 0, said
    is_whole(tmp_path, 50)


def test_without_ray_one_line_says_what_to_install(tmp_path: Path):
    code = "import sys; sys.modules['ray'] = None\nfrom copilot_kit.cli.program import run\nsys.exit(run(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", code, "eval", "run", *BEGIN], cwd=tmp_path, capture_output=True,
                          text=True, check=False, timeout=60)  # fmt: skip
    assert done.returncode == 64
    assert "pip install 'copilot-kit[ray]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()
