"""`python -m benchmarks.memory_search.worker`: one contender in a process of its own; prints figures as JSON.

First without an index (build), then again with the one that is there (ask).
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles
from typing import Any

from benchmarks.memory_search.contenders import CONTENDERS, Contender, seconds

CHANGES = 20


def build(contender: Contender) -> dict[str, float]:
    """Figures of the first query ever."""
    wall, cpu = time.perf_counter(), time.process_time()
    contender.find("nothing")
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"build_s": wall, "build_cpu_s": cpu}


def ask(contender: Contender, root: Path, queries: dict[str, list[str]]) -> dict[str, float]:
    """Figures of a process that finds an index."""
    figures = {"first_ms": 1000 * seconds(contender, next(iter(queries.values()))[0])}
    for kind, texts in queries.items():
        for text in texts[: len(texts) // 10]:
            contender.find(text)
        times = sorted(1000 * seconds(contender, text) for text in texts)
        figures[f"{kind}: median_ms"] = times[len(times) // 2]
        figures[f"{kind}: p95_ms"] = quantiles(times, n=20)[-1]
    figures["by_hand_ms"] = _visible(contender, root, "byhand", lambda _: None)
    figures["told_ms"] = _visible(contender, root, "astold", contender.told)
    figures["rss_mib"] = _rss_bytes() / 2**20
    return figures


def _visible(contender: Contender, root: Path, word: str, tell: Callable[[str], None]) -> float:
    """Median time from the end of a write of one file until a query has found it."""
    files = sorted(root.rglob("*.md"))
    times = []
    for number, file in enumerate(files[:: max(1, len(files) // CHANGES)][:CHANGES]):
        with file.open("a", encoding="utf-8") as written:
            written.write(f"\n{word}{number}\n")
        path = file.relative_to(root).as_posix()
        started = time.perf_counter()
        tell(path)
        while contender.find(f"{word}{number}") != [path]:
            if time.perf_counter() - started > 60:
                sys.exit(f"{path} was changed and not found within a minute")
        times.append(1000 * (time.perf_counter() - started))
    return sorted(times)[len(times) // 2]


def _rss_bytes() -> int:
    """Peak memory of the program that this process runs, else of itself, without what its parent had."""
    unit = 1 if sys.platform == "darwin" else 1024
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        own = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return child or own


def main() -> None:
    job: dict[str, Any] = json.load(sys.stdin)
    root, index = Path(job["root"]), Path(job["index"])
    contender = CONTENDERS[job["name"]](root, index)
    figures = build(contender) if job["step"] == "build" else ask(contender, root, job["queries"])
    json.dump(figures, sys.stdout)


if __name__ == "__main__":
    main()
