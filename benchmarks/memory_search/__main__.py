"""`python -m benchmarks.memory_search`: writes the files, measures everybody in one run, prints them side by side."""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.memory_search.contenders import installed
from benchmarks.memory_search.corpus import FULL, QUICK, Size, Words, build

ROOT = Path(__file__).parents[2]
TARGET_QUERY_MS = 10.0
TARGET_VISIBLE_MS = 50.0
FIGURES = {
    "build_s": "build, s",
    "build_cpu_s": "build, s of CPU",
    "index_bytes": "index, MB",
    "first_ms": "first query of a process, ms",
    "one rare word: median_ms": "one rare word, median ms",
    "one rare word: p95_ms": "one rare word, p95 ms",
    "three words: median_ms": "three words, median ms",
    "three words: p95_ms": "three words, p95 ms",
    "a sentence: median_ms": "ten words of a text, median ms",
    "a sentence: p95_ms": "ten words of a text, p95 ms",
    "by_hand_ms": "one file changed by hand, found after ms",
    "told_ms": "one file changed and told, found after ms",
    "rss_mib": "memory, MiB",
}
Results = dict[str, dict[str, float]]


def queries(words: Words, count: int) -> dict[str, list[str]]:
    """Return what is searched for: as people and models ask, and the worst case, words as they come in a text."""
    return {
        "one rare word": [words.rarer(1)[0] for _ in range(count)],
        "three words": [" ".join(words.rarer(3)) for _ in range(count)],
        "a sentence": [words.line(10) for _ in range(count)],
    }


def measure(folder: Path, size: Size, *, count: int, names: list[str]) -> Results:
    """Figures of each contender; each has its own copy of the files, since it changes some."""
    results: Results = {}
    words = build(folder / "files", size)
    asked = queries(words, count)
    for name in names:
        root, index = folder / "copy", folder / f"{name.replace(' ', '-')}.db"
        shutil.copytree(folder / "files", root)
        fewer = {kind: texts[: max(2, count // 10)] if name == "ripgrep" else texts for kind, texts in asked.items()}
        job = {"name": name, "root": str(root), "index": str(index), "queries": fewer}
        built = _worker({**job, "step": "build"})
        built["index_bytes"] = sum(file.stat().st_size for file in folder.glob(f"{index.name}*"))
        results[name] = built | _worker({**job, "step": "ask"})
        shutil.rmtree(root)
    return results


def _worker(job: dict[str, object]) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.memory_search.worker"]
    done = subprocess.run(command, input=json.dumps(job), stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def table(results: Results) -> str:
    """Return the figures side by side; those of the others also as multiples of the first one's."""
    first, *others = results
    width = max(map(len, FIGURES.values()))
    lines = [f"{'':{width}}  {first:>14}" + "".join(f"  {name:>24}" for name in others)]
    for figure, title in FIGURES.items():
        unit = 1e6 if figure == "index_bytes" else 1.0
        ours = results[first][figure] / unit
        cells = [_cell(results[name][figure] / unit, ours) for name in others]
        lines.append(f"{title:{width}}  {ours:>14.2f}" + "".join(f"  {cell:>24}" for cell in cells))
    return "\n".join(lines) + "\n"


def _cell(value: float, ours: float) -> str:
    return f"{value:.2f} ({value / ours:.2f} x ours)" if value and ours else "-"


def missed(figures: dict[str, float]) -> list[str]:
    """Targets that these figures miss."""
    limits = {figure: TARGET_QUERY_MS for figure in FIGURES if figure.endswith("median_ms")}
    limits |= dict.fromkeys(("by_hand_ms", "told_ms"), TARGET_VISIBLE_MS)
    return [f"{FIGURES[figure]}: {figures[figure]:.2f}, target {limit:g}" for figure, limit in limits.items()
            if figures[figure] > limit]  # fmt: skip


def main() -> int:
    """0 if every target is met, 1 if one is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory_search", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="300 files; a smoke run of some seconds")
    parser.add_argument("--queries", type=int, default=200, help="of each kind (200); a tenth of it for ripgrep")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to FILE")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="memory-search-") as folder:
        size = QUICK if arguments.quick else FULL
        results = measure(Path(folder), size, count=arguments.queries, names=installed())
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")
    sys.stdout.write(f"{size.files:,} files, {size.size_bytes / 1e6:g} MB\n{table(results)}")
    faults = missed(next(iter(results.values())))
    sys.stdout.write("".join(f"missed: {fault}\n" for fault in faults) or "all targets are met\n")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
