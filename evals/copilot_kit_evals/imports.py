"""Items from what others wrote: promptfoo configurations and CSV, LangSmith exports, tickets that people have answered.

Each reader returns the items, and in words what it could not carry over. The formats are those that promptfoo.dev
(configuration reference, test cases) and docs.langchain.com (example data format) documented in November 2026.
"""

import csv
import io
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeAlias

from copilot_kit.display import visible
from copilot_kit.errors import MissingExtra, UsageError
from copilot_kit_evals.items import BadDataset, Dataset, Item, item_of

_VARIABLE: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_TARGETS: Final = ("equals", "contains", "icontains", "contains-any", "icontains-any", "starts-with", "regex",
                   "similar", "is-json", "factuality")  # fmt: skip
_PREFIX: Final = "__"
_USUAL: Final[Mapping[str, tuple[str, ...]]] = {
    "input": ("input", "question", "ticket", "message", "request", "body", "text", "prompt", "query"),
    "target": ("answer", "target", "reply", "response", "output", "resolution", "expected", "completion"),
    "cluster": ("cluster", "customer", "customer_id", "thread", "thread_id", "conversation", "conversation_id"),
    "tags": ("tags", "tag", "category", "queue", "topic", "label"),
    "id": ("id", "item", "ticket_id", "key", "example_id"),
}
"""By field: how files usually call it."""


@dataclass(slots=True)
class Imported:
    """What was read, and what it lacks."""

    items: list[Item] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What could not be carried over, a line each."""
    _ids: set[str] = field(default_factory=set)

    def add(self, value: dict[str, Any], where: str) -> None:
        """Take in an item; one that asks what another one asks is left out, and noted."""
        if value["id"] in self._ids:
            self.note(f"{where} is the same as an earlier one; it was left out.")
            return
        self._ids.add(value["id"])
        self.items.append(item_of(value, where))

    def note(self, text: str) -> None:
        """Say something once."""
        if text not in self.notes:
            self.notes.append(text)


Columns: TypeAlias = Mapping[str, str]
"""Field of an item -> how the file calls it."""
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
    text = _text(path)
    if suffix in (".json", ".jsonl", ".ndjson"):
        first: Any = next(_records(path, text), ({}, ""))[0]
        if isinstance(first, dict) and "inputs" in first:
            return "langsmith"
        if isinstance(first, dict) and ("tests" in first or "vars" in first):
            return "promptfoo"
        return "jsonl" if isinstance(first, dict) and {"id", "input"} <= first.keys() else "tickets"
    header = text.split("\n", 1)[0]
    if "__expected" in header:
        return "promptfoo"
    return "csv" if "input" in [name.strip().strip('"') for name in header.split(",")] else "tickets"


def promptfoo(path: Path, columns: Columns) -> Imported:
    """Return the tests of a promptfoo configuration (YAML, JSON) or of its CSV, an item for each set of variables.

    With one prompt in the file, an input is that prompt with the variables in it; otherwise it is the one variable, or
    an object for a task's template. What an `equals`, `contains` or similar expects becomes the target; all assertions
    are kept in `meta.assert`.
    """
    del columns
    found = Imported()
    if path.suffix.lower() not in (".yaml", ".yml", ".json", ".jsonl"):
        for number, row in _csv_rows(path):
            _add_test(found, _csv_test(row), prompt=None, where=f"{visible(path.name)}, line {number}")
        return found
    config = _config(path)
    prompts = config.get("prompts", []) if isinstance(config, dict) else []
    inline = [one for one in _listed(prompts) if isinstance(one, str) and "{{" in one and not one.startswith("file://")]
    prompt = inline[0] if len(inline) == 1 == len(_listed(prompts)) else None
    if prompt is None and prompts:
        found.note("The file has several prompts, or prompts in other files: give them to eval run as --vary prompt=…")
    default = config.get("defaultTest", {}) if isinstance(config, dict) else {}
    tests = _listed(config.get("tests", []) if isinstance(config, dict) else config)
    for number, test in enumerate(tests, 1):
        where = f"{visible(path.name)}, test {number}"
        if isinstance(test, str):
            _refer(path, test, found)
            continue
        if not isinstance(test, dict):
            raise BadDataset(f"{where}: {str(test)[:60]!r} is no test. Write an object with vars and assert.")
        _add_test(found, _with_default(default if isinstance(default, dict) else {}, test), prompt=prompt, where=where)
    return found


def _refer(path: Path, test: str, found: Imported) -> None:
    """Take in the tests of another file, where it is one that holds them."""
    name = test.removeprefix("file://")
    elsewhere = name.startswith(("http", "huggingface")) or name.endswith((".js", ".ts", ".py", ".mjs"))
    if "*" in name or elsewhere or (path.parent / name).resolve() == path.resolve():
        found.note(f"{test}: tests made by programs or kept elsewhere are not read. Export them first.")
        return
    other = promptfoo(path.parent / name, {})
    for one in other.items:
        found.add(one.model_dump(mode="json"), name)
    for note in other.notes:
        found.note(note)


def _with_default(default: Mapping[str, Any], test: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **default,
        **test,
        "vars": {**_mapping(default.get("vars")), **_mapping(test.get("vars"))},
        "assert": [*_listed(default.get("assert", [])), *_listed(test.get("assert", []))],
        "metadata": {**_mapping(default.get("metadata")), **_mapping(test.get("metadata"))},
    }


def _csv_test(row: Mapping[str, str]) -> dict[str, Any]:
    expected = [cell for name, cell in row.items() if re.fullmatch(r"__expected\d*", name) and cell.strip()]
    return {
        "vars": {name: cell for name, cell in row.items() if not name.startswith(_PREFIX)},
        "assert": [_short(cell) for cell in expected],
        "description": row.get("__description") or None,
        "metadata": {name.removeprefix("__metadata:"): cell for name, cell in row.items()
                     if name.startswith("__metadata:") and cell},
    }  # fmt: skip


def _short(text: str) -> dict[str, Any]:
    """Return the assertion of `kind:value`; without a kind it is `equals`."""
    kind, mark, value = text.partition(":")
    if mark and re.fullmatch(r"[a-z][a-z-]*(\(\S+\))?", kind.strip()):
        return {"type": kind.strip(), "value": value.strip()}
    return {"type": "is-json"} if text.strip() == "is-json" else {"type": "equals", "value": text}


def _add_test(found: Imported, test: Mapping[str, Any], *, prompt: str | None, where: str) -> None:
    asserted = [one for one in _listed(test.get("assert", [])) if isinstance(one, dict)]
    target = next((one.get("value") for kind in _TARGETS for one in asserted if one.get("type") == kind
                   and one.get("value") is not None), None)  # fmt: skip
    for kind in sorted({str(one.get("type")) for one in asserted} - set(_TARGETS)):
        found.note(f"Assertions of the type {kind!r} are kept in meta.assert; score them with a scorer of your own.")
    meta = {key: value for key, value in (("assert", asserted), ("description", test.get("description"))) if value}
    meta |= _mapping(test.get("metadata"))
    for variables in _combinations(_mapping(test.get("vars"))):
        asked = _asked(variables, prompt)
        found.add({"id": _id_of(asked, target), "input": asked, "target": target, "meta": meta}, where)


def _combinations(variables: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each choice of values: a list stands for each of its own in turn."""
    names = list(variables)
    for values in itertools.product(*(one if isinstance(one, list) else [one] for one in variables.values())):
        yield dict(zip(names, values, strict=True))


