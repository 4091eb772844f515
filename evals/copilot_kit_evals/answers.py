"""What a run holds, found quickly while it grows: where each attempt and each answer lies in its file.

Files are read once, then only what was added. Nothing but whole regular files of the folder itself is opened: a run
may come from anywhere, and its links lead anywhere.
"""

import json
import os
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from re import fullmatch
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from copilot_kit.messages import Message
from copilot_kit_evals.attempts import MISSING, Attempt, Key, Outcome
from copilot_kit_evals.folder import ATTEMPTS, BLOBS, CALLS, DECISIONS, MANIFEST, SESSIONS, BadRun, Call, RunFolder
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.manifest import TaskEntry
from copilot_kit_evals.scores import digest_of
from copilot_kit_evals.transcripts import messages_of

R = TypeVar("R", bound=BaseModel)
_CHUNK: Final = 1 << 22
_LONGEST_LINE: Final = 64 << 20
NO_ANSWER: Final = ""


@dataclass(frozen=True, slots=True)
class Row:
    """An attempt in a list."""

    key: Key
    outcome: Outcome
    score: float | None
    """Of the task's first scorer."""
    cost_usd: float | None
    took_s: float
    calls: int
    has_transcript: bool
    place: tuple[int, int]
    """Where its line lies."""


@dataclass(frozen=True, slots=True)
class _Said:
    """An answer of a model: where its line lies, and the digest of its words."""

    place: tuple[int, int]
    words: str


@dataclass(slots=True)
class _Log:
    """A file of lines that is followed."""

    path: Path
    end: int = 0
    lines: int = 0

    @property
    def has_more(self) -> bool:
        """Whether the file has grown."""
        return is_plain(self.path) and self.path.lstat().st_size > self.end

    def added(self) -> Iterator[tuple[bytes, int]]:
        """Yield each whole line that was added, and where it begins."""
        if not is_plain(self.path):
            return
        with self.path.open("rb") as file:
            file.seek(self.end)
            for line in iter(lambda: file.readline(_LONGEST_LINE), b""):
                if not line.endswith(b"\n"):
                    return
                begins, self.end, self.lines = self.end, self.end + len(line), self.lines + 1
                yield line, begins

    def at(self, place: tuple[int, int]) -> bytes:
        with self.path.open("rb") as file:
            file.seek(place[0])
            return file.read(place[1])

    def read(self, line: bytes, kind: type[R]) -> R:
        try:
            return kind.model_validate_json(line)
        except ValidationError as error:
            raise BadRun(
                f"{str(self.path)!r}, line {self.lines}: this is no {kind.__name__.lower()} that this version reads "
                f"({error.errors()[0]['msg']}). Remove it, or read the run with the version that wrote it."
            ) from error


