"""What `copilot-kit eval suites` prints."""

from collections import Counter
from typing import Any, Final

from copilot_kit.cli.screen import as_json, counted, explained, folded, shown
from copilot_kit_evals.shipped import SUITES, tasks_of

_SMOKE: Final = "smoke"


def list_suites(*, json: bool) -> None:
    """Print the shipped suites."""
    found = [_described(name, tells) for name, tells in SUITES.items()]
    if json:
        as_json(found)
        return
    for one in found:
        shown(f"{one['suite']}  {counted(one['items'], 'item')}, {one['tags'].get(_SMOKE, 0)} of them @smoke")
        shown(folded(one["tells"], indent="    "))
    explained(
        "Run one with: copilot-kit eval run suite:NAME --model MODEL. suite:NAME@smoke asks the smoke items only."
    )


def _described(name: str, tells: str) -> dict[str, Any]:
    tasks = tasks_of(name)
    items = [item for task in tasks for item in task.dataset]
    return {
        "suite": f"suite:{name}",
        "items": len(items),
        "tasks": [task.name for task in tasks],
        "clusters": len({item.cluster or item.id for item in items}),
        "tags": dict(sorted(Counter(tag for item in items for tag in item.tags).items())),
        "tells": tells,
    }
