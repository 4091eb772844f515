"""The folder of a run: what was asked, what came, and what was decided. It is the interface to all that reads runs.

    RUN/
      run.json         `Manifest`: what the run is of, fixed before the first attempt; never changed
      attempts.jsonl   `Attempt` a line, appended as each ends; in the order they ended, which is not the seeded order
      calls.jsonl      `Call` a line: every answer that was paid for, appended before the attempt that it belongs to
      decisions.jsonl  `Decision` a line: each interim look, whether or not it ended the run
      sessions.jsonl   `Session` a line: when the run began, and when it went on
      blobs/ab/cdef…   content under its SHA-256: the items of each task, transcripts of agents
      summary.json     derived from the rest at any time; may be deleted
      lock             held by the one process that writes

How to read it:
- `order_of(seed, task, item)` of `manifest.py` gives the order in which the items were begun; sequential tests need
  that one, since quick attempts end first. All variants and repeats of an item, for all candidates, are begun together.
- Where a key has several attempts, the last line counts: only a missing one is ever made again.
- Keys that were planned and have no attempt are missing too. `expected` counts them.
- A last line without its end is no line: it was being written when the process died. Readers skip it, writers cut it.
- A call belongs to the attempt whose `Key.digest` it names; of two calls with one number the last counts, and those
  from `Attempt.calls` on belong to a try that was given up. Calls with a `scorer` are those of a judge, counted on
  their own. The items' ids and these digests are all that links the files, so that the runs of shards are merged by
  writing them one after the other.
- Files only grow. What is in a file when it is read stays true; a reader may follow a run while it goes on.

What a crash can cost: a line is handed to the operating system at once, so that whatever kills the process loses
nothing of what had ended; files are flushed to the disk together, several times a second, so that a power cut loses at
most that long.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Final, Literal, TypeVar

from pydantic import BaseModel, Field, JsonValue, ValidationError

from copilot_kit.errors import UsageError
from copilot_kit.messages import Record
from copilot_kit.response import Response
from copilot_kit_evals.attempts import Attempt, Key
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.manifest import Manifest, TaskEntry, order_of

R = TypeVar("R", bound=BaseModel)

MANIFEST, ATTEMPTS, CALLS, DECISIONS = "run.json", "attempts.jsonl", "calls.jsonl", "decisions.jsonl"
SESSIONS, SUMMARY, BLOBS, LOCK = "sessions.jsonl", "summary.json", "blobs", "lock"
_DIGEST: Final = re.compile("[0-9a-f]{64}")


class BadRun(UsageError):
    """A folder that is no run, or not the one that is needed."""

    exit_code = 3


class Asker(Record):
    """The judge that asked."""

    name: str
    """The scorer's."""
    model: int = Field(default=0, exclude_if=lambda value: value == 0)
    """Which one of the scorer's models, where it has several, in the order in which it asked them first."""


class Call(Record):
    """One answer that was paid for."""

    attempt: str
    """`Key.digest` of the attempt that asked."""
    n: int
    """Which call of it, from 0 on."""
    asked: str
    """Digest of the request: where the same attempt asks the same again, this is the answer."""
    response: Response
    took_s: float
    first_s: float | None = None
    scorer: Asker | None = None
    """None: the candidate's own call."""


class Decision(Record):
    """What an interim look found."""

    at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    items: int
    """Items, in the seeded order, that all candidates had finished."""
    verdict: Literal["continue", "stop"]
    found: dict[str, JsonValue] = {}
    """In the words of whoever looked."""


class Session(Record):
    """A begin of work: the first one, or after an interruption."""

    at: float
    """In seconds since 1970."""


def free_folder(runs: Path, name: str, now: datetime) -> Path:
    """Return a folder for a new run that is not there yet: `name-20261123-071500`, with -2 for the next one then."""
    first = runs / f"{name}-{now:%Y%m%d-%H%M%S}"
    others = (first.with_name(f"{first.name}-{n}") for n in count(2))
    return first if not first.exists() else next(one for one in others if not one.exists())


