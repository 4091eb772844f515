"""Run with: python -m benchmarks.snap DATA [--simulations 100] [--margin 0.03] [--seed 0] [--json FILE].

DATA is a folder with results.csv (model, item, a score, optional cluster and cost) and models.csv (model, run_date, and
published totals if there are any), as swebench_mini. First the releases in order of their date: each against the one
before, and against the best that was promoted. Then items drawn from the matrix again and again, with a known truth:
how often verdicts are wrong at a fixed number of items and when they stop as soon as they can. Exits with 0 if no
verdict contradicts its exact paired test and none is wrong in more than 5.5 % of the runs, but for chance.
"""

import argparse
import json
import math
import sys
import time
from pathlib import Path

from benchmarks.snap.releases import replayed
from benchmarks.snap.simulated import simulated

MOST = 0.055


def main() -> int:
    """Return 0 if all verdicts keep what they promise."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[2])
    parser.add_argument("data", type=Path)
    parser.add_argument("--simulations", type=int, default=100)
    parser.add_argument("--margin", type=float, default=0.03)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    begun = time.perf_counter()
    told = replayed(given.data, margin=given.margin, seed=given.seed)
    rates = simulated(given.data, given.simulations, margin=given.margin, seed=given.seed)
    if given.json:
        given.json.write_text(json.dumps({"releases": told, "simulated": rates}, indent=1))
    against = sum(row["contradicts"] for row in told)
    chance = 2 * math.sqrt(MOST * (1 - MOST) / given.simulations)
    wrong = [row for row in rates if row["wrong"] > MOST + chance]
    print(
        f"\n{time.perf_counter() - begun:.0f} s; {against} of {len(told)} verdicts contradict their exact test; ",
        end="",
    )
    print(f"{len(wrong)} of {len(rates)} kinds of runs with more than {MOST:.1%} (and two errors) wrong verdicts")
    return 1 if against or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
