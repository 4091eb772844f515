"""Items from what others wrote: promptfoo's tests, LangSmith exports, tickets that people have answered.

Each reader returns the items, and in words what it could not carry over.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from copilot_kit.display import visible
from copilot_kit.errors import UsageError
from copilot_kit_evals.foreign.files import Columns, Imported, cell, csv_rows, id_of, records, text_of
from copilot_kit_evals.foreign.inspect_logs import SUFFIX, items_of
from copilot_kit_evals.foreign.langsmith import is_export, langsmith
from copilot_kit_evals.foreign.promptfoo import promptfoo
from copilot_kit_evals.items import BadDataset, Dataset, Item

_USUAL: Final[Mapping[str, tuple[str, ...]]] = {
    "input": ("input", "question", "ticket", "message", "request", "body", "text", "prompt", "query"),
    "target": ("answer", "target", "reply", "response", "output", "resolution", "expected", "completion"),
    "cluster": ("cluster", "customer", "customer_id", "thread", "thread_id", "conversation", "conversation_id"),
    "tags": ("tags", "tag", "category", "queue", "topic", "label"),
    "id": ("id", "item", "ticket_id", "key", "example_id"),
}
"""By field: how files usually call it."""


Reader: TypeAlias = Callable[[Path, Columns], Imported]


def read(path: Path, *, kind: str | None = None, columns: Columns | None = None) -> Imported:
    """Return the items of a file; `kind` as in `READERS`, or else told by what is in it.

    Raises `BadDataset` that names the place, where something cannot be an item.
    """
    known = kind or kind_of(path)
    if known not in READERS:
        raise UsageError(f"{known!r} is no format that can be read. It may be {', '.join(READERS)}.")
    return READERS[known](path, columns or {})


def kind_of(path: Path) -> str:
    """Return which format a file seems to have."""
    suffix = path.suffix.lower()
    if suffix in (".yaml", ".yml"):
        return "promptfoo"
    if suffix == SUFFIX:
        return "inspect"
    text = text_of(path)
    if suffix in (".json", ".jsonl", ".ndjson"):
        first: Any = next(records(path, text), ({}, ""))[0]
        if isinstance(first, dict) and ("inputs" in first or isinstance(first.get("messages"), list)):
            return "langsmith"
        if isinstance(first, dict) and ("tests" in first or "vars" in first):
            return "promptfoo"
        return "jsonl" if isinstance(first, dict) and {"id", "input"} <= first.keys() else "tickets"
    header = text.split("\n", 1)[0]
    if "__expected" in header:
        return "promptfoo"
    if is_export(header):
        return "langsmith"
    return "csv" if "input" in [name.strip().strip('"') for name in header.split(",")] else "tickets"


def tickets(path: Path, columns: Columns) -> Imported:
    """Return past requests with what people answered: CSV or JSON lines with columns for both.

    Columns are known by their usual names (question, message, body; answer, reply, resolution; customer, thread;
    category), or by `columns`. Requests without an answer are left out and counted; one customer's are a cluster.
    """
    found, unanswered = Imported(), 0
    rows = list(csv_rows(path)) if path.suffix.lower() in (".csv", ".tsv", ".txt") else [
        (where, value) for value, where in records(path, text_of(path))]  # fmt: skip
    names = _columns(rows, columns, path)
    for place, row in rows:
        where = place if isinstance(place, str) else f"{visible(path.name)}, line {place}"
        asked, target = cell(row, names["input"]), cell(row, names["target"])
        if not asked or not target:
            unanswered += 1
            continue
        tags = [one.strip() for one in re.split(r"[;,]", cell(row, names.get("tags")) or "") if one.strip()]
        value = {"id": cell(row, names.get("id")) or id_of(asked, target), "input": asked, "target": target,
                 "tags": tags}  # fmt: skip
        if cluster := cell(row, names.get("cluster")):
            value["cluster"] = cluster
        found.add(value, where)
    if unanswered:
        found.note(f"{unanswered} requests without an answer were left out.")
    return found


def _columns(rows: Sequence[tuple[Any, Any]], columns: Columns, path: Path) -> dict[str, str]:
    have = list(rows[0][1]) if rows and isinstance(rows[0][1], dict) else []
    found = {}
    for name, usual in _USUAL.items():
        named = columns.get(name)
        if named is not None and named not in have:
            raise BadDataset(f"{visible(path.name)} has no column {named!r}; it has {', '.join(map(repr, have))}.")
        own = named or next((one for want in usual for one in have if one.strip().lower() == want), None)
        if own is not None:
            found[name] = own
        elif name in ("input", "target"):
            raise BadDataset(
                f"{visible(path.name)} has no column that is known as the {name}; its columns are "
                f"{', '.join(map(repr, have))}. Say which one it is: --column {name}=NAME"
            )
    return found


def dataset(path: Path, columns: Columns) -> Imported:
    """Return the items of a dataset of ours."""
    del columns
    return Imported(list(Dataset.read(path)))


READERS: Final[Mapping[str, Reader]] = {
    "jsonl": dataset,
    "csv": dataset,
    "promptfoo": promptfoo,
    "langsmith": langsmith,
    "tickets": tickets,
    "inspect": items_of,
}


def written(found: Imported, path: Path) -> int:
    """Write the items as a dataset and return how many there are; raises `BadDataset` where two have one id."""
    made = Dataset.of(_checked(found.items, path), name=path.stem)
    try:
        made.write(path)
    except OSError as error:
        raise UsageError(
            f"{str(path)!r} cannot be written: {error.strerror}. Name a file in a folder that is there."
        ) from error
    return len(made)


def _checked(items: Iterable[Item], path: Path) -> list[Item]:
    found = list(items)
    if not found:
        raise BadDataset(f"Nothing in it could become an item, so {str(path)!r} was not written. Name another file.")
    return found
