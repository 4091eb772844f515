"""Interleaved rounds: every competitor is measured once per round, so that noise falls on all alike."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.agent_loop.competitors import COMPETITORS
from benchmarks.agent_loop.conversation import Api
from benchmarks.agent_loop.processes import Worker, WorkerDied, import_cost, requests_of
from benchmarks.agent_loop.scenarios import Import, Job, Sample, Scenario
from benchmarks.agent_loop.venvs import python_of

SLOW_S: Final = 8.0  # a measurement that took this much CPU is precise enough after one round


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure."""

    competitors: tuple[str, ...]
    scenarios: tuple[Scenario, ...]
    apis: tuple[Api, ...]
    rounds: int
    imports: bool


@dataclass(slots=True)
class Results:
    """What was measured."""

    samples: list[Sample] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)


def _steps(plan: Plan) -> Iterator[tuple[int, Scenario, Api, str]]:
    for number in range(plan.rounds):
        for scenario in plan.scenarios:
            for api in plan.apis:
                for name in plan.competitors:
                    if api in COMPETITORS[name].apis:
                        yield number, scenario, api, name


async def measure(plan: Plan, url: str, workers: Mapping[str, Worker]) -> list[Sample]:
    """Every round's samples; one that failed carries its error."""
    samples: list[Sample] = []
    slow: set[tuple[str, str, Api]] = set()
    for number, scenario, api, name in _steps(plan):
        if (scenario.name, name, api) in slow:
            continue
        sample = await _sample(workers[name], Job(scenario, api, url), number)
        samples.append(sample)
        if sample.errors or sample.cpu_s * scenario.units > SLOW_S:
            slow.add((scenario.name, name, api))
        _progress(number, sample)
    return samples


async def _sample(worker: Worker, job: Job, number: int) -> Sample:
    scenario = job.scenario
    try:
        before = await requests_of(job.url)
        result = await worker.measure(job)
        made = await requests_of(job.url) - before
    except (WorkerDied, TimeoutError) as error:
        result = {"cpu_s": 0.0, "wall_s": 0.0, "errors": scenario.runs, "error": f"{error!r:.300}"}
    else:
        result |= _miscount(scenario, made, result)
    return Sample(worker.name, scenario.name, job.api, number, **result)


def _miscount(scenario: Scenario, made: int, result: Mapping[str, object]) -> dict[str, object]:
    """Error for a competitor that made other requests than the script asks for: retried, or skipped turns."""
    wanted = (scenario.runs + scenario.warm) * scenario.requests
    rehearsal = 3
    if result["errors"] or made in (wanted, wanted + rehearsal):
        return {}
    return {"errors": scenario.runs, "error": f"{made} requests reached the stub where {wanted} were due"}


async def measure_imports(plan: Plan, folder: Path) -> list[Import]:
    """Cost of each competitor's imports, after one that compiles its bytecode."""
    costs: list[Import] = []
    for number in range(-1, plan.rounds):
        for name in plan.competitors:
            for statement in COMPETITORS[name].imports:
                cpu_s, rss_mib = await import_cost(python_of(folder / name), statement, folder)
                costs.append(Import(name, statement, number, cpu_s, rss_mib))
    return [cost for cost in costs if cost.round >= 0]


def _progress(number: int, sample: Sample) -> None:
    figure = sample.error or f"{sample.cpu_s * 1e6:,.0f} us CPU a unit"
    sys.stderr.write(f"round {number + 1}  {sample.scenario:8}{sample.api:11}{sample.competitor:15}{figure}\n")