def _asked(variables: Mapping[str, Any], prompt: str | None) -> Any:
    if prompt is not None:
        return _VARIABLE.sub(lambda found: _words(variables.get(found[1], found[0])), prompt)
    return _words(next(iter(variables.values()))) if len(variables) == 1 else dict(variables)


def langsmith(path: Path, columns: Columns) -> Imported:
    """Return the examples of a LangSmith export: JSON lines, a JSON list, or an object with `examples`.

    An example's one input is the item's, several are an object; a list of messages is a conversation. The one output
    is the target, several are an object. Splits become tags, and metadata becomes meta.
    """
    del columns
    found = Imported()
    for value, where in _records(path, _text(path)):
        if not isinstance(value, dict) or not isinstance(value.get("inputs"), dict):
            raise BadDataset(f"{where}: there are no 'inputs'. Export the dataset's examples, with inputs and outputs.")
        if value.get("attachments") or value.get("attachment_urls"):
            found.note("Attachments are not carried over.")
        metadata = _mapping(value.get("metadata"))
        splits = _listed(value.get("split") or metadata.get("dataset_split") or [])
        inputs = value["inputs"]
        asked = _turns(inputs.get("messages")) or (_input(inputs) if len(inputs) == 1 else dict(inputs))
        outputs = _mapping(value.get("outputs"))
        target = _single(outputs) if len(outputs) == 1 else (outputs or None)
        item = {"id": str(value.get("id") or _id_of(asked, target)), "input": asked, "target": target,
                "tags": [str(one) for one in splits], "meta": metadata}  # fmt: skip
        found.add(item, where)
    return found


def _turns(messages: Any) -> list[dict[str, str]] | None:
    """Return messages as turns, in the shapes of the chat APIs and of LangChain; None where they are not in words."""
    roles = {"human": "user", "ai": "assistant", "user": "user", "assistant": "assistant", "system": "system"}
    turns = []
    for one in messages if isinstance(messages, list) else []:
        inner = _mapping(one.get("data")) or one if isinstance(one, dict) else {}
        role = roles.get(str(one.get("role") or one.get("type"))) if isinstance(one, dict) else None
        if role is None or not isinstance(inner.get("content"), str):
            return None
        turns.append({"role": role, "text": inner["content"]})
    return turns or None


