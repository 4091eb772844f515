"""Logs of Inspect (`.eval`), read through Inspect's own package: results as a long table, samples as items.

A log is of one task and one model, so that a comparison is made of a folder of logs. Scores are read as Inspect's own
accuracy reads them: C, P, I and N (no answer) are 1, 0.5, 0 and 0. What Inspect left unscored, spoiled by an error,
declared invalid or never got to is missing, and never 0.
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from copilot_kit.display import visible
from copilot_kit.errors import MissingExtra, UsageError
from copilot_kit_evals.foreign.files import Columns, Imported
from copilot_kit_evals.items import BadDataset
from copilot_kit_evals.tables import BadTable, Table

SUFFIX: Final = ".eval"
_OWN: Final = ("model", "task", "item", "repeat", "score", "outcome", "cost", "tokens_in", "tokens_out", "latency_s",
               "error")  # fmt: skip
_GRADES: Final = {"C": "1", "P": "0.5", "I": "0", "N": "0"}
_UNUSED: Final = frozenset({"messages", "output", "store", "events", "timelines", "events_data"})
_GRADER: Final = "grader"
_ROLES: Final = ("system", "user", "assistant")
_LONGEST: Final = 120


def table_of(path: Path) -> Table:
    """Return the attempts in a log, or in all logs of a folder: model, item, score, the epoch as repeat, cost.

    `score` is that of the first scorer, and each scorer has a column of its own name besides (`name.key` where it gave
    several values). Raises `BadTable` for what is no log, and for two logs of one task and model.
    """
    rows: list[dict[str, str]] = []
    found = list(_newest(_logs(path)))
    for log in found:
        rows += log.rows(many=len({one.task for one in found}) > 1)
    if not rows:
        raise BadTable(f"{visible(path.name)} holds no sample. Name a log of a run that has begun.")
    header = list(dict.fromkeys([*_OWN, *(name for row in rows for name in row)]))
    columns = {name: [row.get(name, "") for row in rows] for name in header}
    return Table(visible(path.name), columns, list(range(1, len(rows) + 1)))


def items_of(path: Path, columns: Columns) -> Imported:
    """Return the samples of a log as items; what they were answered is not looked at."""
    del columns
    found = Imported()
    log = _samples(path)
    seen: set[str] = set()
    for sample in log.samples or ():
        if str(sample.id) in seen:  # another epoch
            continue
        seen.add(str(sample.id))
        where = f"{visible(path.name)}, sample {visible(str(sample.id))}"
        asked = sample.input if isinstance(sample.input, str) else _turns(sample.input, found, where)
        if not asked:
            continue
        if sample.files or sample.sandbox or sample.setup:
            found.note("Files and sandboxes of samples are not carried over.")
        target = sample.target if isinstance(sample.target, str) else list(sample.target)
        value = {"id": str(sample.id), "input": asked, "target": target or None, "choices": sample.choices or [],
                 "meta": json.loads(json.dumps(sample.metadata, default=str))}  # fmt: skip
        found.add(value, where)
    missing = [one for one in log.eval.dataset.sample_ids or () if str(one) not in seen]
    if missing:
        found.note(f"{len(missing)} samples of the dataset are not in the log: it is of a part, or was interrupted.")
    return found


def _turns(messages: Iterable[Any], found: Imported, where: str) -> list[dict[str, str]] | None:
    turns = []
    for one in messages:
        if one.role not in _ROLES or getattr(one, "tool_calls", None):
            found.note(f"{where} holds calls of tools; such conversations were left out.")
            return None
        if isinstance(one.content, list) and any(part.type not in ("text", "reasoning") for part in one.content):
            found.note("Images and other files in conversations are not carried over.")
        turns.append({"role": one.role, "text": one.text})
    return turns


@dataclass(frozen=True, slots=True)
class _Log:
    """What the table needs of a log."""

    path: Path
    task: str
    task_id: str
    model: str
    created: str
    samples: list[Any] = field(repr=False)
    planned: list[tuple[str, int]] = field(repr=False)

    def rows(self, *, many: bool) -> Iterator[dict[str, str]]:
        """Yield a row a sample and epoch, then those that were planned and are not there."""
        left = dict.fromkeys(self.planned)
        for sample in self.samples:
            left.pop((str(sample.id), sample.epoch), None)
            yield self._row(str(sample.id), sample.epoch, many=many) | _measured(sample) | _scored(sample)
        for item, epoch in left:
            yield self._row(item, epoch, many=many) | {"outcome": "not_run"}

    def _row(self, item: str, epoch: int, *, many: bool) -> dict[str, str]:
        name = f"{self.task}/{item}" if many else item
        return {"model": self.model, "task": self.task, "item": name, "repeat": str(epoch)}


def _logs(path: Path) -> Iterator[_Log]:
    files = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
    if not files:
        raise UsageError(f"{str(path)!r} holds no file that ends in {SUFFIX}. Name a log, or a folder of logs.")
    for file in files:
        log, samples = _results(file)
        spec = log.eval
        epochs = range(1, (spec.config.epochs or 1) + 1)
        planned = [(str(one), epoch) for epoch in epochs for one in spec.dataset.sample_ids or ()]
        yield _Log(file, spec.task, spec.task_id, spec.model, str(spec.created), samples, planned)


def _newest(logs: Iterable[_Log]) -> Iterator[_Log]:
    """Yield the last log of each try of a task: Inspect writes a new one when it is tried again."""
    last: dict[tuple[str, str], _Log] = {}
    for log in sorted(logs, key=lambda log: (log.created, log.path.name)):
        before = last.get((log.task, log.model))
        if before is not None and before.task_id != log.task_id:
            raise BadTable(
                f"{visible(before.path.name)} and {visible(log.path.name)} are both of the task {log.task!r} on "
                f"{log.model!r}. Keep in the folder the one that counts."
            )
        last[log.task, log.model] = log
    yield from last.values()


def _scored(sample: Any) -> dict[str, str]:
    """Return the values by scorer, and the first one as the score; nothing of a sample that was declared invalid."""
    cells: dict[str, str] = {}
    if _is_invalid(sample):
        return cells
    for name, score in (sample.scores or {}).items():
        own = name if name not in _OWN else f"scorer {name}"
        if isinstance(score.value, dict):
            cells |= {f"{own}.{key}": _cell(one) for key, one in score.value.items()}
        else:
            cells[own] = _cell(score.value)
            cells.setdefault("score", cells[own])
    return cells


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int | float):
        return str(value) if math.isfinite(value) else ""  # not a number: Inspect's word for unscored
    if isinstance(value, str):
        return _GRADES.get(value, value)
    return "" if value is None else json.dumps(value, default=str)


def _measured(sample: Any) -> dict[str, str]:
    """Return what the sample took; of tokens and money all but what a grader used."""
    used: Sequence[Any] = list(sample.model_usage.values())
    graded = sample.role_usage.get(_GRADER)
    cells = {"outcome": _outcome(sample), "error": ""}
    if sample.error is not None:
        said = sample.error if isinstance(sample.error, str) else sample.error.message
        cells["error"] = " ".join(said.split())[:_LONGEST]
    if sample.working_time is not None:
        cells["latency_s"] = str(sample.working_time)
    if not used:
        return cells
    costs = [one.total_cost for one in used]
    minus = 0.0 if graded is None else graded.total_cost
    if None not in costs and minus is not None:
        cells["cost"] = f"{max(0.0, math.fsum(costs) - minus):.10g}"
    cells["tokens_in"] = str(sum(map(_read_tokens, used)) - (0 if graded is None else _read_tokens(graded)))
    cells["tokens_out"] = str(sum(one.output_tokens for one in used) - (0 if graded is None else graded.output_tokens))
    return cells


def _read_tokens(usage: Any) -> int:
    return int(usage.input_tokens + (usage.input_tokens_cache_read or 0) + (usage.input_tokens_cache_write or 0))


def _outcome(sample: Any) -> str:
    if _is_invalid(sample):
        return "invalid"
    if sample.error is not None:
        return "infra_error"
    return "ok" if sample.limit is None else "limit"


def _is_invalid(sample: Any) -> bool:
    return getattr(sample, "invalidation", None) is not None  # summaries do not have it


def _results(path: Path) -> tuple[Any, list[Any]]:
    """Return the head of the log and its samples: their summaries, which are read ten times as fast, where they do."""
    with _blamed(path, BadTable):
        from inspect_ai.log import read_eval_log, read_eval_log_sample_summaries

        name = str(path.absolute())
        head = read_eval_log(name, header_only=True, format="eval")
        if not head.invalidated:
            return head, list(read_eval_log_sample_summaries(name, format="eval"))
        unused = _UNUSED | {"attachments"}
        return head, list(read_eval_log(name, format="eval", exclude_fields=set(unused)).samples or ())


def _samples(path: Path) -> Any:
    """Return the log with what its samples ask."""
    with _blamed(path, BadDataset):
        from inspect_ai.log import read_eval_log

        kind = "json" if path.suffix.lower() == ".json" else "eval"
        return read_eval_log(str(path.absolute()), resolve_attachments=True, format=kind, exclude_fields=set(_UNUSED))


@contextmanager
def _blamed(path: Path, failing: type[BadTable] | type[BadDataset]) -> Iterator[None]:
    """Make one line of anything that is wrong with a log."""
    if not path.is_file():
        raise UsageError(f"There is no file {str(path)!r}. Check the path.")
    try:
        import inspect_ai.log  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtra("Reading a log of Inspect", "inspect") from error
    try:
        yield
    except Exception as error:  # its package says what is wrong with a file in many classes
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:_LONGEST]
        raise failing(
            f"{visible(path.name)} is no log that Inspect reads ({visible(reason)}). Take it whole from where it was "
            "written, with the version of inspect-ai that wrote it or a later one."
        ) from error
