"""What `copilot-kit stats horizon` does: which columns a file of runs may have, and what is printed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from copilot_kit.cli.screen import counted, told
from copilot_kit_evals.cli.sheets import as_json, number, sheet, span
from copilot_kit_evals.tables import BadTable, Table

if TYPE_CHECKING:
    from copilot_kit_evals.stats.horizon import Horizon, Span, Trials

BEYOND: Final = "> longest task"
"""Stands where success on all tasks gives no number."""
AGENT: Final = ("agent", "model", "alias", "name")
_TASK: Final = ("task", "task_id", "item")
_FAMILY: Final = ("family", "task_family")
_MINUTES: Final = ("human_minutes", "minutes", "task_minutes")
_WEIGHT: Final = ("weight", "invsqrt_task_weight")
_OUTCOME: Final = ("score_binarized", "success", "successes", "resolved", "reward", "correct", "score")


@dataclass(slots=True)
class _Task:
    """All that one agent did on one task."""

    family: str
    minutes: float
    line: int
    successes: float = 0.0
    runs: float = 0.0
    weight: float | None = 0.0


@dataclass(frozen=True, slots=True)
class Fit:
    """How to fit: METR's penalty on the slope, draws of the bootstrap and their seed."""

    penalty: float
    draws: int
    seed: int
    confidence: float


def show_horizons(table: Table, *, agents: Sequence[str], fit: Fit, json: bool) -> None:
    """Print the horizon of each agent in the table."""
    from copilot_kit_evals.stats.horizon import horizon

    tasks = _tasks(table)
    if missing := [name for name in agents if name not in tasks]:
        raise BadTable(f"{table.name} has no agent {missing[0]!r}. It has {', '.join(map(repr, tasks))}.")
    found: dict[str, dict[str, Any]] = {}
    for name in agents or tasks:
        trials = _trials(list(tasks[name].values()))
        result = horizon(trials, penalty=fit.penalty, draws=fit.draws, seed=fit.seed, confidence=fit.confidence)
        found[name] = _horizon_json(result, trials)
    if json:
        as_json({"agents": found, "penalty": fit.penalty, "draws": fit.draws, "seed": fit.seed})
        return
    sheet(
        ("agent", "p50 min", f"{fit.confidence:.0%} interval", "p80 min", "interval", "slope", "score", "tasks"),
        [
            (name, number(one["p50_minutes"]), span(one["p50_interval"]), number(one["p80_minutes"]),
             span(one["p80_interval"]), number(one["coefficient"]), number(one["average_score"]),
             str(one["n_tasks"]))
            for name, one in found.items()
        ],
    )  # fmt: skip
    for name, one in found.items():
        if one["p50_minutes"] is None:
            told(f"{name!r} does not do worse on longer tasks, so that it has no horizon here.")
        elif one["extrapolated"]:
            told(f"The horizon of {name!r} lies outside the lengths of its tasks: the curve says it, and no task.")


def _tasks(table: Table) -> dict[str, dict[str, _Task]]:
    """Return the tasks of each agent; rows are one task with counts, or one run each."""
    agents = table.text(*AGENT) if table.has(*AGENT) else ["agent"] * len(table)
    tasks = table.text(*_TASK)
    families = table.text(*_FAMILY) if table.has(*_FAMILY) else [task.partition("/")[0] for task in tasks]
    minutes = table.numbers(*_MINUTES)
    counts = table.has("n_runs", "runs") and table.has("n_successes", "successes")
    runs = table.numbers("n_runs", "runs", least=0) if counts else [1.0] * len(table)
    successes = table.numbers("n_successes", "successes", least=0) if counts else _outcomes(table)
    weights = table.numbers_or_none(*_WEIGHT, least=0) if table.has(*_WEIGHT) else [None] * len(table)
    found: dict[str, dict[str, _Task]] = {}
    for place, (agent, task) in enumerate(zip(agents, tasks, strict=True)):
        line = table.lines[place]
        one = found.setdefault(agent, {}).setdefault(task, _Task(families[place], minutes[place], line))
        _check(table, one, (families[place], minutes[place]), line, twice=counts and one.line != line)
        one.successes += successes[place]
        one.runs += runs[place]
        weight = weights[place]
        one.weight = None if weight is None or one.weight is None else one.weight + weight
        if one.successes > one.runs or one.runs % 1 or one.successes % 1:
            raise BadTable(
                f"{table.name}, line {line}: {successes[place]:g} successes in {runs[place]:g} runs. "
                "Give whole numbers, and no more successes than runs."
            )
    return _with_runs(table, found)


