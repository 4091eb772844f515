"""A suite as tests of pytest: each item on each candidate is one, which fails where an attempt was not right.

    pytest -p copilot_kit_evals.pytest_plugin support_suite.py --eval-model openai:gpt-5.2 --eval-budget-usd 1

Files called `suite.py`, `*_suite.py` or `suite_*.py` are collected, and only if a model is named, so that a usual test
run asks nobody. The run behind it is a run like any other, in the folder of `--eval-out`; a run that is there goes on.
"""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from copilot_kit_evals.attempts import Attempt
    from copilot_kit_evals.suites import Suite
    from copilot_kit_evals.tasks import Task

_FAR: Final = 10_000


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("evals", "suites of copilot_kit_evals")
    group.addoption("--eval-model", action="append", default=[], metavar="MODEL", help="provider:name; may be repeated")
    group.addoption("--eval-budget-usd", metavar="USD", help="most that a suite may cost")
    group.addoption("--eval-out", metavar="DIR", help="folder for the runs, each under the name of its suite")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "SuiteFile | None":
    """Return the suite in a file that is called as one."""
    name = file_path.stem
    is_suite = file_path.suffix == ".py" and (name.endswith("_suite") or name.startswith("suite"))
    if not is_suite or not parent.config.getoption("--eval-model"):
        return None
    collected: SuiteFile = SuiteFile.from_parent(parent, path=file_path)
    return collected


class SuiteFile(pytest.File):
    """A suite, run once when the first of its items is looked at."""

    def collect(self) -> Iterator["Case"]:
        """Yield a test for each item, task and model."""
        for task in self._suite.tasks:
            for model in self.config.getoption("--eval-model"):
                for name in task.dataset.ids:
                    case: Case = Case.from_parent(self, name=f"{task.name}[{name}-{model}]")
                    case.task, case.item, case.model = task, name, model
                    yield case

    @cached_property
    def _suite(self) -> "Suite":
        from copilot_kit_evals.suites import load

        return load(self.path)

    @cached_property
    def attempts(self) -> "dict[tuple[str, str, str], list[Attempt]]":
        """All attempts by task, item and model."""
        from copilot_kit_evals import runner
        from copilot_kit_evals.candidates import candidates_of
        from copilot_kit_evals.spending import Spending

        budget, out = self.config.getoption("--eval-budget-usd"), self.config.getoption("--eval-out")
        folder = Path(out or self.config.rootpath / ".copilot-kit" / "evals") / self.path.stem
        spending = Spending(cost_usd=None if budget is None else Decimal(budget), allow_unpriced=budget is None)
        options = runner.Options(suite=str(self.path), spending=spending, opening=self._suite.opening)
        if (folder / "run.json").exists() and out is not None:
            work = runner.resume(folder, self._suite.tasks, options)
        else:
            models = candidates_of(self.config.getoption("--eval-model"))
            work = runner.run(self._suite.tasks, models, _free(folder), options)
        found: dict[tuple[str, str, str], list[Attempt]] = {}
        for attempt in asyncio.run(work).folder.settled():
            found.setdefault((attempt.task, attempt.item, attempt.candidate), []).append(attempt)
        return found


def _free(folder: Path) -> Path:
    """Return the folder, or with a number behind it the first one in which there is no run."""
    if not (folder / "run.json").exists():
        return folder
    others = (folder.with_name(f"{folder.name}-{number}") for number in range(2, _FAR))
    return next(one for one in others if not (one / "run.json").exists())


class NotRight(Exception):
    """An item was not answered right each time; the text says what was said of it."""


class Case(pytest.Item):
    """One item on one model."""

    parent: SuiteFile
    task: "Task"
    item: str
    model: str

    def runtest(self) -> None:
        """Fail unless all attempts have the highest score."""
        made = self.parent.attempts.get((self.task.name, self.item, self.model), [])
        scorer, best = self.task.scorers[0].name, self.task.bounds[1]
        told = [] if made else ["it was not asked: the run ended before"]
        for attempt in made:
            score = attempt.scores.get(scorer)
            if score is None or score.value is None:
                why = attempt.trouble.text if attempt.trouble is not None else (score.reason if score else "")
                told.append(f"{attempt.outcome}, no score: {why}")
            elif score.value < best:
                told.append(f"{scorer} {score.value:g}: {score.reason or score.answer or attempt.outcome}")
        if told:
            raise NotRight("\n".join(told))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> str:  # type: ignore[override]
        """Return what a person needs to see: not the way through this file."""
        if isinstance(excinfo.value, NotRight):
            return f"{self.task.name}, item {self.item!r} on {self.model}:\n{excinfo.value}"
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where the test stands."""
        return self.path, None, self.name
