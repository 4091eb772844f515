"""Processes killed with kill -9 at any moment: nothing happens twice, is lost, or is in doubt unseen."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def crash(*args: str) -> str:
    """Run the loop and return its report; it exits with 1 if anything happened twice, was lost or was hidden."""
    command = [sys.executable, "-m", "benchmarks.crash", *args]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_after_15_kills_nothing_happened_twice_was_lost_or_is_hidden():
    assert "15 kills" in crash("--kills", "15")


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["2", "3"])
def test_after_150_kills_nothing_happened_twice_was_lost_or_is_hidden(seed):
    assert "150 kills" in crash("--kills", "150", "--seed", seed)
