"""Files that others wrote, read to the place where something is wrong, and the items made of them."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

from copilot_kit.display import visible
from copilot_kit.errors import UsageError
from copilot_kit_evals.items import BadDataset, Item, item_of

Columns: TypeAlias = Mapping[str, str]
"""Field of an item -> how the file calls it."""


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


def records(path: Path, text: str) -> Iterator[tuple[Any, str]]:
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


def csv_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV file under its header, each with the line that it begins on."""
    text = text_of(path)
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


def text_of(path: Path) -> str:
    """Return the text of a file."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError(f"There is no file {str(path)!r}. Check the path.") from error
    except UnicodeDecodeError as error:
        raise BadDataset(f"{visible(path.name)} is no UTF-8 text ({error.reason}). Save it as UTF-8.") from error
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error.strerror}. Name a file that can.") from error


def cell(row: Mapping[str, Any], name: str | None) -> str:
    """Return a value of a row in words; empty where it has none."""
    value = None if name is None else row.get(name)
    return "" if value is None else words(value).strip()


def words(value: Any) -> str:
    """Return text as it is, and all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def id_of(asked: Any, target: Any) -> str:
    """Return an id made of the content, so that importing a longer file again keeps those that were there."""
    return sha256(json.dumps([asked, target], sort_keys=True).encode()).hexdigest()[:12]


def listed(value: Any) -> list[Any]:
    """Return a list as it is, nothing as an empty one, and one thing as a list of it."""
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]


def mapping(value: Any) -> dict[str, Any]:
    """Return an object as it is, and all else as an empty one."""
    return value if isinstance(value, dict) else {}