class RunFolder:
    """A run on disk, to read."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        file = self.path / MANIFEST
        try:
            text = file.read_bytes()
        except (OSError, ValueError) as error:  # ValueError: a name that no folder can have
            raise BadRun(f"{str(self.path)!r} is no run: it has no {MANIFEST}. Name the folder of a run.") from error
        try:
            self.manifest = Manifest.model_validate_json(text)
        except ValidationError as error:
            raise BadRun(
                f"{str(file)!r} is not a manifest that this version reads ({error.errors()[0]['msg']}). "
                "Read it with the version that wrote it."
            ) from error

    def attempts(self) -> Iterator[Attempt]:
        """Yield every line, in the order they ended; a key may come again."""
        return _lines(self.path / ATTEMPTS, Attempt)

    def settled(self) -> Iterator[Attempt]:
        """Yield the attempt that counts for each key: its last."""
        last = {attempt.key.digest: line for line, attempt in enumerate(self.attempts())}
        for line, attempt in enumerate(self.attempts()):
            if last.get(attempt.key.digest) == line:
                yield attempt

    def calls(self) -> Iterator[Call]:
        """Yield every answer that was paid for."""
        return _lines(self.path / CALLS, Call)

    def decisions(self) -> list[Decision]:
        """Return the interim looks."""
        return list(_lines(self.path / DECISIONS, Decision))

    def sessions(self) -> list[Session]:
        """Return when the run was begun and gone on with."""
        return list(_lines(self.path / SESSIONS, Session))

    def dataset(self, task: TaskEntry) -> Dataset:
        """Return the items of a task, as they were."""
        return Dataset(self.blob(task.blob).split(b"\n")[:-1], name=task.dataset)

    def blob(self, digest: str) -> bytes:
        """Return content by its digest; raises `BadRun` if it is not there, or is not what it was."""
        if _DIGEST.fullmatch(digest) is None:  # it names a file: what is none must not lead out of the folder
            raise BadRun(
                f"{digest[:80]!r} in {str(self.path)!r} is no SHA-256. Take the folder from where it was made."
            )
        try:
            content = (self.path / BLOBS / digest[:2] / digest[2:]).read_bytes()
        except OSError as error:
            raise BadRun(
                f"The run {str(self.path)!r} lacks the blob {digest!r}. Copy the folder as a whole."
            ) from error
        if sha256(content).hexdigest() != digest:
            raise BadRun(
                f"The blob {digest!r} of {str(self.path)!r} was changed. Take the folder from where it was made."
            )
        return content

    def expected(self, task: TaskEntry) -> Iterator[tuple[Item, list[Key]]]:
        """Yield each item of the task and shard with all of its keys, in the seeded order."""
        dataset, manifest = self.dataset(task), self.manifest
        names = [(order_of(manifest.seed, task.name, name), place) for place, name in enumerate(dataset.ids)
                 if manifest.shard.holds(task.name, name)]  # fmt: skip
        for _, place in sorted(names):
            item = dataset[place]
            variants = ("", *item.variants) if task.variants else ("",)
            yield item, [Key(task.name, item.id, variant, repeat, candidate.name) for variant in variants
                         for repeat in range(task.repeats) for candidate in manifest.candidates]  # fmt: skip


def _lines(path: Path, kind: type[R]) -> Iterator[R]:
    """Yield the records of whole lines; raises `BadRun` that names the line."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    return
                try:
                    yield kind.model_validate_json(line)
                except ValidationError as error:
                    raise BadRun(
                        f"{str(path)!r}, line {number}: this is no {kind.__name__.lower()} that this version reads "
                        f"({error.errors()[0]['msg']}). Remove it, or read the run with the version that wrote it."
                    ) from error
    except FileNotFoundError:
        return
