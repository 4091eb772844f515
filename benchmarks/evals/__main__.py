"""`python -m benchmarks.evals`: CPU, log and memory of trivial attempts, ours beside others in one run."""

import argparse
import dataclasses
import json
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.evals.harnesses import HARNESSES, Took, measure, python_of
from benchmarks.evals.kills import toll

VENVS: Final = Path(tempfile.gettempdir()) / "evals-venvs"
FEW, MANY, VERY_MANY = 2_000, 10_000, 100_000
OURS: Final = "copilot_kit"
TARGETS: Final = {"cpu_ms": 0.5, "log_bytes": 700, "growth_mib": 10.0}
WIDTHS: Final = (18, 13, 9, 13, 16, 22)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evals", description=__doc__)
    parser.add_argument("--only", metavar="NAMES", help=f"of {','.join(HARNESSES)}; all by default")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds")
    parser.add_argument("--long", action="store_true", help="also 100,000 attempts of ours, for the memory")
    parser.add_argument("--kills", action="store_true", help="only this: 400 attempts, killed twice; what that costs")
    parser.add_argument("--quick", action="store_true", help="a fifth of the sizes, one round; its figures are coarse")
    parser.add_argument("--venvs", type=Path, default=VENVS, metavar="DIR", help="where the environments are kept")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run to FILE")
    return parser.parse_args()


def figures(few: list[Took], many: list[Took]) -> dict[str, float]:
    """CPU ms and bytes for each further attempt, and MiB that they take; start-up and imports are in neither."""
    more = many[0].items - few[0].items
    pairs = list(zip(few, many, strict=True))
    return {
        "cpu_ms": median((b.cpu_s - a.cpu_s) / more * 1000 for a, b in pairs),
        "log_bytes": median(b.bytes / b.items for b in many),
        "growth_mib": median(b.rss_mib - a.rss_mib for a, b in pairs),
        "rss_mib": median(b.rss_mib for b in many),
    }


def table(found: dict[str, dict[str, float]], sizes: tuple[int, int]) -> str:
    few, many = sizes
    heads = ("trivial attempts", "CPU ms each", "ratio", "log B each", f"MiB at {many:,}", f"more than at {few:,}")
    lines = ["".join(head.rjust(room) if place else head.ljust(room) for place, (head, room) in
                     enumerate(zip(heads, WIDTHS, strict=True)))]  # fmt: skip
    own = found.get(OURS, {}).get("cpu_ms")
    for name, one in found.items():
        ratio = "" if own is None else f"{one['cpu_ms'] / own:.1f} x"
        cells = (HARNESSES[name].title, f"{one['cpu_ms']:.3f}", ratio, f"{one['log_bytes']:.0f}",
                 f"{one['rss_mib']:.1f}", f"{one['growth_mib']:.1f}")  # fmt: skip
        lines.append("".join(cell.rjust(room) if place else cell.ljust(room) for place, (cell, room) in
                             enumerate(zip(cells, WIDTHS, strict=True))))  # fmt: skip
    return "\n".join(lines)


def main() -> int:
    """0 if ours meets every target, 1 if one is missed."""
    arguments = _arguments()
    if arguments.kills:
        print(found := toll())
        return int(not found.holds)
    names = [name for name in HARNESSES if not arguments.only or name in arguments.only.split(",")]
    scale, rounds = (5, 1) if arguments.quick else (1, arguments.rounds)
    sizes = (FEW // scale, MANY // scale)
    arguments.venvs.mkdir(parents=True, exist_ok=True)
    pythons = {name: python_of(name, arguments.venvs) for name in names}
    runs: dict[str, dict[int, list[Took]]] = {name: {size: [] for size in sizes} for name in names}
    for number in range(rounds):
        for size in sizes:
            for name in names:
                took = measure(name, pythons[name], size)
                runs[name][size].append(took)
                sys.stderr.write(f"round {number + 1}  {name:16}{size:8,}{took.cpu_s:9.2f} s CPU\n")
    found = {name: figures(each[sizes[0]], each[sizes[1]]) for name, each in runs.items()}
    print(table(found, sizes))
    own = found.get(OURS, {})
    missed = [f"{name} is {own[name]:.2f}, at most {most}" for name, most in TARGETS.items() if own.get(name, 0) > most]
    longest = None
    if arguments.long:
        longest = measure(OURS, sys.executable, VERY_MANY)
        print(f"{VERY_MANY:,} attempts of ours: {longest.rss_mib:.1f} MiB, {longest.cpu_s:.1f} s CPU")
    if arguments.json:
        told = {name: {str(size): [dataclasses.asdict(took) for took in each] for size, each in sized.items()}
                for name, sized in runs.items()}  # fmt: skip
        arguments.json.write_text(json.dumps({"runs": told, "figures": found}, indent=1) + "\n")
    for what in missed:
        print(f"missed: {what}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
