"""What `copilot-kit stats rate` and `passk` print: k of n cases, and how often any or all of k trials pass."""

from typing import Any, Final

from copilot_kit.cli.screen import shown, told
from copilot_kit_evals.cli.sheets import as_json, number, sheet, span
from copilot_kit_evals.tables import BadTable, Table

_TARGETS: Final = ("0.70", "0.98", "0.999")
_SHOWN: Final = 8


def show_rate(k: int, n: int, *, confidence: float, json: bool) -> None:
    """Print what k of n cases show of a rate."""
    from copilot_kit.approval.bounds import (
        anytime,
        cases_once,
        cases_watched,
        clopper_pearson,
        wilson,
        zero_failures_upper,
    )

    found: dict[str, Any] = {
        "k": k,
        "n": n,
        "rate": k / n if n else None,
        "wilson": wilson(k, n, confidence=confidence),
        "clopper_pearson": clopper_pearson(k, n, confidence=confidence),
        "zero_failure_bound": zero_failures_upper(n, confidence=confidence) if k in (0, n) else None,
        "anytime_interval": anytime(k, n, confidence=confidence),
        "clean_cases": {
            target: {
                "once": cases_once(float(target), confidence=confidence),
                "watched": cases_watched(float(target), confidence=confidence),
            }
            for target in _TARGETS
        },
        "confidence": confidence,
    }
    if json:
        as_json(found)
        return
    rows = [("Wilson", span(found["wilson"])), ("Clopper-Pearson", span(found["clopper_pearson"])),
            ("looked at all the time", span(found["anytime_interval"]))]  # fmt: skip
    if found["zero_failure_bound"] is not None:
        rate = "rate" if k == 0 and n else "failure rate"
        rows.append((f"highest {rate} left possible", number(found["zero_failure_bound"])))
    sheet((f"{k} of {n}", f"{confidence:.0%} interval"), rows)
    shown()
    sheet(
        ("clean cases that show", "looked at once", "watched all the time"),
        [(target, f"{one['once']:,}", f"{one['watched']:,}") for target, one in found["clean_cases"].items()],
    )


def show_passk(table: Table, *, model: str | None, most: int | None, json: bool) -> None:
    """Print pass^k and pass@k for each k that every task has trials for."""
    from copilot_kit_evals.stats.matrix import ITEM, MODEL, SCORE

    task, reward = table.called("task", *ITEM), table.called("reward", *SCORE)
    models = table.text(*MODEL) if table.has(*MODEL) else [""] * len(table)
    names = list(dict.fromkeys(models))
    if model is not None and model not in names:
        raise BadTable(f"{table.name} has no model {model!r}. It has {', '.join(map(repr, names[:_SHOWN]))}.")
    found = {
        name: _passk(table.rows(place for place, one in enumerate(models) if one == name), task, reward, most)
        for name in names
        if model in (None, name)
    }
    if json:
        as_json(next(iter(found.values())) if len(found) == 1 else {"models": found})
        return
    sheet(
        ("model" if any(found) else "", "k", "pass^k", "error", "pass@k", "error", "tasks"),
        [
            (name, k, number(one["pass_hat_k"][k]), number(one["standard_errors"]["pass_hat_k"][k]),
             number(one["pass_at_k"][k]), number(one["standard_errors"]["pass_at_k"][k]), str(one["n_tasks"]))
            for name, one in found.items() for k in one["pass_hat_k"]
        ],
    )  # fmt: skip


def _passk(table: Table, task: str, reward: str, most: int | None) -> dict[str, Any]:
    from copilot_kit_evals.stats.passk import counts, suite_pass_at_k, suite_pass_hat_k

    rewards = table.numbers(reward)
    for one, line in zip(rewards, table.lines, strict=True):
        if one not in (0.0, 1.0):
            raise BadTable(f"{table.name}, line {line}: {reward!r} is {one:g}. A trial has passed (1) or not (0).")
    _check_trials(table, task)
    trials, successes = counts(table.text(task), rewards)
    fewest = min(trials)
    if most is not None and most > fewest:
        raise BadTable(
            f"k = {most} needs {most} trials of each task, and one of {table.name} has {fewest}. Ask for a smaller k."
        )
    if fewest < max(trials) and most is None:
        told(f"Tasks have {fewest} to {max(trials)} trials: k goes to {fewest}, where all tasks count.")
    hat = [suite_pass_hat_k(trials, successes, k) for k in range(1, (most or fewest) + 1)]
    at = [suite_pass_at_k(trials, successes, k) for k in range(1, (most or fewest) + 1)]
    return {
        "pass_hat_k": {str(one.k): one.mean for one in hat},
        "pass_at_k": {str(one.k): one.mean for one in at},
        "standard_errors": {
            "pass_hat_k": {str(one.k): one.error for one in hat},
            "pass_at_k": {str(one.k): one.error for one in at},
        },
        "n_tasks": len(trials),
        "n_trials": len(table),
    }


def _check_trials(table: Table, task: str) -> None:
    """Refuse a trial that stands twice: a run that was tried again until it passed looks just like that."""
    from copilot_kit_evals.stats.matrix import REPEAT

    if not table.has(*REPEAT):
        return
    seen: dict[tuple[str, str], int] = {}
    trials = table.text(*REPEAT)
    for one, trial, line in zip(table.text(task), trials, table.lines, strict=True):
        if (first := seen.setdefault((one, trial), line)) != line:
            raise BadTable(
                f"{table.name}, line {line}: trial {trial!r} of task {one!r} stands in line {first} already. "
                "Keep the first attempt of each trial, also where it failed."
            )
