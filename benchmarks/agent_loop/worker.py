"""Measures one competitor in its own interpreter: jobs come as JSON lines, samples go back as JSON lines.

`python -m benchmarks.agent_loop.worker NAME`, started by the runner, which keeps one per competitor for all rounds.
"""

import asyncio
import dataclasses
import gc
import importlib
import importlib.metadata
import json
import os
import sys
import time
from typing import Any, Final, TextIO

from benchmarks.agent_loop.competitors import COMPETITORS, Loop
from benchmarks.agent_loop.conversation import ANSWER, Api
from benchmarks.agent_loop.scenarios import Job, Scenario
from benchmarks.agent_loop.stub import allow_many_sockets, script

REHEARSAL: Final = Scenario("rehearsal", "turns", runs=1, warm=0, turns=2)


class WrongAnswer(Exception):
    """A run that did not end as the script ends: its CPU time would mean nothing."""


async def _run(loop: Loop) -> None:
    answer = await loop.run()
    if answer != ANSWER:
        message = f"A run ended with {answer!r:.200}: the script ends with {ANSWER!r}. Look at the competitor's module."
        raise WrongAnswer(message)


async def _stream(loop: Loop, chunks: int) -> None:
    pieces = await loop.stream()
    if pieces != chunks:
        message = f"{pieces!r} pieces of text arrived: the script sends {chunks}. Look at the competitor's module."
        raise WrongAnswer(message)


async def _load(loop: Loop, scenario: Scenario) -> list[BaseException]:
    """Do the scenario's runs; the errors of those that failed."""
    match scenario.kind:
        case "turns":
            for _ in range(scenario.runs):
                await _run(loop)
        case "stream":
            for _ in range(scenario.runs):
                await _stream(loop, scenario.chunks)
        case "crowd":
            ends = await asyncio.gather(*(_run(loop) for _ in range(scenario.runs)), return_exceptions=True)
            return [end for end in ends if end is not None]
    return []


async def measure(loop_type: type[Loop], job: Job) -> dict[str, Any]:
    """CPU and wall seconds per unit of the job's scenario; warm-up and the client's construction do not count."""
    scenario = job.scenario
    loop = loop_type(job.api, script(job.url, turns=scenario.turns, chunks=scenario.chunks), scenario.turns)
    try:
        for _ in range(scenario.warm):
            await (_stream(loop, scenario.chunks) if scenario.kind == "stream" else _run(loop))
        gc.collect()
        cpu, wall = time.process_time(), time.perf_counter()
        errors = await _load(loop, scenario)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    finally:
        await loop.close()
    error = f"{errors[0]!r:.300}" if errors else ""
    return {
        "cpu_s": cpu / scenario.units,
        "wall_s": wall / scenario.units,
        "errors": len(errors),
        "error": error,
    }


def _versions(requires: tuple[str, ...]) -> dict[str, str]:
    names = [name.split("[")[0] for name in requires if not name.startswith("-e")]
    return {name: importlib.metadata.version(name) for name in names}


def _private_stdout() -> TextIO:
    """Pipe to the runner, out of reach of libraries that print."""
    pipe = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return pipe


def _job(line: str) -> Job:
    fields = json.loads(line)
    return Job(Scenario(**fields["scenario"]), fields["api"], fields["url"])


def main(name: str) -> None:
    """Serve jobs until the runner closes the pipe."""
    pipe = _private_stdout()
    allow_many_sockets()
    competitor = COMPETITORS[name]
    loop_type = importlib.import_module(f"benchmarks.agent_loop.competitors.{competitor.module}").Loop
    pipe.write(json.dumps(_versions(competitor.requires)) + "\n")
    pipe.flush()
    rehearsed: set[Api] = set()
    with asyncio.Runner() as runner:  # one event loop for all jobs: some libraries keep their clients for the process
        for line in sys.stdin:
            job = _job(line)
            try:
                if job.api not in rehearsed:  # late imports and caches belong to no scenario
                    rehearsed.add(job.api)
                    runner.run(measure(loop_type, dataclasses.replace(job, scenario=REHEARSAL)))
                reply = runner.run(measure(loop_type, job))
            except Exception as error:  # noqa: BLE001 - a competitor may fail in any way, and the others go on
                reply = {"cpu_s": 0.0, "wall_s": 0.0, "errors": job.scenario.runs, "error": f"{error!r:.300}"}
            pipe.write(json.dumps(reply) + "\n")
            pipe.flush()


if __name__ == "__main__":
    main(sys.argv[1])
