"""Which attempts a run makes, and in which order: item by item as the seed says, all candidates together."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from copilot_kit_evals.items import Item
from copilot_kit_evals.manifest import Manifest, order_of, seed_of
from copilot_kit_evals.tasks import Task


@dataclass(frozen=True, slots=True)
class Unit:
    """One attempt to make."""

    task: Task
    item: Item
    place: int
    """Of the item in the order of the run."""
    variant: str
    repeat: int
    candidate: int
    """Number in the manifest."""


class Order:
    """The items of all tasks of a shard, in the seeded order; it holds four bytes an item."""

    def __init__(self, manifest: Manifest, tasks: Sequence[Task]) -> None:
        self.manifest = manifest
        self.tasks = tuple(tasks)
        keys, owners, rows = array("Q"), array("H"), array("L")
        for number, task in enumerate(self.tasks):
            for row, item in enumerate(task.dataset.ids):
                if manifest.shard.holds(task.name, item):
                    keys.append(order_of(manifest.seed, task.name, item))
                    owners.append(number)
                    rows.append(row)
        places = sorted(range(len(keys)), key=keys.__getitem__)
        self._owners = array("H", (owners[place] for place in places))
        self._rows = array("L", (rows[place] for place in places))

    def __len__(self) -> int:
        """Return how many items there are."""
        return len(self._rows)

    def task(self, place: int) -> int:
        """Return the number of the task that the item at this place belongs to."""
        return self._owners[place]

    def item(self, place: int) -> Item:
        """Return the item at this place."""
        return self.tasks[self._owners[place]].dataset[self._rows[place]]

    def units(self) -> Iterator[Unit]:
        """Yield every attempt; which candidate comes first changes from one to the next."""
        count = len(self.manifest.candidates)
        for place in range(len(self)):
            task, item = self.tasks[self._owners[place]], self.item(place)
            for variant in _variants(task, item):
                for repeat in range(task.repeats):
                    first = seed_of(self.manifest.seed, "turn", task.name, item.id, variant, str(repeat))
                    for n in range(count):
                        yield Unit(task, item, place, variant, repeat, (first + n) % count)

    def attempts_of(self, place: int) -> int:
        """Return how many attempts one candidate makes at the item of this place."""
        task = self.tasks[self._owners[place]]
        return task.repeats if not task.variants else task.repeats * len(_variants(task, self.item(place)))

    def places(self) -> dict[tuple[str, str], int]:
        """Return the place of each item by task and id."""
        return {(self.tasks[self._owners[place]].name, self.item(place).id): place for place in range(len(self))}


def _variants(task: Task, item: Item) -> tuple[str, ...]:
    return ("", *item.variants) if task.variants else ("",)
