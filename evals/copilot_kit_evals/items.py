"""What is asked of a model, and what would be right: items, and datasets of them that say exactly what they hold.

A dataset is a file of JSON lines, an object a line with the fields of `Item`, or CSV with such columns. What is wrong
with a line ends in one line of text that names it. The order is that of the file; ids are unique.
"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, TypeAlias, overload

from pydantic import Field, JsonValue, ValidationError

from copilot_kit.display import visible
from copilot_kit.errors import UsageError
from copilot_kit.messages import Message, Record, Text

_LISTS: Final = ("choices", "tags")
_JSON_COLUMNS: Final = ("variants", "files", "meta")
_META: Final = "meta."
_SHOWN: Final = 60
_PLACE: Final = re.compile(r"\{(\w+)\}")


class BadDataset(UsageError):
    """A file whose content is no dataset; the text says which line, what stands there and what would be right."""

    exit_code: ClassVar[int] = 3


def _is_empty(value: object) -> bool:
    return not value


def _is_none(value: object) -> bool:
    return value is None


def _is_one(value: object) -> bool:
    return value == 1


class Turn(Record):
    """What one side has said before the model is asked."""

    role: Literal["system", "user", "assistant"]
    text: str


Input: TypeAlias = str | tuple[Turn, ...] | dict[str, JsonValue]
"""A question, a conversation, or values for the template of a task."""


class Item(Record):
    """One case: what is asked and what would be right. All but `id` and `input` may be left out."""

    id: str = Field(min_length=1, max_length=200)
    """Unique in its dataset; results of different runs are paired by it."""
    input: Input
    target: JsonValue = Field(default=None, exclude_if=_is_none)
    """What would be right, in the form that the task's scorers read; a list may be several right answers."""
    choices: tuple[str, ...] = Field(default=(), exclude_if=_is_empty)
    """Options of a multiple choice, in the order of the file."""
    cluster: str | None = Field(default=None, exclude_if=_is_none)
    """Items with the same one hang together (one text, one repository, one customer) and are not independent."""
    tags: tuple[str, ...] = Field(default=(), exclude_if=_is_empty)
    """Slices that it belongs to; each is looked at apart."""
    weight: float = Field(default=1.0, gt=0, exclude_if=_is_one)
    """Its share in weighted means."""
    must_pass: bool = Field(default=False, exclude_if=_is_empty)
    """A candidate that fails it is not taken, whatever its mean is."""
    required_reliability: float | None = Field(default=None, gt=0, lt=1, exclude_if=_is_none)
    """How often it must succeed: 0.98, say."""
    human_minutes: float | None = Field(default=None, gt=0, exclude_if=_is_none)
    """How long a person who knows the work takes; for time horizons."""
    variants: dict[str, Input] = Field(default_factory=dict, exclude_if=_is_empty)
    """The same case in other words, by name; the input itself is the variant ''."""
    files: dict[str, str] = Field(default_factory=dict, exclude_if=_is_empty)
    """What lies in the folder that a task's tools work in: name there, path from the dataset's own folder."""
    meta: dict[str, JsonValue] = Field(default_factory=dict, exclude_if=_is_empty)
    """Whatever else scorers and reports may need; never sent to a model."""

    def asked(self, variant: str = "") -> Input:
        """Return the input, or the one of a variant."""
        return self.input if variant == "" else self.variants[variant]


def conversation(asked: Input, *, template: str | None = None, item_id: str = "item") -> tuple[Message, ...]:
    """Return the messages of an input; a template in braces takes `{input}`, or the members of an object.

    Message ids are made of the item's, so that the same item is always asked in the very same messages.
    Raises `UsageError` for an object without a template.
    """
    turns = asked if isinstance(asked, tuple) else (Turn(role="user", text=_filled(asked, template)),)
    return tuple(
        Message(id=f"msg_{item_id}_{place}", role=turn.role, parts=(Text(text=turn.text),))
        for place, turn in enumerate(turns)
    )


