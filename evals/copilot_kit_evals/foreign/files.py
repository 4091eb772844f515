"""Files that others wrote, read to the place where something is wrong, and the items made of them."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeAlias

from copilot_kit.display import visible
from copilot_kit.errors import UsageError
from copilot_kit_evals.items import BadDataset, Item, item_of

_MOST_VALUES: Final = 1_000_000
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
        value = parsed(text, visible(path.name))
        if isinstance(value, dict) and isinstance(value.get("examples"), list):
            value = value["examples"]
        values = value if isinstance(value, list) else [value]
        yield from ((one, f"{visible(path.name)}, entry {number}") for number, one in enumerate(values, 1))
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            where = f"{visible(path.name)}, line {number}"
            yield parsed(line, where), where


def parsed(text: str, where: str) -> Any:
    """Return the value of a JSON text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadDataset(f"{where}: this is no JSON ({error}). Write JSON, in a .jsonl one object a line.") from error


def plain(value: Any, where: str) -> Any:
    """Return what a YAML file holds in JSON's own types: keys and dates as text, references written out.

    Raises `BadDataset` for what refers to itself, or comes to more than a million values.
    """
    left = [_MOST_VALUES]
    try:
        return _plain(value, left)
    except RecursionError as error:
        raise BadDataset(f"{where} holds a thing that refers to itself, or lies too deep. Write it out.") from error
    except OverflowError as error:
        raise BadDataset(f"{where} comes to more than {_MOST_VALUES:,} values. Keep the ones that count.") from error


def _plain(value: Any, left: list[int]) -> Any:
    left[0] -= 1
    if left[0] < 0:
        raise OverflowError
    match value:
        case dict():
            return {str(key): _plain(one, left) for key, one in value.items()}
        case list() | tuple() | set():
            return [_plain(one, left) for one in value]
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            return value.decode("utf-8", "replace")
        case _:
            return str(value)


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
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise UsageError(f"{visible(str(path))!r} cannot be read: {error}. Name a file that can.") from error


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
