"""A suite: a Python file that makes tasks, a dataset and the name of a scorer, or one that is known by name.

support.py                   a Python file with `tasks`
items.jsonl                  a dataset, asked as it is
suite:instructions           a suite that comes with the package
set:gsm8k=data/test.jsonl    a public set that you have as a file
suite:instructions@smoke     of any of these only the items with this tag, or one of these: @4k,16k
"""

import importlib.util
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from copilot_kit.display import visible
from copilot_kit.errors import CopilotError, UsageError
from copilot_kit.model import Model
from copilot_kit.slots import Opened
from copilot_kit_evals.items import Dataset
from copilot_kit_evals.scorers import named
from copilot_kit_evals.scorers.multiple_choice import Choose
from copilot_kit_evals.tasks import Ask, Solver, Task

DEFAULT_SCORER: Final = "normalised"
SHIPPED: Final = "suite:"
SET: Final = "set:"


@dataclass(frozen=True, slots=True)
class Suite:
    """Tasks, and models of the file's own by name."""

    tasks: tuple[Task, ...]
    models: Mapping[str, Model] = field(default_factory=dict)
    """Opened under these names before any provider is asked: a stub, a model behind an own server."""

    def opening(self, name: str) -> Opened | None:
        """Return the file's own model of this name."""
        model = self.models.get(name)
        return None if model is None else Opened(model)

    def chosen(self, names: Sequence[str]) -> "Suite":
        """Return only the tasks of these names; all without any."""
        known = {task.name: task for task in self.tasks}
        unknown = next((name for name in names if name not in known), None)
        if unknown is not None:
            raise UsageError(f"The suite has no task {unknown!r}. It has {', '.join(known)}.")
        return replace(self, tasks=tuple(known[name] for name in names)) if names else self

    def tagged(self, tags: Sequence[str]) -> "Suite":
        """Return only the items with one of these tags, and the tasks that have some; all without any."""
        if not tags:
            return self
        kept = [replace(task, dataset=_with_tags(task.dataset, frozenset(tags))) for task in self.tasks]
        found = tuple(task for task in kept if task.dataset)
        if not found:
            known = sorted({tag for task in self.tasks for item in task.dataset for tag in item.tags})
            near = get_close_matches(tags[0], known, n=3)
            hint = (
                f"Did you mean {' or '.join(map(repr, near))}?" if near else f"Tags are {', '.join(known) or 'none'}."
            )
            raise UsageError(f"No item has the tag {', '.join(map(repr, tags))}. {hint}")
        return replace(self, tasks=found)

    def repeated(self, repeats: int | None) -> "Suite":
        """Return the tasks with so many repeats."""
        if repeats is None:
            return self
        return replace(self, tasks=tuple(replace(task, repeats=repeats) for task in self.tasks))


def _with_tags(dataset: Dataset, tags: frozenset[str]) -> Dataset:
    lines = (line for line, item in zip(dataset.lines, dataset, strict=True) if tags.intersection(item.tags))
    return Dataset(lines, name=dataset.name, folder=dataset.folder)


@dataclass(frozen=True, slots=True)
class Reference:
    """How a suite is named, taken apart."""

    source: str
    """The file, `suite:NAME` or `set:NAME=FILE`."""
    tags: tuple[str, ...] = ()

    @classmethod
    def parse(cls, name: str) -> "Reference":
        """Return the parts of a name; a file whose own name holds an @ is meant as it is."""
        source, mark, tags = name.rpartition("@")
        if not mark or "/" in tags or (not name.startswith((SHIPPED, SET)) and is_there(Path(name))):
            return cls(name)
        return cls(source, tuple(tag.strip() for tag in tags.split(",") if tag.strip()))

    @property
    def stem(self) -> str:
        """One word for it, fit for the name of a folder."""
        name, _, file = self.source.removeprefix(SHIPPED).removeprefix(SET).partition("=")
        word = Path(file or name).stem
        return "-".join([word, *self.tags])


def load_all(names: Sequence[str | Path], *, scorer: str | None = None, prompt: str = "") -> Suite:
    """Return one suite with the tasks of all that are named; see `load`.

    Raises `UsageError` where two of them have a task, or a model, of the same name.
    """
    suites = [load(name, scorer=scorer, prompt=prompt) for name in names]
    tasks: dict[str, str] = {}
    models: dict[str, Model] = {}
    for name, suite in zip(map(str, names), suites, strict=True):
        for task in suite.tasks:
            if task.name in tasks:
                raise UsageError(
                    f"Both {tasks[task.name]!r} and {name!r} have a task {task.name!r}. "
                    "Name a suite once, and give each task a name of its own."
                )
            tasks[task.name] = name
        if taken := models.keys() & suite.models.keys():
            raise UsageError(f"{name!r} names a model {min(taken)!r} as another suite does. Rename one of them.")
        models |= suite.models
    return Suite(tuple(task for suite in suites for task in suite.tasks), models)


