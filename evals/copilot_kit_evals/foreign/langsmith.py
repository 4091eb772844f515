"""Examples of LangSmith as items: its JSON and JSON lines, its CSV, and the conversations that it exports for training.

The forms are those that docs.langchain.com documented in November 2026 (example data format, dataset types, message
schema), with messages as the chat APIs write them and as LangChain does.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from copilot_kit.display import visible
from copilot_kit_evals.foreign.files import Columns, Imported, csv_rows, id_of, listed, mapping, records, text_of, words
from copilot_kit_evals.items import BadDataset

_ROLES: Final = {"human": "user", "ai": "assistant", "user": "user", "assistant": "assistant", "system": "system",
                 "developer": "system", "humanmessage": "user", "aimessage": "assistant",
                 "systemmessage": "system"}  # fmt: skip
_COLUMN: Final = re.compile(r"(inputs?|outputs?|reference_outputs?|metadata)(?:[._](.+))?")
_MESSAGES: Final = "messages"


def is_export(header: str) -> bool:
    """Tell whether the header of a CSV is that of an export: columns of inputs and of outputs."""
    names = [name.strip().strip('"') for name in header.split(",")]
    return "inputs" in names or (
        any(re.match(r"inputs?[._]", name) for name in names) and any(re.match(r"outputs?[._]", name) for name in names)
    )


def langsmith(path: Path, columns: Columns) -> Imported:
    """Return the examples of an export: JSON lines, a JSON list, an object with `examples`, or CSV.

    An example's one input is the item's, several are an object; a list of messages is a conversation. The one output
    is the target, several are an object. Splits become tags, and metadata becomes meta. Of a conversation alone, what
    the assistant said last is the target.
    """
    del columns
    found = Imported()
    for value, where in _examples(path):
        if isinstance(value, dict) and "inputs" not in value and isinstance(value.get(_MESSAGES), list):
            _add_conversation(value, found, where)
            continue
        if not isinstance(value, dict) or not isinstance(value.get("inputs"), dict):
            raise BadDataset(f"{where}: there are no 'inputs'. Export the dataset's examples, with inputs and outputs.")
        if value.get("attachments") or value.get("attachment_urls"):
            found.note("Attachments are not carried over.")
        metadata = dict(mapping(value.get("metadata")))
        splits = listed(value.get("split") or metadata.get("dataset_split") or [])
        asked = _asked(dict(value["inputs"]), metadata)
        target = _target(mapping(value.get("outputs") or value.get("reference_outputs")))
        found.add({"id": str(value.get("id") or id_of(asked, target)), "input": asked, "target": target,
                   "tags": [str(one) for one in splits], "meta": metadata}, where)  # fmt: skip
    return found


def _examples(path: Path) -> Iterator[tuple[Any, str]]:
    if path.suffix.lower() not in (".csv", ".tsv"):
        yield from records(path, text_of(path))
        return
    for line, row in csv_rows(path):
        yield _unfolded(row), f"{visible(path.name)}, line {line}"


def _unfolded(row: Mapping[str, str]) -> dict[str, Any]:
    """Return the example of a row: `inputs` holds JSON, or each input has a column such as `input_question`."""
    value: dict[str, Any] = {}
    for name, cell in row.items():
        known = _COLUMN.fullmatch(name)
        if known is None or not cell.strip():
            if name in ("id", "split") and cell.strip():
                value[name] = cell.strip()
            continue
        group = {"input": "inputs", "output": "outputs", "reference_output": "outputs",
                 "reference_outputs": "outputs"}.get(known[1], known[1])  # fmt: skip
        content = _json_or_text(cell)
        if known[2] is None:
            value[group] = content if isinstance(content, dict) else {known[1]: content}
        else:
            value.setdefault(group, {})[known[2]] = content
    return value


def _json_or_text(cell: str) -> Any:
    if cell.lstrip()[:1] not in ("{", "["):
        return cell
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):  # text that begins with a bracket
        return cell


def _add_conversation(value: Mapping[str, Any], found: Imported, where: str) -> None:
    turns = turns_of(value[_MESSAGES])
    if turns is None or len(turns) < 2 or turns[-1]["role"] != "assistant":  # noqa: PLR2004  a question, an answer
        found.note("Conversations with calls of tools, or that do not end in an answer, were left out.")
        return
    asked, target = turns[:-1], turns[-1]["text"]
    found.add({"id": id_of(asked, target), "input": asked, "target": target}, where)


def _asked(inputs: dict[str, Any], metadata: dict[str, Any]) -> Any:
    """Return what is asked; what stands beside messages goes into the metadata."""
    turns = turns_of(inputs.get(_MESSAGES))
    if turns is not None:
        rest = {name: one for name, one in inputs.items() if name != _MESSAGES}
        if rest:
            metadata["inputs"] = rest
        return turns
    if len(inputs) != 1:
        return inputs
    value = next(iter(inputs.values()))
    return turns_of(value) or (words(value) if isinstance(value, int | float) or value is None else
                               inputs if isinstance(value, list) else value)  # fmt: skip


def _target(outputs: dict[str, Any]) -> Any:
    """Return what is right: the words of a message, the one value, or all of them."""
    if len(outputs) != 1:
        return outputs or None
    value = next(iter(outputs.values()))
    turns = turns_of(value if isinstance(value, list) else [value])
    return turns[-1]["text"] if turns is not None and turns[-1]["role"] == "assistant" else value


def turns_of(messages: Any) -> list[dict[str, str]] | None:
    """Return messages as turns, in the shapes of the chat APIs and of LangChain; None where they are not in words."""
    if isinstance(messages, list) and len(messages) == 1 and isinstance(messages[0], list):
        messages = messages[0]  # LangChain keeps a batch of one
    turns = []
    for one in messages if isinstance(messages, list) else []:
        if not isinstance(one, dict):
            return None
        inner = mapping(one.get("data")) or mapping(one.get("kwargs")) or one
        named = one["id"][-1] if isinstance(one.get("id"), list) and one["id"] else one.get("role") or one.get("type")
        role, text = _ROLES.get(str(named).lower()), _words(inner.get("content"))
        if role is None or text is None or inner.get("tool_calls"):
            return None
        turns.append({"role": role, "text": text})
    return turns or None


def _words(content: Any) -> str | None:
    """Return the text of a message; None where some of it is none."""
    if isinstance(content, str):
        return content
    parts = [one.get("text") if isinstance(one, dict) and one.get("type") == "text" else one if isinstance(one, str)
             else None for one in listed(content)]  # fmt: skip
    return "".join(map(str, parts)) if parts and None not in parts else None