def _input(values: Mapping[str, Any]) -> Any:
    value = _single(values)
    return _words(value) if isinstance(value, int | float) or value is None else value


def _single(values: Mapping[str, Any]) -> Any:
    value = next(iter(values.values()))
    return _turns(value) or value


def tickets(path: Path, columns: Columns) -> Imported:
    """Return past requests with what people answered: CSV or JSON lines with columns for both.

    Columns are known by their usual names (question, message, body; answer, reply, resolution; customer, thread;
    category), or by `columns`. Requests without an answer are left out and counted; one customer's are a cluster.
    """
    found, unanswered = Imported(), 0
    rows = list(_csv_rows(path)) if path.suffix.lower() in (".csv", ".tsv", ".txt") else [
        (where, value) for value, where in _records(path, _text(path))]  # fmt: skip
    names = _columns(rows, columns, path)
    for place, row in rows:
        where = place if isinstance(place, str) else f"{visible(path.name)}, line {place}"
        asked, target = _cell(row, names["input"]), _cell(row, names["target"])
        if not asked or not target:
            unanswered += 1
            continue
        tags = [one.strip() for one in re.split(r"[;,]", _cell(row, names.get("tags")) or "") if one.strip()]
        value = {"id": _cell(row, names.get("id")) or _id_of(asked, target), "input": asked, "target": target,
                 "tags": tags}  # fmt: skip
        if cluster := _cell(row, names.get("cluster")):
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
}


def _config(path: Path) -> Any:
    text = _text(path)
    try:
        if path.suffix.lower() == ".jsonl":
            return [value for value, _ in _records(path, text)]
        if path.suffix.lower() == ".json":
            return json.loads(text)
        try:
            import yaml  # type: ignore[import-untyped]
        except ModuleNotFoundError as error:
            raise MissingExtra("Reading YAML", "evals") from error
        try:
            return yaml.load(text, _plain(yaml))  # noqa: S506  a safe loader
        except yaml.YAMLError as error:
            raise BadDataset(f"{visible(path.name)} is no YAML: {' '.join(str(error).split())}. Correct it.") from error
    except ValueError as error:
        raise BadDataset(f"{visible(path.name)} is no JSON: {error}. Correct it.") from error


def _plain(yaml: Any) -> Any:
    """Return YAML's safe loader, for which `Yes` and `off` are words, as they are for promptfoo (YAML 1.2)."""
    resolvers = {
        first: [(tag, pattern) for tag, pattern in pairs if first in "tTfF" or not tag.endswith(":bool")]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return type("Loader", (yaml.SafeLoader,), {"yaml_implicit_resolvers": resolvers})


def _records(path: Path, text: str) -> Iterator[tuple[Any, str]]:
    """Yield the values of JSON lines, of a JSON list, or of the examples of an object, each with where it stands."""
    if path.suffix.lower() == ".json":
        try:
            value = json.loads(text)
        except ValueError as error:
            raise BadDataset(f"{visible(path.name)} is no JSON: {error}. Correct it.") from error
        if isinstance(value, dict) and isinstance(value.get("examples"), list):
            value = value["examples"]
        values = value if isinstance(value, list) else [value]
        yield from ((one, f"{visible(path.name)}, entry {number}") for number, one in enumerate(values, 1))
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield json.loads(line), f"{visible(path.name)}, line {number}"
            except ValueError as error:
                raise BadDataset(
                    f"{visible(path.name)}, line {number}: this is no JSON ({error}). Write one object a line."
                ) from error


def _csv_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    text = _text(path)
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        begun = reader.line_num + 1
        for cells in reader:
            if len(cells) not in (0, len(header)):
                raise BadDataset(
                    f"{visible(path.name)}, line {begun}: {len(cells)} cells where the header has {len(header)}. "
                    "Correct the line; a cell with a comma needs quotes around it."
                )
            if cells:
                yield begun, dict(zip(header, cells, strict=True))
            begun = reader.line_num + 1
    except csv.Error as error:
        raise BadDataset(f"{visible(path.name)}, line {reader.line_num}: {error}. Correct the quotes.") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError(f"There is no file {str(path)!r}. Check the path.") from error
    except UnicodeDecodeError as error:
        raise BadDataset(f"{visible(path.name)} is no UTF-8 text ({error.reason}). Save it as UTF-8.") from error
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error.strerror}. Name a file that can.") from error


def _cell(row: Mapping[str, Any], name: str | None) -> str:
    value = None if name is None else row.get(name)
    return "" if value is None else _words(value).strip()


def _words(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _id_of(asked: Any, target: Any) -> str:
    """Return an id made of the content, so that importing a longer file again keeps those that were there."""
    return sha256(json.dumps([asked, target], sort_keys=True).encode()).hexdigest()[:12]


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


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
