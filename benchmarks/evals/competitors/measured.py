"""What a run took, printed as JSON; needs the standard library alone, since each harness has its own environment."""

import gc
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path


def _rss_mib() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def report(run: Callable[[int, Path], int]) -> None:
    """Run with the size and the folder of the command line; `run` returns how many attempts were right."""
    items, folder = int(sys.argv[1]), Path(sys.argv[2])
    gc.collect()
    begun, wall = time.process_time(), time.perf_counter()
    right = run(items, folder)
    took = {"cpu_s": time.process_time() - begun, "wall_s": time.perf_counter() - wall}
    written = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(json.dumps({**took, "items": items, "right": right, "rss_mib": _rss_mib(), "bytes": written}))
