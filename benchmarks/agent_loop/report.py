"""Samples to figures, and figures to a table with verdicts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.agent_loop.competitors import COMPETITORS
from benchmarks.agent_loop.conversation import APIS, Api
from benchmarks.agent_loop.rounds import Plan, Results
from benchmarks.agent_loop.scenarios import (
    FIGURES,
    FLOOR,
    IMPORT_CPU_S,
    IMPORT_RSS_MIB,
    OURS,
    Figure,
    Sample,
    Scenario,
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure of one competitor on one API: medians over the rounds."""

    value: float
    ratio: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A figure of ours beside its target."""

    what: str
    value: float
    at_most: float
    is_target: bool = True

    @property
    def passed(self) -> bool:
        return self.value <= self.at_most


def cell(figure: Figure, name: str, api: Api, samples: Sequence[Sample]) -> Cell | None:
    """Figure, its ratio taken round by round; None where nothing was measured or all failed."""
    good = [sample for sample in samples if sample.api == api and sample.cpu_s and not sample.errors]
    mine = {s.round: s.cpu_s for s in good if (s.competitor, s.scenario) == (name, figure.scenario)}
    if not mine:
        return None
    base = (FLOOR, figure.scenario) if figure.against == "floor" else (name, "turns")
    theirs = {s.round: s.cpu_s for s in good if (s.competitor, s.scenario) == base}
    ratios = [mine[number] / theirs[number] for number in mine if number in theirs]
    return Cell(median(mine.values()) * figure.per_s, median(ratios) if ratios else None)


def verdicts(results: Results, plan: Plan) -> Iterator[Verdict]:
    """Our figures beside their targets; nothing if ours was not measured."""
    for figure in FIGURES:
        for api in plan.apis:
            found = cell(figure, OURS, api, results.samples)
            if found and found.ratio is not None:
                base = "the floor" if figure.against == "floor" else "its runs of 10"
                what = f"{_title(figure, plan)}, {api}, x {base}"
                yield Verdict(what, found.ratio, figure.at_most, figure.is_target)
    for api in plan.apis:
        crowd = [s for s in results.samples if (s.competitor, s.scenario, s.api) == (OURS, "crowd", api)]
        if crowd:
            yield Verdict(f"errors of runs at once, {api}", float(sum(s.errors for s in crowd)), 0.0)
    for statement in COMPETITORS[OURS].imports[:2]:  # the bare import, and with what every user takes from it
        costs = [c for c in results.imports if (c.competitor, c.statement) == (OURS, statement)]
        if costs:
            yield Verdict(f"{statement}, CPU s", median(cost.cpu_s for cost in costs), IMPORT_CPU_S)
            yield Verdict(f"{statement}, resident MiB", median(cost.rss_mib for cost in costs), IMPORT_RSS_MIB)


def table(results: Results, plan: Plan) -> str:
    """Whole report as text."""
    lines: list[str] = []
    for figure in FIGURES:
        if figure.scenario in {scenario.name for scenario in plan.scenarios}:
            lines += [*_block(figure, results, plan), ""]
    if results.imports:
        lines += [*_imports(results, plan), ""]
    lines += _failures(results)
    lines += _verdict_lines(list(verdicts(results, plan)))
    return "\n".join(lines).rstrip() + "\n"


def _title(figure: Figure, plan: Plan) -> str:
    scenario: Scenario = next(s for s in plan.scenarios if s.name == figure.scenario)
    size = {"crowd": f"{scenario.runs} ", "long": f"{scenario.turns} turns: "}.get(scenario.name, "")
    return size + figure.title


def _block(figure: Figure, results: Results, plan: Plan) -> Iterator[str]:
    base = f"x = to {COMPETITORS[FLOOR].title}" if figure.against == "floor" else "x = to its own runs of 10 turns"
    yield f"{_title(figure, plan)}: CPU {figure.unit}, {base}"
    apis = [api for api in APIS if api in plan.apis]
    yield " " * 24 + "".join(f"{api:>20}" for api in apis)
    for name in plan.competitors:
        cells = [cell(figure, name, api, results.samples) for api in apis]
        if any(cells):
            yield f"  {COMPETITORS[name].title:22}" + "".join(f"{_show(found):>20}" for found in cells)


def _show(found: Cell | None) -> str:
    if found is None:
        return "-"
    ratio = "" if found.ratio is None else f"{found.ratio:.2f} x"
    return f"{found.value:.3g} {ratio:>9}" if found.value < 1000 else f"{found.value:.0f} {ratio:>9}"


def _imports(results: Results, plan: Plan) -> Iterator[str]:
    yield "import in a fresh interpreter: CPU s, resident MiB"
    for name in plan.competitors:
        for statement in COMPETITORS[name].imports:
            costs = [c for c in results.imports if (c.competitor, c.statement) == (name, statement)]
            cpu_s, rss_mib = median(c.cpu_s for c in costs), median(c.rss_mib for c in costs)
            yield f"  {cpu_s:6.3f} {rss_mib:7.1f}  {statement}"


def _failures(results: Results) -> list[str]:
    failed = [sample for sample in results.samples if sample.errors]
    lines = [f"  {s.competitor}, {s.api}, {s.scenario}: {s.errors} runs, first {s.error}" for s in failed]
    return ["failed", *lines, ""] if failed else []


def _verdict_lines(found: list[Verdict]) -> list[str]:
    if not found:
        return []
    lines = ["targets"]
    for verdict in found:
        word = "pass" if verdict.passed else "MISS" if verdict.is_target else "aim missed"
        lines.append(f"  {verdict.what:68}{verdict.value:8.2f}  at most {verdict.at_most:<6g}{word}")
    return lines
