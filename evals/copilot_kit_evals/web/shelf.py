"""A folder of runs, as a page lists them: nothing outside of it is ever opened, and what is no run is named."""

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from copilot_kit.errors import CopilotError, MissingExtra, UsageError
from copilot_kit_evals.answers import Answers, is_plain, json_of, opened
from copilot_kit_evals.folder import ATTEMPTS, CALLS, LOCK, MANIFEST, SUMMARY, BadRun, RunFolder
from copilot_kit_evals.people.judgments import JudgmentLog
from copilot_kit_evals.people.labelling import LABELS, Asked, Sample, asked_of, keys_of
from copilot_kit_evals.people.pairing import Draw, Pair, Showing, pairs_of, showings
from copilot_kit_evals.people.preferences import PREFERENCES, Preference
from copilot_kit_evals.scorers.human_labels import Label
from copilot_kit_evals.summary import ALL, FORMAT, summary
from copilot_kit_evals.verdict.verdicts import Verdict

_AT_WORK_S: Final = 60.0
"""A run without its last attempt that was written to this long ago at most is still going on."""
_PATIENCE: Final = 20
"""A summary that took a second to make serves so many seconds of a run that grows."""
_MOST_FOLDERS: Final = 2_000
_MOST_SHOWN: Final = 10_000
VERDICT: Final = "verdict.json"
REPORT: Final = "report.html"
_LOCKS: Final = Path("/proc/locks")


class NoSuchRun(UsageError):
    """A name that no run of the folder has."""


@dataclass(slots=True)
class Book:
    """One run that is open."""

    name: str
    run: RunFolder
    answers: Answers
    preferences: JudgmentLog[Preference]
    labels: JudgmentLog[Label]
    _shown_at: OrderedDict[tuple[str, str], float] = field(default_factory=OrderedDict)
    _summary: tuple[int, float, float, dict[str, Any]] | None = None
    _report: tuple[tuple[int, float], bytes] | None = None
    _pairs: dict[Draw, list[Pair]] = field(default_factory=dict)
    _showings: dict[tuple[Draw, str], tuple[int, list[Showing]]] = field(default_factory=dict)
    _asked: dict[tuple[Sample, str], tuple[int, list[Asked]]] = field(default_factory=dict)
    _planned: int | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def ended(self) -> int:
        """How many attempts have ended."""
        return sum(row.outcome != "cancelled" for row in self.answers.refresh().values())

    @property
    def planned(self) -> int:
        """How many it makes in all."""
        if self._planned is None:
            self._planned = self.answers.planned()
        return self._planned

    @property
    def size(self) -> int:
        """Bytes of its log: whatever is derived of the run is as old as this."""
        return sum(_size(self.run.path / name) for name in (ATTEMPTS, CALLS))

    @property
    def is_going_on(self) -> bool:
        """Tell whether attempts are missing and somebody holds the run, or was writing a moment ago."""
        if self.ended >= self.planned:
            return False
        written = max(_written(self.run.path / name) for name in (ATTEMPTS, CALLS, MANIFEST))
        return time.time() - written < _AT_WORK_S or _is_held(self.run.path / LOCK)

    def summary(self) -> dict[str, Any]:
        """Return the run's summary: the one beside the log if it is of this log, else one made of it now."""
        with self._lock:
            size, now = self.size, time.monotonic()
            if self._summary is not None:
                known, made, took, found = self._summary
                if size == known or now - made < took * _PATIENCE:
                    return found
            found = self._beside() or summary(self.run)
            self._summary = (size, time.monotonic(), time.monotonic() - now, found)
            return found

    def _beside(self) -> dict[str, Any] | None:
        file = self.run.path / SUMMARY
        if _written(file) < _written(self.run.path / ATTEMPTS):
            return None
        found = json_of(file)
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            return None
        same = found.get("identity") == self.run.manifest.identity and isinstance(found.get("tasks"), dict)
        return found if same else None

    def verdict(self) -> Verdict | None:
        """Return the verdict that was found on the run."""
        found = json_of(self.run.path / VERDICT)
        try:
            return None if found is None else Verdict.model_validate(found)
        except ValidationError:
            return None

    def report(self) -> bytes | None:
        """Return the run's report, made anew where the log has grown; the one beside it where none can be."""
        with self._lock:
            own = self.run.path / REPORT
            verdict = self.run.path / VERDICT
            now = (self.size, _written(verdict) if is_plain(verdict) else 0.0)
            if self._report is None or self._report[0] != now:
                try:
                    from copilot_kit_evals.report.page import report_html

                    self._report = (now, report_html(self.run).encode())
                except (ImportError, MissingExtra):
                    return own.read_bytes() if is_plain(own) else None
            return self._report[1]

    def showings(self, rater: str, draw: Draw) -> list[Showing]:
        """Return the pairs that a rater is shown, in order."""
        with self._lock:
            rows = len(self.answers.refresh())
            known = self._showings.get((draw, rater))
            if known is None or known[0] != rows:
                if draw not in self._pairs:
                    self._pairs[draw] = pairs_of(self.run, draw.checked(self.run))
                found = showings(self._pairs[draw], rater, draw, usable=self._is_usable)
                known = self._showings[draw, rater] = (rows, found)
            return known[1]

    def asked(self, rater: str, sample: Sample) -> list[Asked]:
        """Return the answers that a rater is asked about, in order."""
        with self._lock:
            rows = len(self.answers.refresh())
            known = self._asked.get((sample, rater))
            if known is None or known[0] != rows:
                keys = keys_of(self.run, sample.checked(self.run))
                known = self._asked[sample, rater] = (rows, asked_of(keys, rater, sample, usable=self.answers.has))
            return known[1]

    def shown(self, rater: str, showing: str, now: float) -> None:
        """Remember when a rater was shown something first."""
        self._shown_at.setdefault((rater, showing), now)
        if len(self._shown_at) > _MOST_SHOWN:
            self._shown_at.popitem(last=False)

    def took_s(self, rater: str, showing: str, now: float) -> float | None:
        """Return how long ago that was, and forget it; None where another process has shown it."""
        begun = self._shown_at.pop((rater, showing), None)
        return None if begun is None else round(max(0.0, now - begun), 3)

    def _is_usable(self, pair: Pair) -> bool:
        """Tell whether there are two answers, and not the same one twice: nobody needs to look at that."""
        first, second = pair.keys
        has = self.answers.has
        return has(first) and has(second) and self.answers.words(first) != self.answers.words(second)

    def called(self, task: str, item: str) -> str:
        """Return how exports call an item."""
        return item if len(self.run.manifest.tasks) == 1 else f"{task}/{item}"

    def cluster(self, task: str, item: str) -> str:
        """Return what an item hangs together with."""
        own = self.answers.item(task, item).cluster
        return self.called(task, item) if own is None else own


