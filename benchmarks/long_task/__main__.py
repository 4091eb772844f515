"""Run with: python -m benchmarks.long_task [--records 400] [--windows 1.0,0.25,0.1] [--swap] [--kills N] [--json].

The task is done once with the whole conversation before the model, and then with windows of shares of that. The model
is scripted: each answer is made of the request that it is given and of nothing else, so what it knows of earlier
windows stands in its notes, in the opening, or was recalled. Exit status 0: every record booked once and as it should,
every answer right, every correction obeyed (with --forgets only the first of these: it is there to be seen).
"""

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.long_task.clerk import Habits
from benchmarks.long_task.figures import Figures, measured
from benchmarks.long_task.office import Office
from benchmarks.long_task.report import show
from benchmarks.long_task.task import Task
from benchmarks.long_task.working import LONGEST_S, Plan, work, work_killed
from copilot_kit.errors import LimitReached, ModelError
from copilot_kit.slots import open_model


def played(name: str, folder: Path, task: Task, plan: Plan, *, kills: int = 0, longest_s: float = LONGEST_S) -> Figures:
    """Return the figures of the task, done in a new folder."""
    folder.mkdir()
    office = Office(folder, task)
    begun, cpu = time.monotonic(), _cpu_s()
    killed, gave_up = 0, ""
    try:
        if kills:
            killed = work_killed(office, plan, kills=kills, longest_s=longest_s)
        else:
            asyncio.run(work(office, plan))
    except (LimitReached, ModelError) as error:
        gave_up = f"{type(error).__name__}: {error}"
    wall_s, cpu_s = time.monotonic() - begun, _cpu_s() - cpu
    figures = measured(name, office, plan.window)
    figures.kills, figures.wall_s, figures.cpu_s, figures.gave_up = killed, wall_s, cpu_s, gave_up
    return figures


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def plays(folder: Path, task: Task, given: argparse.Namespace) -> Iterator[Figures]:
    """Yield the figures of each run: whole, then each window, with what was asked for beside it."""
    if given.model:
        plan = Plan(model=open_model(given.model).model, turns=3 * given.records)
        yield played(given.model, folder / "model", task, plan)
        return
    habits = Habits(forgets=given.forgets, tokens=given.tokens)
    whole = played("whole", folder / "whole", task, Plan(habits=Habits(tokens=given.tokens)))
    yield whole
    for share in map(float, given.windows.split(",")):
        window = round(whole.largest * share)
        name = f"{share:.0%}"
        yield played(name, folder / name, task, Plan(window, habits=habits))
        if given.swap:
            yield played(f"{name} swap", folder / f"{name}-swap", task, Plan(window, swap=True, habits=habits))
        if given.kills:
            plan = Plan(window, swap=given.swap, habits=habits)
            yield played(f"{name} killed", folder / f"{name}-killed", task, plan, kills=given.kills)


def parsed() -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=400)
    parser.add_argument("--windows", default="1.0,0.25,0.1", help="shares of the longest request of the whole run")
    parser.add_argument("--questions", type=int, default=40)
    parser.add_argument("--swap", action="store_true", help="also with another model after half of the records")
    parser.add_argument("--kills", type=int, default=0, help="also with so many kill -9")
    parser.add_argument("--forgets", action="store_true", help="a model that writes no notes")
    parser.add_argument("--tokens", type=float, default=1.0, help="tokens it counts for each one that is estimated")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="keep journals and notes here; by default they are removed")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--model", help="a real model instead, as local:smollm2, on a small task")
    return parser.parse_args()


def main() -> int:
    """Return 0 if the promises hold."""
    given = parsed()
    task = Task(given.records, seed=given.seed, questions=given.questions)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        rows = list(plays(folder, task, given))
    if given.json:
        print(json.dumps([one.as_json() for one in rows], indent=2))
    else:
        show(rows, task)
    return 0 if all(_holds(one, task, forgets=given.forgets) for one in rows) else 1


def _holds(one: Figures, task: Task, *, forgets: bool) -> bool:
    once = one.ok and not one.gave_up and not one.doubled and (forgets or one.booked == len(task.records))
    return once and (forgets or (one.right == one.answers and one.obeyed == one.corrections))


if __name__ == "__main__":
    sys.exit(main())
