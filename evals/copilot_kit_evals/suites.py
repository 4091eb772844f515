"""A suite: a Python file that makes tasks, or a dataset and the name of a scorer."""

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from copilot_kit.errors import CopilotError, UsageError
from copilot_kit.model import Model
from copilot_kit.slots import Opened
from copilot_kit_evals.items import Dataset
from copilot_kit_evals.scorers import named
from copilot_kit_evals.scorers.choices import Choose
from copilot_kit_evals.tasks import Ask, Solver, Task

DEFAULT_SCORER: Final = "normalised"


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

    def repeated(self, repeats: int | None) -> "Suite":
        """Return the tasks with so many repeats."""
        if repeats is None:
            return self
        return replace(self, tasks=tuple(replace(task, repeats=repeats) for task in self.tasks))


def load(path: str | Path, *, scorer: str | None = None, prompt: str = "") -> Suite:
    """Return the suite in a file: Python with `tasks`, or a dataset (JSON lines, CSV) to be asked as it is.

    In Python, `tasks` is a list of tasks, or a function that returns one; without it all tasks of the module count.
    `models` may hold models by name. scorer, prompt: for a dataset.
    Raises `UsageError` for a file without tasks, and for one that cannot be run.
    """
    file = Path(path)
    if file.suffix != ".py":
        dataset = Dataset.read(file)
        used = named(scorer or ("choice" if dataset[0].choices else DEFAULT_SCORER))
        ask = Ask(prompt)
        solver: Solver = ask if used.name != "choice" else Choose(ask) if prompt else Choose()
        return Suite((Task(dataset.name, dataset, solver, [used]),))
    module = _module(file)
    found = module.get("tasks")
    made = found() if callable(found) else found
    tasks = list(made) if made is not None else [one for one in module.values() if isinstance(one, Task)]
    if not tasks or not all(isinstance(one, Task) for one in tasks):
        raise UsageError(f"{str(file)!r} makes no tasks. Write: tasks = [Task(name, dataset, solver, scorers)]")
    return Suite(tuple(tasks), dict(module.get("models", {})))


def _module(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise UsageError(f"There is no suite {str(file)!r}. Name a Python file with tasks, or a dataset.")
    name = f"copilot_kit_suite_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise UsageError(f"{str(file)!r} cannot be read as Python. Name a file that ends in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pydantic look there for the names of annotations
    sys.path.insert(0, str(file.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except CopilotError:
        raise
    except Exception as error:
        raise UsageError(f"The suite {str(file)!r} does not run: {type(error).__name__}: {error}. Mend it.") from error
    finally:
        sys.path.remove(str(file.resolve().parent))
    return vars(module)