@dataclass(slots=True)
class Shelf:
    """A folder of runs, or one run alone."""

    folder: Path
    only: str | None = None
    """The one run of the folder that is shown."""
    _books: dict[str, Book] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def at(cls, path: Path) -> "Shelf":
        """Return the shelf of a folder of runs, or of one run; raises `UsageError` where there is no folder."""
        if not path.is_dir():
            raise UsageError(f"There is no folder {str(path)!r}. Name a folder of runs, or a run.")
        whole = path.resolve()
        return cls(whole.parent, whole.name) if (whole / MANIFEST).exists() else cls(whole)

    def books(self) -> tuple[list[Book], list[tuple[str, str]], list[str]]:
        """Return the runs, the newest first; each run that cannot be read with why; and folders that are no runs."""
        found: list[Book] = []
        broken: list[tuple[str, str]] = []
        foreign: list[str] = []
        for name in self._names():
            try:
                if not (self.folder / name / MANIFEST).exists() and not (self.folder / name).is_symlink():
                    foreign.append(name)
                else:
                    found.append(self.book(name))
            except (CopilotError, OSError) as error:
                broken.append((name, str(error)))
        return sorted(found, key=lambda book: -book.run.manifest.created.timestamp()), broken, foreign

    def book(self, name: str) -> Book:
        """Return the run of this name; raises `NoSuchRun` for a name that is not in the folder, `BadRun` for no run."""
        if name not in self._names():
            raise NoSuchRun(f"There is no run {name!r} here. Go back to the list.")
        path = self.folder / name
        with self._lock:
            known, run = self._books.get(name), opened(path)
            if known is None or known.run.manifest.run_id != run.manifest.run_id:
                logs = (JudgmentLog(path / PREFERENCES, Preference), JudgmentLog(path / LABELS, Label))
                known = self._books[name] = Book(name, run, Answers(run), *logs)
            return known

    def _names(self) -> list[str]:
        if self.only is not None:
            return [self.only]
        try:
            with os.scandir(self.folder) as entries:
                found = sorted(one.name for one in entries if one.is_dir() and not one.name.startswith("."))
        except OSError as error:
            raise BadRun(f"The folder cannot be read: {error.strerror}. Look at its rights.") from error
        return [name for name in found if name.isprintable()][:_MOST_FOLDERS]


def headline(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the first difference of a summary over all items, and of how many; None where there is none."""
    try:
        rows = [
            {**one, "task": task}
            for task, entry in found["tasks"].items()
            for one in entry["differences"]
            if one["slice"] == ALL and one.get("difference") is not None
        ]
        firsts = list({(one["task"], one["candidate"]): one for one in reversed(rows)}.values())[::-1]
        return {**firsts[0], "of": len(firsts)} if firsts else None
    except (KeyError, TypeError, AttributeError):
        return None


def _is_held(lock: Path) -> bool:
    """Tell whether a process here holds the run, without trying the lock: whoever begins just then would be refused."""
    try:
        inode = lock.lstat().st_ino
        held = _LOCKS.read_text().splitlines()
    except OSError:
        return False
    return any(f":{inode} " in line and "FLOCK" in line and "WRITE" in line for line in held)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _written(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0
