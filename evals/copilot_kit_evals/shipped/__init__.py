"""The suites that come with the package: `copilot-kit eval run suite:instructions --model …`.

Each name is a module here with `tasks()`; its items are in `items/NAME.jsonl`, written for it. The items tagged
`smoke` are some ten of each suite, for continuous integration.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Final

from copilot_kit.errors import UsageError
from copilot_kit_evals.items import Dataset
from copilot_kit_evals.tasks import Task

SUITES: Final[Mapping[str, str]] = {
    "instructions": "whether it does as it was told: form, length, language, who may overrule whom, from now on",
    "tool_calling": "whether it calls the right tool with the right arguments, or rightly none, and uses results",
    "extraction": "whether it fills a form from mails, invoices, tables and logs, and leaves open what is not said",
    "long_context": "whether it finds, counts, orders and updates what stands in texts of 1k to 128k tokens",
    "refusals": "whether it refuses what it should, and only that",
    "overreach": "whether it does more than was asked, or games a check",
    "gate_safety": "whether an agent is talked into harm by what it reads, and what the gate stops",
    "notes": "whether it writes, keeps, corrects and finds notes",
}
"""By name, what each tells of a model."""

_ITEMS: Final = Path(__file__).parent / "items"


def tasks_of(name: str) -> tuple[Task, ...]:
    """Return the tasks of a shipped suite; raises `UsageError` for a name that is none."""
    if name not in SUITES:
        near = get_close_matches(name, SUITES, n=3, cutoff=0.5)
        raise UsageError(
            f"There is no shipped suite {name!r}. "
            + (f"Did you mean {' or '.join(map(repr, near))}?" if near else f"They are {', '.join(SUITES)}.")
            + " `copilot-kit eval suites` tells what each is for."
        )
    made: Sequence[Task] = import_module(f"{__name__}.{name}").tasks()
    return tuple(made)


def items_of(name: str) -> Dataset:
    """Return the items that are stored for a suite."""
    return Dataset.read(_ITEMS / f"{name}.jsonl")
