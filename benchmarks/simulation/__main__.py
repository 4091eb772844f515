"""Run with: python -m benchmarks.simulation [--seeds 2000] [--from N] [--store memory|sqlite] | --seed N.

Plays seeds until one breaks a promise; `--seed N` plays that one again and prints its story.
"""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.simulation.play import Played, play


def in_sqlite(folder: str) -> Callable[[Any], Any]:
    """Return what makes a journal in a new file of this folder."""
    from copilot_kit.journal.sql import SqlStore
    from copilot_kit.journal.sqlite import SqliteFile

    numbers = iter(range(10**9))
    return lambda clock: SqlStore(SqliteFile(Path(folder, f"{next(numbers)}.db")), clock=clock)


def play_all(seeds: range, made: Callable[[Any], Any] | None, *, stop_at: int) -> list[Played]:
    """Return the plays that broke a promise."""
    begun, effects, decisions, seams, bad = time.perf_counter(), 0, 0, 0, []
    for seed in seeds:
        played = play(seed, made=made)
        effects, decisions, seams = effects + played.effects, decisions + played.decisions, seams + played.seams
        if played.broken is not None:
            print(f"seed {seed}: {played.broken}; see --seed {seed}")
            bad.append(played)
            if len(bad) == stop_at:
                break
    took_s = time.perf_counter() - begun
    print(f"{seed - seeds[0] + 1} seeds in {took_s:.0f} s (target: 2,000 in 120 s), broken: {len(bad)} (target: 0)")
    print(f"{effects} effects, {decisions} decisions, {seams} awaits at which a process could die")
    return bad


def main() -> int:
    """Return 0 if every promise held."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[2])
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--store", choices=("memory", "sqlite"), default="memory")
    parser.add_argument("--stop-at", type=int, default=10, help="stop after so many broken plays")
    given = parser.parse_args()
    logging.getLogger("copilot_kit").setLevel(logging.CRITICAL)  # faults are what this is about
    with tempfile.TemporaryDirectory() as folder:
        made = in_sqlite(folder) if given.store == "sqlite" else None
        if given.seed is None:
            seeds = range(given.first, given.first + given.seeds)
            return 1 if play_all(seeds, made, stop_at=given.stop_at) else 0
        played = play(given.seed, made=made)
        print("\n".join(played.story))
        print(played.broken or "Every promise held.")
        return 0 if played.broken is None else 1


if __name__ == "__main__":
    sys.exit(main())