def _check(table: Table, one: _Task, said: tuple[str, float], line: int, *, twice: bool) -> None:
    if one.minutes <= 0:
        raise BadTable(f"{table.name}, line {line}: a task of {one.minutes:g} minutes. A length is above 0.")
    if twice:
        raise BadTable(
            f"{table.name}, line {line}: the task of line {one.line} again. Give each task of an agent one row."
        )
    if said != (one.family, one.minutes):
        raise BadTable(
            f"{table.name}, line {line}: the task of line {one.line} with another family or length. Make them alike."
        )


def _with_runs(table: Table, found: dict[str, dict[str, _Task]]) -> dict[str, dict[str, _Task]]:
    """Return only tasks that were run, and say how many were not."""
    kept = {agent: {name: one for name, one in tasks.items() if one.runs} for agent, tasks in found.items()}
    dropped = sum(map(len, found.values())) - sum(map(len, kept.values()))
    if dropped:
        told(f"Left out: {counted(dropped, 'task')} without a run.")
    if empty := [agent for agent, tasks in kept.items() if not tasks]:
        raise BadTable(f"{table.name}: agent {empty[0]!r} has no run at all. Leave it out.")
    return kept


def _outcomes(table: Table) -> list[float]:
    name = table.called(*_OUTCOME)
    outcomes = table.numbers(name)
    for one, line in zip(outcomes, table.lines, strict=True):
        if one not in (0.0, 1.0):
            raise BadTable(f"{table.name}, line {line}: {name!r} is {one:g}. A run has succeeded (1) or not (0).")
    return outcomes


def _trials(tasks: Sequence[_Task]) -> "Trials":
    from copilot_kit_evals.stats.horizon import trials

    weights = [one.weight for one in tasks if one.weight is not None]
    return trials(
        minutes=[one.minutes for one in tasks],
        successes=[one.successes for one in tasks],
        runs=[one.runs for one in tasks],
        families=[one.family for one in tasks],
        weights=weights if len(weights) == len(tasks) else None,
    )


def _horizon_json(one: "Horizon", trials: "Trials") -> dict[str, Any]:
    longest, shortest = float(trials.minutes.max()), float(trials.minutes.min())
    rising = one.curve.coefficient >= 0 and math.isfinite(one.curve.intercept)
    return {
        "coefficient": one.curve.coefficient,
        "intercept": one.curve.intercept,
        "p50_minutes": None if rising else _minutes(one.p50),
        "p80_minutes": None if rising else _minutes(one.p80),
        "p50_interval": [None, None] if rising else _ends(one.p50_interval),
        "p80_interval": [None, None] if rising else _ends(one.p80_interval),
        "average_score": one.average_score,
        "n_tasks": int(trials.minutes.size),
        "n_runs": int(trials.runs.sum()),
        "longest_task_minutes": longest,
        "extrapolated": not rising and math.isfinite(one.p50) and one.p50 > 0 and not shortest <= one.p50 <= longest,
    }


def _minutes(value: float | None) -> float | str | None:
    return BEYOND if value is not None and math.isinf(value) else value


def _ends(found: "Span") -> list[float | str | None]:
    return [_minutes(found.lower), _minutes(found.upper)]
