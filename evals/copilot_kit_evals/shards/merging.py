"""The shards of a run, made one: their logs, one after the other."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from copilot_kit_evals.folder import ATTEMPTS, BLOBS, CALLS, DECISIONS, MANIFEST, SESSIONS, BadRun, RunFolder
from copilot_kit_evals.manifest import Shard
from copilot_kit_evals.writing import put, replace, whole

_CHUNK: Final = 1 << 20


def merge(sources: Iterable[str | Path], target: Path) -> RunFolder:
    """Return the run that the shards make together, in a new folder.

    Raises `BadRun` for runs that are not of one plan.
    """
    runs = [RunFolder(source) for source in sources]
    first = runs[0].manifest
    other = next((run for run in runs if run.manifest.identity != first.identity), None)
    if other is not None:
        raise BadRun(
            f"{str(other.path)!r} is not of the same run as {str(runs[0].path)!r}: tasks, candidates, seed or rule "
            "differ. Merge the shards of one run."
        )
    shards = {run.manifest.shard for run in runs}
    if len(shards) < len(runs):
        raise BadRun("Two of these runs are the same shard. Name each shard once.")
    target.mkdir(parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise BadRun(f"The folder {str(target)!r} is not empty. Choose another one for the merged run.")
    return joined(runs, target)


def joined(runs: Sequence[RunFolder], target: Path, *, decisions: Sequence[Path] = ()) -> RunFolder:
    """Write the shards of one run as one, over what a run of theirs has left there; nothing is half written.

    decisions: more logs of interim looks, of whoever watched all shards.
    """
    for name in (CALLS, ATTEMPTS, DECISIONS, SESSIONS):
        partial = target / f".{name}.merging"
        with partial.open("wb") as out:
            for path in (*(run.path / name for run in runs), *(decisions if name == DECISIONS else ())):
                _concatenate(path, out)
            out.flush()
            os.fsync(out.fileno())
        partial.replace(target / name)
    for run in runs:
        for blob in (run.path / BLOBS).glob("??/*"):
            if not blob.name.startswith("."):
                put(target, blob.read_bytes())
    whole = runs[0].manifest.model_copy(update={"shard": Shard()})
    replace(target / MANIFEST, whole.model_dump_json(indent=1, exclude_none=True).encode())
    return RunFolder(target)


def _concatenate(path: Path, out: BinaryIO) -> None:
    if not path.exists():
        return
    with path.open("rb") as file:
        left = whole(file.fileno())
        while left > 0 and (piece := file.read(min(left, _CHUNK))):
            out.write(piece)
            left -= len(piece)
