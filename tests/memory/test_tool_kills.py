"""Agents killed with kill -9 at any moment while they write to their memory: no line twice, none lost, none unclear."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from copilot_kit.memory.memory import Memory

VICTIM = Path(__file__).with_name("tool_victim.py")
LINES = "".join(f"step {number}\n" for number in range(1, 61))


def live(folder: Path, *, seconds: float | None) -> str:
    process = subprocess.Popen([sys.executable, str(VICTIM), str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        out, _ = process.communicate(timeout=60 if seconds is None else seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, _ = process.communicate()
    return out


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment_every_line_is_written_once_and_no_call_is_of_unknown_outcome(tmp_path, seed):
    rng = random.Random(seed)
    (tmp_path / "warm-up").mkdir()
    begun = time.monotonic()
    assert live(tmp_path / "warm-up", seconds=None) == "end done\n"
    whole_s = time.monotonic() - begun
    said, kills = "", 0
    while "end done" not in said:
        said = live(tmp_path, seconds=rng.uniform(0.25, 0.7) * whole_s if kills < 8 else None)
        assert "unknown" not in said
        kills += "end" not in said
    memory = Memory(tmp_path / "notes")
    assert memory.read("log.md") == LINES
    assert len(memory.history("log.md")) == 61
    assert memory.doctor() == []
