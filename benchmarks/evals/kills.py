"""What kill -9 costs a run: finished attempts that are lost, and answers that are paid for twice."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.evals.harnesses import ROOT

SUITE: Final = ROOT / "tests" / "evals" / "sums_suite.py"
"""Each answer of its models leaves a line in a file: what a provider would send a bill for."""
ITEMS: Final = 200
MODELS: Final = ("fake:a", "fake:b")
KILLED_AT: Final = (100, 250)
_LONGEST_S: Final = 120


@dataclass(frozen=True, slots=True)
class Killed:
    """What was there when the process was killed."""

    finished: frozenset[str]
    """Lines of attempts."""
    billed: int
    kept: int
    """Answers in the log of calls."""


@dataclass(frozen=True, slots=True)
class Toll:
    """What all kills together cost."""

    kills: tuple[Killed, ...]
    attempts: int
    lost: int
    """Finished attempts that are gone or changed in the end."""
    made_again: int
    """Finished attempts that were made a second time."""
    paid_twice: int
    """Answers that were kept and are there twice."""
    billed_again: int
    """Answers that were billed twice."""

    @property
    def holds(self) -> bool:
        """Whether it is what was promised."""
        return self.lost == self.made_again == self.paid_twice == 0 and self.billed_again <= self.on_the_way

    @property
    def on_the_way(self) -> int:
        """Answers that were billed and not kept when it was killed, all kills together: no run could know of them."""
        return max(one.billed - one.kept for one in self.kills)

    def __str__(self) -> str:
        lines = [f"killed with {len(one.finished)} of {self.attempts} attempts finished: {one.billed} answers billed, "
                 f"{one.kept} of them kept" for one in self.kills]  # fmt: skip
        return "\n".join([
            *lines,
            f"finished attempts lost: {self.lost}",
            f"finished attempts made again: {self.made_again}",
            f"kept answers paid twice: {self.paid_twice}",
            f"answers billed again: {self.billed_again}, of {self.on_the_way} that were on their way at a kill",
        ])  # fmt: skip


def toll(killed_at: Iterable[int] = KILLED_AT, *, items: int = ITEMS) -> Toll:
    """Run the suite, kill it each time so many attempts have ended, finish it, and count."""
    with tempfile.TemporaryDirectory(prefix="eval-kills-") as name:
        folder = Path(name)
        kills = tuple(_killed(folder, count, items) for count in killed_at)
        process = _started(folder, items)
        if process.wait(timeout=_LONGEST_S):
            raise RuntimeError(f"the run did not end: {(folder / 'said.txt').read_text()[-2000:]}")
        return _counted(folder, kills, items)


def _killed(folder: Path, count: int, items: int) -> Killed:
    process, log = _started(folder, items), folder / "run" / "attempts.jsonl"
    end = time.monotonic() + _LONGEST_S
    while len(_lines(log)) < count:
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"the run was over too soon: {(folder / 'said.txt').read_text()[-2000:]}")
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    billed = len((folder / "calls.txt").read_text().splitlines())
    return Killed(frozenset(_lines(log)), billed, len(_lines(folder / "run" / "calls.jsonl")))


def _started(folder: Path, items: int) -> subprocess.Popen[bytes]:
    run = folder / "run"
    words = ["--resume", str(run)] if (run / "run.json").exists() else [
        str(SUITE), *(word for model in MODELS for word in ("--model", model)), "--out", str(run)]  # fmt: skip
    environment = {**os.environ, "SUMS_CALLS": str(folder / "calls.txt"), "SUMS_ITEMS": str(items)}
    with (folder / "said.txt").open("w") as said:
        return subprocess.Popen([sys.executable, "-m", "copilot_kit", "eval", "run", *words], env=environment,
                                stdout=subprocess.DEVNULL, stderr=said)  # fmt: skip


def _lines(path: Path) -> list[str]:
    return path.read_text().split("\n")[:-1] if path.exists() else []


def _counted(folder: Path, kills: tuple[Killed, ...], items: int) -> Toll:
    lines = _lines(folder / "run" / "attempts.jsonl")
    finished = frozenset[str]().union(*(one.finished for one in kills))
    keys = Counter((one["item"], one["candidate"]) for one in map(json.loads, lines) if one["outcome"] != "cancelled")
    calls = Counter((one["attempt"], one["n"]) for one in map(json.loads, _lines(folder / "run" / "calls.jsonl")))
    billed = Counter((folder / "calls.txt").read_text().splitlines())
    if len(keys) != items * len(MODELS):
        raise RuntimeError(f"the run has {len(keys)} of {items * len(MODELS)} attempts; the figures would say nothing")
    return Toll(
        kills=kills,
        attempts=len(keys),
        lost=len(finished - set(lines)),
        made_again=sum(count - 1 for count in keys.values()),
        paid_twice=sum(count - 1 for count in calls.values()),
        billed_again=sum(count - 1 for count in billed.values()),
    )
