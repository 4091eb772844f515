"""`python -m benchmarks.agent_loop`: installs the competitors, measures all of them in one run, prints a table."""

import argparse
import asyncio
import dataclasses
import json
import platform
import sys
import tempfile
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.agent_loop.competitors import COMPETITORS
from benchmarks.agent_loop.conversation import APIS
from benchmarks.agent_loop.processes import Worker, stub
from benchmarks.agent_loop.report import table, verdicts
from benchmarks.agent_loop.rounds import Plan, Results, measure, measure_imports
from benchmarks.agent_loop.scenarios import FULL, QUICK
from benchmarks.agent_loop.venvs import InstallFailed, prepare

VENVS = Path(tempfile.gettempdir()) / "agent-loop-venvs"
SCENARIOS = tuple(scenario.name for scenario in FULL)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.agent_loop", description=__doc__)
    parser.add_argument("--only", metavar="NAMES", help=f"of {','.join(COMPETITORS)}; all by default")
    parser.add_argument("--scenarios", metavar="NAMES", help=f"of {','.join(SCENARIOS)},imports; all by default")
    parser.add_argument("--apis", metavar="NAMES", help=f"of {','.join(APIS)}; all by default")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (5, quick 1)")
    parser.add_argument("--quick", action="store_true", help="a smoke run of about a minute; its figures are coarse")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample and verdict to FILE")
    parser.add_argument("--venvs", type=Path, default=VENVS, metavar="DIR", help="where the environments are kept")
    parser.add_argument("--upgrade", action="store_true", help="bring the environments to the newest releases first")
    return parser.parse_args()


def _chosen(text: str | None, names: tuple[str, ...], option: str) -> tuple[str, ...]:
    """Names in `text` in the order of `names`, or all of them."""
    if text is None:
        return names
    asked = text.split(",")
    unknown = [name for name in asked if name not in names]
    if unknown:
        sys.exit(f"Cannot use {option} {text!r}: {unknown[0]!r} is not one of {', '.join(names)}. Choose from those.")
    return tuple(name for name in names if name in asked)


def _plan(arguments: argparse.Namespace) -> Plan:
    loads = _chosen(arguments.scenarios, (*SCENARIOS, "imports"), "--scenarios")
    apis = _chosen(arguments.apis, APIS, "--apis")
    return Plan(
        competitors=_chosen(arguments.only, tuple(COMPETITORS), "--only"),
        scenarios=tuple(scenario for scenario in (QUICK if arguments.quick else FULL) if scenario.name in loads),
        apis=tuple(api for api in APIS if api in apis),
        rounds=arguments.rounds or (1 if arguments.quick else 5),
        imports="imports" in loads,
    )


def _prepare(plan: Plan, folder: Path, *, upgrade: bool) -> None:
    for name in plan.competitors:
        sys.stderr.write(f"environment {folder / name}\n")
        prepare(COMPETITORS[name], folder / name, upgrade=upgrade)


async def _results(plan: Plan, folder: Path) -> Results:
    results = Results()
    async with AsyncExitStack() as stack:
        if plan.scenarios:
            url = await stack.enter_async_context(stub(folder))
            started = [Worker(name, folder / name) for name in plan.competitors]
            workers = {worker.name: await stack.enter_async_context(worker) for worker in started}
            results.versions = {name: worker.versions for name, worker in workers.items()}
            results.samples = await measure(plan, url, workers)
    if plan.imports:
        results.imports = await measure_imports(plan, folder)
    return results


def _document(plan: Plan, results: Results) -> str:
    """Run as JSON: everything from which the table was made."""
    found = [{**dataclasses.asdict(v), "passed": v.passed} for v in verdicts(results, plan)]
    document = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": platform.platform(),
        "plan": dataclasses.asdict(plan),
        **dataclasses.asdict(results),
        "verdicts": found,
    }
    return json.dumps(document, indent=1) + "\n"


def main() -> int:
    """0 if every target of ours that was measured is met, 1 if one is missed, 2 if nothing could be measured."""
    arguments = _arguments()
    plan = _plan(arguments)
    arguments.venvs.mkdir(parents=True, exist_ok=True)
    try:
        _prepare(plan, arguments.venvs, upgrade=arguments.upgrade)
    except InstallFailed as error:
        sys.stderr.write(f"{error}\n")
        return 2
    results = asyncio.run(_results(plan, arguments.venvs))
    if arguments.json:
        arguments.json.write_text(_document(plan, results))
    sys.stdout.write(table(results, plan))
    return int(any(v.is_target and not v.passed for v in verdicts(results, plan)))


if __name__ == "__main__":
    sys.exit(main())
