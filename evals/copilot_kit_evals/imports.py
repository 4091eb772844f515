"""Items from what others wrote: promptfoo's tests, LangSmith exports, tickets that people have answered.

Each reader returns the items, and in words what it could not carry over. LangSmith's form is the one that
docs.langchain.com documented in November 2026 (example data format).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from copilot_kit.display import visible
from copilot_kit.errors import UsageError
from copilot_kit_evals.foreign import Columns, Imported, cell, csv_rows, id_of, listed, mapping, records, text_of, words
from copilot_kit_evals.inspect_logs import SUFFIX, items_of
from copilot_kit_evals.items import BadDataset, Dataset, Item
from copilot_kit_evals.promptfoo import promptfoo

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
        if isinstance(first, dict) and "inputs" in first:
            return "langsmith"
        if isinstance(first, dict) and ("tests" in first or "vars" in first):
            return "promptfoo"
        return "jsonl" if isinstance(first, dict) and {"id", "input"} <= first.keys() else "tickets"
    header = text.split("\n", 1)[0]
    if "__expected" in header:
        return "promptfoo"
    return "csv" if "input" in [name.strip().strip('"') for name in header.split(",")] else "tickets"


def langsmith(path: Path, columns: Columns) -> Imported:
    """Return the examples of a LangSmith export: JSON lines, a JSON list, or an object with `examples`.

    An example's one input is the item's, several are an object; a list of messages is a conversation. The one output
    is the target, several are an object. Splits become tags, and metadata becomes meta.
    """
    del columns
    found = Imported()
    for value, where in records(path, text_of(path)):
        if not isinstance(value, dict) or not isinstance(value.get("inputs"), dict):
            raise BadDataset(f"{where}: there are no 'inputs'. Export the dataset's examples, with inputs and outputs.")
        if value.get("attachments") or value.get("attachment_urls"):
            found.note("Attachments are not carried over.")
        metadata = mapping(value.get("metadata"))
        splits = listed(value.get("split") or metadata.get("dataset_split") or [])
        inputs = value["inputs"]
        asked = _turns(inputs.get("messages")) or (_input(inputs) if len(inputs) == 1 else dict(inputs))
        outputs = mapping(value.get("outputs"))
        target = _single(outputs) if len(outputs) == 1 else (outputs or None)
        item = {"id": str(value.get("id") or id_of(asked, target)), "input": asked, "target": target,
                "tags": [str(one) for one in splits], "meta": metadata}  # fmt: skip
        found.add(item, where)
    return found


def _turns(messages: Any) -> list[dict[str, str]] | None:
    """Return messages as turns, in the shapes of the chat APIs and of LangChain; None where they are not in words."""
    roles = {"human": "user", "ai": "assistant", "user": "user", "assistant": "assistant", "system": "system"}
    turns = []
    for one in messages if isinstance(messages, list) else []:
        inner = mapping(one.get("data")) or one if isinstance(one, dict) else {}
        role = roles.get(str(one.get("role") or one.get("type"))) if isinstance(one, dict) else None
        if role is None or not isinstance(inner.get("content"), str):
            return None
        turns.append({"role": role, "text": inner["content"]})
    return turns or None


def _input(values: Mapping[str, Any]) -> Any:
    value = _single(values)
    return words(value) if isinstance(value, int | float) or value is None else value


def _single(values: Mapping[str, Any]) -> Any:
    value = next(iter(values.values()))
    return _turns(value) or value


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
    made.write(path)
    return len(made)


def _checked(items: Iterable[Item], path: Path) -> list[Item]:
    found = list(items)
    if not found:
        raise BadDataset(f"Nothing in it could become an item, so {str(path)!r} was not written. Name another file.")
    return found
