"""Processes killed with kill -9 at any moment: no effect twice, no decision lost, nothing unclear that is not shown."""

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from copilot_kit.journal.opening import open_store
from copilot_kit.journal.state import RunState
from copilot_kit.journal.verify import verify_run

VICTIM = Path(__file__).with_name("crash_victim.py")


def live(folder: Path, *, seconds: float | None) -> str:
    """Let a victim work for so long, or to its end; return what it printed."""
    process = subprocess.Popen([sys.executable, str(VICTIM), str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        out, _ = process.communicate(timeout=seconds if seconds is not None else 60)
    except subprocess.TimeoutExpired:
        process.kill()
        out, _ = process.communicate()
    return out


def state_of(folder: Path) -> RunState:
    async def read() -> RunState:
        store = open_store(str(folder / "journal.db"))
        assert (await verify_run(store, "run_1")).ok
        state = RunState.of(await store.read("run_1"))
        await store.close()
        return state

    return asyncio.run(read())


def torture(folder: Path, *, seed: int, most_kills: int) -> int:
    rng = random.Random(seed)
    begun = time.monotonic()
    (folder / "warm-up").mkdir()
    live(folder / "warm-up", seconds=None)
    whole_s = time.monotonic() - begun
    kills = 0
    while kills < most_kills and "end done" not in live(folder, seconds=rng.uniform(0.3, 1.1) * whole_s):
        kills += 1
    if kills == most_kills:
        assert "end done" in live(folder, seconds=None)
    state = state_of(folder)
    effects = [line.split() for line in (folder / "effects").read_text().splitlines()]
    unknown = (folder / "unknown").read_text() if (folder / "unknown").exists() else ""
    steps = [step for step, _ in effects]
    assert state.status == "done"
    assert len(steps) == len(set(steps))
    assert all(step in steps or f'"step": {step}' in unknown for step in ("0", "1", "2"))
    return kills


def test_killed_a_few_times_each_effect_happens_once(tmp_path: Path):
    assert torture(tmp_path, seed=1, most_kills=3) > 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_killed_many_times_each_effect_happens_once(tmp_path: Path, seed: int):
    torture(tmp_path, seed=seed, most_kills=12)
