"""Run with: python -m benchmarks.false_positives [--simulations 2000] [--seed 0] [--only WORDS] [--json FILE].

Prints for each kind of run how often equal models (or a model just at a margin or a claim) got a verdict that is false,
with two standard errors of the simulation. Exits with 0 if no verdict is false in more than 5.5 % of its runs.
"""

import argparse
import json
import math
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.false_positives.verdicts import CONTRAST, scenarios

MOST = 0.055


def main() -> int:
    """Return 0 if every verdict keeps its promise."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[2])
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="scenarios whose name holds these words")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    begun = time.perf_counter()
    wanted = [place for place, one in enumerate(scenarios()) if given.only in one.name]
    with ProcessPoolExecutor(given.workers) as pool:
        counts = pool.map(counted, wanted, [given.simulations] * len(wanted), [given.seed] * len(wanted))
        rows = [
            row
            for place, count in zip(wanted, counts, strict=True)
            for row in reported(place, count, given.simulations)
        ]
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))
    missed = [row for row in rows if row["verdict"] and row["rate"] > MOST]
    print(f"\n{given.simulations} runs each, seed {given.seed}, {time.perf_counter() - begun:.0f} s; ", end="")
    print(f"{len(missed)} of {sum(row['verdict'] for row in rows)} verdicts false in more than {MOST:.1%}")
    return 1 if missed else 0


def counted(place: int, simulations: int, seed: int) -> Counter:
    """Return how often each answer of a scenario was false; its chance depends on the seed and its name alone."""
    scenario = scenarios()[place]
    chance = np.random.default_rng([seed, *scenario.name.encode()])
    false: Counter = Counter()
    for _ in range(simulations):
        false.update({what: int(wrong) for what, wrong in scenario.ask(chance).items()})
    return false


def reported(place: int, false: Counter, simulations: int) -> list[dict]:
    """Print the rows of a scenario and return them."""
    rows = []
    for what, count in false.items():
        rate = count / simulations
        error = math.sqrt(rate * (1 - rate) / simulations)
        verdict = not what.startswith(CONTRAST)
        rows.append({"runs": scenarios()[place].name, "asked": what, "rate": rate, "error": error, "verdict": verdict})
        mark = "" if not verdict else "ok" if rate <= MOST else "TOO OFTEN"
        print(f"{rows[-1]['runs']:<37} {what:<58} {rate:7.2%} ± {2 * error:5.2%}  {mark}", flush=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())