def _filled(asked: str | dict[str, JsonValue], template: str | None) -> str:
    if isinstance(asked, str):
        return asked if template is None else template.replace("{input}", asked)
    if template is None:
        raise UsageError(
            f"The input {visible(str(asked))[:_SHOWN]!r} is an object, and nothing says how it becomes words. "
            "Give the task a template, such as Ask(template='Translate {text} into {language}')."
        )
    words = {name: value if isinstance(value, str) else json.dumps(value) for name, value in asked.items()}
    return _PLACE.sub(lambda found: words.get(found[1], found[0]), template)


class Dataset(Sequence[Item]):
    """Items in a fixed order, with a fingerprint of their content; made by `Dataset.read` or `Dataset.of`.

    It holds the lines and parses an item each time it is asked for, so that 100,000 items take some megabytes.
    """

    def __init__(self, lines: Iterable[bytes], *, name: str, folder: Path | None = None) -> None:
        """Take canonical lines as they are; whoever has something else uses `of` or `read`."""
        self.name = name
        """For people; the file's name without its ending."""
        self.folder = folder
        """Where `files` of the items are looked for."""
        self._lines = tuple(lines)

    @classmethod
    def of(cls, items: Iterable[Item], *, name: str = "items", folder: Path | None = None) -> "Dataset":
        """Return a dataset of these items; raises `BadDataset` where two have one id."""
        return cls(_canonical((item, f"item {place}") for place, item in enumerate(items, 1)), name=name, folder=folder)

    @classmethod
    def read(cls, path: str | Path) -> "Dataset":
        """Return the dataset in a file of JSON lines (`.jsonl`, `.ndjson`) or CSV (all else)."""
        file = Path(path)
        is_json = file.suffix.lower() in (".jsonl", ".ndjson", ".json")
        text = _read(file)
        rows = _json_items(file, text) if is_json else _csv_items(file, text)
        found = cls(_canonical(rows), name=file.stem, folder=file.parent)
        if not found:
            raise BadDataset(f"{visible(file.name)} holds no items. Write one object a line, with an id and an input.")
        return found

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over every item and every file it names; two datasets with one fingerprint ask the same."""
        digest = self._digest()
        for item in (Item.model_validate_json(line) for line in self._lines if b'"files"' in line):
            for name in sorted(item.files):
                digest.update(f"{item.id}\0{name}\0".encode() + sha256(self.file(item, name).read_bytes()).digest())
        return digest.hexdigest()

    @property
    def content_digest(self) -> str:
        """SHA-256 of the lines alone: the name of the blob that a run keeps them in."""
        return self._digest().hexdigest()

    def _digest(self) -> "hashlib._Hash":
        digest = sha256()
        for line in self._lines:
            digest.update(line + b"\n")
        return digest

    @property
    def lines(self) -> tuple[bytes, ...]:
        """The items as canonical JSON lines: keys sorted, what is not set left out."""
        return self._lines

    @property
    def ids(self) -> Iterator[str]:
        """The ids of the items, in order."""
        return (json.loads(line)["id"] for line in self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> "Dataset": ...
    def __getitem__(self, index: int | slice) -> "Item | Dataset":
        if isinstance(index, slice):
            return Dataset(self._lines[index], name=self.name, folder=self.folder)
        return Item.model_validate_json(self._lines[index])

    def __iter__(self) -> Iterator[Item]:
        return map(Item.model_validate_json, self._lines)

    def file(self, item: Item, name: str) -> Path:
        """Return where a file of an item lies; raises `BadDataset` if it is not there, or not under the folder."""
        root = (self.folder or Path()).resolve()
        path = (root / item.files[name]).resolve()
        if not path.is_relative_to(root) or not path.is_file():
            raise BadDataset(
                f"Item {item.id!r} names the file {item.files[name]!r}, which is no file under {root.name!r}. "
                "Put it beside the dataset, or correct the name."
            )
        return path

    def write(self, path: Path) -> None:
        """Write the items as JSON lines."""
        path.write_bytes(b"".join(line + b"\n" for line in self._lines))


def _canonical(items: Iterable[tuple[Item, str]]) -> Iterator[bytes]:
    """Yield the lines; each item comes with the words for where it stands."""
    seen: dict[str, str] = {}
    for item, where in items:
        if item.id in seen:
            raise BadDataset(
                f"{where} has the id {visible(item.id)!r}, which {seen[item.id]} has already. "
                "Give each item an id of its own: results are paired by it."
            )
        seen[item.id] = where
        text = json.dumps(item.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        try:
            yield text.encode()
        except UnicodeEncodeError as error:
            raise BadDataset(
                f"{where}: {text[error.start]!r} is half of a character, which no file of text can hold. Take it out."
            ) from error


def _read(file: Path) -> str:
    try:
        content = file.read_bytes()
    except FileNotFoundError as error:
        raise UsageError(f"There is no file {str(file)!r}. Check the path.") from error
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise UsageError(f"{visible(str(file))!r} cannot be read: {error}. Name a file of items.") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadDataset(
            f"{visible(file.name)}, line {line}: byte {content[error.start]:#04x} is no UTF-8. Save the file as UTF-8."
        ) from error


def _json_items(file: Path, text: str) -> Iterator[tuple[Item, str]]:
    for number, line in enumerate(text.split("\n"), 1):  # not splitlines(): text may hold U+2028
        if not line.strip():
            continue
        where = f"{visible(file.name)}, line {number}"
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BadDataset(f"{where}: this is no JSON ({error}). Write one object a line.") from error
        yield item_of(value, where), where


@dataclass(frozen=True, slots=True)
class _Row:
    cells: Mapping[str, str]
    line: int


def _csv_items(file: Path, text: str) -> Iterator[tuple[Item, str]]:
    for row in _rows(file, text):
        where = f"{visible(file.name)}, line {row.line}"
        value: dict[str, Any] = {}
        meta: dict[str, Any] = {}
        for name, cell in row.cells.items():
            if cell == "":
                continue
            if name in _LISTS:
                value[name] = _cell_json(cell, where) if cell.startswith("[") else _split(cell)
            elif name in _JSON_COLUMNS or (name == "target" and cell[0] in "[{"):
                value[name] = _cell_json(cell, where)
            elif name.startswith(_META) or name not in Item.model_fields:
                meta[name.removeprefix(_META)] = cell
            else:
                value[name] = cell
        if meta:
            value["meta"] = {**value.get("meta", {}), **meta}
        yield item_of({"id": str(row.line), **value}, where), where


def _rows(file: Path, text: str) -> Iterator[_Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    begun = 1
    try:
        for cells in reader:
            if cells and header is None:
                header = [name.strip() for name in cells]
                if "input" not in header:
                    raise BadDataset(
                        f"{visible(file.name)} has no column 'input'; its columns are {', '.join(map(repr, header))}. "
                        "Rename one, or read the file with: copilot-kit eval import"
                    )
            elif cells and header is not None:
                if len(cells) != len(header):
                    raise BadDataset(
                        f"{visible(file.name)}, line {begun}: {len(cells)} cells where the header has {len(header)}. "
                        "Correct the line; a cell with a comma needs quotes around it."
                    )
                yield _Row(dict(zip(header, cells, strict=True)), begun)
            begun = reader.line_num + 1
    except csv.Error as error:
        raise BadDataset(f"{visible(file.name)}, line {begun}: {error}. Correct the quotes.") from error


def _split(cell: str) -> list[str]:
    return [one.strip() for one in cell.split(";") if one.strip()]


def _cell_json(cell: str, where: str) -> Any:
    try:
        return json.loads(cell)
    except ValueError as error:
        raise BadDataset(f"{where}: {cell[:_SHOWN]!r} is no JSON ({error}). Correct the cell.") from error


def item_of(value: object, where: str) -> Item:
    """Return the item that a JSON object describes; raises `BadDataset` with the place, the field and what is wrong."""
    if not isinstance(value, dict):
        raise BadDataset(f"{where}: {str(value)[:_SHOWN]!r} is no object. Write an object with an id and an input.")
    if isinstance(value.get("id"), int):
        value = {**value, "id": str(value["id"])}
    try:
        return Item.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"][:2])
        raise BadDataset(
            f"{where}: {field!r} is {str(first['input'])[:_SHOWN]!r}: {first['msg'].lower()}. "
            f"The fields of an item are {', '.join(Item.model_fields)}."
        ) from error