def load(path: str | Path, *, scorer: str | None = None, prompt: str = "") -> Suite:
    """Return the suite of a name: a file, `suite:NAME` or `set:NAME=FILE`, each with `@TAG` if only some items count.

    A file is Python with `tasks`, or a dataset (JSON lines, CSV) to be asked as it is. In Python, `tasks` is a list of
    tasks, or a function that returns one; without it all tasks of the module count. `models` may hold models by name.
    scorer, prompt: for a dataset, and for a public set.
    Raises `UsageError` for a file without tasks, for one that cannot be run, and for a name that is not known.
    """
    reference = Reference.parse(str(path))
    if reference.source.startswith(SHIPPED):
        from copilot_kit_evals.shipped import tasks_of

        suite = Suite(tasks_of(reference.source.removeprefix(SHIPPED)))
    elif reference.source.startswith(SET):
        from copilot_kit_evals.public_tasks import task_of

        kind, _, file = reference.source.removeprefix(SET).partition("=")
        suite = Suite((task_of(kind, file, scorer=scorer, prompt=prompt),))
    elif Path(reference.source).suffix == ".py":
        suite = _of_module(Path(reference.source))
    else:
        _is_no_shipped_name(reference.source)
        suite = Suite((_of_dataset(Path(reference.source), scorer=scorer, prompt=prompt),))
    return suite.tagged(reference.tags)


def is_there(path: Path) -> bool:
    """Tell whether there is such a file; False also for a name that no file can have."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _is_no_shipped_name(source: str) -> None:
    from copilot_kit_evals.shipped import SUITES

    near = [] if Path(source).suffix or is_there(Path(source)) else get_close_matches(source, SUITES, n=1)
    if near:
        raise UsageError(f"There is no file {source!r}. The shipped suite is named {SHIPPED}{near[0]}.")


def written(names: Sequence[str | Path]) -> str:
    """Return names of suites as one text, which `read_names` takes apart again."""
    return str(names[0]) if len(names) == 1 else shlex.join(map(str, names))


def read_names(text: str) -> tuple[str, ...]:
    """Return the names that a run was begun with; one alone may hold blanks."""
    alone = is_there(Path(Reference.parse(text).source)) or " " not in text
    return (text,) if alone else tuple(shlex.split(text))


def _of_dataset(file: Path, *, scorer: str | None, prompt: str) -> Task:
    dataset = Dataset.read(file)
    used = named(scorer or ("choice" if dataset[0].choices else DEFAULT_SCORER))
    ask = Ask(prompt)
    solver: Solver = ask if used.name != "choice" else Choose(ask) if prompt else Choose()
    return Task(dataset.name, dataset, solver, [used])


def _of_module(file: Path) -> Suite:
    with redirect_stdout(sys.stderr), _running(file):  # what a suite prints is no result
        module = _module(file)
        found = module.get("tasks")
        made = found() if callable(found) else found
        if made is None:
            made = [one for one in module.values() if isinstance(one, Task)]
        tasks = list(made) if isinstance(made, Iterable) else []
    if not tasks or not all(isinstance(one, Task) for one in tasks):
        raise UsageError(f"{str(file)!r} makes no tasks. Write: tasks = [Task(name, dataset, solver, scorers)]")
    if (empty := next((one.name for one in tasks if not one.dataset), None)) is not None:
        raise UsageError(f"Task {empty!r} of {str(file)!r} has no items, so that nothing would be asked. Give it some.")
    models = module.get("models", {})
    if not isinstance(models, Mapping):
        raise UsageError(f"'models' of {str(file)!r} is {type(models).__name__}. Write: models = {{name: model}}")
    return Suite(tuple(tasks), dict(models))


@contextmanager
def _running(file: Path) -> Iterator[None]:
    """Blame the suite for what its own code raises."""
    try:
        yield
    except CopilotError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(f"The suite {str(file)!r} does not run: {type(error).__name__}: {error}. Mend it.") from error


def _module(file: Path) -> dict[str, Any]:
    if not is_there(file) or not file.is_file():
        raise UsageError(f"There is no suite {visible(str(file))!r}. Name a Python file with tasks, or a dataset.")
    name = f"copilot_kit_suite_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise UsageError(f"{str(file)!r} cannot be read as Python. Name a file that ends in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pydantic look there for the names of annotations
    sys.path.insert(0, str(file.resolve().parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(file.resolve().parent))
    return vars(module)