@dataclass(slots=True)
class Answers:
    """The attempts and answers of one run."""

    run: RunFolder
    rows: dict[str, Row] = field(default_factory=dict)
    """By the digest of the key, each its last line."""
    _attempts: _Log = field(init=False)
    _calls: _Log = field(init=False)
    _said: dict[str, dict[int, _Said]] = field(default_factory=dict)
    _items: dict[str, tuple[Dataset, dict[str, int]]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self._attempts, self._calls = _Log(self.run.path / ATTEMPTS), _Log(self.run.path / CALLS)

    def refresh(self) -> dict[str, Row]:
        """Take in the attempts that have ended since, and return all."""
        with self._lock:
            self._take_in()
            return dict(self.rows)

    def _take_in(self) -> None:
        primary = {task.name: task.primary for task in self.run.manifest.tasks}
        for line, begins in self._attempts.added():
            attempt = self._attempts.read(line, Attempt)
            if attempt.task not in primary:
                raise BadRun(
                    f"{str(self._attempts.path)!r} has an attempt of a task {attempt.task!r}, which the run does not "
                    "have. Take the folder from where it was made."
                )
            self.rows[attempt.key.digest] = _row(attempt, primary[attempt.task], (begins, len(line)))

    def attempt(self, digest: str) -> Attempt | None:
        """Return an attempt by the digest of its key."""
        with self._lock:
            self._take_in()
            row = self.rows.get(digest)
        return None if row is None else Attempt.model_validate_json(self._attempts.at(row.place))

    def calls(self, digest: str) -> tuple[Call, ...]:
        """Return the answers of an attempt that were used, in order."""
        known = self._calls_of(digest)
        return tuple(Call.model_validate_json(self._calls.at(known[n].place)) for n in sorted(known))

    def _calls_of(self, digest: str) -> dict[int, _Said]:
        """Return where the answers of an attempt lie that were used, by number."""
        row = self.rows.get(digest)
        count = 0 if row is None else row.calls
        with self._lock:
            if self._calls.has_more:
                for line, begins in self._calls.added():
                    call = self._calls.read(line, Call)
                    said = _Said((begins, len(line)), digest_of(told(call.response.message)))
                    self._said.setdefault(call.attempt, {})[call.n] = said
            return {n: said for n, said in self._said.get(digest, {}).items() if n < count}

    def messages(self, attempt: Attempt) -> tuple[Message, ...]:
        """Return what was said in an attempt."""
        if attempt.transcript is not None:
            check_blob(self.run, attempt.transcript)
        item = self.item(attempt.task, attempt.item)
        return messages_of(self.run, attempt, item, self.calls(attempt.key.digest))

    def answer(self, key: Key) -> Message | None:
        """Return the last message of the model in an attempt; None where there is none."""
        attempt = self.attempt(key.digest)
        if attempt is None:
            return None
        calls = self.calls(key.digest)
        if calls:
            return calls[-1].response.message
        said = [one for one in self.messages(attempt) if one.role == "assistant"] if attempt.transcript else []
        return said[-1] if said else None

    def words(self, key: Key) -> str:
        """Return the digest of the answer that people compare: its words and its tool calls."""
        calls = self._calls_of(key.digest)
        return calls[max(calls)].words if calls else digest_of(told(self.answer(key)))

    def has(self, key: Key) -> bool:
        """Tell whether an attempt ended in a way that says something of the candidate."""
        row = self.rows.get(key.digest)
        return row is not None and row.outcome not in MISSING

    def item(self, task: str, item: str) -> Item:
        """Return an item as it was asked; raises `BadRun` for one that the run does not have."""
        with self._lock:
            if task not in self._items:
                entry = self.run.manifest.task(task)
                check_blob(self.run, entry.blob)
                dataset = self.run.dataset(entry)
                self._items[task] = (dataset, {name: place for place, name in enumerate(dataset.ids)})
            dataset, places = self._items[task]
        if item not in places:
            raise BadRun(f"The run {str(self.run.path)!r} has no item {item!r}. Copy the folder as a whole.")
        return dataset[places[item]]

    def planned(self) -> int:
        """Return how many attempts the run makes in all."""
        return sum(self._planned(task) for task in self.run.manifest.tasks)

    def _planned(self, task: TaskEntry) -> int:
        candidates = len(self.run.manifest.candidates)
        if not task.variants and self.run.manifest.shard.of == 1:
            return task.items * task.repeats * candidates
        check_blob(self.run, task.blob)
        return sum(len(keys) for _, keys in self.run.expected(task))


def told(message: Message | None) -> str:
    """Return the words of an answer, and each call that it asks for on a line of its own."""
    if message is None:
        return NO_ANSWER
    return "\n".join([message.text.strip(), *(f"{call.name}({call.args_json})" for call in message.calls)]).strip()


def _row(attempt: Attempt, scorer: str, place: tuple[int, int]) -> Row:
    score, cost = attempt.scores.get(scorer), attempt.usage.cost_usd
    timings = attempt.timings
    return Row(
        key=attempt.key,
        outcome=attempt.outcome,
        score=None if score is None else score.value,
        cost_usd=None if cost is None else float(cost),
        took_s=timings.model_s + timings.tools_s,
        calls=attempt.calls,
        has_transcript=attempt.transcript is not None,
        place=place,
    )


def is_plain(path: Path) -> bool:
    """Tell whether there is a regular file; raises `BadRun` for a link, a pipe or a folder in its place."""
    return _is(path, stat.S_ISREG, "a file")


def check_blob(run: RunFolder, digest: str) -> None:
    """Raise `BadRun` unless the blob of this digest is a regular file in the folder itself."""
    if fullmatch(r"[0-9a-f]{64}", digest) is None:
        raise BadRun(f"The run {str(run.path)!r} names a blob {digest[:80]!r}, which is no digest. Do not trust it.")
    folder = run.path / BLOBS
    for part in (folder, folder / digest[:2]):
        _is(part, stat.S_ISDIR, "a folder")
    is_plain(folder / digest[:2] / digest[2:])


def opened(path: Path) -> RunFolder:
    """Return the run in a folder, whose files are all plain ones; raises `BadRun`."""
    _is(path, stat.S_ISDIR, "a folder")
    for name in (MANIFEST, ATTEMPTS, CALLS, DECISIONS, SESSIONS):
        is_plain(path / name)
    return RunFolder(path)


def _is(path: Path, kind: Callable[[int], bool], word: str) -> bool:
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as error:
        raise BadRun(f"{str(path)!r} cannot be read: {error}. Look at the folder's rights.") from error
    if not kind(mode):
        raise BadRun(f"{str(path)!r} is not {word} but leads elsewhere. Copy the run with what it links to.")
    return True


def json_of(path: Path, most: int = _CHUNK) -> Any:
    """Return what a small JSON file of a run says; None where there is none, or it is no JSON."""
    if not is_plain(path) or path.stat().st_size > most:
        return None
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return None
