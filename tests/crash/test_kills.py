"""Processes killed with kill -9 at any moment: nothing happens twice, is lost, or is in doubt unseen."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def crash(*args: str, module: str = "benchmarks.crash") -> str:
    """Run the loop and return its report; it exits with 1 if anything happened twice, was lost or was hidden."""
    command = [sys.executable, "-m", module, *args]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_after_15_kills_nothing_happened_twice_was_lost_or_is_hidden():
    assert "15 kills" in crash("--kills", "15")


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["2", "3"])
def test_after_150_kills_nothing_happened_twice_was_lost_or_is_hidden(seed):
    assert "150 kills" in crash("--kills", "150", "--seed", seed)


@pytest.mark.slow
def test_after_60_kills_on_postgresql_nothing_happened_twice_was_lost_or_is_hidden(postgres_url):
    assert "60 kills" in crash("--kills", "60", "--store", postgres_url)


def test_in_3_rounds_of_two_processes_each_effect_happens_once_and_each_race_has_one_winner():
    assert "3 rounds" in crash("--rounds", "3", module="benchmarks.crash.rounds")


@pytest.mark.slow
def test_in_12_rounds_on_postgresql_each_effect_happens_once_and_each_race_has_one_winner(postgres_url):
    assert "12 rounds" in crash("--rounds", "12", "--store", postgres_url, module="benchmarks.crash.rounds")
