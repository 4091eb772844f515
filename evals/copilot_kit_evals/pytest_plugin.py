"""A suite as tests of pytest: each item on each candidate is one, which fails where an attempt was not right.

    pytest -p copilot_kit_evals.pytest_plugin support_suite.py --eval-model openai:gpt-5.2 --eval-budget-usd 1

Files called `suite.py`, `*_suite.py` or `suite_*.py` are collected, and only if a model is named, so that a usual test
run asks nobody. The run behind it is a run like any other; only the items of selected tests are asked (`-k`). With
`--eval-out` it is all of them, in a folder of its own under the suite's name, and a run that is there goes on. Workers
of pytest-xdist share one run.
"""

import asyncio
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from copilot_kit_evals.attempts import Attempt
    from copilot_kit_evals.folder import RunFolder
    from copilot_kit_evals.suites import Suite
    from copilot_kit_evals.tasks import Task

_FAR: Final = 10_000
_MOST_CHARS: Final = 300


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


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a budget that is no amount."""
    text = config.getoption("--eval-budget-usd")
    try:
        amount = None if text is None else Decimal(text)
    except InvalidOperation:
        amount = Decimal(0)
    if amount is not None and not (amount.is_finite() and amount > 0):
        raise pytest.UsageError(f"--eval-budget-usd is {text!r}. Write an amount of dollars above 0, such as 2.50.")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Tell each suite which of its tests are wanted."""
    for item in session.items:
        if isinstance(item, Case):
            item.parent.chosen.append(item)


class SuiteFile(pytest.File):
    """A suite, run once when the first of its items is looked at."""

    @cached_property
    def chosen(self) -> "list[Case]":
        """The tests that are wanted."""
        return []

    def collect(self) -> Iterator["Case"]:
        """Yield a test for each item, task and model."""
        from copilot_kit.errors import CopilotError

        try:
            suite = self._suite
        except CopilotError as error:
            raise self.CollectError(str(error)) from error
        for task in suite.tasks:
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
    def found(self) -> "Found | NotRun":
        """What came of the run; made once, whatever comes of it."""
        from copilot_kit.errors import CopilotError

        try:
            return Found(asyncio.run(self._run()))
        except CopilotError as error:
            return NotRun(f"{type(error).__name__}: {error}")

    async def _run(self) -> "RunFolder":
        from copilot_kit_evals import runner
        from copilot_kit_evals.candidates import candidates_of
        from copilot_kit_evals.spending import Spending

        budget, out = self.config.getoption("--eval-budget-usd"), self.config.getoption("--eval-out")
        spending = Spending(cost_usd=None if budget is None else Decimal(budget), allow_unpriced=budget is None)
        options = runner.Options(suite=str(self.path), spending=spending, opening=self._suite.opening)
        tasks, models = self._suite.tasks, self.config.getoption("--eval-model")
        if out is None:
            tasks = tuple(_only(task, self.chosen) for task in tasks if any(one.task is task for one in self.chosen))
            models = [model for model in models if any(one.model == model for one in self.chosen)]
        folder, goes_on = self._folder(out)
        with _alone(folder):
            if (folder / "run.json").exists() and goes_on:
                return (await runner.resume(folder, tasks, options)).folder
            return (await runner.run(tasks, candidates_of(models), _free(folder), options)).folder

    def _folder(self, out: str | None) -> tuple[Path, bool]:
        """Return where the run lies, and whether one that is there goes on: the user's, or that of another worker."""
        root = Path(out or self.config.rootpath / ".copilot-kit" / "evals")
        session = getattr(self.config, "workerinput", {}).get("testrunuid", "")[:8]
        name = f"{self.path.stem}-{session}" if session and out is None else self.path.stem
        return root / name, out is not None or bool(session)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other worker makes this run."""
    from copilot_kit_evals.locking import lock

    folder.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(folder.parent / f".{folder.name}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        lock(fd, "A run")
        yield
    finally:
        os.close(fd)


def _only(task: "Task", chosen: "Iterable[Case]") -> "Task":
    from dataclasses import replace

    from copilot_kit_evals.items import Dataset

    names = {one.item for one in chosen if one.task is task}
    dataset = task.dataset
    lines = [line for name, line in zip(dataset.ids, dataset.lines, strict=True) if name in names]
    return replace(task, dataset=Dataset(lines, name=dataset.name, folder=dataset.folder))


def _free(folder: Path) -> Path:
    """Return the folder, or with a number behind it the first one in which there is no run."""
    if not (folder / "run.json").exists():
        return folder
    others = (folder.with_name(f"{folder.name}-{number}") for number in range(2, _FAR))
    return next(one for one in others if not (one / "run.json").exists())


class NotRight(Exception):
    """An item was not answered right each time; the text says what was said of it."""


class NotRun(Exception):
    """There was no run to speak of; the text says why."""


class Found:
    """The attempts of a run, by task, item and model, and what was said in those that were not right."""

    def __init__(self, folder: "RunFolder") -> None:
        from copilot_kit_evals.transcripts import calls_of

        self._attempts: dict[tuple[str, str, str], list[Attempt]] = {}
        self._said: dict[str, str] = {}
        for attempt in folder.settled():
            self._attempts.setdefault((attempt.task, attempt.item, attempt.candidate), []).append(attempt)
        made = [one for each in self._attempts.values() for one in each]
        for attempt, calls in calls_of(folder, made):
            self._said[attempt.key.digest] = calls[-1].response.text if calls else ""

    def told(self, case: "Case") -> list[str]:
        """Return what is wrong with the attempts of a case."""
        made = self._attempts.get((case.task.name, case.item, case.model), [])
        told = [words for attempt in made if (words := self._of(attempt, case.task)) is not None]
        return told if made else ["it was not asked: the run ended before"]

    def _of(self, attempt: "Attempt", task: "Task") -> str | None:
        scorer, best = task.scorers[0].name, task.bounds[1]
        score = attempt.scores.get(scorer)
        if score is None or score.value is None:
            why = attempt.trouble.text if attempt.trouble is not None else (score.reason if score else "")
            return f"{attempt.outcome}, no score: {why}"
        if score.value >= best:
            return None
        why = score.reason or ("" if score.answer is None else f"took {score.answer!r} for the answer")
        said = self._said.get(attempt.key.digest, "")
        shown = said if len(said) <= _MOST_CHARS else f"{said[:_MOST_CHARS]}…"
        return "; ".join(part for part in (f"{scorer} {score.value:g}", why, f"it said {shown!r}") if part)


class Case(pytest.Item):
    """One item on one model."""

    parent: SuiteFile
    task: "Task"
    item: str
    model: str

    def runtest(self) -> None:
        """Fail unless all attempts have the highest score."""
        found = self.parent.found
        if isinstance(found, NotRun):
            raise found
        if told := found.told(self):
            raise NotRight("\n".join(told))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> str:  # type: ignore[override]
        """Return what a person needs to see: not the way through this file."""
        if isinstance(excinfo.value, NotRight):
            target = next((one.target for one in self.task.dataset if one.id == self.item), None)
            wanted = "" if target is None else f"\nwanted: {target!r}"
            return f"{self.task.name}, item {self.item!r} on {self.model}:\n{excinfo.value}{wanted}"
        if isinstance(excinfo.value, NotRun):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where the test stands."""
        return self.path, None, self.name
