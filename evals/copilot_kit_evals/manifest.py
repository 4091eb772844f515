"""What a run is of, written down before its first attempt: `run.json`."""

import json
import platform
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, Literal

from pydantic import Field

from copilot_kit.errors import UsageError
from copilot_kit.messages import Record
from copilot_kit_evals.candidates import Candidate
from copilot_kit_evals.tasks import Rule, Task

_COUNTED: Final = ("copilot-kit", "pydantic", "openai", "anthropic", "xllamacpp", "numpy", "scipy")


class TaskEntry(Record):
    """A task as the log knows it."""

    name: str
    dataset: str
    """The dataset's name."""
    fingerprint: str
    """Over its items and their files."""
    blob: str
    """Where its items lie, as JSON lines."""
    items: int
    solver: str
    """Digest of what is done with an item."""
    scorers: dict[str, str]
    """Digests by name, in order; the first one is what verdicts rest on."""
    repeats: int
    variants: bool
    bounds: tuple[float, float]
    margin: float | None = None
    limits: dict[str, str] = {}
    """Of an attempt."""

    @property
    def primary(self) -> str:
        """The scorer that verdicts rest on."""
        return next(iter(self.scorers))


class Shard(Record):
    """One of several parts of a run, which need nothing of each other."""

    number: int = Field(default=1, ge=1)
    of: int = Field(default=1, ge=1)

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Return the shard of `2/8`."""
        number, _, of = text.partition("/")
        if number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of):
            return cls(number=int(number), of=int(of))
        raise UsageError(f"{text!r} is no shard. Write its number and how many there are: 1/8 to 8/8.")

    def holds(self, task: str, item: str) -> bool:
        """Tell whether the item belongs to it; every item belongs to exactly one."""
        return self.of == 1 or _hash("shard", task, item) % self.of == self.number - 1


class Manifest(Record):
    """A run before its first attempt. Never changed afterwards."""

    format: Literal["copilot-kit-run/1"] = "copilot-kit-run/1"
    run_id: str
    created: datetime
    suite: str | None = None
    """The file it came from."""
    versions: dict[str, str]
    seed: int
    """Of the order of the items, and of what solvers draw."""
    shard: Shard = Shard()
    tasks: tuple[TaskEntry, ...]
    candidates: tuple[Candidate, ...]
    """The first one is the incumbent."""
    rule: Rule
    budget: dict[str, str] = {}
    """Of the first session; a later one may bring another."""

    @property
    def identity(self) -> str:
        """Over all that attempts depend on: runs, and shards of a run, go together only if it is the same."""
        told = self.model_dump(
            mode="json", include={"tasks": True, "seed": True, "rule": True, "candidates": {"__all__": {"name"}}}
        )
        told["digests"] = [one.digest for one in self.candidates]
        return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def task(self, name: str) -> TaskEntry:
        """Return a task by name."""
        return next(one for one in self.tasks if one.name == name)


def manifest_of(  # noqa: PLR0913  what a run is of
    tasks: Sequence[Task],
    candidates: Sequence[Candidate],
    *,
    run_id: str,
    created: datetime,
    seed: int = 0,
    rule: Rule | None = None,
    shard: Shard | None = None,
    suite: str | None = None,
    budget: dict[str, str] | None = None,
) -> Manifest:
    """Return the manifest of a run; raises `UsageError` where names are used twice."""
    for kind, names in (("task", [one.name for one in tasks]), ("candidate", [one.name for one in candidates])):
        if not names or len(set(names)) < len(names):
            raise UsageError(f"The {kind}s of a run are {names!r}. It needs at least one, each by a name of its own.")
    return Manifest(
        run_id=run_id,
        created=created,
        suite=suite,
        versions=versions(),
        seed=seed,
        shard=shard or Shard(),
        tasks=tuple(_entry(one) for one in tasks),
        candidates=tuple(candidates),
        rule=rule or Rule(),
        budget=budget or {},
    )


def _entry(task: Task) -> TaskEntry:
    limits = {name: str(value) for name in ("turns", "tokens", "cost_usd", "time_s")
              if (value := getattr(task.limits, name)) is not None}  # fmt: skip
    return TaskEntry(
        name=task.name,
        dataset=task.dataset.name,
        fingerprint=task.dataset.fingerprint,
        blob=task.dataset.content_digest,
        items=len(task.dataset),
        solver=task.solver.digest,
        scorers={one.name: one.digest for one in task.scorers},
        repeats=task.repeats,
        variants=task.variants,
        bounds=task.bounds,
        margin=task.margin,
        limits=limits,
    )


def differences(old: Manifest, new: Manifest) -> list[str]:
    """Return in words what keeps two manifests from being of one run; empty if nothing does."""
    found = [f"the seed was {old.seed} and is {new.seed}"] if old.seed != new.seed else []
    found += _changed("candidate", {one.name: one.digest for one in old.candidates},
                      {one.name: one.digest for one in new.candidates})  # fmt: skip
    before, after = ({one.name: one.model_dump(mode="json") for one in each.tasks} for each in (old, new))
    found += _changed("task", dict.fromkeys(before), dict.fromkeys(after))
    for name in before.keys() & after.keys():
        fields = [field for field, value in before[name].items() if value != after[name][field]]
        found += [f"task {name!r} has another {_WORDS.get(field, field)}" for field in fields if field != "blob"]
    return found or (["the rule of the verdict has changed"] if old.rule != new.rule else [])


_WORDS: Final = {"fingerprint": "dataset (an item or a file was changed)", "solver": "prompt, tools or agent",
                 "scorers": "way of scoring"}  # fmt: skip


def _changed(kind: str, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    found = [f"{kind} {name!r} is gone" for name in old.keys() - new.keys()]
    found += [f"{kind} {name!r} is new" for name in new.keys() - old.keys()]
    return found + [f"{kind} {name!r} was changed" for name in old.keys() & new.keys() if old[name] != new[name]]


def versions() -> dict[str, str]:
    """Return what this process runs on."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in _COUNTED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def order_of(seed: int, task: str, item: str) -> int:
    """Return the place of an item in the seeded order, as a number of 64 bits: lower ones come first.

    It depends on nothing but seed and names, so that shards, and runs of a longer dataset, keep the order.
    """
    return _hash(f"order {seed}", task, item)


def seed_of(seed: int, *names: str) -> int:
    """Return a seed of 63 bits of its own for these names."""
    return _hash(f"seed {seed}", *names) >> 1


def _hash(*parts: str) -> int:
    return int.from_bytes(sha256("\0".join(parts).encode()).digest()[:8], "big")
