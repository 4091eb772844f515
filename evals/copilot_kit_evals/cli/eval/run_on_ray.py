"""What `copilot-kit eval run --on ray` does with the shards of a run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from copilot_kit.cli.screen import told
from copilot_kit.errors import UsageError
from copilot_kit_evals.candidates import Candidate
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.manifest import Manifest
from copilot_kit_evals.runner import Finished, Options
from copilot_kit_evals.shards.fleet import SHARDS, Allowed, Fleet, Workers, lay_out_shards, shards_of, whole_of
from copilot_kit_evals.shards.on_ray import cluster, installed
from copilot_kit_evals.suites import Suite

RAY = "ray"


@dataclass(frozen=True, slots=True)
class Spread:
    """A run whose shards are made elsewhere."""

    folder: Path
    loading: Callable[[], Suite]
    options: Options
    allowed: Allowed

    def fleet(self, workers: Workers) -> Fleet:
        """Return its shards, with those who make them."""
        return Fleet(workers, self.folder, self.loading, self.options, self.allowed, told)


def check_shards(*, on: str | None, shards: int | None, shard: str | None) -> None:
    """Raise `UsageError` for options that contradict each other, and `MissingExtra` where Ray is not installed."""
    if on is None:
        if shards is not None:
            raise UsageError("--shards is for a run on a cluster: --on ray. By hand, a shard is named: --shard 1/4")
        return
    if on != RAY:
        raise UsageError(f"A run cannot be spread on {on!r}. Write --on ray, or run shards by hand: --shard 1/4")
    if shard is not None:
        raise UsageError("--on ray makes all shards, and --shard only one. Leave one of them out.")
    installed()


def begin_on_ray(spread: Spread, suite: Suite, candidates: Sequence[Candidate], *, shards: int | None) -> Finished:
    """Begin a run on the cluster; without a number, a shard for each of its CPUs."""
    items = sum(len(task.dataset) for task in suite.tasks)
    with cluster() as workers:
        count = min(workers.size if shards is None else shards, items)
        lay_out_shards(suite.tasks, candidates, spread.folder, spread.options, shards=count)
        return spread.fleet(workers).work(suite)


def go_on_on_ray(spread: Spread, suite: Suite) -> Finished:
    """Go on with the shards of a run."""
    with cluster() as workers:
        return spread.fleet(workers).work(suite)


def manifest_of(folder: Path, *, on: str | None) -> Manifest:
    """Return what the run is of; raises `UsageError` where its shards are unfinished and must go on as such, or not."""
    is_spread = (folder / SHARDS).is_dir()
    if on is None and is_spread:
        raise UsageError(
            f"The shards of {str(folder)!r} have not ended. Go on with them: --resume {folder} --on ray. Or one by "
            f"one: --resume {folder / SHARDS}/…, and then: copilot-kit eval merge {folder / SHARDS}/* --out DIR"
        )
    if on is not None and not is_spread:
        raise UsageError(f"{str(folder)!r} has no shards that go on. Leave --on out.")
    return whole_of(shards_of(folder)) if is_spread else RunFolder(folder).manifest
