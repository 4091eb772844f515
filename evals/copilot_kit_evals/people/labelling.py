"""Which single answers people are asked to call right or wrong, and in which order: a random sample by a seed.

What they say is kept in `RUN/labels.jsonl`, whose lines are `Label` of `scorers/human_labels.py`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from copilot_kit.errors import UsageError
from copilot_kit_evals.attempts import Key
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.manifest import seed_of

LABELS: Final = "labels.jsonl"


@dataclass(frozen=True, slots=True)
class Sample:
    """What is drawn from a run to be labelled."""

    seed: int = 0
    most: int | None = None
    """Answers; None: all."""
    task: str | None = None
    """None: all tasks."""

    def checked(self, run: RunFolder) -> "Sample":
        """Return it if the run has the task; raises `UsageError`."""
        names = [one.name for one in run.manifest.tasks]
        if self.task is not None and self.task not in names:
            raise UsageError(f"The run has no task {self.task!r}. It has {', '.join(map(repr, names))}.")
        return self


@dataclass(frozen=True, slots=True)
class Asked:
    """One answer that a person is asked about."""

    id: str
    key: Key


def keys_of(run: RunFolder, sample: Sample) -> list[Key]:
    """Return one attempt for each item, variant and candidate, in the order of the seed; the repeat is drawn."""
    found = []
    for task in run.manifest.tasks:
        if sample.task not in {None, task.name}:
            continue
        for item, _ in run.expected(task):
            for variant in ("", *item.variants) if task.variants else ("",):
                repeat = seed_of(sample.seed, "repeat", task.name, item.id, variant) % task.repeats
                found += [Key(task.name, item.id, variant, repeat, one.name) for one in run.manifest.candidates]
    return sorted(found, key=lambda key: seed_of(sample.seed, "label", *_names(key)))


def asked_of(keys: Iterable[Key], rater: str, sample: Sample, *, usable: Callable[[Key], bool]) -> list[Asked]:
    """Return what a rater is asked, in order: the first usable ones of the draw, in an order of their own."""
    drawn: list[Key] = []
    for key in keys:
        if sample.most is not None and len(drawn) >= sample.most:
            break
        if usable(key):
            drawn.append(key)
    drawn.sort(key=lambda key: seed_of(sample.seed, "order of labels", rater, *_names(key)))
    return [Asked(_name(key, rater, sample.seed), key) for key in drawn]


def _name(key: Key, rater: str, seed: int) -> str:
    return sha256("\0".join(("label", str(seed), rater, *_names(key))).encode()).hexdigest()[:24]


def _names(key: Key) -> tuple[str, ...]:
    return (key.task, key.item, key.variant, str(key.repeat), key.candidate)
