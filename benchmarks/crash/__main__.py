"""Run with: python -m benchmarks.crash [--kills 1000] [--store URL] [--seed N].

Two processes work on the same runs, a third one decides what waits; each of them is killed with kill -9 after a random
while, inside tools and appends and decisions alike, and a new one takes its place. In the end all runs are finished,
and the journal is held against what happened outside of it.
"""

import argparse
import sys
import tempfile
import uuid
from pathlib import Path

from benchmarks.crash.findings import Findings, find
from benchmarks.crash.killing import Toll, kill_many, warm_up
from benchmarks.crash.lives import Scene


def crash(folder: Path, *, kills: int, url: str | None = None, seed: int = 1) -> tuple[Toll, Findings, list[str]]:
    """Return how many were killed, what was found after it, and errors that processes ended with."""
    scene = Scene(folder, url or str(folder / "journal.db"), f"crash-{uuid.uuid4().hex[:12]}")
    runs = 10 + kills // 3
    warm_up(scene)
    toll = kill_many(scene, kills=kills, runs=runs, seed=seed)
    return toll, find(scene, runs), [line["error"] for line in scene.noted("errors")]


def report(toll: Toll, found: Findings, errors: list[str]) -> None:
    """Print the figures, each with its target."""
    killed = ", ".join(f"{count} in {life}" for life, count in sorted(toll.by_life.items()))
    print(f"{toll.kills} kills ({killed}) in {toll.took_s:.0f} s; {found.runs} runs finished, {found.effects} effects,")
    print(f"{found.decisions} acknowledged decisions, {found.shown_unknown} calls of unknown outcome shown and settled")
    for what in ("double_effects", "lost_decisions", "silent_unknowns", "broken_journals"):
        bad: list[str] = getattr(found, what)
        print(f"{what.replace('_', ' '):16} {len(bad):4} (target 0)  {'; '.join(bad[:3])}")
    print(f"{'own errors':16} {toll.failed:4} (target 0)  {''.join(errors[:1])}")


def main() -> int:
    """Return 0 if nothing happened twice, was lost or was hidden."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[2])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--store", help="URL of a journal; by default SQLite in a folder that is removed afterwards")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        toll, found, errors = crash(Path(folder), kills=given.kills, url=given.store, seed=given.seed)
    report(toll, found, errors)
    return 1 if found.bad or toll.failed else 0


if __name__ == "__main__":
    sys.exit(main())
